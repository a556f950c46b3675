"""Where a product is photographed: grounds, walls and the light that falls on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from crawler.marketplace.drawing.noise import Field, blur, cloud, color_field, cut, grid, smooth_noise
from crawler.marketplace.drawing.relief import Light
from crawler.marketplace.palette import COLORS, RGB, dimmed


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A place without its product, in linear colors."""

    ground: Field
    """(height, width, 3)."""
    light: Light
    lying: bool
    """The product lies on the ground and is seen from above; else it stands and is seen from the front."""
    floor: float = 0.8
    """How far down the picture a standing product's foot is, 0 to 1."""
    shadow: float = 0.55
    beams: Field | None = None
    """(height, width) factor that falls on ground and product alike, such as a window's light."""


def studio(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """A paper sweep under a large lamp, white or tinted."""
    rows, columns = grid(shape)
    y, x = rows / shape[0], columns / shape[1]
    tint = _pale(stream) if stream.random() < 0.6 else (0.93, 0.93, 0.93)
    spot = np.exp(-(((x - 0.5) / 0.75) ** 2) - ((y - stream.uniform(0.3, 0.55)) / 0.8) ** 2)
    fall = (0.66 + 0.36 * spot) * (1 - 0.10 * np.clip((y - 0.72) * 8, 0, 1) * np.clip((1 - y) * 6, 0, 1))
    ground = color_field(shape, tint) * np.asarray(fall, np.float32)[..., None]
    return Scene(
        ground=ground, light=_light(stream, 50, 70), lying=bool(stream.random() < 0.3), floor=0.86, shadow=0.45
    )


def white(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """The cut-out look of catalogs: nearly white, a faint shadow."""
    paper = color_field(shape, (0.96, 0.96, 0.965)) - 0.02 * np.abs(cloud(stream, shape, 2))[..., None]
    ground = np.asarray(paper, np.float32)
    return Scene(ground=ground, light=_light(stream, 55, 75), lying=bool(stream.random() < 0.5), floor=0.88, shadow=0.3)


def wood(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """A table of planks seen from above."""
    return Scene(ground=planks(stream, shape), light=_light(stream, 38, 62), lying=True, beams=_beams(stream, shape))


def marble(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """A polished slab with veins."""
    drift = cloud(stream, shape, 2.5, 5)
    rows, columns = grid(shape)
    slope = float(stream.uniform(0.4, 1.4) * stream.choice([-1, 1]))
    along = (columns + slope * rows) / shape[1]
    # veins fade in and out; without that they would close like lines on a map
    broad = np.clip(cloud(stream, shape, 2, 3) * 1.6 + 0.1, 0, 1)
    veins = np.exp(-np.abs(np.sin(along * 5 + drift * 2.2)) * 22) * broad
    fine = np.exp(-np.abs(np.sin(along * 11 + cloud(stream, shape, 4, 4) * 3)) * 40) * np.clip(broad * 1.5 - 0.5, 0, 1)
    base = (0.90, 0.89, 0.87) if stream.random() < 0.7 else (0.16, 0.17, 0.18)
    vein: RGB = (0.48, 0.47, 0.46) if base[0] > 0.5 else (0.75, 0.72, 0.66)
    amount = np.clip(veins * 0.6 + fine * 0.35 + drift * 0.09 + broad * 0.10, 0, 0.8)[..., None]
    ground = color_field(shape, base) * (1 - amount) + np.asarray(vein, np.float32) * amount
    return Scene(
        ground=np.asarray(ground, np.float32), light=_light(stream, 42, 65), lying=True, beams=_beams(stream, shape)
    )


def fabric(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """Linen with soft folds, such as a bedspread or a sofa."""
    color = _muted(stream)
    folds = blur(-np.abs(smooth_noise(stream, shape, (3, 4))) * 26 + smooth_noise(stream, shape, (2, 2)) * 18, 9)
    threads = cut(stream, shape, "weave", float(stream.choice([3.5, 4.5, 5.5, 6.5])))
    slope = cv2.Sobel(folds, cv2.CV_32F, 1, 0, ksize=3) * 0.05 + cv2.Sobel(folds, cv2.CV_32F, 0, 1, ksize=3) * 0.05
    tone = np.clip(0.92 + slope * 0.45, 0.6, 1.2) * (0.85 + 0.2 * threads)
    ground = color_field(shape, color) * tone[..., None]
    if stream.random() < 0.3:
        rows, columns = grid(shape)
        pitch = float(stream.uniform(40, 80))
        checks = ((columns // pitch) % 2 + (rows // pitch) % 2) * 0.12
        ground *= (1 - checks)[..., None]
    return Scene(ground=ground, light=_light(stream, 35, 60), lying=True, shadow=0.45)


def tiles(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """Floor tiles or parquet, turned a little."""
    rows, columns = grid(shape)
    turn, pitch = float(np.radians(stream.uniform(-25, 25))), float(stream.uniform(90, 170))
    u = (columns * np.cos(turn) + rows * np.sin(turn)) / pitch
    v = (rows * np.cos(turn) - columns * np.sin(turn)) / pitch
    joint = np.minimum(np.abs(u - np.round(u)), np.abs(v - np.round(v))) * pitch
    cell = np.sin(np.floor(u + 0.5) * 12.9 + np.floor(v + 0.5) * 78.2) * 43758.5
    shade = 0.92 + 0.12 * (cell - np.floor(cell)) + cloud(stream, shape, 6) * 0.07
    ground = color_field(shape, _muted(stream)) * (shade * (0.55 + 0.45 * np.clip(joint / 2.5, 0, 1)))[..., None]
    return Scene(
        ground=np.asarray(ground, np.float32), light=_light(stream, 35, 60), lying=True, beams=_beams(stream, shape)
    )


def concrete(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """A plastered surface with pores and stains."""
    stains = cloud(stream, shape, 3, 5) * 0.10
    pores = np.clip(cut(stream, shape, "noise", 0.25, 0.25) - 1.9, 0, 1) * 0.35
    tone = np.clip(0.62 + stains - pores + cut(stream, shape, "grains", 0) * 0.012, 0, 1)
    tint = (
        np.asarray((1.0, 0.985, 0.96), np.float32)
        if stream.random() < 0.5
        else np.asarray(_muted(stream), np.float32) * 1.4
    )
    return Scene(
        ground=np.asarray(tone[..., None] * tint, np.float32),
        light=_light(stream, 35, 60),
        lying=True,
        beams=_beams(stream, shape),
    )


def tabletop(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """A table's surface running back to a blurred room."""
    horizon = int(shape[0] * stream.uniform(0.48, 0.64))
    room = _room(stream, shape)
    surface = planks(stream, shape) if stream.random() < 0.7 else marble(stream, shape).ground
    table = _receding(surface, shape, horizon)
    mask = np.zeros(shape, np.float32)
    mask[horizon:] = 1
    mask = blur(mask, 1.6)[..., None]
    depth = np.clip((grid(shape)[0] - horizon) / (shape[0] - horizon), 0, 1)[..., None]
    ground = room * (1 - mask) + table * (0.72 + 0.3 * depth) * mask
    return Scene(
        ground=np.asarray(ground, np.float32),
        light=_light(stream, 30, 55),
        lying=False,
        floor=float(stream.uniform(0.82, 0.9)),
    )


def shelf(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """A board on a wall, with a few things beside."""
    rows, _ = grid(shape)
    edge = int(shape[0] * stream.uniform(0.80, 0.88))
    wall = color_field(shape, _pale(stream)) * (0.72 + 0.07 * cloud(stream, shape, 2))[..., None]
    for _ in range(int(stream.integers(2, 5))):
        left, wide = int(stream.uniform(-0.1, 1.0) * shape[1]), int(stream.uniform(0.06, 0.15) * shape[1])
        tall = int(stream.uniform(0.25, 0.6) * shape[0])
        cv2.rectangle(wall, (left, edge - tall), (left + wide, edge), _muted(stream), -1, cv2.LINE_AA)
        cv2.rectangle(wall, (left, edge - tall + 20), (left + wide, edge - tall + 34), _pale(stream), -1, cv2.LINE_AA)
    wall = blur(wall, 5.5)
    board = planks(stream, shape)
    mask = (rows > edge).astype(np.float32)[..., None]
    front = np.clip(1 - (rows - edge) / (shape[0] * 0.05), 0, 1)[..., None] * 0.3 + 0.62
    ground = wall * (1 - mask) + board * front * mask
    return Scene(
        ground=np.asarray(ground, np.float32), light=_light(stream, 40, 60), lying=False, floor=edge / shape[0] + 0.035
    )


def bokeh(stream: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """Outdoors or a cafe: blurred discs of light behind, a ledge in front."""
    dark = dimmed(_muted(stream), 0.45)
    room = color_field(shape, (dark[0], dark[1], dark[2])) * (0.9 + 0.5 * cloud(stream, shape, 2))[..., None]
    for _ in range(26):
        x, y = int(stream.uniform(0, shape[1])), int(stream.uniform(0, shape[0] * 0.7))
        layer = room.copy()
        glow = np.asarray(list(COLORS.values())[int(stream.integers(len(COLORS)))]) * 0.5 + 0.4
        cv2.circle(layer, (x, y), int(stream.uniform(10, 34)), [float(c) for c in glow], -1, cv2.LINE_AA)
        room = cv2.addWeighted(room, 0.7, layer, 0.3, 0)
    room = np.asarray(cv2.GaussianBlur(room, (0, 0), 3.0), np.float32)
    horizon = int(shape[0] * 0.7)
    ledge = _receding(concrete(stream, shape).ground * 0.9, shape, horizon)
    mask = blur((grid(shape)[0] > horizon).astype(np.float32), 2.0)[..., None]
    return Scene(
        ground=np.asarray(room * (1 - mask) + ledge * mask, np.float32),
        light=_light(stream, 28, 50),
        lying=False,
        floor=0.88,
    )


def planks(stream: np.random.Generator, shape: tuple[int, int]) -> Field:
    """(height, width, 3) boards with grain, knots left out."""
    upright = bool(stream.random() < 0.5)
    size = shape[::-1] if upright else shape
    rows, _ = grid(size)
    count = int(stream.integers(3, 7))
    board = np.clip((rows / size[0] * count).astype(np.int32), 0, count - 1)
    warp = smooth_noise(stream, size, (14, 2)) * 1.3 + board * 7.3
    rings = np.sin((rows / size[0] * 26 + warp) * 2.4) * 0.5 + 0.5
    fiber = cut(stream, size, "noise", 0.6, 0.02) * 0.055
    tones = stream.uniform(0.86, 1.12, count).astype(np.float32)[board]
    joint = np.abs((rows / size[0] * count) % 1.0 - 0.5) > 0.5 - 1.6 * count / size[0]
    light = [(0.62, 0.42, 0.25), (0.74, 0.58, 0.40), (0.36, 0.23, 0.15), (0.70, 0.66, 0.60)][int(stream.integers(4))]
    tone = (0.80 + 0.22 * rings + fiber) * tones * np.where(joint, 0.42, 1.0)
    ground = np.asarray(np.asarray(light, np.float32) * tone[..., None], np.float32)
    return np.ascontiguousarray(ground.transpose(1, 0, 2)) if upright else ground


def _receding(surface: Field, shape: tuple[int, int], horizon: int) -> Field:
    """A surface seen at a flat angle, from the bottom edge up to `horizon`."""
    height, width = shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    spread = width * 0.9
    target = np.array([[0, horizon], [width, horizon], [width + spread, height], [-spread, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return np.asarray(cv2.warpPerspective(surface, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.float32)


def _room(stream: np.random.Generator, shape: tuple[int, int]) -> Field:
    room = color_field(shape, _pale(stream)) * 0.75
    for _ in range(7):
        left, top = int(stream.uniform(-0.2, 1) * shape[1]), int(stream.uniform(-0.2, 0.5) * shape[0])
        wide, tall = int(stream.uniform(0.1, 0.4) * shape[1]), int(stream.uniform(0.2, 0.7) * shape[0])
        color = _pale(stream) if stream.random() < 0.4 else _muted(stream)
        cv2.rectangle(room, (left, top), (left + wide, top + tall), color, -1)
    return blur(room, float(stream.uniform(14, 26)))


def _beams(stream: np.random.Generator, shape: tuple[int, int]) -> Field | None:
    """Sunlight through a window's bars, now and then."""
    if stream.random() < 0.6:
        return None
    rows, columns = grid(shape)
    slant = float(stream.uniform(-0.8, 0.8))
    along = (columns + slant * rows) / shape[1] * float(stream.uniform(1.5, 3.5)) + float(stream.random())
    across = (rows - 0.3 * slant * columns) / shape[0] * float(stream.uniform(1.0, 2.5))
    panes = ((along % 1.0) > 0.16) & ((across % 1.0) > 0.12) & (np.abs(along - 1.2) < 1.2)
    return np.asarray(0.62 + 0.55 * blur(panes.astype(np.float32), float(stream.uniform(4, 9))), np.float32)


def _light(stream: np.random.Generator, lowest: float, highest: float) -> Light:
    warmth = float(stream.uniform(-0.07, 0.07))
    return Light(
        azimuth=float(stream.uniform(35, 145)),
        elevation=float(stream.uniform(lowest, highest)),
        color=(1 + warmth, 1.0, 1 - warmth),
        ambient=float(stream.uniform(0.36, 0.5)),
    )


def _pale(stream: np.random.Generator) -> RGB:
    base = np.asarray(list(COLORS.values())[int(stream.integers(len(COLORS)))]) * 0.35 + 0.6
    return float(base[0]), float(base[1]), float(base[2])


def _muted(stream: np.random.Generator) -> RGB:
    base = np.asarray(list(COLORS.values())[int(stream.integers(len(COLORS)))])
    mixed = base * 0.55 + float(base.mean()) * 0.25 + 0.12
    return float(mixed[0]), float(mixed[1]), float(mixed[2])


SceneMaker = Callable[[np.random.Generator, tuple[int, int]], Scene]
CATALOG_SCENES: tuple[SceneMaker, ...] = (studio, studio, white, tabletop, marble, shelf, wood, concrete)
OWN_SCENES: tuple[SceneMaker, ...] = (wood, marble, fabric, fabric, tiles, concrete, tabletop, tabletop, shelf, bokeh)
STANDING_SCENES: tuple[SceneMaker, ...] = (tabletop, shelf, bokeh)
"""Seen from the front: what would topple over is not put there."""
