"""Which of a crawl's listings are new is known again by whoever goes on with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crawler.identity import Identities
from crawler.relistings import link_relistings
from domain.listing import Listing, Seller
from domain.visit import Visit
from store.memory import MemoryRecords

BEGAN = datetime(2026, 5, 1, tzinfo=UTC)
OLD = Listing(
    marketplace="bazaar",
    listing_id="old",
    url="https://bazaar.example/old",
    title="Aurelle Kova tote bag",
    seller=Seller(id="s1", name="s1"),
    captured_at=BEGAN - timedelta(days=9),
)


def listing(listing_id: str, **changes: object) -> Listing:
    return replace(OLD, listing_id=listing_id, url=f"https://bazaar.example/{listing_id}", captured_at=BEGAN, **changes)


@pytest.fixture
def records() -> MemoryRecords:
    """One listing is gone."""
    records = MemoryRecords()
    records.save_listings([OLD])
    records.save_visits([Visit(url=OLD.url, visited_at=BEGAN, status=410, listing=OLD.key)])
    return records


def test_what_was_new_when_its_process_died_is_linked_by_the_next(records: MemoryRecords) -> None:
    dying = Identities(records, began=BEGAN)
    new = dying.settle(listing("new"))
    assert new
    records.save_listings([new])
    assert link_relistings(records, since=BEGAN) == 1
    assert records.listing("bazaar", "new").relists == "old"
    assert link_relistings(records, since=BEGAN) == 0


def test_what_stood_beside_the_gone_one_before_has_not_taken_it_up(records: MemoryRecords) -> None:
    records.save_listings([listing("beside", first_seen_at=BEGAN - timedelta(days=9))])
    records.save_listings([listing("imported")])
    crawl = Identities(records, began=BEGAN)
    for known in ("beside", "imported"):  # captured in this crawl, but not for the first time
        again = crawl.settle(listing(known))
        assert again
        records.save_listings([again])
    assert link_relistings(records, since=BEGAN) == 0


def test_when_a_listing_was_first_seen_stays_with_it(records: MemoryRecords) -> None:
    first = Identities(records, began=BEGAN).settle(listing("new"))
    assert first
    assert first.first_seen_at
    assert records.save_listings([first]).added == 1
    second = Identities(records, began=datetime.now(UTC)).settle(listing("new", title="Aurelle Kova bag"))
    assert second
    assert second.first_seen_at == first.first_seen_at
