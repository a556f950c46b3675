from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.catalog import ReferenceProduct
from domain.errors import EmptyCatalog, EvidenceCorrupt, ImageRefused, NotFound, NotReady, StoreUnavailable
from domain.listing import Listing, Seller
from index.artifact import IndexArtifact, read_artifact, write_artifact
from index.build import CopyEmbedder, build_artifact
from index.local_features import FEATURES_VERSION
from index.matcher import Matcher
from index.picture import prepare
from index.preprocessing import REFERENCE_VIEWS, reference_views
from index.text import TextMatcher
from index.verification import Verifier
from store.images import RGB


def _offer() -> Listing:
    return Listing(marketplace="m", listing_id="1", url="", title="a bag", seller=Seller(id="s", name="s"))


Product = Callable[..., ReferenceProduct]
IndexOf = Callable[..., IndexArtifact]


def test_everything_lies_where_its_reference_says(
    draw: Callable[..., RGB], product: Product, index_of: IndexOf, stand_in: CopyEmbedder
) -> None:
    pictures = {"a": draw(1), "b": draw(2, 500, 300), "c": np.full((50, 20, 3), 255, np.uint8), "d": draw(3)}
    artifact = index_of(
        [product("one", ["a", "b"]), product("two", ["c"], holder="Other"), product("3", ["d"])], pictures
    )
    assert [(one.reference_id, one.sha256, one.rights_holder) for one in artifact.references] == [
        ("one", "a", "Acme"),
        ("one", "b", "Acme"),
        ("two", "c", "Other"),
        ("3", "d", "Acme"),
    ]
    for number, reference in enumerate(artifact.references):
        picture = prepare(pictures[reference.sha256])
        points, descriptors = artifact.features_of(number)
        np.testing.assert_array_equal(points, picture.features.points)
        np.testing.assert_array_equal(descriptors, picture.features.descriptors)
        np.testing.assert_array_equal(artifact.arrays.pdq[number], picture.pdq)
        assert reference.size == (picture.width, picture.height)
        assert artifact.thumb_of(number).shape[:2] == reference.thumb[::-1]
        views = artifact.arrays.embeddings[artifact.arrays.view_owners == number]
        np.testing.assert_allclose(
            views, stand_in.embed(reference_views(pictures[reference.sha256], stand_in.size)), atol=1e-6
        )
    assert len(artifact.arrays.embeddings) == 4 * REFERENCE_VIEWS
    assert artifact.checkpoint.features == FEATURES_VERSION
    assert artifact.checkpoint.unreadable == ()


@pytest.mark.parametrize(
    "error", [ImageRefused("broken"), NotFound("no evidence"), EvidenceCorrupt("hashes to something else")]
)
def test_an_unreadable_picture_is_named_and_left_out(
    draw: Callable[..., RGB], product: Product, stand_in: CopyEmbedder, error: Exception
) -> None:
    def read(sha256: str) -> RGB:
        if sha256 == "bad":
            raise error
        return draw(1)

    artifact = build_artifact(
        [product("one", ["bad"]), product("two", ["good"])], read, stand_in, catalog_digest="c", embedder="e"
    )
    assert [one.reference_id for one in artifact.references] == ["two"]
    assert artifact.checkpoint.unreadable == (f"one: {error}",)


@dataclass(frozen=True)
class _Failing:
    """An image model whose every call fails."""

    embed: Callable[[object], Any]
    size: int = 128


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is gone"), NotReady("the model does not run")])
def test_what_is_not_the_pictures_fault_ends_the_build(
    draw: Callable[..., RGB], product: Product, stand_in: CopyEmbedder, error: Exception
) -> None:
    """An index that lacks what could not be reached would pass for complete."""

    def fail(_: object) -> RGB:
        raise error

    with pytest.raises(type(error)):
        build_artifact([product("one", ["a"])], fail, stand_in, catalog_digest="c", embedder="e")
    with pytest.raises(type(error)):
        build_artifact([product("one", ["a"])], lambda _: draw(1), _Failing(fail), catalog_digest="c", embedder="e")


def test_pictures_of_which_none_can_be_read_are_an_empty_catalog(product: Product, index_of: IndexOf) -> None:
    with pytest.raises(EmptyCatalog, match="no reference picture") as refusal:
        index_of([product("one", ["missing"])], {})
    assert "assayer catalog import" in refusal.value.advice


@pytest.mark.parametrize("products", [0, 1])
def test_a_catalog_of_marks_alone_is_an_index_that_gives_no_image_verdict(
    products: int,
    product: Product,
    stand_in: CopyEmbedder,
    verifier: Verifier,
    draw: Callable[..., RGB],
    tmp_path: Path,
) -> None:
    without_pictures = [product("one", [])][:products]
    built = build_artifact(without_pictures, lambda _: draw(1), stand_in, catalog_digest="c", embedder="e")
    write_artifact(tmp_path / "index", built.checkpoint, built.arrays, built.votes)
    loaded = read_artifact(tmp_path / "index", embedder="e", features=FEATURES_VERSION)
    matches = Matcher(loaded, stand_in, verifier, TextMatcher(without_pictures)).match(_offer(), [("0" * 64, draw(2))])
    assert (matches.photos, matches.images_read) == ((), 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (9, 9)])
@pytest.mark.parametrize("shade", [0, 255])
def test_one_hardly_visible_reference_is_an_index(
    product: Product, index_of: IndexOf, size: tuple[int, int], shade: int
) -> None:
    artifact = index_of([product("one", ["a"])], {"a": np.full((*size, 3), shade, np.uint8)})
    assert len(artifact.references) == 1
    assert artifact.arrays.twin_pairs.shape == (0, 2)
    assert np.isfinite(artifact.arrays.embeddings).all()


def test_progress_tells_every_picture(draw: Callable[..., RGB], product: Product, stand_in: CopyEmbedder) -> None:
    told: list[tuple[str, int, int | None]] = []
    build_artifact(
        [product("one", ["a", "b"]), product("two", ["c"])],
        lambda _: draw(1),
        stand_in,
        catalog_digest="c",
        embedder="e",
        progress=lambda *step: told.append(step),
    )
    assert told == [("index", n, 3) for n in (1, 2, 3)] + [("twins", n, 3) for n in (1, 2, 3)]
