"""Drawn people in drawn clothes, as fashion catalogs show them: one pose, many garments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from store.images import RGB
from training.captions import Scene, color_name, with_article
from training.painting import Generator, Points, fill, plain_canvas, print_mark, shade, stroke, weave_cloth
from training.sources import Sources

Color = tuple[int, int, int]
Outline = list[tuple[float, float]]
"""Corners in shares of the canvas, before zoom and shift."""

_SKINS: tuple[Color, ...] = ((241, 205, 178), (224, 172, 140), (198, 134, 98), (141, 85, 56), (92, 58, 40))
_HAIRS: tuple[Color, ...] = ((30, 24, 20), (70, 45, 28), (120, 80, 45), (190, 150, 90), (60, 60, 60))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pose:
    """Who stands how; lengths are shares of the canvas."""

    middle: float
    breadth: float
    top: float
    hip: float
    zoom: float
    shift: Points
    elbows: Points
    hands: Points
    hair_length: float
    skin: Color
    hair: Color

    def place(self, outline: Outline, canvas: RGB) -> Points:
        """Shares to pixels."""
        height, width = canvas.shape[:2]
        spread = (np.array(outline) - 0.5) * self.zoom + 0.5 + self.shift
        return np.asarray(spread * (width, height))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Dress:
    """What is worn."""

    sleeve: float
    hem: float
    neck_depth: float
    legs_end: float
    upper: RGB
    lower: RGB

    @property
    def words(self) -> str:
        """What it is, in words."""
        upper = {0.0: "tank top", 0.35: "t-shirt", 0.6: "shirt"}.get(self.sleeve, "sweater")
        lower = "trousers" if self.legs_end > 1 else "shorts"
        above, below = (color_name(cloth.mean(axis=(0, 1))) for cloth in (self.upper, self.lower))
        return f"{with_article(f'{above} {upper}')} and {below} {lower}"


def draw_figure(sources: Sources, shaping: Generator, looking: Generator) -> Scene:
    """A person from crown to knees, or a part of one; the pose is shape, the dress is look."""
    canvas = plain_canvas(shaping)
    pose = _strike_pose(shaping)
    dress = _choose_dress(sources, looking, pose, canvas)
    _draw_hair(canvas, pose)
    _draw_legs(canvas, pose, dress)
    _draw_body(canvas, pose, dress)
    _draw_arms(canvas, pose, dress)
    fill(canvas, pose.skin, pose.place(_oval(pose.middle, pose.top + 0.1, 0.062, 0.088), canvas))
    logo = _decorate(canvas, sources, looking, pose, dress)
    shade(canvas, shaping)
    return Scene(picture=canvas, caption=f"a person in {dress.words}{logo}")


def _strike_pose(shaping: Generator) -> _Pose:
    return _Pose(
        middle=0.5 + shaping.normal(0, 0.02),
        breadth=shaping.uniform(0.13, 0.2),
        top=shaping.uniform(-0.12, 0.1),
        hip=shaping.uniform(0.55, 0.75),
        zoom=shaping.uniform(0.9, 1.15),
        shift=shaping.uniform(-0.05, 0.05, 2),
        elbows=shaping.uniform(0.03, 0.14, 2),
        hands=shaping.uniform(-0.02, 0.1, 2),
        hair_length=shaping.uniform(0.0, 0.16),
        skin=_SKINS[int(shaping.integers(len(_SKINS)))],
        hair=_HAIRS[int(shaping.integers(len(_HAIRS)))],
    )


def _choose_dress(sources: Sources, looking: Generator, pose: _Pose, canvas: RGB) -> _Dress:
    return _Dress(
        sleeve=float(looking.choice((0.0, 0.35, 0.6, 1.0))),
        hem=pose.hip + looking.uniform(-0.18, 0.06),
        neck_depth=looking.uniform(0.0, 0.09),
        upper=weave_cloth(sources, looking, canvas.shape),
        lower=weave_cloth(sources, looking, canvas.shape),
        legs_end=1.1 if looking.random() < 0.6 else pose.hip + looking.uniform(0.1, 0.3),
    )


def _draw_hair(canvas: RGB, pose: _Pose) -> None:
    half = pose.hair_length / 2
    fill(canvas, pose.hair, pose.place(_oval(pose.middle, pose.top + 0.1 + half, 0.075, 0.1 + half), canvas))


def _draw_legs(canvas: RGB, pose: _Pose, dress: _Dress) -> None:
    for side in (-1, 1):
        edge = pose.middle + side * pose.breadth
        outer = pose.middle + side * pose.breadth * 0.95
        leg = [(pose.middle, pose.hip - 0.06), (edge, pose.hip - 0.08), (outer, 1.2)]
        fill(canvas, pose.skin, pose.place([*leg, (pose.middle + side * 0.02, 1.2)], canvas))
        trouser = [(x, min(y, dress.legs_end)) for x, y in (*leg, (pose.middle + side * 0.015, 1.2))]
        fill(canvas, dress.lower, pose.place(trouser, canvas))


def _draw_body(canvas: RGB, pose: _Pose, dress: _Dress) -> None:
    neck, shoulder, waist = pose.top + 0.2, pose.top + 0.25, pose.hip - 0.13
    right: Outline = [(0.04, neck), (pose.breadth, shoulder), (pose.breadth * 0.8, waist), (pose.breadth, pose.hip)]
    body = [(pose.middle + x, y) for x, y in right] + [(pose.middle - x, y) for x, y in reversed(right)]
    fill(canvas, pose.skin, pose.place(body, canvas))
    garment = [(x, dress.hem if y == pose.hip else min(y, dress.hem)) for x, y in body]
    fill(canvas, dress.upper, pose.place(garment, canvas))
    collar = [(pose.middle - 0.06, neck), (pose.middle + 0.06, neck), (pose.middle, neck + 0.02 + dress.neck_depth)]
    fill(canvas, pose.skin, pose.place(collar, canvas))


def _draw_arms(canvas: RGB, pose: _Pose, dress: _Dress) -> None:
    width, shoulder = canvas.shape[1], pose.top + 0.25
    for side, elbow, hand in zip((-1, 1), pose.elbows, pose.hands, strict=True):
        arm = [
            (pose.middle + side * pose.breadth, shoulder + 0.02),
            (pose.middle + side * (pose.breadth + elbow), shoulder + 0.22),
            (pose.middle + side * (pose.breadth + hand - 0.02), shoulder + 0.42),
        ]
        joints = pose.place(arm, canvas)
        stroke(canvas, pose.skin, joints, thickness=max(3, round(width * 0.075)))
        if dress.sleeve > 0:
            stroke(canvas, dress.upper, _upper_part(joints, dress.sleeve), thickness=max(3, round(width * 0.09)))


def _upper_part(joints: Points, share: float) -> Points:
    """The first `share` of shoulder, elbow, hand."""
    shoulder, elbow, hand = joints
    if share <= 0.5:
        return np.array([shoulder, shoulder + (elbow - shoulder) * share * 2])
    return np.array([shoulder, elbow, elbow + (hand - elbow) * (share * 2 - 1)])


def _decorate(canvas: RGB, sources: Sources, looking: Generator, pose: _Pose, dress: _Dress) -> str:
    """A zip, a print; words about the print."""
    height, width = canvas.shape[:2]
    if looking.random() < 0.3:
        zip_line = pose.place([(pose.middle, pose.top + 0.24 + dress.neck_depth), (pose.middle, dress.hem)], canvas)
        red, green, blue = (int(c) for c in looking.integers(0, 256, 3))
        stroke(canvas, (red, green, blue), zip_line, thickness=int(looking.integers(1, 3)))
    if not len(sources.marks) or looking.random() >= 0.3:
        return ""
    chest = pose.place([(pose.middle, pose.top + 0.35)], canvas)[0]
    return f" with a {color_name(print_mark(canvas, sources, looking, chest / (width, height), 0.08))} logo"


def _oval(x: float, y: float, across: float, down: float) -> Outline:
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return [(x + across * float(np.cos(a)), y + down * float(np.sin(a))) for a in angles]
