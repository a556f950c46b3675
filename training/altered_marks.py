"""Marks altered as counterfeiters alter them, and marks hidden in product photos: what tests and evaluations look for.

Each is a function of its inputs and the generator: the same seed, the same picture.
"""

from __future__ import annotations

import colorsys
import string
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from domain.errors import BadInput
from domain.match import Alteration, Box
from store.images import RGB, RGBA
from training.painting import Generator

Manner = Literal["blurred", "pixelated", "blacked_out", "painted_over"]
MANNERS: tuple[Manner, ...] = ("blurred", "pixelated", "blacked_out", "painted_over")
"""How a mark is hidden in a photo."""

_STRETCH = (1.5, 2.0)
"""How much wider, or higher, a stretched mark is."""
_TURNED_HUE = (0.25, 0.75)
"""Of the color circle."""
_COVERED = (0.25, 0.45)
"""Share of a mark's ink that a cover takes, from one side."""
_BLUR = (0.05, 0.09)
"""Standard deviation, in shares of the longer side."""
_INK: tuple[int, int, int] = (20, 20, 24)
_LIKE = ("ceoqdg0", "iljt1f", "uvyw", "mnhr", "bpdq", "kxz", "vyw", "as", "ef", "szg5")
"""Letters of like shape, that a reader of letters takes one for another: a change among them is no change."""


def alter(mark: RGBA, kind: Alteration, generator: Generator) -> RGBA:
    """A (h, w, 4) mark on transparent ground, altered; the size may change.

    Raises BadInput for `LETTER_CHANGED`: a letter is changed where words are set, see `altered_word`.
    """
    if kind is Alteration.STRETCHED:
        return _stretched(mark, generator)
    if kind is Alteration.MIRRORED:
        return np.ascontiguousarray(mark[:, ::-1])
    if kind is Alteration.RECOLORED:
        return _recolored(mark, generator)
    if kind is Alteration.COVERED:
        return _covered(mark, generator)
    if kind is Alteration.BLURRED:
        return _blurred(mark, generator)
    raise BadInput("a letter cannot be changed in a picture; set the word anew with altered_word")


def altered_word(word: str, font: Path, generator: Generator) -> tuple[str, RGBA]:
    """The word with one letter changed to one that looks otherwise, and its picture in that typeface.

    Raises BadInput for a word without a letter from a to z.
    """
    places = [place for place, letter in enumerate(word) if letter.lower() in string.ascii_lowercase]
    if not places:
        raise BadInput(f"{word!r} has no letter to change")
    place = places[int(generator.integers(len(places)))]
    old = word[place].lower()
    others = [c for c in string.ascii_lowercase if c != old and not any(c in like and old in like for like in _LIKE)]
    new = others[int(generator.integers(len(others)))]
    changed = word[:place] + (new.upper() if word[place].isupper() else new) + word[place + 1 :]
    return changed, set_word(changed, font)


def set_word(word: str, font: Path, *, height: int = 96, ink: tuple[int, int, int] = _INK) -> RGBA:
    """A word in a typeface, `height` px to the em, trimmed, on transparent ground."""
    typeface = ImageFont.truetype(str(font), height)
    left, top, right, bottom = (round(edge) for edge in typeface.getbbox(word))
    picture = Image.new("RGBA", (max(1, right - left) + 4, max(1, bottom - top) + 4), (*ink, 0))
    ImageDraw.Draw(picture).text((2 - left, 2 - top), word, font=typeface, fill=(*ink, 255))
    return np.asarray(picture, np.uint8)


def hide(photo: RGB, box: Box, manner: Manner, generator: Generator) -> RGB:
    """A photo with what stands in `box` blurred, pixelated, blacked out, or painted over in the color around it."""
    height, width = photo.shape[:2]
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    right, bottom = min(width, round(box[2])), min(height, round(box[3]))
    if right - left < 2 or bottom - top < 2:
        raise BadInput(f"nothing to hide in {box}")
    hidden = photo.copy()
    part = np.ascontiguousarray(photo[top:bottom, left:right])
    hidden[top:bottom, left:right] = _hidden(part, _color_around(photo, left, top, right, bottom), manner, generator)
    return hidden


def _hidden(part: RGB, around: NDArray[np.uint8], manner: Manner, generator: Generator) -> NDArray[np.uint8]:
    side = max(part.shape[:2])
    if manner == "blurred":
        return np.asarray(cv2.GaussianBlur(part, (0, 0), max(3.0, side * generator.uniform(0.1, 0.18))), np.uint8)
    if manner == "pixelated":
        cells = int(generator.integers(4, 8))
        shape = part.shape[1] * cells // side, part.shape[0] * cells // side
        coarse = cv2.resize(part, (max(1, shape[0]), max(1, shape[1])), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(coarse, part.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.broadcast_to(np.zeros(3, np.uint8) if manner == "blacked_out" else around, part.shape)


def _color_around(photo: RGB, left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    margin = max(2, (right - left) // 10)
    ring = np.ones(photo.shape[:2], bool)
    ring[top:bottom, left:right] = False
    near = np.zeros_like(ring)
    near[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = True
    pixels = photo[ring & near]
    return np.asarray(np.median(pixels if len(pixels) else photo.reshape(-1, 3), axis=0), np.uint8)


def _stretched(mark: RGBA, generator: Generator) -> RGBA:
    factor = generator.uniform(*_STRETCH)
    height, width = mark.shape[:2]
    size = (round(width * factor), height) if generator.random() < 0.5 else (width, round(height * factor))
    return np.asarray(cv2.resize(mark, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _recolored(mark: RGBA, generator: Generator) -> RGBA:
    """Every hue turned by the same angle; gray marks get one color, which tells them apart least."""
    turned = mark.copy()
    angle = generator.uniform(*_TURNED_HUE)
    hls = np.asarray(cv2.cvtColor(mark[..., :3].astype(np.float32) / 255, cv2.COLOR_RGB2HLS))
    if float((hls[..., 2] * (mark[..., 3] > 0)).max(initial=0.0)) < 0.15:
        red, green, blue = colorsys.hls_to_rgb(angle, 0.45, 0.9)
        turned[..., :3] = np.rint(np.array([red, green, blue]) * 255)
        return turned
    hls[..., 0] = (hls[..., 0] + 360 * angle) % 360
    turned[..., :3] = np.clip(np.rint(cv2.cvtColor(hls, cv2.COLOR_HLS2RGB) * 255), 0, 255)
    return turned


def _covered(mark: RGBA, generator: Generator) -> RGBA:
    """From one side: cut off, or under a patch of one color."""
    covered = mark.copy()
    axis, from_the_end = int(generator.integers(2)), generator.random() < 0.5
    share = generator.uniform(*_COVERED)
    ink = np.cumsum(mark[..., 3].sum(axis=axis, dtype=np.float64))
    edge = int(np.searchsorted(ink, ink[-1] * (1 - share if from_the_end else share)))
    part = slice(edge, None) if from_the_end else slice(0, edge)
    place = (slice(None), part) if axis == 0 else (part, slice(None))
    if generator.random() < 0.5:
        covered[(*place, 3)] = 0
    else:
        covered[place] = (*generator.integers(0, 256, 3).tolist(), 255)
    return covered


def _blurred(mark: RGBA, generator: Generator) -> RGBA:
    """With room around it for what the blur spreads."""
    deviation = max(mark.shape[:2]) * generator.uniform(*_BLUR)
    room = round(2 * deviation)
    framed = cv2.copyMakeBorder(mark, room, room, room, room, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    alpha = framed[..., 3:].astype(np.float32) / 255
    inked = cv2.GaussianBlur(framed[..., :3] * alpha, (0, 0), deviation)
    spread = cv2.GaussianBlur(alpha, (0, 0), deviation)[..., None]
    color = inked / np.maximum(spread, 1e-3)
    return np.asarray(np.clip(np.rint(np.concatenate([color, spread * 255], axis=2)), 0, 255), np.uint8)
