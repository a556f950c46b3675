"""How good probabilities are, with intervals. Pure NumPy.

Wilson score interval: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209. Average precision: sum over thresholds of the
gain in recall times the precision there. Expected calibration error: bin-size-weighted mean of |observed - predicted|.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]
_Z95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A share with its Wilson 95 percent interval; all three nan when there is nothing to count."""

    value: float
    low: float
    high: float
    hits: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionRecallCurve:
    """One point per distinct probability, highest first; arrays of equal length (m,)."""

    thresholds: Floats
    precision: Floats
    recall: Floats
    precision_low: Floats
    """Pointwise Wilson 95 percent band."""
    precision_high: Floats
    average_precision: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationBin:
    """Listings whose probability fell into [low, high)."""

    low: float
    high: float
    predicted: float
    """Mean probability in the bin."""
    observed: Rate


def wilson(hits: int, total: int) -> Rate:
    """hits / total with its Wilson 95 percent interval."""
    if total == 0:
        return Rate(value=math.nan, low=math.nan, high=math.nan, hits=hits, total=0)
    low, high = _wilson_bounds(np.array([hits], dtype=np.float64), np.array([total], dtype=np.float64))
    return Rate(value=hits / total, low=float(low[0]), high=float(high[0]), hits=hits, total=total)


def precision_recall_curve(probabilities: Floats, labels: Labels) -> PrecisionRecallCurve:
    """From (n,) probabilities of infringement and (n,) bool truth. Raises ValueError without a positive label."""
    _same_length(probabilities, labels)
    if not labels.any():
        raise ValueError("no positive label: recall is undefined")
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    last_of_tie = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = np.cumsum(labels[order])[last_of_tie].astype(np.float64)
    found = (last_of_tie + 1).astype(np.float64)
    recall = hits / labels.sum()
    low, high = _wilson_bounds(hits, found)
    return PrecisionRecallCurve(
        thresholds=ranked[last_of_tie],
        precision=hits / found,
        recall=recall,
        precision_low=low,
        precision_high=high,
        average_precision=float(np.sum(np.diff(recall, prepend=0.0) * hits / found)),
    )


def average_precision(probabilities: Floats, labels: Labels) -> float:
    """Area under the precision-recall steps, 0 to 1. Raises ValueError without a positive label."""
    return precision_recall_curve(probabilities, labels).average_precision


def calibration_bins(probabilities: Floats, labels: Labels, *, bins: int = 10) -> list[CalibrationBin]:
    """Equal-width bins over [0, 1] that hold anything, lowest first."""
    _same_length(probabilities, labels)
    numbers = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [
        CalibrationBin(
            low=number / bins,
            high=(number + 1) / bins,
            predicted=float(probabilities[numbers == number].mean()),
            observed=wilson(int(labels[numbers == number].sum()), int((numbers == number).sum())),
        )
        for number in np.unique(numbers).tolist()
    ]


def expected_calibration_error(probabilities: Floats, labels: Labels, *, bins: int = 10) -> float:
    """0 to 1 (0 = perfectly calibrated)."""
    found = calibration_bins(probabilities, labels, bins=bins)
    return sum(b.observed.total * abs(b.observed.value - b.predicted) for b in found) / len(labels)


def brier_score(probabilities: Floats, labels: Labels) -> float:
    """Mean squared error of the probabilities, 0 to 1 (0 = perfect)."""
    _same_length(probabilities, labels)
    return float(np.mean((probabilities - labels) ** 2))


def _wilson_bounds(hits: Floats, total: Floats) -> tuple[Floats, Floats]:
    share = hits / total
    middle = (share + _Z95**2 / (2 * total)) / (1 + _Z95**2 / total)
    half = _Z95 / (1 + _Z95**2 / total) * np.sqrt(share * (1 - share) / total + _Z95**2 / (4 * total**2))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def _same_length(first: NDArray[np.generic], second: NDArray[np.generic]) -> None:
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError(f"expected two non-empty vectors of equal length, got {first.shape} and {second.shape}")
