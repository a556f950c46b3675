"""Runs `assayer` commands, each in a process of its own that is forked from this one, which has only imported them.

Importing takes more than a second, and the tests run hundreds of commands. Reads one JSON object a line from standard
input and answers each, when its command has ended, with its exit status (negative: the signal that ended it).

A command may be told to send itself a `signal` just before its step number `die_at`, so that a test hits a moment for
certain, without waiting for it. A step is a file in `folder` opened for writing, renamed or removed, a folder made or
removed there, a statement that changes the database, or a commit. `count` is a file for how many steps there were.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.event import listen

from cli.main import COMMANDS, run
from cli.on_demand import OnDemandCommands
from jobs import import_listings, score_listings

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


def serve() -> None:
    dict(OnDemandCommands(COMMANDS))  # imports them all
    for line in sys.stdin:
        order = json.loads(line)
        process = os.fork()
        if process == 0:
            _become(order)
            return run()
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201
    return None


def _become(order: dict[str, Any]) -> None:
    """The process that a shell would have started in the foreground."""
    # a test run in the background is born deaf to Ctrl-C, and so would be what it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["cwd"])
    for number, path in enumerate((os.devnull, order["out"], order["err"])):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["assayer", *order["arguments"]]
    if "die_at" in order:
        # a dozen listings are to make several transactions
        import_listings.BATCH = score_listings.BATCH = 4
        _watch(order["die_at"], order["signal"], order["folder"], Path(order["count"]))


def _watch(last: int, end: int, folder: str, count: Path) -> None:
    numbers = itertools.count(1)
    reached = 0

    def step(*_: object) -> None:
        nonlocal reached
        reached = next(numbers)
        if reached == last:
            os.kill(os.getpid(), end)

    def statement(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if not text.startswith(("SELECT", "PRAGMA", "BEGIN")):
            step()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGES or (event == "open" and arguments[2] & _WRITES):
            path = arguments[0]
            if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(folder):
                step()

    sys.addaudithook(hook)
    listen(Engine, "before_cursor_execute", statement)
    listen(Engine, "commit", step)
    atexit.register(lambda: count.write_text(str(reached)))


if __name__ == "__main__":
    serve()
