"""`assayer`, ended by SIGKILL at a step of its choice: not by waiting, so that a test hits the same moment every time.

    python die_at_step.py STEP FOLDER COUNT ARGUMENTS...

A step is a file in FOLDER opened for writing, renamed or removed, a folder made or removed, a statement that changes
the database, or a commit.
The process dies before its step number STEP; with 0 it lives, and writes how many steps there were to the file COUNT.
"""

from __future__ import annotations

import atexit
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.event import listen

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


def _watch(last: int, folder: str, count: Path) -> None:
    numbers = itertools.count(1)
    reached = 0

    def step(*_: object) -> None:
        nonlocal reached
        reached = next(numbers)
        if reached == last:
            os.kill(os.getpid(), signal.SIGKILL)

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
    if not last:
        atexit.register(lambda: count.write_text(str(reached)))


if __name__ == "__main__":
    _watch(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    sys.argv = ["assayer", *sys.argv[4:]]
    from cli.main import run
    from jobs import import_listings, score_listings

    # a dozen listings make several transactions
    import_listings.BATCH = score_listings.BATCH = 4
    run()
