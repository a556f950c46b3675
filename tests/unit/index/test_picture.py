from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.local_features import WORKING_SIDE
from index.picture import pdq_distances, pdq_hashes, prepare
from store.images import RGB


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_points_are_told_at_working_size(draw: Callable[..., RGB], factor: float) -> None:
    drawn = draw(5, 240, 320)
    picture = prepare(cv2.resize(drawn, None, fx=factor, fy=factor))
    assert (picture.width, picture.height) == (240, 320)
    assert picture.scale == pytest.approx(1 / factor)
    assert max(picture.rgb.shape[:2]) == WORKING_SIDE
    assert len(picture.features) > 100
    assert picture.features.points[:, 0].max() <= picture.width


def test_distances_are_those_of_counted_bits(draw: Callable[..., RGB]) -> None:
    hashes = np.stack([pdq_hashes(draw(seed))[0] for seed in range(4)])
    counted = [int(np.unpackbits(hashes[0] ^ one).sum()) for one in hashes]
    assert pdq_distances(hashes[0], hashes).tolist() == counted
    assert counted[0] == 0
    assert min(counted[1:]) > 70


def test_the_hash_survives_compression_and_not_a_mirror(draw: Callable[..., RGB], jpeg: Callable[..., bytes]) -> None:
    drawn = draw(6)
    squeezed = cv2.imdecode(np.frombuffer(jpeg(drawn, 20), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    hashes = np.stack([pdq_hashes(np.ascontiguousarray(squeezed))[0], pdq_hashes(drawn[:, ::-1])[0]])
    near, far = pdq_distances(pdq_hashes(drawn)[0], hashes).tolist()
    assert near <= 31 < far


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 40_000), (2, 2), (7, 390)])
@pytest.mark.parametrize("fill", ["black", "white", "noise"])
def test_slivers_are_prepared_and_have_no_features(size: tuple[int, int], fill: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    rgb = {"black": noise * 0, "white": noise * 0 + 255, "noise": noise}[fill].astype(np.uint8)
    picture = prepare(rgb)
    assert min(picture.width, picture.height) >= 8
    assert picture.pdq.shape == (32,)
    if min(size) * picture.scale < 8:
        assert len(picture.features) == 0


@settings(max_examples=25)
@given(width=st.integers(1, 900), height=st.integers(1, 900), seed=st.integers(0, 9))
def test_any_size_is_prepared(width: int, height: int, seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    picture = prepare(rgb)
    assert max(picture.width, picture.height) == WORKING_SIDE
    if len(picture.features):
        back = picture.features.points / picture.scale
        assert back.min() >= 0
        assert (back <= np.array([width, height]) * 1.1 + 1).all()


def test_the_mirror_images_hash_comes_along(draw: Callable[..., RGB]) -> None:
    drawn = draw(3)
    upright, flipped = pdq_hashes(drawn)
    assert np.array_equal(flipped, pdq_hashes(drawn[:, ::-1])[0])
    assert not np.array_equal(flipped, upright)
