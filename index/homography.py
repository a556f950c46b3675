"""From matched points to a homography that a camera or an image editor could have made."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""(3, 3) homography on column vectors (x, y, 1)."""
Points = NDArray[np.float32]
"""(n, 2) x, y in pixels."""

MIN_INLIERS = 6
_RATIO = 0.9
"""Lowe's ratio, loose: repeated texture is common and the geometry behind it is strict."""
_REPROJECTION_PX = 3.0
_MIN_AREA, _MAX_AREA = 0.015, 30.0
"""Mapped area over reference area, in working pixels: smaller or larger is a collapse."""
_MAX_OPPOSITE_SIDES = 2.5
"""Longest over shortest of two opposite sides: beyond it, the view is too oblique for a copied photo."""
_MAX_ASPECT_CHANGE = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """How a reference picture lies in a listing picture, both at working size."""

    matrix: Matrix
    """Reference to listing."""
    reference_points: Points
    listing_points: Points
    """Inliers, row by row the same point."""
    obliqueness: float
    """Longest over shortest of opposite mapped sides, minus 1; 0 = no perspective."""
    aspect_change: float
    """Change of aspect ratio, as the factor above 1, minus 1; 0 = none."""

    @property
    def inliers(self) -> int:
        """How many point pairs agree."""
        return len(self.reference_points)

    @property
    def mirrored(self) -> bool:
        """Whether the reference lies mirrored in the listing."""
        # the determinant's sign says it where the depth is positive; at the top left corner the depth is matrix[2, 2]
        return bool(np.linalg.det(self.matrix) * self.matrix[2, 2] < 0)

    def median_error_px(self) -> float:
        """Median distance of mapped and matched points, in working pixels."""
        mapped = map_points(self.matrix, self.reference_points)
        return float(np.median(np.linalg.norm(mapped - self.listing_points, axis=1)))


def align(
    reference: tuple[Points, NDArray[np.float32]],
    listing: tuple[Points, NDArray[np.float32]],
    size: tuple[int, int],
    *,
    mirrored: bool,
) -> Alignment | None:
    """Align (points, unit descriptors) of a reference of `size` (width, height) with those of a listing picture.

    With `mirrored`, the reference's descriptors are those of its mirror image. None: no sane homography.
    """
    pairs = _mutual_matches(reference[1], listing[1])
    if len(pairs) < MIN_INLIERS:
        return None
    here, there = reference[0][pairs[:, 0]], listing[0][pairs[:, 1]]
    flip = _flip(size[0]) if mirrored else np.eye(3)
    matrix, mask = cv2.findHomography(
        map_points(flip, here), there, cv2.USAC_MAGSAC, _REPROJECTION_PX, maxIters=2000, confidence=0.999
    )
    if matrix is None or int(mask.sum()) < MIN_INLIERS:
        return None
    kept = mask.ravel() > 0
    found = checked_alignment(np.asarray(matrix @ flip, np.float64), here[kept], there[kept], size)
    return found if found and found.mirrored == mirrored else None


def checked_alignment(
    matrix: Matrix, reference_points: Points, listing_points: Points, size: tuple[int, int]
) -> Alignment | None:
    """The alignment, or None where the homography folds, collapses, or bends beyond what editing does."""
    corners = corners_of(size)
    depth = np.c_[corners, np.ones(4)] @ matrix[2]
    if depth.min() * depth.max() <= 0 or abs(depth).min() < 0.2 * abs(depth).max():
        return None
    mapped = map_points(matrix, corners)
    sides = np.roll(mapped, -1, axis=0) - mapped
    turns = sides[:, 0] * np.roll(sides, -1, axis=0)[:, 1] - sides[:, 1] * np.roll(sides, -1, axis=0)[:, 0]
    if turns.min() * turns.max() <= 0:
        return None
    area = abs(float(cv2.contourArea(mapped))) / (size[0] * size[1])
    lengths = np.maximum(np.linalg.norm(sides, axis=1), 1e-6)
    opposite = max(_over(lengths[0], lengths[2]), _over(lengths[1], lengths[3]))
    aspect = _over((lengths[0] + lengths[2]) / (lengths[1] + lengths[3]), size[0] / size[1])
    if not _MIN_AREA <= area <= _MAX_AREA or opposite > _MAX_OPPOSITE_SIDES or aspect > _MAX_ASPECT_CHANGE:
        return None
    return Alignment(
        matrix=matrix,
        reference_points=reference_points,
        listing_points=listing_points,
        obliqueness=float(opposite - 1),
        aspect_change=float(aspect - 1),
    )


def corners_of(size: tuple[int, int]) -> Points:
    """(4, 2) corners of a (width, height) picture, clockwise from the top left."""
    width, height = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)


def map_points(matrix: Matrix, points: Points) -> Points:
    """Points through a homography."""
    if len(points) == 0:
        return np.zeros((0, 2), np.float32)
    return np.asarray(cv2.perspectiveTransform(points[:, None].astype(np.float64), matrix)[:, 0], np.float32)


def _mutual_matches(reference: NDArray[np.float32], listing: NDArray[np.float32]) -> NDArray[np.intp]:
    """(m, 2) rows of nearest neighbors in both directions that pass Lowe's ratio test."""
    if len(reference) < 2 or len(listing) < 2:
        return np.zeros((0, 2), np.intp)
    similarity = reference @ listing.T
    rows = np.arange(len(reference))
    nearest, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    best = similarity[rows, nearest]
    similarity[rows, nearest] = -np.inf  # what is then the largest was the second
    near, next_near = _distance(best), _distance(similarity.max(axis=1))
    good = (back[nearest] == rows) & (near < _RATIO * next_near)
    return np.stack([rows[good], nearest[good]], axis=1)


def _distance(cosine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between unit vectors."""
    return np.asarray(np.sqrt(np.maximum(2 - 2 * cosine, 0)), np.float32)


def _flip(width: int) -> Matrix:
    return np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]], dtype=np.float64)


def _over(one: float, other: float) -> float:
    return float(max(one / other, other / one))
