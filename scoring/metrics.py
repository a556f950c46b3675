"""How good probabilities and decisions are: shares with intervals, curves, calibration. Pure numpy.

Labels are bool, one per listing (True = infringing); probabilities are float64 in [0, 1], in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]
Floats = NDArray[np.float64]

Z_95 = 1.959963984540054
"""Standard normal quantile that leaves 2.5 % on each side."""


def wilson_interval(hits: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a share (E. B. Wilson, 1927): sane at 0, at 1 and for few trials.

    (low, high) in [0, 1]. Raises ValueError unless 0 <= hits <= total and total > 0.
    """
    if total <= 0 or not 0 <= hits <= total:
        raise ValueError(f"{hits} of {total} is not a share")
    share = hits / total
    center = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    # The bounds are exact at both ends; rounding must not leave the share outside its own interval
    low = 0.0 if hits == 0 else min(share, max(0.0, center - half))
    high = 1.0 if hits == total else max(share, min(1.0, center + half))
    return low, high


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionRecallCurve:
    """One point per distinct probability, highest first; every array is (n,)."""

    thresholds: Floats
    """Flagged = probability at or over it."""
    hits: NDArray[np.int64]
    flagged: NDArray[np.int64]
    precision: Floats
    recall: Floats


def precision_recall_curve(labels: Labels, probabilities: Floats) -> PrecisionRecallCurve:
    """Precision and recall at each threshold that tells listings apart; empty when nothing is infringing.

    Ties share one point: no order within a tie flatters the curve.
    """
    positives = int(labels.sum())
    if not positives:
        none, zero = np.empty(0, dtype=np.float64), np.empty(0, dtype=np.int64)
        return PrecisionRecallCurve(thresholds=none, hits=zero, flagged=zero, precision=none, recall=none)
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
    hits = np.cumsum(labels[order], dtype=np.int64)[ends]
    flagged = (ends + 1).astype(np.int64)
    return PrecisionRecallCurve(
        thresholds=ranked[ends], hits=hits, flagged=flagged, precision=hits / flagged, recall=hits / positives
    )


def average_precision(labels: Labels, probabilities: Floats) -> float:
    """Sum of precision times the step in recall, without interpolation. NaN when nothing is infringing."""
    curve = precision_recall_curve(labels, probabilities)
    if not curve.recall.size:
        return math.nan
    return float(np.sum(np.diff(curve.recall, prepend=0.0) * curve.precision))


def brier_score(labels: Labels, probabilities: Floats) -> float:
    """Mean squared distance of the probability from what was so (G. W. Brier, 1950); 0 is best. NaN when empty."""
    return float(np.mean((probabilities - labels) ** 2)) if labels.size else math.nan


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationBin:
    """Listings of about the same probability: what was said, and what was so."""

    count: int
    mean_probability: float
    infringing_share: float
    low: float
    """Wilson's 95 % interval of `infringing_share`."""
    high: float


def calibration_bins(labels: Labels, probabilities: Floats, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Equally wide bins over [0, 1], lowest first; empty ones are left out."""
    numbers = _bin_numbers(probabilities, bins)
    made = []
    for number in np.unique(numbers):
        inside = numbers == number
        count, hits = int(inside.sum()), int(labels[inside].sum())
        low, high = wilson_interval(hits, count)
        made.append(
            CalibrationBin(
                count=count,
                mean_probability=float(probabilities[inside].mean()),
                infringing_share=hits / count,
                low=low,
                high=high,
            )
        )
    return tuple(made)


def expected_calibration_error(labels: Labels, probabilities: Floats, bins: int = 10) -> float:
    """Mean distance of said from so over equally wide bins, weighted by their listings; 0 is best. NaN when empty."""
    if not labels.size:
        return math.nan
    gaps = np.bincount(_bin_numbers(probabilities, bins), weights=probabilities - labels, minlength=bins)
    return float(np.abs(gaps).sum() / labels.size)


def _bin_numbers(probabilities: Floats, bins: int) -> NDArray[np.int64]:
    return np.minimum((probabilities * bins).astype(np.int64), bins - 1)


def bootstrap_interval(
    statistic: Callable[[Labels, Floats], float],
    labels: Labels,
    probabilities: Floats,
    *,
    resamples: int = 400,
    seed: int = 0,
) -> tuple[float, float]:
    """The middle 95 % of `statistic` over resampled listings (percentile bootstrap); the same for the same seed.

    Resamples on which the statistic is NaN are left out; (NaN, NaN) when that leaves none.
    """
    random = np.random.default_rng(seed)
    values = []
    for _ in range(resamples if labels.size else 0):
        drawn = random.integers(0, labels.size, labels.size)
        values.append(statistic(labels[drawn], probabilities[drawn]))
    known = np.array([value for value in values if not math.isnan(value)], dtype=np.float64)
    if not known.size:
        return math.nan, math.nan
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)
