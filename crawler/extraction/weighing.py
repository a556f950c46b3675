"""What statements are worth in the light of each other: what a reader sees corrects what data says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from crawler.extraction.document import Document
from crawler.extraction.evidence import Decision, Statement, said
from crawler.extraction.visible_price import SeenPrice

_APART = re.compile(r"[\W_]+")
_STRONG = 7
"""The score of a price that is hardly another's."""


def weigh_prices(statements: Iterable[Statement], prices: Sequence[SeenPrice]) -> Iterator[Statement]:
    """Less for what data calls the price though the page shows it as the former one, or does not show it at all."""
    statements = list(statements)
    old = {price.amount for price in prices if price.old}
    current = {price.amount for price in prices if not price.old and price.score > 3}
    strong = {price.amount for price in prices if not price.old and price.score >= _STRONG}
    stated = {Decimal(each.value) for each in statements if each.field == "price" and each.source != "visible"}
    for each in statements:
        share = 1.0
        if each.field == "price":
            amount = Decimal(each.value)
            if each.source == "visible":
                # cents that stand in an element of their own, and were read as more digits
                share = 0.2 if amount / 100 in stated and amount not in stated else 1.0
            elif current and amount in old - current:
                share = 0.4
            elif strong and amount not in current | old and not strong & {100 * amount}:
                share = 0.6
        yield replace(each, weight=share * each.weight) if share != 1 else each


def weigh_numbers(statements: Sequence[Statement], document: Document) -> Iterator[Statement]:
    """Article numbers that no reader sees, less; those that stand in the address too, more.

    Shops number each variant for themselves; what they call the article number they print or use in its address.
    """
    seen = "\n".join(piece.text for piece in document.pieces)
    address = _APART.sub("", document.url.casefold())
    kinds = Counter(
        (each.field, each.source, each.where.rpartition(".")[2]) for each in set(statements) if each.field == "sku"
    )
    title = set(_APART.split(document.text(document.heading).casefold())) if document.heading >= 0 else set()
    for each in statements:
        if each.field != "sku":
            yield each
            continue
        if each.source == "url" and each.key in title:
            yield replace(each, weight=0.4 * each.weight)  # 10000 of a "power bank 10000 mAh"
            continue
        if each.source == "url" and len(each.key) >= 5 and each.value in seen:
            yield replace(each, weight=1.25 * each.weight)
            continue
        in_address = len(each.key) >= 5 and each.key in address
        if in_address and each.source != "url":
            yield said("sku", each.value, document.url, "url", "url", 0.9)
        share = 1.0 if in_address or each.value in seen else 0.7
        if kinds[each.field, each.source, each.where.rpartition(".")[2]] >= 4:
            share *= 0.5  # the numbers of its variants
        yield replace(each, weight=share * each.weight)


def is_copied(mpn: Decision, statements: Iterable[Statement]) -> bool:
    """Whether data merely repeats the shop's own number as the maker's; that tells nothing."""
    own = {each.key for each in statements if each.field == "sku" and each.source not in ("label", "named")}
    return mpn.best.source != "label" and mpn.best.key in own
