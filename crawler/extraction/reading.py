"""Every statement of a page about its product, and what is taken of them field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from crawler.extraction.document import Document
from crawler.extraction.embedded import attribute_statements, embedded_statements
from crawler.extraction.evidence import Decision, Statement, decide
from crawler.extraction.labels import label_statements, named_statements
from crawler.extraction.meta import graph_statements, itemprop_statements, meta_statements, stated
from crawler.extraction.named_parts import brand_statements
from crawler.extraction.offer import OfferFields
from crawler.extraction.page_address import address_statements
from crawler.extraction.price import read_currency
from crawler.extraction.stock import BuyControl, stock_statements
from crawler.extraction.structured import StructuredData
from crawler.extraction.visible_price import SeenPrice, price_statements, visible_prices
from crawler.extraction.weighing import is_copied, weigh_numbers, weigh_prices

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

    def value(self, field: str) -> str:
        """The value taken, or empty."""
        decision = self.decisions.get(field)
        return decision.value if decision else ""


def read_fields(
    document: Document,
    data: StructuredData,
    sources: Sequence[OfferFields],
    controls: Sequence[BuyControl],
    html: str,
) -> FieldReading:
    """All that the page says; `sources` is what structured data says of the page's own product."""
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
            islice(attribute_statements(document, title, numbers), _MOST_EMBEDDED),
            named_statements(document),
            label_statements(document),
            brand_statements(document),
            address,
            price_statements(prices),
        )
    )
    statements = list(weigh_prices(weigh_numbers(statements, document), prices))
    statements += stock_statements(document, controls, priced=any(each.field == "price" for each in statements))
    decisions = {}
    for field in FIELDS:
        if decision := decide(statement for statement in statements if statement.field == field):
            decisions[field] = decision
    if "mpn" in decisions and is_copied(decisions["mpn"], statements):
        del decisions["mpn"]
    if currency := _currency(decisions, statements):
        decisions["currency"] = currency
    return FieldReading(decisions=decisions, statements=tuple(statements), prices=tuple(prices))


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
