"""Crawl sites and search marketplaces, and look after crawls: what they left, and what they gave up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crawler.frontier.interface import Counts, DeadLetter
from crawler.frontier.opening import open_frontier
from crawler.report import CrawlReport
from crawler.run import crawl as crawl_sites
from crawler.run import target_url
from crawler.session import SEARCHES, TARGETS_FACT, Search
from domain.codec import dump
from domain.errors import AddressRefused, BadInput, NotFound, StoreUnavailable
from domain.progress import Progress, silent
from domain.settings import Settings
from jobs.find import FindingRecords, SearchPlan, plan_search

_MOST_TARGETS = 100_000
_LARGEST_FILE = 10_000_000
_WORKER = "desk"


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlState:
    """A crawl as it stands."""

    crawl: str
    targets: tuple[str, ...] = ()
    counts: Counts | None = None
    """None while another process is at it."""


def plan(records: FindingRecords, targets: Sequence[str], settings: Settings, *, most_queries: int) -> SearchPlan:
    """What would be searched for by those `targets` that name a search API, and where infringement was found before."""
    named = [name for name in targets if name in SEARCHES]
    return plan_search(records, settings, sources=named, most_queries=most_queries)


def crawl(
    records: FindingRecords,
    targets: Sequence[str],
    settings: Settings,
    *,
    max_pages: int = 1000,
    most_queries: int = 20,
    marketplace: str | None = None,
    fresh: bool = False,
    only_new: bool = False,
    screenshots: bool = False,
    progress: Progress = silent,
) -> CrawlReport:
    """Crawl `targets`: URLs, files that name one a line, and names of search APIs, which are asked for the catalogs.

    See `crawler.run.crawl`. Raises BadInput for a file that cannot be read or names what cannot be fetched, naming file
    and line.
    """
    searched = plan(records, targets, settings, most_queries=most_queries)
    return crawl_sites(
        [url for name in targets if name not in SEARCHES for url in _urls(name, settings)],
        settings,
        max_pages=max_pages,
        marketplace=marketplace,
        searches=[Search(source=each.source, query=each.query) for each in searched.queries],
        yields=dump(searched.yields),
        fresh=fresh,
        only_new=only_new,
        screenshots=screenshots,
        progress=progress,
    )


def list_crawls(settings: Settings) -> list[CrawlState]:
    """The crawls whose frontier is on this machine."""
    return [_state(settings, path.parent.name) for path in sorted(settings.crawl_dir.glob("*/frontier.db"))]


def dead_letters(settings: Settings, crawl: str) -> Sequence[DeadLetter]:
    """What a crawl gave up, oldest first. Raises NotFound."""
    frontier = open_frontier(settings, _existing(settings, crawl), _WORKER)
    try:
        return frontier.dead_letters()
    finally:
        frontier.close()


def replay(settings: Settings, crawl: str) -> int:
    """Put all that a crawl gave up back, for its next run; how many. Raises NotFound."""
    frontier = open_frontier(settings, _existing(settings, crawl), _WORKER)
    try:
        return frontier.replay([letter.entry.key for letter in frontier.dead_letters()])
    finally:
        frontier.close()


def _state(settings: Settings, crawl: str) -> CrawlState:
    try:
        frontier = open_frontier(settings, crawl, _WORKER)
    except StoreUnavailable:
        return CrawlState(crawl=crawl)
    try:
        targets = json.loads(frontier.fact(TARGETS_FACT) or "[]")
        return CrawlState(crawl=crawl, targets=tuple(targets), counts=frontier.counts())
    finally:
        frontier.close()


def _existing(settings: Settings, crawl: str) -> str:
    if not settings.redis_url and not (settings.crawl_dir / crawl / "frontier.db").is_file():
        raise NotFound(f"there is no crawl {crawl}", advice="See `assayer crawls list`.")
    return crawl


def _urls(target: str, settings: Settings) -> list[str]:
    """A target, or those of a file: one a line; empty lines and those that begin with ``#`` are passed over."""
    path = Path(target)
    if "://" in target or not path.is_file():
        return [target]
    if path.stat().st_size > _LARGEST_FILE:
        raise BadInput(f"more than {_LARGEST_FILE} bytes", file=target)
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadInput("is not UTF-8 text", file=target) from error
    found = [
        _line(line.strip(), target, number, settings)
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not found or len(found) > _MOST_TARGETS:
        raise BadInput(f"names {len(found)} targets; 1 to {_MOST_TARGETS} are crawled", file=target)
    return found


def _line(line: str, file: str, number: int, settings: Settings) -> str:
    if any(character.isspace() for character in line):
        raise BadInput("is more than one address", file=file, line=number)
    try:
        return target_url(line, allow_loopback=settings.allow_loopback)
    except AddressRefused as error:
        raise BadInput(error.message, file=file, line=number) from error
