"""A logo laid over the place where it was found, upright or mirrored, as exactly as its edges allow.

Edges are compared, not colors: a mark is printed light on dark as well as dark on light. Where to begin comes from the
place found, from a fit that is already known, and from local features; a search by gradients (Evangelidis and
Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization", PAMI 2008) makes it exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.match import Box
from index.homography import Matrix
from index.local_features import extract, mirrored
from store.images import RGB

FRAME_SIDE = 128
"""Pixels of the longer side of the frame in which a logo and what was found are compared."""
_MARGIN = 0.15
"""Around the mark in its frame, in shares of its longer side: what surrounds a mark tells where it ends."""
_AROUND = 0.35
"""Of the place's sides, how much more of the picture is looked at on each."""
_LOOKED_SIDE = 256
_COARSE = 64
_STEPS = 40
_FEWEST_POINTS = 5
_REPROJECTION_PX = 5.0
_SMOOTH = 1.2
_SIDE_SHARE = 0.6
_LEAST_AXIS, _MOST_AXES = 0.2, 3.0
"""Smallest scale, and longer over shorter axis, of a map that is tried."""
_SPARED, _WORTH_SHRINKING = 2.0, 0.5
"""A picture is shrunk first to this many pixels for each that is wanted, where that leaves less than half of it."""
_MOST_SIDE = 16_000
"""Longer sides OpenCV does not warp."""

Gray = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Registration:
    """A logo and what was found, pixel on pixel in the logo's frame."""

    logo: RGB
    """(h, w, 3), longer side 128 px."""
    seen: RGB
    """The same of the listing picture, mirrored back where the logo lies mirrored."""
    inside: NDArray[np.bool_]
    """(h, w) where the listing picture has pixels."""
    content: tuple[int, int, int, int]
    """(left, top, right, bottom) of the mark in the frame."""
    linear: NDArray[np.float64]
    """(2, 2) from the logo's own pixels to the listing picture's; its determinant is negative for a mirrored logo."""
    correlation: float
    """Of the edges of both, -1 to 1; about 0.3 is chance, 0.7 is sure."""

    @property
    def wider(self) -> float:
        """How much wider for its height the mark is than the logo, as a factor."""
        across, down = (float(np.linalg.norm(self.linear[:, axis])) for axis in (0, 1))
        return across / max(down, 1e-9)

    @property
    def shear(self) -> float:
        """Cosine of the angle between what was horizontal and what was vertical, 0 to 1; 0 = still upright."""
        across, down = self.linear[:, 0], self.linear[:, 1]
        return abs(float(across @ down)) / max(float(np.linalg.norm(across)) * float(np.linalg.norm(down)), 1e-9)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Frames:
    """The logo in its frame, the part of the picture that is looked at, and how both lie in what they are from."""

    logo: RGB
    seen: RGB
    from_logo: Matrix
    """Logo pixels to frame pixels."""
    from_picture: Matrix
    """Picture pixels to looked-at pixels."""
    content: tuple[int, int, int, int]


def register(
    picture: RGB,
    box: Box,
    logo: RGB,
    content: tuple[float, float, float, float],
    matrix: Matrix | None = None,
) -> tuple[Registration | None, Registration | None]:
    """(upright, mirrored): the best fit of each kind of `logo` to what stands in `box`; None: nothing fits.

    `content` is the part of `logo` that is the mark. `matrix` maps logo pixels to picture pixels, where that is known.
    """
    frames = _frames(picture, box, logo, content)
    logo_edges, seen_edges = edges_of(frames.logo), edges_of(frames.seen)
    best: dict[bool, tuple[float, Matrix]] = {}
    for start, flipped in _starts(frames, box, matrix):
        found = _refined(logo_edges, seen_edges, start)
        if found is not None and (flipped not in best or found[0] > best[flipped][0]):
            best[flipped] = found
    fits = [_registration(frames, *best[kind]) if kind in best else None for kind in (False, True)]
    return fits[0], fits[1]


def register_part(
    picture: RGB,
    box: Box,
    logo: RGB,
    content: tuple[float, float, float, float],
    matrix: Matrix | None = None,
) -> Registration | None:
    """The fit, upright, of that side of `logo` that fits best: left, right, upper or lower 0.6 of it.

    For a mark of which a part cannot be seen; the arguments are those of `register`.
    """
    frames = _frames(picture, box, logo, content)
    logo_edges, seen_edges = edges_of(frames.logo), edges_of(frames.seen)
    starts = [start for start, flipped in _starts(frames, box, matrix) if not flipped]
    best: tuple[float, Matrix] | None = None
    for left, top, right, bottom in _sides(frames.content):
        shift = np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]])
        for start in starts:
            found = _search(np.ascontiguousarray(logo_edges[top:bottom, left:right]), seen_edges, start @ shift)
            if found is not None and (best is None or found[0] > best[0]):
                best = found[0], found[1] @ np.linalg.inv(shift)
    return _registration(frames, *best) if best else None


def _sides(content: tuple[int, int, int, int]) -> Iterator[tuple[int, int, int, int]]:
    left, top, right, bottom = content
    across, down = round(_SIDE_SHARE * (right - left)), round(_SIDE_SHARE * (bottom - top))
    near = round(0.05 * max(right - left, bottom - top))
    yield left - near, top - near, left + across, bottom + near
    yield right - across, top - near, right + near, bottom + near
    yield left - near, top - near, right + near, top + down
    yield left - near, bottom - down, right + near, bottom + near


def _frames(picture: RGB, box: Box, logo: RGB, content: tuple[float, float, float, float]) -> _Frames:
    left, top, right, bottom = content
    longer = max(right - left, bottom - top, 1.0)
    scale = FRAME_SIDE / (longer * (1 + 2 * _MARGIN))
    margin = _MARGIN * longer
    from_logo = np.array([[scale, 0, (margin - left) * scale], [0, scale, (margin - top) * scale], [0, 0, 1.0]])
    size = (round((right - left + 2 * margin) * scale), round((bottom - top + 2 * margin) * scale))
    near, far_x, far_y = margin * scale, (margin + right - left) * scale, (margin + bottom - top) * scale
    inner = round(near), round(near), round(far_x), round(far_y)
    x0, y0, x1, y1 = _widened(box, picture)
    zoom = _LOOKED_SIDE / max(x1 - x0, y1 - y0)
    from_picture = np.array([[zoom, 0, -x0 * zoom], [0, zoom, -y0 * zoom], [0, 0, 1.0]])
    looked = (max(8, round((x1 - x0) * zoom)), max(8, round((y1 - y0) * zoom)))
    return _Frames(
        logo=warp(logo, from_logo, size),
        seen=warp(picture, from_picture, looked),
        from_logo=from_logo,
        from_picture=from_picture,
        content=inner,
    )


def _widened(box: Box, picture: RGB) -> Box:
    """With some of what stands around it; at least 8 px, within the picture."""
    height, width = picture.shape[:2]
    across, down = max(box[2] - box[0], 8.0) * _AROUND, max(box[3] - box[1], 8.0) * _AROUND
    left, top = max(0.0, min(box[0] - across, width - 8.0)), max(0.0, min(box[1] - down, height - 8.0))
    return left, top, max(left + 8.0, min(box[2] + across, width)), max(top + 8.0, min(box[3] + down, height))


def warp(picture: RGB, matrix: Matrix, size: tuple[int, int]) -> RGB:
    """The picture through `matrix` at (width, height), its border repeated, without the noise of shrinking.

    Only the part that is shown is looked at, and what is shrunk a lot is shrunk first: pictures may be large.
    """
    factor = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    blur = min(0.5 / max(factor, 1e-6), 20.0) if factor < 0.7 else 0.0
    left, top, right, bottom = _shown(picture, matrix, size, margin=4 * blur + 2)
    part = picture[top:bottom, left:right]
    onto = matrix @ np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]])
    shrink = min(_SPARED * _zoom(matrix), _MOST_SIDE / max(part.shape[:2]))
    if shrink < _WORTH_SHRINKING:
        width, height = (max(1, round(side * shrink)) for side in (right - left, bottom - top))
        across, down = (right - left) / width, (bottom - top) / height
        part = np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        # a pixel's middle stays a pixel's middle
        onto = onto @ np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]])
        # the mean over a pixel's area has blurred it already
        blur = float(np.sqrt(max(0.0, (blur * shrink) ** 2 - (1 - shrink**2) / 12)))
    source = cv2.GaussianBlur(part, (0, 0), blur) if blur > 0 else np.ascontiguousarray(part)
    laid = cv2.warpPerspective(source, onto, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, np.uint8)


def _zoom(matrix: Matrix) -> float:
    """Pixels that one of the picture becomes, along the axis in which it becomes most."""
    return float(np.linalg.norm(matrix[:2, :2], ord=2)) / max(abs(float(matrix[2, 2])), 1e-9)


def _shown(picture: RGB, matrix: Matrix, size: tuple[int, int], *, margin: float) -> tuple[int, int, int, int]:
    """(left, top, right, bottom), at least a pixel, of what `matrix` maps to `size`; all of it past a horizon."""
    height, width = picture.shape[:2]
    across, down = size
    corners = np.array([[-1.0, -1, 1], [across, -1, 1], [across, down, 1], [-1, down, 1]])
    found = corners @ np.asarray(cv2.invert(np.asarray(matrix, np.float64))[1]).T
    depth = found[:, 2:]
    if not np.isfinite(found).all() or not (depth.min() > 1e-9 or depth.max() < -1e-9):
        return 0, 0, width, height
    points = np.clip(found[:, :2] / depth, -margin, (width + margin, height + margin))
    left, top = (int(max(0.0, np.floor(low - margin))) for low in points.min(axis=0))
    right, bottom = (int(np.ceil(high + margin)) for high in points.max(axis=0))
    left, top = min(left, width - 1), min(top, height - 1)
    return left, top, max(left + 1, min(right, width)), max(top + 1, min(bottom, height))


def edges_of(rgb: RGB) -> Gray:
    """Strength of the strongest channel's edges, evened out: strong ones count little more than clear ones."""
    smooth = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), _SMOOTH)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = np.sqrt(across**2 + down**2).max(axis=2)
    level = float(np.percentile(strength, 90)) + 8.0
    return np.asarray(np.sqrt(strength / level), np.float32)


def _starts(frames: _Frames, box: Box, matrix: Matrix | None) -> Iterator[tuple[Matrix, bool]]:
    """Maps from the frame to the looked-at picture to begin with, and whether each mirrors."""
    left, top, right, bottom = frames.content
    flip = np.array([[-1.0, 0, left + right], [0, 1, 0], [0, 0, 1]])
    corners = np.array([[box[0], box[1], 1], [box[2], box[3], 1]]) @ frames.from_picture.T
    wide, high = (corners[1, :2] - corners[0, :2]) / (max(right - left, 1), max(bottom - top, 1))
    place = np.array(
        [[wide, 0, corners[0, 0] - wide * left], [0, high, corners[0, 1] - high * top], [0, 0, 1.0]], np.float64
    )
    yield place, False
    yield place @ flip, True
    if matrix is not None:
        known = frames.from_picture @ matrix @ np.linalg.inv(frames.from_logo)
        affine = np.vstack([known[:2] / known[2, 2], [0, 0, 1.0]])
        yield affine, False
        yield affine @ flip, True
    own, seen = extract(_gray(frames.logo)), extract(_gray(frames.seen))
    for flipped in (False, True):
        if len(own) < _FEWEST_POINTS or len(seen) < _FEWEST_POINTS:
            return
        descriptors = own.unit_descriptors()
        fitted = _fit(
            own.points, mirrored(descriptors) if flipped else descriptors, seen.points, seen.unit_descriptors()
        )
        if fitted is not None and (np.linalg.det(fitted[:2, :2]) < 0) == flipped:
            yield fitted, flipped


def _fit(
    points: NDArray[np.float32], own: NDArray[np.float32], seen_points: NDArray[np.float32], seen: NDArray[np.float32]
) -> Matrix | None:
    similarity = own @ seen.T
    nearest, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    mutual = np.flatnonzero(back[nearest] == np.arange(len(own)))
    if len(mutual) < _FEWEST_POINTS:
        return None
    affine, kept = cv2.estimateAffine2D(
        points[mutual], seen_points[nearest[mutual]], ransacReprojThreshold=_REPROJECTION_PX, maxIters=1000
    )
    if affine is None or int(kept.sum()) < _FEWEST_POINTS:
        return None
    return np.vstack([affine, [0, 0, 1.0]])


def _refined(logo: Gray, seen: Gray, start: Matrix) -> tuple[float, Matrix] | None:
    """(correlation, map) after the search, coarse and then fine; None where it runs away."""
    shrink = _COARSE / FRAME_SIDE
    coarse = np.diag([shrink, shrink, 1.0])
    small_logo, small_seen = (
        cv2.resize(one, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) for one in (logo, seen)
    )
    found = _search(
        np.asarray(small_logo, np.float32), np.asarray(small_seen, np.float32), coarse @ start @ np.linalg.inv(coarse)
    )
    if found is None:
        return None
    return _search(logo, seen, np.linalg.inv(coarse) @ found[1] @ coarse)


def _search(logo: Gray, seen: Gray, start: Matrix) -> tuple[float, Matrix] | None:
    if not _is_sane(start):
        return None
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, 1e-4)
    try:
        correlation, affine = cv2.findTransformECC(
            logo, seen, start[:2].astype(np.float32), cv2.MOTION_AFFINE, criteria, np.ones(seen.shape, np.uint8), 5
        )
    except cv2.error:  # that is how it says that it does not converge
        return None
    matrix = np.vstack([affine.astype(np.float64), [0, 0, 1.0]])
    return (float(correlation), matrix) if _is_sane(matrix) and np.isfinite(correlation) else None


def _is_sane(matrix: Matrix) -> bool:
    if not np.isfinite(matrix).all():
        return False
    axes = np.linalg.svd(matrix[:2, :2], compute_uv=False)
    return bool(axes[1] > _LEAST_AXIS and axes[0] < _MOST_AXES * axes[1])


def _registration(frames: _Frames, correlation: float, matrix: Matrix) -> Registration:
    height, width = frames.logo.shape[:2]
    back = np.asarray(np.linalg.inv(matrix), np.float64)
    inside = cv2.warpPerspective(np.full(frames.seen.shape[:2], 255, np.uint8), back, (width, height))
    whole = np.linalg.inv(frames.from_picture) @ matrix @ frames.from_logo
    return Registration(
        logo=frames.logo,
        seen=warp(frames.seen, back, (width, height)),
        inside=np.asarray(inside > 250),
        content=frames.content,
        linear=np.asarray(whole[:2, :2], np.float64),
        correlation=correlation,
    )


def _gray(rgb: RGB) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
