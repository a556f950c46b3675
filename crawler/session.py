"""What one crawl works with, handed to every part of the Scrapy project by its spider."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crawler.frontier.interface import Frontier
from crawler.report import CrawlFailure, Tally
from crawler.sources.credentials import ApiCredentials
from crawler.sources.interface import Query, SearchSource
from domain.codec import digest
from domain.errors import AssayerError
from domain.settings import Settings
from store.interfaces import Evidence, Records

if TYPE_CHECKING:
    from crawler.sites import Sites  # needs Scrapy, which whoever gives an order does not

SEARCHES = ("ebay", "etsy")
"""Names of the search APIs, as targets."""
TARGETS_FACT = "targets"
"""Under this name a frontier keeps what its crawl was ordered to crawl, as a JSON list."""

_TELL_EVERY_S = 0.1

Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """One query for one search API."""

    source: str
    query: Query


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlOrder:
    """What to crawl; goes to the crawling process as JSON."""

    targets: tuple[str, ...]
    settings: Settings
    max_pages: int
    marketplace: str | None = None
    searches: tuple[Search, ...] = ()
    fresh: bool = False
    """Begin anew even where an earlier crawl of the same targets has something left to do."""
    only_new: bool = False
    """Pass over offers that were read lately."""
    screenshots: bool = False
    """Show every offer's page in a browser too, and keep how it looked."""
    yields: Mapping[str, Any] = field(default_factory=dict)
    """Where infringement was found before, as `crawler.finding.yields` writes it."""
    worker: str = ""
    """Names this process among those that share a frontier."""

    @property
    def crawl(self) -> str:
        """Equal for orders that go on with one another's work: 12 hex digits."""
        searched = [[search.source, search.query.text, search.query.image_sha256] for search in self.searches]
        return digest([sorted(self.targets), searched, self.marketplace or ""])[:12]


def write_line(event: Mapping[str, Any]) -> None:
    """One JSON line on standard output, which is how the crawling process speaks to who started it."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


@dataclass(kw_only=True)
class Session:
    """The order, where results go, and what has happened so far."""

    order: CrawlOrder
    records: Records
    evidence: Evidence
    frontier: Frontier
    sites: Sites
    credentials: ApiCredentials
    searches: Mapping[str, SearchSource] = field(default_factory=dict)
    """The search APIs, by name."""
    emit: Emit = write_line
    tally: Tally = field(default_factory=Tally)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the crawl began that this process goes on with."""
    remembers: bool = True
    """Whether anything is remembered of pages from earlier crawls."""
    warc_files: tuple[str, ...] = ()
    _told: float = 0.0
    _untold: bool = False
    fatal: AssayerError | None = None
    """Why the crawl cannot go on, such as a store that is gone."""
    robots: dict[str, bytes] = field(default_factory=dict)
    """Addresses of robots.txt files to what they say."""
    unreachable_robots: dict[str, str] = field(default_factory=dict)
    """Host with port to why its robots.txt could not be read; then nothing of it may be."""

    def failed(self, url: str, what: str, reason: str, status: int | None = None) -> None:
        """Remember a URL that gave nothing."""
        self.tally.fail(CrawlFailure(url=url, what=what, reason=reason, status=status))
        self.progress()

    def recall(self) -> None:
        """Name what an earlier process of this crawl gave up, too."""
        told = {failure.url for failure in self.tally.failures}
        for letter in self.frontier.dead_letters() if self.tally.resumed else ():
            if letter.entry.ask.url not in told:
                failure = CrawlFailure(
                    url=letter.entry.ask.url, what="page", reason=letter.reason, status=letter.status
                )
                self.tally.fail(failure)

    def progress(self, *, at_once: bool = False) -> None:
        """Tell how far the crawl is, not more often than anybody can read unless `at_once`."""
        self._untold = not at_once and time.monotonic() - self._told < _TELL_EVERY_S
        if self._untold:
            return
        self._told = time.monotonic()
        saved = self.tally.saved
        self.emit(
            {
                "event": "progress",
                "pages": self.tally.pages,
                "planned": self.frontier.counts().planned,
                "listings": saved.added + saved.updated + saved.unchanged,
            }
        )

    def catch_up(self) -> None:
        """Tell what came too soon after something else, should nothing else come for long."""
        if self._untold:
            self.progress()
