"""Surfaces of soft goods and how marks get onto things."""

from __future__ import annotations

import numpy as np

from crawler.marketplace.drawing.design import BrandMark
from crawler.marketplace.drawing.emblem import emblem, lockup, place, wordmark
from crawler.marketplace.drawing.noise import Field, blur, cut, mesh, smooth_noise
from crawler.marketplace.drawing.relief import SIZE, Relief
from crawler.marketplace.palette import RGB, ink_on

SHAPE = (SIZE, SIZE)
STEEL: RGB = (0.78, 0.79, 0.81)
BRASS: RGB = (0.83, 0.66, 0.36)
COPPER: RGB = (0.80, 0.53, 0.42)
GUNMETAL: RGB = (0.34, 0.35, 0.38)
METALS = (STEEL, STEEL, BRASS, COPPER, GUNMETAL)


def surface(relief: Relief, mask: Field, kind: str, instance: np.random.Generator) -> None:
    """Grain of ``leather``, ``suede``, ``canvas``, ``nylon``, ``knit``, ``mesh`` or ``smooth`` where `mask` is."""
    if kind == "leather":
        grain = cut(instance, SHAPE, "leather", 0.25)
        relief.emboss((grain - 0.5) * 0.9, mask)
        relief.tint(mask, 0.94 + 0.10 * grain)
    elif kind == "suede":
        nap = cut(instance, SHAPE, "noise", 0.35, 0.35) + smooth_noise(instance, SHAPE, (14, 14))
        relief.tint(mask, np.asarray(1 + 0.05 * nap, np.float32))
        relief.gloss *= 1 - 0.8 * mask
    elif kind in ("canvas", "nylon"):
        threads = cut(instance, SHAPE, "weave", 5.0 if kind == "canvas" else 3.2)
        relief.emboss(threads * (1.3 if kind == "canvas" else 0.7), mask)
        relief.tint(mask, 0.84 + 0.24 * threads)
    elif kind == "knit":
        stitches = cut(instance, SHAPE, "knit", 6.0)
        relief.emboss(stitches * 0.9, mask)
        relief.tint(mask, 0.88 + 0.18 * stitches)
    elif kind == "mesh":
        holes = mesh(SHAPE, 7.0)
        relief.emboss(holes * 1.5, mask)
        relief.tint(mask, 0.55 + 0.5 * holes)
    wear = smooth_noise(instance, SHAPE, (4, 4)) * 0.035
    relief.tint(mask, 1 + wear)


def wrinkles(
    relief: Relief, mask: Field, instance: np.random.Generator, strength: float, cells: tuple[float, float]
) -> None:
    """Soft folds; `strength` in pixels of height, `cells` folds down and across."""
    ridged = np.asarray(-strength * np.abs(smooth_noise(instance, SHAPE, cells)), np.float32)
    relief.emboss(blur(ridged, 3.0) + smooth_noise(instance, SHAPE, (3, 3)) * strength * 0.8, mask)


def print_mark(
    relief: Relief,
    mark: BrandMark | None,
    center: tuple[float, float],
    width: float,
    ink: RGB,
    *,
    form: str = "lockup",
    lift: float = 0.4,
    gloss: float = 0.25,
    metal: float = 0.0,
    turn: float = 0.0,
) -> None:
    """The brand's ``lockup``, ``emblem`` or ``word`` on what already lies there; nothing for unbranded goods."""
    if mark is None:
        return
    sign = lockup(mark) if form == "lockup" else emblem(mark) if form == "emblem" else wordmark(mark)
    mask = place(sign, SHAPE, center, width, turn) * (relief.alpha > 0.5)
    relief.lay(mask, ink, lift=lift, gloss=gloss, metal=metal)


def patch(
    relief: Relief,
    mark: BrandMark | None,
    outline: Field,
    center: tuple[float, float],
    width: float,
    color: RGB,
    metal: float,
) -> None:
    """A label or plate that carries the mark."""
    if mark is None:
        return
    relief.lay(outline, color, lift=3.0, gloss=0.6 if metal else 0.2, metal=metal)
    ink = (0.08, 0.08, 0.09) if metal else ink_on(color)
    print_mark(relief, mark, center, width, ink, form="word", lift=-0.8)


def all_over(relief: Relief, mask: Field, mark: BrandMark | None, ink: RGB, count: int) -> None:
    """The emblem repeated in staggered rows, as monogram canvas has it."""
    if mark is None:
        return
    cell = SIZE // count
    small = place(emblem(mark), (cell, cell), (0.5, 0.5), 0.62)
    pair = np.concatenate([small, np.zeros_like(small)], axis=1)
    rows = [np.roll(np.tile(pair, (1, count // 2 + 2)), i * cell, axis=1)[:, :SIZE] for i in range(count + 2)]
    tiled = np.concatenate(rows)[:SIZE]
    relief.lay(np.ascontiguousarray(tiled) * mask * 0.85, ink, lift=0.3)
