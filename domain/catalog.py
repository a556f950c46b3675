"""What a rights holder brings: marks, products, prices, and who may sell them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount in one currency. Never negative."""

    amount: Decimal
    currency: str
    """ISO 4217, upper case, such as ``USD``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trademark:
    """One registration."""

    mark: str
    office: str = ""
    """Registry, such as ``USPTO``, ``EUIPO``, ``WIPO``."""
    registration_number: str = ""
    nice_classes: tuple[int, ...] = ()
    """Nice classification, 1 to 45."""
    status: str = "registered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Brand:
    """A brand and the pictures of its logo (evidence digests)."""

    name: str
    logos: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RightsHolder:
    """Who owns the marks, and whom they allow to sell."""

    name: str
    brands: tuple[Brand, ...]
    trademarks: tuple[Trademark, ...] = ()
    authorized_sellers: tuple[str, ...] = ()
    """Seller ids or exact seller names, as the marketplace shows them."""
    contact_email: str = ""
    """Where a platform may answer a notice. Empty: notices fail their lint until it is set."""

    @property
    def marks(self) -> tuple[str, ...]:
        """Brand names and registered marks, each once, in the order given; case kept."""
        words = [brand.name for brand in self.brands] + [t.mark for t in self.trademarks]
        first: dict[str, str] = {}
        for word in words:
            first.setdefault(word.casefold(), word)
        return tuple(first.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceImage:
    """One picture of a reference product, stored in evidence."""

    sha256: str
    """Digest of the bytes as delivered, 64 hex digits; the key in the evidence store."""
    source: str
    """Path in the feed's folder or archive, or URL, as the feed gives it."""
    role: str = "main"
    """``main`` or ``additional``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceProduct:
    """One row of the product feed."""

    reference_id: str
    """The feed's ``id``; unique per rights holder."""
    rights_holder: str
    title: str
    brand: str
    description: str = ""
    price: Money | None = None
    """Regular price (MSRP). None: the feed gave none."""
    price_raw: str = ""
    minimum_advertised_price: Money | None = None
    condition: str = "new"
    color: str = ""
    category: str = ""
    gtin: str = ""
    images: tuple[ReferenceImage, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """One rights holder with its products; imported and replaced as a whole."""

    rights_holder: RightsHolder
    products: tuple[ReferenceProduct, ...] = ()
