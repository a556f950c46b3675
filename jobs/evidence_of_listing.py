"""What was captured of a listing: its pages, its pictures, and how a browser showed it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin

from domain.capture import Capture
from domain.errors import BadInput, NotFound
from domain.listing import Listing, ListingImage
from store.interfaces import Records


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingEvidence:
    """A listing and its captures."""

    listing: Listing
    captures: tuple[Capture, ...]
    """Oldest first."""
    uncaptured: tuple[str, ...]
    """SHA-256 of bytes of the listing that came from no capture: an imported file, a crawl of before captures."""


def named_listing(listing_id: str, marketplace: str | None, records: Records) -> Listing:
    """The listing of this id. Raises NotFound, or BadInput when several marketplaces have one."""
    if marketplace is not None:
        return records.listing(marketplace, listing_id)
    found = records.listings_of_id(listing_id)
    if not found:
        raise NotFound(
            f"no listing {listing_id} is stored", advice="See those there are in what `assayer score` wrote."
        )
    if len(found) > 1:
        places = ", ".join(listing.marketplace for listing in found)
        raise BadInput(
            f"{len(found)} marketplaces have a listing {listing_id}: {places}",
            field="marketplace",
            advice="Say which: --marketplace NAME.",
        )
    return found[0]


def evidence_of(listing: Listing, records: Records) -> ListingEvidence:
    """Every capture of the pages that offered a listing and of its pictures."""
    pages = {listing.url, *(visit.url for visit in records.visits_of_listing(*listing.key))}
    captures = [capture for url in sorted(pages) for capture in records.captures_of(url)]
    if listing.page_sha256:
        captures += records.captures(listing.page_sha256)
    for image in listing.images:
        captures += _of_image(image, listing, records)
    known = {capture.body_sha256 for capture in captures}
    own = dict.fromkeys(digest for digest in digests_of(listing))
    return ListingEvidence(
        listing=listing,
        captures=_oldest_first(captures),
        uncaptured=tuple(digest for digest in own if digest not in known),
    )


def digests_of(listing: Listing) -> tuple[str, ...]:
    """What of a listing is in the evidence store: its page, then its pictures."""
    pictures = tuple(image.sha256 for image in listing.images if image.sha256)
    return (listing.page_sha256, *pictures) if listing.page_sha256 else pictures


def _of_image(image: ListingImage, listing: Listing, records: Records) -> list[Capture]:
    """Those at the picture's own address. The same bytes may stand in a thousand listings of others."""
    if not image.sha256:
        return []
    found = records.captures(image.sha256)
    address = _absolute(listing.url, image.source)
    return [each for each in found if address in (each.url, each.final_url)] or list(found[-1:])


def _absolute(page: str, source: str) -> str:
    try:
        return urljoin(page, source)
    except ValueError:
        return source


def _oldest_first(captures: Iterable[Capture]) -> tuple[Capture, ...]:
    return tuple(sorted({capture.key: capture for capture in captures}.values(), key=lambda capture: capture.order))
