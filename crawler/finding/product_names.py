"""What of a product's title tells it from the catalog's others, as a buyer would type it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from domain.catalog import ReferenceProduct

MOST_WORDS = 4
"""Search APIs look for all words: with each one more, an offer that leaves it out is missed."""
_WORD = re.compile(r"[^\s()\[\]{}<>\"“”„«»|,;:*/\\]+")
_EDGE = ".!?'’-–—&+"
_LEAST_LETTERS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ShortName:
    """A product's name without its brand."""

    text: str
    """Empty when the title holds nothing but the brand."""
    alone: bool
    """Whether it says enough without the brand: two words or more, of which one is no everyday word."""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order, without the signs around them."""
    found = (word.strip(_EDGE) for word in _WORD.findall(text))
    return tuple(word for word in found if any(character.isalnum() for character in word))


def short_names(products: Sequence[ReferenceProduct], *, is_everyday: Callable[[str], bool]) -> tuple[ShortName, ...]:
    """One for each product, in order: at most `MOST_WORDS` words of its title, those that fewest titles share."""
    spread = Counter(word for product in products for word in {w.casefold() for w in words_of(product.title)})
    return tuple(_short_name(product, spread, is_everyday) for product in products)


def _short_name(product: ReferenceProduct, spread: Counter[str], is_everyday: Callable[[str], bool]) -> ShortName:
    left_out = {word.casefold() for word in (*words_of(product.brand), *words_of(product.color))}
    words = [word for word in words_of(product.title) if word.casefold() not in left_out and _is_telling(word)]
    words = list({word.casefold(): word for word in words}.values())
    rarest = sorted(range(len(words)), key=lambda at: (spread[words[at].casefold()], at))[:MOST_WORDS]
    kept = [words[at] for at in sorted(rarest)]
    telling = any(_letters(word) > _LEAST_LETTERS and not is_everyday(word) for word in kept)
    return ShortName(text=" ".join(kept), alone=telling and len(kept) > 1)


def _is_telling(word: str) -> bool:
    """Not a lone letter, nor a bare short number: sizes and counts are."""
    return len(word) > 1 and (_letters(word) > 0 or len(word) > 3)


def _letters(word: str) -> int:
    return sum(character.isalpha() for character in word)


def product_types(products: Iterable[ReferenceProduct]) -> tuple[str, ...]:
    """What the products are, most frequent first: the last part of each category (``Bags > Handbags``: Handbags)."""
    last = (product.category.rsplit(">", 1)[-1] for product in products)
    counts = Counter(" ".join(words_of(each)) for each in last if _letters(each))
    return tuple(each for each, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if each)
