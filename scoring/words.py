"""Which strings are ordinary words, so that a mark is not seen in honest text."""

from __future__ import annotations

from functools import cache

from spellchecker import SpellChecker

LANGUAGES = ("en", "es", "pt", "fr", "de", "it")
_RARE_COUNT = 50
"""The dictionaries' floor: words they list without having counted them; many are names or noise."""
_COMMON_SHARE = 1e-6
"""One occurrence in a million words: every adult reader knows the word."""


def is_known_word(word: str) -> bool:
    """Whether a dictionary of any of `LANGUAGES` counts this word. Case does not matter."""
    return word.casefold() in _dictionaries()[0]


def is_common_word(word: str) -> bool:
    """Whether the word is everyday language in any of `LANGUAGES`. Case does not matter."""
    return word.casefold() in _dictionaries()[1]


@cache
def _dictionaries() -> tuple[frozenset[str], frozenset[str]]:
    """(known, common) words; read once per process: it takes seconds and grows the process by over 100 MB."""
    known: set[str] = set()
    common: set[str] = set()
    for language in LANGUAGES:
        counts = SpellChecker(language=language).word_frequency.dictionary
        total = sum(counts.values())
        known.update(word for word, count in counts.items() if language == "en" or count > _RARE_COUNT)
        common.update(word for word, count in counts.items() if count / total >= _COMMON_SHARE)
    return frozenset(known), frozenset(common)
