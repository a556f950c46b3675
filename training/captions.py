"""Words for composed pictures: eleven basic colors, the name of a class, and what a mark stands on and how."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from store.images import RGB

Color = NDArray[np.float64]
"""(3,) red, green, blue from 0 to 255."""

_COLORS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "black": ((15, 15, 15), (40, 38, 40)),
    "white": ((250, 250, 250), (225, 225, 225)),
    "gray": ((128, 128, 128), (175, 175, 175), (80, 80, 82)),
    "red": ((200, 25, 30), (140, 20, 30)),
    "orange": ((240, 130, 25), (220, 100, 40)),
    "yellow": ((245, 220, 40), (215, 190, 60)),
    "green": ((40, 150, 60), (90, 120, 60), (130, 210, 110), (20, 80, 40)),
    "blue": ((40, 80, 200), (30, 40, 100), (110, 160, 230), (30, 160, 190)),
    "purple": ((120, 50, 160), (90, 40, 100), (170, 120, 210)),
    "pink": ((240, 130, 180), (230, 60, 140), (235, 190, 200)),
    "brown": ((110, 70, 40), (160, 115, 75), (200, 170, 130)),
}
"""Basic color terms of English (Berlin and Kay, 1969), each by a few typical RGB values."""
_NAMES = [name for name, values in _COLORS.items() for _ in values]
_MANNERS = {
    "print": "printed on",
    "outline": "outlined on",
    "embroidery": "embroidered on",
    "emboss": "pressed into",
    "label": "on a label on",
    "chrome": "of metal on",
    "screen": "lit up over",
}
_WITHOUT_INK = {"emboss", "chrome"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A composed picture and true words about it."""

    picture: RGB
    caption: str


def _lab(colors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) RGB from 0 to 255 to CIE L*a*b*."""
    pixels = (colors[None] / 255).astype(np.float32)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[0], dtype=np.float64)


_LAB = _lab(np.array([value for values in _COLORS.values() for value in values], dtype=np.float64))


def color_name(color: NDArray[np.floating]) -> str:
    """The basic color term whose typical value is nearest in L*a*b*."""
    return _NAMES[int(np.argmin(((_lab(np.asarray(color, dtype=np.float64)[None]) - _LAB) ** 2).sum(axis=1)))]


def say(class_name: str) -> str:
    """A class as its folder names it, in words: ``God-Morgon-Apple-Juice`` to ``god morgon apple juice``."""
    return class_name.replace("-", " ").replace("_", " ").lower().replace("t shirt", "t-shirt")


def with_article(thing: str) -> str:
    """``a`` or ``an`` before it, unless it is a plural: shoes, pants."""
    if thing.endswith("s") and not thing.endswith("ss"):
        return thing
    return f"{'an' if thing[:1] in 'aeiou' else 'a'} {thing}"


def mark_caption(ink: Color, manner: str, ground: str) -> str:
    """For a mark composed in `manner` (of training.mark_scenes) on a photo of the class `ground`."""
    thing = with_article(say(ground)) if ground else "plain ground"
    logo = "logo" if manner in _WITHOUT_INK else f"{color_name(ink)} logo"
    return f"{with_article(logo)} {_MANNERS[manner]} {thing}"
