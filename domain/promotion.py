"""Which models are in use, who put them there, and what they were held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

EMBEDDED = "embedded"
"""Name of the models that came with this release."""


class ModelKind(StrEnum):
    """What can be promoted."""

    COMBINER = "combiner"
    EMBEDDER = "embedder"


class PromotionAction(StrEnum):
    """What a record says was done."""

    PROMOTED = "promoted"
    UNDONE = "undone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One figure of a candidate beside the model in use, on the same held-out examples."""

    model: ModelKind
    figure: str
    """What is measured, such as ``log loss``."""
    held_out: str
    """What it was measured on."""
    examples: int
    groups: int
    """Products or cases; they are what is drawn anew for the interval."""
    in_use: float
    candidate: float
    difference: float
    """Candidate minus in use."""
    low: float
    """Lower end of the difference's 95 % interval, by a paired bootstrap over groups."""
    high: float
    worse: bool
    """Whether it speaks against the candidate."""

    @property
    def sentence(self) -> str:
        """Both figures, for a person."""
        return (
            f"{self.model}: {self.figure} is {self.candidate:.4f}, of the one in use {self.in_use:.4f} "
            f"(difference {self.difference:+.4f}, 95 % interval {self.low:+.4f} to {self.high:+.4f}; "
            f"{self.examples} examples of {self.held_out})"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Promotion:
    """One change of the models in use. The last one says which are."""

    action: PromotionAction
    at: datetime
    """UTC."""
    by: str
    """Who did it."""
    former: str
    """Version of the set that was in use before, or `EMBEDDED`."""
    version: str
    """Of the set in use from then on: 12 hex digits over its files, or `EMBEDDED`."""
    former_models: Mapping[str, str] = field(default_factory=dict)
    """Version of each model that was replaced, by kind."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Version of each model that took its place."""
    comparisons: tuple[Comparison, ...] = ()
    """What it was promoted on; empty where one was undone."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every file of the set, by name; empty for `EMBEDDED`."""
