"""Which listing an offer is: the same one seen again, or another that bears the same number.

A listing id should come from the marketplace, but pages give what they have: a stock number that two sellers share, or
one placeholder for all. Taking those for one listing would lose all but one of them; giving each crawl's second comer
another id would store them twice. So the first keeps the plain id, the second gets one that its address determines,
and what is stored already decides who was first.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from domain.errors import NotFound
from domain.listing import Listing
from store.interfaces import ListingReader

_LONGEST_ID_BYTES = 200


class Identities:
    """The listings that one crawl has met. Not safe between threads."""

    def __init__(self, stored: ListingReader) -> None:
        self._stored = stored
        self._met: dict[tuple[str, str], Listing] = {}
        self._pages: set[tuple[str, str]] = set()

    def settle(self, listing: Listing) -> Listing | None:
        """The listing under the id that is its own, or None when this crawl has met it already."""
        plain = replace(listing, listing_id=_fitting(listing.listing_id))
        own = replace(listing, listing_id=_by_address(plain))
        chosen = own if self._is_stored(own) or self._belongs_to_another(plain) else plain
        # a shop's list and its page may number one offer in two ways
        page = (listing.url, listing.title)
        if chosen.key in self._met or page in self._pages:
            return None
        self._met[chosen.key] = chosen
        self._pages.add(page)
        return chosen

    def _is_stored(self, listing: Listing) -> bool:
        return self._stored_as(listing) is not None

    def _belongs_to_another(self, listing: Listing) -> bool:
        met = self._met.get(listing.key)
        if met:
            return not (met.url == listing.url or _content(met) == _content(listing))
        stored = self._stored_as(listing)
        # a listing may change its price or its address between crawls, hardly its seller and its address at once
        return bool(stored and stored.url != listing.url and stored.seller.id != listing.seller.id)

    def _stored_as(self, listing: Listing) -> Listing | None:
        try:
            return self._stored.listing(*listing.key)
        except NotFound:
            return None


def _content(listing: Listing) -> tuple[str, str, str]:
    return (listing.title, listing.seller.id, listing.price_raw)


def _fitting(listing_id: str) -> str:
    """Ids longer than any marketplace gives are replaced by their digest, so that they fit a key."""
    encoded = listing_id.encode()
    return listing_id if len(encoded) <= _LONGEST_ID_BYTES else hashlib.sha256(encoded).hexdigest()


def _by_address(listing: Listing) -> str:
    return f"{listing.listing_id}~{hashlib.sha256(listing.url.encode()).hexdigest()[:8]}"
