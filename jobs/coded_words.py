"""Words to search for: how sellers write a mark so that a plain search misses it, and what they call a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

from domain.catalog import Brand, RightsHolder
from domain.listing import Listing, Seller
from scoring.broken_marks import find_broken_marks
from scoring.context import CatalogView
from scoring.lexicon import Term, load_lexicon
from scoring.marks import find_mentions

MOST_VARIANTS = 12
_LEAST_WEIGHT = 0.7
"""Of a slang term, at which it stands for a copy without other words."""
_MOST_TERMS = {1: 7, 2: 2}
"""Terms of a language by their number of words; longer ones are written in too many ways to be searched for."""
_LONGEST_MARK = 40
_VOWELS = "aeiouy"
_DIGITS = dict(zip("abegiloszt", "4839110527", strict=True))
# Cyrillic letters that look the same and stand on a keyboard; others nobody types, so nobody searches for them
_LOOK_ALIKE = dict(zip("aceijopsxy", "асеіјорѕху", strict=True))
# Digraphs first; what scoring does not read back as the mark is dropped, so each letter needs one usual form only
_INTO_CYRILLIC = {
    "shch": "щ", "sh": "ш", "ch": "ч", "zh": "ж", "kh": "х", "ts": "ц", "ya": "я", "yu": "ю", "a": "а", "b": "б",
    "c": "к", "d": "д", "e": "е", "f": "ф", "g": "г", "h": "х", "i": "и", "j": "й", "k": "к", "l": "л", "m": "м",
    "n": "н", "o": "о", "p": "п", "q": "к", "r": "р", "s": "с", "t": "т", "u": "у", "v": "в", "w": "в", "x": "кс",
    "y": "й", "z": "з",
}  # fmt: skip


@lru_cache(maxsize=1024)
def written_variants(mark: str) -> tuple[str, ...]:
    """At most `MOST_VARIANTS` other ways to write it, most usual first, none of them a plain way; each once.

    Only those that scoring reads as the mark, so that what a search brings home is seen for what it is; none that
    stands for honest words, none for a mark too short to be disguised.
    """
    mark = " ".join(mark.split())
    if len(mark) > _LONGEST_MARK:
        return ()
    view = CatalogView([RightsHolder(name="searched", brands=(Brand(name=mark),))], [])
    found: dict[str, str] = {}
    for variant in _candidates(mark):
        if variant.casefold() != mark.casefold() and _is_read_as_mark(variant, view):
            found.setdefault(variant.casefold(), variant)
    return tuple(found.values())[:MOST_VARIANTS]


def _is_read_as_mark(variant: str, view: CatalogView) -> bool:
    offer = Listing(marketplace="", listing_id="", url="", title=variant, seller=Seller(id="", name=""))
    whole = any(mention.start == 0 and mention.end == len(variant) for mention in find_mentions(offer, view))
    return whole or any(broken.end - broken.start == len(variant) for broken in find_broken_marks(offer, view))


def _candidates(mark: str) -> Iterator[str]:
    """Starred out, letters as digits, look-alike letters, set apart, misspelled, in Cyrillic."""
    inner = [at for at in range(1, len(mark) - 1) if mark[at].casefold() in _VOWELS]
    yield from (_replaced(mark, {at: "*"}) for at in inner[:2])
    digits = _counterparts(mark, _DIGITS)
    yield from (_replaced(mark, {at: written}) for at, written in list(digits.items())[:2])
    lookalikes = _counterparts(mark, _LOOK_ALIKE)
    yield _replaced(mark, lookalikes)
    yield from (_replaced(mark, {at: written}) for at, written in list(lookalikes.items())[:1])
    yield from (separator.join(mark) for separator in (" ", ".") if " " not in mark)
    yield from (
        mark[:at] + mark[at + 1 :] for at in range(1, len(mark)) if mark[at].casefold() == mark[at - 1].casefold()
    )
    yield _in_cyrillic(mark)
    yield from (mark[:at] + mark[at + 1 :] for at in inner[:1])


def _counterparts(mark: str, table: Mapping[str, str]) -> dict[int, str]:
    """Place in the mark to what is written there instead."""
    return {at: table[letter] for at, letter in enumerate(mark.casefold()) if letter in table}


def _replaced(mark: str, places: Mapping[int, str]) -> str:
    written = [places.get(at, letter) for at, letter in enumerate(mark)]
    return "".join(
        new.upper() if old.isupper() and new.isalpha() else new for old, new in zip(mark, written, strict=True)
    )


def _in_cyrillic(mark: str) -> str:
    """Letter by letter; empty where a character has no counterpart."""
    rest, spelled = mark.casefold(), ""
    while rest:
        part = next((rest[:size] for size in (4, 2, 1) if rest[:size] in _INTO_CYRILLIC), "")
        if not part and rest[0] not in " -0123456789":
            return ""
        spelled += _INTO_CYRILLIC.get(part, rest[0])
        rest = rest[len(part) or 1 :]
    return spelled.title() if mark[:1].isupper() else spelled


@cache
def slang_by_language() -> Mapping[str, Sequence[str]]:
    """Terms of the coded-language lexicon by language (ISO 639-1): single words before pairs, weightiest first."""
    found: dict[str, list[str]] = {}
    heaviest = sorted(load_lexicon("coded_language").terms, key=lambda term: -term.entry.weight)
    for words, most in _MOST_TERMS.items():
        taken: dict[str, set[str]] = {}
        for term in heaviest:
            entries = taken.setdefault(term.language, set())
            if (
                _is_searchable(term)
                and len(term.written.split()) == words
                and len(entries) < most
                and term.entry.term not in entries
            ):
                chosen = found.setdefault(term.language, [])
                if not any(term.written.startswith(other) for other in chosen):  # a plural finds the same
                    entries.add(term.entry.term)
                    chosen.append(term.written)
    return {language: tuple(terms) for language, terms in sorted(found.items())}


def _is_searchable(term: Term) -> bool:
    """Stands for a copy by itself, in any case, and is typed as it stands: some scripts put no space between words."""
    entry = term.entry
    unspaced = " " in term.written and any(character >= "\u2e80" for character in term.written)
    return entry.weight >= _LEAST_WEIGHT and not (entry.requires or entry.exact_case or unspaced)
