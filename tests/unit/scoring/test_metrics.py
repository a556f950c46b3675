from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, brier_score_loss

from scoring import metrics

scored = st.lists(st.tuples(st.integers(0, 20).map(lambda i: i / 20), st.booleans()), min_size=1, max_size=60).filter(
    lambda rows: any(label for _, label in rows)
)


def vectors(rows: list[tuple[float, bool]]) -> tuple[metrics.Floats, metrics.Labels]:
    return np.array([p for p, _ in rows]), np.array([label for _, label in rows])


@given(st.integers(1, 500), st.data())
def test_wilson_agrees_with_scipy(total: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, total))
    rate, reference = metrics.wilson(hits, total), binomtest(hits, total).proportion_ci(method="wilson")
    assert (rate.low, rate.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_nothing_to_count_is_no_number() -> None:
    assert math.isnan(metrics.wilson(0, 0).value)


@given(scored)
def test_average_precision_and_brier_agree_with_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    probabilities, labels = vectors(rows)
    assert metrics.average_precision(probabilities, labels) == pytest.approx(
        average_precision_score(labels, probabilities), abs=1e-9
    )
    reference = brier_score_loss(labels.astype(int), probabilities, pos_label=1)
    assert metrics.brier_score(probabilities, labels) == pytest.approx(reference)


@given(scored)
def test_the_curve_is_what_counting_at_each_threshold_gives(rows: list[tuple[float, bool]]) -> None:
    probabilities, labels = vectors(rows)
    curve = metrics.precision_recall_curve(probabilities, labels)
    assert sorted(set(probabilities.tolist()), reverse=True) == curve.thresholds.tolist()
    for i, threshold in enumerate(curve.thresholds):
        found = probabilities >= threshold
        precision = metrics.wilson(int((found & labels).sum()), int(found.sum()))
        assert curve.precision[i] == pytest.approx(precision.value)
        assert curve.recall[i] == pytest.approx((found & labels).sum() / labels.sum())
        assert curve.precision_low[i] == pytest.approx(precision.low)
        assert curve.precision_low[i] <= curve.precision[i] + 1e-12 <= curve.precision_high[i] + 2e-12


@given(scored)
def test_every_listing_is_in_one_bin(rows: list[tuple[float, bool]]) -> None:
    probabilities, labels = vectors(rows)
    bins = metrics.calibration_bins(probabilities, labels)
    assert sum(b.observed.total for b in bins) == len(labels)
    assert all(b.low - 1e-12 <= b.predicted <= b.high + 1e-12 for b in bins)
    assert 0 <= metrics.expected_calibration_error(probabilities, labels) <= 1


def test_calibration_error_of_known_cases() -> None:
    labels = np.array([True, False] * 50)
    assert metrics.expected_calibration_error(np.full(100, 0.5), labels) == pytest.approx(0)
    assert metrics.expected_calibration_error(np.full(100, 1.0), labels) == pytest.approx(0.5)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="recall is undefined"):
        metrics.precision_recall_curve(np.array([0.5]), np.array([False]))
    with pytest.raises(ValueError, match="equal length"):
        metrics.brier_score(np.array([0.5, 0.1]), np.array([False]))
