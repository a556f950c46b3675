"""Structured data of a page in one form, whichever syntax it was written in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import lxml.etree
import lxml.html
from extruct.jsonld import JsonLdExtractor  # type: ignore[import-untyped]
from extruct.opengraph import OpenGraphExtractor  # type: ignore[import-untyped]
from extruct.w3cmicrodata import MicrodataExtractor  # type: ignore[import-untyped]

Node = Mapping[str, Any]
"""A thing of schema.org: property names to values; ``@type`` and ``@id`` as in JSON-LD."""

_JSON_LD = "application/ld+json"
# a product in RDFa has a type; other RDFa is not worth the library, which is large and slow
_RDFA_PRODUCT = re.compile(r"\btypeof=[\"']?[^\"'>]{0,60}\b(?:Product|Offer|ProductModel|SomeItems)\b", re.I)
_MOST_RDFA = 1_500_000
_IS_TYPED = lxml.etree.XPath("boolean(//@typeof)")
_SCHEMA = (
    "http://schema.org/",
    "https://schema.org/",
    "http://purl.org/goodrelations/v1#",
    "http://rdf.data-vocabulary.org/#",
)
_GOOD_RELATIONS = {
    "hasPriceSpecification": "priceSpecification",
    "hasCurrencyValue": "price",
    "hasCurrency": "priceCurrency",
    "hasEAN_UCC-13": "gtin13",
    "hasGTIN-14": "gtin14",
    "hasMPN": "mpn",
    "hasStockKeepingUnit": "sku",
    "hasManufacturer": "manufacturer",
}
_MOST_NODES = 2_000
_DEEPEST = 20
# where pages put their products, apart from the top
_CONTAINERS = ("@graph", "mainEntity", "mainEntityOfPage", "about")


@dataclass(frozen=True, kw_only=True, slots=True)
class StructuredData:
    """What a page says to machines."""

    json_ld: tuple[Node, ...]
    """Top-level things, graphs opened."""
    microdata: tuple[Node, ...]
    """Top-level things."""
    rdfa: tuple[Node, ...]
    """Things of schema.org, those that others hold put into these."""
    open_graph: Mapping[str, tuple[str, ...]]
    """Property names in lower case, such as ``product:price:amount``, to values in the order given."""
    broken: tuple[str, ...]
    """Why parts could not be parsed. Such a page may have said more than is known of it."""

    def graph_value(self, *names: str) -> str:
        """The first value of the first of these OpenGraph properties that is there; else empty."""
        return next((value for name in names for value in self.open_graph.get(name, ()) if value), "")


def read_structured(tree: lxml.html.HtmlElement, url: str, html: str) -> StructuredData:
    """JSON-LD, microdata, RDFa and OpenGraph of a parsed page. Never raises for what stands in the page."""
    broken: list[str] = []

    def attempt(syntax: str, read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - foreign parsers on hostile pages: whatever they raise, it is unreadable
            broken.append(f"{syntax}: {type(error).__name__}: {error}"[:200])
            return []

    json_ld: list[Node] = []
    # one by one: a broken block must not hide the good ones beside it
    for block in tree.iter("script"):
        if block.get("type", "").strip().lower().startswith(_JSON_LD):
            block.set("type", _JSON_LD)  # the one spelling that the parser knows
            json_ld += _opened(attempt("JSON-LD", partial(JsonLdExtractor().extract_items, block)))
    # to look for a syntax that is not there costs as much as to read it
    microdata: list[dict[str, Any]] = []
    if "itemscope" in html:
        microdata = attempt("microdata", lambda: MicrodataExtractor().extract_items(tree, url))
    rdfa: list[dict[str, Any]] = []
    if _IS_TYPED(tree) and len(html) <= _MOST_RDFA and _RDFA_PRODUCT.search(html):
        rdfa = attempt("RDFa", lambda: _read_rdfa(html, url))
    graph = attempt("OpenGraph", lambda: OpenGraphExtractor().extract_items(tree))
    return StructuredData(
        json_ld=tuple(json_ld[:_MOST_NODES]),
        microdata=tuple(_uniform(item) for item in microdata[:_MOST_NODES]),
        rdfa=tuple(rdfa[:_MOST_NODES]),
        open_graph=_properties(graph),
        broken=tuple(broken),
    )


def _opened(items: Sequence[Any], depth: int = 0) -> Iterator[Node]:
    for item in items:
        if isinstance(item, dict) and depth < _DEEPEST:
            yield item
            for name in _CONTAINERS:
                yield from _opened(listed(item.get(name)), depth + 1)


def _uniform(item: Mapping[str, Any], depth: int = 0) -> Node:
    node: dict[str, Any] = {"@type": item.get("type", ""), "@id": item.get("id", "")}
    for name, value in item.get("properties", {}).items():
        node[name] = _plain(value, depth)
    if "value" in item and "properties" not in item:
        node["name"] = item["value"]
    return node


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, list):
        return [_plain(each, depth) for each in value]
    if isinstance(value, dict):
        return _uniform(value, depth + 1) if depth < _DEEPEST else {}
    return value


def _read_rdfa(html: str, url: str) -> list[Any]:
    """Triples about things, to things: names without their vocabulary, what is referred to put in its place."""
    from extruct.rdfa import RDFaExtractor  # type: ignore[import-untyped]

    triples = RDFaExtractor().extract(html, url, expanded=True)
    things = {thing["@id"]: thing for thing in triples if isinstance(thing, dict) and isinstance(thing.get("@id"), str)}

    def nested(thing: Mapping[str, Any], depth: int) -> Node:
        node: dict[str, Any] = {"@type": thing.get("@type", []), "@id": thing.get("@id", "")}
        for name, values in thing.items():
            if not name.startswith("@"):
                node[_local(name)] = [value(each, depth) for each in listed(values)]
        return node

    def value(each: Any, depth: int) -> Any:
        if not isinstance(each, dict):
            return each
        if "@value" in each:
            return each["@value"]
        known = things.get(each.get("@id", ""))
        return nested(known, depth + 1) if known and depth < 4 else each.get("@id", "")

    # a page is a thing too, and holds the products that it names
    return [nested(thing, 0) for thing in list(things.values())[:200] if thing.get("@type")]


def _local(name: str) -> str:
    short = next((name.removeprefix(vocabulary) for vocabulary in _SCHEMA if name.startswith(vocabulary)), name)
    return _GOOD_RELATIONS.get(short, short)


def _properties(graph: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in graph:
        for name, value in part.get("properties", ()):
            if isinstance(value, str):
                found[name.lower()] = (*found.get(name.lower(), ()), value.strip())
    return found


def listed(value: Any) -> list[Any]:
    """A value that may be one, several or none, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def types(node: Node) -> frozenset[str]:
    """The node's types without their vocabulary, lower case: ``http://schema.org/Product`` is ``product``."""
    return frozenset(
        kind.rstrip("/").replace("#", "/").replace(":", "/").rpartition("/")[2].lower()
        for kind in listed(node.get("@type"))
        if isinstance(kind, str)
    )
