"""Ranking figures against their definitions, written out by brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jobs.evaluate_models.retrieval import (
    best_of_label,
    first_ranks,
    micro_average_precision,
    over_queries,
    rank_pairs,
    recall_at_precision,
    recalls,
    threshold_at_precision,
)

FEW_LEVELS = st.sampled_from([-math.inf, -1.0, 0.0, 0.25, 0.5, 0.75, 1.0])


@st.composite
def ranked_sets(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties and some pairs that are not proposed, and at least one true pair."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    scores = draw(arrays(np.float32, shape, elements=FEW_LEVELS))
    truth = draw(arrays(np.bool_, shape))
    truth[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    return scores, truth


def points(scores: np.ndarray, truth: np.ndarray) -> list[tuple[float, float, float]]:
    """(threshold, precision, recall) of every distinct score, highest first, by counting."""
    found = []
    for threshold in sorted({float(score) for score in scores.ravel() if score > -math.inf}, reverse=True):
        flagged = scores >= threshold
        hits = int((flagged & truth).sum())
        found.append((threshold, hits / int(flagged.sum()), hits / int(truth.sum())))
    return found


@given(ranked_sets())
def test_micro_average_precision_is_the_area_under_the_steps(ranked: tuple[np.ndarray, np.ndarray]) -> None:
    before, area = 0.0, 0.0
    for _, precision, recall in points(*ranked):
        area += (recall - before) * precision
        before = recall
    assert micro_average_precision(rank_pairs(*ranked)) == pytest.approx(area)


@given(st.integers(2, 8), st.integers(2, 6), st.randoms(use_true_random=False))
def test_without_ties_it_is_the_mean_precision_at_each_true_pair(queries: int, candidates: int, random: Any) -> None:
    """As the image similarity challenge's own evaluation computes it: one ranking over all queries."""
    count = queries * candidates
    scores = np.array(random.sample(range(count), count), np.float32).reshape(queries, candidates)
    truth = np.zeros((queries, candidates), bool)
    for row in range(1, queries):
        truth[row, random.randrange(candidates)] = True
    ranked = sorted(((scores[q, c], truth[q, c]) for q in range(queries) for c in range(candidates)), reverse=True)
    hits, precisions = 0, []
    for place, (_, true) in enumerate(ranked, start=1):
        if true:
            hits += 1
            precisions.append(hits / place)
    assert micro_average_precision(rank_pairs(scores, truth)) == pytest.approx(sum(precisions) / (queries - 1))


@given(ranked_sets(), st.sampled_from([0.3, 0.5, 0.9, 0.99, 1.0]))
def test_recall_at_precision_is_the_best_of_all_thresholds(ranked: tuple[np.ndarray, np.ndarray], least: float) -> None:
    good = [(threshold, recall) for threshold, precision, recall in points(*ranked) if precision >= least]
    pairs = rank_pairs(*ranked)
    assert recall_at_precision(pairs, least) == pytest.approx(max((recall for _, recall in good), default=0.0))
    threshold = threshold_at_precision(pairs, least)
    assert (threshold is None) == (not good)
    if threshold is not None:
        assert (threshold, recall_at_precision(pairs, least)) in [(t, pytest.approx(r)) for t, r in good]


@given(ranked_sets(), st.data())
def test_a_query_that_counts_twice_counts_like_two(ranked: tuple[np.ndarray, np.ndarray], data: Any) -> None:
    scores, truth = ranked
    times = data.draw(arrays(np.int64, len(scores), elements=st.integers(0, 3)))
    repeated = np.repeat(scores, times, axis=0), np.repeat(truth, times, axis=0)
    pairs, weights = rank_pairs(scores, truth), times.astype(np.float64)
    if not repeated[1].any():
        with pytest.raises(ValueError, match="no true pair"):
            micro_average_precision(pairs, weights)
        return
    assert micro_average_precision(pairs, weights) == pytest.approx(micro_average_precision(rank_pairs(*repeated)))
    assert recall_at_precision(pairs, 0.8, weights) == pytest.approx(recall_at_precision(rank_pairs(*repeated), 0.8))


def test_a_pair_that_is_not_proposed_counts_as_missed_and_as_nothing_else() -> None:
    scores = np.array([[0.9, -np.inf], [-np.inf, -np.inf]], np.float32)
    truth = np.array([[True, False], [True, False]])
    assert micro_average_precision(rank_pairs(scores, truth)) == 0.5
    assert recall_at_precision(rank_pairs(scores, truth), 0.99) == 0.5


def test_scores_and_truth_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        rank_pairs(np.zeros((2, 3), np.float32), np.zeros((3, 2), bool))


@given(arrays(np.float32, (4, 6), elements=FEW_LEVELS), st.lists(st.sampled_from("abc"), min_size=6, max_size=6))
def test_the_best_of_each_label(scores: np.ndarray, labels: list[str]) -> None:
    best, names = best_of_label(scores, labels)
    assert names == sorted(set(labels))
    for column, name in enumerate(names):
        own = [number for number, label in enumerate(labels) if label == name]
        assert best[:, column].tolist() == scores[:, own].max(axis=1).tolist()


def test_a_tie_counts_against_the_method_and_its_own_pictures_do_not() -> None:
    scores = np.array([[0.9, 0.8, 0.8, 0.1], [0.5, 0.5, 0.2, 0.1]], np.float32)
    truth = np.array([[False, True, True, False], [True, False, False, False]])
    assert first_ranks(scores, truth).tolist() == [2, 2]
    assert first_ranks(np.full((1, 4), -np.inf, np.float32), truth[:1]).tolist() == [3]
    with pytest.raises(ValueError, match="no rank"):
        first_ranks(scores, np.zeros((2, 4), bool))


def test_recalls_come_with_wilsons_interval() -> None:
    truth = np.eye(10, dtype=bool)
    scores = truth.astype(np.float32)
    scores[8:] = 1 - scores[8:]
    figure = recalls(scores, truth, (1, 10))["recall_at_1"]
    assert (figure.hits, figure.total, figure.value) == (8, 10, 0.8)
    assert (figure.low, figure.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert recalls(scores, truth, (1, 10))["recall_at_10"].value == 1.0


def test_the_interval_over_queries_is_the_same_each_time_and_holds_the_value() -> None:
    random = np.random.default_rng(1)
    truth = np.eye(40, dtype=bool)
    ranked = rank_pairs((truth * 0.5 + random.random((40, 40))).astype(np.float32), truth)
    first, again = (over_queries(lambda w: micro_average_precision(ranked, w), 40) for _ in range(2))
    assert first == again
    assert first.value is not None
    assert first.low is not None
    assert first.high is not None
    assert first.low < first.value < first.high
    few = over_queries(lambda w: micro_average_precision(rank_pairs(truth[:4] * 1.0, truth[:4]), w), 4)
    assert (few.value, few.low, few.high) == (1.0, 1.0, 1.0)


def test_without_a_true_pair_there_is_no_figure() -> None:
    ranked = rank_pairs(np.zeros((3, 2), np.float32), np.zeros((3, 2), bool))
    assert over_queries(lambda weights: micro_average_precision(ranked, weights), 3).value is None
