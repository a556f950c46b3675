"""Noise and materials as height fields and tints; all arrays are (n, n) float32 unless said otherwise."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""A float32 array over the picture: (height, width), or (height, width, 3) for colors."""


_SHEET = 960
"""Side of a sheet of texture; every picture is smaller."""


def smooth_noise(stream: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float]) -> Field:
    """Noise of about mean 0 and deviation 1 with `cells` bumps down and across."""
    rows, columns = max(2, round(cells[0])) + 3, max(2, round(cells[1])) + 3
    field = stream.standard_normal((rows, columns)).astype(np.float32)
    height, width = shape
    if rows * 16 < height and columns * 16 < width:
        # broad bumps are as smooth from a quarter of the size
        small = cv2.resize(field, (width // 4, height // 4), interpolation=cv2.INTER_CUBIC)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def cloud(stream: np.random.Generator, shape: tuple[int, int], cells: float, octaves: int = 4) -> Field:
    """Fractal noise, about -1 to 1: each octave twice as fine and half as strong."""
    small = (shape[0] // 3, shape[1] // 3)
    total = np.zeros(small, dtype=np.float32)
    for octave in range(octaves):
        scale = cells * 2**octave
        total += smooth_noise(stream, small, (scale * shape[0] / shape[1], scale)) * np.float32(0.55 * 0.5**octave)
    return np.asarray(cv2.resize(total, shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)


@lru_cache(maxsize=16)
def grid(shape: tuple[int, int]) -> tuple[Field, Field]:
    """Row and column numbers as float32, in pixels; shared, so read-only."""
    rows, columns = (np.ascontiguousarray(part) for part in np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32))
    rows.setflags(write=False)
    columns.setflags(write=False)
    return rows, columns


@lru_cache(maxsize=48)
def _swatch(kind: str, first: float, second: float) -> Field:
    """A large sheet of one texture, cut from again and again: drawing it anew each time is what costs."""
    stream, shape = np.random.default_rng(int(first * 1000 + second)), (_SHEET, _SHEET)
    if kind == "noise":
        sheet = smooth_noise(stream, shape, (first * _SHEET, second * _SHEET))
    elif kind == "grains":
        sheet = stream.standard_normal(shape).astype(np.float32)
    elif kind == "weave":
        sheet = weave(stream, shape, first)
    elif kind == "knit":
        sheet = knit(stream, shape, first)
    else:
        sheet = leather(stream, shape, first * _SHEET)
    sheet.setflags(write=False)
    return sheet


def cut(stream: np.random.Generator, shape: tuple[int, int], kind: str, first: float, second: float = 0.0) -> Field:
    """A piece of texture from a place that `stream` chooses: ``weave`` and ``knit`` by pitch in pixels, ``leather``
    by bumps per pixel, ``noise`` by bumps per pixel down and across, ``grains`` (white noise).
    """
    sheet = _swatch(kind, first, second)
    top, left = (int(stream.integers(_SHEET - side + 1)) for side in shape)
    return sheet[top : top + shape[0], left : left + shape[1]]


def weave(stream: np.random.Generator, shape: tuple[int, int], pitch: float) -> Field:
    """Threads over and under, `pitch` pixels apart; 0 to 1."""
    rows, columns = grid(shape)
    wobble = smooth_noise(stream, shape, (12, 12)) * 0.35
    down, across = np.pi * (columns / pitch + wobble), np.pi * (rows / pitch + wobble * 0.7)
    over = (np.sin(down) * np.sin(across)) > 0
    return np.asarray(np.where(over, np.abs(np.sin(down)), np.abs(np.sin(across))), dtype=np.float32)


def knit(stream: np.random.Generator, shape: tuple[int, int], pitch: float) -> Field:
    """Rows of small V stitches; 0 to 1."""
    rows, columns = grid(shape)
    wobble = smooth_noise(stream, shape, (8, 8)) * 0.25
    slanted = rows + np.abs(((columns / pitch + wobble) % 1.0) - 0.5) * pitch * 1.3
    return np.asarray(0.5 + 0.5 * np.sin(2 * np.pi * slanted / (pitch * 0.9)), dtype=np.float32)


def leather(stream: np.random.Generator, shape: tuple[int, int], cells: float) -> Field:
    """Pebbled grain: ridges where noise crosses zero; 0 to 1."""
    pebbles = np.abs(smooth_noise(stream, shape, (cells, cells)))
    fine = np.abs(smooth_noise(stream, shape, (cells * 2.1, cells * 2.1)))
    return np.asarray(np.clip(pebbles * 0.9 + fine * 0.4, 0, 1), dtype=np.float32)


def brushed(stream: np.random.Generator, shape: tuple[int, int], *, upright: bool = False) -> Field:
    """Fine parallel scratches, about mean 0."""
    return cut(stream, shape, "noise", *((0.8, 0.01) if not upright else (0.01, 0.8)))


def mesh(shape: tuple[int, int], pitch: float) -> Field:
    """Round holes in staggered rows: 0 in a hole, 1 between."""
    rows, columns = grid(shape)
    odd = np.floor(rows / pitch) % 2
    x, y = ((columns / pitch + odd * 0.5) % 1.0) - 0.5, ((rows / pitch) % 1.0) - 0.5
    return np.asarray(np.clip((np.hypot(x, y) - 0.2) * 6, 0, 1), dtype=np.float32)


def blur(field: Field, sigma: float) -> Field:
    """Gaussian blur, `sigma` in pixels."""
    if sigma >= 4:
        # a wide blur loses nothing at a quarter of the size, and costs a tenth
        height, width = field.shape[:2]
        small = cv2.resize(field, (max(2, width // 4), max(2, height // 4)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REFLECT)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(field, (0, 0), max(sigma, 0.1), borderType=cv2.BORDER_REFLECT), dtype=np.float32)


def color_field(shape: tuple[int, int], color: tuple[float, float, float]) -> Field:
    """(height, width, 3) of one color."""
    return np.broadcast_to(np.asarray(color, dtype=np.float32), (*shape, 3)).copy()
