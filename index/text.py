"""Which product do a listing's words name? Rare words weigh more; most of a product's title must be there."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import log

from domain.catalog import ReferenceProduct
from domain.listing import Listing
from domain.match import TextMatch

_WORD = re.compile(r"\w+")
_NAMED = 0.6
"""Share of a title's information from which the product counts as named."""
_MOST = 5


def words(text: str) -> list[str]:
    """Lower-case words, diacritics and HTML entities undone."""
    # lower-cased last: mathematical and other styled capitals are letters only after normalization
    plain = unicodedata.normalize("NFKD", html.unescape(text))
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)).casefold())


class TextMatcher:
    """Finds the products that a listing's title names."""

    def __init__(self, products: Sequence[ReferenceProduct]) -> None:
        self._products = tuple(products)
        titles = [frozenset(words(p.title)) - frozenset(words(p.brand)) for p in self._products]
        seen = Counter(word for title in titles for word in title)
        self._weight = {word: log(1 + len(titles) / count) for word, count in seen.items()}
        # a title of one plain word ("Watch") names nothing without its brand
        self._needed = [
            frozenset(words(p.brand)) if len(title) < 2 else frozenset[str]()
            for p, title in zip(self._products, titles, strict=True)
        ]
        self._total = [sum(self._weight[word] for word in title) for title in titles]
        self._where: dict[str, list[int]] = defaultdict(list)
        for number, title in enumerate(titles):
            for word in title:
                self._where[word].append(number)

    def match(self, listing: Listing) -> tuple[TextMatch, ...]:
        """The products named by the title, best first; a color named in the title decides between variants."""
        said = frozenset(words(listing.title))
        found: dict[int, float] = defaultdict(float)
        for word in said & self._where.keys():
            for number in self._where[word]:
                found[number] += self._weight[word]
        named = [
            (share, self._color_named(number, said), -number)
            for number, weight in found.items()
            if (share := weight / self._total[number]) >= _NAMED and self._needed[number] <= said
        ]
        best = sorted(named, reverse=True)[:_MOST]
        return tuple(self._as_match(-minus, share, color) for share, color, minus in best)

    def _color_named(self, number: int, said: frozenset[str]) -> bool:
        color = frozenset(words(self._products[number].color))
        return bool(color) and color <= said

    def _as_match(self, number: int, share: float, color_named: bool) -> TextMatch:
        product = self._products[number]
        return TextMatch(
            reference_id=product.reference_id,
            rights_holder=product.rights_holder,
            brand=product.brand,
            score=round(min(share, 1.0), 6),
            color_named=color_named,
        )
