"""Other marks made from known ones: bent, cut, mirrored, merged, until they are no longer the same mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.lettering import Generator
from training.mark_masks import MARK_SIDE, Mask

_Y, _X = np.mgrid[:MARK_SIDE, :MARK_SIDE].astype(np.float32)
_MIDDLE = (MARK_SIDE - 1) / 2
_RADIUS = np.hypot(_X - _MIDDLE, _Y - _MIDDLE)
_ANGLE = np.arctan2(_Y - _MIDDLE, _X - _MIDDLE)
_CHANGED = 0.45
"""Of the pixels of both, how many must differ before it counts as another mark."""
_TRIES = 8


def deform_mark(generator: Generator, marks: Sequence[Mask] | NDArray[np.uint8]) -> Mask:
    """A (96, 96) mask made from one or two of `marks` (each (96, 96)), unlike the one it began with.

    A few in a hundred are like it all the same, once trimmed and centered: none of eight tries, or a shift alone, had
    changed more.
    """
    original = _one_of(generator, marks)
    changed = original
    for _ in range(_TRIES):
        if changed is original or generator.random() < 0.85:
            way = _WAYS[int(generator.integers(len(_WAYS)))]
            changed = way(generator, changed, _one_of(generator, marks))
        if _unlike(original, changed):
            break
    return changed


def _one_of(generator: Generator, marks: Sequence[Mask] | NDArray[np.uint8]) -> Mask:
    mark: Mask = marks[int(generator.integers(len(marks)))]
    return mark


def _unlike(one: Mask, other: Mask) -> bool:
    differs = cv2.countNonZero(cv2.threshold(cv2.absdiff(one, other), 127, 1, cv2.THRESH_BINARY)[1])
    either = cv2.countNonZero(cv2.threshold(cv2.max(one, other), 127, 1, cv2.THRESH_BINARY)[1])
    return differs > _CHANGED * either


def _pulled(mask: Mask, x: NDArray[np.float32], y: NDArray[np.float32]) -> Mask:
    return np.asarray(cv2.remap(mask, x, y, cv2.INTER_LINEAR), dtype=np.uint8)


def _elastic(generator: Generator, mask: Mask, other: Mask) -> Mask:
    coarse = generator.normal(0, generator.uniform(8, 16), (2, 4, 4)).astype(np.float32)
    x, y = (cv2.resize(field, (MARK_SIDE, MARK_SIDE), interpolation=cv2.INTER_CUBIC) for field in coarse)
    return _pulled(mask, _X + x, _Y + y)


def _swirled(generator: Generator, mask: Mask, other: Mask) -> Mask:
    strength = generator.uniform(1.2, 3.0) * (1 if generator.random() < 0.5 else -1)
    angle = _ANGLE + np.float32(strength) * np.exp(-_RADIUS / 30)
    return _pulled(mask, _MIDDLE + _RADIUS * np.cos(angle), _MIDDLE + _RADIUS * np.sin(angle))


def _pinched(generator: Generator, mask: Mask, other: Mask) -> Mask:
    power = np.float32(generator.uniform(0.45, 0.65) if generator.random() < 0.5 else generator.uniform(1.6, 2.4))
    factor = (np.maximum(_RADIUS, 1) / _MIDDLE) ** (power - 1)
    return _pulled(mask, _MIDDLE + (_X - _MIDDLE) * factor, _MIDDLE + (_Y - _MIDDLE) * factor)


def _mirrored(generator: Generator, mask: Mask, other: Mask) -> Mask:
    """One half twice, or one quarter four times."""
    mirrored = mask if generator.random() < 0.5 else np.ascontiguousarray(mask.T)
    half = MARK_SIDE // 2
    mirrored = mirrored.copy()
    if generator.random() < 0.5:
        mirrored[:, half:] = mirrored[:, half - 1 :: -1]
    else:
        mirrored[:, :half] = mirrored[:, : half - 1 : -1]
    if generator.random() < 0.35:
        mirrored[half:] = mirrored[half - 1 :: -1]
    return mirrored


def _cut(generator: Generator, mask: Mask, other: Mask) -> Mask:
    """Along a line through the middle: one side shifted, or the other mark's."""
    turn = generator.uniform(0, np.pi)
    side = (_X - _MIDDLE) * np.cos(turn) + (_Y - _MIDDLE) * np.sin(turn) > generator.uniform(-10, 10)
    if generator.random() < 0.5:
        return np.where(side, mask, other)
    shift = int(generator.integers(14, 30)) * (1 if generator.random() < 0.5 else -1)
    return np.where(side, mask, np.roll(mask, shift, axis=int(generator.integers(2))))


def _merged(generator: Generator, mask: Mask, other: Mask) -> Mask:
    """The other, bent, within, over or cut out of this one."""
    other = _elastic(generator, other, mask)
    share = generator.uniform(0.45, 0.9)
    small = _shrunk(other, share)
    edge_x, edge_y = (int(generator.integers(MARK_SIDE - small.shape[0] + 1)) for _ in range(2))
    laid = np.zeros_like(mask)
    laid[edge_y : edge_y + small.shape[0], edge_x : edge_x + small.shape[1]] = small
    pick = generator.random()
    if pick < 0.35:
        return np.asarray(cv2.absdiff(mask, laid), dtype=np.uint8)
    if pick < 0.6:
        return np.minimum(mask, 255 - laid)
    gap = cv2.dilate(laid, np.ones((7, 7), np.uint8))
    return np.maximum(np.minimum(mask, 255 - gap), laid)


def _beside(generator: Generator, mask: Mask, other: Mask) -> Mask:
    """The two, both bent, side by side or one above the other."""
    mask, other = _elastic(generator, mask, other), _swirled(generator, other, mask)
    both = np.zeros_like(mask)
    share = generator.uniform(0.35, 0.65)
    first, second = _shrunk(mask, share), _shrunk(other, 1 - share)
    across = np.zeros_like(mask)
    for small, start in ((first, 0), (second, first.shape[0])):
        middle = (MARK_SIDE - small.shape[0]) // 2
        across[middle : middle + small.shape[0], start : start + small.shape[1]] = small
    both[:] = across if generator.random() < 0.6 else across.T
    return both


def _replaced(generator: Generator, mask: Mask, other: Mask) -> Mask:
    """A box or disk of it shows the other."""
    x, y = generator.uniform(0.25, 0.75, 2) * MARK_SIDE
    reach = generator.uniform(0.25, 0.42) * MARK_SIDE
    round_ = generator.random() < 0.5
    inside = np.hypot(_X - x, _Y - y) < reach if round_ else np.maximum(np.abs(_X - x), np.abs(_Y - y)) < reach
    return np.where(inside, other, mask)


def _repeated(generator: Generator, mask: Mask, other: Mask) -> Mask:
    """Turned around a point several times, laid over itself."""
    fold = 2 + int(generator.integers(4))
    center = (_MIDDLE, _MIDDLE)
    size, away = generator.uniform(0.4, 0.7), generator.uniform(0.1, 0.3) * MARK_SIDE
    together = np.zeros_like(mask)
    for number in range(fold):
        matrix = cv2.getRotationMatrix2D(center, number * 360 / fold, size)
        angle = np.deg2rad(number * 360 / fold)
        matrix[:, 2] += (-away * np.sin(angle), -away * np.cos(angle))
        turned = cv2.warpAffine(mask, matrix, (MARK_SIDE, MARK_SIDE))
        together = np.asarray(
            cv2.absdiff(together, turned) if size > 0.55 else cv2.max(together, turned), dtype=np.uint8
        )
    return together


def _inverted(generator: Generator, mask: Mask, other: Mask) -> Mask:
    """Cut out of a disk or a round box; the mark itself changed a little first."""
    changed = _elastic(generator, _merged(generator, mask, other), other)
    power = 2.0 if generator.random() < 0.5 else 6.0
    half = np.float32(MARK_SIDE / 2)
    ground: Mask = (np.abs((_X - _MIDDLE) / half) ** power + np.abs((_Y - _MIDDLE) / half) ** power < 1) * np.uint8(255)
    small = _shrunk(changed, 0.66)
    edge = (MARK_SIDE - small.shape[0]) // 2
    part = ground[edge : edge + small.shape[0], edge : edge + small.shape[1]]
    np.minimum(part, 255 - small, out=part)
    return ground


def _shrunk(mask: Mask, share: float) -> Mask:
    side = max(8, round(MARK_SIDE * share))
    return np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


_WAYS: tuple[Callable[[Generator, Mask, Mask], Mask], ...] = (
    _elastic,
    _swirled,
    _pinched,
    _mirrored,
    _mirrored,
    _cut,
    _merged,
    _beside,
    _replaced,
    _repeated,
    _inverted,
)
