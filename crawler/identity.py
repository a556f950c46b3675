"""Which listing an offer is: the same one seen again, or another that bears the same number.

A listing id should come from the marketplace, but pages give what they have: a stock number that two sellers share, or
one placeholder for all. Taking those for one listing would lose all but one of them; giving each crawl's second comer
another id would store them twice. So the first keeps the plain id, the second gets one that its address determines,
and what is stored already decides who was first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from domain.listing import Listing
from store.interfaces import ListingReader

_LONGEST_ID_BYTES = 200


class Identities:
    """The listings that one crawl has met.

    One thread asks which listing an offer is; another may say meanwhile that some are stored.

    What this crawl met is what was stored since it `began`, in this process or in one that it goes on for, and what is
    on its way to the store: so its memory does not grow with the crawl.
    """

    def __init__(self, stored: ListingReader, *, began: datetime) -> None:
        self._stored, self._began = stored, began
        self._on_its_way: dict[tuple[str, str], Listing] = {}
        self._pages: set[int] = set()
        self._stored_as_older: set[int] = set()
        """Stored by this process though captured before the crawl began: by a cache's word, or by a clock set back."""

    def settle(self, listing: Listing) -> Listing | None:
        """The listing under the id that is its own, or None when this crawl has met it already.

        The id is taken until `stored` or `lost` is said of it.
        """
        chosen, known = self._chosen(listing)
        # a shop's list and its page may number one offer in two ways
        page = hash((listing.url, listing.title))
        if (known and self._is_met(known, chosen)) or page in self._pages:
            return None
        if known:
            before = known.listing
            settled = replace(chosen, relists=before.relists, first_seen_at=before.first_seen_at)
        else:
            settled = replace(chosen, first_seen_at=datetime.now(UTC))
        self._on_its_way[settled.key] = settled
        self._pages.add(page)
        return settled

    def met_as(self, listing: Listing) -> tuple[str, str]:
        """The key of the listing that one is which was met already."""
        return self._chosen(listing)[0].key

    def _chosen(self, listing: Listing) -> tuple[Listing, _Known | None]:
        """The listing under the id that is its own, and what is known under that."""
        plain = replace(listing, listing_id=_fitting(listing.listing_id))
        own = replace(listing, listing_id=_by_address(plain))
        known_own, known_plain = self._known(own, plain)
        to_own = known_own or (known_plain and self._belongs_to_another(known_plain, plain))
        return (own, known_own) if to_own else (plain, known_plain)

    def stored(self, listing: Listing) -> None:
        """It can be found in the store now."""
        if listing.captured_at and listing.captured_at < self._began:
            self._stored_as_older.add(hash(listing.key))
        self._on_its_way.pop(listing.key, None)

    def lost(self, listing: Listing) -> None:
        """It could not be stored, and may come again."""
        self._on_its_way.pop(listing.key, None)
        self._pages.discard(hash((listing.url, listing.title)))

    def _is_met(self, known: _Known, listing: Listing) -> bool:
        # the page of a crawl that was killed comes again: the same address is the same page, not a second one
        comes_again = not known.on_its_way and known.listing.url == listing.url
        return self._is_of_this_crawl(known) and not comes_again

    def _belongs_to_another(self, known: _Known, listing: Listing) -> bool:
        if known.listing.url == listing.url:
            return False
        if self._is_of_this_crawl(known):
            return _content(known.listing) != _content(listing)
        # a listing may change its price or its address between crawls, hardly its seller and its address at once
        return known.listing.seller.id != listing.seller.id

    def _is_of_this_crawl(self, known: _Known) -> bool:
        captured_at = known.listing.captured_at
        since = captured_at is not None and captured_at >= self._began
        return known.on_its_way or since or hash(known.listing.key) in self._stored_as_older

    def _known(self, *listings: Listing) -> list[_Known | None]:
        """What is known under their keys, which are of one marketplace."""
        met = {listing.key: self._on_its_way.get(listing.key) for listing in listings}
        ids = [listing.listing_id for listing in listings if met[listing.key] is None]
        stored = self._stored.listings_with_ids(listings[0].marketplace, ids) if ids else {}
        return [_known(met[listing.key], stored.get(listing.listing_id)) for listing in listings]


@dataclass(frozen=True, slots=True)
class _Known:
    """A listing under some id as it was found: it may be stored while another is compared with it."""

    listing: Listing
    on_its_way: bool


def _known(on_its_way: Listing | None, stored: Listing | None) -> _Known | None:
    found = on_its_way or stored
    return _Known(found, on_its_way is not None) if found else None


def _content(listing: Listing) -> tuple[str, str, str]:
    return (listing.title, listing.seller.id, listing.price_raw)


def _fitting(listing_id: str) -> str:
    """Ids longer than any marketplace gives are replaced by their digest, so that they fit a key."""
    encoded = listing_id.encode()
    return listing_id if len(encoded) <= _LONGEST_ID_BYTES else hashlib.sha256(encoded).hexdigest()


def _by_address(listing: Listing) -> str:
    return f"{listing.listing_id}~{hashlib.sha256(listing.url.encode()).hexdigest()[:8]}"
