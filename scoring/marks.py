"""Where a listing's words name a catalog's mark, plainly or in disguise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from domain.listing import Listing
from scoring.context import CatalogView, Mark
from scoring.names import exact_name
from scoring.readings import Disguise, Kind, Unit, read_units
from scoring.search import Hit
from scoring.words import is_common_word, is_known_word

MAX_FIELD_CHARACTERS = 10_000
"""Longer text is read up to here; a marketplace's own limits are far lower."""

_OPEN_DISGUISES = Disguise.TRANSLITERATED | Disguise.WIDE
"""Departures that hide nothing: who writes in another script or in full width spells the mark in it."""
_DELIBERATE = Disguise.LEET | Disguise.HOMOGLYPH | Disguise.HIDDEN | Disguise.STYLED
"""Nobody mistypes like this."""
_SPLITTERS = set("._-*·•~'’|/+^=\\")
_COMPATIBLE_BEFORE = re.compile(
    r"(?:\b(?:compatible (?:with|for|to)|compatibility with|(?:designed|made|intended|suitable|suited|fit|fits|fitted)"
    r" (?:for|to fit)|fits?|works with|use with|used with|replaces|replacement for|replacement part for|spare for"
    r"|(?:case|cover|strap|band|sleeve|charger|cable|adapter|adaptor|holder|mount|stand|filter|refill|bag|pouch|skin"
    r"|protector|lid|cap|brush|part|parts|kit|accessory|accessories|battery|belt|screen|glass|dock|stickers?) for"
    r"|for(?: use (?:with|in|on))?(?: (?:the|your|an?))?|passend (?:für|zu)|kompatibel mit|für|pour|compatibles? avec"
    r"|para|compatibles? (?:con|com)|per|compatibile con|adatto a|для|совместим\w* с|подходит (?:для|к))"
    r"|适用于?|兼容|适配|متوافق مع|مناسب ل)\W{0,3}$",
    re.IGNORECASE,
)
_COMPATIBLE_AFTER = re.compile(
    r"^\W{0,3}(?:compatible\b|[- ]?kompatib|(?:ile )?uyumlu|için\b|专用|适用|兼容|replacement\b)", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """A mark in one field of a listing."""

    mark: Mark
    field: str
    """``title``, ``description`` or ``brand``."""
    start: int
    end: int
    """field[start:end], in characters."""
    text: str
    disguise: Disguise
    compatible: bool
    """The words around say what the article fits, not who made it."""

    @property
    def disguised(self) -> bool:
        """Written so that a plain search misses it."""
        return bool(self.disguise & ~_OPEN_DISGUISES)

    def span(self) -> dict[str, JsonValue]:
        """For a finding's evidence."""
        return {
            "field": self.field,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "normalized": self.mark.text,
            "disguised": self.disguised,
            "disguises": [flag.name.lower() for flag in Disguise if flag in self.disguise and flag.name],
            "compatible_use": self.compatible,
        }


def text_fields(listing: Listing) -> tuple[tuple[str, str], ...]:
    """(name, text) of the fields that are searched, each bounded."""
    fields = (("title", listing.title), ("description", listing.description), ("brand", listing.brand))
    return tuple((name, text[:MAX_FIELD_CHARACTERS]) for name, text in fields if text)


def find_mentions(listing: Listing, catalog: CatalogView) -> list[Mention]:
    """Every credible mention of a mark, in the order of the fields and the text."""
    return [
        mention for field, text in text_fields(listing) for mention in _longest(list(_mentions(field, text, catalog)))
    ]


def _mentions(field: str, text: str, catalog: CatalogView) -> Iterator[Mention]:
    units = read_units(text)
    for hit in catalog.mark_trie.find(units):
        mark = catalog.marks[hit.phrase]
        start, end = units[hit.first].start, units[hit.last - 1].end
        surface = text[start:end]
        disguise = judge(hit, units[hit.first : hit.last], surface, mark, catalog, in_brand=field == "brand")
        if disguise is None:
            continue
        compatible = bool(_COMPATIBLE_BEFORE.search(text[max(0, start - 60) : start]))
        compatible = compatible or bool(_COMPATIBLE_AFTER.search(text[end : end + 30]))
        yield Mention(
            mark=mark, field=field, start=start, end=end, text=surface, disguise=disguise, compatible=compatible
        )


def _longest(mentions: Sequence[Mention]) -> list[Mention]:
    """Of overlapping mentions for one rights holder the longest: `Luma Kids` is not also `Luma`."""
    kept: list[Mention] = []
    for mention in sorted(mentions, key=lambda m: (m.start - m.end, m.disguise)):
        rivals = (k for k in kept if k.mark.rights_holder == mention.mark.rights_holder)
        if not any(k.start < mention.end and mention.start < k.end for k in rivals):
            kept.append(mention)
    return sorted(kept, key=lambda m: m.start)


def judge(
    hit: Hit, units: Sequence[Unit], surface: str, mark: Mark, catalog: CatalogView, *, in_brand: bool = False
) -> Disguise | None:
    """How the mark is written there, or None when the words are more likely honest text."""
    if mark.short or not hit.disguise & ~_OPEN_DISGUISES:
        return _judge_plain(hit, surface, mark, in_brand=in_brand)
    disguise = hit.disguise
    if _is_honest_word(surface, mark, catalog):
        return None
    if Disguise.LEET in disguise and not _credible_leet(hit, units, mark):
        return None
    if Disguise.SPLIT in disguise:
        return _judge_split(hit, units, mark)
    if mark.dictionary and not disguise & _DELIBERATE and not surface[0].isupper():
        return None
    return disguise


def _is_honest_word(surface: str, mark: Mark, catalog: CatalogView) -> bool:
    """Whether the form is a word or name of its own. Odd capitals (ArIa for Arla) are never honest."""
    word = surface.casefold()
    if not (surface.islower() or surface.isupper() or surface.istitle()):
        return False
    another_mark = word in catalog.mark_words and word != mark.text.casefold()
    return another_mark or word in catalog.vocabulary or is_known_word(word)


def _judge_plain(hit: Hit, surface: str, mark: Mark, *, in_brand: bool) -> Disguise | None:
    as_written = {_unspaced(written) for written in mark.written}
    if mark.short and _unspaced(surface) not in as_written:
        return None
    if mark.dictionary and not in_brand and surface not in mark.written:
        return None
    return Disguise.PLAIN if mark.short else hit.disguise


def _unspaced(name: str) -> str:
    return "".join(exact_name(name).split())


def _credible_leet(hit: Hit, units: Sequence[Unit], mark: Mark) -> bool:
    """At least half real letters; in a short mark no run of different digits, which is a model number (A50s)."""
    if hit.leet * 2 > mark.letters:
        return False
    surface = "".join(unit.surface for unit in units)
    runs = re.findall(r"\d{2,}", surface)
    return mark.letters > 5 or all(len(set(run)) == 1 for run in runs)


def _judge_split(hit: Hit, units: Sequence[Unit], mark: Mark) -> Disguise | None:
    """Letters set apart: all of them, or inside one word by punctuation; ordinary words side by side are not."""
    rest = hit.disguise & ~Disguise.SPLIT
    gaps, pieces = _pieces(units)
    if hit.splits >= mark.letters - 1:
        return rest | Disguise.SPACED
    if mark.dictionary:
        return None
    if all(set(gap) <= _SPLITTERS for gap in gaps):
        words = all(len(piece) > 2 and is_common_word(piece) for piece in pieces)
        return None if words else rest | Disguise.SPLIT
    if rest or not all(gap.isspace() for gap in gaps):
        return None
    # `L uma` is a size before a Portuguese word; `Lu ma` in the mark's own capitals is no two words
    words = all(len(piece) < 2 or is_common_word(piece) for piece in pieces)
    deliberate = "".join(pieces) in mark.written and all(len(piece) > 1 for piece in pieces)
    return None if words and not deliberate else Disguise.SPLIT


def _pieces(units: Sequence[Unit]) -> tuple[list[str], list[str]]:
    """(runs of separators, runs of letters)."""
    gaps: list[str] = []
    pieces: list[str] = [""]
    for unit in units:
        if unit.character.kind is Kind.SEPARATOR and not any(
            how is Disguise.LEET for _, how in unit.character.readings
        ):
            if pieces[-1]:
                gaps.append("")
                pieces.append("")
            gaps[-1] += unit.surface
        else:
            pieces[-1] += unit.surface
    return gaps, [piece for piece in pieces if piece]
