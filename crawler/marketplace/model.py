"""What a bundled marketplace is made of."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from crawler.marketplace.drawing.design import Design, Family
from crawler.marketplace.pictures import Picture, render
from domain.catalog import Money
from domain.listing import Seller

MARKETPLACE_NAME = "bundled-market"


class PageStyle(StrEnum):
    """How a shop marks its item pages up for machines."""

    JSON_LD = "json_ld"
    MICRODATA = "microdata"
    OPEN_GRAPH = "open_graph"
    SHOPIFY = "shopify"


@dataclass(frozen=True, kw_only=True, slots=True)
class InventedBrand:
    """A brand that exists nowhere else."""

    name: str
    rights_holder: str
    contact_email: str
    registration_number: str
    nice_classes: tuple[int, ...]
    currency: str
    logo: str
    """Name of the logo's picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InventedProduct:
    """One row of the catalog; color variants share `design.shape_seed`."""

    reference_id: str
    brand: str
    line: str
    """The product line's name, such as ``Kova``."""
    noun: str
    """What it is, in a shop's words."""
    color: str
    description: str
    """Never names the brand, so that copying it claims nothing."""
    price: Money
    minimum_advertised_price: Money | None
    category: str
    gtin: str
    design: Design
    pictures: tuple[str, ...]
    """Names of the catalog photos, main first."""

    @property
    def title(self) -> str:
        """As the feed writes it, without the brand."""
        return f"{self.line} {self.noun.title()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What a listing really is; one line of ``truth.jsonl``."""

    listing_id: str
    kind: str
    label: str
    """``infringing`` or ``legitimate``."""
    violations: tuple[str, ...] = ()
    reference_id: str | None = None
    edits: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "listing_id": self.listing_id,
            "kind": self.kind,
            "label": self.label,
            "violations": list(self.violations),
            "reference_id": self.reference_id,
            "edits": list(self.edits),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedListing:
    """An offer as its seller wrote it."""

    listing_id: str
    title: str
    description: str
    price: Decimal
    currency: str
    quantity: int
    brand: str | None
    category: str
    condition: str
    """``new``, ``used``, ``refurbished``; empty when the seller left it open."""
    seller: Seller
    images: tuple[str, ...]
    """Names of pictures, without folder or suffix."""
    style: PageStyle
    family: Family
    """Which section of the site it stands in."""

    @property
    def handle(self) -> str:
        """What stands in its address in a Shopify-style shop: the title's words, and the id's last digits."""
        words = re.findall(r"[a-z0-9]+", self.title.casefold())
        return "-".join((*words[:6], self.listing_id[-5:]))

    @property
    def path(self) -> str:
        """Where its page stands on the site."""
        return f"/products/{self.handle}" if self.style is PageStyle.SHOPIFY else f"/item/{self.listing_id}"

    def row(self) -> dict[str, Any]:
        """One line of ``listings.jsonl``."""
        return {
            "marketplace": MARKETPLACE_NAME,
            "listing_id": self.listing_id,
            "url": f"https://market.example/item/{self.listing_id}",
            "title": self.title,
            "description": self.description,
            "price": float(self.price),
            "currency": self.currency,
            "quantity": self.quantity,
            "brand": self.brand,
            "category": self.category,
            "condition": self.condition,
            "images": [f"listings/images/{name}.jpg" for name in self.images],
            "seller": {
                "id": self.seller.id,
                "name": self.seller.name,
                "feedback_score": self.seller.feedback_score,
                "feedback_percent": self.seller.feedback_percent,
                "location": self.seller.location,
            },
            "ships_from": self.seller.location,
        }


@dataclass(frozen=True, kw_only=True)
class Marketplace:
    """Brands, catalog, sellers, listings and the truth of each; pictures are drawn when first asked for."""

    seed: int
    brands: tuple[InventedBrand, ...]
    products: tuple[InventedProduct, ...]
    sellers: tuple[Seller, ...]
    authorized: Mapping[str, tuple[str, ...]]
    """Brand name to the ids or names of its authorized sellers."""
    listings: tuple[OfferedListing, ...]
    truths: tuple[Truth, ...]
    """In the order of `listings`."""
    recipes: Mapping[str, Picture]
    private_listing: str
    """Stands only in the area that robots.txt closes."""
    broken_image_listing: str
    """Its picture is served truncated."""
    missing_image_listing: str
    """Its picture is answered with 404."""
    slow_listing: str
    """Its page takes its time."""
    _drawn: dict[str, bytes] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def truth(self) -> tuple[dict[str, Any], ...]:
        """Rows as in ``truth.jsonl``."""
        return tuple(truth.row() for truth in self.truths)

    @property
    def reachable(self) -> frozenset[str]:
        """Listing ids that a crawler which keeps to robots.txt can reach."""
        return frozenset(listing.listing_id for listing in self.listings) - {self.private_listing}

    def listing(self, listing_id: str) -> OfferedListing:
        """One listing. Raises KeyError."""
        return self._by_id[listing_id]

    def picture(self, name: str) -> bytes:
        """The file's bytes (JPEG; PNG for a logo). Raises KeyError for a name that nobody uses."""
        recipe = self.recipes[name]
        # one picture at a time: drawing is the processor's work alone, and the sources of a copy are drawn once
        with self._lock:
            return self._draw(name, recipe)

    def write_catalog(self, folder: Path) -> None:
        """``products.tsv``, ``rights_holders.json``, photos and logos, as a rights holder would hand them in."""
        from crawler.marketplace.files import write_catalog

        write_catalog(self, folder)

    def write_listings(self, folder: Path) -> None:
        """``listings.jsonl``, ``truth.jsonl`` and the listings' photos."""
        from crawler.marketplace.files import write_listings

        write_listings(self, folder)

    @property
    def _by_id(self) -> dict[str, OfferedListing]:
        return {listing.listing_id: listing for listing in self.listings}

    def _draw(self, name: str, recipe: Picture) -> bytes:
        if name not in self._drawn:
            sources = tuple(self._draw(source, self.recipes[source]) for source in recipe.sources)
            self._drawn[name] = render(recipe, sources)
        return self._drawn[name]
