from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotReady
from index.agreement import Agreement
from index.homography import Alignment
from index.verification import FEATURE_NAMES, SPEAKS_AGAINST, Verifier, geometry_features, load_verifier

STORED = {
    "name": "verifier",
    "version": "3",
    "feature_names": list(FEATURE_NAMES),
    "weights": [-1.0 if name in SPEAKS_AGAINST else 1.0 for name in FEATURE_NAMES],
    "intercept": -2.5,
}
COMMITTED = Path(__file__).resolve().parents[3] / "models" / "verifier.json"
shares = st.floats(0, 1, width=32)


def stored(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "verifier.json"
    path.write_text(json.dumps(STORED | changes), encoding="utf-8")
    return path


@given(features=st.lists(shares, min_size=10, max_size=10), number=st.integers(0, 9), more=shares)
def test_each_feature_moves_the_confidence_its_one_way(features: list[float], number: int, more: float) -> None:
    verifier = Verifier(version="v", weights=tuple(STORED["weights"]), intercept=-2.5)  # type: ignore[arg-type]
    before = np.array(features, np.float32)
    after = before.copy()
    after[number] = max(more, features[number])
    change = verifier.confidence(after) - verifier.confidence(before)
    assert change <= 1e-6 if FEATURE_NAMES[number] in SPEAKS_AGAINST else change >= -1e-6


@given(features=st.lists(shares, min_size=10, max_size=10))
def test_the_confidence_is_the_logistic_of_the_weighted_sum(features: list[float]) -> None:
    verifier = Verifier(version="v", weights=tuple(range(-5, 5)), intercept=0.5)
    logit = sum(weight * feature for weight, feature in zip(range(-5, 5), features, strict=True)) + 0.5
    assert verifier.confidence(np.array(features, np.float32)) == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


def test_extreme_weights_stay_probabilities() -> None:
    certain = Verifier(version="v", weights=(1e6,) * 10, intercept=0.0)
    assert certain.confidence(np.ones(10, np.float32)) <= 1.0
    assert certain.confidence(-np.ones(10, np.float32)) >= 0.0


@pytest.fixture
def alignment() -> Alignment:
    square = np.array([[10, 10], [90, 10], [90, 90], [10, 90]], np.float32)
    return Alignment(
        matrix=np.eye(3), reference_points=square, listing_points=square, obliqueness=0.2, aspect_change=0.1
    )


def test_features_are_named_and_bounded(alignment: Alignment) -> None:
    agreement = Agreement(agreeing=0.7, correlation=-0.5, visible=0.9, unexplained=0.3, colored_alike=0.6)
    found = dict(zip(FEATURE_NAMES, geometry_features(alignment, agreement, (100, 100)).tolist(), strict=True))
    assert found == pytest.approx(
        {
            "agreeing": 0.7,
            "correlation": 0.0,
            "inliers": np.log(5) / np.log(151),
            "visible": 0.9,
            "unexplained": 0.3,
            "obliqueness": 0.2,
            "aspect_change": 0.1,
            "spread": 1.0,  # 0.64 of the picture; from 0.4 on it is all the same
            "error_px": 0.0,
            "colored_alike": 0.6,
        }
    )


def test_whatever_is_measured_features_stay_shares(alignment: Alignment) -> None:
    agreement = Agreement(agreeing=1.0, correlation=1.0, visible=1.0, unexplained=0.0, colored_alike=1.0)
    many = np.tile(alignment.reference_points, (100, 1))
    wild = replace(alignment, reference_points=many, listing_points=many + 50, obliqueness=1.5, aspect_change=1.0)
    features = geometry_features(wild, agreement, (100, 100))
    assert features.dtype == np.float32
    assert features.min() >= 0
    assert features.max() <= 1
    assert features[FEATURE_NAMES.index("error_px")] == 1.0


def test_a_stored_verifier_is_loaded(tmp_path: Path) -> None:
    verifier = load_verifier(stored(tmp_path))
    assert re.fullmatch("verifier@[0-9a-f]{12}", verifier.version)
    assert verifier.weights == tuple(STORED["weights"])  # type: ignore[arg-type]
    assert verifier.intercept == -2.5


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"feature_names": [*FEATURE_NAMES[1:], FEATURE_NAMES[0]]}, "other features"),
        ({"feature_names": list(FEATURE_NAMES[:-1])}, "other features"),
        ({"weights": [1.0]}, "other features"),
        ({"weights": ["heavy"] * 10}, "not a verifier"),
        ({"weights": None}, "not a verifier"),
        ({"intercept": "none"}, "not a verifier"),
        ({"intercept": float("nan")}, "intercept of nan"),
        ({"weights": [float("inf"), *STORED["weights"][1:]]}, "weighs agreeing the wrong way"),  # type: ignore[index]
        ({"weights": [1.0] * 10}, "weighs unexplained the wrong way"),
        ({"weights": [-1.0] * 10}, "weighs agreeing the wrong way"),
    ],
)
def test_another_verifier_is_not_ready(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(NotReady, match=says) as refusal:
        load_verifier(stored(tmp_path, **changes))
    assert "assayer train verifier" in refusal.value.advice


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": "verifier"}'])
def test_a_broken_file_is_not_ready(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "verifier.json"
    path.write_bytes(content)
    with pytest.raises(NotReady, match=r"verifier\.json is not a verifier"):
        load_verifier(path)


def test_a_missing_file_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"no verifier: verifier\.json"):
        load_verifier(tmp_path / "verifier.json")


def test_the_committed_verifier_is_one() -> None:
    if not COMMITTED.exists():
        pytest.skip("models/verifier.json has not been trained yet")
    assert load_verifier(COMMITTED).version.startswith("verifier@")
