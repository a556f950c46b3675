"""Brands' words in what was read in a picture. A word alone proves little: it says how much it looks like a mark.

`WordHit.score` is evidence for whoever weighs it against other evidence, not a probability. It is the product of

- closeness: 1 for the same letters, less by the share of letters that differ. What OCR confuses (0/O, 1/l/I, 5/S, rn/m,
  vv/w) counts a quarter of a letter. Under five letters nothing may differ; above, one letter in five. A mark of which
  only a part is seen (``STARBU``) counts by the square of that part, if it is at least six letters in ten;
- length: two letters are met by chance, eight are not;
- wholeness: 1 where the mark is all that stands in its lines, less as words beside others, least inside a longer run
  (``CocaColaZero``), by the share of the run that it fills; marks under four letters count only as whole words;
- standing: words in running text name a brand, they are no mark. Everyday words ("apple", "shell") lose most by it, and
  something even where they stand alone;
- the confidence with which the letters were read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from spellchecker import SpellChecker

from domain.catalog import RightsHolder
from domain.match import Box
from index.mark_text import ReadText
from index.text_layout import Span, letters_of, spans

_LANGUAGES = ("en", "es", "fr")
_SHORT = 4
"""Letters up to which nothing may differ and nothing may stand beside."""
_LETTERS_PER_EDIT = 5
_MOST_EDITS = 3
_CONFUSED = 0.25
"""Of an edit: what OCR takes one for another."""
_LOOK_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "$": "s", "8": "b", "6": "g", "2": "z"})
_LOOK_ALIKE_PAIRS = (("rn", "m"), ("vv", "w"))
_WORSE_PER_EDIT = 2.2
_LEAST_PART, _LEAST_PART_LETTERS = 0.6, 5
"""Share and number of a mark's letters that must be seen where the rest is not."""
_LONGEST = 60
_MOST_HITS_PER_BRAND = 3
_LEAST_SCORE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class WordHit:
    """Words in a picture that resemble a brand's."""

    rights_holder: str
    brand: str
    box: Box
    text: str
    """As read."""
    mark: str
    """The brand name or trademark that it resembles, as registered."""
    score: float
    """How much it looks like the brand's mark, 0 to 1; see the module."""
    exact: bool
    """Whether all letters of the mark were read, and no other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Word:
    """A mark to look for, and whose it is."""

    rights_holder: str
    brand: str
    mark: str
    letters: str
    skeleton: str


class WordMarks:
    """The words of all rights holders, to be found in what was read."""

    def __init__(self, holders: Sequence[RightsHolder]) -> None:
        self._words = [word for holder in holders for word in _words_of(holder)]
        self._keys = sorted({word.skeleton for word in self._words})
        self._by_key: dict[str, list[_Word]] = defaultdict(list)
        for word in self._words:
            self._by_key[word.skeleton].append(word)
        self._longest = max(map(len, self._keys), default=0)
        self._by_ends: dict[str, set[str]] = defaultdict(set)
        for key in self._keys:
            self._by_ends[key[:_LEAST_PART_LETTERS]].add(key)
            self._by_ends[key[-_LEAST_PART_LETTERS:]].add(key)

    def marks_of(self, rights_holder: str, brand: str) -> tuple[str, ...]:
        """The brand's name and its trademarks, each once."""
        own = (word.mark for word in self._words if (word.rights_holder, word.brand) == (rights_holder, brand))
        return tuple(dict.fromkeys((brand, *own)))

    def others(self, rights_holder: str, brand: str) -> tuple[str, ...]:
        """Names and trademarks of all other brands, each once."""
        other = (word.mark for word in self._words if (word.rights_holder, word.brand) != (rights_holder, brand))
        return tuple(dict.fromkeys(other))

    def find(self, texts: Sequence[ReadText]) -> tuple[WordHit, ...]:
        """Hits in one picture's lines, best first; at most three a brand, none overlapping another of its brand."""
        if not self._keys or not texts:
            return ()
        found = [hit for span, word, filled in self._candidates(texts) if (hit := self._hit(span, word, filled))]
        kept: dict[tuple[str, str], list[WordHit]] = defaultdict(list)
        for hit in sorted(found, key=lambda hit: (-hit.score, hit.rights_holder, hit.brand, hit.box)):
            same = kept[hit.rights_holder, hit.brand]
            if len(same) < _MOST_HITS_PER_BRAND and not any(_overlap(hit.box, other.box) for other in same):
                same.append(hit)
        hits = [hit for same in kept.values() for hit in same]
        return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.rights_holder, hit.brand, hit.box)))

    def _candidates(self, texts: Sequence[ReadText]) -> Iterator[tuple[Span, _Word, float]]:
        """(span, word, length of the word over the span's), by letters alone."""
        looked = [
            (span, skeleton)
            for span in spans(texts)
            if 2 <= len(skeleton := skeleton_of(span.letters)) <= 2 * self._longest
        ]
        by_skeleton: dict[str, list[Span]] = defaultdict(list)
        for span, skeleton in looked:
            by_skeleton[skeleton].append(span)
        read = list(by_skeleton)
        for row, column in self._near(read):
            for span in by_skeleton[read[row]]:
                yield from ((span, word, 1.0) for word in self._by_key[self._keys[column]])
        for skeleton, key in (*self._inside(read), *self._parts(read)):
            for span in by_skeleton[skeleton]:
                yield from ((span, word, len(key) / len(skeleton)) for word in self._by_key[key])

    def _near(self, read: Sequence[str]) -> Iterator[tuple[int, int]]:
        """(row of `read`, key) that differ by no more letters than the key's length allows."""
        if not read:
            return
        distances = cdist(
            read, self._keys, scorer=Levenshtein.distance, score_cutoff=_MOST_EDITS, dtype=np.uint8, workers=1
        )
        allowed = np.array([_edits_allowed(len(key)) for key in self._keys], np.uint8)
        for row, column in np.argwhere(distances <= allowed):
            yield int(row), int(column)

    def _inside(self, read: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(letters read, key) where the key is part of a longer run."""
        together = "\n".join(read)
        for key in self._keys:
            if len(key) >= _SHORT and key in together:
                yield from ((letters, key) for letters in read if key in letters and key != letters)

    def _parts(self, read: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(letters read, key) where the letters are the beginning or the end of the key, and most of it."""
        for letters in read:
            if len(letters) < _LEAST_PART_LETTERS:
                continue
            ends = letters[:_LEAST_PART_LETTERS], letters[-_LEAST_PART_LETTERS:]
            for key in sorted(self._by_ends.get(ends[0], set()) | self._by_ends.get(ends[1], set())):
                begins_or_ends = key.startswith(letters) or key.endswith(letters)
                if begins_or_ends and _LEAST_PART * len(key) <= len(letters) < len(key) - _edits_allowed(len(key)):
                    yield letters, key

    def _hit(self, span: Span, word: _Word, filled: float) -> WordHit | None:
        score = self._score(span, word, filled)
        if score < _LEAST_SCORE:
            return None
        return WordHit(
            rights_holder=word.rights_holder,
            brand=word.brand,
            box=span.box,
            text=span.text,
            mark=word.mark,
            score=round(score, 4),
            exact=span.letters == word.letters,
        )

    def _score(self, span: Span, word: _Word, filled: float) -> float:
        length = len(word.letters)
        closeness = _closeness(span.letters, word) if filled == 1.0 else 1.0
        if filled > 1.0:
            closeness, filled = (0.0 if _is_word(span.letters) else filled**-2), 1.0
        chance = 1 - math.exp(-0.45 * length)
        return closeness * chance * _wholeness(span, length, filled) * _standing(span, word) * span.confidence


def _words_of(holder: RightsHolder) -> Iterator[_Word]:
    """Every mark that has letters, under the brand that it names."""
    for mark in holder.marks:
        letters = letters_of(mark)
        if 2 <= len(letters) <= _LONGEST:
            yield _Word(
                rights_holder=holder.name,
                brand=_brand_of(holder, mark, letters),
                mark=mark,
                letters=letters,
                skeleton=skeleton_of(letters),
            )


def _brand_of(holder: RightsHolder, mark: str, letters: str) -> str:
    """The longest brand name inside the mark; else a holder's only brand; else the mark stands for itself."""
    inside = [brand.name for brand in holder.brands if letters_of(brand.name) and letters_of(brand.name) in letters]
    if inside:
        return max(inside, key=len)
    return holder.brands[0].name if len(holder.brands) == 1 else mark


def skeleton_of(letters: str) -> str:
    """Letters that OCR takes one for another become one."""
    skeleton = letters.translate(_LOOK_ALIKE)
    for pair, one in _LOOK_ALIKE_PAIRS:
        skeleton = skeleton.replace(pair, one)
    return skeleton


def _edits_allowed(length: int) -> int:
    return 0 if length <= _SHORT else min(_MOST_EDITS, length // _LETTERS_PER_EDIT)


def _closeness(letters: str, word: _Word) -> float:
    """1 for the same letters, 0 where too many differ or another word was read."""
    if letters == word.letters:
        return 1.0
    edits = Levenshtein.distance(skeleton_of(letters), word.skeleton)
    if edits and _is_word(letters):
        return 0.0
    if len(word.letters) < 3:
        return 0.0
    confused = abs(Levenshtein.distance(letters, word.letters) - edits)
    return max(0.0, 1 - _WORSE_PER_EDIT * (edits + _CONFUSED * confused) / len(word.letters))


def _wholeness(span: Span, length: int, filled: float) -> float:
    if filled < 1.0:
        # under six letters, most runs hold the mark by chance: "oxford", "minimum"
        return filled * (0.45 if length <= 5 else 0.7)
    if span.whole:
        return 1.0
    return 0.6 if length <= 3 else 0.85


def _standing(span: Span, word: _Word) -> float:
    """1 where it stands as a mark does: alone, or with few words around."""
    everyday = _everyday().get(word.letters, 0.0)
    crowd = min(1.0, max(0, span.company - 4) / 8)
    alone = 1 - 0.5 * everyday
    return alone * (1 - crowd * (0.25 + 0.5 * everyday))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@cache
def _everyday() -> dict[str, float]:
    """Above 0 for a word that stands once in a million, to 1 for ten times, in the language that uses it most."""
    most: dict[str, float] = {}
    for language in _LANGUAGES:
        counts = SpellChecker(language=language).word_frequency
        million = max(counts.total_words, 1) / 1e6
        for word, count in counts.dictionary.items():
            if count > million:
                most[word] = max(most.get(word, 0.0), min(1.0, math.log10(count / million)))
    return most


@cache
def _english() -> frozenset[str]:
    return frozenset(SpellChecker(language="en").word_frequency.dictionary)


def _is_word(letters: str) -> bool:
    """Whether a dictionary has it: then it was meant, and is no mark misread."""
    return letters in _english()


def in_dictionary(letters: str) -> bool:
    """Whether it is an English word, or a common one of another language."""
    return _is_word(letters) or letters in _everyday()
