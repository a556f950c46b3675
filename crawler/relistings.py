"""Listings of a crawl that take up ones that are gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from crawler.finding.relisting import Resembling, gone_by_visits, relisted
from domain.errors import NotFound
from domain.listing import Listing
from store.interfaces import Records

Key = tuple[str, str]


def link_relistings(records: Records, *, since: datetime) -> int:
    """Link those of the listings first seen `since` a crawl began that take up a gone one of their seller; how many.

    Whoever saw them first: a process of the crawl that was killed, or another worker of it. A listing that once stood
    beside the gone one has not taken it up. Only sellers of listings whose page is gone are looked at, so that a crawl
    without any costs nothing here.
    """
    gone = gone_by_visits(records)
    linked = 0
    for marketplace, seller_id in _sellers_with_gone(records):
        known = records.listings_of_seller(marketplace, seller_id)
        resembling = Resembling(known)
        for listing in [each for each in known if not each.relists and _is_new(each, since)]:
            others = resembling.to(listing)
            if others and (before := relisted(listing, others, gone)):
                again = replace(listing, relists=before)
                resembling.add(again)
                records.save_listings([again])
                linked += 1
    return linked


def _is_new(listing: Listing, since: datetime) -> bool:
    return listing.first_seen_at is not None and listing.first_seen_at >= since


def _sellers_with_gone(records: Records) -> list[Key]:
    gone = (_offered(records, visit.listing) for visit in records.gone_visits() if visit.listing)
    return list(dict.fromkeys((each.marketplace, each.seller.id) for each in gone if each and each.seller.id))


def _offered(records: Records, key: Key) -> Listing | None:
    try:
        return records.listing(*key)
    except NotFound:
        return None
