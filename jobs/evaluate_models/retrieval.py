"""How well scores rank what belongs together. Pure NumPy.

Micro-average precision as in the image similarity challenge (Douze et al., "The 2021 Image Similarity Dataset and
Challenge", arXiv:2106.09672) and SSCD: the pairs of all queries in one ranking, the area under its precision-recall
steps, recall counting every true pair. Intervals: queries drawn anew, for shares of queries Wilson's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.estimates import Estimate, share

Scores = NDArray[np.float32]
"""(queries, candidates), larger is more alike; -inf where a method does not propose the pair."""
Truth = NDArray[np.bool_]
"""(queries, candidates): which pairs belong together."""
Weights = NDArray[np.float64]
"""(queries,) how often each query counts."""

RESAMPLES = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedPairs:
    """Proposed pairs of all queries, best first, sorted once however often queries are drawn anew."""

    queries: NDArray[np.int64]
    """(pairs,) whose query it is."""
    true: NDArray[np.bool_]
    """(pairs,)."""
    last_of_tie: NDArray[np.int64]
    """(thresholds,) the last pair of each distinct score: a threshold takes in all that score alike."""
    thresholds: Scores
    """(thresholds,) falling."""
    wanted: NDArray[np.int64]
    """(queries,) true pairs of each query, proposed or not."""

    def precision_and_recall(self, weights: Weights | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both at each threshold, (thresholds,). Raises ValueError where no query that counts has a true pair."""
        weights = np.ones(len(self.wanted)) if weights is None else weights
        total = float(weights @ self.wanted)
        if total == 0:
            raise ValueError("no true pair: recall is undefined")
        counted = weights[self.queries]
        found = np.cumsum(counted)[self.last_of_tie]
        hits = np.cumsum(np.where(self.true, counted, 0.0))[self.last_of_tie]
        precision = np.divide(hits, found, out=np.ones_like(hits), where=found > 0)
        return precision, hits / total


def rank_pairs(scores: Scores, truth: Truth) -> RankedPairs:
    """Raises ValueError for arrays of different shapes."""
    if scores.shape != truth.shape or scores.ndim != 2:
        raise ValueError(f"expected two matrices of one shape, got {scores.shape} and {truth.shape}")
    flat, labels = scores.ravel(), truth.ravel()
    order = np.argsort(-flat, kind="stable")
    order = order[flat[order] > -np.inf]
    ranked = flat[order]
    last_of_tie = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else order
    return RankedPairs(
        queries=order // max(scores.shape[1], 1),
        true=labels[order],
        last_of_tie=last_of_tie,
        thresholds=ranked[last_of_tie],
        wanted=truth.sum(axis=1),
    )


def micro_average_precision(ranked: RankedPairs, weights: Weights | None = None) -> float:
    """0 to 1: each step of recall times the precision there. Raises ValueError without a true pair."""
    precision, recall = ranked.precision_and_recall(weights)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def recall_at_precision(ranked: RankedPairs, least: float, weights: Weights | None = None) -> float:
    """The largest recall of any threshold whose precision is `least` or more; 0 where there is none."""
    precision, recall = ranked.precision_and_recall(weights)
    return float(recall[precision >= least].max(initial=0.0))


def threshold_at_precision(ranked: RankedPairs, least: float) -> float | None:
    """The score from which recall is largest while precision is `least` or more; None where there is none."""
    precision, recall = ranked.precision_and_recall()
    good = np.flatnonzero(precision >= least)
    return float(ranked.thresholds[good[np.argmax(recall[good])]]) if len(good) else None


def over_queries(
    statistic: Callable[[Weights], float], queries: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """A number with the middle 95 % of what it is when `queries` are drawn anew; the same for equal input."""
    try:
        value = statistic(np.ones(queries))
    except ValueError:
        return Estimate()
    random = np.random.default_rng(seed)
    values = [value]
    for _ in range(resamples):
        drawn = np.bincount(random.integers(0, queries, queries), minlength=queries).astype(np.float64)
        try:
            values.append(statistic(drawn))
        except ValueError:  # no query with a true pair was drawn; such a draw says nothing
            continue
    low, high = np.quantile(values, (0.025, 0.975))
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def best_of_label(scores: Scores, labels: Sequence[str]) -> tuple[Scores, list[str]]:
    """Per query the best candidate of each label: (queries, distinct labels), and the labels in sorted order."""
    names, owners = np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)
    best = np.full((len(scores), len(names)), -np.inf, np.float32)
    for column, owner in enumerate(owners):
        np.maximum(best[:, owner], scores[:, column], out=best[:, owner])
    return best, names.tolist()


def first_ranks(scores: Scores, truth: Truth) -> NDArray[np.int64]:
    """(queries,) the 1-based rank of the best true candidate; a tie with a false one counts against the method.

    Raises ValueError where a query has no true candidate at all.
    """
    if not truth.any(axis=1).all():
        raise ValueError("a query without a true candidate has no rank")
    best = np.where(truth, scores, -np.inf).max(axis=1, keepdims=True)
    return np.asarray(((scores >= best) & ~truth).sum(axis=1) + 1, dtype=np.int64)


def recalls(scores: Scores, truth: Truth, ranks: Sequence[int]) -> dict[str, Estimate]:
    """``recall_at_k``: the share of queries with a true candidate among the first k."""
    found = first_ranks(scores, truth)
    return {f"recall_at_{k}": share(int((found <= k).sum()), len(found)) for k in ranks}
