"""Typefaces to set invented words in: the bundled ones, the user's and the system's, as far as they write Latin."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np

MAX_FONTS = 400
_MAX_FONT_BYTES = 20_000_000
_LETTERS = string.ascii_letters + string.digits
_NO_LETTERS = re.compile("barcode|braille|cmex|cmsy|cursor|dingbat|dseg|emoji|icon|math|music|ornament|symbol")
"""Words in the names of families whose letters are pictures."""


def find_fonts(data_dir: Path | None = None, *, most: int = MAX_FONTS, seed: int = 0) -> tuple[Path, ...]:
    """At most `most` font files, one of each family before a second of any, in an order that `seed` decides.

    Looked through are Matplotlib's bundled ones, `data_dir`/fonts and the system's. Which typefaces a system has
    differs from machine to machine: where words must repeat, hand over the same files.
    """
    families: dict[str, list[Path]] = {}
    for path in _font_files(data_dir):
        family = _latin_family(path)
        if family is not None:
            families.setdefault(family, []).append(path)
    generator = np.random.default_rng(seed)
    names = sorted(families)
    rounds: list[list[Path]] = []
    for name in (names[place] for place in generator.permutation(len(names))):
        styles = families[name]
        for number, place in enumerate(generator.permutation(len(styles))):
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(styles[place])
    return tuple(path for one_each in rounds for path in one_each)[:most]


def _font_files(data_dir: Path | None) -> Iterator[Path]:
    from matplotlib import get_data_path
    from matplotlib.font_manager import findSystemFonts

    folders = [Path(get_data_path()) / "fonts" / "ttf"] + ([data_dir / "fonts"] if data_dir else [])
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".ttf", ".otf"))
    yield from sorted(Path(path) for path in findSystemFonts() if Path(path).suffix.lower() in (".ttf", ".otf"))


def _latin_family(path: Path) -> str | None:
    """The family's name; None where the file is broken, has no outlines, lacks letters, or draws pictures for them."""
    from matplotlib.ft2font import FT2Font

    try:
        if path.stat().st_size > _MAX_FONT_BYTES:
            return None
        font = FT2Font(str(path))
    except (OSError, RuntimeError, ValueError):
        return None
    name = font.family_name.casefold()
    if _NO_LETTERS.search(name) or not all(font.get_char_index(ord(letter)) for letter in _LETTERS):
        return None
    return name
