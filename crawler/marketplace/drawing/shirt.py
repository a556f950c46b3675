"""Shirts laid flat: tees, polos, long sleeves."""

from __future__ import annotations

import numpy as np

from crawler.marketplace.drawing.bag import print_artwork
from crawler.marketplace.drawing.design import Design
from crawler.marketplace.drawing.emblem import artwork
from crawler.marketplace.drawing.materials import SHAPE, all_over, print_mark, surface, wrinkles
from crawler.marketplace.drawing.noise import Field, grid
from crawler.marketplace.drawing.relief import Relief, box, curve, dome, ellipse, fill, stroke, tube
from crawler.marketplace.palette import RGB, dimmed, ink_on


def draw_shirt(design: Design, form: int, shape: np.random.Generator, instance: np.random.Generator) -> Relief:
    """A shirt by form: 0 graphic tee, 1 polo, 2 long sleeves."""
    relief = Relief()
    material = "knit" if form == 1 else str(shape.choice(["jersey", "canvas"]))
    droop = float(instance.uniform(-0.03, 0.03))
    sleeves = _sleeves(form, droop, float(instance.uniform(-0.03, 0.03)))
    sleeve_color = design.second if shape.random() < 0.3 else design.main
    for outline in sleeves:
        mask = fill(outline)
        _cloth(relief, mask, sleeve_color, material, instance)
        relief.tint(mask, 0.94)
    sway = float(instance.uniform(-0.012, 0.012))
    half = [(0.375, 0.115), (0.29, 0.145), (0.215, 0.195), (0.23, 0.36), (0.225 + sway, 0.65), (0.212 + sway, 0.915)]
    hem = [(0.222 + sway, 0.938), (0.5 + sway, 0.952), (0.778 + sway, 0.938)]
    right = [(1 - x + 2 * sway * (y > 0.5), y) for x, y in reversed(half)]
    body_line = curve([*half, *hem, *right, (0.5, 0.135)], closed=True)
    body = fill(body_line)
    _cloth(relief, body, design.main, material, instance)
    if shape.random() < (0.35 if form else 0.15):
        _stripes(relief, body, design, shape)
    _chest(relief, design, form, body, shape)
    _collar(relief, design, form, shape)
    _seams(relief, design, sleeves)
    return relief


def _cloth(relief: Relief, mask: Field, color: RGB, material: str, instance: np.random.Generator) -> None:
    relief.lay(mask, color, lift=dome(mask, 0.03, 7) + 1, gloss=0.05, replace_height=True)
    surface(relief, mask, "knit" if material == "knit" else "nylon", instance)
    wrinkles(relief, mask, instance, 6.5, (4, 6))
    wrinkles(relief, mask, instance, 3.0, (9, 5))


def _sleeves(form: int, droop: float, bend: float) -> tuple[np.ndarray, ...]:
    if form == 2:
        left = [
            (0.30, 0.14),
            (0.20, 0.19),
            (0.12 + bend, 0.45),
            (0.075 + bend, 0.80 + droop),
            (0.08 + bend, 0.825 + droop),
        ]
        left += [(0.165 + bend, 0.845 + droop), (0.18 + bend, 0.82 + droop), (0.225 + bend * 0.5, 0.55), (0.28, 0.36)]
    else:
        left = [(0.31, 0.135), (0.20, 0.18), (0.035, 0.345 + droop), (0.032, 0.365 + droop), (0.135, 0.445 + droop)]
        left += [(0.155, 0.442 + droop), (0.26, 0.34)]
    outline = curve(left, closed=True)
    return outline, outline * [-1, 1] + [1, 0]


def _stripes(relief: Relief, body: Field, design: Design, shape: np.random.Generator) -> None:
    rows, columns = grid(SHAPE)
    pitch, upright = float(shape.uniform(24, 46)), shape.random() < 0.25
    along = columns if upright else rows
    lines = np.clip(((along / pitch) % 1.0 < shape.uniform(0.2, 0.5)).astype(np.float32), 0, 1)
    relief.lay(lines * body * 0.9, design.accent)


def _chest(relief: Relief, design: Design, form: int, body: Field, shape: np.random.Generator) -> None:
    ink = ink_on(design.main)
    manner = int(shape.integers(3)) if form != 1 else 3
    if manner in (0, 1):
        size = float(shape.uniform(0.28, 0.36))
        colors, mask = artwork(design.shape_seed, (design.second, design.accent, ink))
        print_artwork(relief, colors, mask, (0.5, 0.44), size, body)
        print_mark(relief, design.mark, (0.5, 0.46 + size / 2 + 0.04), size * 0.9, ink, form="word")
    elif manner == 2:
        print_mark(relief, design.mark, (0.5, 0.42), 0.36, ink)
        all_over(relief, body * box(0, 0.78, 1, 0.90), design.mark, design.accent, 14)
    if form == 1 or manner == 2:
        print_mark(
            relief, design.mark, (0.625, 0.30), 0.085, design.accent if manner == 3 else ink, form="emblem", lift=1.5
        )
    if form == 1:
        bands = sum((box(0, y, 1, y + 0.035) for y in (0.46, 0.53, 0.60)), np.zeros(SHAPE, np.float32)) * body
        relief.lay(bands, design.second, lift=0.2)
        print_mark(relief, design.mark, (0.5, 0.547), 0.30, ink_on(design.second), form="word")


def _collar(relief: Relief, design: Design, form: int, shape: np.random.Generator) -> None:
    inside = ellipse((0.5, 0.125), (0.125, 0.045))
    relief.lay(inside, dimmed(design.main, 0.55), lift=-4)
    tag = box(0.475, 0.105, 0.525, 0.14, 0.004)
    if design.mark:
        relief.lay(tag, (0.93, 0.92, 0.9), lift=1)
        print_mark(relief, design.mark, (0.5, 0.122), 0.04, (0.1, 0.1, 0.1), form="word")
    color = design.second if form == 1 or shape.random() < 0.4 else dimmed(design.main, 0.92)
    neck = curve([(0.375, 0.112), (0.40, 0.165), (0.5, 0.195), (0.60, 0.165), (0.625, 0.112)])
    rib, height = tube(neck, 0.032, 6)
    relief.lay(rib, color, lift=height + 2, gloss=0.05)
    _, columns = grid(SHAPE)
    relief.emboss(np.sin(columns * 1.6).astype(np.float32) * 0.8, rib)
    if form == 1:
        for side in (-1, 1):
            outline = [(0.012, 0.205), (0.105, 0.098), (0.135, 0.108), (0.15, 0.165), (0.072, 0.252), (0.055, 0.25)]
            wing = fill(curve([(0.5 + side * x, y) for x, y in outline], closed=True))
            relief.lay(wing, color, lift=dome(wing, 0.015, 6) + 4, gloss=0.05)
        placket = box(0.475, 0.19, 0.525, 0.375, 0.008)
        relief.lay(placket, design.main, lift=3)
        for y in (0.24, 0.29, 0.34):
            relief.lay(ellipse((0.5, y), (0.012, 0.012)), (0.9, 0.88, 0.84), lift=2, gloss=0.6)


def _seams(relief: Relief, design: Design, sleeves: tuple[np.ndarray, ...]) -> None:
    thread: RGB = dimmed(design.main, 0.75)
    relief.stitch(np.array([(0.225, 0.912), (0.5, 0.925), (0.775, 0.912)]), thread, dash=0.011, width=0.003)
    for x in (-1, 1):
        relief.emboss(
            -3 * stroke(curve([(0.5 + x * 0.20, 0.145), (0.5 + x * 0.262, 0.24), (0.5 + x * 0.262, 0.36)]), 0.006)
        )
    for outline in sleeves:
        low = np.asarray(outline)[np.argsort(outline[:, 1])[-12:]]
        relief.emboss(-1.5 * stroke(low[np.argsort(low[:, 0])] - [0, 0.02], 0.004))
