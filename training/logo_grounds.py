"""What marks are put on to train and measure the logo detector: photographs, things before other things, drawn grounds.

A detector that only saw clothes would know clothes. Half of the grounds are photographs, the rest is put together
from cut-out things, gradients, textures and panels. Everywhere lie panels, lines, stripes and pieces of photographs
that are no mark: a frame around nothing is the mistake that a detector makes first.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from store.images import RGB
from training.mark_masks import Mask
from training.painting import Generator, crop, paste

_PHOTO, _COLLAGE, _THINGS = 0.5, 0.62, 0.82
"""Below which number of a draw a ground is of that kind; above the last, it is drawn."""


def draw_ground(
    photos: Sequence[RGB], cutouts: Sequence[tuple[RGB, Mask]], generator: Generator, *, width: int, height: int
) -> RGB:
    """(height, width, 3), recolored, with things on it that are no marks."""
    pick = generator.random()
    if pick < _PHOTO:
        ground = photo_ground(photos, generator, width=width, height=height)
    elif pick < _COLLAGE:
        ground = _collage(photos, generator, width, height)
    elif pick < _THINGS and cutouts:
        ground = _things(photos, cutouts, generator, width, height)
    else:
        ground = _drawn(generator, width, height)
    ground = _recolored(ground, generator)
    for _ in range(int(generator.choice((0, 0, 0, 1, 2, 4)))):
        _DISTRACTIONS[int(generator.integers(len(_DISTRACTIONS)))](ground, photos, generator)
    return ground


def photo_ground(photos: Sequence[RGB], generator: Generator, *, width: int, height: int) -> RGB:
    """A part of a photograph, at times mirrored, stretched to (height, width, 3)."""
    part = crop(photos[int(generator.integers(len(photos)))], generator, smallest=0.55)
    if generator.random() < 0.5:
        part = np.ascontiguousarray(part[:, ::-1])
    return _sized(part, width, height)


def _sized(picture: RGB, width: int, height: int) -> RGB:
    shrinks = picture.shape[0] > height and picture.shape[1] > width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), dtype=np.uint8)


def _collage(photos: Sequence[RGB], generator: Generator, width: int, height: int) -> RGB:
    """Two photographs, one beside or above the other, as a street's front or a shelf has edges."""
    first, second = (photo_ground(photos, generator, width=width, height=height) for _ in range(2))
    if generator.random() < 0.5:
        cut = int(width * generator.uniform(0.2, 0.8))
        first[:, cut:] = second[:, cut:]
    else:
        cut = int(height * generator.uniform(0.2, 0.8))
        first[cut:] = second[cut:]
    return first


def _things(
    photos: Sequence[RGB], cutouts: Sequence[tuple[RGB, Mask]], generator: Generator, width: int, height: int
) -> RGB:
    """Cut-out things before a drawn ground or another photograph."""
    drawn = generator.random() < 0.6
    canvas = _drawn(generator, width, height) if drawn else photo_ground(photos, generator, width=width, height=height)
    for _ in range(1 + int(generator.integers(3))):
        picture, mask = cutouts[int(generator.integers(len(cutouts)))]
        size, turn = generator.uniform(0.3, 1.2), generator.normal(0, 15)
        paste(canvas, picture, mask, size=size, center=generator.uniform(0.2, 0.8, 2), turn=turn)
    return canvas


def _drawn(generator: Generator, width: int, height: int) -> RGB:
    """A color with soft gradients, and grain, stripes or checks of some scale."""
    coarse = generator.normal(0, generator.uniform(0, 60), (4, 4, 3)) + _color(generator)
    canvas = cv2.resize(np.clip(coarse, 0, 255).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    kind = generator.random()
    if kind < 0.5:
        scale = generator.uniform(1, 24)
        grain = generator.normal(0, generator.uniform(3, 45), (max(2, int(height / scale)), max(2, int(width / scale))))
        canvas = canvas + cv2.resize(grain.astype(np.float32), (width, height))[:, :, None]
    elif kind < 0.8:
        turn, period = generator.uniform(0, np.pi), generator.uniform(4, 60)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        stripes = (x * np.cos(turn) + y * np.sin(turn)) % period < period * generator.uniform(0.2, 0.8)
        if kind < 0.65:
            stripes ^= (y * np.cos(turn) - x * np.sin(turn)) % period < period / 2
        canvas = canvas + stripes[:, :, None] * generator.normal(0, 60, 3).astype(np.float32)
    return np.asarray(np.clip(canvas, 0, 255), dtype=np.uint8)


def _color(generator: Generator) -> tuple[int, int, int]:
    """Any color, or a gray in one of three cases."""
    red, green, blue = (int(part) for part in generator.integers(0, 256, 3))
    return (red, red, red) if generator.random() < 0.33 else (red, green, blue)


def _recolored(picture: RGB, generator: Generator) -> RGB:
    """In other colors, or none: not only clothes' own."""
    pick = generator.random()
    if pick < 0.15:
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if pick < 0.45:
        hue = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
        hue[:, :, 0] = (hue[:, :, 0].astype(np.int32) + int(generator.integers(180))) % 180
        hue[:, :, 1] = np.clip(hue[:, :, 1] * generator.uniform(0.4, 1.8), 0, 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(hue, cv2.COLOR_HSV2RGB), dtype=np.uint8)
    if pick < 0.6:
        table = np.clip(np.arange(256) * generator.uniform(0.4, 1.5) + generator.uniform(-60, 60), 0, 255)
        return np.asarray(table.astype(np.uint8)[picture], dtype=np.uint8)
    return picture


def draw_panel(canvas: RGB, generator: Generator, center: tuple[float, float], size: tuple[float, float]) -> None:
    """A plain sign without anything on it: a turned box or an ellipse, flat, at times with an edge. In place."""
    turn, color = float(np.clip(generator.normal(0, 8), -25, 25)), _color(generator)
    edge = 1 + int(generator.integers(4)) if generator.random() < 0.4 else 0
    box = (center, size, turn)
    if generator.random() < 0.75:
        corners = np.round(cv2.boxPoints(box) * 16).astype(np.int32)
        cv2.fillPoly(canvas, [corners], color, cv2.LINE_AA, 4)
        if edge:
            cv2.polylines(canvas, [corners], True, _color(generator), edge, cv2.LINE_AA, 4)
    else:
        cv2.ellipse(canvas, box, color, -1, cv2.LINE_AA)
        if edge:
            cv2.ellipse(canvas, box, _color(generator), edge, cv2.LINE_AA)


def _panel(canvas: RGB, photos: Sequence[RGB], generator: Generator) -> None:
    height, width = canvas.shape[:2]
    center = (width * generator.uniform(0, 1), height * generator.uniform(0, 1))
    draw_panel(canvas, generator, center, (width * generator.uniform(0.03, 0.6), height * generator.uniform(0.03, 0.4)))


def _line(canvas: RGB, photos: Sequence[RGB], generator: Generator) -> None:
    """A seam, a cable, a horizon."""
    points = (generator.uniform(-0.2, 1.2, (2 + int(generator.integers(3)), 2)) * canvas.shape[1::-1]).astype(np.int32)
    cv2.polylines(canvas, [points], False, _color(generator), 1 + int(generator.integers(5)), cv2.LINE_AA)


def _stripes(canvas: RGB, photos: Sequence[RGB], generator: Generator) -> None:
    """A part with stripes: a fence, a shutter, a hem."""
    height, width = canvas.shape[:2]
    across, down = int(width * generator.uniform(0.1, 0.7)), int(height * generator.uniform(0.05, 0.5))
    left, top = int(generator.integers(width - across + 1)), int(generator.integers(height - down + 1))
    part, period = canvas[top : top + down, left : left + across], generator.uniform(3, 20)
    lengthwise = generator.random() < 0.5
    inked = np.arange(down if lengthwise else across) % period < period * generator.uniform(0.2, 0.7)
    part[(inked, slice(None)) if lengthwise else (slice(None), inked)] = _color(generator)


def _piece(canvas: RGB, photos: Sequence[RGB], generator: Generator) -> None:
    """A piece of a photograph, cut out as a box or an ellipse."""
    piece = crop(photos[int(generator.integers(len(photos)))], generator, smallest=0.1)
    mask = np.full(piece.shape[:2], 255, np.uint8)
    if generator.random() < 0.5:
        mask[:] = 0
        center, axes = ((piece.shape[1] // 2, piece.shape[0] // 2) for _ in range(2))
        cv2.ellipse(mask, center, axes, 0, 0, 360, 255, -1)
    size, turn = generator.uniform(0.08, 0.5), generator.normal(0, 10)
    paste(canvas, piece, mask, size=size, center=generator.uniform(0, 1, 2), turn=turn)


_DISTRACTIONS = (_panel, _panel, _line, _stripes, _piece)
