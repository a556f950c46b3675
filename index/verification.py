"""Is the listing picture an edited copy of this reference? Geometry and agreement weighed into one confidence."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from index.agreement import Agreement
from index.homography import Alignment
from index.logistic import LogisticModel, read_logistic

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


Verifier = LogisticModel
"""Probability, 0 to 1, that an aligned pair is one photograph (1 = certainly an edited copy); by `train verifier`."""


def load_verifier(path: Path) -> Verifier:
    """Raises NotReady when the file is missing, broken, or for other features."""
    verifier, _ = read_logistic(
        path,
        kind="verifier",
        advice="Restore models/verifier.json, or make it: assayer train verifier.",
        feature_names=FEATURE_NAMES,
        speaks_against=SPEAKS_AGAINST,
    )
    return verifier
