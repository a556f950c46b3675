"""Listings of a crawl that take up ones that are gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from crawler.finding.relisting import gone_by_visits, relisted
from domain.errors import NotFound
from domain.listing import Listing
from store.interfaces import Records


def link_relistings(records: Records, *, since: datetime) -> int:
    """Link what was captured since then to the gone listings of the same sellers; how many were linked.

    Only the sellers of listings whose page was found gone are looked at, so that a crawl in which nothing is gone costs
    nothing here.
    """
    gone = gone_by_visits(records)
    linked = 0
    for marketplace, seller_id in _sellers_with_gone(records):
        known = records.listings_of_seller(marketplace, seller_id)
        new = [each for each in known if each.captured_at and each.captured_at >= since and not each.relists]
        found = [
            replace(each, relists=before)
            for each in new
            if (before := relisted(each, [other for other in known if other.key != each.key], gone))
        ]
        if found:
            records.save_listings(found)
            linked += len(found)
    return linked


def _sellers_with_gone(records: Records) -> Iterator[tuple[str, str]]:
    sellers = {(gone.marketplace, gone.seller.id): None for gone in _gone(records) if gone.seller.id}
    yield from sellers


def _gone(records: Records) -> Iterator[Listing]:
    for visit in records.gone_visits():
        try:
            assert visit.listing, "asked for with a listing"
            yield records.listing(*visit.listing)
        except NotFound:
            continue
