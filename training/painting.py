"""Brush and cloth for composed scenes: filling, pasting, printing, shading. All in place, all from a generator."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from store.images import RGB
from training.sources import Mask, Sources

Generator = np.random.Generator
Points = NDArray[np.float64]
Paint = tuple[int, int, int] | RGB
"""One color, or a picture as large as the canvas."""

_CANVAS_HEIGHT = 200


def plain_canvas(shaping: Generator) -> RGB:
    """White or nearly white ground, about 200 px on its longer side."""
    width = int(shaping.choice((160, 160, 168, 200, 150)))
    height = int(_CANVAS_HEIGHT if width < _CANVAS_HEIGHT else shaping.integers(150, 201))
    ground = 255 if shaping.random() < 0.75 else int(shaping.integers(225, 255))
    return np.full((height, width, 3), ground, np.uint8)


def crop(photo: RGB, generator: Generator, *, smallest: float) -> RGB:
    """A part of `photo` of at least `smallest` of each side."""
    height, width = photo.shape[:2]
    across, down = (max(24, int(side * generator.uniform(smallest, 1))) for side in (width, height))
    left = int(generator.integers(0, max(1, width - across + 1)))
    top = int(generator.integers(0, max(1, height - down + 1)))
    return photo[top : top + down, left : left + across].copy()


def blend(canvas: RGB, layer: RGB, alpha: Mask) -> None:
    """Put `layer` over `canvas` where `alpha` (0 to 255) says."""
    weight = np.repeat(alpha[:, :, None], 3, axis=2).astype(np.uint16)
    mixed = canvas.astype(np.uint16) * (255 - weight) + layer.astype(np.uint16) * weight
    canvas[:] = (mixed // 255).astype(np.uint8)


def paste(canvas: RGB, picture: RGB, mask: Mask, *, size: float, center: Points, turn: float) -> None:
    """`picture` where `mask` says, `size` of the canvas, around `center` (0 to 1), turned by `turn` degrees."""
    height, width = canvas.shape[:2]
    scale = size * min(width / picture.shape[1], height / picture.shape[0])
    matrix = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), turn, scale)
    matrix[:, 2] += center * (width, height) - np.array((picture.shape[1] / 2, picture.shape[0] / 2))
    moved = np.asarray(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR), dtype=np.uint8)
    alpha = np.asarray(cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_LINEAR), dtype=np.uint8)
    blend(canvas, moved, alpha)


def fill(canvas: RGB, paint: Paint, points: Points) -> None:
    """A polygon of (n, 2) pixel corners."""
    corners = np.round(points * 16).astype(np.int32)
    if isinstance(paint, tuple):
        cv2.fillPoly(canvas, [corners], paint, lineType=cv2.LINE_AA, shift=4)
        return
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [corners], 255, shift=4)
    cv2.copyTo(paint, mask, canvas)


def stroke(canvas: RGB, paint: Paint, points: Points, *, thickness: int) -> None:
    """A polyline through (n, 2) pixel points."""
    path = np.round(points).astype(np.int32)
    if isinstance(paint, tuple):
        cv2.polylines(canvas, [path], False, paint, thickness, cv2.LINE_AA)
        return
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.polylines(mask, [path], False, 255, thickness)
    cv2.copyTo(paint, mask, canvas)


def weave_cloth(sources: Sources, looking: Generator, shape: tuple[int, ...]) -> RGB:
    """Cloth for the whole canvas: plain with folds, striped, with a band, or a piece of a photograph."""
    height, width = shape[:2]
    color = np.array(looking.integers(0, 256, 3) if looking.random() < 0.75 else [looking.integers(10, 250)] * 3)
    kind = looking.random()
    if kind < 0.25:
        patch = crop(sources.photos[int(looking.integers(len(sources.photos)))], looking, smallest=0.2)
        return np.asarray(cv2.resize(patch, (width, height)), dtype=np.uint8)
    coarse = looking.normal(0, 1, (10, 8)).astype(np.float32)
    folds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * looking.uniform(4, 16)
    cloth = np.repeat(folds[:, :, None], 3, axis=2) + color.astype(np.float32)
    if kind < 0.45:
        _stripe(cloth, color, looking)
    elif kind < 0.6:
        edge = int(height * looking.uniform(0.3, 0.6))
        band = slice(edge, edge + int(height * looking.uniform(0.05, 0.4)))
        cloth[band] += looking.uniform(-120, 120, 3).astype(np.float32)
    return np.asarray(np.clip(cloth, 0, 255), dtype=np.uint8)


def _stripe(cloth: NDArray[np.float32], color: NDArray[np.int64], looking: Generator) -> None:
    height, width = cloth.shape[:2]
    period = looking.uniform(5, 28)
    down = looking.random() < 0.7
    stripes = np.arange(height if down else width) % period < period * looking.uniform(0.3, 0.7)
    other = np.asarray(looking.integers(0, 256, 3), dtype=np.float32) - color
    cloth += (stripes[:, None] if down else stripes[None, :])[:, :, None] * other


def print_mark(
    canvas: RGB, sources: Sources, looking: Generator, center: Points | None = None, size: float | None = None
) -> NDArray[np.float64]:
    """A random mark in a random ink, anywhere near the middle unless told; the ink's color."""
    mark = sources.marks[int(looking.integers(len(sources.marks)))]
    ink = np.empty((*mark.shape, 3), np.uint8)
    ink[:] = looking.integers(0, 256, 3)
    where = looking.uniform(0.3, 0.7, 2) if center is None else center
    paste(canvas, ink, mark, size=size or looking.uniform(0.1, 0.3), center=where, turn=looking.normal(0, 5))
    color: NDArray[np.float64] = ink[0, 0].astype(np.float64)
    return color


def shade(canvas: RGB, shaping: Generator) -> None:
    """Light from one side, as in a studio; the plain ground stays plain."""
    strength = shaping.uniform(-0.15, 0.15)
    ramp = 1 - np.abs(strength) * np.linspace(0, 1, canvas.shape[1], dtype=np.float32)
    lit = canvas * (ramp if strength > 0 else ramp[::-1])[None, :, None]
    plain = canvas.min(axis=2) >= 225
    canvas[~plain] = lit[~plain].astype(np.uint8)
