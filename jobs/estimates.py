"""Measured numbers with their 95 % intervals; what cannot be measured is None, never NaN, so that JSON can say it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from scoring import metrics

Statistic = Callable[[metrics.Floats, metrics.Labels], float]
"""Of (n,) probabilities of infringement and (n,) bool truth; raises ValueError where it is undefined."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A measured number with its 95 % interval. `value` None: nothing to measure it on."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    hits: int | None = None
    """Of a share: how many …"""
    total: int | None = None
    """… out of how many."""


def share(hits: int, total: int) -> Estimate:
    """`hits` of `total` with Wilson's interval."""
    if not total:
        return Estimate(hits=0, total=0)
    rate = metrics.wilson(hits, total)
    # Rounding must not leave the share outside its own interval
    low, high = min(rate.low, rate.value), max(rate.high, rate.value)
    return Estimate(value=rate.value, low=low, high=high, hits=hits, total=total)


def f1(hits: int, false_alarms: int, misses: int) -> Estimate:
    """F1 = 2J / (1 + J) where J, hits among everything that was said or so, is a share with Wilson's interval."""
    jaccard = share(hits, hits + false_alarms + misses)
    if jaccard.value is None or jaccard.low is None or jaccard.high is None:
        return Estimate()
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high))
    return Estimate(value=value, low=low, high=high)


def resampled(
    statistic: Statistic, probabilities: metrics.Floats, labels: metrics.Labels, *, resamples: int, seed: int = 0
) -> Estimate:
    """A number that is no share: its interval is the middle 95 % over resampled listings, the same for equal input."""
    try:
        value = statistic(probabilities, labels)
    except ValueError:  # undefined: no listing, or none that infringes
        return Estimate()
    random = np.random.default_rng(seed)
    values = [value]
    for _ in range(resamples):
        drawn = random.integers(0, labels.size, labels.size)
        # Few listings may be drawn so that none infringes; such a draw says nothing of the statistic
        with suppress(ValueError):
            values.append(statistic(probabilities[drawn], labels[drawn]))
    low, high = np.quantile(np.array(values), (0.025, 0.975))
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))
