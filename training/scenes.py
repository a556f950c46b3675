"""Catalog photos composed from a seed: photographs, objects on white, dressed figures, packages with prints.

A scene is a function of two seeds. Scenes of one `shape` seed share pose, outline and placing; their `look` seed
decides what they are made of. Siblings (same shape, other look) are what a catalog is full of: the same model in the
same pose in another garment. They stand in one batch as hard negatives. Each scene comes with a caption: what is in it
was decided here, so the words are true.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from store.images import RGB
from training.captions import Color, Scene, color_name, say, with_article
from training.figures import draw_figure
from training.painting import Generator, crop, fill, paste, plain_canvas, print_mark, shade, weave_cloth
from training.sources import Sources


def compose_scene(sources: Sources, *, shape: int, look: int) -> Scene:
    """A catalog-like photo, about 200 px on its longer side. Equal seeds, equal picture."""
    shaping, looking = np.random.default_rng((shape, 1)), np.random.default_rng((look, 2))
    kinds: list[tuple[float, Callable[[Sources, Generator, Generator], Scene]]] = [
        (0.36, draw_figure),
        (0.28, _photograph),
        (0.12, _package),
        (0.24, _objects if sources.cutouts else _photograph),
    ]
    pick = shaping.random()
    for share, compose in kinds:
        if pick < share:
            return compose(sources, shaping, looking)
        pick -= share
    return kinds[-1][1](sources, shaping, looking)


def _photograph(sources: Sources, shaping: Generator, looking: Generator) -> Scene:
    """A part of a real photograph; siblings are of the same class, or other parts of the same one."""
    anchor = int(shaping.integers(len(sources.photos)))
    same = looking.random() < 0.1
    alike = [i for i, name in enumerate(sources.classes) if name == sources.classes[anchor]]
    photo = crop(
        sources.photos[anchor if same else int(looking.choice(alike))], looking, smallest=0.35 if same else 0.7
    )
    thing = f"{color_name(middle_color(photo))} {say(sources.classes[anchor])}"
    return Scene(picture=photo, caption=f"a photo of {with_article(thing)}")


def _objects(sources: Sources, shaping: Generator, looking: Generator) -> Scene:
    """One to three cut-out things on plain ground."""
    canvas = plain_canvas(shaping)
    count = int(shaping.choice((1, 1, 1, 2, 3)))
    things = []
    for _ in range(count):
        number = int(looking.integers(len(sources.cutouts)))
        picture, mask = sources.cutouts[number]
        things.append(f"{color_name(picture[mask > 127].mean(axis=0))} {say(sources.cutout_classes[number])}")
        size = shaping.uniform(0.45, 0.98) / (1 if count == 1 else 1.5)
        center = shaping.uniform(0.5 - 0.12 * count, 0.5 + 0.12 * count, 2)
        paste(canvas, picture, mask, size=size, center=center, turn=shaping.normal(0, 6))
    logo = ""
    if len(sources.marks) and looking.random() < 0.3:
        logo = f" with a {color_name(print_mark(canvas, sources, looking))} logo"
    return Scene(
        picture=canvas, caption=" and ".join(with_article(thing) for thing in things) + f"{logo} on plain ground"
    )


def _package(sources: Sources, shaping: Generator, looking: Generator) -> Scene:
    """A carton, bottle or bag on plain ground with panels, a picture and marks."""
    canvas = plain_canvas(shaping)
    height, width = canvas.shape[:2]
    half = shaping.uniform(0.15, 0.42)
    top, bottom = shaping.uniform(0.03, 0.2), shaping.uniform(0.85, 0.98)
    neck = half * shaping.choice((1.0, 1.0, 0.9, 0.4))
    shoulder = top + shaping.uniform(0.05, 0.25)
    middle = 0.5 + shaping.normal(0, 0.02)
    outline = [
        (middle - neck, top),
        (middle + neck, top),
        (middle + half, shoulder),
        (0.5 + half, bottom),
        (0.5 - half, bottom),
        (middle - half, shoulder),
    ]
    paint, inks = _wrapping(sources, looking, canvas.shape)
    fill(canvas, paint, np.array(outline) * (width, height))
    shade(canvas, shaping)
    kind = "bottle" if neck < 0.5 * half else "carton"
    logos = "".join(f" with a {color_name(ink)} logo" for ink in inks[:1])
    return Scene(picture=canvas, caption=f"a {color_name(paint.mean(axis=(0, 1)))} {kind}{logos}")


def _wrapping(sources: Sources, looking: Generator, shape: tuple[int, ...]) -> tuple[RGB, list[Color]]:
    """What is printed on a package, and the inks of its marks."""
    height = shape[0]
    paint = weave_cloth(sources, looking, shape)
    for _ in range(int(looking.integers(1, 4))):
        y = int(looking.uniform(0, 0.9) * height)
        paint[y : y + int(looking.uniform(0.03, 0.35) * height)] = looking.integers(0, 256, 3)
    picture = crop(sources.photos[int(looking.integers(len(sources.photos)))], looking, smallest=0.3)
    solid = np.full(picture.shape[:2], 255, np.uint8)
    paste(paint, picture, solid, size=looking.uniform(0.15, 0.5), center=looking.uniform(0.35, 0.65, 2), turn=0.0)
    marks = int(looking.integers(1, 4)) if len(sources.marks) else 0
    return paint, [print_mark(paint, sources, looking) for _ in range(marks)]


def middle_color(photo: RGB) -> Color:
    """Mean color of the middle ninth, where a photo of goods shows them."""
    height, width = photo.shape[:2]
    return np.asarray(photo[height // 3 : -(-2 * height // 3), width // 3 : -(-2 * width // 3)].mean(axis=(0, 1)))
