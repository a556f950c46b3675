"""How much of each site is under way at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crawler.frontier.interface import Entry
from crawler.frontier.local import LocalFrontier
from crawler.scheduler import FrontierScheduler
from crawler.sites import Sites
from crawler.sources.interface import Ask
from crawler.spiders.listings import ListingSpider
from domain.settings import Settings


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[FrontierScheduler]:
    """Of two sites with many pages each; the crawl may make two requests at once to each, and six in all."""
    frontier = LocalFrontier(tmp_path / "frontier.db")
    settings = Settings(home=tmp_path, crawl_concurrency=6, crawl_site_concurrency=2)
    session: Any = SimpleNamespace(
        frontier=frontier, sites=Sites(settings), order=SimpleNamespace(settings=settings), fatal=None
    )
    crawler: Any = None
    made = FrontierScheduler(crawler, session)
    made._spider = ListingSpider(session=session)
    for host in ("one.example", "two.example"):
        asks = [Ask(url=f"https://{host}/{number}") for number in range(40)]
        frontier.add([Entry(key=ask.url, ask=ask, host=host) for ask in asks], most=100)
    yield made
    frontier.close()


def taken(scheduler: FrontierScheduler) -> list[Entry]:
    found = []
    while request := scheduler.next_request():
        found.append(request.meta["entry"])
    return found


def test_each_site_has_its_room(scheduler: FrontierScheduler) -> None:
    first = taken(scheduler)
    assert Counter(entry.host for entry in first) == {"one.example": 6, "two.example": 6}
    scheduler.through(first[0])
    assert [entry.host for entry in taken(scheduler)] == [first[0].host]


def test_a_site_whose_pages_take_long_to_be_read_leaves_the_room_to_others(scheduler: FrontierScheduler) -> None:
    first = taken(scheduler)
    scheduler.takes_long = lambda host: host == "one.example"
    for entry in first:
        scheduler.through(entry)
    assert Counter(entry.host for entry in taken(scheduler)) == {"one.example": 2, "two.example": 6}
