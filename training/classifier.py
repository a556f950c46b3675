"""Trains the combiner: a logistic model that never counts a signal for, or a guard against, the seller.

The weights are found by L-BFGS-B under sign constraints, the regularization by cross-validation over groups (products,
brands), the calibration by Platt scaling of out-of-fold log-odds, the thresholds from out-of-fold probabilities. What
leaves is an ONNX file and a JSON manifest that holds the same weights, never a pickle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from domain.errors import BadInput

Floats = NDArray[np.float64]
Absences = Sequence[tuple[int, float]]
"""(column, share of the weight in which the fit does not see it)."""

L2_GRID = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
"""Strengths of the penalty l2 / 2 * |weights|^2 on the mean loss."""
ENFORCE_FLOOR = 0.9
"""`enforce` is never lower: separable data would allow a threshold that the probability itself contradicts."""
LOWER_END_SHORT = 0.01
"""What the lower end may miss of the wanted precision: to ask for all of it would ask for 400 faultless listings, and
leave those of a threshold's own neighborhood to chance."""
LEAST_EXAMPLES = 30
"""Listings with a feature, below which its weight is nobody's measurement."""
PARITY = 1e-6
MODEL_FILE = "combiner.onnx"
MANIFEST_FILE = "combiner.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """On folds that did not train the model."""

    log_loss: float
    """Weighted mean, in nats."""
    listings: int
    infringing: int
    enforce_precision: float
    """nan when nothing reaches the threshold."""
    enforce_precision_low: float
    """Lower end of the Wilson 95 percent interval."""
    enforce_recall: float
    review_recall: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedClassifier:
    """Weights in log-odds per unit of strength, calibration folded in."""

    feature_names: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float
    review: float
    """Lowest probability of the review band."""
    enforce: float
    """Lowest probability of the enforce band."""
    l2: float
    calibration: tuple[float, float]
    """(slope, offset) that were applied to the log-odds."""
    measured: Measured
    out_of_fold: Floats
    """(n,) calibrated probabilities, each from a model that saw nothing of the listing's group."""
    assumed: tuple[str, ...] = ()
    """Features with fewer than `LEAST_EXAMPLES` listings, whose weights were given, not learned."""

    def probabilities(self, features: NDArray[np.floating[Any]]) -> Floats:
        """(n, k) strengths to (n,) probabilities of infringement."""
        return _sigmoid(np.asarray(features, dtype=np.float64) @ np.array(self.weights) + self.intercept)


def train_classifier(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.bool_],
    groups: Sequence[str],
    *,
    feature_names: Sequence[str],
    signal_names: Sequence[str],
    guard_names: Sequence[str],
    sources: Sequence[str] | None = None,
    absent_shares: Mapping[str, float] | None = None,
    assumed_weights: Mapping[str, float] | None = None,
    most_weight: float = np.inf,
    folds: int = 5,
    l2_grid: Sequence[float] = L2_GRID,
    wanted_precision: float = 0.99,
    wanted_recall: float = 0.98,
    seed: int = 0,
) -> TrainedClassifier:
    """Train on (n, k) strengths in [0, 1] and (n,) truth (True = infringing).

    Listings of one group (a product, a brand) are never on both sides of a fold. `sources` (n,) names where each
    listing comes from; each source weighs the same in total, as long as no listing weighs over `most_weight` times the
    mean: of few listings each would count too much. `absent_shares` gives features that are hidden from the
    fit in that share of the weight, as when a listing states no price: so that no one feature, too telling in the data
    at hand, takes over what the others can say. Measurements never hide anything. `assumed_weights` gives weights in
    calibrated log-odds, which a feature keeps as long as fewer than `LEAST_EXAMPLES` listings have it: a finding that
    the data do not know is not worth nothing. Raises BadInput when the data cannot train a classifier.
    """
    given = np.asarray(features, dtype=np.float64)
    y = np.asarray(labels, dtype=bool)
    shares = dict(absent_shares or {})
    _check(given, y, groups, sources, feature_names, signal_names, guard_names, folds)
    assumed = _assumed(given, assumed_weights or {}, feature_names, signal_names)
    x = np.where(np.isnan(assumed), given, 0.0)
    if not set(shares) <= set(feature_names) or sum(shares.values()) >= 1 or min(shares.values(), default=0) < 0:
        raise BadInput("shares of known features, not negative, below 1 in total, are needed", field="absent_shares")
    absences = tuple((list(feature_names).index(name), share) for name, share in shares.items())
    weight = source_weights(sources if sources is not None else ["all"] * len(y), most=most_weight)
    signs = np.array([1 if name in set(signal_names) else -1 for name in feature_names])
    parts = _grouped_folds(groups, y, folds, seed)
    l2, log_odds = _choose_l2(x, y, weight, signs, absences, parts, l2_grid)
    slope, offset = _platt(log_odds, y, weight)
    coefficients, intercept = _fit(x, y, weight, signs, absences, l2)
    out_of_fold = _sigmoid(slope * log_odds + offset + given @ np.nan_to_num(assumed))
    enforce = enforce_threshold(out_of_fold, y, wanted_precision)
    review = min(review_threshold(out_of_fold, y, wanted_recall), enforce)
    return TrainedClassifier(
        feature_names=tuple(feature_names),
        weights=tuple(np.where(np.isnan(assumed), slope * coefficients, assumed).tolist()),
        intercept=slope * intercept + offset,
        review=review,
        enforce=enforce,
        l2=l2,
        calibration=(slope, offset),
        measured=_measure(out_of_fold, y, weight, review, enforce),
        out_of_fold=out_of_fold,
        assumed=tuple(name for name, weight in zip(feature_names, assumed, strict=True) if not np.isnan(weight)),
    )


def _assumed(
    features: Floats, weights: Mapping[str, float], feature_names: Sequence[str], signal_names: Sequence[str]
) -> Floats:
    """(k,) the given weight of each feature that has too few examples; nan for what is learned."""
    assumed = np.full(len(feature_names), np.nan)
    for name, weight in weights.items():
        if name not in feature_names or (weight < 0 if name in signal_names else weight > 0):
            raise BadInput(f"{name}: {weight} is no weight of a known feature and its sign", field="assumed_weights")
        column = list(feature_names).index(name)
        if np.count_nonzero(features[:, column]) < LEAST_EXAMPLES:
            assumed[column] = weight
    return assumed


def source_weights(sources: Sequence[str], *, most: float = np.inf) -> Floats:
    """(n,) weights; the sum over each source is the same, and their mean 1, where none would be over `most`."""
    _, inverse, counts = np.unique(np.asarray(sources), return_inverse=True, return_counts=True)
    return np.asarray(np.minimum(len(sources) / (len(counts) * counts[inverse]), most), dtype=np.float64)


def enforce_threshold(probabilities: Floats, labels: NDArray[np.bool_], wanted_precision: float) -> float:
    """Lowest probability, at least `ENFORCE_FLOOR`, from which on the measured precision suffices.

    The precision must reach the wanted one, and its Wilson 95 percent lower end come within `LOWER_END_SHORT` of it;
    too few listings can show that, and then the threshold with the highest lower end is taken. Where no threshold
    reaches the precision: 1.0, so that a person looks at everything.
    """
    candidates = np.unique(probabilities[probabilities >= ENFORCE_FLOOR])
    judged = [(float(t), *_precision(probabilities >= t, labels)) for t in candidates]
    reaching = [(t, low) for t, value, low in judged if value >= wanted_precision]
    if not reaching:
        return 1.0
    sure = [t for t, low in reaching if low >= wanted_precision - LOWER_END_SHORT]
    chosen = min(sure) if sure else max(reaching, key=lambda pair: (pair[1], -pair[0]))[0]
    return _halfway_below(chosen, probabilities, ENFORCE_FLOOR)


def review_threshold(probabilities: Floats, labels: NDArray[np.bool_], wanted_recall: float) -> float:
    """Highest probability, at most 0.5, above which the wanted share of the infringing listings lies."""
    infringing = np.sort(probabilities[labels])[::-1]
    needed = int(np.ceil(wanted_recall * len(infringing)))
    return min(0.5, _halfway_below(float(infringing[needed - 1]), probabilities, 0.0))


def export_classifier(
    trained: TrainedClassifier,
    directory: Path,
    *,
    version: str,
    lexicon_version: str,
    training_data: Mapping[str, JsonValue],
    name: str = "combiner",
    details: Mapping[str, Any] | None = None,
) -> Path:
    """Write the ONNX file, then the manifest that names its SHA-256, each atomically; the manifest's path.

    `details` (license, data, command, figures) go into the manifest as they are, in place of what it says of the same
    name. Raises ArithmeticError when ONNX Runtime does not give the same probabilities to within `PARITY`.
    """
    content = to_onnx(trained)
    manifest = {
        "name": name,
        "version": version,
        "file": MODEL_FILE,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "feature_names": list(trained.feature_names),
        "weights": dict(zip(trained.feature_names, trained.weights, strict=True)),
        "assumed": list(trained.assumed),
        "intercept": trained.intercept,
        "thresholds": {"review": trained.review, "enforce": trained.enforce},
        "lexicon_version": lexicon_version,
        "l2": trained.l2,
        "calibration": {"slope": trained.calibration[0], "offset": trained.calibration[1]},
        "training_data": dict(training_data),
        "measured": {key: None if value != value else value for key, value in asdict(trained.measured).items()},
        **(details or {}),
    }
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / MODEL_FILE, content)
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    _write(directory / MANIFEST_FILE, text.encode())
    return directory / MANIFEST_FILE


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing: a killed training leaves the old file."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def to_onnx(trained: TrainedClassifier) -> bytes:
    """The model as ONNX: (n, k) float32 ``features`` to (n, 2) float32 ``probabilities``; checked against NumPy."""
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression()
    model.classes_ = np.array([0, 1])
    model.coef_ = np.array([trained.weights])
    model.intercept_ = np.array([trained.intercept])
    model.n_features_in_ = len(trained.weights)
    inputs = [("features", FloatTensorType([None, len(trained.weights)]))]
    converted = convert(model, initial_types=inputs, options={id(model): {"zipmap": False}}, target_opset=17)
    content: bytes = converted.SerializeToString()
    _check_parity(content, trained)
    return content


def _check_parity(content: bytes, trained: TrainedClassifier) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    k = len(trained.weights)
    rows = np.random.default_rng(0).random((2000, k), dtype=np.float32)
    rows = np.vstack([rows, np.round(rows), np.zeros((1, k)), np.ones((1, k)), np.eye(k)]).astype(np.float32)
    given = session.run(["probabilities"], {"features": rows})[0][:, 1].astype(np.float64)
    difference = float(np.abs(given - trained.probabilities(rows)).max())
    if difference > PARITY:
        raise ArithmeticError(f"ONNX Runtime differs by {difference:.2g}; at most {PARITY:.0e} is accepted")


def _check(
    x: Floats,
    y: NDArray[np.bool_],
    groups: Sequence[str],
    sources: Sequence[str] | None,
    feature_names: Sequence[str],
    signal_names: Sequence[str],
    guard_names: Sequence[str],
    folds: int,
) -> None:
    if x.ndim != 2 or x.shape != (len(y), len(feature_names)):
        expected = (len(y), len(feature_names))
        raise BadInput(f"features have shape {x.shape}; {expected} was expected", field="features")
    if len(groups) != len(y) or (sources is not None and len(sources) != len(y)):
        raise BadInput("one group and one source per listing are needed", field="groups")
    if not np.isfinite(x).all() or x.min(initial=0) < 0 or x.max(initial=0) > 1:
        raise BadInput("strengths lie in [0, 1]", field="features")
    if set(signal_names) & set(guard_names) or {*signal_names, *guard_names} != set(feature_names):
        raise BadInput("every feature is either a signal or a guard", field="feature_names")
    if y.all() or not y.any():
        raise BadInput("both infringing and legitimate listings are needed", field="labels")
    if len(set(groups)) < folds or folds < 2:
        raise BadInput(f"{len(set(groups))} groups cannot make {folds} folds of at least two", field="groups")


def _grouped_folds(groups: Sequence[str], y: NDArray[np.bool_], folds: int, seed: int) -> list[NDArray[np.intp]]:
    """Row numbers of each fold's held-out part, stratified as well as whole groups allow."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    parts = [held_out for _, held_out in splitter.split(np.zeros(len(y)), y, np.asarray(groups))]
    for held_out in parts:
        rest = np.delete(y, held_out)
        if rest.all() or not rest.any():
            raise BadInput("the groups hold too few infringing or legitimate listings to be folded", field="groups")
    return parts


def _choose_l2(
    x: Floats,
    y: NDArray[np.bool_],
    weight: Floats,
    signs: NDArray[np.int_],
    absences: Absences,
    parts: Sequence[NDArray[np.intp]],
    l2_grid: Sequence[float],
) -> tuple[float, Floats]:
    """The strongest penalty within one standard error of the best out-of-fold loss, and its out-of-fold log-odds."""
    tried = {l2: _out_of_fold(x, y, weight, signs, absences, parts, l2) for l2 in sorted(l2_grid)}
    losses = {
        l2: np.array([np.average(_log_losses(log_odds[p], y[p]), weights=weight[p]) for p in parts])
        for l2, log_odds in tried.items()
    }
    best = min(losses, key=lambda l2: float(losses[l2].mean()))
    limit = losses[best].mean() + losses[best].std(ddof=1) / np.sqrt(len(parts))
    chosen = max(l2 for l2, loss in losses.items() if loss.mean() <= limit)
    return chosen, tried[chosen]


def _out_of_fold(
    x: Floats,
    y: NDArray[np.bool_],
    weight: Floats,
    signs: NDArray[np.int_],
    absences: Absences,
    parts: Sequence[NDArray[np.intp]],
    l2: float,
) -> Floats:
    log_odds = np.empty(len(y))
    for held_out in parts:
        rest = np.setdiff1d(np.arange(len(y)), held_out)
        coefficients, intercept = _fit(x[rest], y[rest], weight[rest], signs, absences, l2)
        log_odds[held_out] = x[held_out] @ coefficients + intercept
    return log_odds


def _fit(
    x: Floats, y: NDArray[np.bool_], weight: Floats, signs: NDArray[np.int_], absences: Absences, l2: float
) -> tuple[Floats, float]:
    """(coefficients, intercept): weighted mean log loss plus the penalty, each coefficient of its sign or 0."""
    from scipy.optimize import minimize

    x, y, weight = _with_absences(x, y, weight, absences)
    share = weight / weight.sum()

    def loss(parameters: Floats) -> tuple[float, Floats]:
        log_odds = x @ parameters[:-1] + parameters[-1]
        residual = share * (_sigmoid(log_odds) - y)
        value = float(share @ _log_losses(log_odds, y)) + 0.5 * l2 * float(parameters[:-1] @ parameters[:-1])
        return value, np.append(x.T @ residual + l2 * parameters[:-1], residual.sum())

    bounds = [(0, None) if sign > 0 else (None, 0) for sign in signs] + [(None, None)]
    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    return found.x[:-1] + 0.0, float(found.x[-1])  # + 0.0: no negative zero


def _with_absences(
    x: Floats, y: NDArray[np.bool_], weight: Floats, absences: Absences
) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Each row once as it is and once per absence with that feature zero; the weights add up to what they were."""
    if not absences:
        return x, y, weight
    hidden = [x * (np.arange(x.shape[1]) != column) for column, _ in absences]
    shares = [1 - sum(share for _, share in absences), *(share for _, share in absences)]
    copies = len(absences) + 1
    return np.vstack([x, *hidden]), np.tile(y, copies), np.concatenate([weight * share for share in shares])


def _platt(log_odds: Floats, y: NDArray[np.bool_], weight: Floats) -> tuple[float, float]:
    """(slope, offset) fitted to targets short of 0 and 1 (J. Platt, 1999), so that separable data stay finite."""
    from scipy.optimize import minimize

    positive, negative = float(y.sum()), float((~y).sum())
    target = np.where(y, (positive + 1) / (positive + 2), 1 / (negative + 2))
    share = weight / weight.sum()

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scaled = parameters[0] * log_odds + parameters[1]
        residual = share * (_sigmoid(scaled) - target)
        value = float(share @ (np.logaddexp(0, scaled) - target * scaled))
        return value, np.array([residual @ log_odds, residual.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(1e-3, None), (None, None)], method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])


def _measure(probabilities: Floats, y: NDArray[np.bool_], weight: Floats, review: float, enforce: float) -> Measured:
    value, low = _precision(probabilities >= enforce, y)
    losses = -np.log(np.where(y, probabilities, 1 - probabilities).clip(1e-15))
    return Measured(
        log_loss=float(np.average(losses, weights=weight)),
        listings=len(y),
        infringing=int(y.sum()),
        enforce_precision=value,
        enforce_precision_low=low,
        enforce_recall=float((probabilities[y] >= enforce).mean()),
        review_recall=float((probabilities[y] >= review).mean()),
    )


def _precision(found: NDArray[np.bool_], labels: NDArray[np.bool_]) -> tuple[float, float]:
    """(precision, lower end of its Wilson 95 percent interval); nan when nothing was found."""
    from scipy.stats import binomtest

    total, hits = int(found.sum()), int((found & labels).sum())
    if total == 0:
        return float("nan"), float("nan")
    return hits / total, float(binomtest(hits, total).proportion_ci(method="wilson").low)


def _halfway_below(threshold: float, probabilities: Floats, floor: float) -> float:
    """Between the threshold and the next probability seen below it, so that rounding moves no listing across."""
    below = probabilities[probabilities < threshold]
    return max(floor, (threshold + float(below.max())) / 2) if below.size else max(floor, threshold)


def _log_losses(log_odds: Floats, y: NDArray[np.bool_]) -> Floats:
    return np.asarray(np.logaddexp(0, np.where(y, -log_odds, log_odds)), dtype=np.float64)


def _sigmoid(log_odds: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -log_odds)), dtype=np.float64)
