from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.homography import MIN_INLIERS, Alignment, align, checked_alignment, corners_of, map_points
from index.local_features import extract, mirrored
from store.images import RGB

SIZE = (300, 400)
NOTHING = np.zeros((0, 2), np.float32)
Matrix = NDArray[np.float64]


def similarity(turn: float, scale: float, across: float, down: float) -> Matrix:
    """Turned about the middle by degrees, scaled, moved by pixels."""
    return np.vstack([cv2.getRotationMatrix2D((150, 200), turn, scale), [0, 0, 1]]) + np.array(
        [[0, 0, across], [0, 0, down], [0, 0, 0]]
    )


def perspective(*corners: tuple[float, float]) -> Matrix:
    return cv2.getPerspectiveTransform(corners_of(SIZE), np.array(corners, np.float32)).astype(np.float64)


MIRROR = np.array([[-1.0, 0, 299], [0, 1, 0], [0, 0, 1]])
WARPS = {
    "same": np.eye(3),
    "turned": similarity(14, 1, 0, 0),
    "upside down": similarity(180, 1, 0, 0),
    "smaller and aside": similarity(0, 0.6, 30, -40),
    "cropped": similarity(0, 1.5, 20, 10),
    "sheared": np.array([[1.0, 0.15, -20], [0.05, 0.9, 5], [0, 0, 1]]),
    "stretched": np.array([[1.2, 0, -20], [0, 0.85, 20], [0, 0, 1]]),
    "seen aslant": perspective((20, 25), (280, 5), (295, 390), (8, 360)),
}


def aligned(drawn: RGB, matrix: Matrix, *, mirror: bool) -> Alignment | None:
    seen = cv2.warpPerspective(drawn, matrix, (340, 420), borderValue=(255, 255, 255))
    here = extract(cv2.cvtColor(drawn, cv2.COLOR_RGB2GRAY))
    there = extract(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY))
    descriptors = mirrored(here.unit_descriptors()) if mirror else here.unit_descriptors()
    return align((here.points, descriptors), (there.points, there.unit_descriptors()), SIZE, mirrored=mirror)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("name", WARPS)
def test_known_warps_are_recovered(draw: Callable[..., RGB], name: str, mirror: bool) -> None:
    matrix = WARPS[name] @ MIRROR if mirror else WARPS[name]
    found = aligned(draw(11, *SIZE), matrix, mirror=mirror)
    assert found is not None
    assert found.mirrored is mirror
    off = np.linalg.norm(map_points(found.matrix, corners_of(SIZE)) - map_points(matrix, corners_of(SIZE)), axis=1)
    assert off.max() < 1.5
    assert found.inliers >= 30
    assert found.median_error_px() < 1
    residual = map_points(matrix, found.reference_points) - found.listing_points
    assert np.median(np.linalg.norm(residual, axis=1)) < 1


def test_obliqueness_and_stretch_are_measured(draw: Callable[..., RGB]) -> None:
    straight = aligned(draw(11, *SIZE), WARPS["turned"], mirror=False)
    oblique = aligned(draw(11, *SIZE), WARPS["seen aslant"], mirror=False)
    stretched = aligned(draw(11, *SIZE), WARPS["stretched"], mirror=False)
    assert straight
    assert oblique
    assert stretched
    assert straight.obliqueness < 0.02 < 0.08 < oblique.obliqueness
    assert straight.aspect_change < 0.02
    assert stretched.aspect_change == pytest.approx(1.2 / 0.85 - 1, abs=0.02)


@pytest.mark.parametrize("mirror", [False, True])
def test_another_picture_does_not_align_well(draw: Callable[..., RGB], mirror: bool) -> None:
    here = extract(cv2.cvtColor(draw(11, *SIZE), cv2.COLOR_RGB2GRAY))
    there = extract(cv2.cvtColor(draw(12, *SIZE), cv2.COLOR_RGB2GRAY))
    own = here.unit_descriptors()
    found = align(
        (here.points, mirrored(own) if mirror else own), (there.points, there.unit_descriptors()), SIZE, mirrored=mirror
    )
    assert found is None or found.inliers < 15


def test_too_few_points_give_nothing() -> None:
    rng = np.random.default_rng(0)
    for count in (0, 1, 2, MIN_INLIERS - 1):
        points = rng.uniform(0, 300, (count, 2)).astype(np.float32)
        descriptors = np.eye(128, dtype=np.float32)[:count]
        assert align((points, descriptors), (points, descriptors), SIZE, mirrored=False) is None


@pytest.mark.parametrize("kind", ["one place", "one line"])
def test_points_that_span_nothing_give_nothing(kind: str) -> None:
    along = np.linspace(0, 1, 40)[:, None] * ([0, 0] if kind == "one place" else [250, 350])
    points, descriptors = along.astype(np.float32) + 20, np.eye(128, dtype=np.float32)[:40]
    found = align((points, descriptors), (points, descriptors), SIZE, mirrored=False)
    assert found is None or np.isfinite(found.matrix).all()


def test_a_reflection_that_claims_not_to_be_one_is_refused() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(20, 280, (60, 2)).astype(np.float32)
    descriptors = np.eye(128, dtype=np.float32)[:60]
    reflected = map_points(MIRROR, points)
    assert align((points, descriptors), (reflected, descriptors), SIZE, mirrored=False) is None
    assert align((points, descriptors), (points, descriptors), SIZE, mirrored=True) is None
    found = align((points, descriptors), (reflected, descriptors), SIZE, mirrored=True)
    assert found is not None
    assert found.mirrored


def test_nor_is_it_taken_from_an_estimator_that_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).uniform(20, 280, (60, 2)).astype(np.float32)
    own = (points, np.eye(128, dtype=np.float32)[:60])
    monkeypatch.setattr(cv2, "findHomography", lambda *_, **__: (MIRROR, np.ones((60, 1), np.uint8)))
    assert align(own, own, SIZE, mirrored=False) is None
    monkeypatch.setattr(cv2, "findHomography", lambda *_, **__: (np.eye(3), np.ones((60, 1), np.uint8)))
    assert align(own, own, SIZE, mirrored=False) is not None


REFUSED = {
    "folded": perspective((0, 0), (300, 400), (300, 0), (0, 400)),
    "one corner inside out": perspective((0, 0), (300, 0), (60, 60), (0, 400)),
    "a point": similarity(0, 0.01, 0, 0),
    "a line": np.array([[1.0, 0, 0], [0, 0.001, 0], [0, 0, 1]]),
    "a hundred times as large": similarity(0, 10, 0, 0),
    "extremely oblique": perspective((100, 180), (200, 180), (300, 400), (0, 400)),
    "twice and a half as wide": np.array([[2.5, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "through the horizon": np.array([[1.0, 0, 0], [0, 1, 0], [0, -0.004, 1]]),
    "nothing": np.zeros((3, 3)),
    "not a number": np.full((3, 3), np.nan),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_editor_makes_is_refused(name: str) -> None:
    assert checked_alignment(REFUSED[name], NOTHING, NOTHING, SIZE) is None


@pytest.mark.parametrize("name", WARPS)
def test_what_editors_make_is_accepted(name: str) -> None:
    upright = checked_alignment(WARPS[name], NOTHING, NOTHING, SIZE)
    turned_over = checked_alignment(-3 * WARPS[name] @ MIRROR, NOTHING, NOTHING, SIZE)
    assert upright is not None
    assert not upright.mirrored
    assert turned_over is not None
    assert turned_over.mirrored


numbers = st.floats(-3, 3, allow_nan=False)


@st.composite
def homographies(draw: st.DrawFn) -> Matrix:
    """Wild ones, tame ones, and what lies between; of either sign."""
    wildness = draw(st.sampled_from([0.05, 0.3, 1.0]))
    linear = np.eye(2) + wildness * np.array(draw(st.lists(numbers, min_size=4, max_size=4))).reshape(2, 2)
    matrix = np.eye(3)
    matrix[:2, :2] = linear * draw(st.sampled_from([0.2, 1.0, 4.0]))
    matrix[:2, 2] = 100 * np.array(draw(st.tuples(numbers, numbers)))
    matrix[2, :2] = 0.002 * wildness * np.array(draw(st.tuples(numbers, numbers)))
    return matrix * draw(st.sampled_from([1.0, -1.0, 0.01]))


@settings(max_examples=400)
@given(matrix=homographies(), width=st.integers(8, 400), height=st.integers(8, 400))
def test_whatever_is_accepted_is_a_convex_picture_in_its_sense_of_rotation(
    matrix: Matrix, width: int, height: int
) -> None:
    found = checked_alignment(matrix, NOTHING, NOTHING, (width, height))
    if found is None:
        return
    mapped = map_points(matrix, corners_of((width, height))).astype(np.float64)
    sides = np.roll(mapped, -1, axis=0) - mapped
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    assert (turns > 0).all() or (turns < 0).all()
    assert found.mirrored == bool(turns[0] < 0)
    area = abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(mapped, np.roll(mapped, -1, axis=0), strict=True))) / 2
    assert 0.01 < area / (width * height) < 31
    back = map_points(np.linalg.inv(matrix), mapped.astype(np.float32))
    assert np.abs(back - corners_of((width, height))).max() < 0.05 * max(width, height)
    assert found.obliqueness >= 0
    assert found.aspect_change >= 0


def test_no_points_map_to_no_points() -> None:
    assert map_points(np.eye(3), NOTHING).shape == (0, 2)
