from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from index.votes import DescriptorVotes

REFERENCES, EACH = 90, 300


def units(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Like RootSIFT: nothing negative, of unit length, in clusters, for pictures repeat themselves and each other."""
    centers = rng.gamma(0.4, 1.0, (200, 128))
    drawn = centers[rng.integers(0, 200, count)] * rng.gamma(0.8, 1.25, (count, 128))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def disturbed(rng: np.random.Generator, descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """As compression, resampling and light disturb them."""
    noisy = np.maximum(descriptors + rng.normal(0, 0.06, descriptors.shape), 0)
    return np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def stored() -> NDArray[np.float32]:
    return units(np.random.default_rng(0), REFERENCES * EACH)


@pytest.fixture(scope="module")
def owners() -> NDArray[np.int32]:
    return np.repeat(np.arange(REFERENCES), EACH).astype(np.int32)


@pytest.fixture(scope="module")
def oracle(stored: NDArray[np.float32], owners: NDArray[np.int32]) -> DescriptorVotes:
    return DescriptorVotes.build(stored, owners, exact=True)


@pytest.fixture(scope="module")
def inverted(stored: NDArray[np.float32], owners: NDArray[np.int32]) -> DescriptorVotes:
    return DescriptorVotes.build(stored, owners)


def test_many_descriptors_are_searched_by_an_inverted_file(inverted: DescriptorVotes, oracle: DescriptorVotes) -> None:
    assert isinstance(faiss.downcast_index(inverted.index), faiss.IndexIVF)
    assert isinstance(faiss.downcast_index(oracle.index), faiss.IndexFlat)
    assert inverted.index.ntotal == oracle.index.ntotal == REFERENCES * EACH > 25_000


def test_the_inverted_file_names_the_candidates_of_brute_force(
    stored: NDArray[np.float32], inverted: DescriptorVotes, oracle: DescriptorVotes
) -> None:
    """Collages of five references, each with fewer features than the last, among features of nobody."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(40):
        shown = rng.choice(REFERENCES, 5, replace=False)
        parts = [stored[n * EACH : (n + 1) * EACH][: 90 - 12 * place] for place, n in enumerate(shown)]
        query = np.concatenate([disturbed(rng, np.concatenate(parts)), units(rng, 100)])
        wanted = np.argsort(-oracle.vote(query, REFERENCES), kind="stable")[:5]
        given = np.argsort(-inverted.vote(query, REFERENCES), kind="stable")[:5]
        found.append(len(set(wanted) & set(given)) / 5)
        assert set(wanted) == set(shown)
    assert np.mean(found) >= 0.95


def test_the_inverted_file_finds_the_nearest_descriptors(
    stored: NDArray[np.float32], inverted: DescriptorVotes, oracle: DescriptorVotes
) -> None:
    query = disturbed(np.random.default_rng(6), stored[::40])
    _, nearest = oracle.index.search(query, 1)
    _, found = inverted.index.search(query, 3)
    assert (found == nearest).any(axis=1).mean() >= 0.95


def test_votes_are_counted_by_nearness(oracle: DescriptorVotes, stored: NDArray[np.float32]) -> None:
    query = disturbed(np.random.default_rng(2), stored[5 * EACH : 5 * EACH + 40])
    expected = np.zeros(REFERENCES)
    distance = np.sqrt(np.maximum(2 - 2 * query @ stored.T, 0))
    for row in distance:
        for nearest in np.argsort(row, kind="stable")[:3]:
            expected[nearest // EACH] += max(0.0, 0.75 - row[nearest])
    np.testing.assert_allclose(oracle.vote(query, REFERENCES), expected, atol=0.02)


def test_exact_search_is_used_for_few() -> None:
    rng = np.random.default_rng(3)
    votes = DescriptorVotes.build(units(rng, 500), np.zeros(500, np.int32))
    assert isinstance(faiss.downcast_index(votes.index), faiss.IndexFlat)


@pytest.mark.parametrize("held", [0, 1, 2])
def test_hardly_any_descriptors_are_enough(held: int) -> None:
    rng = np.random.default_rng(4)
    own = units(rng, held)
    votes = DescriptorVotes.build(own, np.zeros(held, np.int32))
    assert votes.vote(units(rng, 0), 1).tolist() == [0.0]
    given = votes.vote(own, 1) if held else votes.vote(units(rng, 4), 1)
    assert np.isfinite(given).all()
    assert (given[0] > 0) == bool(held)


def test_building_twice_and_storing_give_the_same_votes(
    tmp_path: Path, stored: NDArray[np.float32], owners: NDArray[np.int32], inverted: DescriptorVotes
) -> None:
    again = DescriptorVotes.build(stored, owners)
    faiss.write_index(inverted.index, str(tmp_path / "one"))
    faiss.write_index(again.index, str(tmp_path / "other"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    query = units(np.random.default_rng(5), 200)
    read = DescriptorVotes(faiss.read_index(str(tmp_path / "one")), owners)
    np.testing.assert_array_equal(read.vote(query, REFERENCES), inverted.vote(query, REFERENCES))
