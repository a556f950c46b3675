"""The eye for texture: local features of a picture that lie as those of a logo do, and pixels that then agree.

A mark is small in its picture and flat, so a picture is looked at larger than for copies, and what is fitted has four
degrees of freedom before it has six: few points agree on more. Few points also agree by chance, so the logo's pixels
are laid over the picture's and compared; that, not the number of points, tells a mark from a coincidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from index.agreement import compare, unwarp
from index.homography import Matrix, Points, corners_of, map_points
from index.local_features import LocalFeatures, extract, unit
from index.logo_index import LogoIndex
from store.images import RGB

LOOKING_SIDE = 800
"""Pixels of the longer side at which a picture is searched for logos."""
_MOST_FEATURES = 1200
_SHORTLIST, _PER_BRAND = 16, 3
"""Logo pictures that are aligned, by votes, and how many of them may be one brand's."""
_FAR, _RATIO = 0.85, 0.9
"""Distance of unit descriptors beyond which nothing matches, and Lowe's ratio."""
_REPROJECTION_PX = 6.0
_FEWEST = 4
_AFFINE_FROM = 6
"""Points from which a shear and a stretch are fitted too."""
_SMALLEST, _LARGEST = 0.04, 6.0
"""Pixels in the picture per pixel of the logo."""
_MOST_STRETCH = 1.8
"""Longer over shorter axis of the fitted map."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LookedAt:
    """A picture at looking size, with its features."""

    rgb: RGB
    scale: float
    """Looking pixels per pixel of the picture."""
    features: LocalFeatures


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogoAlignment:
    """How a logo's picture lies in a listing picture."""

    number: int
    """Position in the logo index's references."""
    matrix: Matrix
    """(3, 3) from the logo's working pixels to pixels of the picture that was handed over."""
    inliers: int
    correlation: float
    """Median normalized cross-correlation of the pixels that are drawn, -1 to 1."""
    agreeing: float
    """Share of them that correlate, 0 to 1."""
    spread: float
    """Area that the agreeing points span, as a share of the logo's picture, 0 to 1."""
    outline: Points
    """(4, 2) corners of the logo's picture in the picture."""

    @property
    def strength(self) -> float:
        """To order alignments by: points, pixels and spread together; about 1 is chance, 4 is sure."""
        pixels = max(self.correlation, 0.0)
        return float(np.log(self.inliers) + 2 * pixels + self.agreeing + 2 * min(self.spread, 0.3))


def look_at(rgb: RGB) -> LookedAt:
    """Features of a (height, width, 3) picture at LOOKING_SIDE; a small one is enlarged at most four times."""
    scale = min(LOOKING_SIDE / max(rgb.shape[:2]), 4.0)
    size = (max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    looked = np.asarray(cv2.resize(rgb, size, interpolation=how), np.uint8)
    gray = np.asarray(cv2.cvtColor(looked, cv2.COLOR_RGB2GRAY), np.uint8)
    return LookedAt(rgb=looked, scale=scale, features=extract(gray, most=_MOST_FEATURES))


def align_logos(picture: LookedAt, logos: LogoIndex) -> tuple[LogoAlignment, ...]:
    """Logos that lie in the picture, strongest first. What is weak is here too: a model weighs it."""
    if len(picture.features) < _FEWEST or not len(logos.arrays.points):
        return ()
    descriptors = picture.features.unit_descriptors()
    votes = logos.votes.vote(descriptors, len(logos.references), most=_MOST_FEATURES)
    found = [_aligned(picture, descriptors, logos, number) for number in _shortlist(votes, logos)]
    return tuple(sorted((one for one in found if one), key=lambda one: -one.strength))


def _shortlist(votes: NDArray[np.float32], logos: LogoIndex) -> Iterator[int]:
    taken: dict[tuple[str, str], int] = {}
    kept = 0
    for number in np.argsort(-votes, kind="stable"):
        reference = logos.references[number]
        brand = (reference.rights_holder, reference.brand)
        if votes[number] <= 0 or kept == _SHORTLIST:
            return
        if taken.get(brand, 0) < _PER_BRAND:
            taken[brand] = taken.get(brand, 0) + 1
            kept += 1
            yield int(number)


def _aligned(
    picture: LookedAt, descriptors: NDArray[np.float32], logos: LogoIndex, number: int
) -> LogoAlignment | None:
    points, stored = logos.features_of(number)
    own, seen = _matches(unit(stored), descriptors)
    if len(own) < _FEWEST:
        return None
    here, there = np.ascontiguousarray(points[own]), np.ascontiguousarray(picture.features.points[seen])
    fitted = _fit(here, there)
    if fitted is None:
        return None
    matrix, kept = fitted
    reference = logos.references[number]
    thumb = logos.thumb_of(number)
    shown, inside = unwarp(picture.rgb, matrix, reference.size, thumb)
    agreement = compare(thumb, shown, inside)
    hull = cv2.contourArea(cv2.convexHull(here[kept]))
    back = np.diag([1 / picture.scale, 1 / picture.scale, 1.0]) @ matrix
    return LogoAlignment(
        number=number,
        matrix=back,
        inliers=int(kept.sum()),
        correlation=agreement.correlation,
        agreeing=agreement.agreeing,
        spread=min(1.0, hull / (reference.size[0] * reference.size[1])),
        outline=map_points(back, corners_of(reference.size)),
    )


def _matches(own: NDArray[np.float32], seen: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of nearest neighbors in both directions that pass Lowe's ratio test within the picture."""
    similarity = own @ seen.T
    rows = np.arange(len(own))
    nearest, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    best = similarity[rows, nearest]
    similarity[rows, nearest] = -np.inf
    near, second = (np.sqrt(np.maximum(2 - 2 * cosine, 0)) for cosine in (best, similarity.max(axis=1)))
    good = (back[nearest] == rows) & (near < _RATIO * second) & (near < _FAR)
    return rows[good], nearest[good]


def _fit(here: Points, there: Points) -> tuple[Matrix, NDArray[np.bool_]] | None:
    """A similarity by RANSAC, refined to an affine map where points allow it; None where it collapses."""
    similar, mask = cv2.estimateAffinePartial2D(
        here, there, ransacReprojThreshold=_REPROJECTION_PX, maxIters=1000, confidence=0.99
    )
    if similar is None:
        return None
    kept = mask.ravel() > 0
    scale = float(np.hypot(similar[0, 0], similar[1, 0]))
    if kept.sum() < _FEWEST or not _SMALLEST <= scale <= _LARGEST:
        return None
    if kept.sum() >= _AFFINE_FROM:
        refined, _ = cv2.estimateAffine2D(here[kept], there[kept], ransacReprojThreshold=_REPROJECTION_PX)
        if refined is not None and _is_sane(np.asarray(refined[:, :2], np.float64), scale):
            similar = refined
    return np.vstack([similar, [0.0, 0.0, 1.0]]).astype(np.float64), kept


def _is_sane(linear: NDArray[np.float64], scale: float) -> bool:
    axes = np.linalg.svd(linear, compute_uv=False)
    return bool(
        np.linalg.det(linear) > 0 and axes[0] < _MOST_STRETCH * axes[1] and axes[0] * axes[1] < 2 * scale * scale
    )
