"""Brute force is the oracle of the inverted file."""

from __future__ import annotations

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from index import vector_search
from index.vector_search import VectorSearch


def clustered(count: int, dimensions: int = 64, *, seed: int = 0) -> NDArray[np.float32]:
    """(count, dimensions) of unit length in families, as a logo's variants are."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(max(1, count // 8), dimensions))
    vectors = centers[np.arange(count) % len(centers)] + 0.35 * rng.normal(size=(count, dimensions))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def nearby(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    noisy = vectors[:: len(vectors) // count][:count]
    noisy = noisy + 0.06 * rng.normal(size=noisy.shape).astype(np.float32)
    return np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)


def test_few_vectors_are_all_compared() -> None:
    vectors, queries = clustered(300), clustered(7, seed=5)
    search = VectorSearch.build(vectors)
    assert search.index is None
    cosines, rows = search.search(queries, 10)
    expected = queries @ vectors.T
    np.testing.assert_allclose(cosines, -np.sort(-expected, axis=1)[:, :10], atol=2e-3)
    np.testing.assert_allclose(np.take_along_axis(expected, rows, axis=1), cosines, atol=2e-3)
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_many_vectors_are_found_as_brute_force_finds_them() -> None:
    vectors = clustered(vector_search.EXACT_BELOW + 1_000)
    queries = nearby(vectors, 200)
    near, brute = VectorSearch.build(vectors), VectorSearch.build(vectors, exact=True)
    assert isinstance(near.index, faiss.Index)
    assert brute.index is None
    (cosines, rows), (expected, wanted) = near.search(queries, 8), brute.search(queries, 8)
    assert (rows[:, 0] == wanted[:, 0]).mean() >= 0.99
    recall = np.mean([len(set(one) & set(other)) / 8 for one, other in zip(rows, wanted, strict=True)])
    assert recall >= 0.97
    same = rows[:, 0] == wanted[:, 0]
    np.testing.assert_allclose(cosines[same, 0], expected[same, 0], atol=1e-5)


def test_the_same_vectors_give_the_same_structure() -> None:
    vectors = clustered(vector_search.EXACT_BELOW)
    one, other = VectorSearch.build(vectors), VectorSearch.build(vectors)
    assert faiss.serialize_index(one.index).tobytes() == faiss.serialize_index(other.index).tobytes()


@pytest.mark.parametrize("exact_below", [0, 100])
def test_fewer_than_asked_for_are_told_apart_from_found(exact_below: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_search, "EXACT_BELOW", exact_below)
    vectors = clustered(40, 8)
    cosines, rows = VectorSearch.build(vectors).search(vectors[:3], 50)
    assert cosines.shape == rows.shape == (3, 50)
    assert (rows[:, 0] == [0, 1, 2]).all()
    assert ((rows == -1) == (cosines == -1)).all()
    assert (rows[:, 40:] == -1).all()
    assert all(sorted(set(line[line >= 0])) == sorted(line[line >= 0]) for line in rows)


def test_nothing_is_found_among_nothing() -> None:
    none = VectorSearch.build(np.zeros((0, 0), np.float32))
    cosines, rows = none.search(np.ones((2, 16), np.float32), 3)
    assert (cosines == -1).all()
    assert (rows == -1).all()
    assert VectorSearch.build(clustered(5)).search(np.zeros((0, 64), np.float32), 3)[1].shape == (0, 3)
