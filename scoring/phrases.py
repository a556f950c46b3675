"""Terms of a lexicon found in a listing's words, unless denied or innocent in their surroundings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydantic import JsonValue

from domain.listing import Listing
from scoring.lexicon import Lexicon, Negation, Term, expand_term
from scoring.marks import text_fields
from scoring.readings import Disguise, read_units
from scoring.search import Hit
from scoring.words import is_known_word

_TOKEN = re.compile(r"\w+(?:['’]\w+)*")
_TOKEN_OR_COMMA = re.compile(_TOKEN.pattern + r"|[,，、]")
_CLAUSE_END = re.compile(r"[.!?;\n|。！？；()（）•]|\s[-–—]\s|&bull;")
_WINDOW = 6
"""Words either side that can change what a term means."""
_LETTERS_TO_SPACE_OUT = 5
_NEVER = Disguise.SPLIT | Disguise.UNDOUBLED | Disguise.TRANSLITERATED
"""Departures that make other words of a term too easily."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """A term of a lexicon in one field."""

    term: Term
    field: str
    start: int
    end: int
    text: str
    disguise: Disguise

    @property
    def weight(self) -> float:
        """The entry's weight; hiding the term from a plain search halves the doubt."""
        weight = self.term.entry.weight
        return 1 - (1 - weight) / 2 if self.disguise & ~(Disguise.ACCENT | Disguise.WIDE) else weight

    def span(self) -> dict[str, JsonValue]:
        """For a finding's evidence."""
        return {
            "field": self.field,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "term": self.term.entry.term,
            "language": self.term.language,
            "weight": self.term.entry.weight,
            "note": self.term.entry.note,
        }


def find_phrases(listing: Listing, lexicon: Lexicon) -> list[Phrase]:
    """Credible terms in title and description; of overlapping ones the heaviest."""
    return [
        phrase
        for field, text in text_fields(listing)
        if field != "brand"
        for phrase in _heaviest(list(_phrases(field, text, lexicon)))
    ]


def _phrases(field: str, text: str, lexicon: Lexicon) -> Iterator[Phrase]:
    found: list[Phrase] = []
    harmless: list[tuple[int, int]] = []
    units = read_units(text)
    for hit in lexicon.trie.find(units):
        term = lexicon.terms[hit.phrase]
        start, end = units[hit.first].start, units[hit.last - 1].end
        disguise = _judge(hit, text[start:end], term)
        if disguise is None:
            continue
        if _is_innocent(text, start, end, term) or is_denied(text, start, end, term.negation):
            harmless.append((start, end))
        elif not term.entry.requires or _stands_near(text, start, end, term.entry.requires):
            found.append(Phrase(term=term, field=field, start=start, end=end, text=text[start:end], disguise=disguise))
    # languages share words: what English denies (not a replica) does not stand as Spanish
    yield from (p for p in found if not any(start <= p.start and p.end <= end for start, end in harmless))


def _judge(hit: Hit, surface: str, term: Term) -> Disguise | None:
    letters = sum(char.isalnum() for char in term.written)
    if term.entry.exact_case and surface != term.written:
        return None
    disguise = hit.disguise
    if hit.splits and hit.splits >= letters - 1 - term.written.count(" ") and letters >= _LETTERS_TO_SPACE_OUT:
        disguise = (disguise & ~Disguise.SPLIT) | Disguise.SPACED
    if disguise & _NEVER or hit.leet * 2 > letters:
        return None
    if letters < _LETTERS_TO_SPACE_OUT and disguise & ~(Disguise.ACCENT | Disguise.STYLED | Disguise.WIDE):
        return None
    if disguise & (Disguise.DOUBLED | Disguise.ACCENT) and is_known_word(surface):
        return None
    return disguise


def _is_innocent(text: str, start: int, end: int, term: Term) -> bool:
    return bool(term.entry.unless) and _stands_near(text, start, end, term.entry.unless)


def _stands_near(text: str, start: int, end: int, words: tuple[str, ...]) -> bool:
    """Whether one of the words stands within `_WINDOW` words; in unspaced scripts, within as many characters."""
    before = [_fold(word) for word in _TOKEN.findall(text[max(0, start - 200) : start])[-_WINDOW:]]
    after = [_fold(word) for word in _TOKEN.findall(text[end : end + 200])[:_WINDOW]]
    spaced = f" {' '.join(before)} {' '.join(after)} "
    near = _fold(text[max(0, start - _WINDOW) : end + _WINDOW])
    return any(f" {word} " in spaced for word in _folded(words)) or any(word in near for word in _unspaced(words))


def is_denied(text: str, start: int, end: int, negation: Negation) -> bool:
    """Whether the clause around text[start:end] denies it: *not a replica*, *beware of fakes*, *replika değil*."""
    before = _CLAUSE_END.split(text[max(0, start - 120) : start])[-1]
    after = _CLAUSE_END.split(text[end : end + 60])[0]
    fillers = _folded(negation.fillers)
    tokens = _tokens(before)
    return (
        _leads_to(tokens[::-1], negation.before, fillers)
        or _leads_to(_tokens(after), negation.after, fillers)
        or _touches(before, after, negation)
        or _is_warned_of(tokens, negation)
    )


def _leads_to(tokens: Sequence[str], denials: tuple[str, ...], fillers: frozenset[str]) -> bool:
    """Whether only fillers stand between a denial and the term. A denial cut off by a comma (*no, replica*) is none."""
    folded = _folded(denials)
    nearer = ""
    for word in tokens[: _WINDOW + 4]:
        if word in folded or (word.endswith("n't") and "n't" in folded):
            return nearer != ","
        if word not in fillers and word != ",":
            return False
        nearer = word
    return False


def _is_warned_of(tokens: Sequence[str], negation: Negation) -> bool:
    """Whether the clause warns of the term or compares with it: *beware of cheap fakes and replicas*."""
    lead = f" {' '.join(word for word in tokens if word != ',')} "
    offers = _folded(negation.offers)
    return any(
        offers.isdisjoint(lead[lead.rindex(warning) + len(warning) :].split())
        for warning in _warnings(negation.warnings)
        if warning in lead
    )


@lru_cache(maxsize=64)
def _warnings(openings: tuple[str, ...]) -> tuple[str, ...]:
    """Every way to write them, as tokens between spaces."""
    return tuple(f" {' '.join(_tokens(written))} " for opening in openings for written in expand_term(opening))


def _touches(before: str, after: str, negation: Negation) -> bool:
    """Languages without spaces: the denial stands right against the term."""
    left, right = _fold(before).rstrip(), _fold(after).lstrip()
    unspaced = _unspaced(negation.before) | _unspaced(negation.after)
    return any(left.endswith(word) or right.startswith(word) for word in unspaced)


@lru_cache(maxsize=4096)
def _folded(words: tuple[str, ...]) -> frozenset[str]:
    """A lexicon's words as texts are compared; once per list, not per hit, of which hostile text has thousands."""
    return frozenset(map(_fold, words))


@lru_cache(maxsize=4096)
def _unspaced(words: tuple[str, ...]) -> frozenset[str]:
    """Those in scripts without spaces."""
    return frozenset(_fold(word) for word in words if not read_units(word)[0].character.spaced_script)


def _tokens(text: str) -> list[str]:
    return [_fold(token) for token in _TOKEN_OR_COMMA.findall(text)]


def _fold(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold().replace("’", "'")


def _heaviest(phrases: Sequence[Phrase]) -> list[Phrase]:
    kept: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda p: (-p.term.entry.weight, p.start - p.end)):
        if not any(k.start < phrase.end and phrase.start < k.end for k in kept):
            kept.append(phrase)
    return sorted(kept, key=lambda p: p.start)
