"""Logos and prints drawn by code: emblems, wordmarks, artworks."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from crawler.marketplace.drawing.design import BrandMark
from crawler.marketplace.drawing.noise import Field
from crawler.marketplace.palette import RGB

_SIDE = 384


@lru_cache(maxsize=128)
def typeface(font: str, size: int) -> ImageFont.FreeTypeFont:
    """A typeface at that size in pixels; the files are those that matplotlib ships, the same on every machine."""
    spec = importlib.util.find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    return ImageFont.truetype(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / font, size)


def lettering(text: str, font: str, size: int, tracking: float = 0.0) -> Field:
    """`text` as a mask cut to its ink; `tracking` is extra space between letters in ems."""
    face = typeface(font, size)
    advance = [face.getlength(letter) + tracking * size for letter in text]
    width, height = int(sum(advance)) + size, size * 2
    canvas = Image.new("L", (width, height))
    draw, x = ImageDraw.Draw(canvas), size * 0.4
    for letter, step in zip(text, advance, strict=True):
        draw.text((x, size * 0.3), letter, fill=255, font=face)
        x += step
    return np.asarray(canvas.crop(canvas.getbbox() or (0, 0, 8, 8)), np.float32) / np.float32(255)


@lru_cache(maxsize=64)
def emblem(mark: BrandMark) -> Field:
    """(384, 384) mask of the brand's emblem."""
    stream = np.random.default_rng(mark.seed)
    canvas = np.zeros((_SIDE * 2, _SIDE * 2), np.uint8)
    _EMBLEMS[mark.emblem % len(_EMBLEMS)](canvas, stream, mark)
    return np.asarray(cv2.resize(canvas, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def wordmark(mark: BrandMark, size: int = 96) -> Field:
    """The brand's name as its logo writes it, cut to its ink."""
    return lettering(mark.wordmark, mark.font, size, mark.tracking)


@lru_cache(maxsize=64)
def lockup(mark: BrandMark) -> Field:
    """Emblem over wordmark, as one mask."""
    word, sign = wordmark(mark, 110), emblem(mark)
    width = max(word.shape[1], 420) + 20
    side = 300
    board = np.zeros((side + 40 + word.shape[0] + 20, width), np.float32)
    left = (width - side) // 2
    board[5 : side + 5, left : left + side] = cv2.resize(sign, (side, side), interpolation=cv2.INTER_AREA)
    left = (width - word.shape[1]) // 2
    board[side + 30 : side + 30 + word.shape[0], left : left + word.shape[1]] = word
    return board


def place(mask: Field, shape: tuple[int, int], center: tuple[float, float], width: float, turn: float = 0.0) -> Field:
    """`mask` on an empty field of `shape`, its middle at `center` and `width` wide (fractions of the field's width)."""
    scale = width * shape[1] / mask.shape[1]
    if scale < 0.7:
        mask = np.asarray(cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
        scale = 1.0
    matrix = cv2.getRotationMatrix2D((mask.shape[1] / 2, mask.shape[0] / 2), -turn, scale)
    matrix[:, 2] += center[0] * shape[1] - mask.shape[1] / 2, center[1] * shape[1] - mask.shape[0] / 2
    placed = np.zeros(shape, np.float32)
    corners = np.array([[0, 0, 1], [mask.shape[1], 0, 1], [0, mask.shape[0], 1], [*mask.shape[::-1], 1]]) @ matrix.T
    left, top = (max(0, int(v)) for v in np.floor(corners.min(axis=0)) - 1)
    right, bottom = (min(side, int(v) + 2) for side, v in zip(shape[::-1], np.ceil(corners.max(axis=0)), strict=True))
    if right > left and bottom > top:
        matrix[:, 2] -= left, top
        size = (right - left, bottom - top)
        placed[top:bottom, left:right] = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)
    return placed


def artwork(seed: int, inks: tuple[RGB, RGB, RGB], side: int = 256) -> tuple[Field, Field]:
    """A print: (side, side, 3) colors and (side, side) mask."""
    stream = np.random.default_rng(seed)
    big = side * 2
    canvas = np.zeros((big, big, 4), np.uint8)
    _ARTWORKS[int(stream.integers(len(_ARTWORKS)))](canvas, stream, [tuple(int(c * 255) for c in ink) for ink in inks])
    small = np.asarray(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)
    mask = small[..., 3]
    return small[..., :3] / np.maximum(mask, 1e-3)[..., None], mask


# --- emblems: each draws white on a black (768, 768) canvas ---------------------------------------------------------

Canvas = NDArray[np.uint8]


def _polar(radius: float, angle: float, center: float = _SIDE) -> tuple[float, float]:
    return center + radius * float(np.cos(np.radians(angle))), center + radius * float(np.sin(np.radians(angle)))


def _poly(canvas: Canvas, points: list[tuple[float, float]], color: float | Sequence[float] = 255) -> None:
    cv2.fillPoly(canvas, [np.round(np.asarray(points) * 16).astype(np.int32)], color, cv2.LINE_AA, 4)


def _petals(canvas: Canvas, stream: np.random.Generator, mark: BrandMark) -> None:
    count, inner = int(stream.integers(5, 10)), stream.uniform(0.12, 0.3)
    for i in range(count):
        angle = 360 * i / count
        tip, width = _polar(340, angle), 180 / count * stream.uniform(0.75, 0.76)
        _poly(canvas, [_polar(340 * inner, angle), _polar(230, angle - width), tip, _polar(230, angle + width)])
    cv2.circle(canvas, (_SIDE, _SIDE), int(340 * inner * 0.75), 255, -1, cv2.LINE_AA)


def _shield(canvas: Canvas, stream: np.random.Generator, mark: BrandMark) -> None:
    _poly(canvas, [(110, 70), (658, 70), (658, 400), (600, 560), (384, 720), (168, 560), (110, 400)])
    for i in range(int(stream.integers(2, 4))):
        y = 210 + i * 140
        cv2.polylines(canvas, [np.array([[70, y + 90], [384, y - 40], [700, y + 90]])], False, 0, 40, cv2.LINE_AA)


def _monogram(canvas: Canvas, stream: np.random.Generator, mark: BrandMark) -> None:
    corners, start = int(stream.choice([4, 6, 8, 60])), stream.choice([0, 22.5, 30, 45])
    _poly(canvas, [_polar(350, start + 360 * i / corners) for i in range(corners)])
    _poly(canvas, [_polar(305, start + 360 * i / corners) for i in range(corners)], 0)
    letter = lettering(mark.wordmark[0].upper(), mark.font, 360)
    sized = cv2.resize(letter, (int(letter.shape[1] * 320 / letter.shape[0]), 320))
    top, left = _SIDE - 160, _SIDE - sized.shape[1] // 2
    canvas[top : top + 320, left : left + sized.shape[1]] = np.maximum(
        canvas[top : top + 320, left : left + sized.shape[1]], (sized * 255).astype(np.uint8)
    )


def _wings(canvas: Canvas, stream: np.random.Generator, mark: BrandMark) -> None:
    feathers = int(stream.integers(3, 6))
    for i in range(feathers):
        y, reach = 230 + i * 320 / feathers, 350 * (1 - i / feathers * 0.55)
        for side in (-1, 1):
            _poly(
                canvas,
                [
                    (_SIDE + side * 28, y + 60),
                    (_SIDE + side * reach, y - 110),
                    (_SIDE + side * reach * 0.75, y + 10),
                    (_SIDE + side * 28, y + 60 + 200 / feathers),
                ],
            )
    cv2.circle(canvas, (_SIDE, 150), 50, 255, -1, cv2.LINE_AA)


def _star(canvas: Canvas, stream: np.random.Generator, mark: BrandMark) -> None:
    points, inner = int(stream.integers(5, 9)), stream.uniform(0.42, 0.66)
    outline = [_polar(350 * (1 if i % 2 == 0 else inner), -90 + 180 * i / points) for i in range(points * 2)]
    _poly(canvas, outline)
    cv2.circle(canvas, (_SIDE, _SIDE), int(350 * inner * 0.72), 0, -1, cv2.LINE_AA)
    cv2.circle(canvas, (_SIDE, _SIDE), int(350 * inner * 0.4), 255, -1, cv2.LINE_AA)


def _peaks(canvas: Canvas, stream: np.random.Generator, mark: BrandMark) -> None:
    left, right = stream.uniform(230, 330), stream.uniform(440, 540)
    _poly(canvas, [(40, 640), (left, 220), (left + 150, 640)])
    _poly(canvas, [(left + 60, 640), (right, 330), (728, 640)])
    _poly(canvas, [(left - 60, 350), (left, 220), (left + 47, 350), (left + 8, 310)], 0)
    cv2.circle(canvas, (int(right + 60), 190), 72, 255, -1, cv2.LINE_AA)
    cv2.rectangle(canvas, (40, 672), (728, 704), 255, -1)


def _arcs(canvas: Canvas, stream: np.random.Generator, mark: BrandMark) -> None:
    start = float(stream.uniform(0, 360))
    for i, radius in enumerate((330, 245, 160)):
        turn = start + i * float(stream.uniform(60, 140))
        cv2.ellipse(canvas, (_SIDE, _SIDE), (radius, radius), turn, 0, 250 - i * 20, 255, 52, cv2.LINE_AA)
    cv2.circle(canvas, (_SIDE, _SIDE), 62, 255, -1, cv2.LINE_AA)


def _diamonds(canvas: Canvas, stream: np.random.Generator, mark: BrandMark) -> None:
    gap = float(stream.uniform(105, 150))
    for side in (-1, 0, 1):
        x = _SIDE + side * gap
        _poly(canvas, [(x, 120), (x + 190, _SIDE), (x, 648), (x - 190, _SIDE)], 0)
        outline = np.array([[x, 120], [x + 190, _SIDE], [x, 648], [x - 190, _SIDE]])
        cv2.polylines(canvas, [np.round(outline).astype(np.int32)], True, 255, 42, cv2.LINE_AA)


_EMBLEMS = (_petals, _shield, _monogram, _wings, _star, _peaks, _arcs, _diamonds)


# --- artworks: each draws with opaque inks on a transparent canvas --------------------------------------------------

Ink = tuple[int, ...]


def _sunset(canvas: Canvas, stream: np.random.Generator, inks: list[Ink]) -> None:
    side = canvas.shape[0]
    middle = side // 2
    cv2.circle(canvas, (middle, middle), int(side * 0.46), (*inks[0], 255), -1, cv2.LINE_AA)
    for i in range(7):
        y = int(side * (0.5 + i * 0.065))
        cv2.rectangle(canvas, (0, y), (side, y + int(side * (0.012 + i * 0.005))), (0, 0, 0, 0), -1)
    x = np.linspace(0.04, 0.96, 14) * side
    ridge = side * (0.62 - 0.22 * stream.random(14))
    points = [(float(a), float(b)) for a, b in zip(x, ridge, strict=True)]
    _poly(canvas, [(side * 0.04, side * 0.72), *points, (side * 0.96, side * 0.72)], (*inks[1], 255))


def _mosaic(canvas: Canvas, stream: np.random.Generator, inks: list[Ink]) -> None:
    side, cells = canvas.shape[0], int(stream.integers(4, 7))
    step = side / cells
    for row in range(cells):
        for column in range(cells):
            x, y = column * step, row * step
            corners = [(x, y), (x + step, y), (x + step, y + step), (x, y + step)]
            keep = int(stream.integers(5))
            ink = (*inks[int(stream.integers(3))], 255)
            if keep < 4:
                _poly(canvas, [corner for i, corner in enumerate(corners) if i != keep], ink)
            else:
                cv2.circle(canvas, (int(x + step / 2), int(y + step / 2)), int(step * 0.42), ink, -1, cv2.LINE_AA)


def _rings(canvas: Canvas, stream: np.random.Generator, inks: list[Ink]) -> None:
    side = canvas.shape[0]
    for _ in range(5):
        x, y = (int(v) for v in stream.uniform(0.25, 0.75, 2) * side)
        reach = stream.uniform(0.14, 0.25) * side
        for i in range(5, 0, -1):
            cv2.circle(canvas, (x, y), int(reach * i / 5), (*inks[i % 3], 255), -1, cv2.LINE_AA)


def _halftone(canvas: Canvas, stream: np.random.Generator, inks: list[Ink]) -> None:
    side, cells = canvas.shape[0], 17
    x0, y0 = stream.uniform(0.2, 0.8, 2)
    for row in range(cells):
        for column in range(cells):
            x, y = (column + 0.5 + 0.5 * (row % 2)) / cells, (row + 0.5) / cells
            reach = max(0.0, 1 - float(np.hypot(x - x0, y - y0)) * 1.15)
            ink = (*inks[(row // 4 + column // 5) % 3], 255)
            cv2.circle(canvas, (int(x * side), int(y * side)), int(reach * side / cells * 0.62), ink, -1, cv2.LINE_AA)


def _leaves(canvas: Canvas, stream: np.random.Generator, inks: list[Ink]) -> None:
    side = canvas.shape[0]
    for i in range(15):
        x, y = stream.uniform(0.15, 0.85, 2) * side
        angle, reach = stream.uniform(0, 360), stream.uniform(0.16, 0.3) * side
        direction = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        across = np.array([-direction[1], direction[0]])
        base = np.array([x, y]) - direction * reach / 2
        t = np.linspace(0, 1, 16)[:, None]
        bulge = np.sin(np.pi * t) ** 0.8 * reach * 0.2
        edge = np.concatenate(
            [base + direction * t * reach + across * bulge, (base + direction * t * reach - across * bulge)[::-1]]
        )
        _poly(canvas, [(float(a), float(b)) for a, b in edge], (*inks[i % 3], 255))
        tip = base + direction * reach
        rib = (*inks[(i + 1) % 3], 255)
        cv2.line(canvas, (int(base[0]), int(base[1])), (int(tip[0]), int(tip[1])), rib, 4, cv2.LINE_AA)


def _waves(canvas: Canvas, stream: np.random.Generator, inks: list[Ink]) -> None:
    side = canvas.shape[0]
    x = np.linspace(0.05, 0.95, 60) * side
    phase, cycles = stream.uniform(0, 6.28), stream.uniform(1.5, 4)
    for i in range(7):
        y = side * (0.15 + i * 0.1) + side * 0.05 * np.sin(x / side * 6.28 * cycles + phase + i * 0.8)
        points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
        lower = [(a, b + side * 0.065) for a, b in reversed(points)]
        _poly(canvas, points + lower, (*inks[i % 3], 255))


_ARTWORKS = (_sunset, _mosaic, _rings, _halftone, _leaves, _waves)
