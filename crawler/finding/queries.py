"""From a catalog to the searches that find what misuses it, most promising first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from crawler.finding.product_names import product_types, short_names
from crawler.sources.interface import Query
from domain.catalog import Catalog, RightsHolder

MAX_TEXT = 100
"""Longest query: eBay's ``q`` takes no more (Browse API, ``item_summary/search``)."""
_LATER = 0.97
"""What the next query of the same kind is worth, as a share of the one before it."""
_WORTH = {
    "slang": 0.95,
    "picture": 0.9,
    "mark": 0.85,
    "branded": 0.8,
    "variant": 0.75,
    "type": 0.65,
    "unbranded": 0.6,
    "gtin": 0.5,
}
"""What the first query of each kind is worth beside the others. A judgement, not a measurement: who writes *replica*
sells one, and who copies a photo seldom changes it all, while a GTIN is stated by honest sellers mostly. What was
found before weighs in later (`crawler.finding.yields`)."""
_SHORT_LETTERS = 3


def _no_variants(_mark: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """What is known of words; this room looks none up itself."""

    is_everyday: Callable[[str], bool]
    """Whether a mark is an everyday word, which finds everything and nothing."""
    variants: Callable[[str], Sequence[str]] = _no_variants
    """How sellers write a mark so that a plain search misses it, most usual first."""
    slang: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Words of the replica trade by language (ISO 639-1), most telling first."""


def make_queries(
    catalog: Catalog, vocabulary: Vocabulary, *, most: int, languages: Sequence[str] = ()
) -> tuple[Query, ...]:
    """At most `most` queries of one rights holder, each once, by expected yield.

    `languages` are those that buyers on the marketplace speak; slang of others comes after theirs. Equal arguments give
    equal queries.
    """
    ranked: dict[tuple[str, str], tuple[float, Query]] = {}
    for kind, rank, query in _candidates(catalog, vocabulary, languages):
        worth = _WORTH[kind] * _LATER**rank
        key = (query.text.casefold(), query.image_sha256)
        if len(query.text) <= MAX_TEXT and (key not in ranked or worth > ranked[key][0]):
            ranked[key] = (worth, query)
    best = sorted(ranked.values(), key=lambda pair: (-pair[0], pair[1].text, pair[1].image_sha256))
    return tuple(query for _, query in best[: max(0, most)])


def _candidates(catalog: Catalog, vocabulary: Vocabulary, languages: Sequence[str]) -> Iterator[tuple[str, int, Query]]:
    """(kind, how many of its kind come before it, query)."""
    yield from _of_marks(catalog, vocabulary, languages)
    yield from _of_products(catalog, vocabulary)


def _of_marks(catalog: Catalog, vocabulary: Vocabulary, languages: Sequence[str]) -> Iterator[tuple[str, int, Query]]:
    holder = catalog.rights_holder
    types = product_types(catalog.products)
    for mark in map(_one_line, holder.marks):
        if not any(character.isalnum() for character in mark):
            continue
        subject = _subject(mark, types, vocabulary)
        if subject == mark:
            yield "mark", 0, _query(holder, mark, f"brand {mark}")
        for rank, kind in enumerate(types):
            yield "type", rank, _query(holder, f"{mark} {kind}", f"brand {mark} and what it is on")
        if not subject:
            continue
        for rank, (language, term) in enumerate(_in_turn(vocabulary.slang, languages)):
            reason = f"replica slang ({language}) with {mark}"
            yield "slang", rank, _query(holder, f"{subject} {term}", reason, language)
        if _letter_count(mark) > _SHORT_LETTERS:
            rest = subject[len(mark) :]
            for rank, variant in enumerate(vocabulary.variants(mark)):
                yield "variant", rank, _query(holder, variant + rest, f"coded variant of {mark}")


def _of_products(catalog: Catalog, vocabulary: Vocabulary) -> Iterator[tuple[str, int, Query]]:
    holder = catalog.rights_holder
    names = short_names(catalog.products, is_everyday=vocabulary.is_everyday)
    for rank, (product, name) in enumerate(zip(catalog.products, names, strict=True)):
        reason = f"product {product.reference_id}"
        brand = _one_line(product.brand)
        if name.text and brand:
            yield "branded", rank, _query(holder, f"{brand} {name.text}", reason)
        if name.alone:
            yield "unbranded", rank, _query(holder, name.text, f"{reason} without its brand")
        if product.gtin.isascii() and product.gtin.isdigit():
            yield "gtin", rank, _query(holder, product.gtin, f"GTIN of {reason}")
        main = next((image.sha256 for image in product.images if image.role == "main"), "")
        if main:
            yield (
                "picture",
                rank,
                Query(text="", image_sha256=main, reason=f"picture of {reason}", rights_holder=holder.name),
            )


def _subject(mark: str, types: Sequence[str], vocabulary: Vocabulary) -> str:
    """The mark as it can be looked for: with what it stands on where the word alone is everybody's; empty: not."""
    if _letter_count(mark) > _least_letters(mark) and not vocabulary.is_everyday(mark):
        return mark
    return f"{mark} {types[0]}" if types else ""


def _least_letters(mark: str) -> int:
    """Words in scripts without spaces are short."""
    return 1 if any(character >= "\u2e80" for character in mark) else _SHORT_LETTERS


def _letter_count(mark: str) -> int:
    return sum(character.isalnum() for character in mark)


def _in_turn(slang: Mapping[str, Sequence[str]], languages: Sequence[str]) -> list[tuple[str, str]]:
    """(language, term): all terms of the marketplace's languages, then the others' first terms, second terms, …"""
    ours = [(language, term) for language in languages for term in slang.get(language, ())]
    others = [[(language, term) for term in slang[language]] for language in sorted(set(slang) - set(languages))]
    return ours + [pair for row in zip_longest(*others) for pair in row if pair]


def _query(holder: RightsHolder, text: str, reason: str, language: str = "") -> Query:
    return Query(text=_one_line(text), language=language, reason=reason, rights_holder=holder.name)


def _one_line(text: str) -> str:
    return " ".join(text.split())
