"""Is one model worse than another on the same examples? The difference of a mean, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.promotion import Comparison, ModelKind

RESAMPLES = 2000
_QUANTILES = (0.025, 0.975)

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A mean over examples, and how it is held against a candidate."""

    name: str
    larger_is_better: bool
    tolerated: float
    """Loss that is nothing in practice, in the figure's unit. A larger one speaks against a candidate, though it may be
    chance: who promotes has to show something. A smaller one does where its whole interval is a loss."""


def compare(
    model: ModelKind, figure: Figure, held_out: str, in_use: Floats, candidate: Floats, groups: Sequence[str]
) -> Comparison:
    """Of (n,) values of both models on the same n examples, one or more, whose (n,) groups are drawn anew together.

    B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), percentile interval; equal input gives an equal
    interval.
    """
    names, owners = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    gains = np.bincount(owners, weights=candidate - in_use, minlength=len(names))
    counts = np.bincount(owners, minlength=len(names)).astype(np.float64)
    drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    low, high = np.quantile((drawn @ gains) / (drawn @ counts), _QUANTILES)
    difference = float((candidate - in_use).mean())
    low, high = min(float(low), difference), max(float(high), difference)
    least, most = (-high, -low) if figure.larger_is_better else (low, high)
    loss = -difference if figure.larger_is_better else difference
    return Comparison(
        model=model,
        figure=figure.name,
        held_out=held_out,
        examples=len(in_use),
        groups=len(names),
        in_use=float(in_use.mean()),
        candidate=float(candidate.mean()),
        difference=difference,
        low=low,
        high=high,
        worse=loss > figure.tolerated or (least > 0 and most > 0),
    )
