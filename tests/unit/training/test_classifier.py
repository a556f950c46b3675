from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from domain.errors import BadInput
from training.classifier import (
    ENFORCE_FLOOR,
    LEAST_EXAMPLES,
    TrainedClassifier,
    enforce_threshold,
    export_classifier,
    review_threshold,
    source_weights,
    train_classifier,
)

SIGNALS, GUARDS = ("photo", "slang", "noise", "inverted"), ("permit", "own")
NAMES = (*SIGNALS, *GUARDS)
TRUE_WEIGHTS = np.array([5.0, 2.0, 0.0, -3.0, -4.0, 0.0])
INTERCEPT = -1.5
Rows = NDArray[np.float64]


def draw(n: int, seed: int = 3) -> tuple[Rows, NDArray[np.bool_], list[str]]:
    """Strengths, labels drawn from a known logistic model, and groups of five."""
    generator = np.random.default_rng(seed)
    x = generator.random((n, len(NAMES)))
    y = generator.random(n) < 1 / (1 + np.exp(-(x @ TRUE_WEIGHTS + INTERCEPT)))
    return x, y, [f"product-{i // 5}" for i in range(n)]


def train(x: Rows, y: NDArray[np.bool_], groups: list[str], **options: Any) -> TrainedClassifier:
    return train_classifier(x, y, groups, feature_names=NAMES, signal_names=SIGNALS, guard_names=GUARDS, **options)


@pytest.fixture(scope="module")
def trained() -> TrainedClassifier:
    return train(*draw(6000))


def weight(model: TrainedClassifier, name: str) -> float:
    return model.weights[model.feature_names.index(name)]


def test_signs_hold_and_known_weights_are_found(trained: TrainedClassifier) -> None:
    assert all(weight(trained, name) >= 0 for name in SIGNALS)
    assert all(weight(trained, name) <= 0 for name in GUARDS)
    assert weight(trained, "inverted") == 0  # the data say otherwise, the constraint does not let it
    assert weight(trained, "photo") == pytest.approx(5, rel=0.25)
    assert weight(trained, "slang") == pytest.approx(2, rel=0.35)
    assert weight(trained, "permit") == pytest.approx(-4, rel=0.25)
    assert abs(weight(trained, "noise")) < 0.4


def test_probabilities_are_calibrated_on_unseen_listings(trained: TrainedClassifier) -> None:
    x, y, _ = draw(6000, seed=11)
    probabilities = trained.probabilities(x)
    for low in np.arange(0, 1, 0.2):
        inside = (probabilities >= low) & (probabilities < low + 0.2)
        assert inside.sum() > 30
        assert y[inside].mean() == pytest.approx(probabilities[inside].mean(), abs=0.06)


def test_training_twice_gives_the_same(trained: TrainedClassifier) -> None:
    again = train(*draw(6000))
    assert (again.weights, again.intercept, again.enforce) == (trained.weights, trained.intercept, trained.enforce)


def test_no_group_is_on_both_sides() -> None:
    """Features that only name the group tell everything within it and nothing about another group."""
    count = 20
    numbers = np.repeat(np.arange(count), 20)
    names = [f"is-{i}" for i in range(count)]
    model = train_classifier(
        np.eye(count)[numbers],
        numbers % 2 == 0,
        [f"g{i}" for i in numbers],
        feature_names=names,
        signal_names=names,
        guard_names=(),
        l2_grid=(0.001,),
    )
    assert model.measured.log_loss > 0.6  # no better than the base rate


def test_no_single_source_dominates() -> None:
    weights = source_weights(["a"] * 90 + ["b"] * 10)
    assert weights[:90].sum() == pytest.approx(weights[90:].sum())
    assert weights.mean() == pytest.approx(1)


def test_no_single_listing_of_a_small_source_dominates() -> None:
    sources = ["a"] * 97 + ["b"] * 3
    assert source_weights(sources)[-1] == pytest.approx(100 / 6)
    weights = source_weights(sources, most=4.0)
    assert weights[-3:].tolist() == [4.0] * 3
    assert weights[:97] == pytest.approx(source_weights(sources)[:97])


def test_a_small_source_is_heard() -> None:
    generator = np.random.default_rng(2)
    x = np.zeros((1000, len(NAMES)))
    x[:, 0] = generator.random(1000) > 0.5
    x[900:, 1] = x[900:, 0]
    x[900:, 0] = 0
    y = (x[:, 0] + x[:, 1]) > 0
    groups = [f"g{i}" for i in range(1000)]
    alone = train(x, y, groups, l2_grid=(0.1,))
    heard = train(x, y, groups, sources=["big"] * 900 + ["small"] * 100, l2_grid=(0.1,))
    assert weight(heard, "slang") / weight(heard, "photo") > 1.5 * weight(alone, "slang") / weight(alone, "photo")


def test_a_feature_hidden_in_part_leaves_room_for_the_others() -> None:
    x, y, groups = draw(800)
    x[:, 1] = y  # as telling as a price range that sample data gives away
    x[:, 0] = np.where(y, 0.8, 0.2)
    usual = train(x, y, groups, l2_grid=(0.01,))
    hidden = train(x, y, groups, l2_grid=(0.01,), absent_shares={"slang": 0.5})
    assert weight(hidden, "photo") > 1.2 * weight(usual, "photo")


def test_separable_data_stay_finite() -> None:
    x, _, groups = draw(400)
    y = x[:, 0] > 0.5
    model = train(x, y, groups)
    assert np.isfinite(model.weights).all()
    assert model.enforce >= ENFORCE_FLOOR
    assert model.measured.enforce_precision >= 0.99


def test_enforce_is_where_precision_is_high_enough(trained: TrainedClassifier) -> None:
    _, y, _ = draw(6000)
    above = trained.out_of_fold >= trained.enforce
    assert y[above].mean() >= 0.99
    assert trained.measured.enforce_precision == pytest.approx(y[above].mean())
    assert trained.review <= 0.5
    assert trained.measured.review_recall >= 0.98


def test_the_lowest_threshold_that_is_sure_is_taken() -> None:
    probabilities = np.concatenate([np.linspace(0.95, 0.999, 1000), np.linspace(0.9, 0.9499, 100)])
    labels = np.concatenate([np.ones(1000, bool), np.zeros(100, bool)])
    threshold = enforce_threshold(probabilities, labels, 0.99)

    def suffices(admitted: NDArray[np.bool_]) -> bool:
        hits, total = int(labels[admitted].sum()), int(admitted.sum())
        return hits / total >= 0.99 and binomtest(hits, total).proportion_ci(method="wilson").low >= 0.98

    assert suffices(probabilities >= threshold)
    assert not suffices(probabilities >= probabilities[probabilities < threshold].max())
    assert enforce_threshold(probabilities, ~labels, 0.99) == 1.0


def test_review_keeps_the_wanted_recall() -> None:
    probabilities = np.linspace(0, 1, 101)
    labels = probabilities >= 0.2
    threshold = review_threshold(probabilities, labels, 0.98)
    assert (probabilities[labels] >= threshold).mean() >= 0.98
    assert 0.2 < threshold < 0.22


def test_the_export_is_the_model(trained: TrainedClassifier, tmp_path: Path) -> None:
    manifest_path = export_classifier(
        trained, tmp_path, version="v9", lexicon_version="abc", training_data={"source": "drawn"}
    )
    manifest = json.loads(manifest_path.read_text())
    content = (tmp_path / "combiner.onnx").read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest["sha256"]
    x, _, _ = draw(1000, seed=21)
    rows = x.astype(np.float32)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    given = session.run(["probabilities"], {"features": rows})[0][:, 1]
    weights = np.array([manifest["weights"][name] for name in manifest["feature_names"]])
    expected = 1 / (1 + np.exp(-(rows.astype(np.float64) @ weights + manifest["intercept"])))
    assert np.abs(given - expected).max() <= 1e-6
    assert manifest["thresholds"] == {"review": trained.review, "enforce": trained.enforce}
    assert manifest["lexicon_version"] == "abc"
    assert manifest["measured"]["listings"] == 6000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["combiner.json", "combiner.onnx"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"x": np.full((100, len(NAMES)), 2.0)}, "features"),
        ({"x": np.full((100, len(NAMES)), np.nan)}, "features"),
        ({"x": np.zeros((100, 2))}, "features"),
        ({"y": np.zeros(100, bool)}, "labels"),
        ({"groups": ["one"] * 100}, "groups"),
        ({"groups": ["one"]}, "groups"),
        ({"guard_names": ("permit",)}, "feature_names"),
        ({"guard_names": (*GUARDS, "photo")}, "feature_names"),
        ({"absent_shares": {"photo": 1.0}}, "absent_shares"),
        ({"absent_shares": {"unknown": 0.1}}, "absent_shares"),
    ],
)
def test_data_that_cannot_train_are_refused(change: dict[str, Any], field: str) -> None:
    x, y, groups = draw(100)
    given: dict[str, Any] = {"x": x, "y": y, "groups": groups, "guard_names": GUARDS, "absent_shares": None} | change
    with pytest.raises(BadInput) as caught:
        train_classifier(
            given["x"],
            given["y"],
            given["groups"],
            feature_names=NAMES,
            signal_names=SIGNALS,
            guard_names=given["guard_names"],
            absent_shares=given["absent_shares"],
        )
    assert caught.value.field == field


def test_what_the_data_hold_no_examples_of_keeps_the_weight_it_is_given(tmp_path: Path) -> None:
    x, y, groups = draw(3000)
    x[:, NAMES.index("slang")] = 0
    x[LEAST_EXAMPLES - 1 :, NAMES.index("own")] = 0
    plain = train(x, y, groups)
    given = train(x, y, groups, assumed_weights={"slang": 3.25, "own": -1.5, "photo": 9.0})
    assert given.assumed == ("slang", "own")
    assert (weight(given, "slang"), weight(given, "own")) == (3.25, -1.5)
    assert weight(plain, "slang") == 0
    assert plain.assumed == ()
    assert weight(given, "photo") == pytest.approx(weight(plain, "photo"), rel=0.05)  # learned all the same
    row = np.zeros((2, len(NAMES)))
    row[1, NAMES.index("slang")] = 1.0
    low, high = np.log(given.probabilities(row) / (1 - given.probabilities(row)))
    assert high - low == pytest.approx(3.25)
    path = export_classifier(given, tmp_path, version="1", lexicon_version="a", training_data={})
    assert json.loads(path.read_text())["assumed"] == ["slang", "own"]


def test_a_feature_with_examples_enough_is_learned_whatever_was_assumed() -> None:
    x, y, groups = draw(3000)
    x[LEAST_EXAMPLES:, NAMES.index("slang")] = 0
    given = train(x, y, groups, assumed_weights={"slang": 3.25})
    assert given.assumed == ()
    assert weight(given, "slang") != 3.25


@pytest.mark.parametrize("assumed", [{"unknown": 1.0}, {"slang": -1.0}, {"own": 1.0}])
def test_no_weight_is_assumed_against_its_sign_or_of_nothing(assumed: dict[str, float]) -> None:
    with pytest.raises(BadInput) as caught:
        train(*draw(100), assumed_weights=assumed)
    assert caught.value.field == "assumed_weights"
