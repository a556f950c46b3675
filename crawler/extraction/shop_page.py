"""What a shop's page says of the product that it sells, whichever way it says it.

Pages show more products than they sell: recommendations, the rest of the category. The product of a page is the one
that names the page's address, or bears the page's heading, or is the only one there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import lxml.etree
import lxml.html

from crawler.extraction.cards import is_on_card, leads_away
from crawler.extraction.document import Document
from crawler.extraction.offer import (
    OFFER_TYPES,
    OfferFields,
    SellerFields,
    absolute,
    is_product,
    last_segment,
    read_product,
)
from crawler.extraction.reading import FieldReading, read_fields
from crawler.extraction.stock import BuyControl, buy_controls
from crawler.extraction.structured import StructuredData, read_structured, types
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean
from crawler.manners.canonical import same_host
from domain.errors import BadInput
from domain.listing import Seller

_PRODUCT_GRAPHS = frozenset({"product", "og:product", "product.item", "product.group"})
_ARTICLES = frozenset({"article", "newsarticle", "blogposting", "review", "howto", "recipe", "collectionpage"})
_SURE, _LEAST_SUPPORT, _SURELY_OUT = 0.5, 0.3, 0.7
_STRONG_SCORE, _LEAST_SCORE = 5.0, 3.5
_NEAR = 150
"""Elements between a price and the control that buys for it."""
_MOST_STRONG_PRICES = 3
_MOST_CONTROLS = 8
_AUTHORS: Any = lxml.etree.XPath('//a[@rel][@href][contains(concat(" ", normalize-space(@rel), " "), " author ")]')
_CANONICALS: Any = lxml.etree.XPath('//link[translate(@rel, "CANOIL", "canoil")="canonical"]/@href')
_HEADINGS: Any = lxml.etree.XPath("//h1")


class ShopPage:
    """A parsed page. What costs time is read when it is first asked for."""

    def __init__(self, html: str, url: str, also: Sequence[str] = ()) -> None:
        """Raises BadInput for what is no HTML. `also` are addresses that led there by redirects."""
        self.url, self.html = bare(url), html
        try:
            # comments part the text of pages that scripts made: "$<!-- -->19.50" is one text
            parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
            self.tree = lxml.html.fromstring(html.encode("utf-8", "replace"), parser=parser)
        except (lxml.etree.ParserError, ValueError) as error:  # an empty document is one of those
            raise BadInput(f"not HTML ({error})"[:200]) from error
        self.data = read_structured(self.tree, self.url, html)
        self.canonical = _canonical(self.tree, self.url)
        own = {self.url, self.canonical, self.data.graph_value("og:url"), *map(bare, also)}
        self.sources = _sources(self.tree, self.data, self.url, own)
        """What each syntax says of the product of this page."""

    @cached_property
    def document(self) -> Document:
        """The page as a reader sees it."""
        return Document(self.tree, self.url)

    @cached_property
    def fields(self) -> FieldReading:
        """What all of the page says of the product, and what is taken of it."""
        return read_fields(self.document, self.data, self.sources, self.controls, self.html)

    @cached_property
    def controls(self) -> list[BuyControl]:
        """What buys the page's product."""
        return buy_controls(self.document)

    @cached_property
    def said(self) -> OfferFields:
        """What structured data says, all syntaxes together."""
        return _merged(self.sources) if self.sources else OfferFields()

    @cached_property
    def title(self) -> str:
        """The product's name, else the page's heading."""
        heading = self.document.heading if not self.said.title else -1
        return self.said.title or (clean(self.document.text(heading), MAX_TITLE) if heading >= 0 else "")

    @property
    def is_offered(self) -> bool:
        """Whether the page is surely that of one item for sale."""
        # a product that nobody offers is an article about it
        if any(source.offered or source.id for source in self.sources):
            return True
        return self._may_show_item() and self._shows_item()

    @cached_property
    def address(self) -> str:
        """The canonical address where it can be believed: some sites name their front page on every page."""
        if not self.canonical:
            return self.url
        agreed = {bare(self.said.url), bare(self.data.graph_value("og:url"))}
        believed = urlsplit(self.canonical).path == urlsplit(self.url).path or self.canonical in agreed
        return self.canonical if believed else self.url

    @cached_property
    def seller(self) -> Seller:
        """Who offers: by structured data, by a link to the author, or else the shop itself."""
        return _seller(self.tree, self.data, self.said.seller, self.url)

    def syntax_of(self, field: str) -> str:
        """The syntax that `said` has this field from."""
        return next((source.syntax for source in self.sources if getattr(source, field)), "")

    def _may_show_item(self) -> bool:
        """A quick look, so that pages of other kinds cost little."""
        if self._kinds & _ARTICLES or self.data.graph_value("og:type").lower() in ("article", "blog", "profile"):
            return False
        return self.document.heading >= 0

    @cached_property
    def _kinds(self) -> set[str]:
        return {kind for node in (*self.data.json_ld, *self.data.microdata) for kind in types(node)}

    def _shows_item(self) -> bool:
        """A heading, one price below it, and beside that a control that buys, or word that it is sold out."""
        is_one = len(self.controls) == 1
        # the list of a category has as many controls as it has products
        most = max(Counter(control.words for control in self.controls).values(), default=0)
        if most > _MOST_CONTROLS or (self._shows_list() and not is_one):
            return False
        price = self.fields.decisions.get("price")
        # where one thing only can be bought, a price beside it is surely its price
        score, support = (_LEAST_SCORE, _LEAST_SUPPORT) if is_one else (_STRONG_SCORE, _SURE)
        strong = {seen.amount for seen in self.fields.prices if not seen.old and seen.score >= _STRONG_SCORE}
        if price is None or price.support < support or len(strong) > _MOST_STRONG_PRICES:
            return False
        taken = [
            seen
            for seen in self.fields.prices
            if seen.score >= score and f"{seen.amount:f}" == price.value and not self._is_of_another_page(seen.place)
        ]
        if self.data.graph_value("og:type").lower() in _PRODUCT_GRAPHS:
            return bool(taken)
        if not self.controls:
            return bool(taken) and len(strong) == 1 and self._is_sold_out()
        return any(abs(seen.place - control.place) <= _NEAR for seen in taken for control in self.controls)

    def _is_of_another_page(self, place: int) -> bool:
        return leads_away(self.document, place) or is_on_card(self.document, place)

    def _shows_list(self) -> bool:
        """Whether several products, of which none is the page's own, or a list of them is what it tells of."""
        products = sum(is_product(node) for node in (*self.data.json_ld, *self.data.microdata))
        return "itemlist" in self._kinds or (products > 1 and not self.sources)

    def _is_sold_out(self) -> bool:
        stated = self.fields.decisions.get("availability")
        return stated is not None and stated.value == "OutOfStock" and stated.support >= _SURELY_OUT


def _sources(tree: Any, data: StructuredData, url: str, own: set[str]) -> list[OfferFields]:
    """What each syntax says of the product of this page; empty when none tells of one."""
    headings = _headings(tree, data)
    sources: list[OfferFields] = []
    for syntax, nodes in (("json-ld", data.json_ld), ("microdata", data.microdata), ("rdfa", data.rdfa)):
        products = [read_product(node, url, syntax) for node in nodes if is_product(node)]
        main = _main([product for product in products if product.title], url, own, headings)
        if main:
            sources.append(main)
    graph = _graph(data, url)
    if graph.offered or (sources and graph.title):
        sources.append(graph)
    lone = [node for node in data.microdata if types(node) & OFFER_TYPES]
    if sources and len(lone) == 1:
        sources.append(read_product({"offers": lone[0]}, url, "microdata"))
    return sources


def _main(products: Sequence[OfferFields], url: str, own: set[str], headings: set[str]) -> OfferFields | None:
    here = [product for product in products if product.url and bare(product.url) in own]
    named = [product for product in products if product.title.casefold() in headings]
    if here or named:
        return _most_said(here or named)
    # what names another page of this site is a card that leads there; another site's is an advertisement more often
    # than a shop that changed its name
    homeless = [p for p in products if not p.url] or [p for p in products if not same_host(p.url, url)]
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
        syntax="opengraph",
        offered=bool(price) and (kind in _PRODUCT_GRAPHS or "product:price:amount" in data.open_graph),
    )


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


def _seller(tree: Any, data: StructuredData, said: SellerFields, url: str) -> Seller:
    """Who offers: by structured data, by a link to the author, or else the shop itself."""
    linked = [(last_segment(link.get("href")), clean(link.text_content())) for link in _AUTHORS(tree)[:1]]
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
    texts = [clean(heading.text_content(), MAX_TITLE) for heading in _HEADINGS(tree)[:5]]
    texts += [clean(data.graph_value("og:title"), MAX_TITLE)]
    return {text.casefold() for text in texts if text}


def _canonical(tree: Any, url: str) -> str:
    for link in _CANONICALS(tree)[:1]:
        try:
            canonical = bare(urljoin(url, str(link).strip()))
        except ValueError:
            return ""
        return canonical if same_host(canonical, url) else ""
    return ""


def bare(url: str) -> str:
    """A URL without fragment; an empty path is a slash."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path or "/", parts.query, ""))
