"""The page object of any shop, and the base of those of single marketplaces."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import attrs
import parsel
import web_poet

from crawler.extraction.named_parts import read_trail
from crawler.extraction.offer import absolute
from crawler.extraction.shop_page import ShopPage
from crawler.extraction.stock import ASSUMED
from crawler.extraction.text import MAX_DESCRIPTION, clean
from crawler.pages.item import OfferItem, Stated

_MOST_FOUND = 100
_LONGEST_SEARCHED = 1_000_000


@attrs.define(slots=False)
class ItemPage(web_poet.WebPage[OfferItem]):
    """An item page. Each field is what the generic reading says; a marketplace's replaces what it knows better."""

    shop: ShopPage
    """The page as the generic reading has it."""
    item_address: ClassVar[str] = ""
    """Of a marketplace: what the address of an item page looks like; the first group is the item's number."""

    @cached_property
    def selector(self) -> parsel.Selector:
        """The page as it was parsed already."""
        return parsel.Selector(root=self.shop.tree, type="html", base_url=self.shop.url)

    @web_poet.field
    def name(self) -> Stated:
        """The title."""
        return self._said("title", "name") if self.shop.said.title else Stated(self.shop.title, "css h1")

    @web_poet.field
    def description(self) -> Stated:
        """With its line breaks."""
        return self._said("description", "description")

    @web_poet.field
    def price(self) -> Stated:
        """The statement that most support, as it stands."""
        return self._decided("price")

    @web_poet.field
    def currency(self) -> Stated:
        """Of that price."""
        return self._decided("currency")

    @web_poet.field
    def productId(self) -> str:
        """The number in the address; of any shop, what structured data numbers the product by."""
        if self.item_address and (match := re.search(self.item_address, self.shop.url)):
            return Stated(match[1], "url")
        return self.shop.said.id

    @web_poet.field
    def sku(self) -> Stated:
        """The shop's article number."""
        return self._decided("sku")

    @web_poet.field
    def gtin(self) -> Stated:
        """With a check digit that holds."""
        return self._decided("gtin")

    @web_poet.field
    def mpn(self) -> Stated:
        """The maker's part number."""
        return self._decided("mpn")

    @web_poet.field
    def brand(self) -> Stated:
        """As stated, not looked up."""
        return self._decided("brand")

    @web_poet.field
    def availability(self) -> Stated:
        """Only what the page says; that it names a price is no word of it."""
        stated = self._decided("availability")
        return Stated("") if stated.where == ASSUMED else stated

    @web_poet.field
    def category(self) -> Stated:
        """Broader first."""
        if self.shop.said.category:
            return self._said("category", "category")
        return Stated(" > ".join(read_trail(self.shop.document)), "breadcrumbs")

    @web_poet.field
    def condition(self) -> Stated:
        """As the seller states it."""
        return self._said("condition", "offers/itemCondition")

    @web_poet.field
    def quantity(self) -> int | None:
        """Pieces on offer."""
        return self.shop.said.quantity

    @web_poet.field
    def shipsFrom(self) -> Stated:
        """A country."""
        return self._said("ships_from", "offers/shippingDetails")

    @web_poet.field
    def images(self) -> tuple[str, ...]:
        """Of the product."""
        return self.shop.said.images or absolute(self.shop.data.open_graph.get("og:image", ()), self.shop.url)

    @web_poet.field
    def sellerId(self) -> str:
        """The host, where nobody else is named."""
        return self.shop.seller.id

    @web_poet.field
    def sellerName(self) -> str:
        """As shown."""
        return self.shop.seller.name

    @web_poet.field
    def sellerLocation(self) -> str:
        """As shown."""
        return self.shop.seller.location

    @web_poet.field
    def sellerFeedbackScore(self) -> int | None:
        """Ratings counted."""
        return self.shop.seller.feedback_score

    @web_poet.field
    def sellerFeedbackPercent(self) -> float | None:
        """Share of positive feedback."""
        return self.shop.seller.feedback_percent

    def item(self) -> OfferItem:
        """The item. What a marketplace's does not find is as the generic reading has it; the seller as a whole."""
        item = web_poet.fields.item_from_fields_sync(self, OfferItem)
        if type(self) is ItemPage:
            return item
        generic = web_poet.fields.item_from_fields_sync(ItemPage(response=self.response, shop=self.shop), OfferItem)
        stated = item.filled()
        known_seller = any(name.startswith("seller") for name in stated)
        rest = {
            name: value
            for name, value in generic.filled().items()
            if name not in stated and not (known_seller and name.startswith("seller"))
        }
        return attrs.evolve(item, **rest)

    def first(self, *selectors: str, attribute: str = "", pattern: str = "") -> Stated:
        """The text (or `attribute`) of the first element that one of the CSS selectors finds; empty when none does.

        `pattern` is looked for in it: its first group is taken, and an element without it is passed over.
        """
        for selector in selectors:
            for node in self.css(selector)[:_MOST_FOUND]:
                text = node.attrib.get(attribute, "") if attribute else " ".join(node.css("*::text").getall()[:200])
                if pattern:
                    match = re.search(pattern, text[:_LONGEST_SEARCHED])
                    text = match[1] if match else ""
                if text := clean(text, MAX_DESCRIPTION if not pattern else 500).replace("\n", " "):
                    return Stated(text, f"css {selector}" + (f" @{attribute}" if attribute else ""))
        return Stated("")

    def _decided(self, field: str) -> Stated:
        decision = self.shop.fields.decisions.get(field)
        if decision is None:
            return Stated("")
        return Stated(decision.best.raw if field == "price" else decision.value, decision.best.where)

    def _said(self, field: str, path: str) -> Stated:
        return Stated(getattr(self.shop.said, field), f"{self.shop.syntax_of(field)} Product/{path}")


def by_css(*selectors: str, attribute: str = "", pattern: str = "") -> Any:
    """A field that is what `ItemPage.first` finds."""
    read: Callable[[ItemPage], Stated] = lambda page: page.first(*selectors, attribute=attribute, pattern=pattern)  # noqa: E731
    read.__name__ = "by_css"
    return web_poet.field(read, meta={"css": selectors})
