"""Do two aligned pictures show the same photograph? Points can agree on one printed surface; a copied photo
agrees everywhere: texture, silhouette and ground. Compared in the reference's frame, small, so that it is cheap."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from index.homography import Matrix
from store.images import RGB

THUMBNAIL_SIDE = 128
"""Pixels of the longer side of the thumbnails that are compared."""

_WINDOW = (13, 13)
_TEXTURED, _FLAT = 25.0, 9.0
"""Gray-level variance in the window above which something is drawn there, and below which nothing is."""
_AGREES = 0.7
"""Normalized cross-correlation from which a window shows the same thing."""
_MIN_TEXTURED_PIXELS = 30
_LARGEST_BLUR = 20.0
"""Standard deviation in pixels; beyond it nothing is left of a picture at working size."""
_NEAR = 30.0
"""RGB distance that compression, resampling and uneven light leave behind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How far an aligned listing picture repeats the reference, over the part of it that can be seen."""

    agreeing: float
    """Share of the reference's textured pixels that correlate, 0 to 1."""
    correlation: float
    """Median normalized cross-correlation over them, -1 to 1."""
    visible: float
    """Share of the reference's textured pixels inside the listing picture, 0 to 1."""
    unexplained: float
    """Share of the listing's textured pixels inside the outline where the reference is flat, 0 to 1."""
    colored_alike: float
    """Share of all pixels, flat ground included, whose color one global edit explains, 0 to 1."""


NO_AGREEMENT = Agreement(agreeing=0.0, correlation=0.0, visible=0.0, unexplained=1.0, colored_alike=0.0)


def thumbnail(rgb: RGB) -> RGB:
    """The picture at `THUMBNAIL_SIDE`."""
    height, width = rgb.shape[:2]
    scale = THUMBNAIL_SIDE / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def unwarp(listing: RGB, matrix: Matrix, reference_size: tuple[int, int], thumb: RGB) -> tuple[RGB, NDArray[np.bool_]]:
    """The listing picture seen in the frame of the reference's thumbnail, and where it has pixels.

    `matrix` maps reference (of `reference_size`, working pixels) to listing (working pixels).
    """
    height, width = thumb.shape[:2]
    shrink = np.diag([width / reference_size[0], height / reference_size[1], 1.0])
    back = shrink @ np.linalg.inv(matrix)
    factor = float(np.sqrt(abs(np.linalg.det(back[:2, :2])))) / max(abs(back[2, 2]), 1e-9)
    # what is shrunk is blurred first, or the fine texture folds into noise
    blur = min(0.5 / max(factor, 1e-9), _LARGEST_BLUR)
    source = cv2.GaussianBlur(listing, (0, 0), blur) if factor < 0.7 else listing
    seen = cv2.warpPerspective(source, back, (width, height), flags=cv2.INTER_LINEAR)
    inside = cv2.warpPerspective(np.full(listing.shape[:2], 255, np.uint8), back, (width, height))
    return np.asarray(seen, np.uint8), np.asarray(inside > 250)


def compare(thumb: RGB, seen: RGB, inside: NDArray[np.bool_]) -> Agreement:
    """Windowed correlation of a reference thumbnail and the unwarped listing, over what is `inside`."""
    reference, listing = _gray(thumb), _gray(seen)
    mean_r, mean_l = _box(reference), _box(listing)
    var_r = _box(reference * reference) - mean_r * mean_r
    var_l = _box(listing * listing) - mean_l * mean_l
    covariance = _box(reference * listing) - mean_r * mean_l
    whole = _box(inside.astype(np.float32)) > 0.99
    textured = (var_r > _TEXTURED) & whole
    count = int(textured.sum())
    if count < _MIN_TEXTURED_PIXELS:
        return NO_AGREEMENT
    correlation = covariance / np.sqrt(np.maximum(var_r, 1e-3) * np.maximum(var_l, 1e-3))
    correlation[var_l < 4.0] = 0.0
    drawn = (var_l > _TEXTURED) & whole
    return Agreement(
        agreeing=float((textured & (correlation > _AGREES)).sum()) / count,
        correlation=float(np.median(correlation[textured])),
        visible=count / max(int((var_r > _TEXTURED).sum()), 1),
        unexplained=float((drawn & (var_r < _FLAT)).sum()) / max(int(drawn.sum()), 1),
        colored_alike=_colored_alike(thumb[::2, ::2], seen[::2, ::2], inside[::2, ::2]),
    )


def _colored_alike(thumb: RGB, seen: RGB, inside: NDArray[np.bool_]) -> float:
    """Share of pixels within `_NEAR` of the best affine change of color, fitted to the pixels that it fits best.

    Another photograph of the same goods has other ground and light: no one change of color explains both.
    """
    listing = np.ascontiguousarray(seen[inside].T, dtype=np.float32)
    if listing.shape[1] < _MIN_TEXTURED_PIXELS:
        return 0.0
    reference = np.ones((4, listing.shape[1]), np.float32)
    reference[:3] = thumb[inside].T
    change = _color_change(reference, listing)
    for _ in range(2):
        distance = _color_distance(reference, listing, change)
        fitted = distance <= np.quantile(distance, 0.7)
        change = _color_change(reference[:, fitted], listing[:, fitted])
    return float((_color_distance(reference, listing, change) < _NEAR).mean())


def _color_change(reference: NDArray[np.float32], listing: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, 4) least squares of (4, n) to (3, n), by the normal equations: a tenth of the cost, and as exact here."""
    terms = reference.astype(np.float64)
    change, *_ = np.linalg.lstsq(terms @ terms.T, terms @ listing.T, rcond=None)
    return np.asarray(change.T, np.float32)


def _color_distance(
    reference: NDArray[np.float32], listing: NDArray[np.float32], change: NDArray[np.float32]
) -> NDArray[np.float32]:
    edited = np.clip(change @ reference, 0, 255)
    return np.asarray(np.sqrt(((edited - listing) ** 2).sum(axis=0)), np.float32)


def _gray(rgb: RGB) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def _box(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.boxFilter(values, -1, _WINDOW), dtype=np.float32)
