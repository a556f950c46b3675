"""The words that every measurement reports in: methods, their figures, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.estimates import Estimate

FORMAT = 1
"""Of the JSON; raised when a name goes away or changes its meaning."""

Figures = Mapping[str, Estimate]
"""By the figure's name, such as ``recall_at_5``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One table: methods measured on the same pictures in the same run."""

    name: str
    """Such as ``copies``; stable."""
    about: str
    """What is asked of the methods, in a sentence."""
    methods: Mapping[str, Figures]
    """By the method's name, the model's own first, then baselines."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How much was measured on: queries, candidates, true pairs."""
    notes: tuple[str, ...] = ()
    """What a reader has to know to trust the figures."""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "about": self.about,
            "counts": dict(self.counts),
            "methods": {
                method: {name: estimate_dict(figure) for name, figure in figures.items()}
                for method, figures in self.methods.items()
            },
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Something that was asked for and not measured, with the reason: never a number in its place."""

    measurement: str
    method: str | None
    """None: the whole measurement."""
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReport:
    """Everything that one run of ``assayer evaluate models`` measured."""

    models: Mapping[str, str]
    """Versions of what was measured, by kind."""
    measurements: tuple[Measurement, ...]
    left_out: tuple[LeftOut, ...]
    seconds: Mapping[str, float]
    """How long each part took."""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``; docs/evaluation.md describes it."""
        return {
            "format": FORMAT,
            "models": dict(self.models),
            "measurements": {one.name: one.as_dict() for one in self.measurements},
            "left_out": [
                {"measurement": one.measurement, "method": one.method, "reason": one.reason} for one in self.left_out
            ],
            "seconds": {name: round(spent, 1) for name, spent in self.seconds.items()},
        }


def exact(value: float) -> Estimate:
    """A number that is computed or counted, not sampled: its interval is itself."""
    return Estimate(value=value, low=value, high=value)


def estimate_dict(estimate: Estimate) -> dict[str, float | int | None]:
    """``value``, ``low`` and ``high`` to four places; of a share also ``hits`` and ``total``."""
    numbers = {name: _rounded(getattr(estimate, name)) for name in ("value", "low", "high")}
    counted = {"hits": estimate.hits, "total": estimate.total} if estimate.total is not None else {}
    return {**numbers, **counted}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
