"""The site's pages as text: home, sections, sellers, items, feeds, robots.txt and sitemap."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import jinja2

from crawler.marketplace.drawing.design import Family
from crawler.marketplace.model import Marketplace, OfferedListing, PageStyle
from crawler.marketplace.streams import word_stream
from crawler.marketplace.structured import CONDITIONS, json_ld, shopify_product
from crawler.marketplace.words import invented_word

PAGE_SIZE = 24
_SECTIONS = {
    Family.BAG: ("bags", "Bags"),
    Family.SHOE: ("shoes", "Shoes"),
    Family.WATCH: ("watches", "Watches"),
    Family.BOTTLE: ("bottles", "Bottles"),
    Family.CHARGER: ("chargers", "Chargers"),
    Family.SHIRT: ("shirts", "Shirts"),
}
_COUNTRIES = {
    "US": "United States",
    "GB": "United Kingdom",
    "DE": "Germany",
    "CN": "China",
    "HK": "Hong Kong",
    "TR": "Türkiye",
    "FR": "France",
    "ES": "Spain",
    "PL": "Poland",
    "PT": "Portugal",
    "CA": "Canada",
    "NL": "Netherlands",
}
_COMMA_COUNTRIES = frozenset({"DE", "TR", "FR", "ES", "PL", "PT", "NL"})
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Renders a marketplace under one base URL. Methods raise KeyError for what is not there."""

    def __init__(self, marketplace: Marketplace, base_url: str) -> None:
        self.marketplace, self.base_url = marketplace, base_url
        self.site_name = invented_word(word_stream(marketplace.seed, "site"), 2) + " Market"
        loader = jinja2.FileSystemLoader(TEMPLATES)
        self._templates = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=False)
        shown = [listing for listing in marketplace.listings if listing.listing_id != marketplace.private_listing]
        self.paged = [listing for listing in shown if listing.style is not PageStyle.SHOPIFY]
        self.collective = [listing for listing in shown if listing.style is PageStyle.SHOPIFY]
        self._by_path = {listing.path: listing for listing in shown}
        self._by_seller: dict[str, list[OfferedListing]] = {seller.id: [] for seller in marketplace.sellers}
        for listing in shown:
            self._by_seller[listing.seller.id].append(listing)

    def home(self) -> str:
        """Sections, a few offers under tracking addresses, and a link to something sold."""
        first = {family: next(x for x in self._handsome if x.family is family) for family in self._families}
        return self._render(
            "home.html",
            page_title="Welcome",
            canonical=f"{self.base_url}/",
            count=len(self._by_path),
            seller_count=len(self._by_seller),
            tiles={_SECTIONS[family][0]: listing.images[0] for family, listing in first.items()},
            offers=[self._card(listing) for listing in self._handsome[:15]],
            sold_id=self.sold_id,
        )

    def section(self, slug: str, page: int) -> str:
        """One page of a section."""
        family, name = next(((f, n) for f, (s, n) in _SECTIONS.items() if s == slug), (None, ""))
        if family is None:
            raise KeyError(slug)
        listings = [listing for listing in self.paged if listing.family is family]
        return self._grid(listings, f"/category/{slug}", page, heading=name, current=slug)

    def collection(self, page: int) -> str:
        """One page of the Shopify-style shop."""
        note = "A shop of many hands."
        path = "/collections/all"
        return self._grid(self.collective, path, page, heading="The Collective", current="collective", note=note)

    def seller(self, seller_id: str, page: int) -> str:
        """One page of what a seller offers."""
        listings = self._by_seller[seller_id]
        seller = next(s for s in self.marketplace.sellers if s.id == seller_id)
        rating = f"{seller.feedback_score} ratings, {seller.feedback_percent} % positive."
        note = f"{rating} From {_COUNTRIES[seller.location]}."
        return self._grid(listings, f"/seller/{seller_id}", page, heading=seller.name, note=note)

    def sellers(self) -> str:
        """Everybody who sells here."""
        return self._render("sellers.html", page_title="All sellers", sellers=self.marketplace.sellers)

    def item(self, path: str) -> str:
        """A listing's page, marked up in the listing's style."""
        return self._item(self._by_path[path])

    def private(self, listing_id: str) -> str:
        """The page that robots.txt closes."""
        if listing_id != self.marketplace.private_listing:
            raise KeyError(listing_id)
        return self._item(self.marketplace.listing(listing_id))

    def products_json(self, limit: int, page: int) -> dict[str, Any]:
        """Shopify's feed: `limit` products (1 to 250) of the `page`-th page (1-based); an empty list after the last."""
        limit, page = min(max(limit, 1), 250), max(page, 1)
        chosen = self.collective[(page - 1) * limit : page * limit]
        return {"products": [shopify_product(listing, self._image_urls(listing)) for listing in chosen]}

    def meta_json(self) -> dict[str, Any]:
        """What a Shopify shop says of itself."""
        return {"id": self.marketplace.seed, "name": self.site_name, "currency": "USD", "country": "US"}

    def robots(self) -> str:
        """What crawlers may not fetch."""
        return f"User-agent: *\nDisallow: /private/\nDisallow: /cart\n\nSitemap: {self.base_url}/sitemap.xml\n"

    def sitemap(self) -> str:
        """Every public page once."""
        paths = ["/", *(f"/category/{slug}" for slug, _ in _SECTIONS.values()), "/collections/all", *self._by_path]
        entries = "".join(f"<url><loc>{escape(self.base_url + path)}</loc></url>\n" for path in paths)
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        return f"{head}{entries}</urlset>\n"

    @cached_property
    def sold_id(self) -> str:
        """An id that no listing has: the link to it leads to a 404."""
        return str(10**11 - 1 - self.marketplace.seed % 1000)

    @cached_property
    def _families(self) -> list[Family]:
        present = {listing.family for listing in self._handsome}
        return [family for family in _SECTIONS if family in present]

    @cached_property
    def _handsome(self) -> list[OfferedListing]:
        """Whose first picture is whole and shows one thing alone: for the home page."""
        faulty = {self.marketplace.broken_image_listing, self.marketplace.missing_image_listing}
        plain = {"jpeg", "resize", "flip", "crop"}
        recipes = self.marketplace.recipes
        return [
            listing
            for listing in self.paged
            if listing.listing_id not in faulty and set(recipes[listing.images[0]].edits) <= plain
        ]

    def _item(self, listing: OfferedListing) -> str:
        url = self.base_url + listing.path
        shopify = listing.style is PageStyle.SHOPIFY
        slug, name = ("collective", "The Collective") if shopify else _SECTIONS[listing.family]
        return self._render(
            "item.html",
            page_title=listing.title,
            canonical=url,
            current=slug,
            section_path="/collections/all" if shopify else f"/category/{slug}",
            section_name=name,
            style=listing.style.value,
            json_ld=json_ld(listing, url, self._image_urls(listing), self.base_url),
            images=self._image_urls(listing),
            amount=f"{listing.price:.2f}",
            price=written_price(listing),
            condition_url=CONDITIONS.get(listing.condition),
            country=_COUNTRIES[listing.seller.location],
            **{
                name: getattr(listing, name)
                for name in (
                    "listing_id",
                    "title",
                    "description",
                    "currency",
                    "brand",
                    "category",
                    "condition",
                    "quantity",
                    "seller",
                )
            },
        )

    def _grid(self, listings: Sequence[OfferedListing], path: str, page: int, *, heading: str, **more: Any) -> str:
        pages = max(1, -(-len(listings) // PAGE_SIZE))
        if not 1 <= page <= pages:
            raise KeyError(f"{path}?page={page}")
        shown = listings[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        return self._render(
            "grid.html",
            page_title=heading,
            heading=heading,
            offers=[self._card(listing, tracked=position % 9 == 4) for position, listing in enumerate(shown)],
            page=page,
            pages=pages,
            previous_page=f"{path}?page={page - 1}" if page > 1 else None,
            next_page=f"{path}?page={page + 1}" if page < pages else None,
            **more,
        )

    def _card(self, listing: OfferedListing, *, tracked: bool = False) -> dict[str, str]:
        return {
            "path": listing.path,
            "query": "?ref=grid&pos=top" if tracked else "",
            "image": f"/images/{listing.images[0]}.jpg",
            "title": listing.title,
            "price": written_price(listing),
            "seller": listing.seller.name,
        }

    def _image_urls(self, listing: OfferedListing) -> list[str]:
        return [f"{self.base_url}/images/{name}.jpg" for name in listing.images]

    def _render(self, template: str, **values: Any) -> str:
        sections = [_SECTIONS[family] for family in self._families]
        return self._templates.get_template(template).render(
            site_name=self.site_name, sections=sections, private_id=self.marketplace.private_listing, **values
        )


def written_price(listing: OfferedListing) -> str:
    """As a person reads it where the seller lives: ``1.299,00 €``, ``$1,299.00``, ``US $49.90``."""
    if listing.seller.location in _COMMA_COUNTRIES:
        swapped = f"{listing.price:,.2f}".translate(str.maketrans(",.", ".,"))
        return f"{swapped} {_SYMBOLS[listing.currency]}"
    written = f"{_SYMBOLS[listing.currency]}{_trimmed(listing.price)}"
    return f"US {written}" if listing.seller.location in ("CN", "HK") and listing.currency == "USD" else written


def _trimmed(price: Decimal) -> str:
    return f"{price:,.2f}"
