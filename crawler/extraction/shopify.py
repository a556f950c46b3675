"""Shops that run on Shopify list all their products as JSON at ``/products.json``, page by page.

The format is not documented by its maker; it is what every such shop answers. It tells neither the currency nor who
sells: its ``vendor`` is the maker of the goods, and taking that for the seller would let a shop of copies pass for the
brand itself. So the product's own page is read too, and `merged` with its entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

from crawler.extraction.offer import absolute
from crawler.extraction.page import Offer
from crawler.extraction.price import read_price
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean
from domain.listing import Listing, Seller

PAGE_SIZE = 250
"""The most products that such a shop puts on one page."""

_FILE = "products.json"
_CURRENCY = re.compile(r"""Shopify\.currency\s*=\s*\{\s*"active"\s*:\s*"([A-Z]{3})\"""")
_MARKS = ("cdn.shopify.com", "Shopify.theme", "Shopify.shop", "shopify-section")
# every such shop has its addresses like this; others do too, so it is worth a question, not more
_ADDRESSES = re.compile(r"""href=["']?(https?://[^/"'\s>]+)?/(collections|products)/[\w%-]""")
_LARGEST_QUANTITY = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductList:
    """One page of a shop's products."""

    offers: tuple[Offer, ...]
    products: int
    """How many stood there; more than `offers` where some could not be read."""
    beyond: int
    """How many of them no such shop would have put there, after the first `PAGE_SIZE`; they were not looked at."""


def may_be_shopify(html: str) -> bool:
    """Whether a page looks as if such a shop had made it; only its list can tell."""
    return any(mark in html for mark in _MARKS) or _ADDRESSES.search(html) is not None


def is_product_list(url: str) -> bool:
    """Whether a URL leads to such a list."""
    return urlsplit(url).path.endswith("/" + _FILE)


def product_list_url(page_url: str, page: int = 1) -> str:
    """The list's page of that number (from 1), of the shop at `page_url`: its root, or the list itself."""
    parts = urlsplit(page_url)
    root = parts.path.removesuffix(_FILE).rstrip("/") if is_product_list(page_url) else ""
    return urlunsplit(
        (parts.scheme, parts.netloc, f"{root}/{_FILE}", urlencode({"limit": PAGE_SIZE, "page": page}), "")
    )


def next_product_list(url: str) -> str:
    """The page after the one at `url`."""
    number = parse_qs(urlsplit(url).query).get("page", ["1"])[0]
    return product_list_url(url, int(number) + 1 if re.fullmatch(r"\d{1,6}", number) else 2)


def shop_details_url(url: str) -> str:
    """Where the shop of a list tells its currency."""
    return product_list_url(url).partition("?")[0].removesuffix(_FILE) + "meta.json"


def stated_currency(text: str) -> str:
    """The currency that a page of the shop, or its ``meta.json``, states; empty when it states none."""
    found = _CURRENCY.search(text)
    if found:
        return found.group(1)
    try:
        details = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return clean(details.get("currency")) if isinstance(details, dict) else ""


def read_product_list(text: str, url: str, *, marketplace: str, currency: str) -> ProductList | None:
    """The offers of one page of the list; None when it is no such list.

    A list states amounts without a currency; without `currency` the listings keep them as raw text only.
    """
    try:
        listing = json.loads(text)
    except (ValueError, RecursionError):
        return None
    products = listing.get("products") if isinstance(listing, dict) else None
    if not isinstance(products, list):
        return None
    whole = products[:PAGE_SIZE]
    offers = [_offer(product, url, marketplace, currency) for product in whole if isinstance(product, dict)]
    return ProductList(
        offers=tuple(offer for offer in offers if offer),
        products=len(products),
        beyond=len(products) - len(whole),
    )


def merged(page: Offer, listed: Offer) -> Offer:
    """A product's page with what only the list tells of it: its stock number, and whatever the page leaves open."""
    own, entry = page.listing, listed.listing
    seller_is_vendor = own.seller.name.casefold() == entry.brand.casefold()
    listing = replace(
        own,
        listing_id=entry.listing_id,
        title=entry.title,
        description=entry.description or own.description,
        price=own.price or entry.price,
        price_raw=own.price_raw or entry.price_raw,
        quantity=entry.quantity if own.quantity is None else own.quantity,
        brand=own.brand or ("" if seller_is_vendor else entry.brand),
        category=own.category or entry.category,
    )
    return Offer(listing=listing, image_urls=listed.image_urls or page.image_urls)


def _offer(product: Mapping[str, Any], url: str, marketplace: str, currency: str) -> Offer | None:
    variant = _first(product.get("variants"))
    handle = clean(product.get("handle"))
    title = clean(product.get("title"), MAX_TITLE)
    if not handle or not title:
        return None
    amount = clean(variant.get("price"))
    stated = clean(variant.get("currency")) or currency
    host = urlsplit(url).netloc
    listing = Listing(
        marketplace=marketplace,
        listing_id=clean(variant.get("sku")) or handle,
        url=_product_url(handle, url),
        title=title,
        description=clean(product.get("body_html"), MAX_DESCRIPTION),
        price=read_price(amount, stated),
        price_raw=f"{amount} {stated}".strip(),
        quantity=_quantity(variant),
        brand=clean(product.get("vendor")),
        category=clean(product.get("product_type")),
        seller=Seller(id=host, name=host),
    )
    pictures = product.get("images")
    sources = [image.get("src") for image in pictures if isinstance(image, dict)] if isinstance(pictures, list) else []
    return Offer(listing=listing, image_urls=absolute(sources, url))


def _product_url(handle: str, url: str) -> str:
    parts = urlsplit(url)
    root = parts.path.removesuffix(_FILE).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, f"{root}/products/{quote(handle)}", "", ""))


def _quantity(variant: Mapping[str, Any]) -> int | None:
    quantity = variant.get("inventory_quantity")
    if isinstance(quantity, int) and not isinstance(quantity, bool) and 0 <= quantity <= _LARGEST_QUANTITY:
        return quantity
    return None


def _first(value: Any) -> Mapping[str, Any]:
    first = value[0] if isinstance(value, list) and value else {}
    return first if isinstance(first, dict) else {}
