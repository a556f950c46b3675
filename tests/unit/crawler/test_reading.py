"""Pages are read in processes that can be ended."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.reading import CannotRead, Readers
from crawler.sources.interface import Answer, Ask, Reading
from domain.settings import Settings

PAGE = b"""<!doctype html><h1>Bag</h1><script type="application/ld+json">{"@type": "Product", "name": "Bag",
"sku": "B1", "offers": {"price": "9.50", "priceCurrency": "EUR"}}</script><a href="/next">next</a>"""


def answer(body: bytes) -> Answer:
    return Answer(
        url="https://shop.example/bag",
        asked=("https://shop.example/bag",),
        status=200,
        headers={"content-type": "text/html"},
        body=body,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        marketplace="shop.example",
    )


def _sleep(seconds: float) -> Reading:
    time.sleep(seconds)
    return Reading()


def _hoard(size: int) -> Reading:
    hoard = bytearray(size)
    return Reading(problems=(str(len(hoard)),))


def _die() -> Reading:
    os._exit(7)


def _nest(depth: int) -> Reading:
    return _nest(depth + 1)


def run(work: Any, **settings: Any) -> Any:
    async def all_of_it() -> Any:
        readers = Readers(Settings(**settings))
        try:
            return await work(readers)
        finally:
            readers.close()

    return asyncio.run(all_of_it())


async def _page(readers: Readers) -> Reading:
    return await readers.read(Ask(url="https://shop.example/bag", depth=1), answer(PAGE))


def test_an_offer_and_its_links() -> None:
    reading = run(_page)
    [offer] = reading.offers
    assert (offer.listing.listing_id, str(offer.listing.price.amount)) == ("B1", "9.50")
    [ask] = reading.asks
    assert (ask.url, ask.key, ask.depth) == ("https://shop.example/next", "https://shop.example/next", 2)


@pytest.mark.parametrize(
    ("function", "argument", "words"),
    [
        (_sleep, (60,), "could not be read within 2 s"),
        (_hoard, (4_000_000_000,), "too much memory"),
        (_die, (), r"ended the process that read it \(status 7\)"),
        (_nest, (0,), "nested too deeply"),
    ],
)
def test_what_goes_beyond_its_limits_is_ended_and_the_next_page_is_read(
    function: Any, argument: Any, words: str
) -> None:
    async def work(readers: Readers) -> Reading:
        await _page(readers)  # the process has begun, so that its start does not count
        with pytest.raises(CannotRead, match=words):
            await readers._call(function, *argument)
        return await _page(readers)

    assert run(work, page_timeout_s=2.0).offers


def test_a_site_whose_pages_take_long_does_not_keep_others_from_being_read() -> None:
    through: list[str] = []

    async def slow(readers: Readers) -> None:
        async with readers._turns.of("slow.example"):
            with pytest.raises(CannotRead):
                await readers._call(_sleep, 60)
        through.append("slow")

    async def work(readers: Readers) -> None:
        await slow(readers)
        others = [asyncio.create_task(slow(readers)) for _ in range(4)]
        await asyncio.sleep(0)  # they are first
        for _ in range(3):
            await _page(readers)
            through.append("page")
        await asyncio.gather(*others)

    run(work, page_timeout_s=2.0, page_processes=2)
    last_page = len(through) - through[::-1].index("page")
    assert "slow" in through[last_page:], through
