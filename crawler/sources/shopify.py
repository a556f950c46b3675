"""Shops that run on Shopify list all their products as JSON at ``/products.json``, page by page.

The format is not documented by its maker; it is what every such shop answers. It tells neither the currency nor who
sells: its ``vendor`` is the maker of the goods, and taking that for the seller would let a shop of copies pass for the
brand itself. So the product's own page is read too, and merged with its entry (see `crawler.sources.listed`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

from crawler.extraction.price import read_price
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean
from crawler.sources.interface import Answer, Ask, Offer, Priority, Reading
from crawler.sources.json_answer import Item, mapping, picture_urls, sequence
from crawler.sources.listed import page_ask
from domain.listing import Listing, Seller

PAGE_SIZE = 250
"""The most products that such a shop puts on one page."""
MOST_PAGES = 400
"""Of one list; such a shop answers with an error long before."""

_LIST = "products.json"
_DETAILS = "meta.json"
_CURRENCY = re.compile(r"""Shopify\.currency\s*=\s*\{\s*"active"\s*:\s*"([A-Z]{3})\"""")
_CODE = re.compile(r"[A-Z]{3}")
_MARKS = ("cdn.shopify.com", "Shopify.theme", "Shopify.shop", "shopify-section")
# every such shop has its addresses like this; others do too, so it is worth a question, not more
_ADDRESSES = re.compile(r"""href=["']?(https?://[^/"'\s>]+)?/(collections|products)/[\w%-]""")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductList:
    """One page of a shop's products."""

    offers: tuple[Offer, ...]
    products: int
    """How many stood there; more than `offers` where some could not be read."""
    beyond: int
    """How many of them no such shop would have put there, after the first `PAGE_SIZE`; they were not looked at."""


class ShopifySource:
    """A shop's list of products. What its amounts are in is asked for first, where its page does not say."""

    name = "shopify"

    def recognize(self, page: Answer) -> Sequence[Ask]:
        """The shop's currency or, where the page states it, the first page of its list."""
        html = page.text
        if not may_be_shopify(html):
            return ()
        products, currency = product_list_url(page.url), stated_currency(html)
        return (_list_ask(products, currency, page.url, depth=1) if currency else _details_ask(products, page.url, 1),)

    def read(self, ask: Ask, answer: Answer) -> Reading:
        """One page of the list, or the currency. A list that was asked for without one is asked for again after it."""
        if not is_product_list(answer.url):
            return Reading(asks=self._after_details(ask, stated_currency(answer.text)), again=True)
        if "currency" not in ask.context:
            return Reading(asks=(_details_ask(product_list_url(answer.url), answer.url, ask.depth),), again=True)
        return self._read_list(ask, answer, clean(ask.context["currency"]))

    def missed(self, ask: Ask) -> Reading:
        """Without a currency, the list all the same: its amounts stay as they stand."""
        return Reading(asks=self._after_details(ask, ""))

    def _after_details(self, ask: Ask, currency: str) -> tuple[Ask, ...]:
        products = _list_of(ask)
        return (_list_ask(products, currency, ask.referer, ask.depth),) if products else ()

    def _read_list(self, ask: Ask, answer: Answer, currency: str) -> Reading:
        found = read_product_list(answer.text, answer.url, marketplace=answer.marketplace, currency=currency)
        if found is None:
            return Reading(problems=("not a list of products",))
        pages = tuple(page_ask(offer, depth=ask.depth + 1, referer=answer.url) for offer in found.offers)
        further = next_product_list(answer.url) if found.products else ""
        problems = tuple(_problems(found))
        if found.offers and not currency and _page_number(answer.url) == 1:
            problems = (*problems, "the shop states no currency, so that prices are kept as text")
        if further and _page_number(further) > MOST_PAGES:
            further, problems = "", (*problems, f"has more than {MOST_PAGES} pages; the rest was not read")
        more = (_list_ask(further, currency, ask.referer, ask.depth),) if further else ()
        return Reading(asks=(*more, *pages), problems=problems)


def may_be_shopify(html: str) -> bool:
    """Whether a page looks as if such a shop had made it; only its list can tell."""
    return any(mark in html for mark in _MARKS) or _ADDRESSES.search(html) is not None


def is_product_list(url: str) -> bool:
    """Whether a URL leads to such a list."""
    return urlsplit(url).path.endswith("/" + _LIST)


def product_list_url(page_url: str, page: int = 1) -> str:
    """The list's page of that number (from 1), of the shop at `page_url`: its root, or the list itself."""
    parts = urlsplit(page_url)
    root = parts.path.removesuffix(_LIST).rstrip("/") if is_product_list(page_url) else ""
    return urlunsplit(
        (parts.scheme, parts.netloc, f"{root}/{_LIST}", urlencode({"limit": PAGE_SIZE, "page": page}), "")
    )


def next_product_list(url: str) -> str:
    """The page after the one at `url`."""
    return product_list_url(url, _page_number(url) + 1)


def shop_details_url(url: str) -> str:
    """Where the shop of a list tells its currency."""
    return product_list_url(url).partition("?")[0].removesuffix(_LIST) + _DETAILS


def stated_currency(text: str) -> str:
    """The currency that a page of the shop, or its ``meta.json``, states; empty when it states none."""
    found = _CURRENCY.search(text)
    if found:
        return found.group(1)
    try:
        details = json.loads(text) if text[:50].lstrip().startswith("{") else {}
    except (ValueError, RecursionError):
        return ""
    said = clean(mapping(details).get("currency"))
    return said if _CODE.fullmatch(said) else ""


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
    offers = [
        _offer(Item(product, f"products[{place}]"), url, marketplace, currency) for place, product in enumerate(whole)
    ]
    return ProductList(
        offers=tuple(offer for offer in offers if offer), products=len(products), beyond=len(products) - len(whole)
    )


def _offer(product: Item, url: str, marketplace: str, currency: str) -> Offer | None:
    handle, title = clean(product.at("handle")), product.text("title", "title", longest=MAX_TITLE)
    if not handle or not title:
        return None
    amount = product.text("price", "variants[0].price")
    stated = clean(product.at("variants[0].currency")) or currency
    host = urlsplit(url).netloc
    sku = product.text("sku", "variants[0].sku")
    listing = Listing(
        marketplace=marketplace,
        listing_id=sku or handle,
        url=_product_url(handle, url),
        title=title,
        description=product.text("description", "body_html", longest=MAX_DESCRIPTION),
        price=read_price(amount, stated),
        price_raw=f"{amount} {stated}".strip() if amount else "",
        # below zero where a shop sells what it does not have yet
        quantity=product.count("quantity", "variants[0].inventory_quantity"),
        brand=product.text("brand", "vendor"),
        sku=sku,
        gtin=product.gtin("variants[0].barcode"),
        availability=_availability(product),
        category=product.text("category", "product_type"),
        seller=Seller(id=host, name=host),
        found=product.found,
    )
    pictures = (mapping(image).get("src") for image in sequence(product.at("images")))
    return Offer(listing=listing, image_urls=picture_urls(pictures, url))


def _availability(product: Item) -> str:
    """Of all variants: one that can be bought makes the product one that can."""
    said = [mapping(variant).get("available") for variant in sequence(product.at("variants"))]
    for available, word in ((True, "InStock"), (False, "OutOfStock")):
        if available in said and (available or all(each is False for each in said)):
            product.note("availability", available, f"variants[{said.index(available)}].available")
            return word
    return ""


def _product_url(handle: str, url: str) -> str:
    parts = urlsplit(url)
    root = parts.path.removesuffix(_LIST).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, f"{root}/products/{quote(handle)}", "", ""))


def _page_number(url: str) -> int:
    number = parse_qs(urlsplit(url).query).get("page", ["1"])[0]
    return int(number) if re.fullmatch(r"[0-9]{1,6}", number) else 1


def _problems(found: ProductList) -> Sequence[str]:
    counted = (
        (found.products - found.beyond - len(found.offers), "have no address or no title"),
        (found.beyond, f"after the first {PAGE_SIZE} of a page were not read"),
    )
    return [f"{count} products {why}" for count, why in counted if count]


def _list_of(ask: Ask) -> str:
    products = ask.context.get("list")
    return products if isinstance(products, str) else ""


def _list_ask(url: str, currency: str, referer: str, depth: int) -> Ask:
    return Ask(
        url=url,
        source=ShopifySource.name,
        context={"currency": currency},
        priority=Priority.API,
        depth=depth,
        referer=referer,
        optional=_page_number(url) == 1,
        # a list that was asked for before its currency was known is asked for again
        key=f"list {url}",
    )


def _details_ask(products: str, referer: str, depth: int) -> Ask:
    return Ask(
        url=shop_details_url(products),
        source=ShopifySource.name,
        context={"list": products},
        priority=Priority.API,
        depth=depth,
        referer=referer,
        optional=True,
    )
