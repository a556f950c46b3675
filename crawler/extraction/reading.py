"""Every statement of a page about its product, and what is taken of them field by field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain, islice

from crawler.extraction.document import Document
from crawler.extraction.embedded import attribute_statements, embedded_statements
from crawler.extraction.evidence import Decision, Statement, decide, said
from crawler.extraction.labels import label_statements, named_statements
from crawler.extraction.meta import graph_statements, itemprop_statements, meta_statements, stated
from crawler.extraction.named_parts import brand_statements
from crawler.extraction.offer import OfferFields
from crawler.extraction.page_address import address_statements
from crawler.extraction.price import read_currency
from crawler.extraction.stock import BuyControl, buy_controls, stock_statements
from crawler.extraction.structured import StructuredData
from crawler.extraction.visible_price import SeenPrice, price_statements, visible_prices

_APART = re.compile(r"[\W_]+")
_MOST_EMBEDDED = 600
FIELDS = ("price", "currency", "sku", "gtin", "mpn", "brand", "availability")
"""What is decided by statements."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldReading:
    """What a page says of its product."""

    decisions: Mapping[str, Decision]
    """By field; fields that nothing is said of are not there."""
    statements: tuple[Statement, ...]
    prices: tuple[SeenPrice, ...]
    """Those on the page."""
    controls: tuple[BuyControl, ...]

    def value(self, field: str) -> str:
        """The value taken, or empty."""
        decision = self.decisions.get(field)
        return decision.value if decision else ""


def read_fields(document: Document, data: StructuredData, sources: Sequence[OfferFields], html: str) -> FieldReading:
    """All that the page says; `sources` is what structured data says of the page's own product."""
    controls = buy_controls(document)
    prices = visible_prices(document, [control.place for control in controls])
    title = next((source.title for source in sources if source.title), "") or document.text(
        max(document.heading, 0), 300
    )
    address = list(address_statements(document.url, html))
    numbers = frozenset(statement.value for statement in address)
    statements = list(
        chain(
            chain.from_iterable(structured_statements(source) for source in sources),
            graph_statements(data),
            meta_statements(document),
            itemprop_statements(document),
            islice(embedded_statements(document, title, numbers), _MOST_EMBEDDED),
            attribute_statements(document),
            named_statements(document),
            label_statements(document),
            brand_statements(document),
            address,
            price_statements(prices),
        )
    )
    statements = list(_without_old(_without_hidden(statements, document), prices))
    statements += stock_statements(document, controls, priced=any(each.field == "price" for each in statements))
    decisions = {}
    for field in FIELDS:
        if decision := decide(statement for statement in statements if statement.field == field):
            decisions[field] = decision
    # a shop's own number that was copied into another field tells nothing of the maker's
    if (
        "mpn" in decisions
        and decisions["mpn"].best.key
        in {each.key for each in statements if each.field == "sku" and each.source not in ("label", "named")}
        and decisions["mpn"].best.source != "label"
    ):
        del decisions["mpn"]
    if currency := _currency(decisions, statements):
        decisions["currency"] = currency
    return FieldReading(
        decisions=decisions, statements=tuple(statements), prices=tuple(prices), controls=tuple(controls)
    )


def structured_statements(source: OfferFields) -> Iterator[Statement]:
    """What one syntax says of the product."""
    syntax = source.syntax
    if syntax not in ("json-ld", "microdata", "rdfa"):
        return
    # of several offers another may be the one that is shown
    share = 0.8 if source.other_prices else 1.0
    yield from stated("price", source.price, f"{syntax} Product/offers/price", syntax, share, source.currency)
    for other in source.other_prices:
        yield from stated("price", other, f"{syntax} Product/offers", syntax, 0.45, source.currency)
    for field, place in (
        ("sku", "sku"),
        ("gtin", "gtin"),
        ("mpn", "mpn"),
        ("brand", "brand"),
        ("availability", "offers/availability"),
    ):
        yield from stated(field, getattr(source, field), f"{syntax} Product/{place}", syntax)
    if source.currency:
        yield from stated("currency", source.currency, f"{syntax} Product/offers/priceCurrency", syntax)
    # some put one number where another belongs
    yield from stated("gtin", source.sku, f"{syntax} Product/sku", syntax, 0.5)


def _without_old(statements: Iterable[Statement], prices: Sequence[SeenPrice]) -> Iterator[Statement]:
    """What data calls the price though the page shows it as the former one, is worth less."""
    old = {price.amount for price in prices if price.old}
    current = {price.amount for price in prices if not price.old and price.score > 3}
    for each in statements:
        if each.field == "price" and each.source != "visible" and Decimal(each.value) in old - current and current:
            yield replace(each, weight=0.4 * each.weight)
        else:
            yield each


def _without_hidden(statements: Sequence[Statement], document: Document) -> Iterator[Statement]:
    """Article numbers that no reader sees, less; those that stand in the address too, more.

    Shops number each variant for themselves; what they call the article number they print or use in its address.
    """
    seen = "\n".join(piece.text for piece in document.pieces)
    address = _APART.sub("", document.url.casefold())
    kinds = Counter(
        (each.field, each.source, each.where.rpartition(".")[2]) for each in set(statements) if each.field == "sku"
    )
    for each in statements:
        if each.field != "sku":
            yield each
            continue
        in_address = len(each.key) >= 5 and each.key in address
        if in_address and each.source != "url":
            yield said("sku", each.value, document.url, "url", "url", 0.9)
        share = 1.0 if in_address or each.value in seen else 0.7
        if kinds[each.field, each.source, each.where.rpartition(".")[2]] >= 4:
            share *= 0.5  # the numbers of its variants
        yield replace(each, weight=share * each.weight)


def _currency(decisions: Mapping[str, Decision], statements: Sequence[Statement]) -> Decision | None:
    """Of the statements of the price that was taken; else what the page says of its currency."""
    price = decisions.get("price")
    if price is None:
        return decisions.get("currency")
    named = [
        Statement(
            field="currency", value=code, raw=each.currency, where=each.where, source=each.source, weight=each.weight
        )
        for each in price.statements
        if (code := read_currency(each.currency))
    ]
    return decide(named) or decisions.get("currency")
