"""Small monotone logistic models in JSON: what several observations of one thing are worth together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady


@dataclass(frozen=True, kw_only=True, slots=True)
class LogisticModel:
    """Weights of named features in [0, 1], none of the wrong sign."""

    version: str
    """``name@sha12`` of the file."""
    weights: tuple[float, ...]
    intercept: float

    def confidence(self, features: NDArray[np.float32]) -> float:
        """Probability, 0 to 1, of (k,) features."""
        logit = float(features @ np.asarray(self.weights, np.float32)) + self.intercept
        return float(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def read_logistic(
    path: Path, *, kind: str, advice: str, feature_names: Sequence[str], speaks_against: Sequence[str] = ()
) -> tuple[LogisticModel, dict[str, Any]]:
    """The model, and everything its file says.

    Raises NotReady when the file is missing, broken, for other features, or weighs one of them the wrong way round.
    """
    try:
        content = path.read_bytes()
        stored = json.loads(content)
        names, version = tuple(stored["feature_names"]), f"{stored['name']}@{hashlib.sha256(content).hexdigest()[:12]}"
        weights, intercept = tuple(float(w) for w in stored["weights"]), float(stored["intercept"])
    except OSError as error:
        raise NotReady(f"no {kind}: {path.name}", advice=advice) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NotReady(f"{path.name} is not a {kind} ({error})", advice=advice) from error
    if names != tuple(feature_names) or len(weights) != len(names):
        raise NotReady(f"{path.name} weighs other features than this version computes", advice=advice)
    signs = zip(names, weights, strict=True)
    if wrong := [name for name, weight in signs if not _sane(weight, against=name in speaks_against)]:
        raise NotReady(f"{path.name} weighs {wrong[0]} the wrong way round", advice=advice)
    if not np.isfinite(intercept):
        raise NotReady(f"{path.name} has an intercept of {intercept}", advice=advice)
    return LogisticModel(version=version, weights=weights, intercept=intercept), stored


def _sane(weight: float, *, against: bool) -> bool:
    return bool(np.isfinite(weight)) and (weight <= 0 if against else weight >= 0)
