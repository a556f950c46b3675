"""Marks broken on purpose: a letter starred out (N*ke) or left out inside the word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydantic import JsonValue

from domain.listing import Listing
from scoring.context import CatalogView, Mark
from scoring.marks import text_fields
from scoring.words import is_known_word

_STARRED = 0.9
_SHORTENED = 0.35
"""A letter left out is also a typing error."""
_WILDCARDS = set("*#?_~•●○★☆×^%&■□✱＊")
_EDGE = "\"'“”‘’()[]{}<>.,;:!?|/-–—"
_VOWELS = set("aeiouy")
_LEAST_LETTERS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenMark:
    """A form that becomes a mark when the gap is filled."""

    mark: Mark
    field: str
    start: int
    end: int
    text: str
    weight: float

    def span(self) -> dict[str, JsonValue]:
        """For a finding's evidence."""
        starred = self.weight == _STARRED
        return {
            "field": self.field,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "term": self.mark.text,
            "language": None,
            "weight": self.weight,
            "note": "the mark with letters starred out" if starred else "the mark with a letter left out",
        }


def find_broken_marks(listing: Listing, catalog: CatalogView) -> list[BrokenMark]:
    """Broken marks whose owners do not authorize the seller, in title, description and brand attribute."""
    authorizing = catalog.authorizing(listing.seller)
    marks = _single_words(catalog)
    return [
        found
        for field, text in text_fields(listing)
        for token in re.finditer(r"\S+", text)
        for found in _broken(field, token.start(), token.group(), marks, catalog)
        if found.mark.rights_holder not in authorizing and _is_whole(found, text)
    ]


@lru_cache(maxsize=4)
def _single_words(catalog: CatalogView) -> Mapping[tuple[str, int], Sequence[tuple[str, Mark]]]:
    """Words of marks by first letter and length."""
    words: dict[tuple[str, int], list[tuple[str, Mark]]] = {}
    for mark in catalog.marks:
        for word in mark.text.split():
            folded = _fold(word)
            if len(folded) >= _LEAST_LETTERS and folded.isalpha():
                words.setdefault((folded[0], len(folded)), []).append((folded, mark))
    return words


def _is_whole(found: BrokenMark, text: str) -> bool:
    """Of a mark of several words, the others must stand in the text too."""
    words = [_fold(word) for word in found.mark.text.split()]
    return sum(word in _fold(text) for word in words) >= len(words) - 1


def _broken(
    field: str, at: int, token: str, marks: Mapping[tuple[str, int], Sequence[tuple[str, Mark]]], catalog: CatalogView
) -> Iterator[BrokenMark]:
    form = token.strip(_EDGE)
    if not 3 <= len(form) <= 40 or not form[0].isalpha():
        return
    start = at + token.index(form)
    folded = _fold(form)
    for length in (len(folded), len(folded) + 1):
        for word, mark in marks.get((folded[:1], length), ()):
            starred = length == len(folded) and _is_starred(folded, word)
            if starred or (length > len(folded) and _is_shortened(form, folded, word, mark, catalog)):
                weight = _STARRED if starred else _SHORTENED
                yield BrokenMark(mark=mark, field=field, start=start, end=start + len(form), text=form, weight=weight)


def _is_starred(folded: str, word: str) -> bool:
    """Letters agree, wildcards stand for letters; a wildcard at the end only as a star and not after a whole word."""
    wild = [i for i, char in enumerate(folded) if _is_wildcard(char)]
    if not wild or any(a != b for i, (a, b) in enumerate(zip(folded, word, strict=True)) if i not in wild):
        return False
    real = len(word) - len(wild)
    if real * 2 < len(word) or (len(word) <= 5 and real < 3):
        return False
    if wild[-1] < len(word) - 1:
        return True
    return len(word) >= 5 and folded[-1] in "*＊✱" and not is_known_word(folded.rstrip("*＊✱"))


def _is_wildcard(char: str) -> bool:
    return char in _WILDCARDS or unicodedata.category(char) == "So"


def _is_shortened(form: str, folded: str, word: str, mark: Mark, catalog: CatalogView) -> bool:
    """One inner letter is missing: a vowel, or in a long mark any. Never a word or name of its own."""
    if not folded.isalpha() or is_known_word(folded) or folded in catalog.vocabulary or folded in catalog.mark_words:
        return False
    if mark.dictionary or (len(word) < 5 and not (form.istitle() and mark.text.istitle())):
        return False
    return any(
        word[:i] + word[i + 1 :] == folded and (word[i] in _VOWELS or len(word) >= 7)
        for i in range(1, len(word) - 1)
        if word[i] != word[i - 1]  # one of a double letter dropped is a disguise that brand_claim knows
    )


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
