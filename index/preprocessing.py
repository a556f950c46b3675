"""Pictures to network inputs. Training composes through this module too: what is trained is what is served.

A picture is squashed to a square rather than letterboxed: no pixel is spent on bars, and the training stretches
pictures, so the aspect does not matter. A listing's picture is also seen through crops that undo what thieves put
around a copied photo: a frame, a screenshot, a collage. A reference is stored whole, cut to its content, in parts, and
all of them mirrored, so that a mirrored copy costs nothing at query time.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from store.images import RGB

PREPROCESSING = "squash-v1"
"""Name of this recipe; a model's manifest records the one it was trained with, and its size."""
MAX_QUERY_VIEWS = 5
"""Most views `query_views` returns."""
REFERENCE_VIEWS = 8
"""Views `reference_views` returns."""

Views = NDArray[np.float32]
"""(n, 3, size, size) float32, RGB, 0 (black) to 1 (white); `size` is the side of the network's input, in pixels."""

Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels; right and bottom are exclusive."""

_WORKING_SIZES = 3  # views of large photos are cut from a small copy, several times faster than from the original
_ANALYSIS_SIDE = 160
_FLAT_DEVIATION = 5.0
_GAP_SHARE = 0.025
_SMALLEST_SHARE = 0.08
_INSET = 3
_CUT_ROUNDS = 3
_ELONGATED = 1.15
_CENTER_SHARE = 0.7
_PART_SHARE = 0.65


def network_input(rgb: RGB, size: int) -> NDArray[np.float32]:
    """A (height, width, 3) uint8 picture as (3, size, size) float32, 0 to 1."""
    shrinks = rgb.shape[0] > size and rgb.shape[1] > size
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    square = cv2.resize(rgb, (size, size), interpolation=interpolation)
    return np.ascontiguousarray(square.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def query_views(rgb: RGB, size: int) -> Views:
    """What is searched for one listing picture: (v, 3, size, size), 2 to MAX_QUERY_VIEWS.

    In this order: the whole; its content box, where that differs; its center; and where the picture is elongated, its
    two halves along the longer side.
    """
    rgb = _shrink(rgb, _WORKING_SIZES * size)
    height, width = rgb.shape[:2]
    boxes: list[Box] = [(0, 0, width, height)]
    content = content_box(rgb)
    if _area(content) < 0.95 * width * height:
        boxes.append(content)
    boxes.append(_center(width, height))
    boxes.extend(_halves(width, height))
    return np.stack([network_input(_cut(rgb, box), size) for box in boxes])


def reference_views(rgb: RGB, size: int) -> Views:
    """What the index stores of one catalog picture: (REFERENCE_VIEWS, 3, size, size).

    In this order: the whole, its content box, that box's upper and lower part (what tight crops leave of a person or
    a garment); then the same four mirrored.
    """
    rgb = _shrink(rgb, _WORKING_SIZES * size)
    left, top, right, bottom = content_box(rgb)
    part = max(1, round(_PART_SHARE * (bottom - top)))
    boxes: list[Box] = [
        (0, 0, rgb.shape[1], rgb.shape[0]),
        (left, top, right, bottom),
        (left, top, right, top + part),
        (left, bottom - part, right, bottom),
    ]
    upright = [network_input(_cut(rgb, box), size) for box in boxes]
    return np.stack([*upright, *(np.ascontiguousarray(view[:, :, ::-1]) for view in upright)])


def _shrink(rgb: RGB, side: int) -> RGB:
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def content_box(rgb: RGB) -> Box:
    """The largest part that is surrounded by flat ground, such as a product on white, or a photo inside a page.

    The page is cut at runs of one-colored rows, then columns, the largest piece kept, and again. The whole picture
    when that would leave less than a few percent of it.
    """
    height, width = rgb.shape[:2]
    small = _shrink(rgb, _ANALYSIS_SIDE).astype(np.float32)
    left, top, right, bottom = _largest_piece(small)
    if (right - left) * (bottom - top) < _SMALLEST_SHARE * small.shape[0] * small.shape[1]:
        return 0, 0, width, height
    across, down = width / small.shape[1], height / small.shape[0]
    return round(left * across), round(top * down), round(right * across), round(bottom * down)


def _largest_piece(small: NDArray[np.float32]) -> Box:
    left, top, right, bottom = 0, 0, small.shape[1], small.shape[0]
    for _ in range(_CUT_ROUNDS):
        before = (left, top, right, bottom)
        begin, end = _longest_run(_row_deviation(small[top:bottom, left:right]))
        top, bottom = top + begin, top + end
        begin, end = _longest_run(_row_deviation(small[top:bottom, left:right].transpose(1, 0, 2)))
        left, right = left + begin, left + end
        if (left, top, right, bottom) == before:
            break
    return left, top, right, bottom


def _row_deviation(part: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation along each row, of the channel where it is largest.

    The ends of a row do not count: the blurred inner edge of a frame would hide that the ground inside it is flat.
    """
    width = part.shape[1]
    inset = min(_INSET, (width - 1) // 2)
    inner = np.ascontiguousarray(part[:, inset : width - inset])
    mean = cv2.reduce(inner, 1, cv2.REDUCE_AVG)[:, 0]
    square = cv2.reduce(inner * inner, 1, cv2.REDUCE_AVG)[:, 0]
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)).max(axis=1), dtype=np.float32)


def _longest_run(deviation: NDArray[np.float32]) -> tuple[int, int]:
    """Begin and end of the longest run of lines that are not flat; narrow flat gaps do not end a run."""
    lines = np.flatnonzero(deviation > _FLAT_DEVIATION)
    if len(lines) == 0:
        return 0, len(deviation)
    gap = max(2, round(_GAP_SHARE * len(deviation)))
    breaks = np.flatnonzero(np.diff(lines) > gap)
    begins = lines[np.concatenate(([0], breaks + 1))]
    ends = lines[np.concatenate((breaks, [len(lines) - 1]))] + 1
    longest = int(np.argmax(ends - begins))
    return int(begins[longest]), int(ends[longest])


def _center(width: int, height: int) -> Box:
    across, down = round(width * (1 - _CENTER_SHARE) / 2), round(height * (1 - _CENTER_SHARE) / 2)
    return across, down, max(across + 1, width - across), max(down + 1, height - down)


def _halves(width: int, height: int) -> list[Box]:
    if width >= _ELONGATED * height:
        return [(0, 0, width // 2, height), (width // 2, 0, width, height)]
    if height >= _ELONGATED * width:
        return [(0, 0, width, height // 2), (0, height // 2, width, height)]
    return []


def _area(box: Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _cut(rgb: RGB, box: Box) -> RGB:
    left, top, right, bottom = box
    return np.ascontiguousarray(rgb[top:bottom, left:right])
