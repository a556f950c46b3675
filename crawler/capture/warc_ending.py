"""How WARC files end: closed by who wrote them, or put right after a kill."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from crawler.capture.warc_members import whole_bytes
from store.folders import keep_names

OPEN = ".open"
"""Ends the name of a file that is being written."""


def close_left_open(folder: Path) -> tuple[Path, ...]:
    """Put right and close the files that killed processes left open; those that live processes write are left alone.

    Whole records stay. What follows them, half a record after a kill, is kept beside the file as ``….torn``.
    """
    closed: list[Path] = []
    for path in sorted(folder.glob(f"*{OPEN}")):
        # another process may have closed it or hold it
        with suppress(FileNotFoundError, BlockingIOError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                _cut(file, path)
                closed.append(finish(path))
    return tuple(closed)


def _cut(file: BinaryIO, path: Path) -> None:
    whole = whole_bytes(file)
    file.seek(whole)
    torn = file.read()
    if torn:
        path.with_name(f"{path.name.removesuffix(OPEN)}.torn").write_bytes(torn)
        file.truncate(whole)
    os.fsync(file.fileno())


def finish(path: Path) -> Path:
    """Give a file that is complete the name that captures know it by, and have the disk keep that."""
    final = path.with_name(path.name.removesuffix(OPEN))
    path.rename(final)
    keep_names(path.parent)
    return final
