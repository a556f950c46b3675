"""What one crawl works with, handed to every part of the Scrapy project by its spider."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crawler.report import CrawlFailure, Tally
from domain.errors import AssayerError
from domain.settings import Settings
from store.interfaces import Evidence, Records

Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlOrder:
    """What to crawl; goes to the crawling process as JSON."""

    targets: tuple[str, ...]
    settings: Settings
    max_pages: int
    marketplace: str | None


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
    emit: Emit = write_line
    tally: Tally = field(default_factory=Tally)
    fatal: AssayerError | None = None
    """Why the crawl cannot go on, such as a store that is gone."""
    unreachable_robots: dict[str, str] = field(default_factory=dict)
    """Host with port to why its robots.txt could not be read; then nothing of it may be."""

    def failed(self, url: str, what: str, reason: str, status: int | None = None) -> None:
        """Remember a URL that gave nothing."""
        self.tally.failures.append(CrawlFailure(url=url, what=what, reason=reason, status=status))
        self.progress()

    def progress(self) -> None:
        """Tell how far the crawl is."""
        saved = self.tally.saved
        self.emit(
            {
                "event": "progress",
                "pages": self.tally.pages,
                "planned": self.tally.planned,
                "listings": saved.added + saved.updated + saved.unchanged,
            }
        )
