"""What was put in is found again: by its vectors, by its features, with its owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from index.agreement import thumbnail
from index.embedder import Embedder, Space
from index.local_features import extract, unit
from index.logo_index import LogoIndex, LogoPicture, build_logo_index, logo_views, no_logos
from index.logo_variants import LogoKind, variants
from store.images import RGB


class CopiesOnly:
    """A stand-in for an embedder that knows no marks."""

    size = 32
    spaces = frozenset[Space]({"copy"})

    def embed(self, images: NDArray[np.float32], space: Space = "copy") -> NDArray[np.float32]:
        raise AssertionError("it has no mark vectors")


@pytest.fixture(scope="module")
def pictures(drawings: Any) -> list[LogoPicture]:
    return list(drawings.pictures(5))


@pytest.fixture(scope="module")
def logos(pictures: list[LogoPicture], shipped_embedder: Embedder) -> LogoIndex:
    return build_logo_index(pictures, shipped_embedder)


def test_every_variant_stands_with_its_owner(logos: LogoIndex, pictures: list[LogoPicture]) -> None:
    expected = [(one.brand, one.sha256, variant) for one in pictures for variant in variants(one.rgba)]
    assert len(logos.references) == len(expected)
    for number, (brand, sha256, variant) in enumerate(expected):
        reference = logos.references[number]
        assert (reference.rights_holder, reference.brand, reference.sha256) == ("Marks Ltd", brand, sha256)
        assert (reference.kind, reference.content) == (variant.kind, variant.content)
        assert reference.size == variant.rgb.shape[1::-1]
        thumb = logos.thumb_of(number)
        assert thumb.shape == (*reference.thumb[::-1], 3)
        assert max(thumb.shape) == 128
        np.testing.assert_array_equal(thumb, thumbnail(variant.rgb))
        assert logos.thumb_of(number) is thumb
        points, descriptors = logos.features_of(number)
        assert len(points) == len(descriptors) == reference.features
        assert (reference.features > 0) == (reference.kind == LogoKind.COLOR)
        if reference.features:
            found = extract(cv2.cvtColor(variant.rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8))
            np.testing.assert_array_equal(points, found.points)


def test_vectors_are_those_of_the_variants_and_find_them(
    logos: LogoIndex, pictures: list[LogoPicture], shipped_embedder: Embedder
) -> None:
    views = [logo_views(variant, 128) for one in pictures for variant in variants(one.rgba)]
    vectors = shipped_embedder.embed(np.concatenate(views), "mark")
    np.testing.assert_allclose(logos.vectors, vectors, atol=2e-3)
    assert logos.vectors.dtype == np.float32
    cosines, numbers = logos.search(vectors, 3)
    np.testing.assert_array_equal(numbers[:, 0], np.arange(len(vectors)))
    assert cosines[:, 0] == pytest.approx(1, abs=2e-3)
    expected = vectors @ vectors.T
    np.testing.assert_allclose(cosines, np.take_along_axis(expected, numbers, axis=1), atol=3e-3)


def test_a_reference_with_two_views_is_found_once_by_the_better(
    shipped_embedder: Embedder, draw: Callable[..., RGB]
) -> None:
    wide = [
        LogoPicture(rights_holder="h", brand=str(n), sha256=str(n), rgba=np.dstack([draw(n, 300, 150), OPAQUE]))
        for n in range(3)
    ]
    logos = build_logo_index(wide, shipped_embedder)
    assert [one.kind for one in logos.references] == [LogoKind.PHOTO] * 3
    assert logos.arrays.view_owners.tolist() == [0, 0, 1, 1, 2, 2]
    cosines, numbers = logos.search(logos.vectors, 3)
    assert numbers[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert all(sorted(line) == [0, 1, 2] for line in numbers.tolist())
    every = logos.vectors @ logos.vectors.T
    best = np.maximum(every[:, ::2], every[:, 1::2])
    np.testing.assert_allclose(cosines, -np.sort(-best, axis=1), atol=2e-3)
    more_cosines, more = logos.search(logos.vectors[:1], 7)
    assert more[0, 3:].tolist() == [-1] * 4
    assert (more_cosines[0, 3:] == -1).all()


OPAQUE = np.full((150, 300), 255, np.uint8)


def test_features_vote_for_their_logo(logos: LogoIndex, drawings: Any) -> None:
    for brand in range(5):
        picture, box = drawings.photograph_of(drawings.logo(brand), brand)
        left, top, right, bottom = (round(side) for side in box)
        found = extract(cv2.cvtColor(picture[top:bottom, left:right], cv2.COLOR_RGB2GRAY).astype(np.uint8))
        votes = logos.votes.vote(unit(found.descriptors), len(logos.references))
        first = [logos.references[number].brand for number in np.argsort(-votes)[:2]]  # noise votes, too
        assert f"Brand {brand}" in first
        assert votes.max() > 2 * np.sort(votes)[-3]


def test_an_embedder_without_marks_leaves_features_alone(pictures: list[LogoPicture]) -> None:
    logos = build_logo_index(pictures, CopiesOnly())
    assert sum(one.features for one in logos.references) == len(logos.arrays.points) > 0
    assert logos.vectors.size == 0
    cosines, numbers = logos.search(np.ones((2, 9), np.float32), 4)
    assert (numbers == -1).all()
    assert (cosines == -1).all()


def test_no_logos_are_an_index_too(shipped_embedder: Embedder) -> None:
    for none in (no_logos(), build_logo_index([], shipped_embedder)):
        assert none.references == ()
        assert (none.search(np.ones((1, 256), np.float32), 2)[1] == -1).all()
        assert none.votes.vote(np.ones((3, 128), np.float32), 0).shape == (0,)


def test_pictures_are_taken_one_at_a_time(pictures: list[LogoPicture]) -> None:
    given: list[int] = []
    told: list[tuple[str, int, int | None]] = []

    def one_by_one() -> Iterator[LogoPicture]:
        for number, picture in enumerate(pictures):
            assert len(told) == number
            given.append(number)
            yield picture

    build_logo_index(one_by_one(), CopiesOnly(), lambda *step: told.append(step), total=5)
    assert told == [("logos", done, 5) for done in range(1, 6)]


def test_many_views_are_embedded_as_few_are(logos: LogoIndex, pictures: list[LogoPicture]) -> None:
    """Whether batches end in the middle of a logo makes no difference."""

    class Means(CopiesOnly):
        spaces = frozenset[Space]({"mark"})

        def embed(self, images: NDArray[np.float32], space: Space = "copy") -> NDArray[np.float32]:
            means = images.mean(axis=(2, 3)) + 1e-3
            return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)

    many = build_logo_index(pictures * 8, Means())
    few = build_logo_index(pictures, Means())
    assert len(many.vectors) > 128
    np.testing.assert_allclose(many.vectors, np.tile(few.vectors, (8, 1)))
