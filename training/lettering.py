"""Invented words, set in typefaces the way wordmarks are: tracked, slanted, outlined, stacked, bent, on a badge.

Glyphs are rendered once at one size and kept; a word is put together from them. All masks are (h, w) uint8.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.mark_masks import Mask

Generator = np.random.Generator

_EM = 72
_ASCENT = 84
_LINE = 120
_KEPT_GLYPHS = 30_000
_ONSETS = (
    "b",
    "c",
    "ch",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "qu",
    "r",
    "s",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "y", "ai", "ea", "ou", "oo")
_CODAS = ("", "", "", "n", "r", "l", "s", "x", "m", "t", "ck", "nd")


@dataclass(frozen=True, slots=True)
class _Glyph:
    mask: Mask
    left: int
    """Of the mask, from the pen."""
    top: int
    """Of the mask, in the line."""
    advance: int


def draw_word(generator: Generator, fonts: Sequence[Path]) -> Mask | None:
    """A wordmark of 1 to 12 letters; None when the typeface that was drawn cannot set it."""
    pick = generator.random()
    if pick < 0.12:
        return _on_arc(generator, fonts)
    if pick < 0.26:
        return _on_badge(generator, fonts)
    if pick < 0.4:
        return _stacked(generator, fonts)
    line = set_line(generator, fonts, invent_name(generator))
    return None if line is None else _styled(generator, line)


def draw_monogram(generator: Generator, fonts: Sequence[Path]) -> Mask | None:
    """One to three letters, tightly set."""
    count = 1 + int(generator.integers(3))
    letters = "".join(string.ascii_uppercase[int(generator.integers(26))] for _ in range(count))
    return set_line(generator, fonts, letters, tightest=-0.25, widest=0.02)


def invent_name(generator: Generator, longest: int = 12) -> str:
    """Pronounceable in three of four cases, in upper, lower or title case."""
    length = 1 + int(generator.integers(longest))
    name = ""
    if generator.random() < 0.75:
        while len(name) < length:
            name += "".join(part[int(generator.integers(len(part)))] for part in (_ONSETS, _VOWELS, _CODAS))
    else:
        letters = string.ascii_lowercase + (string.digits if generator.random() < 0.3 else "")
        name = "".join(letters[place] for place in generator.integers(len(letters), size=length))
    name = name[:length]
    return (name.upper(), name, name.title())[int(generator.integers(3))]


def set_line(
    generator: Generator, fonts: Sequence[Path], text: str, *, tightest: float = -0.06, widest: float = 0.3
) -> Mask | None:
    """`text` in a random typeface with tracking in ems; None when the typeface lacks a letter."""
    glyphs = _glyphs(generator, fonts, text)
    if glyphs is None:
        return None
    tracking = generator.uniform(tightest, min(widest, 0.08)) if generator.random() < 0.8 else widest
    pens = np.cumsum([0, *(max(4, glyph.advance + round(tracking * _EM)) for glyph in glyphs)])
    margin = _EM // 2
    line = np.zeros((_LINE, int(pens[-1]) + 2 * margin + _EM), np.uint8)
    for pen, glyph in zip(pens[:-1], glyphs, strict=True):
        _lay(line, glyph.mask, int(pen) + margin + glyph.left, glyph.top)
    return _trimmed(line)


def _glyphs(generator: Generator, fonts: Sequence[Path], text: str) -> list[_Glyph] | None:
    font = fonts[int(generator.integers(len(fonts)))]
    glyphs = [_glyph(font, letter) for letter in text]
    return None if None in glyphs else [glyph for glyph in glyphs if glyph is not None]


@lru_cache(maxsize=512)
def _font(path: Path) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(str(path), _EM, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        return None


@lru_cache(maxsize=_KEPT_GLYPHS)
def _glyph(path: Path, letter: str) -> _Glyph | None:
    font = _font(path)
    if font is None:
        return None
    try:
        left, top, right, bottom = (int(edge) for edge in font.getbbox(letter, anchor="ls"))
        if not (0 < right - left <= 3 * _EM and 0 < bottom - top <= 3 * _EM):
            return None
        picture = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(picture).text((-left, -top), letter, 255, font, anchor="ls")
        return _Glyph(np.asarray(picture, dtype=np.uint8), left, _ASCENT + top, round(font.getlength(letter)))
    except (OSError, ValueError, OverflowError):  # outlines that FreeType will not draw
        return None


def _lay(canvas: Mask, mask: Mask, x: int, y: int) -> None:
    """Union; what hangs over the edge is cut."""
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(mask.shape[0], canvas.shape[0] - y), min(mask.shape[1], canvas.shape[1] - x)
    if bottom > top and right > left:
        part = canvas[y + top : y + bottom, x + left : x + right]
        np.maximum(part, mask[top:bottom, left:right], out=part)


def _trimmed(mask: Mask) -> Mask | None:
    left, top, width, height = cv2.boundingRect(mask)
    return mask[top : top + height, left : left + width] if width and height else None


def _padded(mask: Mask, margin: int) -> Mask:
    return np.asarray(cv2.copyMakeBorder(mask, *(margin,) * 4, cv2.BORDER_CONSTANT, value=0), dtype=np.uint8)


def _styled(generator: Generator, line: Mask) -> Mask:
    """None, one or two of the things that make a word a wordmark."""
    for _ in range(int(generator.integers(3))):
        style = _STYLES[int(generator.integers(len(_STYLES)))]
        line = style(generator, line)
    return line


def _slanted(generator: Generator, line: Mask) -> Mask:
    height, width = line.shape
    slant = generator.uniform(-0.35, 0.35)
    room = int(abs(slant) * height) + 2
    matrix = np.array([[1, -slant, room if slant > 0 else 0], [0, 1, 0]])
    if slant < 0:
        matrix[0, 2] = 0
    return np.asarray(cv2.warpAffine(line, matrix, (width + room, height)), dtype=np.uint8)


def _stretched(generator: Generator, line: Mask) -> Mask:
    stretch = float(np.exp(generator.uniform(-0.5, 0.5)))
    size = (max(8, round(line.shape[1] * stretch)), max(8, round(line.shape[0] / stretch)))
    return np.asarray(cv2.resize(line, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _outlined(generator: Generator, line: Mask) -> Mask:
    reach = 3 + 2 * int(generator.integers(3))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    return np.asarray(cv2.morphologyEx(_padded(line, reach), cv2.MORPH_GRADIENT, kernel), dtype=np.uint8)


def _weighted(generator: Generator, line: Mask) -> Mask:
    reach = 3 + 2 * int(generator.integers(3))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    return np.asarray(cv2.dilate(_padded(line, reach), kernel), dtype=np.uint8)


def _ruled(generator: Generator, line: Mask) -> Mask:
    """Underlined, overlined or both."""
    thick, gap = 3 + int(generator.integers(10)), 4 + int(generator.integers(16))
    ruled = _padded(line, thick + gap)
    where = int(generator.integers(3))
    if where != 0:
        ruled[-thick:, thick + gap : -thick - gap] = 255
    if where != 1:
        ruled[:thick, thick + gap : -thick - gap] = 255
    return ruled


def _sliced(generator: Generator, line: Mask) -> Mask:
    """Fine gaps across, or the lower part shifted."""
    height = line.shape[0]
    cut = int(height * generator.uniform(0.25, 0.75))
    sliced = line.copy()
    if generator.random() < 0.5:
        shift = int(generator.integers(-12, 13))
        sliced[cut:] = np.roll(sliced[cut:], shift, axis=1)
    else:
        for offset in range(1 + int(generator.integers(4))):
            top = (cut + offset * max(6, height // 6)) % height
            sliced[top : top + max(2, height // 24)] = 0
    return sliced


def _waved(generator: Generator, line: Mask) -> Mask:
    height, width = line.shape
    swing = generator.uniform(0.08, 0.3) * height
    phase, turns = generator.uniform(0, 6.28), generator.uniform(0.5, 1.5)
    x = np.arange(width, dtype=np.float32)
    lift = (swing * np.sin(phase + turns * 6.28 * x / width)).astype(np.float32)
    tall = round(height + 2 * swing)
    y = np.arange(tall, dtype=np.float32)[:, None] - np.float32(swing) + lift[None, :]
    return np.asarray(cv2.remap(line, np.tile(x, (tall, 1)), y, cv2.INTER_LINEAR), dtype=np.uint8)


def _reversed(generator: Generator, line: Mask) -> Mask:
    """White on a bar."""
    return np.asarray(255 - _padded(line, 6 + int(generator.integers(14))), dtype=np.uint8)


_STYLES: tuple[Callable[[Generator, Mask], Mask], ...] = (
    _slanted,
    _slanted,
    _stretched,
    _stretched,
    _weighted,
    _outlined,
    _ruled,
    _sliced,
    _waved,
    _reversed,
)


def _stacked(generator: Generator, fonts: Sequence[Path]) -> Mask | None:
    """Two lines, of one width or one size."""
    upper, lower = (set_line(generator, fonts, invent_name(generator, 8)) for _ in range(2))
    if upper is None or lower is None:
        return None
    width = upper.shape[1]
    if generator.random() < 0.6:
        height = max(6, round(lower.shape[0] * width / lower.shape[1]))
        lower = np.asarray(cv2.resize(lower, (width, min(height, 2 * _LINE)), interpolation=cv2.INTER_AREA))
    gap = 3 + int(generator.integers(14))
    both = np.zeros((upper.shape[0] + gap + lower.shape[0], max(width, lower.shape[1])), np.uint8)
    for line, y in ((upper, 0), (lower, upper.shape[0] + gap)):
        both[y : y + line.shape[0], (both.shape[1] - line.shape[1]) // 2 :][:, : line.shape[1]] = line
    return both


def _on_badge(generator: Generator, fonts: Sequence[Path]) -> Mask | None:
    """A word cut out of, or framed by, an ellipse, a box or a lozenge."""
    line = set_line(generator, fonts, invent_name(generator, 8))
    if line is None:
        return None
    height, width = line.shape
    room_x, room_y = int(width * generator.uniform(0.08, 0.35)) + 6, int(height * generator.uniform(0.15, 0.9)) + 6
    badge = np.zeros((height + 2 * room_y, width + 2 * room_x), np.uint8)
    across, down = badge.shape[1] - 1, badge.shape[0] - 1
    kind = int(generator.integers(3))
    filled = generator.random() < 0.6
    thick = -1 if filled else 3 + int(generator.integers(6))
    if kind == 0:
        cv2.ellipse(
            badge, (across // 2, down // 2), (across // 2 - 3, down // 2 - 3), 0, 0, 360, 255, thick, cv2.LINE_AA
        )
    elif kind == 1:
        cv2.rectangle(badge, (3, 3), (across - 3, down - 3), 255, thick)
    else:
        corners = np.array([(room_x, 3), (across - room_x, 3), (across - 3, down // 2), (across - room_x, down - 3),
                            (room_x, down - 3), (3, down // 2)], np.int32)  # fmt: skip
        if filled:
            cv2.fillPoly(badge, [corners], 255, cv2.LINE_AA)
        else:
            cv2.polylines(badge, [corners], True, 255, thick, cv2.LINE_AA)
    part = badge[room_y : room_y + height, room_x : room_x + width]
    part[:] = np.minimum(part, 255 - line) if filled else np.maximum(part, line)
    return badge


def _on_arc(generator: Generator, fonts: Sequence[Path]) -> Mask | None:
    """Letters around a circle of 96 px, upper or lower half, with or without a disk or ring inside."""
    text = invent_name(generator)
    glyphs = _glyphs(generator, fonts, text if len(text) > 3 else text * 4)
    if glyphs is None:
        return None
    side, radius = 288, 96.0
    canvas = np.zeros((side, side), np.uint8)
    total = sum(glyph.advance for glyph in glyphs)
    span = generator.uniform(2.2, 4.2)
    scale = min(1.0, span * radius / max(1, total))
    angle = -0.5 * total * scale / radius
    for glyph in glyphs:
        turn = angle + 0.5 * glyph.advance * scale / radius
        _turn_glyph(canvas, glyph, turn, radius, scale)
        angle += glyph.advance * scale / radius
    if generator.random() < 0.5:
        inner = int(radius * generator.uniform(0.4, 0.85))
        thick = -1 if generator.random() < 0.5 else 3 + int(generator.integers(8))
        cv2.circle(canvas, (side // 2, side // 2), inner, 255, thick, cv2.LINE_AA)
    return canvas


def _turn_glyph(canvas: Mask, glyph: _Glyph, turn: float, radius: float, scale: float) -> None:
    """With the baseline on the circle, turned by `turn` from the top."""
    middle = canvas.shape[0] / 2
    cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
    foot_x, foot_y = glyph.mask.shape[1] / 2, _ASCENT - glyph.top
    matrix = np.array([
        [cosine, -sine, middle + radius * np.sin(turn) - cosine * foot_x + sine * foot_y],
        [sine, cosine, middle - radius * np.cos(turn) - sine * foot_x - cosine * foot_y],
    ])  # fmt: skip
    np.maximum(canvas, cv2.warpAffine(glyph.mask, matrix, canvas.shape[::-1]), out=canvas)
