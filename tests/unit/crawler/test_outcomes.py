from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

from scrapy import Request

from crawler.frontier.interface import Counts, Entry
from crawler.frontier.local import LocalFrontier
from crawler.outcomes import Outcomes
from crawler.reading import CannotRead
from crawler.report import Tally
from crawler.session import CrawlOrder, Session
from crawler.sites import Sites
from crawler.sources.credentials import ApiCredentials
from crawler.sources.interface import Ask, Reading
from domain.errors import AssayerError, StoreUnavailable
from domain.settings import Settings
from store.evidence import FolderEvidence
from store.memory import MemoryRecords

URL = "https://shop.example/item/1"


class Broken:
    """In the place of readers whose processes are gone."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def missed(self, ask: Ask) -> Reading:
        raise self._error


def fail(tmp_path: Path, error: Exception) -> tuple[LocalFrontier, Tally, list[AssayerError], list[Entry]]:
    """The frontier after one request that failed, when not even that can be dealt with."""
    settings = Settings(home=tmp_path, contact="abuse@brand.example")
    frontier = LocalFrontier(tmp_path / "frontier.db")
    frontier.add([Entry(key="1", ask=Ask(url=URL), host="shop.example")], most=9)
    entry = frontier.take(now=0)
    assert entry
    session = Session(
        order=CrawlOrder(targets=(URL,), settings=settings, max_pages=9),
        records=MemoryRecords(),
        evidence=FolderEvidence(tmp_path / "evidence"),
        frontier=frontier,
        sites=Sites(settings),
        credentials=ApiCredentials(settings),
        emit=lambda event: None,
    )
    ends: list[AssayerError] = []
    through: list[Entry] = []
    nothing = cast("Any", None)
    outcomes = Outcomes(
        session,
        readers=cast("Any", Broken(error)),
        capturing=nothing,
        recorder=nothing,
        listings=nothing,
        planning=nothing,
        looking=nothing,
        sites=session.sites,
        end=ends.append,
        through=through.append,
    )
    asyncio.run(outcomes.failed(entry, Request(URL), ValueError("no answer")))
    return frontier, session.tally, ends, through


def test_what_cannot_even_be_given_up_properly_is_given_up_all_the_same(tmp_path: Path) -> None:
    for number, error in enumerate((RuntimeError("the pool is gone"), CannotRead("takes too long"))):
        frontier, tally, ends, through = fail(tmp_path / str(number), error)
        # an entry that stays taken would keep the crawl waiting for it
        assert frontier.counts() == Counts(dead=1)
        [letter] = frontier.dead_letters()
        assert str(error) in letter.reason
        assert {failure.url for failure in tally.failures} == {URL}
        assert (len(through), ends) == (1, [])
        frontier.close()


def test_a_store_that_is_gone_meanwhile_ends_the_crawl(tmp_path: Path) -> None:
    frontier, _, ends, through = fail(tmp_path, StoreUnavailable("the disk is full"))
    assert [error.message for error in ends] == ["the disk is full"]
    assert len(through) == 1
    frontier.close()
    with_it = LocalFrontier(tmp_path / "frontier.db")
    assert with_it.counts() == Counts(waiting=1)
    with_it.close()
