from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.score_normalization import ScoreNormalization


def units(generator: np.random.Generator, count: int, dimensions: int = 16) -> NDArray[np.float32]:
    raw = generator.normal(size=(count, dimensions))
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True), np.float32)


def by_hand(query: NDArray[np.float32], background: NDArray[np.float32], nearest: int, beta: float) -> float:
    similarities = sorted((float(np.dot(query, one)) for one in background), reverse=True)[:nearest]
    return beta * sum(similarities) / len(similarities)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    queries=st.integers(0, 6),
    background=st.integers(1, 40),
    nearest=st.integers(1, 8),
    beta=st.floats(0, 2),
)
def test_deductions_are_what_brute_force_finds(
    seed: int, queries: int, background: int, nearest: int, beta: float
) -> None:
    generator = np.random.default_rng(seed)
    asked, others = units(generator, queries), units(generator, background)
    found = ScoreNormalization(others, nearest=nearest, beta=beta).deductions(asked)
    wanted = [by_hand(query, others, nearest, beta) for query in asked]
    assert found.shape == (queries,)
    assert found == pytest.approx(wanted, abs=1e-5)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), views=st.integers(1, 5), references=st.integers(1, 30))
def test_the_largest_is_over_all_views_each_normalized_by_itself(seed: int, views: int, references: int) -> None:
    generator = np.random.default_rng(seed)
    asked, known, others = units(generator, views), units(generator, references), units(generator, 20)
    wanted = max(float(np.dot(view, one)) - by_hand(view, others, 3, 1.0) for view in asked for one in known)
    assert ScoreNormalization(others).largest(asked, known) == pytest.approx(wanted, abs=1e-5)


def test_each_row_is_normalized_by_its_own_query() -> None:
    generator = np.random.default_rng(3)
    asked, known, others = units(generator, 4), units(generator, 7), units(generator, 9)
    similarities = asked @ known.T
    found = ScoreNormalization(others, nearest=2, beta=0.5).normalized(asked, similarities)
    for row, query in enumerate(asked):
        assert found[row] == pytest.approx(similarities[row] - by_hand(query, others, 2, 0.5), abs=1e-5)


def test_a_picture_close_to_everything_is_no_copy_of_anything() -> None:
    """A flat ground has a cosine of 0.9 with a reference, as it has with all others; a true copy has it alone."""
    generator = np.random.default_rng(5)
    everywhere = np.zeros(16, np.float32)
    everywhere[0] = 1.0
    spread = units(generator, 51) * np.float32(0.4)
    spread[:, 0] = 0.9
    crowd = spread / np.linalg.norm(spread, axis=1, keepdims=True)
    reference, background = crowd[:1], crowd[1:]
    normalization = ScoreNormalization(background)
    original = np.roll(everywhere, 3)[None]
    copy = np.asarray(0.8 * original + 0.6 * np.roll(everywhere, 7), np.float32)
    assert everywhere[None] @ reference.T > copy @ original.T
    assert normalization.largest(everywhere[None], reference) < normalization.largest(copy, original)


def test_with_nothing_to_compare_there_is_no_similarity() -> None:
    normalization = ScoreNormalization(np.eye(4, dtype=np.float32))
    nothing = np.zeros((0, 4), np.float32)
    assert normalization.largest(nothing, np.eye(4, dtype=np.float32)) == -math.inf
    assert normalization.largest(np.eye(4, dtype=np.float32), nothing) == -math.inf
    assert normalization.normalized(nothing, np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_without_a_background_the_cosine_stays() -> None:
    generator = np.random.default_rng(4)
    asked, known = units(generator, 3), units(generator, 8)
    normalization = ScoreNormalization(np.zeros((0, 16), np.float32))
    assert normalization.normalized(asked, asked @ known.T) == pytest.approx(asked @ known.T)
    assert normalization.largest(asked, known) == pytest.approx(float((asked @ known.T).max()))
