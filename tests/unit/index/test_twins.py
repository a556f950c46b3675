from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from domain.catalog import ReferenceProduct
from index.artifact import IndexArtifact
from index.homography import map_points
from index.local_features import no_features
from index.twins import find_twins
from store.images import RGB

Product = Callable[..., ReferenceProduct]
IndexOf = Callable[..., IndexArtifact]
GARMENT = (slice(120, 400), slice(70, 290))


def recolored(rgb: RGB, gains: tuple[float, float, float]) -> RGB:
    changed = rgb.copy()
    changed[GARMENT] = np.clip(rgb[GARMENT] * np.array(gains), 0, 255).astype(np.uint8)
    return changed


@pytest.fixture(scope="module")
def artifact(draw: Callable[..., RGB], product: Product, index_of: IndexOf) -> IndexArtifact:
    red = draw(1)
    pictures = {
        "red": red,
        "blue": recolored(red, (0.5, 0.7, 1.3)),
        "green, closer": np.ascontiguousarray(recolored(red, (0.6, 1.2, 0.6))[30:450, 20:340]),
        "another": draw(2),
        "one more": draw(3),
        "plain": np.full((300, 300, 3), 255, np.uint8),
    }
    return index_of([product(name, [name]) for name in pictures], pictures)


def test_variants_are_twins_and_other_photographs_are_not(artifact: IndexArtifact) -> None:
    assert artifact.arrays.twin_pairs.tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]


def test_matrices_lead_from_the_first_to_the_second_and_back(artifact: IndexArtifact) -> None:
    matrices = dict(zip(map(tuple, artifact.arrays.twin_pairs.tolist()), artifact.arrays.twin_matrices, strict=True))
    corners = np.array([[60, 60], [240, 60], [240, 340], [60, 340]], np.float32)
    np.testing.assert_allclose(map_points(matrices[0, 1], corners), corners, atol=1)
    # the closer one is cut 20 px from the left and 30 from the top, then brought to working size
    expected = (corners / artifact.references[0].scale - [20, 30]) * artifact.references[2].scale
    np.testing.assert_allclose(map_points(matrices[0, 2], corners), expected, atol=1.5)
    np.testing.assert_allclose(map_points(matrices[2, 0], map_points(matrices[0, 2], corners)), corners, atol=1.5)


def test_both_directions_stand_in_the_list_where_only_one_was_found(
    artifact: IndexArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift = np.array([[1.0, 0, 7], [0, 1, 3], [0, 0, 1]])
    monkeypatch.setattr("index.twins._twins_of", lambda _, first: [(4, shift)] if first == 1 else [])
    pairs, matrices = find_twins(artifact)
    assert pairs.tolist() == [[1, 4], [4, 1]]
    np.testing.assert_allclose(matrices[1] @ matrices[0], np.eye(3), atol=1e-12)


def test_equal_bytes_under_two_names_are_twins(draw: Callable[..., RGB], product: Product, index_of: IndexOf) -> None:
    artifact = index_of([product("a", ["one"]), product("b", ["one"], holder="Other")], {"one": draw(4)})
    assert artifact.arrays.twin_pairs.tolist() == [[0, 1], [1, 0]]
    np.testing.assert_allclose(artifact.arrays.twin_matrices[0], np.eye(3), atol=1e-3)


def test_a_mirrored_copy_is_no_twin(draw: Callable[..., RGB], product: Product, index_of: IndexOf) -> None:
    pictures = {"here": draw(5), "mirrored": np.ascontiguousarray(draw(5)[:, ::-1])}
    artifact = index_of([product(name, [name]) for name in pictures], pictures)
    assert artifact.arrays.twin_pairs.shape == (0, 2)
    assert artifact.arrays.twin_matrices.shape == (0, 3, 3)


def test_one_print_on_two_grounds_is_no_twin(draw: Callable[..., RGB], product: Product, index_of: IndexOf) -> None:
    """Points agree on the print alone; that is how two photographs of one product look."""
    pictures = {"one": draw(6), "other": draw(7)}
    for picture in pictures.values():
        picture[150:330, 90:270] = draw(8)[150:330, 90:270]
    artifact = index_of([product(name, [name]) for name in pictures], pictures)
    assert artifact.arrays.twin_pairs.shape == (0, 2)


def test_progress_tells_every_reference(artifact: IndexArtifact) -> None:
    told: list[tuple[str, int, int | None]] = []
    find_twins(artifact, lambda *step: told.append(step))
    assert told == [("twins", n, 6) for n in range(1, 7)]


def test_a_reference_without_features_has_no_twins(artifact: IndexArtifact) -> None:
    points, descriptors = artifact.features_of(5)
    assert len(points) == len(descriptors) == len(no_features()) == 0
    assert cv2.countNonZero(255 - artifact.thumb_of(5)[..., 0]) == 0
