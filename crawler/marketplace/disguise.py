"""How sellers write a mark so that a person reads it and a plain search does not."""

from __future__ import annotations

import random

_HOMOGLYPHS = {
    "a": "аɑ",
    "b": "ЬƄ",
    "c": "сϲ",
    "d": "ԁ",
    "e": "еҽ",
    "h": "һ",
    "i": "іı",
    "j": "ј",
    "k": "κк",
    "l": "ӏ",
    "m": "м",
    "n": "ո",
    "o": "оο",
    "p": "рρ",
    "q": "ԛ",
    "r": "г",
    "s": "ѕ",
    "t": "т",
    "u": "υ",
    "v": "ν",
    "w": "ԝ",
    "x": "х",
    "y": "у",
    "z": "ᴢ",
}
_LEET = {"a": "4", "b": "8", "e": "3", "g": "9", "i": "1", "l": "1", "o": "0", "s": "5", "t": "7", "z": "2"}
_FULL_WIDTH = {letter: chr(ord(letter) + 0xFEE0) for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def disguise(mark: str, stream: random.Random) -> str:
    """`mark` in homoglyphs, leetspeak, spaced out, or with hidden characters: always another string than `mark`."""
    return stream.choice((_homoglyphs, _homoglyphs, _leet, _leet, _spaced, _spaced, _hidden, _full_width))(mark, stream)


def broken(mark: str, stream: random.Random) -> str:
    """`mark` with a letter or two knocked out, such as ``N*ke``: brand claim and coded language at once."""
    letters = list(mark)
    for position in stream.sample(range(1, len(letters) - 1), k=1 if len(letters) < 7 else 2):
        letters[position] = stream.choice("**_#")
    return "".join(letters)


def misspelled(mark: str, stream: random.Random) -> str:
    """`mark` one slip away, as copycats name their shops: a letter doubled, swapped or replaced."""
    letters = list(mark.casefold())
    position = stream.randrange(1, len(letters) - 1)
    slip = stream.choice(("double", "swap", "replace"))
    if slip == "swap" and letters[position] != letters[position + 1]:
        letters[position], letters[position + 1] = letters[position + 1], letters[position]
    elif slip == "replace":
        near = {"a": "e", "e": "a", "i": "l", "l": "i", "o": "u", "u": "o", "v": "w", "w": "v", "n": "m", "m": "n"}
        letters[position] = near.get(letters[position], letters[position] * 2)
    else:
        letters[position] *= 2
    return "".join(letters)


def _homoglyphs(mark: str, stream: random.Random) -> str:
    places = [i for i, letter in enumerate(mark) if letter.casefold() in _HOMOGLYPHS]
    chosen = set(stream.sample(places, k=min(len(places), stream.choice((1, 2, 2, 3)))))
    return "".join(
        _cased(stream.choice(_HOMOGLYPHS[letter.casefold()]), letter) if i in chosen else letter
        for i, letter in enumerate(mark)
    )


def _cased(glyph: str, like: str) -> str:
    upper = glyph.upper()
    return upper if like.isupper() and len(upper) == 1 else glyph


def _leet(mark: str, stream: random.Random) -> str:
    places = [i for i, letter in enumerate(mark) if letter.casefold() in _LEET]
    if not places:
        return _spaced(mark, stream)
    chosen = set(stream.sample(places, k=min(len(places), stream.choice((1, 1, 2)))))
    return "".join(_LEET[letter.casefold()] if i in chosen else letter for i, letter in enumerate(mark))


def _spaced(mark: str, stream: random.Random) -> str:
    return stream.choice((" ", " ", ".", "-", "·")).join(stream.choice((mark, mark.upper())))


def _hidden(mark: str, stream: random.Random) -> str:
    position = stream.randrange(1, len(mark))
    return mark[:position] + stream.choice(("\u200b", "\u200d", "\u00ad", "\u2060")) + mark[position:]


def _full_width(mark: str, _stream: random.Random) -> str:
    return "".join(_FULL_WIDTH.get(letter, letter) for letter in mark)
