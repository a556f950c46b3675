"""What becomes of a request, at the page limit."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.frontier.interface import Entry
from crawler.frontier.local import LocalFrontier
from crawler.outcomes import EVIDENCE, Outcomes
from crawler.planning import Plan, entry_of
from crawler.sources.interface import Ask, Offer, Reading
from crawler.sources.listed import listed_offer, page_ask
from domain.capture import Capture, CaptureKind
from domain.codec import dump
from domain.listing import Listing, Seller

PAGE = Capture(
    kind=CaptureKind.PAGE,
    url="https://shop.example/products.json",
    final_url="https://shop.example/products.json",
    captured_at=datetime(2026, 1, 1, tzinfo=UTC),
    body_sha256="a" * 64,
    size=2,
)


class Crawl:
    """As much of one as ends a request: the frontier is real."""

    def __init__(self, folder: Path) -> None:
        self.frontier = LocalFrontier(folder / "frontier.db")
        self.stored: list[tuple[str, Capture]] = []
        self.left: list[str] = []
        self.planned = Plan(entries=(), most=0, unvisited=())

    def progress(self) -> None:
        pass

    def leave(self, key: str) -> None:
        self.left.append(key)

    async def missed(self, ask: Ask) -> Reading:
        offer = listed_offer(ask.context)
        return Reading(offers=(offer,) if offer else ())

    def failed(self, url: str, what: str, reason: str, status: int | None) -> None:
        pass

    async def plan(self, reading: Reading) -> Plan:
        return self.planned

    async def store(self, offer: Offer, page: Capture) -> Listing:
        assert self.frontier.counts().taken == 1, "a kill would lose what is stored after its page is done"
        self.stored.append((offer.listing.listing_id, page))
        return offer.listing

    def outcomes(self) -> Outcomes:
        part: Any = self
        return Outcomes(
            part,
            readers=part,
            capturing=part,
            recorder=part,
            listings=part,
            planning=part,
            looking=part,
            sites=part,
            end=part,
            through=part,
        )


def product(number: int) -> Entry:
    listing = Listing(
        marketplace="shop.example",
        listing_id=f"P{number}",
        url=f"https://shop.example/products/{number}",
        title="Bag",
        seller=Seller(id="shop.example", name="shop.example"),
    )
    ask = page_ask(Offer(listing=listing, image_urls=()), depth=1, referer="")
    return entry_of(Ask(url=ask.url, context={**ask.context, EVIDENCE: dump(PAGE)}))


@pytest.mark.parametrize("given_up", [False, True])
def test_a_listed_offer_is_kept_where_another_page_took_the_room_for_its_own(tmp_path: Path, given_up: bool) -> None:
    crawl = Crawl(tmp_path)
    products_list = entry_of(Ask(url="https://shop.example/products.json"))
    crawl.frontier.add([products_list], most=10)
    taken = crawl.frontier.take(now=0.0)
    assert taken
    # room for three, of which another page has taken one since the plan was made
    crawl.frontier.add([entry_of(Ask(url="https://shop.example/about"))], most=10)
    crawl.planned = plan = Plan(entries=tuple(product(number) for number in range(3)), most=4, unvisited=())
    outcomes = crawl.outcomes()
    asyncio.run(outcomes._give_up(taken, "answered 404", 404) if given_up else outcomes._done(taken, plan))
    assert crawl.frontier.known([each.key for each in plan.entries]) == {each.key for each in plan.entries[:2]}
    assert crawl.stored == [("P2", PAGE)]
    assert crawl.left == [plan.entries[2].key]
    counts = crawl.frontier.counts()
    assert (counts.done, counts.dead) == ((0, 1) if given_up else (1, 0))
    crawl.frontier.close()


def test_what_is_known_already_was_not_crowded_out(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path)
    entries = [product(number) for number in range(2)]
    crawl.frontier.add([entry_of(Ask(url="https://shop.example/")), *entries], most=10)
    taken = crawl.frontier.take(now=0.0)
    assert taken
    asyncio.run(crawl.outcomes()._done(taken, Plan(entries=tuple(entries), most=10, unvisited=())))
    assert (crawl.stored, crawl.left) == ([], [])
    crawl.frontier.close()
