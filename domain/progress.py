"""How long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called after each step of a stage; `total` is None when unknown."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` steps of `stage` are behind us."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Nobody listens."""
