"""Findings as the numbers that the combiner reads."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from domain.assessment import Finding, GuardName, SignalName

SIGNAL_NAMES: tuple[str, ...] = tuple(name.value for name in SignalName)
GUARD_NAMES: tuple[str, ...] = tuple(name.value for name in GuardName)
FEATURE_NAMES: tuple[str, ...] = SIGNAL_NAMES + GUARD_NAMES
"""Fixed order. Nothing else of a listing reaches the combiner: no id, seller, place, feedback or category."""


def features(findings: Iterable[Finding]) -> NDArray[np.float32]:
    """Strengths in the order of `FEATURE_NAMES`, (k,) float32; 0 for what was not found."""
    strengths = {finding.name.value: finding.strength for finding in findings}
    return np.array([strengths.get(name, 0.0) for name in FEATURE_NAMES], dtype=np.float32)
