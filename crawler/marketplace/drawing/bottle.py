"""Bottles: insulated, sports, flasks; the print runs round the body and turns with the view."""

from __future__ import annotations

import cv2
import numpy as np

from crawler.marketplace.drawing.design import Design
from crawler.marketplace.drawing.emblem import artwork, emblem, lettering, lockup, place, wordmark
from crawler.marketplace.drawing.materials import SHAPE, STEEL
from crawler.marketplace.drawing.noise import Field, brushed, cut, grid
from crawler.marketplace.drawing.relief import SIZE, Relief, box, curve, dome, fill, tube
from crawler.marketplace.palette import RGB, blended, ink_on

_TURN = 512
"""Pixels of the print around half the body."""


def draw_bottle(design: Design, form: int, shape: np.random.Generator, instance: np.random.Generator) -> Relief:
    """A bottle by form: 0 insulated bottle, 1 sports bottle, 2 flask."""
    relief = Relief()
    half = (0.145, 0.155, 0.165)[form] + float(shape.uniform(-0.012, 0.012))
    shoulder, neck = (0.30, 0.075) if form == 0 else (0.27, 0.105) if form == 1 else (0.22, 0.13)
    waist = half * (0.90 if form == 1 else 1.0)
    right = curve(
        [
            (0.5 + neck, 0.205),
            (0.5 + neck + 0.005, shoulder - 0.055),
            (0.5 + half * 0.93, shoulder),
            (0.5 + half, shoulder + 0.07),
            (0.5 + waist, 0.6),
            (0.5 + half, 0.78),
            (0.5 + half, 0.915),
            (0.5 + half * 0.93, 0.955),
        ]
    )
    body = fill(np.concatenate([right, (right * [-1, 1] + [1, 0])[::-1]]))
    metallic = shape.random() < 0.25
    color = design.main
    if metallic:
        # anodized: the metal shows through, and color variants still differ
        color = blended(STEEL, design.main, 0.65)
    u = _roundness(relief, body, color, metal=0.9 if metallic else 0.0, gloss=0.45)
    if metallic:
        relief.tint(body, 1 + brushed(instance, SHAPE) * 0.07)
    else:
        relief.emboss(cut(instance, SHAPE, "noise", 0.45, 0.45) * 0.13, body)
        relief.tint(body, 1 + cut(instance, SHAPE, "noise", 0.5, 0.5) * 0.02)
    _print(relief, design, color, u, body, shape, float(instance.uniform(-0.5, 0.5)))
    base = body * box(0, 0.90, 1, 1)
    relief.lay(base, design.second if form else STEEL, gloss=0.6, metal=0.0 if form else 0.9)
    ring = body * box(0, 0.195, 1, 0.225)
    relief.lay(ring, STEEL, metal=1.0, gloss=0.6)
    _cap(relief, design, form, neck, shape, instance)
    return relief


def _roundness(relief: Relief, mask: Field, color: RGB, *, metal: float, gloss: float) -> Field:
    """Lay a turned body: each row of `mask` is a circle seen from the side. Returns -1 to 1 across each row."""
    _, columns = grid(SHAPE)
    half = np.maximum(mask.sum(axis=1, keepdims=True) / 2, 1)
    u = np.clip((columns + 0.5 - SIZE / 2) / half, -0.999, 0.999)
    height = half * np.sqrt(1 - u * u) * 0.9
    relief.lay(mask, color, lift=np.asarray(height, np.float32), metal=metal, gloss=gloss, replace_height=True)
    return np.asarray(u, np.float32)


def _print(
    relief: Relief, design: Design, color: RGB, u: Field, body: Field, shape: np.random.Generator, turn: float
) -> None:
    """Wrap artwork, emblem and letters round the body."""
    flat, mask = _label(design, color, shape)
    rows, _ = grid(SHAPE)
    around = np.asarray((np.arcsin(u) / np.pi + 0.5 + turn * 0.16) * _TURN, np.float32)
    down = np.asarray(rows - 0.36 * SIZE, np.float32)
    wrapped = cv2.remap(flat, around, down, cv2.INTER_LINEAR)
    seen = cv2.remap(mask, around, down, cv2.INTER_LINEAR)
    relief.lay(np.asarray(seen, np.float32) * body, np.asarray(wrapped, np.float32), lift=0.5, gloss=0.3)


def _label(design: Design, color: RGB, shape: np.random.Generator) -> tuple[Field, Field]:
    height, width = int(0.52 * SIZE), _TURN
    flat, mask = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    ink = ink_on(color)
    manner = int(shape.integers(4)) if design.mark else int(shape.integers(1, 5))

    def lay(part: Field, paint: RGB | Field) -> None:
        flat[:] += part[..., None] * (np.asarray(paint, np.float32) - flat)
        np.maximum(mask, part, out=mask)

    if manner in (1, 2):
        colors, print_mask = artwork(design.shape_seed, (design.second, design.accent, ink), 256)
        for center in (0.14, 0.5, 0.86):
            where = (center, 0.30)
            paint = np.stack(
                [place(np.ascontiguousarray(colors[..., i]), (height, width), where, 0.36) for i in range(3)], axis=2
            )
            lay(place(print_mask, (height, width), where, 0.36), paint)
    elif manner == 3:
        for y in (0.08, 0.13, 0.83, 0.88):
            stripe = np.zeros((height, width), np.float32)
            stripe[int(y * height) : int((y + 0.03) * height)] = 1
            lay(stripe, design.accent if y in (0.08, 0.88) else design.second)
    if design.mark is None:
        return flat, mask
    if manner == 0:
        tall = np.ascontiguousarray(np.rot90(wordmark(design.mark)))
        lay(place(tall, (height, width), (0.5, 0.25), 0.9 * 0.5 * tall.shape[1] / tall.shape[0]), ink)
        lay(place(emblem(design.mark), (height, width), (0.2, 0.25), 0.16), design.accent)
    else:
        where = (0.5, 0.435 if manner in (1, 2) else 0.25)
        lay(place(lockup(design.mark), (height, width), where, 0.22 if manner in (1, 2) else 0.34), ink)
    small = lettering(
        ("600 ML / 20 OZ", "HOT 12H COLD 24H", "DOUBLE WALL 18/8")[int(shape.integers(3))],
        "DejaVuSansMono-Bold.ttf",
        40,
    )
    lay(place(small, (height, width), (0.5, 0.505), 0.24), ink)
    return flat, mask


def _cap(
    relief: Relief, design: Design, form: int, neck: float, shape: np.random.Generator, instance: np.random.Generator
) -> None:
    color = design.second if shape.random() < 0.6 else (0.13, 0.13, 0.14)
    wide = neck + 0.018
    if form == 0 or form == 2:
        lean = float(instance.uniform(-0.02, 0.02))
        loop, height = tube(
            curve(
                [
                    (0.5 - wide * 0.8, 0.13),
                    (0.5 - wide * 0.9 + lean, 0.05),
                    (0.5 + lean, 0.02),
                    (0.5 + wide * 0.9 + lean, 0.05),
                    (0.5 + wide * 0.8, 0.13),
                ]
            ),
            0.026,
            8,
        )
        relief.lay(loop, color, lift=height + 10, gloss=0.2)
        cap = box(0.5 - wide, 0.095, 0.5 + wide, 0.20, 0.02)
    else:
        spout = box(0.465, 0.03, 0.535, 0.13, 0.02)
        _roundness(relief, spout, design.accent, metal=0.0, gloss=0.3)
        cap = fill(
            curve(
                [
                    (0.5 - wide, 0.205),
                    (0.5 - wide, 0.15),
                    (0.415, 0.112),
                    (0.462, 0.095),
                    (0.538, 0.095),
                    (0.585, 0.112),
                    (0.5 + wide, 0.15),
                    (0.5 + wide, 0.205),
                ],
                closed=True,
            )
        )
    u = _roundness(relief, cap, color, metal=0.0, gloss=0.35)
    ridges = np.cos(np.arcsin(u) * float(shape.integers(18, 30))) * 1.4
    relief.emboss(np.asarray(ridges, np.float32), cap * box(0, 0.165 if form == 1 else 0.12, 1, 0.19))
    relief.emboss(dome(cap, 0.02, 3))
