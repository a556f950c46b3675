"""What the crawl asks of a frontier. Every implementation faces tests/contract.

An entry is *waiting*, *taken* by one worker, *done*, *dead*, or *left*. What a page led to is added before the page is
marked done: a worker that dies in between leaves the page to be asked for again, and adding its links again changes
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crawler.sources.interface import Ask


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One request in the frontier."""

    key: str
    """Equal for requests that ask for the same thing."""
    ask: Ask
    host: str
    """Lower case, with its port."""
    attempts: int = 0
    """How often it has failed so far."""
    extra: bool = False
    """Whether it is no page, and added beyond the limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A request that was given up, to be looked at and replayed."""

    entry: Entry
    reason: str
    """One sentence for a person."""
    status: int | None
    """HTTP status of the last answer; None when there was none."""
    died_at: datetime
    """UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many entries there are of each kind."""

    waiting: int = 0
    taken: int = 0
    done: int = 0
    dead: int = 0
    left: int = 0
    """Given back because their site said stop."""
    extra: int = 0
    """How many of all these are no pages."""

    @property
    def planned(self) -> int:
        """All that was ever to be asked for."""
        return self.waiting + self.taken + self.done + self.dead + self.left

    @property
    def pages(self) -> int:
        """What is planned and counts toward a limit."""
        return self.planned - self.extra


class Frontier(Protocol):
    """The requests of one crawl. Not safe between threads; safe between workers, where it says so."""

    def add(self, entries: Sequence[Entry], *, most: int) -> int:
        """Add those whose key was never added, while fewer than `most` pages were planned in all; how many were added.

        What is `extra` is added whatever the limit, and not counted toward it: in the same step, so that neither a
        worker that dies nor one that adds at the same time changes the limit.
        """

    def known(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that were ever added."""

    def take(self, *, now: float, avoid: Collection[str] = ()) -> Entry | None:
        """The waiting entry that is due (`now` in seconds of the epoch) and first by priority, then by age.

        It is this worker's until it is finished, postponed or released; None when none is due. Entries of the hosts in
        `avoid` are passed over.
        """

    def finish(self, key: str) -> None:
        """Mark a taken entry done. What this worker does not hold (any more) is marked only where it waits."""

    def bury(self, key: str, *, reason: str, status: int | None) -> None:
        """Give a taken entry up, and keep it as a dead letter.

        What this worker does not hold (any more) stays as it is, here, in `postpone` and in `release`.
        """

    def postpone(self, key: str, *, until: float) -> None:
        """Put a taken entry back after a failure, not to be taken before `until`; counts an attempt."""

    def release(self, key: str) -> None:
        """Put a taken entry back as it was."""

    def leave(self, host: str) -> int:
        """Take all waiting entries of a host out, because it said stop; how many. They are counted as `left`."""

    def next_due(self, *, avoid: Collection[str] = ()) -> float | None:
        """When the first waiting entry is due, in seconds of the epoch, or long ago; None when none waits."""

    def counts(self) -> Counts:
        """As it stands now."""

    def dead_letters(self) -> Sequence[DeadLetter]:
        """All, oldest first."""

    def replay(self, keys: Collection[str]) -> int:
        """Put dead letters back among the waiting, their attempts forgotten; how many."""

    def fact(self, name: str) -> str | None:
        """What was last kept of the crawl itself under this name; None when nothing was."""

    def set_fact(self, name: str, value: str) -> None:
        """Keep something small about the crawl itself: when it began, what it found first."""

    def clear(self) -> None:
        """Forget everything: entries, dead letters and facts. For a crawl that begins anew.

        Raises StoreUnavailable while another worker is at work on it, and changes nothing then.
        """

    def flush(self) -> None:
        """What was said so far outlives this process from now on."""

    def close(self) -> None:
        """`flush`, and let go. What this worker had taken waits again."""
