"""What each character of a text can be read as: itself, an accent dropped, a look-alike, leetspeak, another script."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, IntFlag, auto
from functools import lru_cache

from anyascii import anyascii
from confusable_homoglyphs.confusables import confusables_data


class Disguise(IntFlag):
    """How a written form departs from the plain one; a form may depart in several ways."""

    PLAIN = 0
    WIDE = auto()
    TRANSLITERATED = auto()
    ACCENT = auto()
    STYLED = auto()
    DOUBLED = auto()
    UNDOUBLED = auto()
    SPLIT = auto()
    SPACED = auto()
    LEET = auto()
    HOMOGLYPH = auto()
    HIDDEN = auto()


class Kind(Enum):
    """What a character does in a word."""

    LETTER = "letter"
    SEPARATOR = "separator"
    LINE_END = "line_end"
    HIDDEN = "hidden"
    """Takes no room on the screen, or none of its own."""


Reading = tuple[str, Disguise]
"""What it may stand for (case-folded, one or more characters), and how."""


@dataclass(frozen=True, slots=True)
class Character:
    """Everything known of one character, wherever it stands."""

    kind: Kind
    readings: tuple[Reading, ...]
    hides: Disguise = Disguise.PLAIN
    """Of a hidden character: what it counts as between two letters."""
    spaced_script: bool = True
    """Whether its script puts spaces between words; Han, kana, Hangul and Thai do not (or not before particles)."""
    ascii_letter: bool = False
    attached: bool = False
    """A combining mark: belongs to the letter before it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One character of a text and where it stands: text[start:end]."""

    start: int
    end: int
    character: Character
    surface: str


# Each entry: the character written, then the letters it may stand for
_LEET = {
    entry[0]: entry[1:]
    for entry in "0o 1il 2z 3e 4a 5s 6gb 7t 8b 9g @a $s !il |il €e £l ¥y ¢c §s ¡i ßb µu ×x".split()  # noqa: SIM905
}
# Letters of other scripts that imitate Latin ones without being listed as confusable
_FAUX = {
    entry[0]: entry[1:]
    for entry in (  # noqa: SIM905
        "яr иn йn зe эe єe дa лa цu шw щw ьb ъb бb чy пn гr вb нh тt мm кk "
        "λa σeo ηn μum πn τt υu χx ωw εe ιi κk γy θo δa ξe βb"
    ).split()
}
_ASCII_LOOKALIKE = {"I": "l", "l": "i"}
_REGISTERED = "™®©℠℗"
_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0\u2800\u180e\u034f"
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO", "HALFWIDTH")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,12});")
_ENCLOSED = re.compile(
    r"(?:(?:NEGATIVE )?(?:CIRCLED|SQUARED) LATIN (?:CAPITAL|SMALL) LETTER|REGIONAL INDICATOR SYMBOL LETTER) ([A-Z])"
)
_COMBINING_ACCENTS = range(0x300, 0x370)
_COMBINING_STROKES = range(0x334, 0x339)
_TATWEEL = "\u0640"


@lru_cache(maxsize=16)
def read_units(text: str) -> tuple[Unit, ...]:
    """The text's characters in order; an HTML entity that was left in counts as the character it stands for."""
    units: list[Unit] = []
    at = 0
    for entity in _ENTITY.finditer(text):
        decoded = html.unescape(entity.group())
        if decoded == entity.group():
            continue
        units += (Unit(i, i + 1, read_character(text[i]), text[i]) for i in range(at, entity.start()))
        units += (Unit(entity.start(), entity.end(), read_character(c), c) for c in decoded)
        at = entity.end()
    units += (Unit(i, i + 1, read_character(text[i]), text[i]) for i in range(at, len(text)))
    return tuple(units)


@lru_cache(maxsize=65536)
def read_character(char: str) -> Character:
    """What `char` (one code point) is and may be read as."""
    category = unicodedata.category(char)
    if char in "\n\r\u2028\u2029":
        return Character(Kind.LINE_END, ())
    if char in _REGISTERED:
        return Character(Kind.SEPARATOR, ())
    if category in ("Cf", "Mn", "Me", "Cc") or char in _BLANK_LETTERS or char == _TATWEEL:
        return _hidden(char, category)
    kind = Kind.LETTER if category[0] in "LN" or category == "Mc" or _enclosed_letter(char) else Kind.SEPARATOR
    return Character(
        kind,
        _readings(char),
        spaced_script=not unicodedata.name(char, "").startswith(_UNSPACED),
        ascii_letter=char.isascii() and char.isalpha(),
    )


def _enclosed_letter(char: str) -> str:
    """The Latin letter in a circle, square or flag; empty for anything else."""
    named = _ENCLOSED.fullmatch(unicodedata.name(char, ""))
    return named.group(1).casefold() if named else ""


def _hidden(char: str, category: str) -> Character:
    if char == "\t":
        return Character(Kind.SEPARATOR, ())
    code = ord(char)
    if category in ("Mn", "Me") and code not in _COMBINING_STROKES and char not in _BLANK_LETTERS:
        accent = Disguise.ACCENT if code in _COMBINING_ACCENTS else Disguise.PLAIN  # vowel points are orthography
        return Character(Kind.HIDDEN, (), accent, attached=True)
    hides = Disguise.PLAIN if char == _TATWEEL else Disguise.HIDDEN
    return Character(Kind.HIDDEN, (), hides, attached=category in ("Mn", "Me"))


def _readings(char: str) -> tuple[Reading, ...]:
    found: dict[str, Disguise] = {}

    def add(text: str, how: Disguise) -> None:
        if text and not text.isspace() and (text not in found or how < found[text]):
            found[text] = how

    plain = char.casefold()
    add(plain, Disguise.PLAIN)
    for text, how in _compatible(char, plain):
        add(text, how)
    for text in _lookalikes(char):
        add(text, Disguise.HOMOGLYPH)
    for letter in _LEET.get(char, ""):
        add(letter, Disguise.LEET)
    return tuple(found.items())


def _compatible(char: str, plain: str) -> list[Reading]:
    """Other ways to write the same letter: full width, styled, accented, another alphabet."""
    if char.isascii():
        return []
    name = unicodedata.name(char, "")
    folded = unicodedata.normalize("NFKC", char).casefold()
    width = name.startswith(("FULLWIDTH", "HALFWIDTH"))
    found = [(folded, Disguise.WIDE if width else Disguise.STYLED if folded.isascii() else Disguise.PLAIN)]
    found.append((_enclosed_letter(char), Disguise.STYLED))
    letters = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)).casefold()
    if letters != folded:
        found.append((letters, Disguise.ACCENT if letters.isascii() else Disguise.PLAIN))
    if char.isalpha() and not name.startswith(("CJK", "KANGXI")):
        latin = anyascii(char).casefold()
        if latin.isalnum() and len(latin) <= 4:
            found.append((latin, _transliteration(name)))
    return found


def _transliteration(name: str) -> Disguise:
    if not name.startswith("LATIN"):
        return Disguise.STYLED if name.startswith(("MATHEMATICAL", "CIRCLED", "MODIFIER")) else Disguise.TRANSLITERATED
    return Disguise.ACCENT if "WITH" in name or "DOTLESS" in name or "SHARP" in name else Disguise.STYLED


def _lookalikes(char: str) -> str:
    """ASCII letters that `char` can be mistaken for."""
    if char.isascii():
        return _ASCII_LOOKALIKE.get(char, "")
    upper = char.upper() if len(char.upper()) == 1 else char
    listed = [
        entry["c"].casefold()
        for written in {char, upper}
        for entry in confusables_data.get(written, [])
        if len(entry["c"]) == 1 and entry["c"].isascii() and entry["c"].isalpha()
    ]
    return "".join(sorted({*listed, *_FAUX.get(char.casefold(), "")}))
