"""What a crawl did, with nothing left out in silence."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from crawler.frontier.interface import Counts
from domain.visit import SiteStop
from store.interfaces import SaveCount

MOST_NAMED = 10_000
"""Failures that a report names one by one."""

_SAME = (
    "pages",
    "saved",
    "images",
    "unreadable_images",
    "duplicates",
    "not_followed",
    "unnamed_failures",
    "unchanged_pages",
    "passed_over",
    "resumed",
)
_LISTED = ("refused_by_robots", "failures", "stops", "warnings")


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
    """In the order in which they happened; the first `MOST_NAMED`."""
    unnamed_failures: int = 0
    """How many more there were."""
    unchanged_pages: int = 0
    """Pages that their site said had not changed; they were read from evidence."""
    passed_over: int = 0
    """Offers that a run for new ones only did not look at, since they were read lately."""
    resumed: bool = False
    """Whether this went on with what an earlier crawl had left to do."""
    waiting: int = 0
    """Requests that are left for later: out of their site's crawl window, or this process was told to stop."""
    dead: int = 0
    """Requests given up in this crawl and the one that it goes on with; `assayer crawls dead` shows them."""
    left: int = 0
    """Requests taken back because their site said stop."""
    stops: tuple[SiteStop, ...] = ()
    """Sites that said stop during this crawl, and those of its targets that had said so before."""
    warnings: tuple[str, ...] = ()
    """What whoever runs the crawl ought to know, one sentence each."""
    crawl: str = ""
    """Names the crawl; equal for crawls of the same targets."""
    warc: tuple[str, ...] = ()
    """Files written by this crawl, in the tenant's `crawls` folder."""
    duration_s: float

    @property
    def listings(self) -> int:
        """How many listings were captured."""
        return self.saved.added + self.saved.updated + self.saved.unchanged


@dataclass(kw_only=True)
class Tally:
    """Counts while the crawl runs."""

    pages: int = 0
    saved: SaveCount = field(default_factory=SaveCount)
    images: int = 0
    unreadable_images: int = 0
    duplicates: int = 0
    not_followed: int = 0
    refused_by_robots: list[str] = field(default_factory=list)
    failures: list[CrawlFailure] = field(default_factory=list)
    unnamed_failures: int = 0
    unchanged_pages: int = 0
    passed_over: int = 0
    resumed: bool = False
    stops: list[SiteStop] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def fail(self, failure: CrawlFailure) -> None:
        """Remember one; beyond the most that are named, only that there was one."""
        if len(self.failures) < MOST_NAMED:
            self.failures.append(failure)
        else:
            self.unnamed_failures += 1

    def warn(self, text: str) -> None:
        """Remember it once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def refuse(self, url: str) -> None:
        """Remember an address that robots.txt forbids."""
        if len(self.refused_by_robots) < MOST_NAMED:
            self.refused_by_robots.append(url)

    def report(self, *, crawl: str, counts: Counts, warc: tuple[str, ...]) -> CrawlReport:
        """As it stands now."""
        same: dict[str, Any] = {name: getattr(self, name) for name in _SAME}
        listed: dict[str, Any] = {name: tuple(getattr(self, name)) for name in _LISTED}
        return CrawlReport(
            **same,
            **listed,
            crawl=crawl,
            waiting=counts.waiting + counts.taken,
            dead=counts.dead,
            left=counts.left,
            warc=warc,
            duration_s=time.monotonic() - self.started,
        )
