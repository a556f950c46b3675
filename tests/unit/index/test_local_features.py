from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from index.local_features import MAX_FEATURES, extract, inverted, mirrored, no_features, unit
from store.images import RGB


def gray(rgb: RGB) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form", ["mirror image", "negative"])
def test_rearranged_descriptors_are_those_of_the_other_picture(draw: Callable[..., RGB], seed: int, form: str) -> None:
    picture = gray(draw(seed))
    other = np.ascontiguousarray(picture[:, ::-1]) if form == "mirror image" else np.asarray(255 - picture, np.uint8)
    here, there = extract(picture), extract(other)
    moved = here.points * [-1, 1] + [picture.shape[1] - 1, 0] if form == "mirror image" else here.points
    rearranged = mirrored if form == "mirror image" else inverted
    apart = np.linalg.norm(moved[:, None] - there.points[None], axis=-1) < 2
    cosine = rearranged(here.unit_descriptors()) @ there.unit_descriptors().T
    best = np.where(apart, cosine, -1).max(axis=1)
    met = apart.any(axis=1)
    assert met.mean() > 0.85
    assert (best[met] > 0.95).mean() > 0.9
    unturned = np.where(apart, here.unit_descriptors() @ there.unit_descriptors().T, -1).max(axis=1)
    assert np.median(unturned[met]) < 0.9 < np.median(best[met])


def test_rearranging_twice_changes_nothing(draw: Callable[..., RGB]) -> None:
    descriptors = extract(gray(draw(1))).unit_descriptors()
    np.testing.assert_array_equal(mirrored(mirrored(descriptors)), descriptors)
    np.testing.assert_array_equal(inverted(inverted(descriptors)), descriptors)


def test_stored_bytes_are_unit_vectors_again(draw: Callable[..., RGB]) -> None:
    features = extract(gray(draw(2)))
    assert features.descriptors.dtype == np.uint8
    assert features.descriptors.shape == (len(features), 128)
    assert features.points.shape == (len(features), 2)
    np.testing.assert_allclose(np.linalg.norm(features.unit_descriptors(), axis=1), 1, atol=1e-5)
    # before they are brought to unit length again, rounding has cost little
    np.testing.assert_allclose(np.linalg.norm(features.descriptors / 512.0, axis=1), 1, atol=0.08)


def test_a_descriptor_of_nothing_stays_finite() -> None:
    assert np.isfinite(unit(np.zeros((3, 128), np.uint8))).all()


def test_no_more_than_the_most_features(draw: Callable[..., RGB]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400)).astype(np.uint8)
    assert len(extract(noise)) == MAX_FEATURES


@pytest.mark.parametrize("shade", [0, 128, 255])
@pytest.mark.parametrize("shape", [(8, 8), (8, 400), (400, 8), (400, 400)])
def test_plain_pictures_have_no_features(shade: int, shape: tuple[int, int]) -> None:
    features = extract(np.full(shape, shade, np.uint8))
    assert len(features) == 0
    assert features.points.shape == no_features().points.shape == (0, 2)
    assert features.unit_descriptors().shape == (0, 128)


def test_equal_pictures_have_equal_features(draw: Callable[..., RGB]) -> None:
    one, other = extract(gray(draw(3))), extract(gray(draw(3)))
    np.testing.assert_array_equal(one.points, other.points)
    np.testing.assert_array_equal(one.descriptors, other.descriptors)
