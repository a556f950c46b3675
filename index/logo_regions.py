"""Places of a picture where a mark may stand, and the crops through which the embedder sees them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.match import Box
from index.preprocessing import network_input
from store.images import RGB

_MARGIN = 0.1
"""Of a box's longer side, around it: as references stand in their squares."""
_ELONGATED = 1.25
"""From this longer side by shorter one, a place is also seen squashed, as crops of photographs are."""
_NARROWEST_PX = 12.0
"""A box with a shorter side is widened: less is no mark that anybody could tell."""
_NETWORK_SIZES = 10
"""Sides of the network's input to which a larger square is shrunk before it is completed."""
_GRID: tuple[Box, ...] = (
    (0.0, 0.0, 1.0, 1.0),
    (0.2, 0.2, 0.8, 0.8),
    (0.0, 0.0, 0.6, 0.6),
    (0.4, 0.0, 1.0, 0.6),
    (0.0, 0.4, 0.6, 1.0),
    (0.4, 0.4, 1.0, 1.0),
)
"""In shares of the picture: where nothing detects a mark, it may fill the picture."""

_Border = tuple[int, int, int, int]
"""Pixels above, below, before and after."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A place to look at."""

    box: Box
    detected: float = 0.0
    """How much it looks like a mark, whoever's, 0 to 1; 0 where nothing detected one."""


def grid(rgb: RGB) -> list[Region]:
    """The whole picture, its middle and its four overlapping quarters."""
    height, width = rgb.shape[:2]
    return [
        Region(box=(left * width, top * height, right * width, bottom * height)) for left, top, right, bottom in _GRID
    ]


def distinct(regions: Iterable[Region], *, most: int, overlap: float = 0.85) -> list[Region]:
    """The first of those that nearly coincide, in the order given, with the best detection of all."""
    kept: list[Region] = []
    for region in regions:
        same = next((n for n, other in enumerate(kept) if intersection_over_union(region.box, other.box) > overlap), -1)
        if same >= 0:
            kept[same] = Region(box=kept[same].box, detected=max(kept[same].detected, region.detected))
        elif len(kept) < most:
            kept.append(region)
    return kept


def region_views(rgb: RGB, box: Box, size: int) -> NDArray[np.float32]:
    """(1 or 2, 3, size, size): the place in a square with a margin; and squashed, where it is elongated."""
    left, top, right, bottom = _widened(box)
    width, height = right - left, bottom - top
    middle, half = ((left + right) / 2, (top + bottom) / 2), max(width, height) * (0.5 + _MARGIN)
    square = (middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half)
    views = [network_input(_bounded(rgb, square, _NETWORK_SIZES * size), size)]
    if max(width, height) >= _ELONGATED * min(width, height):
        views.append(network_input(cut(rgb, (left, top, right, bottom)), size))
    return np.stack(views)


def _bounded(rgb: RGB, box: Box, most: int) -> RGB:
    """As `cut`, shrunk to `most` px before anything is added: the square around a long strip may exceed all memory."""
    inside, border = _inside(rgb, box)
    height, width = inside.shape[:2]
    scale = most / max(height + border[0] + border[1], width + border[2] + border[3])
    if scale >= 1 or not any(border):
        return _bordered(inside, border)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    above, below, before, after = (round(side * scale) for side in border)
    small = np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_AREA), np.uint8)
    return _bordered(small, (above, below, before, after))


def cut(rgb: RGB, box: Box) -> RGB:
    """What is in the box, at least one pixel; where it reaches over the picture's edge, the edge goes on."""
    return _bordered(*_inside(rgb, box))


def _inside(rgb: RGB, box: Box) -> tuple[RGB, _Border]:
    """What the picture has of a box, and how far the box reaches over its edges."""
    height, width = rgb.shape[:2]
    left, top = int(np.floor(box[0])), int(np.floor(box[1]))
    right, bottom = max(left + 1, int(np.ceil(box[2]))), max(top + 1, int(np.ceil(box[3])))
    inside = rgb[max(0, min(top, height - 1)) : max(1, bottom), max(0, min(left, width - 1)) : max(1, right)]
    return inside, (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))


def _bordered(inside: RGB, border: _Border) -> RGB:
    if not any(border):
        return np.ascontiguousarray(inside)
    return np.asarray(cv2.copyMakeBorder(inside, *border, cv2.BORDER_REPLICATE), np.uint8)


def within(box: Box, rgb: RGB) -> Box:
    """The part of a box that lies in the picture, to a tenth of a pixel."""
    height, width = rgb.shape[:2]
    left, top = (round(float(np.clip(box[n], 0, (width, height)[n])), 1) for n in (0, 1))
    right, bottom = (round(float(np.clip(box[n + 2], 0, (width, height)[n])), 1) for n in (0, 1))
    return left, top, right, bottom


def intersection_over_union(one: Box, other: Box) -> float:
    """0 (apart) to 1 (the same)."""
    shared = _shared(one, other)
    union = area(one) + area(other) - shared
    return shared / union if union > 0 else 0.0


def overlap_of_smaller(one: Box, other: Box) -> float:
    """The shared area as a share of the smaller box's, 0 to 1."""
    smaller = min(area(one), area(other))
    return _shared(one, other) / smaller if smaller > 0 else 0.0


def bounding_box(points: NDArray[np.float32] | Sequence[tuple[float, float]]) -> Box:
    """The upright box around (n, 2) points."""
    corners = np.asarray(points, np.float64)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def area(box: Box) -> float:
    """In square pixels; 0 of an empty one."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(one: Box, other: Box) -> float:
    return area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))


def _widened(box: Box) -> Box:
    across, down = (max(0.0, _NARROWEST_PX - side) / 2 for side in (box[2] - box[0], box[3] - box[1]))
    return box[0] - across, box[1] - down, box[2] + across, box[3] + down
