"""Pictures drawn by code, and models small enough to be made on the spot: for every room that looks at pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from index.verification import FEATURE_NAMES, Verifier
from store.images import RGB

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("unhurried")

REPOSITORY = Path(__file__).resolve().parents[2]

WEIGHTS = (8.2, 5.9, 0.4, 0.1, -2.0, -2.4, -0.1, 3.4, -2.3, 2.9)
INTERCEPT = -12.1
"""Of the size that training finds, written down so that a new training changes no test."""


def _draw(seed: int, width: int = 360, height: int = 480) -> RGB:
    """A picture full of shapes on an uneven ground: another seed, another picture of like texture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(90, 250, (6, 5, 3)).astype(np.uint8)
    canvas = np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    for _ in range(70):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        color = tuple(int(value) for value in rng.integers(0, 256, 3))
        size = int(rng.integers(8, 42))
        kind = int(rng.integers(0, 4))
        if kind == 0:
            cv2.circle(canvas, (x, y), size // 2, color, -1, cv2.LINE_AA)
        elif kind == 1:
            corners = cv2.boxPoints(((x, y), (size, size // 2 + 4), float(rng.uniform(0, 180))))
            cv2.fillPoly(canvas, [corners.astype(np.int32)], color, cv2.LINE_AA)
        elif kind == 2:
            cv2.line(canvas, (x, y), (x + size, y + int(rng.integers(-30, 30))), color, 3, cv2.LINE_AA)
        else:
            letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXZ"), 3))
            cv2.putText(canvas, letters, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size / 40, color, 2, cv2.LINE_AA)
    return canvas


def _jpeg(rgb: RGB, quality: int = 92) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _embed(views: NDArray[np.float32]) -> NDArray[np.float32]:
    """A stand-in for the image model: views shrunk to 8 x 8 and centered, so that like pictures get like vectors."""
    side = views.shape[-1] // 8
    small = views.reshape(len(views), 3, 8, side, 8, side).mean(axis=(3, 5)).reshape(len(views), -1)
    small = small - small.mean(axis=1, keepdims=True) + 1e-4
    return np.asarray(small / np.linalg.norm(small, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="session")
def draw() -> Callable[..., RGB]:
    return _draw


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    return _jpeg


@pytest.fixture(scope="session")
def embed() -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    return _embed


@pytest.fixture(scope="session")
def verifier() -> Verifier:
    return Verifier(version="drawn@1", weights=WEIGHTS, intercept=INTERCEPT)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed image model, with a verifier and a combiner whose weights are written down here."""
    from scoring.features import FEATURE_NAMES as FINDINGS
    from scoring.features import GUARD_NAMES
    from training.classifier import Measured, TrainedClassifier, export_classifier

    folder = tmp_path_factory.mktemp("models")
    for name in ("embedder.onnx", "embedder.json"):
        (folder / name).write_bytes((REPOSITORY / "models" / name).read_bytes())
    stored = {
        "name": "verifier",
        "version": "drawn",
        "feature_names": list(FEATURE_NAMES),
        "weights": list(WEIGHTS),
        "intercept": INTERCEPT,
    }
    (folder / "verifier.json").write_text(json.dumps(stored), encoding="utf-8")
    trained = TrainedClassifier(
        feature_names=FINDINGS,
        weights=tuple(-4.0 if name in GUARD_NAMES else 6.0 for name in FINDINGS),
        intercept=-3.0,
        review=0.3,
        enforce=0.9,
        l2=0.0,
        calibration=(1.0, 0.0),
        measured=Measured(
            log_loss=0.0,
            listings=0,
            infringing=0,
            enforce_precision=0.0,
            enforce_precision_low=0.0,
            enforce_recall=0.0,
            review_recall=0.0,
        ),
        out_of_fold=np.zeros(0),
    )
    export_classifier(trained, folder, version="drawn", lexicon_version="drawn", training_data={})
    return folder
