"""What a crawl did, with nothing left out in silence."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from store.interfaces import SaveCount


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlFailure:
    """One URL that did not give what it was asked for."""

    url: str
    what: str
    """``page`` or ``image``; ``listing`` when the page was read but what it offers could not be stored."""
    reason: str
    """One sentence for a person."""
    status: int | None = None
    """HTTP status; None when there was no answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlReport:
    """The outcome of one crawl."""

    pages: int
    """Pages answered and read, item pages or not."""
    saved: SaveCount
    """Listings, by what saving them did."""
    images: int
    """Pictures in evidence, each URL once."""
    unreadable_images: int
    """Picture URLs that gave no bytes; their listings say why."""
    duplicates: int
    """Item pages whose listing had been captured from another address in the same crawl."""
    not_followed: int
    """Links left alone: beyond the page limit, too deep, or marked ``nofollow``."""
    refused_by_robots: tuple[str, ...]
    """URLs that the site's robots.txt forbids; they were not requested."""
    failures: tuple[CrawlFailure, ...]
    """In the order in which they happened."""
    duration_s: float

    @property
    def listings(self) -> int:
        """How many listings were captured."""
        return self.saved.added + self.saved.updated + self.saved.unchanged


@dataclass(kw_only=True)
class Tally:
    """Counts while the crawl runs."""

    pages: int = 0
    planned: int = 0
    """Pages asked for or waiting to be."""
    saved: SaveCount = field(default_factory=SaveCount)
    images: int = 0
    unreadable_images: int = 0
    duplicates: int = 0
    not_followed: int = 0
    refused_by_robots: list[str] = field(default_factory=list)
    failures: list[CrawlFailure] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def report(self) -> CrawlReport:
        """As it stands now."""
        return CrawlReport(
            pages=self.pages,
            saved=self.saved,
            images=self.images,
            unreadable_images=self.unreadable_images,
            duplicates=self.duplicates,
            not_followed=self.not_followed,
            refused_by_robots=tuple(self.refused_by_robots),
            failures=tuple(self.failures),
            duration_s=time.monotonic() - self.started,
        )
