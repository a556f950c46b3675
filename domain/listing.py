"""Offers on marketplaces and who makes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.catalog import Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """Something that could not be fetched or parsed. Not the same as *none found*: it yields no verdict."""

    what: str
    """``image``, ``price``, …: the field it stands in for."""
    source: str
    """Path or URL that failed, as given."""
    reason: str
    """One sentence for a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seller:
    """Who offers. `id` is the marketplace's own key; names are not unique everywhere."""

    id: str
    name: str
    feedback_score: int | None = None
    feedback_percent: float | None = None
    """Share of positive feedback, 0 to 100."""
    location: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingImage:
    """One picture of a listing: its bytes in evidence, or why there are none."""

    source: str
    """Path or URL as the listing gives it."""
    sha256: str | None = None
    """Digest in the evidence store; None exactly when `unreadable` is set."""
    unreadable: Unreadable | None = None

    def __post_init__(self) -> None:
        if (self.sha256 is None) == (self.unreadable is None):
            raise ValueError("a listing image has bytes or a reason why not, never both, never neither")


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundValue:
    """Where a field of a listing was found, and what stood there."""

    field: str
    """The listing's field, such as ``price``."""
    raw: str
    """As it stood there, at most 500 characters."""
    where: str
    """Syntax and place: ``json-ld Product/offers/price``, ``microdata``, ``opengraph product:price:amount``,
    ``css .price-now``, ``url``, ``api items[3].price.value``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One offer. Raw and normalized values stand side by side."""

    marketplace: str
    listing_id: str
    url: str
    title: str
    seller: Seller
    description: str = ""
    price: Money | None = None
    """None when absent or unreadable; then `price_raw` holds what stood there."""
    price_raw: str = ""
    quantity: int | None = None
    """Pieces on offer; None when not stated."""
    brand: str = ""
    sku: str = ""
    """The seller's or shop's own number of the article, as stated."""
    gtin: str = ""
    """GTIN-8, -12, -13 or -14: digits only; empty when none is stated that passes its check digit."""
    mpn: str = ""
    """The maker's part number, as stated."""
    availability: str = ""
    """``InStock`` or ``OutOfStock`` (of schema.org); empty when not stated."""
    category: str = ""
    condition: str = ""
    """As stated by the seller (``new``, ``used``, …); empty when not stated."""
    ships_from: str = ""
    """ISO 3166-1 alpha-2 where the marketplace gives it, else its words."""
    images: tuple[ListingImage, ...] = ()
    captured_at: datetime | None = None
    """UTC time of the crawl; None for an imported file."""
    first_seen_at: datetime | None = None
    """UTC time at which a crawl met it for the first time; None for one that a file brought, then or later, and for one
    that was stored before this was kept."""
    page_sha256: str | None = None
    """The page as captured, in the evidence store; None for an imported file."""
    found: tuple[FoundValue, ...] = ()
    """Where the fields of a crawled listing were found, in no order; empty for an imported file."""
    relists: str = ""
    """The listing_id, on the same marketplace, of a listing that is gone and that this one takes up again."""

    @property
    def key(self) -> tuple[str, str]:
        """(marketplace, listing_id): unique within a tenant."""
        return (self.marketplace, self.listing_id)
