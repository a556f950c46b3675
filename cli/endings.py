"""How a command is stopped before it is done."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_TERMINATED = 143
STOPPED = {130: "by hand", _TERMINATED: "by a signal"}
"""Exit statuses of commands that were stopped, as shells give them, to who stopped them."""


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Within the block, SIGTERM leaves it as Ctrl-C does, so that what it started is ended in order."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is on its way
        sys.exit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
