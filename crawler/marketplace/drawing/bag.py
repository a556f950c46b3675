"""Bags: totes, backpacks, satchels, and plain pouches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crawler.marketplace.drawing.design import Design
from crawler.marketplace.drawing.emblem import artwork, place
from crawler.marketplace.drawing.materials import METALS, SHAPE, all_over, patch, print_mark, surface, wrinkles
from crawler.marketplace.drawing.noise import Field, blur
from crawler.marketplace.drawing.relief import Relief, box, curve, dome, ellipse, fill, rounded, stroke, tube
from crawler.marketplace.palette import RGB, dimmed, ink_on


def draw_bag(design: Design, form: int, shape: np.random.Generator, instance: np.random.Generator) -> Relief:
    """A bag by form: 0 tote, 1 backpack, 2 satchel; variant ``pouch``."""
    relief = Relief()
    if design.variant == "pouch":
        _pouch(relief, design, shape, instance)
    else:
        (_tote, _backpack, _satchel)[form](relief, design, shape, instance)
    return relief


def _body(
    relief: Relief,
    outline: NDArray[np.float64],
    color: RGB,
    material: str,
    instance: np.random.Generator,
    rise: float = 26,
) -> Field:
    mask = fill(outline)
    relief.lay(mask, color, lift=dome(mask, 0.10, rise), gloss=0.32 if material == "leather" else 0.1)
    surface(relief, mask, material, instance)
    wrinkles(relief, mask, instance, 4.5 if material == "leather" else 6.0, (5, 7))
    return mask


def _thread(color: RGB) -> RGB:
    return (0.92, 0.86, 0.72) if ink_on(color)[0] > 0.5 else (0.30, 0.22, 0.16)


def _tote(relief: Relief, design: Design, shape: np.random.Generator, instance: np.random.Generator) -> None:
    material = str(shape.choice(["leather", "canvas", "leather"]))
    top, flare = shape.uniform(0.34, 0.40), shape.uniform(-0.04, 0.05)
    sway = float(instance.uniform(-0.025, 0.025))
    arch = shape.uniform(0.04, 0.10)
    strap_color = design.second if shape.random() < 0.5 else design.main
    for lift, drop in ((4.0, 0.0), (9.0, 0.03)):
        left, right = 0.34, 0.66
        handle = curve(
            [
                (left, top + 0.12),
                (left + 0.01, top - 0.1),
                (0.42 + sway, arch + drop),
                (0.58 + sway, arch + drop),
                (right - 0.01, top - 0.1),
                (right, top + 0.12),
            ]
        )
        if drop:
            body = _body(
                relief, curve_box(0.14 - flare, top, 0.86 + flare, 0.93, 0.03), design.main, material, instance
            )
        mask, height = tube(handle, 0.034, 9.0)
        relief.lay(
            mask,
            dimmed(strap_color, 0.8) if not drop else strap_color,
            lift=height + lift,
            gloss=0.3,
            replace_height=True,
        )
    manner = int(shape.integers(3))
    ink = design.accent if shape.random() < 0.5 else ink_on(design.main)
    if manner == 0:
        all_over(relief, body * box(0, top + 0.06, 1, 1), design.mark, ink, int(shape.integers(9, 13)))
    elif manner == 1:
        inks = (design.second, design.accent, ink_on(design.main))
        colors, mask = artwork(design.shape_seed, inks)
        _stamp(relief, colors, mask, (0.5, 0.68), 0.40, body)
    band = box(0, top, 1, top + float(shape.uniform(0.05, 0.09))) * body
    relief.lay(band, design.second, lift=2.0, gloss=0.3)
    for x in (0.34, 0.66):
        tab = box(x - 0.032, top + 0.03, x + 0.032, top + 0.17, 0.012)
        relief.lay(tab, strap_color, lift=4.0, gloss=0.3)
        relief.stitch(rounded(x - 0.024, top + 0.04, x + 0.024, top + 0.16, 0.01), _thread(strap_color), dash=0.012)
        relief.lay(
            ellipse((x, top + 0.145), (0.010, 0.010)), METALS[int(shape.integers(5))], lift=3.0, metal=1.0, gloss=0.7
        )
    for inset in (0.025,):
        relief.stitch(
            curve_box(0.14 - flare + inset, top + 0.11, 0.86 + flare - inset, 0.93 - inset, 0.02), _thread(design.main)
        )
    if manner == 2:
        print_mark(relief, design.mark, (0.5, 0.69), float(shape.uniform(0.26, 0.38)), ink, lift=0.8)
    else:
        plate = box(0.40, top + 0.105, 0.60, top + 0.165, 0.012)
        patch(relief, design.mark, plate, (0.5, top + 0.135), 0.16, METALS[int(shape.integers(5))], 1.0)


def _backpack(relief: Relief, design: Design, shape: np.random.Generator, instance: np.random.Generator) -> None:
    material = str(shape.choice(["nylon", "canvas", "leather"]))
    for side in (-1, 1):
        lean = float(instance.uniform(-0.02, 0.02))
        strap = curve(
            [
                (0.5 + side * 0.20, 0.16),
                (0.5 + side * (0.38 + lean), 0.35),
                (0.5 + side * (0.40 + lean), 0.66),
                (0.5 + side * 0.30, 0.88),
            ]
        )
        mask, height = tube(strap, 0.05, 8.0)
        relief.lay(mask, dimmed(design.main, 0.75), lift=height, gloss=0.1)
        surface(relief, mask, "nylon", instance)
    loop, height = tube(curve([(0.43, 0.14), (0.44, 0.05), (0.56, 0.05), (0.57, 0.14)]), 0.026, 7)
    relief.lay(loop, design.second, lift=height)
    top = curve(
        [
            (0.22, 0.90),
            (0.20, 0.5),
            (0.24, 0.22),
            (0.36, 0.11),
            (0.5, 0.095),
            (0.64, 0.11),
            (0.76, 0.22),
            (0.80, 0.5),
            (0.78, 0.90),
            (0.66, 0.945),
            (0.5, 0.95),
            (0.34, 0.945),
        ],
        closed=True,
    )
    body = _body(relief, top, design.main, material, instance, rise=40)
    base = box(0, float(shape.uniform(0.78, 0.84)), 1, 1) * body
    relief.lay(base, design.second, lift=1.5, gloss=0.3)
    surface(relief, base, "leather", instance)
    metal = METALS[int(shape.integers(5))]
    _zip(
        relief,
        curve([(0.225, 0.52), (0.25, 0.27), (0.36, 0.165), (0.5, 0.15), (0.64, 0.165), (0.75, 0.27), (0.775, 0.52)]),
        metal,
        design.accent,
        body,
    )
    pocket_top = float(shape.uniform(0.46, 0.54))
    pocket = fill(curve_box(0.285, pocket_top, 0.715, 0.87, 0.05))
    relief.lay(
        pocket, design.main if shape.random() < 0.5 else design.second, lift=dome(pocket, 0.05, 14) + 3, gloss=0.15
    )
    surface(relief, pocket, material, instance)
    wrinkles(relief, pocket, instance, 3.0, (4, 5))
    _zip(
        relief,
        curve(
            [
                (0.31, pocket_top + 0.09),
                (0.34, pocket_top + 0.055),
                (0.66, pocket_top + 0.055),
                (0.69, pocket_top + 0.09),
            ]
        ),
        metal,
        design.accent,
        pocket,
    )
    relief.stitch(curve_box(0.30, pocket_top + 0.012, 0.70, 0.855, 0.045), _thread(design.main))
    ink = ink_on(design.main)
    if shape.random() < 0.35:
        all_over(relief, body * (1 - pocket) * (1 - base), design.mark, design.accent, int(shape.integers(10, 14)))
    elif shape.random() < 0.5:
        colors, mask = artwork(design.shape_seed, (design.second, design.accent, ink))
        _stamp(relief, colors, mask, (0.5, (pocket_top + 0.15 + 0.85) / 2), 0.24, pocket)
    print_mark(relief, design.mark, (0.5, 0.305), 0.20, ink, lift=1.2)
    label = box(0.42, pocket_top + 0.10, 0.58, pocket_top + 0.155, 0.006)
    patch(relief, design.mark, label, (0.5, pocket_top + 0.128), 0.12, design.accent, 0.0)


def _satchel(relief: Relief, design: Design, shape: np.random.Generator, instance: np.random.Generator) -> None:
    material = str(shape.choice(["leather", "leather", "suede"]))
    metal = METALS[int(shape.integers(5))]
    swing = float(instance.uniform(-0.06, 0.06))
    strap = curve(
        [
            (0.14, 0.46),
            (0.15 + swing, 0.22),
            (0.34 + swing, 0.07),
            (0.62 + swing, 0.06),
            (0.84 + swing, 0.2),
            (0.86, 0.46),
        ]
    )
    mask, height = tube(strap, 0.030, 8)
    relief.lay(mask, dimmed(design.main, 0.9), lift=height, gloss=0.3)
    top = float(shape.uniform(0.36, 0.42))
    body = _body(relief, curve_box(0.11, top, 0.89, 0.90, 0.06), design.main, material, instance, rise=30)
    dip = float(shape.uniform(0.60, 0.72))
    corner = dip - float(shape.uniform(0.0, 0.14))
    flap_line = curve(
        [
            (0.10, top + 0.01),
            (0.095, corner - 0.06),
            (0.16, corner),
            (0.5, dip),
            (0.84, corner),
            (0.905, corner - 0.06),
            (0.90, top + 0.01),
            (0.5, top - 0.015),
        ],
        closed=True,
    )
    flap = fill(flap_line)
    relief.emboss(-5 * blur(np.clip(np.roll(flap, 9, axis=0) - flap, 0, 1), 4), body)
    relief.lay(flap, design.second if shape.random() < 0.45 else design.main, lift=dome(flap, 0.03, 8) + 2, gloss=0.3)
    surface(relief, flap, material, instance)
    wrinkles(relief, flap, instance, 2.5, (3, 5))
    inner = 0.5 + (np.asarray(flap_line) - [0.5, 0.5]) * [0.95, 1.0] - [0.0, 0.02]
    relief.stitch(np.concatenate([inner, inner[:1]]), _thread(design.main))
    relief.stitch(curve_box(0.135, top + 0.03, 0.865, 0.875, 0.05), _thread(design.main))
    if shape.random() < 0.4:
        all_over(relief, flap, design.mark, design.accent, int(shape.integers(10, 14)))
    for side in (-1, 1) if shape.random() < 0.5 else (0,):
        x = 0.5 + side * 0.22
        y = (dip if side == 0 else (dip + corner) / 2 + 0.01) - 0.02
        belt = box(x - 0.028, y - 0.13, x + 0.028, y + 0.12, 0.02)
        relief.lay(belt, design.accent if shape.random() < 0.3 else design.second, lift=4, gloss=0.3)
        relief.stitch(rounded(x - 0.02, y - 0.12, x + 0.02, y + 0.11, 0.015), _thread(design.second), dash=0.011)
        ring = np.clip(
            box(x - 0.05, y - 0.035, x + 0.05, y + 0.045, 0.015)
            - box(x - 0.032, y - 0.018, x + 0.032, y + 0.028, 0.008),
            0,
            1,
        )
        relief.lay(ring, metal, lift=6, metal=1.0, gloss=0.7)
        relief.lay(box(x - 0.006, y - 0.03, x + 0.006, y + 0.03, 0.004), metal, lift=8, metal=1.0, gloss=0.7)
    for x in (0.14, 0.86):
        ring = np.clip(ellipse((x, 0.455), (0.035, 0.04)) - ellipse((x, 0.455), (0.021, 0.026)), 0, 1)
        relief.lay(ring, metal, lift=6, metal=1.0, gloss=0.7)
    print_mark(relief, design.mark, (0.5, top + 0.10), 0.24, metal, form="word", lift=0.8, metal=1.0, gloss=0.6)
    print_mark(relief, design.mark, (0.78, 0.81), 0.10, ink_on(design.main), form="emblem", lift=-1.0)


def _pouch(relief: Relief, design: Design, shape: np.random.Generator, instance: np.random.Generator) -> None:
    material = str(shape.choice(["canvas", "nylon", "suede"]))
    top = float(shape.uniform(0.25, 0.42))
    body = _body(relief, curve_box(0.18, top, 0.82, 0.86, 0.05), design.main, material, instance, rise=22)
    _zip(
        relief,
        np.array([(0.2, top + 0.05), (0.5, top + 0.055), (0.8, top + 0.05)]),
        METALS[int(shape.integers(5))],
        design.second,
        body,
    )
    relief.stitch(curve_box(0.20, top + 0.02, 0.80, 0.84, 0.045), _thread(design.main))
    if shape.random() < 0.5:
        stripes = sum((box(0, y, 1, y + 0.03) for y in np.arange(top + 0.15, 0.82, 0.08)), np.zeros(SHAPE, np.float32))
        relief.lay(stripes * body, design.accent)


def _zip(relief: Relief, path: NDArray[np.float64], metal: RGB, pull: RGB, within: Field) -> None:
    """Tape, teeth and a pull at the path's start."""
    relief.lay(stroke(path, 0.022) * within, (0.12, 0.12, 0.13), lift=-1.0, gloss=0.1)
    from crawler.marketplace.drawing.relief import dashes

    relief.lay(dashes(path, 0.011, 0.012) * within, metal, lift=2.0, metal=0.9, gloss=0.6)
    x, y = path[len(path) // 5]
    relief.lay(box(x - 0.011, y - 0.008, x + 0.011, y + 0.045, 0.006), metal, lift=5, metal=1.0, gloss=0.6)
    relief.lay(box(x - 0.008, y + 0.04, x + 0.008, y + 0.085, 0.006), pull, lift=4, gloss=0.2)


def _stamp(
    relief: Relief, colors: Field, mask: Field, center: tuple[float, float], width: float, within: Field
) -> None:
    """An artwork printed on what lies there."""
    print_artwork(relief, colors, mask, center, width, within)


def print_artwork(
    relief: Relief, colors: Field, mask: Field, center: tuple[float, float], width: float, within: Field
) -> None:
    """A print of `colors` where its `mask` and `within` are; `width` as a fraction of the side."""
    placed = place(mask, SHAPE, center, width) * within
    paint = np.stack([place(np.ascontiguousarray(colors[..., i]), SHAPE, center, width) for i in range(3)], axis=2)
    relief.lay(placed, paint, lift=0.3, gloss=0.15)


def curve_box(left: float, top: float, right: float, bottom: float, radius: float) -> NDArray[np.float64]:
    """A closed rounded rectangle whose first point is repeated at the end, for fills and seams alike."""
    outline = rounded(left, top, right, bottom, radius)
    return np.concatenate([outline, outline[:1]])
