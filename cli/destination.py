"""Where a command's files go: made ready before the work begins, so that an hour of scoring does not end in vain."""

from __future__ import annotations

import os
from pathlib import Path

from domain.errors import BadInput


def ready_file(path: Path) -> Path:
    """`path`, its folder made. Raises BadInput where no file can be written there."""
    if path.is_dir():
        raise BadInput("is a folder", file=str(path), advice="Give the name of a file.")
    ready_folder(path.parent)
    return path


def ready_folder(path: Path) -> Path:
    """`path`, made where it is missing. Raises BadInput where no folder can be made or written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise _refused(path, "no permission")
    return path


def _refused(path: Path, reason: str) -> BadInput:
    return BadInput(f"cannot be written to ({reason})", file=str(path), advice="Give a folder that you may write to.")
