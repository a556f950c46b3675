"""Emblems by rule: a few layers of plain shapes, turned around a center or mirrored, added to and cut from each other.

Shapes are polygons in a square from -1 to 1; several together are filled by the even-odd rule, so that a ring is two
circles. They are drawn at twice the size of a mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.lettering import Generator, draw_monogram
from training.mark_masks import Mask

Points = NDArray[np.float64]
Shape = list[Points]

_SIDE = 192
_TURN = 2 * np.pi
_LAYERS = (1, 2, 2, 2, 3, 3, 3, 4)
"""How many, each as likely; few of one, because two plain rings are the same mark."""
_CIRCLE = np.stack([np.cos(np.linspace(0, _TURN, 56, False)), np.sin(np.linspace(0, _TURN, 56, False))], axis=1)


def draw_emblem(generator: Generator, fonts: Sequence[Path]) -> Mask:
    """One to four layers, sometimes in a frame; (192, 192) uint8."""
    canvas = np.zeros((_SIDE, _SIDE), np.uint8)
    for number in range(_LAYERS[int(generator.integers(len(_LAYERS)))]):
        layer = _layer(generator, fonts)
        canvas = layer if number == 0 else _joined(generator, canvas, layer)
    if generator.random() < 0.15:
        canvas = _framed(generator, canvas)
    return canvas


def _layer(generator: Generator, fonts: Sequence[Path]) -> Mask:
    if fonts and generator.random() < 0.12:
        letters = draw_monogram(generator, fonts)
        if letters is not None:
            return _set_in(letters, generator.uniform(0.35, 1.0))
    shape = _FORMS[int(generator.integers(len(_FORMS)))](generator)
    shape = _placed(generator, shape)
    layer = np.zeros((_SIDE, _SIDE), np.uint8)
    if generator.random() < 0.17:
        thickness = 4 + int(generator.integers(14))
        cv2.polylines(layer, [_pixels(points) for points in shape], True, 255, thickness, cv2.LINE_AA, 4)
    else:
        cv2.fillPoly(layer, [_pixels(points) for points in shape], 255, cv2.LINE_AA, 4)
    return layer


def _placed(generator: Generator, shape: Shape) -> Shape:
    """In the middle, around it several times, or on both sides of it."""
    pick = generator.random()
    turned = _moved(shape, scale=1.0, turn=generator.uniform(0, _TURN) if generator.random() < 0.4 else 0.0)
    if pick < 0.4:
        return _moved(turned, scale=generator.uniform(0.3, 0.95))
    scale, away = generator.uniform(0.15, 0.5), generator.uniform(0.25, 0.7)
    if pick < 0.75:
        fold = 2 + int(generator.integers(8))
        one = _moved(turned, scale=scale, shift=(0.0, -away))
        return [points for number in range(fold) for points in _moved(one, turn=number * _TURN / fold)]
    one = _moved(turned, scale=scale, shift=(away, generator.uniform(-0.5, 0.5)))
    return one + [points * (-1, 1) for points in one]


def _moved(shape: Shape, *, scale: float = 1.0, turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> Shape:
    cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    return [points @ matrix + shift for points in shape]


def _pixels(points: Points) -> NDArray[np.int32]:
    """Fixed-point pixels with four fractional bits, as OpenCV's `shift` wants them."""
    return np.round((points * 0.92 + 1) * (_SIDE / 2 * 16)).astype(np.int32)


def _joined(generator: Generator, below: Mask, above: Mask) -> Mask:
    """Union, difference, symmetric difference, or a union with a gap between."""
    pick = generator.random()
    if pick < 0.3:
        return np.maximum(below, above)
    if pick < 0.6:
        return np.minimum(below, 255 - above)
    if pick < 0.85:
        return np.asarray(cv2.absdiff(below, above), dtype=np.uint8)
    reach = 7 + 2 * int(generator.integers(5))
    gap = cv2.dilate(above, np.ones((reach, reach), np.uint8))
    return np.maximum(np.minimum(below, 255 - gap), above)


def _framed(generator: Generator, canvas: Mask) -> Mask:
    """Smaller, within a ring, box or shield, or cut out of it."""
    inside = np.zeros_like(canvas)
    small = cv2.resize(canvas, (_SIDE * 5 // 8, _SIDE * 5 // 8), interpolation=cv2.INTER_AREA)
    edge = (_SIDE - small.shape[0]) // 2
    inside[edge : edge + small.shape[0], edge : edge + small.shape[1]] = small
    form = (_ellipse, _rounded, _shield, _regular)[int(generator.integers(4))](generator)
    frame = np.zeros_like(canvas)
    filled = generator.random() < 0.6
    outline = [_pixels(points) for points in form]
    if filled:
        cv2.fillPoly(frame, outline, 255, cv2.LINE_AA, 4)
        return np.minimum(frame, 255 - inside)
    cv2.polylines(frame, outline, True, 255, 4 + int(generator.integers(12)), cv2.LINE_AA, 4)
    return np.maximum(frame, inside)


def _set_in(letters: Mask, share: float) -> Mask:
    height, width = letters.shape
    scale = share * _SIDE / max(height, width)
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    layer = np.zeros((_SIDE, _SIDE), np.uint8)
    x, y = (_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2
    layer[y : y + size[1], x : x + size[0]] = cv2.resize(letters, size, interpolation=cv2.INTER_AREA)
    return layer


def _polar(radius: NDArray[np.float64] | float, angle: NDArray[np.float64]) -> Points:
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], axis=1)


def _ellipse(generator: Generator) -> Shape:
    return [_CIRCLE * (1.0, generator.uniform(0.5, 1.0) if generator.random() < 0.4 else 1.0)]


def _ring(generator: Generator) -> Shape:
    outer = _ellipse(generator)[0]
    return [outer, outer * generator.uniform(0.5, 0.88) + generator.uniform(-0.06, 0.06, 2)]


def _rounded(generator: Generator) -> Shape:
    """A square whose corners are round: a superellipse of random power."""
    power = 2 / generator.uniform(2.5, 10)
    sharp = np.sign(_CIRCLE) * np.abs(_CIRCLE) ** power
    return [sharp * (1.0, generator.uniform(0.4, 1.0))]


def _regular(generator: Generator) -> Shape:
    corners = 3 + int(generator.integers(6))
    return [_polar(1.0, np.arange(corners) * _TURN / corners)]


def _star(generator: Generator) -> Shape:
    rays = 3 + int(generator.integers(10))
    radius = np.where(np.arange(2 * rays) % 2, generator.uniform(0.25, 0.8), 1.0)
    return [_polar(radius, np.arange(2 * rays) * np.pi / rays + generator.uniform(-0.2, 0.2))]


def _gear(generator: Generator) -> Shape:
    teeth = 6 + int(generator.integers(12))
    radius = np.repeat(np.where(np.arange(2 * teeth) % 2, generator.uniform(0.7, 0.88), 1.0), 2)
    angle = (np.arange(4 * teeth) // 2 + np.tile((0.12, 0.88), 2 * teeth)) * np.pi / teeth
    return [_polar(radius, angle), _CIRCLE * generator.uniform(0.2, 0.55)]


def _shield(generator: Generator) -> Shape:
    shoulder, waist = generator.uniform(0.6, 0.9), generator.uniform(0.0, 0.4)
    down = np.linspace(0, 1, 12)
    side = np.stack(
        [shoulder * np.cos(down * np.pi / 2) ** generator.uniform(0.4, 1.0), waist + down * (1 - waist)], axis=1
    )
    top = np.array([(-shoulder, -0.9), (0.0, -0.9 - generator.uniform(-0.2, 0.1)), (shoulder, -0.9)])
    return [np.concatenate([top, side, side[::-1] * (-1, 1)])]


def _rays(generator: Generator) -> Shape:
    count = 4 + int(generator.integers(20))
    near, half = generator.uniform(0.15, 0.75), generator.uniform(0.15, 0.4) * _TURN / count
    wide = half * (1 if generator.random() < 0.5 else 0.2)
    return [
        _polar(np.array([near, near, 1.0, 1.0]), np.array([-wide, wide, half, -half]) + number * _TURN / count)
        for number in range(count)
    ]


def _chevron(generator: Generator) -> Shape:
    drop, thick = generator.uniform(0.3, 1.1), generator.uniform(0.2, 0.6)
    one = np.array([(-1, 0), (0, -drop), (1, 0), (1, thick), (0, thick - drop), (-1, thick)])
    count = 1 + int(generator.integers(3))
    lifts = (np.arange(count) - (count - 1) / 2) * thick * 1.5 + (drop - thick) / 2
    return [one + np.array((0.0, lift)) for lift in lifts]


def _stripes(generator: Generator) -> Shape:
    count = 2 + int(generator.integers(7))
    share, slant = generator.uniform(0.35, 0.75), generator.uniform(-0.6, 0.6) if generator.random() < 0.6 else 0.0
    step = 2 / count
    shrink = generator.uniform(-0.8 / count, 0.8 / count) if generator.random() < 0.4 else 0.0
    bars = []
    for number in range(count):
        top, half = -1 + number * step, 1 - abs(shrink) * (number if shrink > 0 else count - 1 - number)
        bottom = top + step * share
        bars.append(np.array([(-half + slant * top, top), (half + slant * top, top),
                              (half + slant * bottom, bottom), (-half + slant * bottom, bottom)]))  # fmt: skip
    return bars


def _waves(generator: Generator) -> Shape:
    across = np.linspace(-1, 1, 24)
    swing, turns, phase = generator.uniform(0.1, 0.4), generator.uniform(0.5, 2.0), generator.uniform(0, _TURN)
    middle = swing * np.sin(turns * np.pi * across + phase)
    count = 1 + int(generator.integers(4))
    thick = generator.uniform(0.4, 1.2) / count
    taper = 1 - generator.uniform(0, 1) * np.abs(across)
    bands = []
    for number in range(count):
        level = middle + (number - (count - 1) / 2) * 1.6 / count
        upper, lower = level - thick / 2 * taper, level + thick / 2 * taper
        bands.append(np.stack([np.append(across, across[::-1]), np.append(upper, lower[::-1])], axis=1))
    return bands


def _crescent(generator: Generator) -> Shape:
    size, away = generator.uniform(0.6, 0.95), generator.uniform(0.2, 0.6)
    meet = np.arccos(np.clip((1 + away**2 - size**2) / (2 * away), -1, 1))
    begin = np.arctan2(np.sin(meet), np.cos(meet) - away)
    outer, inner = np.linspace(meet, _TURN - meet, 32), np.linspace(_TURN - begin, begin, 32)
    points = np.concatenate([
        np.stack([np.cos(outer), np.sin(outer)], axis=1),
        np.stack([away + size * np.cos(inner), size * np.sin(inner)], axis=1),
    ])  # fmt: skip
    return [points]


def _arrow(generator: Generator) -> Shape:
    shaft, head = generator.uniform(0.15, 0.5), generator.uniform(-0.3, 0.3)
    tail = generator.uniform(0.4, 1.0)
    return [
        np.array([(0, -1), (0.9, head), (shaft, head), (shaft, tail), (-shaft, tail), (-shaft, head), (-0.9, head)])
    ]


def _leaf(generator: Generator) -> Shape:
    down = np.linspace(-1, 1, 20)
    width = generator.uniform(0.25, 0.8) * (1 - np.abs(down) ** generator.uniform(1.2, 3.0))
    lean = generator.uniform(-0.4, 0.4) * (1 - down**2)
    left, right = np.stack([lean - width, down], axis=1), np.stack([lean + width, down], axis=1)
    return [np.concatenate([left, right[::-1]])]


def _blob(generator: Generator) -> Shape:
    angle = np.linspace(0, _TURN, 64, False)
    waves = sum(generator.normal(0, 0.35 / k) * np.sin(k * angle + generator.uniform(0, _TURN)) for k in range(1, 6))
    radius = 0.65 + np.asarray(waves, dtype=np.float64)
    return [_polar(np.clip(radius, 0.15, 1.0), angle)]


def _heart(generator: Generator) -> Shape:
    angle = np.linspace(0, _TURN, 48, False)
    x = np.sin(angle) ** 3
    y = -(13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)) / 16
    return [np.stack([x, y * generator.uniform(0.8, 1.1)], axis=1)]


def _flower(generator: Generator) -> Shape:
    petals = 3 + int(generator.integers(8))
    angle = np.linspace(0, _TURN, 96, False)
    radius = 1 - generator.uniform(0.15, 0.8) * np.abs(np.sin(petals * angle / 2)) ** generator.uniform(0.5, 2.5)
    return [_polar(radius, angle)]


def _spiral(generator: Generator) -> Shape:
    along = np.linspace(0.1, 1, 60)
    angle = along * _TURN * generator.uniform(1.0, 2.6)
    half = generator.uniform(0.04, 0.11) * (along if generator.random() < 0.5 else 1.0)
    return [np.concatenate([_polar(along - half, angle), _polar(along + half, angle)[::-1]])]


def _path(generator: Generator) -> Shape:
    """A crooked line of three to six points with a body."""
    points = generator.uniform(-0.9, 0.9, (3 + int(generator.integers(4)), 2))
    if generator.random() < 0.5:
        points = np.round(points * 2) / 2
    half = generator.uniform(0.06, 0.2)
    aside = half * np.stack([-np.gradient(points[:, 1]), np.gradient(points[:, 0])], axis=1)
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True) / half, 1e-6)
    return [np.concatenate([points + aside, (points - aside)[::-1]])]


def _grid(generator: Generator) -> Shape:
    """Dots or squares in rows, some left out."""
    count = 2 + int(generator.integers(4))
    dot = (_CIRCLE[::3] if generator.random() < 0.5 else _polar(1.4, np.arange(4) * _TURN / 4 + _TURN / 8)) / count
    kept = generator.random((count, count)) < generator.uniform(0.5, 1.0)
    if generator.random() < 0.5:
        kept |= kept[:, ::-1]
    size = generator.uniform(0.5, 0.95)
    places = (np.argwhere(kept) + 0.5) * 2 / count - 1
    return [dot * size + place[::-1] for place in places] or [dot]


_FORMS: tuple[Callable[[Generator], Shape], ...] = (
    _ellipse,
    _ring,
    _rounded,
    _regular,
    _star,
    _gear,
    _shield,
    _rays,
    _chevron,
    _stripes,
    _waves,
    _crescent,
    _arrow,
    _leaf,
    _blob,
    _heart,
    _flower,
    _spiral,
    _path,
    _path,
    _grid,
)
