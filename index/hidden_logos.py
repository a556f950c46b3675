"""Where a copied product photo no longer shows the logo that the catalog's photo shows: blurred, or painted over.

Both photographs are laid over each other, so what a camera, an editor or a compressor did to all of the picture is
known from around the logo. What is missing at the logo alone was taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.match import Alteration, Box, LogoAlteration, Point
from index.homography import Matrix, map_points
from index.logo_registration import warp
from store.images import RGB

_SIDE = 96
"""Pixels of a logo's longer side at which it is compared, at most."""
_SMALLEST = 14.0
"""Pixels of its longer side, in either picture, under which nothing can be told."""
_AROUND = 2.0
"""Of the logo's longer side: how far around it the photographs are compared."""
_FINE = 8.0
"""What is finer than this part of the logo's longer side is its detail."""
_SHIFTS_AROUND, _SHIFTS = 1, 2
"""Pixels by which the photographs, and the logo in them, may be out of place."""
_DRAWN = 5.0
"""Deviation of detail, in gray levels, from which something is drawn there."""
_KEPT_AROUND, _LIKE_AROUND = 0.35, 0.5
"""Least detail that must be kept around the logo, and least correlation there."""
_LOST = 0.35
"""Of the detail kept around, the share below which the logo's is lost."""
_FLAT, _MOSTLY = 6.0, 0.75
"""Gray levels within which, and share of pixels that are within them, where a patch is of one color."""
_UNLIKE = 0.6
"""Of the correlation around the logo, the share below which a patch of one color hides it."""
_FEWEST_PIXELS = 50
_BLACK = 45.0
_RIM = 0.02
"""Pixels beyond the middles of the outermost ones that still count as theirs."""

Gray = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class HiddenLogo:
    """A logo in the catalog's photo that the listing's copy of it does not show."""

    number: int
    """Of the box that was handed over."""
    outline: tuple[Point, Point, Point, Point]
    """The box in the listing picture, clockwise from its top left."""
    alteration: LogoAlteration
    """`BLURRED`, or `COVERED` where it was blacked out or painted over."""


def find_hidden_logos(listing: RGB, reference: RGB, matrix: Matrix, boxes: Sequence[Box]) -> tuple[HiddenLogo, ...]:
    """Logos in `boxes` of the `reference` photo that its copy, the `listing` picture, hides; surest first.

    `matrix` (3, 3) maps reference pixels to listing pixels. A box that the copy does not show whole, or shows too
    small, hides nothing; nor does a copy that shows nothing of what is around it.
    """
    found = []
    for number, box in enumerate(boxes):
        alteration = _compared(listing, reference, matrix, box)
        if alteration is not None:
            first, second, third, fourth = (
                (round(float(x), 1), round(float(y), 1)) for x, y in map_points(matrix, _corners(box))
            )
            found.append(HiddenLogo(number=number, outline=(first, second, third, fourth), alteration=alteration))
    return tuple(sorted(found, key=lambda one: -one.alteration.confidence))


def _corners(box: Box) -> NDArray[np.float32]:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def _compared(listing: RGB, reference: RGB, matrix: Matrix, box: Box) -> LogoAlteration | None:
    corners = map_points(matrix, _corners(box))
    height, width = listing.shape[:2]
    if (corners < 0).any() or (corners > (width, height)).any():
        return None
    longer = max(box[2] - box[0], box[3] - box[1])
    shown = float(np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1).max())
    if min(longer, shown) < _SMALLEST:
        return None
    # no finer than the coarser of both: an enlarged or a reduced copy hides nothing by it
    scale = min(_SIDE, longer, shown) / longer
    left, top = max(0.0, box[0] - _AROUND * longer), max(0.0, box[1] - _AROUND * longer)
    right = min(float(reference.shape[1]), box[2] + _AROUND * longer)
    bottom = min(float(reference.shape[0]), box[3] + _AROUND * longer)
    to_frame = np.array([[scale, 0, -left * scale], [0, scale, -top * scale], [0, 0, 1.0]])
    size = (max(8, round((right - left) * scale)), max(8, round((bottom - top) * scale)))
    back = to_frame @ np.linalg.inv(matrix)
    seen = _has_pixels(listing, back, size)
    # the rim of what was painted over the logo reaches beyond it by as much as detail is blurred
    reach = 2 * round(3 * _fine(scale * longer)) + 1
    logo = np.zeros(seen.shape, bool)
    x0, y0, x1, y1 = (round(edge * scale) for edge in (box[0] - left, box[1] - top, box[2] - left, box[3] - top))
    logo[max(0, y0) : y1, max(0, x0) : x1] = True
    beside = ~cv2.dilate(logo.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(bool)
    return _judged(
        _gray(warp(reference, to_frame, size)), _gray(warp(listing, back, size)), logo, seen & beside, scale * longer
    )


def _has_pixels(picture: RGB, matrix: Matrix, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(height, width) of `size`: where the picture, laid through `matrix`, is. OpenCV warps no mask of a long strip."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    back = np.asarray(np.linalg.inv(matrix), np.float64)
    points = map_points(back, np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float32))
    last = np.array([picture.shape[1] - 1, picture.shape[0] - 1])
    return np.asarray(((points > -_RIM) & (points < last + _RIM)).all(axis=1).reshape(rows.shape))


def _judged(
    there: Gray, here: Gray, logo: NDArray[np.bool_], around: NDArray[np.bool_], side: float
) -> LogoAlteration | None:
    """What happened at the `logo` of `side` px, by what happened `around` it; None: nothing, or it cannot be told."""
    fine = _fine(side)
    detail, shown = (gray - cv2.GaussianBlur(gray, (0, 0), fine) for gray in (there, here))
    if not logo.any() or int(around.sum()) < _FEWEST_PIXELS:
        return None
    if min(float(detail[logo].std()), float(detail[around].std())) < _DRAWN:
        return None
    kept, alike = _kept(detail, shown, around, _SHIFTS_AROUND)
    if kept < _KEPT_AROUND or alike < _LIKE_AROUND:
        return None
    left, alike_there = _kept(detail, shown, logo, _SHIFTS)
    # the rim of a patch may follow the logo's: of a patch in one color, the correlation tells, not the strength
    patch = _flat_share(here, logo) > _MOSTLY > _flat_share(there, logo) and alike_there < _UNLIKE * alike
    lost = max(min(left / kept, 0.5 * alike_there / alike if patch else left / kept), 0.0)
    if lost > _LOST:
        return None
    kind, difference = _manner(there, here, logo)
    return LogoAlteration(kind=kind, confidence=round(0.99 - 0.6 * lost / _LOST, 3), difference=difference)


def _fine(side: float) -> float:
    """Standard deviation of the blur that takes the detail off, in pixels."""
    return max(1.0, side / _FINE)


def _kept(detail: Gray, shown: Gray, where: NDArray[np.bool_], shifts: int) -> tuple[float, float]:
    """(share of the detail's strength that is shown, correlation) at the shift of a few pixels that suits best."""
    best = (0.0, -1.0)
    strength = float((detail[where] ** 2).sum())
    for down in range(-shifts, shifts + 1):
        for across in range(-shifts, shifts + 1):
            shifted = np.roll(shown, (down, across), (0, 1))[where]
            common = float((detail[where] * shifted).sum())
            alike = common / max(float(np.sqrt(strength * (shifted**2).sum())), 1e-6)
            if alike > best[1]:
                best = common / max(strength, 1e-6), alike
    return best


def _manner(there: Gray, here: Gray, logo: NDArray[np.bool_]) -> tuple[Alteration, str]:
    if _flat_share(here, logo) <= _MOSTLY:
        return Alteration.BLURRED, "is blurred in a picture that is otherwise the catalog's"
    level = float(np.median(here[logo]))
    if level < _BLACK and float(np.median(there[logo])) > 2 * level:
        return Alteration.COVERED, "is blacked out in a picture that is otherwise the catalog's"
    return Alteration.COVERED, "is painted over in a picture that is otherwise the catalog's"


def _flat_share(gray: Gray, logo: NDArray[np.bool_]) -> float:
    """Share of the logo's place, without its rim, that is of one gray."""
    inner = cv2.erode(logo.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    place = gray[inner if inner.any() else logo]
    return float((np.abs(place - np.median(place)) < _FLAT).mean())


def _gray(rgb: RGB) -> Gray:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)
