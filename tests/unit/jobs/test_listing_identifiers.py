"""The numbers and the availability of imported listings: kept where they hold, told where they do not."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.intake.listing_row import ListingDraft, draft_listing

ROW = {"marketplace": "m", "listing_id": "1", "url": "https://m.example/1", "title": "Bag", "seller": {"id": "s"}}


def draft(**fields: Any) -> ListingDraft:
    found, faults = draft_listing(ROW | fields)
    assert faults == []
    assert found
    return found


def test_numbers_are_read() -> None:
    found = draft(sku=" CB-12 ", gtin="4006381-333931", mpn="CB12/N")
    assert (found.listing.sku, found.listing.gtin, found.listing.mpn) == ("CB-12", "4006381333931", "CB12/N")
    assert found.unread == ()


def test_numbers_may_come_as_numbers() -> None:
    for number in (4711, 4711.0):
        found = draft(sku=number, gtin=4006381333931)
        assert (found.listing.sku, found.listing.gtin) == ("4711", "4006381333931")


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        ("InStock", "InStock"),
        ("in_stock", "InStock"),
        ("https://schema.org/OutOfStock", "OutOfStock"),
        ("out of stock", "OutOfStock"),
    ],
)
def test_availability_is_read_as_feeds_write_it(stated: str, read: str) -> None:
    assert draft(availability=stated).listing.availability == read


@pytest.mark.parametrize(("field", "stated"), [("gtin", "4006381333932"), ("gtin", "none"), ("availability", "maybe")])
def test_what_does_not_hold_is_told_and_left_out(field: str, stated: str) -> None:
    found = draft(**{field: stated})
    assert getattr(found.listing, field) == ""
    assert [fault.field for fault in found.unread] == [field]
