"""Listings of a crawl that take up ones that are gone."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import replace

from crawler.finding.relisting import Resembling, gone_by_visits, relisted
from crawler.frontier.interface import Frontier
from crawler.frontier.stored import identifier
from domain.errors import NotFound
from domain.listing import Listing
from store.interfaces import Records

Key = tuple[str, str]


class NewListings:
    """The listings that were not stored before a crawl began.

    They are kept in its frontier, since the store does not tell: a crawl that is killed knows them when it goes on, and
    so do all workers of a shared one.
    """

    def __init__(self, frontier: Frontier) -> None:
        self._frontier = frontier

    def add(self, listing: Listing) -> None:
        """To be said before it is stored: afterwards it could not be told from one that was there before."""
        if listing.seller.id:  # the others are never linked
            self._frontier.set_fact(_named(listing), "")
            self._frontier.flush()

    def __contains__(self, listing: object) -> bool:
        return isinstance(listing, Listing) and self._frontier.fact(_named(listing)) is not None


def _named(listing: Listing) -> str:
    return f"new {identifier(json.dumps(listing.key)).hex()}"


def link_relistings(records: Records, new: Container[Listing]) -> int:
    """Link those of the new listings that take up a gone one of their seller; how many were linked.

    New are those that were not stored before: a listing that once stood beside the gone one has not taken it up. Only
    sellers of listings whose page is gone are looked at, so that a crawl without any costs nothing here.
    """
    gone = gone_by_visits(records)
    linked = 0
    for marketplace, seller_id in _sellers_with_gone(records):
        known = records.listings_of_seller(marketplace, seller_id)
        resembling = Resembling(known)
        for listing in [each for each in known if not each.relists]:
            others = resembling.to(listing)
            if others and listing in new and (before := relisted(listing, others, gone)):
                again = replace(listing, relists=before)
                resembling.add(again)
                records.save_listings([again])
                linked += 1
    return linked


def _sellers_with_gone(records: Records) -> list[Key]:
    gone = (_offered(records, visit.listing) for visit in records.gone_visits() if visit.listing)
    return list(dict.fromkeys((each.marketplace, each.seller.id) for each in gone if each and each.seller.id))


def _offered(records: Records, key: Key) -> Listing | None:
    try:
        return records.listing(*key)
    except NotFound:
        return None
