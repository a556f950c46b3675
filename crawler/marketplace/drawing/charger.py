"""Chargers: wall blocks, charging pads, power banks, and cables alone."""

from __future__ import annotations

import numpy as np

from crawler.marketplace.drawing.bag import print_artwork
from crawler.marketplace.drawing.design import Design
from crawler.marketplace.drawing.emblem import artwork, lettering, place
from crawler.marketplace.drawing.materials import SHAPE, STEEL, print_mark
from crawler.marketplace.drawing.noise import Field, brushed, cut, grid
from crawler.marketplace.drawing.relief import SIZE, Relief, box, curve, dome, ellipse, tube
from crawler.marketplace.palette import RGB, dimmed, ink_on


def draw_charger(design: Design, form: int, shape: np.random.Generator, instance: np.random.Generator) -> Relief:
    """A charger by form: 0 wall charger with cable, 1 charging pad, 2 power bank; variant ``cable``."""
    relief = Relief()
    if design.variant == "cable":
        _coil(relief, (0.5, 0.5), 0.30, design, instance, rounds=4)
        return relief
    (_wall, _pad, _bank)[form](relief, design, shape, instance)
    return relief


def _coil(
    relief: Relief,
    center: tuple[float, float],
    radius: float,
    design: Design,
    instance: np.random.Generator,
    rounds: int = 3,
) -> None:
    """A cable as it comes out of its box: coiled, tied, with a plug at each end."""
    color = design.second
    for i in range(rounds):
        angles = np.radians(np.linspace(0, 360, 60) + float(instance.uniform(0, 360)))
        r = radius * (1 - i * 0.09) * (1 + 0.04 * np.sin(angles * 2 + float(instance.uniform(0, 6))))
        x, y = center[0] + r * np.cos(angles) + float(instance.normal(0, 0.006)), center[1] + r * 0.92 * np.sin(angles)
        mask, height = tube(np.stack([x, y], axis=1), 0.022, 7)
        relief.lay(mask, color, lift=height + i * 2, gloss=0.2, replace_height=True)
        rows, columns = grid(SHAPE)
        relief.emboss(
            (np.sin(columns * 1.1 + rows * 0.4) * np.sin(rows * 1.1 - columns * 0.4)).astype(np.float32) * 0.9, mask
        )
    tie = box(center[0] + radius * 0.62, center[1] - 0.03, center[0] + radius * 1.08, center[1] + 0.03, 0.012)
    relief.lay(tie, design.accent, lift=12, gloss=0.2)
    for side in (-1, 1):
        left = center[0] + side * radius * 0.35 + float(instance.uniform(-0.02, 0.02))
        top = center[1] + side * 0.03
        lead, height = tube(
            curve(
                [
                    (left, top),
                    (left + side * 0.04, top - 0.12 * side),
                    (center[0] + side * radius * 0.8, center[1] - side * radius * 0.5),
                ]
            ),
            0.022,
            7,
        )
        relief.lay(lead, color, lift=height + 4, gloss=0.2, replace_height=True)
        plug = box(left - 0.03, top - 0.03, left + 0.03, top + 0.08, 0.012)
        relief.lay(plug, dimmed(design.main, 0.85), lift=dome(plug, 0.02, 10) + 8, gloss=0.35, replace_height=True)
        tip = box(left - 0.02, top + 0.08, left + 0.02, top + 0.125, 0.008)
        relief.lay(tip, STEEL, lift=dome(tip, 0.012, 7) + 4, metal=1.0, gloss=0.6, replace_height=True)


def _shell(
    relief: Relief,
    mask: Field,
    color: RGB,
    rise: float,
    radius: float,
    instance: np.random.Generator,
    *,
    metal: float = 0.0,
) -> None:
    relief.lay(mask, color, lift=dome(mask, radius, rise), gloss=0.4, metal=metal, replace_height=True)
    if metal:
        relief.tint(mask, 1 + brushed(instance, SHAPE, upright=True) * 0.06)
    else:
        relief.emboss(cut(instance, SHAPE, "noise", 0.5, 0.5) * 0.12, mask)


def _port(relief: Relief, center: tuple[float, float], size: tuple[float, float], inner: RGB) -> None:
    x, y = center
    half, tall = size
    relief.lay(
        box(x - half - 0.008, y - tall - 0.008, x + half + 0.008, y + tall + 0.008, tall),
        STEEL,
        lift=-1,
        metal=0.9,
        gloss=0.5,
    )
    relief.lay(box(x - half, y - tall, x + half, y + tall, tall * 0.9), (0.03, 0.03, 0.03), lift=-9, gloss=0.05)
    relief.lay(box(x - half * 0.7, y - tall * 0.25, x + half * 0.7, y + tall * 0.25), inner, lift=5, gloss=0.2)


def _wall(relief: Relief, design: Design, shape: np.random.Generator, instance: np.random.Generator) -> None:
    if shape.random() < 0.6:
        _coil(relief, (0.70, 0.66), 0.22, design, instance)
    for x in (0.20, 0.36):
        prong = box(x, 0.055, x + 0.035, 0.20, 0.008)
        relief.lay(prong, STEEL, lift=dome(prong, 0.015, 6) + 14, metal=1.0, gloss=0.6)
    top, side = float(shape.uniform(0.14, 0.17)), float(shape.uniform(0.05, 0.08))
    flank = box(0.10, top, 0.52 + side, 0.80, 0.07)
    _shell(relief, flank, dimmed(design.main, 0.82), 22, 0.04, instance)
    front = box(0.08, top + 0.03, 0.51, 0.84, 0.065)
    _shell(relief, front, design.main, 30, 0.03, instance)
    relief.stitch(np.array([(0.08, top + 0.14), (0.51, top + 0.14)]), dimmed(design.main, 0.75), dash=2.0, width=0.003)
    ink = ink_on(design.main)
    for i in range(int(shape.integers(2, 4))):
        _port(
            relief,
            (0.295, 0.56 + i * 0.085),
            (0.062, 0.014) if i < 2 else (0.075, 0.026),
            (0.25, 0.25, 0.27) if i < 2 else design.accent,
        )
        tag = lettering(f"C{i + 1}" if i < 2 else "A", "DejaVuSans-Bold.ttf", 40)
        relief.lay(place(tag, SHAPE, (0.175, 0.56 + i * 0.085), 0.03), ink)
    print_mark(relief, design.mark, (0.295, 0.37), 0.25, ink, lift=0.6)
    note = lettering(f"{(45, 65, 100)[int(shape.integers(3))]}W GaN  100-240V~ 50/60Hz", "DejaVuSans.ttf", 40)
    relief.lay(place(note, SHAPE, (0.295, 0.505), 0.32), ink)
    relief.lay(ellipse((0.44, top + 0.085), (0.009, 0.009)), (0.35, 0.95, 0.55), lift=1, gloss=0.8)


def _pad(relief: Relief, design: Design, shape: np.random.Generator, instance: np.random.Generator) -> None:
    bend = float(instance.uniform(-0.1, 0.1))
    cable, height = tube(
        curve([(0.5, 0.80), (0.53 + bend, 0.88), (0.42 + bend, 0.93), (0.25, 0.90), (0.12, 0.95), (0.02, 0.93)]),
        0.024,
        7,
    )
    relief.lay(cable, design.second, lift=height, gloss=0.2)
    radius = 0.36
    rim = ellipse((0.5, 0.46), (radius, radius))
    _shell(relief, rim, STEEL if shape.random() < 0.5 else design.second, 18, 0.03, instance, metal=0.9)
    disc = ellipse((0.5, 0.46), (radius * 0.93, radius * 0.93))
    relief.lay(disc, design.main, lift=3, gloss=0.25)
    rows, columns = grid(SHAPE)
    reach = np.hypot(columns / SIZE - 0.5, rows / SIZE - 0.46)
    relief.emboss(np.where(reach > radius * 0.62, np.sin(reach * 500), 0).astype(np.float32) * 0.7, disc)
    colors, mask = artwork(design.shape_seed, (design.second, design.accent, ink_on(design.main)))
    if shape.random() < 0.5:
        halo = np.clip(
            ellipse((0.5, 0.46), (radius * 0.85, radius * 0.85)) - ellipse((0.5, 0.46), (radius * 0.62, radius * 0.62)),
            0,
            1,
        )
        print_artwork(relief, colors, mask, (0.5, 0.46), radius * 1.8, halo)
    else:
        relief.lay(
            np.clip(
                ellipse((0.5, 0.46), (radius * 0.6, radius * 0.6))
                - ellipse((0.5, 0.46), (radius * 0.57, radius * 0.57)),
                0,
                1,
            ),
            design.accent,
            lift=0.5,
        )
    print_mark(relief, design.mark, (0.5, 0.45), 0.26, ink_on(design.main), lift=0.5)
    note = lettering("15W  Qi2  ALIGN HERE", "DejaVuSans.ttf", 40, 0.05)
    relief.lay(place(note, SHAPE, (0.5, 0.605), 0.24), ink_on(design.main))


def _bank(relief: Relief, design: Design, shape: np.random.Generator, instance: np.random.Generator) -> None:
    metal = 0.8 if shape.random() < 0.4 else 0.0
    shell = box(0.25, 0.06, 0.75, 0.94, float(shape.uniform(0.05, 0.10)))
    _shell(relief, shell, design.main, 26, 0.05, instance, metal=metal)
    cap = shell * box(0, 0, 1, 0.20)
    relief.lay(cap, design.second, lift=1.5, gloss=0.25)
    _port(relief, (0.40, 0.125), (0.045, 0.013), (0.25, 0.25, 0.27))
    _port(relief, (0.58, 0.125), (0.06, 0.022), design.accent)
    ink = ink_on(design.main)
    if shape.random() < 0.6:
        colors, mask = artwork(design.shape_seed, (design.second, design.accent, ink))
        print_artwork(relief, colors, mask, (0.5, 0.69), 0.34, shell)
        print_mark(relief, design.mark, (0.5, 0.38), 0.26, ink, lift=0.6)
    else:
        print_mark(relief, design.mark, (0.5, 0.46), 0.36, ink, lift=0.6)
        for i in range(5):
            relief.lay(
                box(0.31 + i * 0.085, 0.70, 0.36 + i * 0.085, 0.80, 0.02),
                design.accent if i % 2 else design.second,
                lift=1,
            )
    for i in range(4):
        lit = (0.85, 0.95, 1.0) if i < int(instance.integers(1, 5)) else dimmed(design.main, 0.5)
        relief.lay(ellipse((0.43 + i * 0.047, 0.235), (0.009, 0.009)), lit, lift=0.5, gloss=0.7)
    note = lettering(f"{(10000, 20000, 26800)[int(shape.integers(3))]} mAh  38.5 Wh  5V=3A", "DejaVuSansMono.ttf", 40)
    relief.lay(place(note, SHAPE, (0.5, 0.885), 0.36), ink)
