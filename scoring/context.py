"""The catalog as the signals need it, built once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from domain.catalog import ReferenceProduct, RightsHolder
from domain.listing import Seller
from scoring.names import exact_name
from scoring.search import PhraseTrie
from scoring.words import is_common_word

ProductKey = tuple[str, str]
"""(rights holder's name, reference id): reference ids are unique per rights holder only."""

_SHORT_LETTERS = 3
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A brand name or registered mark and how carefully it must be looked for."""

    text: str
    rights_holder: str
    written: frozenset[str]
    """Every way the rights holder writes it, such as ``Luma`` and ``LUMA``."""
    letters: int
    short: bool
    """At most three letters: counts only as written, never disguised."""
    dictionary: bool
    """An everyday word: counts only in the case the rights holder uses, or in the brand attribute."""


class CatalogView:
    """Marks, authorized sellers and products of every rights holder. Never changes once built."""

    def __init__(self, rights_holders: Sequence[RightsHolder], products: Sequence[ReferenceProduct]) -> None:
        self.rights_holders = {holder.name: holder for holder in rights_holders}
        self.products: dict[ProductKey, ReferenceProduct] = {(p.rights_holder, p.reference_id): p for p in products}
        self.marks = tuple(mark for holder in rights_holders for mark in _marks(holder))
        self.mark_words = frozenset(mark.text.casefold() for mark in self.marks)
        self._authorized = {
            holder.name: frozenset(map(exact_name, holder.authorized_sellers)) - {""} for holder in rights_holders
        }

    def authorizes(self, rights_holder: str, seller: Seller) -> bool:
        """Whether this rights holder lists the seller, by id or exact name; look-alikes are not let in."""
        listed = self._authorized.get(rights_holder, frozenset())
        return exact_name(seller.id) in listed or exact_name(seller.name) in listed

    def authorizing(self, seller: Seller) -> frozenset[str]:
        """The rights holders that list the seller."""
        return frozenset(name for name in self._authorized if self.authorizes(name, seller))

    @cached_property
    def mark_trie(self) -> PhraseTrie:
        """Finds every mark, plain or disguised."""
        return PhraseTrie([mark.text for mark in self.marks], punctuation_is_gap=True, tolerant=True)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Words of the catalog's own titles and descriptions, case-folded: no disguise of a mark."""
        texts = (text for product in self.products.values() for text in (product.title, product.description))
        return frozenset(word.casefold() for text in texts for word in _WORD.findall(text))


def _marks(holder: RightsHolder) -> list[Mark]:
    written: dict[str, set[str]] = {}
    for word in [*(brand.name for brand in holder.brands), *(t.mark for t in holder.trademarks)]:
        if any(char.isalnum() for char in word):
            written.setdefault(word.strip().casefold(), set()).add(word.strip())
    return [_mark(text, holder.name, frozenset(written[text.strip().casefold()])) for text in holder.marks
            if text.strip().casefold() in written]  # fmt: skip


def _mark(text: str, holder: str, written: frozenset[str]) -> Mark:
    letters = sum(char.isalnum() for char in text)
    unspaced = any(char >= "\u2e80" for char in text)
    return Mark(
        text=text.strip(),
        rights_holder=holder,
        written=written,
        letters=letters,
        short=letters <= (1 if unspaced else _SHORT_LETTERS),
        dictionary=is_common_word(text.strip()),
    )
