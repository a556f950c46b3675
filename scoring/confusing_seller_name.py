"""Signal: a seller name that passes for a rights holder or for a seller it authorizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import DamerauLevenshtein

from domain.assessment import Finding, SignalName
from domain.listing import Listing
from domain.match import Matches
from scoring.context import CatalogView, Mark
from scoring.examples import example, offer
from scoring.interfaces import Example
from scoring.readings import Disguise, Kind, read_units
from scoring.words import is_common_word, is_known_word

_AFFILIATION = frozenset(
    (  # noqa: SIM905
        "official officiel oficial offiziell authentic authorized authorised genuine flagship hq headquarters brand "
        "original originals factory outlet"
    ).split()
)
"""Words that claim to be the rights holder or near to it."""
_TRADE = frozenset(
    (  # noqa: SIM905
        "store stores shop shops outlets boutique sale sales deals deal mall market seller sellers trading "
        "trade retail online direct dealer company co inc ltd llc gmbh group intl international global world "
        "worldwide us usa uk eu de fr es it cn hk ca au jp the my best top new real pro plus vip tienda loja "
        "magasin laden magaza magazin team club house home collection fashion style clothing wear sports "
        "sport bags shoes watches"
    ).split()
)
_TOKEN = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LEAST_LETTERS = 4
_LEAST_SELLER_LETTERS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Resemblance:
    """A seller name beside the name it is taken for."""

    name: str
    """What is left of the seller name without numbers and words of trade."""
    resembles: str
    kind: str
    """``mark`` or ``authorized_seller``."""
    rights_holder: str
    brand: str | None
    distance: int
    """Edits (insert, delete, replace, swap) between the two, letters folded to what they look like."""
    strength: float


class ConfusingSellerName:
    """Compares whole names, not parts: sharing one word with a mark is no resemblance."""

    name = SignalName.CONFUSING_SELLER_NAME

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The closest resemblance to a rights holder that does not authorize the seller."""
        authorizing = catalog.authorizing(listing.seller)
        found = [r for r in resemblances(listing.seller.name, catalog) if r.rights_holder not in authorizing]
        if not found:
            return None
        closest = max(found, key=lambda r: (r.strength, -r.distance))
        return Finding(
            name=self.name,
            strength=closest.strength,
            sentence=_sentence(listing.seller.name, closest),
            brand=closest.brand,
            evidence={
                "seller_name": listing.seller.name,
                "compared": closest.name,
                "resembles": closest.resembles,
                "kind": closest.kind,
                "rights_holder": closest.rights_holder,
                "distance": closest.distance,
            },
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """The mark with words of trade, misspelled, in look-alike letters; an authorized seller misspelled."""
        names = (
            *("velmora_outlet17", "VelmoraOfficial", "velmoraofficial", "Velmorra Store", "ve1mora-shop", "Vеlmora"),
            *("velmora-dіrect", "velmora-directt", "Lakeside Leathers", "lakesideleather", "official_velmora_88"),
        )
        return tuple(example(offer(seller=name)) for name in names)

    def silent_examples(self) -> tuple[Example, ...]:
        """Common words, short marks, other names, and the authorized sellers themselves."""
        names = (
            *("lakeside", "leather_bags", "Lakeside Gifts", "official_store", "ox", "oxen_farm", "mora", "mike_154"),
            *(
                "velma",
                "Thelma Moran",
                "factory outlet",
                "brasked eggs",
                "velmora-direct",
                "LAKESIDE LEATHER",
                "direct",
            ),
            *("bags by velmora lovers anna", "", "123"),
        )
        return tuple(example(offer(seller=name)) for name in names)


def resemblances(seller_name: str, catalog: CatalogView) -> Iterator[Resemblance]:
    """Every mark and authorized seller that the name may be taken for."""
    for one in "li" if "1" in seller_name else "l":
        yield from _resemblances(seller_name, _words(seller_name[:200], one), catalog)


def _resemblances(seller_name: str, words: tuple[str, ...], catalog: CatalogView) -> Iterator[Resemblance]:
    affiliated = any(word in _AFFILIATION for word in words)
    core, affiliated = _strip_affixes("".join(w for w in words if w not in _AFFILIATION | _TRADE), affiliated, catalog)
    disguised = _is_disguised(seller_name)
    for mark in catalog.marks:
        yield from _like_mark(core, mark, affiliated=affiliated, disguised=disguised)
    whole = "".join(words)
    for holder in catalog.rights_holders.values():
        for seller in holder.authorized_sellers:
            yield from _like_seller(whole, seller, holder.name)


def _like_mark(core: str, mark: Mark, *, affiliated: bool, disguised: bool) -> Iterator[Resemblance]:
    target = "".join(_words(mark.text))
    if len(target) < _LEAST_LETTERS or not core or (mark.dictionary and not affiliated):
        return
    distance = DamerauLevenshtein.distance(core, target, score_cutoff=2)
    allowed = 2 if len(target) >= 9 else 1 if len(target) >= 5 or _squeezed(core) == _squeezed(target) else 0
    if distance > allowed or (distance and (is_known_word(core) or mark.dictionary)):
        return
    strength = 0.5 + 0.25 * affiliated + 0.15 * (distance > 0 or disguised)
    yield Resemblance(
        name=core,
        resembles=mark.text,
        kind="mark",
        rights_holder=mark.rights_holder,
        brand=mark.text,
        distance=distance,
        strength=strength,
    )


def _like_seller(whole: str, seller: str, rights_holder: str) -> Iterator[Resemblance]:
    target = "".join(_words(seller))
    if len(target) < _LEAST_SELLER_LETTERS or is_common_word(target):
        return
    distance = DamerauLevenshtein.distance(whole, target, score_cutoff=3)
    if distance > min(3, len(target) // 6) or (distance and is_known_word(whole)):
        return
    yield Resemblance(
        name=whole,
        resembles=seller,
        kind="authorized_seller",
        rights_holder=rights_holder,
        brand=None,
        distance=distance,
        strength=0.9,
    )


@lru_cache(maxsize=4096)
def _words(name: str, one: str = "l") -> tuple[str, ...]:
    """Words in the letters they look like (1 like `one`), without numbers at their ends."""
    spaced = _CAMEL.sub(" ", name)
    looks = "".join(_looks_like(char) for char in spaced)
    words = (word.strip("0123456789") for word in _TOKEN.findall(looks))
    letters = _DIGIT_LETTERS | {ord("1"): one}
    return tuple(word.translate(letters) for word in words if word)


def _looks_like(char: str) -> str:
    unit = read_units(char)[0].character if char != "&" else None
    if unit is None or unit.kind is Kind.SEPARATOR:
        return " "
    if unit.kind is not Kind.LETTER:
        return ""
    if char.isascii():
        return char.casefold()
    ascii_readings = [(how, text) for text, how in unit.readings if text.isascii() and text.isalnum()]
    look = next((text for how, text in ascii_readings if how is Disguise.HOMOGLYPH), "")
    return look or next((text for _, text in sorted(ascii_readings)), char.casefold())


_DIGIT_LETTERS = str.maketrans("0345", "oeas")


def _strip_affixes(core: str, affiliated: bool, catalog: CatalogView) -> tuple[str, bool]:
    """`velmoraofficial` without its last word, where what is left is still as long as a mark."""
    for word in sorted(_AFFILIATION | _TRADE, key=len, reverse=True):
        if len(word) >= 4 and len(core) - len(word) >= _LEAST_LETTERS:
            if core.endswith(word):
                return core[: -len(word)], affiliated or word in _AFFILIATION
            if core.startswith(word):
                return core[len(word) :], affiliated or word in _AFFILIATION
    return core, affiliated


def _is_disguised(name: str) -> bool:
    """Whether letters of several scripts are mixed."""
    letters = [char for char in name if char.isalpha()]
    return any(char.isascii() for char in letters) and any(not char.isascii() for char in letters)


def _squeezed(name: str) -> str:
    return re.sub(r"(.)\1+", r"\1", name)


def _sentence(seller_name: str, found: Resemblance) -> str:
    if found.kind == "authorized_seller":
        return f"The seller name “{seller_name}” looks like the authorized seller “{found.resembles}” and is not."
    return f"The seller name “{seller_name}” passes for {found.resembles}, whose owner does not list this seller."
