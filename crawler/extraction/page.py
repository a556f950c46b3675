"""A page to the one offer that it makes, or to none.

Pages show more products than they sell: recommendations, the rest of the category. The product of a page is the one
that names the page's address, or bears the page's heading, or is the only one there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import lxml.etree
import lxml.html

from crawler.extraction.offer import (
    OFFER_TYPES,
    OfferFields,
    SellerFields,
    absolute,
    is_product,
    last_segment,
    read_product,
)
from crawler.extraction.price import read_price
from crawler.extraction.structured import StructuredData, read_structured, types
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean
from domain.listing import Listing, Seller

_PRODUCT_GRAPHS = frozenset({"product", "og:product", "product.item", "product.group"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A listing without its pictures, and where those are."""

    listing: Listing
    image_urls: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a page says of itself and of what it sells."""

    url: str
    """Without fragment."""
    canonical: str
    """The address it names as its proper one, on the same host; empty when it names none."""
    offer: Offer | None
    broken: tuple[str, ...]
    """Structured data that could not be parsed."""


def read_page(html: str, url: str, *, marketplace: str, also: Sequence[str] = ()) -> Page:
    """Read a page captured at `url`; `also` are addresses that led there by redirects. Never raises for its content."""
    url = _bare(url)
    try:
        tree = lxml.html.fromstring(html.encode("utf-8", "replace"), parser=lxml.html.HTMLParser(encoding="utf-8"))
    except (lxml.etree.ParserError, ValueError) as error:  # an empty document is one of those
        return Page(url=url, canonical="", offer=None, broken=(f"not HTML ({error})"[:200],))
    data = read_structured(tree, url)
    canonical = _canonical(tree, url)
    sources = _sources(tree, data, url, {url, canonical, data.graph_value("og:url"), *map(_bare, also)})
    offer = _offer(tree, data, sources, url, canonical, marketplace) if sources else None
    return Page(url=url, canonical=canonical, offer=offer, broken=data.broken)


def _sources(tree: Any, data: StructuredData, url: str, own: set[str]) -> list[OfferFields]:
    """What each syntax says of the product of this page; empty when this is no item page."""
    headings = _headings(tree, data)
    sources: list[OfferFields] = []
    for nodes in (data.json_ld, data.microdata):
        products = [read_product(node, url) for node in nodes if is_product(node)]
        main = _main([product for product in products if product.title], url, own, headings)
        if main:
            sources.append(main)
    graph = _graph(data, url)
    if graph.offered or (sources and graph.title):
        sources.append(graph)
    lone = [node for node in data.microdata if types(node) & OFFER_TYPES]
    if sources and len(lone) == 1:
        sources.append(read_product({"offers": lone[0]}, url))
    # a product that nobody offers is an article about it
    return sources if any(source.offered or source.id for source in sources) else []


def _main(products: Sequence[OfferFields], url: str, own: set[str], headings: set[str]) -> OfferFields | None:
    here = [product for product in products if product.url and _bare(product.url) in own]
    named = [product for product in products if product.title.casefold() in headings]
    if here or named:
        return _most_said(here or named)
    # what names another page of this site is a card that leads there; another site's is an advertisement more often
    # than a shop that changed its name
    homeless = [p for p in products if not p.url] or [p for p in products if not _same_host(p.url, url)]
    if len({product.title for product in homeless}) != 1:
        return None
    # the lone card of a category bears another heading than its own title
    words = set(homeless[0].title.casefold().split())
    fits = not headings or any(2 * len(words & set(heading.split())) > len(words) for heading in headings)
    return _most_said(homeless) if fits else None


def _most_said(products: Sequence[OfferFields]) -> OfferFields:
    return max(products, key=lambda product: (product.offered, bool(product.price)))


def _graph(data: StructuredData, url: str) -> OfferFields:
    price = data.graph_value("product:price:amount", "og:price:amount", "product:sale_price:amount")
    kind = data.graph_value("og:type").lower()
    return OfferFields(
        id=clean(data.graph_value("product:retailer_item_id", "product:retailer_part_no")),
        title=clean(data.graph_value("og:title"), MAX_TITLE),
        description=clean(data.graph_value("og:description"), MAX_DESCRIPTION),
        price=clean(price),
        currency=clean(data.graph_value("product:price:currency", "og:price:currency", "product:sale_price:currency")),
        brand=clean(data.graph_value("product:brand", "og:brand")),
        category=clean(data.graph_value("product:category")),
        condition=clean(data.graph_value("product:condition", "og:condition")),
        images=absolute(data.open_graph.get("og:image", ()) + data.open_graph.get("og:image:secure_url", ()), url),
        offered=bool(price) and (kind in _PRODUCT_GRAPHS or "product:price:amount" in data.open_graph),
    )


def _offer(
    tree: Any, data: StructuredData, sources: Sequence[OfferFields], url: str, canonical: str, marketplace: str
) -> Offer:
    said = _merged(sources)
    address = _address(url, canonical, said, data)
    images = next((source.images for source in sources if source.images), ())
    listing = Listing(
        marketplace=marketplace,
        listing_id=said.id or last_segment(address) or last_segment(url) or address,
        url=address,
        title=said.title,
        description=said.description,
        price=read_price(said.price, said.currency),
        price_raw=f"{said.price} {said.currency}".strip(),
        quantity=said.quantity,
        brand=said.brand,
        category=said.category,
        condition=said.condition,
        ships_from=said.ships_from,
        seller=_seller(tree, data, said.seller, url),
    )
    return Offer(listing=listing, image_urls=images)


def _merged(sources: Sequence[OfferFields]) -> OfferFields:
    """Field by field the first that says something; price and currency come from the same source."""
    priced = next((source for source in sources if source.price), sources[0])
    first = {
        field.name: next((value for source in sources if (value := getattr(source, field.name))), None)
        for field in fields(OfferFields)
    }
    filled = {name: value for name, value in first.items() if value is not None}
    currency = priced.currency or filled.get("currency", "")
    sellers = [source.seller for source in sources if source.seller.name]
    return OfferFields(
        **filled | {"price": priced.price, "currency": currency, "seller": sellers[0] if sellers else SellerFields()}
    )


def _address(url: str, canonical: str, said: OfferFields, data: StructuredData) -> str:
    """The canonical address where it can be believed: some sites name their front page on every page."""
    if not canonical:
        return url
    agreed = {_bare(said.url), _bare(data.graph_value("og:url"))}
    believed = urlsplit(canonical).path == urlsplit(url).path or canonical in agreed
    return canonical if believed else url


def _seller(tree: Any, data: StructuredData, said: SellerFields, url: str) -> Seller:
    """Who offers: by structured data, by a link to the author, or else the shop itself."""
    links = tree.xpath('//a[contains(concat(" ", normalize-space(@rel), " "), " author ")][@href]')
    linked = [(last_segment(link.get("href")), clean(link.text_content())) for link in links[:1]]
    linked_id, linked_name = linked[0] if linked else ("", "")
    host = urlsplit(url).netloc
    if said.name:
        # a name alone is no key where the page also links to the seller by one
        known = said.id if said.id != said.name or linked_name != said.name else linked_id
        return Seller(
            id=known or said.name,
            name=said.name,
            location=said.location,
            feedback_score=said.feedback_score,
            feedback_percent=said.feedback_percent,
        )
    if linked_name or linked_id:
        return Seller(id=linked_id or linked_name, name=linked_name or linked_id)
    return Seller(id=host, name=clean(data.graph_value("og:site_name")) or host)


def _headings(tree: Any, data: StructuredData) -> set[str]:
    texts = [clean(heading.text_content(), MAX_TITLE) for heading in tree.xpath("//h1")[:5]]
    texts += [clean(data.graph_value("og:title"), MAX_TITLE)]
    return {text.casefold() for text in texts if text}


def _canonical(tree: Any, url: str) -> str:
    for link in tree.xpath('//link[translate(@rel, "CANOIL", "canoil")="canonical"]/@href')[:1]:
        try:
            canonical = _bare(urljoin(url, str(link).strip()))
        except ValueError:
            return ""
        return canonical if _same_host(canonical, url) else ""
    return ""


def _bare(url: str) -> str:
    """Without fragment; an empty path is a slash."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path or "/", parts.query, ""))


def _same_host(one: str, other: str) -> bool:
    try:
        return urlsplit(one).netloc.lower() == urlsplit(other).netloc.lower()
    except ValueError:
        return False
