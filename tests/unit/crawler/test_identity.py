from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.identity import Identities
from domain.listing import Listing, Seller
from store.memory import MemoryRecords

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def offer(listing_id: str, path: str, *, seller: str = "s1", title: str = "Bag") -> Listing:
    return Listing(
        marketplace="m",
        listing_id=listing_id,
        url=f"https://shop.example{path}",
        title=title,
        seller=Seller(id=seller, name=seller),
    )


def crawl(records: MemoryRecords, offers: tuple[Listing, ...]) -> dict[str, str]:
    """Address to id, of what one crawl would store."""
    identities = Identities(records, began=BEGAN)
    settled = [listing for each in offers if (listing := identities.settle(each))]
    records.save_listings(settled)
    return {listing.url: listing.listing_id for listing in settled}


def test_the_same_offer_from_two_addresses_is_one() -> None:
    identities = Identities(MemoryRecords("t"), began=BEGAN)
    assert identities.settle(offer("7", "/item/7"))
    assert identities.settle(offer("7", "/item/7", title="Bag, in another language")) is None
    assert identities.settle(offer("7", "/bags/item/7")) is None
    # a shop's list and its page number it differently
    assert identities.settle(offer("SKU-7", "/item/7")) is None


def test_two_sellers_with_one_stock_number_are_two() -> None:
    records = MemoryRecords("t")
    assert len(crawl(records, (offer("NK-1", "/a"), offer("NK-1", "/b", seller="s2")))) == 2
    assert records.count_listings() == 2


@pytest.mark.parametrize("captured_at", [BEGAN, BEGAN - timedelta(days=1)])
def test_what_this_crawl_has_stored_is_its_own_whatever_its_time(captured_at: datetime) -> None:
    """A cache says when a server answered, which was before the crawl; a clock may be set back in it."""
    records = MemoryRecords("t")
    identities = Identities(records, began=BEGAN)
    first = identities.settle(offer("N/A", "/a"))
    assert first
    first = replace(first, captured_at=captured_at)
    records.save_listings([first])
    identities.stored(first)
    second = identities.settle(offer("N/A", "/b", title="Shoe"))
    assert second
    assert second.listing_id != first.listing_id


def test_one_that_is_stored_while_another_is_compared_with_it_stays_of_this_crawl() -> None:
    class Records(MemoryRecords):
        def listings_with_ids(self, marketplace: str, listing_ids: Collection[str]) -> Mapping[str, Listing]:
            found = super().listings_with_ids(marketplace, listing_ids)
            identities.stored(first)
            return found

    identities = Identities(Records("t"), began=BEGAN)
    first = offer("N/A", "/a")
    assert identities.settle(first)
    second = identities.settle(offer("N/A", "/b", title="Shoe"))
    assert second
    assert second.listing_id != first.listing_id


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_whichever_comes_first_the_second_crawl_gives_the_same(first: list[int], second: list[int]) -> None:
    """One placeholder for all numbers, half of the offers by one seller."""
    offers = [offer("N/A", f"/item/{n}", seller=f"s{n % 2}", title=f"Bag {n}") for n in range(5)]
    records = MemoryRecords("t")
    before = crawl(records, tuple(offers[n] for n in first))
    assert crawl(records, tuple(offers[n] for n in second)) == before
    assert records.count_listings() == 5


def test_a_listing_keeps_its_id_when_price_title_or_address_change() -> None:
    records = MemoryRecords("t")
    crawl(records, (offer("7", "/item/7"),))
    for changed in (
        offer("7", "/item/7", title="Bag, cheaper"),
        offer("7", "/item/7-bag"),
        offer("7", "/item/7-bag", seller="s1"),
    ):
        assert list(crawl(records, (changed,)).values()) == ["7"]
    assert records.count_listings() == 1


def test_ids_that_no_key_could_hold() -> None:
    records = MemoryRecords("t")
    for offers in permutations((offer("x" * 5000, "/a"), offer("x" * 4999 + "y", "/b"))):
        assert len(crawl(records, offers)) == 2
    assert records.count_listings() == 2
