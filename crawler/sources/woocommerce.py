"""Shops that run on WooCommerce publish their products by its Store API, which needs no key.

The format is documented at developer.woocommerce.com, "Store API"; WordPress names the root of its APIs in the page's
head (``rel="https://api.w.org/"``), which matters for shops in a subfolder and those without readable addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import lxml.etree
import lxml.html

from crawler.extraction.price import read_price
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean
from crawler.manners.canonical import same_host
from crawler.sources.interface import Answer, Ask, Offer, Priority, Reading
from crawler.sources.json_answer import (
    BrokenAnswer,
    Item,
    absolute_url,
    at,
    mapping,
    parsed,
    picture_urls,
    sequence,
    whole_number,
    words,
)
from crawler.sources.listed import page_ask
from domain.listing import Listing, Seller

PAGE_SIZE = 100
"""The most products that the API puts on one page."""
MOST_PAGES = 1_000
"""Of one shop's products."""

_ROUTE = "wc/store/v1/products"
_PLUGIN = "wp-content/plugins/woocommerce"
_API = "https://api.w.org/"
_API_HEADER = re.compile(r"""<([^<>]{1,2000})>\s*;\s*rel="?https://api\.w\.org/"?""", re.I)
_LONGEST_TAG = 5_000
_MOST_LINKS = 3
_BRANDS = frozenset({"brand", "brands", "marke", "marque", "marca", "merk", "brend", "manufacturer", "hersteller"})
_GTINS = frozenset({"gtin", "gtin13", "gtin14", "gtin12", "gtin8", "ean", "ean13", "upc", "isbn", "barcode"})
_MOST_DIGITS = 15
_MOST_DECIMALS = 4
_MOST_TOLD = 20


class WooCommerceSource:
    """A shop's products, page by page. The API does not tell who sells: each product's page is asked for, too."""

    name = "woocommerce"

    def recognize(self, page: Answer) -> Sequence[Ask]:
        """The first page of the products of a shop of this kind."""
        if not may_be_woocommerce(page.text):
            return ()
        return (_ask(products_url(api_root(page), 1), referer=page.url, depth=1),)

    def read(self, ask: Ask, answer: Answer) -> Reading:
        """One page of the products."""
        try:
            products = parsed(answer)
            if not isinstance(products, list):
                raise BrokenAnswer(f"no list of products ({words(mapping(products).get('message')) or 'no reason'})")
        except BrokenAnswer as error:
            return Reading(problems=(str(error),))
        items = [Item(product, f"[{place}]") for place, product in enumerate(products[:PAGE_SIZE])]
        offers = [offer for item in items if (offer := _offer(item, answer))]
        pages = tuple(page_ask(offer, depth=ask.depth + 1, referer=answer.url) for offer in offers)
        further, problems = _next_page(answer, len(products)), list(_problems(products, offers))
        if further and _page_number(further) > MOST_PAGES:
            further = ""
            problems.append(f"has more than {MOST_PAGES} pages; the rest was not read")
        more = (_ask(further, referer=ask.referer, depth=ask.depth),) if further else ()
        return Reading(asks=(*more, *pages), problems=tuple(problems))

    def missed(self, ask: Ask) -> Reading:
        """Nothing: where the API is shut, the shop's pages are left."""
        return Reading()


def may_be_woocommerce(html: str) -> bool:
    """Whether a page looks as if such a shop had made it: by its plugin's files, or by what its body is called."""
    start = html.lower().find("<body")
    return _PLUGIN in html or (start >= 0 and "woocommerce" in html[start : start + _LONGEST_TAG].partition(">")[0])


def api_root(page: Answer) -> str:
    """Where the APIs of the WordPress site of a page begin: as it says on its own host, else the usual place."""
    for stated in _stated_roots(page):
        root = absolute_url(stated, page.url)
        if same_host(root, page.url):
            return root
    return urljoin(page.url, "/wp-json/")


def _stated_roots(page: Answer) -> Iterator[str]:
    if header := _API_HEADER.search(page.headers.get("link", "")):
        yield header.group(1)
    yield from _linked_roots(page.text)


def _linked_roots(html: str) -> Iterator[str]:
    """Of the ``link`` elements that name the APIs; found without reading the whole page, for each page is read so."""
    place = 0
    for _ in range(_MOST_LINKS):
        place = html.find(_API, place + 1)
        start = html.rfind("<link", max(0, place - _LONGEST_TAG), place)
        if place < 0 or start < 0:
            return
        tag = html[start : place + _LONGEST_TAG].partition(">")[0] + ">"
        try:
            yield lxml.html.fragment_fromstring(tag).get("href") or ""
        except (lxml.etree.ParserError, ValueError):
            continue


def products_url(root: str, page: int) -> str:
    """The page of that number (from 1) of the products, below the root of a site's APIs.

    Sites without readable addresses have their roots as ``/?rest_route=/``.
    """
    parts = urlsplit(root)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = parts.path
    if "rest_route" in query:
        query["rest_route"] = query["rest_route"].rstrip("/") + f"/{_ROUTE}"
    else:
        path = path.rstrip("/") + f"/{_ROUTE}"
    query |= {"per_page": str(PAGE_SIZE), "page": str(page)}
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode(query, safe="/"), ""))


def _next_page(answer: Answer, products: int) -> str:
    """The page after this one; empty when it was the last. Caches drop headers, so a full page may have a next one."""
    number = _page_number(answer.url)
    stated = whole_number(answer.headers.get("x-wp-totalpages", "").strip())
    if not products or (products < PAGE_SIZE if stated is None else number >= stated):
        return ""
    parts = urlsplit(answer.url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | {"per_page": str(PAGE_SIZE), "page": str(number + 1)}
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query, safe="/"), ""))


def _page_number(url: str) -> int:
    number = parse_qs(urlsplit(url).query).get("page", ["1"])[0]
    return int(number) if re.fullmatch(r"[0-9]{1,6}", number) else 1


def _offer(product: Item, answer: Answer) -> Offer | None:
    title = product.text("title", "name", longest=MAX_TITLE)
    url = absolute_url(product.at("permalink"), answer.url)
    host = urlsplit(answer.url).netloc
    if not title or not same_host(url, answer.url):
        return None
    product.note("url", url, "permalink")
    stated, currency = product.text("price", "prices.price"), clean(product.at("prices.currency_code"))
    amount = _amount(product)
    sku = product.text("sku", "sku")
    listing = Listing(
        marketplace=answer.marketplace,
        # as the shop's own pages number it, see WooCommerce's structured data: the stock number, else its own
        listing_id=sku or clean(product.at("id")) or clean(product.at("slug")) or url,
        url=url,
        title=title,
        description=product.text("description", "description", "short_description", longest=MAX_DESCRIPTION),
        price=read_price(amount, currency),
        price_raw=f"{amount or stated} {currency}".strip(),
        quantity=product.count("quantity", "low_stock_remaining"),
        brand=_brand(product),
        sku=sku,
        gtin=_gtin(product),
        availability=_availability(product),
        category=_categories(product),
        seller=Seller(id=host, name=host),
        found=product.found,
    )
    pictures = (mapping(image).get("src") for image in sequence(product.at("images")))
    return Offer(listing=listing, image_urls=picture_urls(pictures, answer.url))


def _amount(product: Item) -> str:
    """The price in whole units: the API states it in the smallest of its currency, and how many those are."""
    stated, decimals = product.at("prices.price"), product.at("prices.currency_minor_unit")
    if not isinstance(stated, str) or not stated.isascii() or not stated.isdecimal() or len(stated) > _MOST_DIGITS:
        return ""
    if not isinstance(decimals, int) or isinstance(decimals, bool) or not 0 <= decimals <= _MOST_DECIMALS:
        return ""
    return str(Decimal(stated).scaleb(-decimals))


def _brand(product: Item) -> str:
    return product.text("brand", "brands[0].name") or product.text(
        "brand", *(f"{path}.terms[0].name" for path in _attributes(product, _BRANDS))
    )


def _gtin(product: Item) -> str:
    # shops without a field for it write it as an attribute, or as the stock number
    return product.gtin(*(f"{path}.terms[0].name" for path in _attributes(product, _GTINS)))


def _attributes(product: Item, names: frozenset[str]) -> list[str]:
    """Paths of the attributes of these names, which are fixed, not one of a variant's choices."""
    found = []
    for place, attribute in enumerate(sequence(product.at("attributes"))[:_MOST_TOLD]):
        name = re.sub(r"[^a-z0-9]", "", clean(mapping(attribute).get("name")).lower())
        if name in names and len(sequence(at(attribute, "terms"))) == 1:
            found.append(f"attributes[{place}]")
    return found


def _availability(product: Item) -> str:
    stated = product.at("is_in_stock")
    if not isinstance(stated, bool):
        return ""
    product.note("availability", stated, "is_in_stock")
    return "InStock" if stated else "OutOfStock"


def _categories(product: Item) -> str:
    names = [clean(mapping(each).get("name")) for each in sequence(product.at("categories"))[:_MOST_TOLD]]
    if any(names):
        product.note("category", [name for name in names if name], "categories")
    return ", ".join(filter(None, names))[:500]


def _problems(products: Sequence[Any], offers: Sequence[Offer]) -> Iterator[str]:
    unread = min(len(products), PAGE_SIZE) - len(offers)
    if unread:
        yield f"{unread} products have no title, or no address on this site"
    if len(products) > PAGE_SIZE:
        yield f"{len(products) - PAGE_SIZE} products after the first {PAGE_SIZE} of a page were not read"


def _ask(url: str, *, referer: str, depth: int) -> Ask:
    return Ask(
        url=url,
        source=WooCommerceSource.name,
        headers={"Accept": "application/json"},
        priority=Priority.API,
        depth=depth,
        referer=referer,
        optional=_page_number(url) == 1,
    )
