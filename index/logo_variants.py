"""One logo picture in the forms in which a mark appears: in color, as dark or light ink, inverted, as an outline, in
its parts.

Only a logo that stands on a plain ground can be taken off it. A crop that was cut from a photograph stays as it is:
the inverse or the outline of a photograph is nobody's mark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from index.logo_parts import find_parts
from store.images import RGB, RGBA

VARIANTS_VERSION = "logo-variants-1"
MAX_VARIANTS = 10
"""Most variants of one picture."""

_ANALYSIS_SIDE = 512
"""Pixels of the longer side at which a logo is taken apart."""
_MARGIN = 0.1
"""Of a mark's longer side, around it. In a square the mark is then 10/12 of the side: references in training are."""
_LONGER_SIDE, _LONGEST_SIDE, _SHORTER_SIDE = 256, 512, 96
"""Pixels of a variant's longer side; an elongated one is larger, so that its shorter side is not too small for local
features."""
_SMALLEST_SIDE = 8
_RING = 0.02
"""Of the longer side, the width of the border that tells whether the ground is flat."""
_FLAT, _NEARLY_FLAT = 12.0, 40.0
"""RGB distances from the border's median color within which a border pixel is ground, and might be."""
_GROUND_SHARE, _EVEN_SHARE = 0.6, 0.95
"""How much of the border must be ground (a tightly cut mark touches it), and how much of what might be.

Light and texture shade any real ground: of 379 logo files 368 pass, of 914 photographs and middles of photographs 20.
"""
_CLEAR = 128
_TRANSPARENT_SHARE = 0.02
"""From this share of clear pixels, transparency is the ground; less is a rounded corner of a photograph."""
_INKED = 0.25
"""Of the largest distance from the ground: from here on a pixel belongs to the mark."""
_FULL_INK = 70
"""Percentile of the mark's distances that counts as full ink: metal's highlights leave the rest no paler."""
_SOLID = 0.4
"""Of full ink: from here on it counts for a mark's rim and for its parts; shadows and reflections are less."""
_FAINTEST = 24.0
"""RGB distance from the ground below which nothing is drawn."""
_LEGIBLE, _LEGIBLE_SHARE = 60.0, 0.4
"""A mark is legible on a ground when this share of it is as far from the ground's color."""
_ALIKE = 5.0
"""Mean difference of levels below which two variants are one."""

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
Color = tuple[int, int, int]
Content = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels."""


class LogoKind(StrEnum):
    """In which form a variant shows the logo."""

    COLOR = "color"
    """On the ground it was given on."""
    ON_WHITE = "on_white"
    ON_BLACK = "on_black"
    """Of a logo on transparent ground: those of the two on which it is legible."""
    DARK = "dark"
    """Black ink on white."""
    LIGHT = "light"
    """White ink on black."""
    INVERSE = "inverse"
    OUTLINE = "outline"
    """Its edges, black on white."""
    SYMBOL = "symbol"
    WORD = "word"
    """The parts of a lockup of a symbol and a word mark, by themselves."""
    PHOTO = "photo"
    """Cut from a photograph: the picture itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoVariant:
    """One form of a logo at working size."""

    kind: LogoKind
    rgb: RGB
    """(height, width, 3), the longer side 256 px, of an elongated one up to 512."""
    content: Content
    """Where in `rgb` the mark lies; all of it for a photograph."""
    ground: Color
    """What surrounds the mark, and would if there were more of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Drawn:
    """A mark off its ground, trimmed."""

    rgb: RGB
    """(h, w, 3) on `ground`."""
    ground: Color
    kind: LogoKind

    @property
    def ink(self) -> NDArray[np.float32]:
        """(h, w), 0 where the ground is, 1 where it is as far from it as most of the mark."""
        distance = _distance(self.rgb, self.ground)
        drawn = distance[distance > _INKED * float(distance.max())]
        full = float(np.percentile(drawn, _FULL_INK)) if drawn.size else 1.0
        return np.asarray(np.clip(distance / full, 0, 1), np.float32)


def variants(picture: RGB | RGBA) -> tuple[LogoVariant, ...]:
    """The forms of a (height, width, 3 or 4) uint8 picture: 1 to MAX_VARIANTS, the given form first."""
    small = _shrink(picture)
    drawn = _drawn_forms(small)
    if not drawn:
        return (_photo(small),)
    found: list[LogoVariant] = []
    for variant in _forms(drawn):
        if len(found) < MAX_VARIANTS and not any(_alike(variant, other) for other in found):
            found.append(variant)
    return tuple(found)


def squared(variant: LogoVariant) -> RGB:
    """The variant in the middle of a square of its ground, as references in training stand in theirs."""
    height, width = variant.rgb.shape[:2]
    top, left = max(0, width - height) // 2, max(0, height - width) // 2
    bottom, right = max(0, width - height) - top, max(0, height - width) - left
    return _bordered(variant.rgb, (top, bottom, left, right), variant.ground)


def _forms(drawn: list[_Drawn]) -> Iterator[LogoVariant]:
    for one in drawn:
        yield _variant(one.rgb, one.ground, one.kind)
    first = drawn[0]
    ink = first.ink
    dark = _gray(255 - ink * 255)
    yield _variant(dark, WHITE, LogoKind.DARK)
    yield _variant(np.asarray(255 - dark, np.uint8), BLACK, LogoKind.LIGHT)
    yield _variant(np.asarray(255 - first.rgb, np.uint8), _opposite(first.ground), LogoKind.INVERSE)
    yield _variant(_edges(ink), WHITE, LogoKind.OUTLINE)
    parts = find_parts(ink > _SOLID)
    if parts:
        for kind, (left, top, right, bottom) in ((LogoKind.SYMBOL, parts.symbol), (LogoKind.WORD, parts.word)):
            cut = (slice(top, bottom), slice(left, right))
            yield _variant(first.rgb[cut], first.ground, kind)
            yield _variant(np.asarray(255 - dark[cut], np.uint8), BLACK, kind)


def _drawn_forms(picture: RGB | RGBA) -> list[_Drawn]:
    """The mark on the grounds on which it is legible; none where there is no plain ground, or nothing on it."""
    if picture.shape[2] == 4:
        alpha = picture[..., 3]
        if float((alpha < _CLEAR).mean()) >= _TRANSPARENT_SHARE:
            return _off_transparent(picture[..., :3], alpha)
        picture = _laid(picture[..., :3], alpha, WHITE)
    ground = _flat_ground(picture)
    if ground is None:
        return []
    distance = _distance(picture, ground)
    mask = distance > max(_FAINTEST, _INKED * float(distance.max()))
    if not mask.any():
        return []
    left, top, right, bottom = _box(mask)
    return [_Drawn(rgb=picture[top:bottom, left:right], ground=ground, kind=LogoKind.COLOR)]


def _off_transparent(rgb: RGB, alpha: NDArray[np.uint8]) -> list[_Drawn]:
    mask = alpha > _INKED * 255
    if not mask.any():
        return []
    left, top, right, bottom = _box(mask)
    cut = (slice(top, bottom), slice(left, right))
    rgb, alpha, mask = rgb[cut], alpha[cut], mask[cut]
    laid = [
        _Drawn(rgb=_laid(rgb, alpha, ground), ground=ground, kind=kind)
        for ground, kind in ((WHITE, LogoKind.ON_WHITE), (BLACK, LogoKind.ON_BLACK))
    ]
    shares = [float((_distance(one.rgb, one.ground)[mask] > _LEGIBLE).mean()) for one in laid]
    legible = [one for one, share in zip(laid, shares, strict=True) if share >= _LEGIBLE_SHARE]
    return legible or [laid[int(np.argmax(shares))]]


def _flat_ground(rgb: RGB) -> Color | None:
    """The border's color, where it has one."""
    width = max(1, round(_RING * max(rgb.shape[:2])))
    ring = np.concatenate(
        [part.reshape(-1, 3) for part in (rgb[:width], rgb[-width:], rgb[:, :width], rgb[:, -width:])]
    )
    median = np.median(ring, axis=0)
    distance = np.linalg.norm(ring - median, axis=1)
    flat, nearly = float((distance < _FLAT).mean()), float((distance < _NEARLY_FLAT).mean())
    return _color(median) if flat >= max(_GROUND_SHARE, _EVEN_SHARE * nearly) else None


def _edges(ink: NDArray[np.float32]) -> RGB:
    """A line along the mask's rim, black on white, about a ninetieth of the longer side wide."""
    width = max(3, round(max(ink.shape) / 90)) | 1
    room = width
    mask = cv2.copyMakeBorder((ink > _SOLID).astype(np.uint8), room, room, room, room, cv2.BORDER_CONSTANT, value=0)
    rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    return _gray(255.0 * (1 - rim[room:-room, room:-room]))


def _variant(rgb: RGB, ground: Color, kind: LogoKind) -> LogoVariant:
    """With its margin, at working size."""
    height, width = rgb.shape[:2]
    scale = _working_scale(width * (1 + 2 * _MARGIN), height * (1 + 2 * _MARGIN))
    across, down = max(_SMALLEST_SIDE, round(width * scale)), max(_SMALLEST_SIDE, round(height * scale))
    margin = round(_MARGIN * max(across, down))
    return LogoVariant(
        kind=kind,
        rgb=_bordered(_resize(rgb, across, down), (margin,) * 4, ground),
        content=(margin, margin, margin + across, margin + down),
        ground=ground,
    )


def _photo(picture: RGB | RGBA) -> LogoVariant:
    rgb = _laid(picture[..., :3], picture[..., 3], WHITE) if picture.shape[2] == 4 else picture
    height, width = rgb.shape[:2]
    scale = _working_scale(width, height)
    across, down = max(_SMALLEST_SIDE, round(width * scale)), max(_SMALLEST_SIDE, round(height * scale))
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    return LogoVariant(
        kind=LogoKind.PHOTO,
        rgb=_resize(rgb, across, down),
        content=(0, 0, across, down),
        ground=_color(np.median(border, axis=0)),
    )


def _working_scale(width: float, height: float) -> float:
    longer, shorter = max(width, height), min(width, height)
    return min(_LONGEST_SIDE / longer, max(_LONGER_SIDE / longer, _SHORTER_SIDE / shorter))


def _shrink(picture: RGB | RGBA) -> RGB | RGBA:
    height, width = picture.shape[:2]
    scale = _ANALYSIS_SIDE / max(height, width)
    if scale >= 1:
        return picture
    return _resize(picture, max(1, round(width * scale)), max(1, round(height * scale)))


def _resize(picture: RGB | RGBA, width: int, height: int) -> RGB | RGBA:
    shrinks = width < picture.shape[1] and height < picture.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=how), dtype=np.uint8)


def _bordered(rgb: RGB, widths: tuple[int, ...], ground: Color) -> RGB:
    top, bottom, left, right = widths
    return np.asarray(
        cv2.copyMakeBorder(np.ascontiguousarray(rgb), top, bottom, left, right, cv2.BORDER_CONSTANT, value=ground),
        np.uint8,
    )


def _laid(rgb: RGB, alpha: NDArray[np.uint8], ground: Color) -> RGB:
    share = alpha[..., None].astype(np.float32) / 255
    return np.asarray(np.rint(rgb * share + np.array(ground, np.float32) * (1 - share)), np.uint8)


def _distance(rgb: RGB, ground: Color) -> NDArray[np.float32]:
    return np.asarray(np.linalg.norm(rgb.astype(np.float32) - np.array(ground, np.float32), axis=2), np.float32)


def _box(mask: NDArray[np.bool_]) -> Content:
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, left + width, top + height


def _gray(levels: NDArray[np.float32]) -> RGB:
    return np.repeat(np.rint(levels).astype(np.uint8)[..., None], 3, axis=2)


def _color(levels: NDArray[np.float64]) -> Color:
    red, green, blue = (round(float(level)) for level in levels)
    return red, green, blue


def _opposite(color: Color) -> Color:
    return 255 - color[0], 255 - color[1], 255 - color[2]


def _alike(one: LogoVariant, other: LogoVariant) -> bool:
    """Compared small: what no network tells apart."""
    if abs(one.rgb.shape[0] * other.rgb.shape[1] / (one.rgb.shape[1] * other.rgb.shape[0]) - 1) > 0.05:
        return False
    first, second = (_resize(variant.rgb, 32, 32).astype(np.float32) for variant in (one, other))
    return float(np.abs(first - second).mean()) < _ALIKE
