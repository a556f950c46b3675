"""Watches from the front: field watches, chronographs, dress watches, and straps alone."""

from __future__ import annotations

import numpy as np

from crawler.marketplace.drawing.design import Design
from crawler.marketplace.drawing.emblem import lettering, place
from crawler.marketplace.drawing.materials import METALS, SHAPE, print_mark, surface
from crawler.marketplace.drawing.noise import Field, brushed, grid
from crawler.marketplace.drawing.relief import SIZE, Relief, box, dome, ellipse, fill, stroke
from crawler.marketplace.palette import RGB, dimmed, ink_on

_CENTER = (0.5, 0.5)


def draw_watch(design: Design, form: int, shape: np.random.Generator, instance: np.random.Generator) -> Relief:
    """A watch by form: 0 field watch, 1 chronograph, 2 dress watch; variant ``strap`` is the strap alone."""
    relief = Relief()
    metal = METALS[int(shape.integers(5))]
    radius = (0.265, 0.285, 0.25)[form]
    if shape.random() < 0.4 and design.variant != "strap":
        _bracelet(relief, metal, radius, instance)
    else:
        _strap(relief, design, radius, instance, shape)
    if design.variant == "strap":
        return relief
    _case(relief, metal, radius, form, instance)
    _dial(relief, design, metal, radius * 0.80, form, shape, instance)
    return relief


def _strap(
    relief: Relief, design: Design, radius: float, instance: np.random.Generator, shape: np.random.Generator
) -> None:
    wide, narrow = radius * 0.66, radius * 0.55
    outline = [
        (0.5 - narrow, 0.015),
        (0.5 + narrow, 0.015),
        (0.5 + wide, 0.5),
        (0.5 + narrow, 0.985),
        (0.5 - narrow, 0.985),
        (0.5 - wide, 0.5),
    ]
    mask = fill(outline)
    color = design.second
    relief.lay(mask, color, lift=dome(mask, 0.04, 14), gloss=0.3)
    surface(relief, mask, str(shape.choice(["leather", "leather", "canvas"])), instance)
    thread = ink_on(color) if shape.random() < 0.5 else design.accent
    for side in (-1, 1):
        relief.stitch(
            np.array(
                [
                    (0.5 + side * (narrow - 0.022), 0.02),
                    (0.5 + side * (wide - 0.022), 0.5),
                    (0.5 + side * (narrow - 0.022), 0.98),
                ]
            ),
            thread,
            dash=0.02,
            width=0.007,
        )
    for y in np.arange(0.72, 0.95, 0.045):
        relief.lay(ellipse((0.5, float(y)), (0.010, 0.013)), (0.05, 0.05, 0.05), lift=-6)
    keeper = box(0.5 - wide - 0.005, 0.115, 0.5 + wide + 0.005, 0.15, 0.008)
    relief.lay(keeper, dimmed(color, 0.9), lift=4, gloss=0.3)


def _bracelet(relief: Relief, metal: RGB, radius: float, instance: np.random.Generator) -> None:
    pitch = 0.052
    scratches = brushed(instance, SHAPE, upright=True) * 0.05
    for row, y in enumerate(np.arange(0.0, 1.0, pitch)):
        half = radius * (0.54 + 0.12 * (1 - abs(y + pitch / 2 - 0.5) * 2))
        for left, right, shift in ((-1.0, -0.42, 0.0), (-0.42, 0.42, pitch / 2), (0.42, 1.0, 0.0)):
            link = box(
                0.5 + left * half + 0.003,
                float(y) + shift,
                0.5 + right * half - 0.003,
                float(y) + shift + pitch - 0.006,
                0.010,
            )
            relief.lay(link, metal, lift=dome(link, 0.016, 7), metal=1.0, gloss=0.5, replace_height=True)
        if row % 2:
            continue
    relief.tint(relief.alpha, 1 + scratches)


def _case(relief: Relief, metal: RGB, radius: float, form: int, instance: np.random.Generator) -> None:
    for sx in (-1, 1):
        for sy in (-1, 1):
            x = 0.5 + sx * radius * 0.72
            lug = fill(
                [
                    (x - 0.035, 0.5),
                    (x + 0.035, 0.5),
                    (0.5 + sx * radius * 0.66 + 0.026, 0.5 + sy * radius * 1.28),
                    (0.5 + sx * radius * 0.66 - 0.026, 0.5 + sy * radius * 1.28),
                ]
            )
            relief.lay(lug, metal, lift=dome(lug, 0.02, 10) + 10, metal=1.0, gloss=0.6, replace_height=True)
    crown = box(0.5 + radius - 0.01, 0.465, 0.5 + radius + 0.05, 0.535, 0.012)
    rows, _ = grid(SHAPE)
    relief.lay(
        crown, metal, lift=dome(crown, 0.03, 10) + np.sin(rows * 0.9).astype(np.float32) * 1.5 + 6, metal=1.0, gloss=0.6
    )
    if form == 1:
        for y in (0.375, 0.625):
            pusher = box(0.5 + radius * 0.88, y - 0.022, 0.5 + radius + 0.03, y + 0.022, 0.01)
            relief.lay(pusher, metal, lift=dome(pusher, 0.02, 8) + 4, metal=1.0, gloss=0.6)
    body = ellipse(_CENTER, (radius, radius))
    relief.lay(body, metal, lift=dome(body, 0.045, 24) + 6, metal=1.0, gloss=0.6, replace_height=True)
    ring = np.clip(body - ellipse(_CENTER, (radius * 0.86, radius * 0.86)), 0, 1)
    relief.tint(ring, 1 + brushed(instance, SHAPE) * 0.06)


def _dial(
    relief: Relief,
    design: Design,
    metal: RGB,
    radius: float,
    form: int,
    shape: np.random.Generator,
    instance: np.random.Generator,
) -> None:
    face = ellipse(_CENTER, (radius, radius))
    rows, columns = grid(SHAPE)
    dx, dy = columns / SIZE - 0.5, rows / SIZE - 0.5
    manner = int(shape.integers(3))
    fan = np.cos(np.arctan2(dy, dx) * 2 - 0.8)
    sheen = (0.9 + 0.16 * fan) if manner == 0 else (1.12 - 2.2 * np.hypot(dx, dy)) if manner == 1 else np.float32(1.0)
    paint = (np.asarray(design.main, np.float32) * np.asarray(sheen, np.float32)[..., None]) * np.ones(
        (*SHAPE, 1), np.float32
    )
    relief.lay(face, np.asarray(paint, np.float32), lift=16.0, gloss=0.35, replace_height=True)
    relief.emboss(-6 * np.clip(face - ellipse(_CENTER, (radius * 0.975, radius * 0.975)), 0, 1))
    ink = ink_on(design.main)
    if manner == 2:
        guilloche = np.sin(np.hypot(dx, dy) * 420) * np.sin(np.arctan2(dy, dx) * 60)
        relief.emboss(np.asarray(guilloche, np.float32) * 0.6, face)
    _minutes(relief, radius, ink, form)
    _hours(relief, design, metal, radius, ink, form, shape)
    if form == 1:
        for x, y in ((-0.42, 0.0), (0.42, 0.0), (0.0, 0.44)):
            _subdial(relief, (0.5 + x * radius, 0.5 + y * radius), radius * 0.27, design, ink, instance)
    print_mark(
        relief,
        design.mark,
        (0.5, 0.5 - radius * 0.44),
        radius * 0.26,
        ink if shape.random() < 0.5 else design.accent,
        form="emblem",
        lift=0.5,
    )
    print_mark(relief, design.mark, (0.5, 0.5 - radius * 0.235), radius * 0.62, ink, form="word", lift=0.3)
    if form != 1:
        window = box(0.5 + radius * 0.52, 0.475, 0.5 + radius * 0.74, 0.525, 0.006)
        relief.lay(window, (0.95, 0.95, 0.93), lift=-2)
        day = lettering(str(int(instance.integers(1, 31))), "DejaVuSans-Bold.ttf", 60)
        relief.lay(place(day, SHAPE, (0.5 + radius * 0.63, 0.5), 0.035 if day.shape[1] > 50 else 0.02), (0.1, 0.1, 0.1))
        note = lettering(
            ("AUTOMATIC", "SWISS PARTS", "10 BAR", "QUARTZ")[int(shape.integers(4))], "DejaVuSans.ttf", 40, 0.1
        )
        relief.lay(place(note, SHAPE, (0.5, 0.5 + radius * 0.40), radius * 0.46), ink)
    _hands(relief, design, metal, radius, form, instance)
    glare = fill(
        [
            (0.5 - radius, 0.5 + radius * 0.1),
            (0.5 - radius * 0.2, 0.5 - radius),
            (0.5 + radius * 0.15, 0.5 - radius),
            (0.5 - radius * 0.75, 0.5 + radius * 0.65),
        ]
    )
    relief.tint(glare * face, 1.10)


def _ray(angle: float, inner: float, outer: float, center: tuple[float, float] = _CENTER) -> list[tuple[float, float]]:
    direction = (float(np.sin(np.radians(angle))), -float(np.cos(np.radians(angle))))
    return [(center[0] + direction[0] * r, center[1] + direction[1] * r) for r in (inner, outer)]


def _minutes(relief: Relief, radius: float, ink: RGB, form: int) -> None:
    ticks = np.zeros(SHAPE, np.float32)
    for minute in range(60):
        ticks = np.maximum(
            ticks,
            stroke(
                _ray(minute * 6, radius * (0.90 if minute % 5 else 0.87), radius * 0.955),
                0.004 if minute % 5 else 0.007,
            ),
        )
    relief.lay(ticks, ink, lift=0.4)


def _hours(
    relief: Relief, design: Design, metal: RGB, radius: float, ink: RGB, form: int, shape: np.random.Generator
) -> None:
    numerals = form == 0 or shape.random() < 0.3
    font = ("DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf", "cmss10.ttf")[int(shape.integers(3))]
    for hour in range(1, 13):
        angle = hour * 30
        if numerals and not (form == 1 and hour in (3, 6, 9)):
            (x, y), _ = _ray(angle, radius * 0.74, radius)
            mask = lettering(str(hour), font, 90)
            relief.lay(place(mask, SHAPE, (x, y), radius * 0.17 * mask.shape[1] / 90), ink, lift=0.5)
        elif form != 1 or hour not in (3, 6, 9):
            bar = stroke(_ray(angle, radius * 0.68, radius * 0.83), 0.012 if form == 2 else 0.018)
            relief.lay(bar, metal if form == 2 else ink, lift=3, metal=1.0 if form == 2 else 0.0, gloss=0.6)


def _subdial(
    relief: Relief, center: tuple[float, float], radius: float, design: Design, ink: RGB, instance: np.random.Generator
) -> None:
    disc = ellipse(center, (radius, radius))
    rows, columns = grid(SHAPE)
    grooves = np.sin(np.hypot(columns / SIZE - center[0], rows / SIZE - center[1]) * 900).astype(np.float32)
    relief.lay(
        disc,
        design.accent if ink_on(design.accent) == ink else dimmed(design.main, 0.7),
        lift=-1.5 + grooves * 0.25,
        gloss=0.3,
    )
    ticks = np.zeros(SHAPE, np.float32)
    for i in range(12):
        ticks = np.maximum(ticks, stroke(_ray(i * 30, radius * 0.75, radius * 0.95, center), 0.004))
    relief.lay(ticks, ink)
    relief.lay(stroke(_ray(float(instance.uniform(0, 360)), -radius * 0.2, radius * 0.7, center), 0.006), ink, lift=1)


def _hands(relief: Relief, design: Design, metal: RGB, radius: float, form: int, instance: np.random.Generator) -> None:
    """Each photograph shows its own time."""
    hour, minute = int(instance.integers(12)), int(instance.integers(60))
    for angle, reach, width in (((hour + minute / 60) * 30, 0.52, 0.022), (minute * 6, 0.80, 0.016)):
        hand = stroke(_ray(angle, -radius * 0.12, radius * reach), width)
        relief.lay(hand, metal, lift=5, metal=0.9, gloss=0.6)
        relief.lay(
            stroke(_ray(angle, radius * 0.18, radius * (reach - 0.06)), width * 0.4), (0.93, 0.95, 0.88), lift=0.5
        )
    relief.lay(
        stroke(_ray(float(instance.integers(60)) * 6, -radius * 0.25, radius * 0.88), 0.005), design.accent, lift=3
    )
    cap: Field = ellipse(_CENTER, (0.014, 0.014))
    relief.lay(cap, metal, lift=3, metal=1.0, gloss=0.6)
