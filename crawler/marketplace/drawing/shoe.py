"""Shoes from the side: low sneakers, high-tops, runners."""

from __future__ import annotations

import numpy as np

from crawler.marketplace.drawing.design import Design
from crawler.marketplace.drawing.materials import SHAPE, all_over, print_mark, surface, wrinkles
from crawler.marketplace.drawing.noise import grid
from crawler.marketplace.drawing.relief import SIZE, Relief, box, curve, dome, ellipse, fill, stroke, tube
from crawler.marketplace.palette import RGB, ink_on


def draw_shoe(design: Design, form: int, shape: np.random.Generator, instance: np.random.Generator) -> Relief:
    """A shoe by form: 0 low sneaker, 1 high-top, 2 runner; toe to the left."""
    relief = Relief()
    rise = (0.0, 0.17, -0.015)[form] + float(shape.uniform(-0.02, 0.02))
    toe = float(shape.uniform(-0.02, 0.02)) + (0.015 if form == 2 else 0)
    tongue = float(instance.uniform(-0.02, 0.015))
    material = str(shape.choice(["leather", "suede", "canvas"])) if form != 2 else str(shape.choice(["knit", "mesh"]))
    # inside of the shoe and tongue stand behind the upper
    relief.lay(
        fill(
            curve(
                [
                    (0.56, 0.36 - rise),
                    (0.64, 0.30 - rise),
                    (0.80, 0.31 - rise),
                    (0.88, 0.33 - rise),
                    (0.86, 0.48),
                    (0.6, 0.5),
                ],
                closed=True,
            )
        ),
        (0.16, 0.15, 0.15),
        lift=2.0,
    )
    flap = fill(
        curve(
            [
                (0.40, 0.47),
                (0.46, 0.36 - rise * 0.7),
                (0.515, 0.275 - rise + tongue),
                (0.60, 0.265 - rise + tongue),
                (0.62, 0.36 - rise),
                (0.52, 0.5),
            ],
            closed=True,
        )
    )
    relief.lay(flap, design.second, lift=dome(flap, 0.03, 8) + 2, gloss=0.15)
    surface(relief, flap, "mesh" if form == 2 else "canvas", instance)
    label = box(0.535, 0.285 - rise + tongue, 0.60, 0.335 - rise + tongue, 0.008)
    if design.mark:
        relief.lay(label, design.accent, lift=1.5)
        print_mark(relief, design.mark, (0.567, 0.31 - rise + tongue), 0.055, ink_on(design.accent), form="emblem")

    upper_line = curve(
        [
            (0.075, 0.66),
            (0.10 + toe, 0.60),
            (0.18, 0.545 + toe),
            (0.30, 0.51),
            (0.41, 0.445),
            (0.555, 0.335 - rise),
            (0.60, 0.345 - rise),
            (0.72, 0.40 - rise * 0.95),
            (0.83, 0.345 - rise),
            (0.885, 0.33 - rise),
            (0.905, 0.42 - rise * 0.4),
            (0.925, 0.66),
            (0.75, 0.70),
            (0.5, 0.70),
            (0.2, 0.70),
        ],
        closed=True,
    )
    upper = fill(upper_line)
    relief.lay(upper, design.main, lift=dome(upper, 0.13, 44), gloss=0.3 if material == "leather" else 0.1)
    surface(relief, upper, material, instance)
    wrinkles(relief, upper * box(0.15, 0.4, 0.5, 0.7, 0.1), instance, 4.0, (5, 8))
    _panels(relief, design, form, rise, shape, instance, upper)
    _laces(relief, design, rise, instance)
    _sole(relief, design, form, shape)
    return relief


def _panels(
    relief: Relief,
    design: Design,
    form: int,
    rise: float,
    shape: np.random.Generator,
    instance: np.random.Generator,
    upper: np.ndarray,
) -> None:
    thread: RGB = (0.95, 0.93, 0.88) if ink_on(design.second)[0] > 0.5 else (0.25, 0.23, 0.22)
    cap_end = float(shape.uniform(0.20, 0.28))
    cap = (
        fill(
            curve(
                [(0.02, 0.5), (cap_end, 0.48), (cap_end + 0.05, 0.6), (cap_end + 0.02, 0.72), (0.02, 0.72)], closed=True
            )
        )
        * upper
    )
    if shape.random() < 0.75:
        relief.lay(cap, design.second, lift=3, gloss=0.25)
        surface(relief, cap, str(shape.choice(["suede", "leather"])), instance)
        relief.stitch(curve([(cap_end - 0.018, 0.515), (cap_end + 0.025, 0.6), (cap_end + 0.005, 0.70)]), thread)
    heel = (
        fill(
            curve(
                [(0.80, 0.72), (0.775, 0.6), (0.80, 0.48), (0.84, 0.38 - rise * 0.6), (1.0, 0.36 - rise), (1.0, 0.72)],
                closed=True,
            )
        )
        * upper
    )
    relief.lay(heel, design.second if shape.random() < 0.7 else design.accent, lift=3, gloss=0.25)
    surface(relief, heel, str(shape.choice(["suede", "leather"])), instance)
    relief.stitch(curve([(0.82, 0.69), (0.795, 0.6), (0.82, 0.48), (0.855, 0.40 - rise * 0.6)]), thread)
    stay_line = curve(
        [
            (0.33, 0.55),
            (0.40, 0.452),
            (0.553, 0.338 - rise),
            (0.612, 0.352 - rise),
            (0.60, 0.42 - rise * 0.7),
            (0.50, 0.55),
            (0.42, 0.585),
        ],
        closed=True,
    )
    stay = fill(stay_line) * upper
    relief.lay(stay, design.second if form != 2 else design.main, lift=4, gloss=0.25)
    surface(relief, stay, "leather", instance)
    relief.stitch(
        curve([(0.345, 0.555), (0.42, 0.572), (0.495, 0.54), (0.59, 0.42 - rise * 0.7), (0.60, 0.365 - rise)]), thread
    )
    collar, height = tube(
        curve([(0.60, 0.35 - rise), (0.72, 0.405 - rise * 0.95), (0.83, 0.35 - rise), (0.885, 0.335 - rise)]), 0.035, 10
    )
    relief.lay(collar, design.accent if shape.random() < 0.4 else design.main, lift=height, gloss=0.1)
    _side(relief, design, form, shape, upper)
    if design.mark:
        print_mark(
            relief, design.mark, (0.865, 0.50 - rise * 0.3), 0.085, ink_on(design.second), form="emblem", lift=-1
        )


def _side(relief: Relief, design: Design, form: int, shape: np.random.Generator, upper: np.ndarray) -> None:
    """What the brand puts on the quarter: stripes, a bold emblem, or an all-over print."""
    accent = design.accent
    manner = int(shape.integers(3))
    if manner == 0:
        for i in range(int(shape.integers(2, 4))):
            x = 0.56 + i * 0.065
            band = fill([(x, 0.47), (x + 0.038, 0.46), (x - 0.03, 0.69), (x - 0.075, 0.69)]) * upper
            relief.lay(band, accent, lift=2.5, gloss=0.3)
        print_mark(relief, design.mark, (0.33, 0.625), 0.11, ink_on(design.main), form="word")
    elif manner == 1:
        sweep = (
            fill(
                curve(
                    [
                        (0.44, 0.66),
                        (0.60, 0.60),
                        (0.74, 0.50),
                        (0.79, 0.47),
                        (0.74, 0.56),
                        (0.62, 0.645),
                        (0.47, 0.685),
                    ],
                    closed=True,
                )
            )
            * upper
        )
        relief.lay(sweep, accent, lift=2.5, gloss=0.35)
        print_mark(relief, design.mark, (0.665, 0.53), 0.12, ink_on(design.main), form="emblem", lift=1.5)
    else:
        all_over(relief, upper * box(0.28, 0.3, 0.79, 0.72, 0.05), design.mark, accent, 16)
        print_mark(relief, design.mark, (0.655, 0.575), 0.16, ink_on(design.main), lift=1.5)


def _laces(relief: Relief, design: Design, rise: float, instance: np.random.Generator) -> None:
    color: RGB = (0.93, 0.92, 0.90) if instance.random() < 2 and ink_on(design.second)[0] > 0.5 else design.accent
    rows = 5 if rise < 0.1 else 7
    for i in range(rows):
        t = i / (rows - 1)
        x, y = 0.385 + 0.185 * t, 0.505 - (0.125 + rise) * t
        eyelet = (x + 0.045, y + 0.03)
        relief.lay(ellipse(eyelet, (0.010, 0.010)), (0.75, 0.75, 0.77), lift=2, metal=1.0, gloss=0.6)
        droop = float(instance.uniform(-0.008, 0.012))
        lace, height = tube(curve([eyelet, (x + 0.01, y + droop - 0.005), (x - 0.035, y - 0.022 + droop)]), 0.018, 6)
        relief.lay(lace, color, lift=height + 2, gloss=0.1)
        if i:
            lace, height = tube(curve([eyelet, (x - 0.01, y + 0.02 + droop), (x - 0.055, y + 0.012)]), 0.016, 5)
            relief.lay(lace, color, lift=height + 1, gloss=0.1)
    sag = float(instance.uniform(0.03, 0.09))
    for reach in (-0.06, 0.05):
        bow = curve(
            [
                (0.575, 0.375 - rise),
                (0.575 + reach, 0.36 - rise + sag * 0.3),
                (0.57 + reach * 1.5, 0.42 - rise + sag),
                (0.575 + reach * 0.5, 0.40 - rise + sag * 0.4),
                (0.578, 0.378 - rise),
            ]
        )
        lace, height = tube(bow, 0.015, 6)
        relief.lay(lace, color, lift=height + 4, gloss=0.1)


def _sole(relief: Relief, design: Design, form: int, shape: np.random.Generator) -> None:
    thick = (0.0, 0.01, 0.025)[form]
    top = [
        (0.05, 0.655),
        (0.2, 0.685 - thick),
        (0.5, 0.69 - thick),
        (0.78, 0.67 - thick * 1.5),
        (0.945, 0.63 - thick * 1.6),
    ]
    bottom = [(0.955, 0.72), (0.90, 0.775), (0.5, 0.78), (0.15, 0.775), (0.055, 0.73)]
    line = np.concatenate([curve(top), curve(bottom)])
    sole = fill(line)
    color: RGB = (0.92, 0.91, 0.88) if shape.random() < 0.7 else design.accent
    relief.lay(sole, color, lift=dome(sole, 0.035, 18) + 30, gloss=0.15, replace_height=True)
    rows, columns = grid(SHAPE)
    band = sole * box(0, 0.725, 1, 1)
    pattern = int(shape.integers(3))
    ridges = np.sin(columns / SIZE * float(shape.uniform(180, 320)) + (rows * 0.4 if pattern == 1 else 0))
    relief.emboss(np.asarray(ridges, np.float32) * 1.6, band)
    relief.lay(sole * box(0, 0.755, 1, 1), design.second if pattern else (0.2, 0.19, 0.18), lift=1)
    if form == 2:
        for x in np.arange(0.55, 0.92, 0.06):
            relief.lay(ellipse((float(x), 0.69), (0.020, 0.012), 20), design.accent, lift=-3)
    relief.stitch(
        curve([(0.07, 0.68), (0.2, 0.705 - thick), (0.5, 0.71 - thick), (0.78, 0.692 - thick), (0.935, 0.66 - thick)]),
        (0.6, 0.58, 0.54),
        dash=0.012,
        width=0.004,
    )
    relief.lay(stroke(curve([(0.055, 0.725), (0.5, 0.745), (0.95, 0.715)]), 0.006) * sole, design.accent, lift=-1)
    print_mark(relief, design.mark, (0.80, 0.715), 0.10, (0.35, 0.34, 0.33), form="word", lift=-0.8)
