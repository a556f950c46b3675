"""Which of a crawl's listings are new is known again by whoever goes on with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawler.frontier.local import LocalFrontier
from crawler.relistings import NewListings, link_relistings
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


def test_what_was_new_when_its_process_died_is_linked_by_the_next(records: MemoryRecords, tmp_path: Path) -> None:
    dying = LocalFrontier(tmp_path / "dying" / "frontier.db")
    NewListings(dying).add(listing("new"))
    left = tmp_path / "left"
    left.mkdir()
    for file in (tmp_path / "dying").iterdir():  # as it lies on the disk at this moment, nothing closed
        (left / file.name).write_bytes(file.read_bytes())
    dying.close()
    records.save_listings([listing("new")])
    next_one = LocalFrontier(left / "frontier.db")
    assert link_relistings(records, NewListings(next_one)) == 1
    assert records.listing("bazaar", "new").relists == "old"
    assert link_relistings(records, NewListings(next_one)) == 0
    next_one.close()


def test_what_stood_beside_the_gone_one_before_has_not_taken_it_up(records: MemoryRecords, tmp_path: Path) -> None:
    records.save_listings([listing("beside")])  # captured in this crawl, but not for the first time
    frontier = LocalFrontier(tmp_path / "frontier.db")
    new = NewListings(frontier)
    new.add(listing("other"))
    assert listing("other") in new
    assert listing("other", marketplace="elsewhere") not in new
    assert link_relistings(records, new) == 0
    frontier.clear()
    assert listing("other") not in new, "begun anew, a crawl knows no listing as its own"
    frontier.close()


def test_a_listing_without_a_seller_is_not_kept(tmp_path: Path) -> None:
    frontier = LocalFrontier(tmp_path / "frontier.db")
    new = NewListings(frontier)
    new.add(listing("nobody", seller=Seller(id="", name="")))
    assert listing("nobody") not in new
    frontier.close()
