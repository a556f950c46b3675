"""Is the listing picture an edited copy of this reference? Geometry and agreement weighed into one confidence."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady
from index.agreement import Agreement
from index.homography import Alignment

FEATURE_NAMES = (
    "agreeing",
    "correlation",
    "inliers",
    "visible",
    "unexplained",
    "obliqueness",
    "aspect_change",
    "spread",
    "error_px",
    "colored_alike",
)
"""What the verifier weighs, in this order; see `geometry_features`."""
SPEAKS_AGAINST = ("unexplained", "obliqueness", "aspect_change", "error_px")
"""Those that can only lower the confidence; the others can only raise it."""


def geometry_features(
    alignment: Alignment, agreement: Agreement, reference_size: tuple[int, int]
) -> NDArray[np.float32]:
    """(10,) float32 in [0, 1], in the order of `FEATURE_NAMES`; unbounded ones are compressed or capped."""
    hull = cv2.contourArea(cv2.convexHull(alignment.reference_points))
    return np.array(
        [
            agreement.agreeing,
            max(agreement.correlation, 0.0),
            np.log1p(min(alignment.inliers, 150)) / np.log1p(150),
            agreement.visible,
            agreement.unexplained,
            min(alignment.obliqueness, 1.0),
            min(alignment.aspect_change, 1.0),
            min(hull / (reference_size[0] * reference_size[1]), 0.4) / 0.4,
            min(alignment.median_error_px(), 2.0) / 2.0,
            agreement.colored_alike,
        ],
        dtype=np.float32,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Verifier:
    """A logistic model over `FEATURE_NAMES`, trained by ``assayer train verifier``."""

    version: str
    weights: tuple[float, ...]
    intercept: float

    def confidence(self, features: NDArray[np.float32]) -> float:
        """Probability, 0 to 1, that the pair is one photograph (1 = certainly an edited copy)."""
        logit = float(features @ np.asarray(self.weights, np.float32)) + self.intercept
        return float(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def load_verifier(path: Path) -> Verifier:
    """Raises NotReady when the file is missing, broken, or for other features."""
    advice = "Restore models/verifier.json, or make it: assayer train verifier."
    try:
        content = path.read_bytes()
        stored = json.loads(content)
        names, version = tuple(stored["feature_names"]), f"{stored['name']}@{hashlib.sha256(content).hexdigest()[:12]}"
        weights, intercept = tuple(float(w) for w in stored["weights"]), float(stored["intercept"])
    except OSError as error:
        raise NotReady(f"no verifier: {path.name}", advice=advice) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NotReady(f"{path.name} is not a verifier ({error})", advice=advice) from error
    if names != FEATURE_NAMES or len(weights) != len(FEATURE_NAMES):
        raise NotReady(f"{path.name} weighs other features than this version computes", advice=advice)
    if wrong := [name for name, weight in zip(names, weights, strict=True) if not _sane(name, weight)]:
        raise NotReady(f"{path.name} weighs {wrong[0]} the wrong way round", advice=advice)
    if not np.isfinite(intercept):
        raise NotReady(f"{path.name} has an intercept of {intercept}", advice=advice)
    return Verifier(version=version, weights=weights, intercept=intercept)


def _sane(name: str, weight: float) -> bool:
    return bool(np.isfinite(weight)) and (weight <= 0 if name in SPEAKS_AGAINST else weight >= 0)
