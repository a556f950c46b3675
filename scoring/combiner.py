"""Findings to one calibrated probability, by a monotone logistic model in ONNX whose weights lie beside it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from domain.assessment import Assessment, Band, Finding, Versions
from domain.errors import NotReady
from domain.listing import Listing, Unreadable
from domain.match import Matches
from scoring.context import CatalogView
from scoring.features import FEATURE_NAMES, features
from scoring.signals import find_guards, find_signals
from scoring.support import carries_notice

MODEL_FILE = "combiner.onnx"
MANIFEST_FILE = "combiner.json"
_ADVICE = "Run `assayer train classifier`, or unset ASSAYER_MODELS_DIR to use the embedded model."
_PARITY = 1e-5
_RUNTIME_ERRORS = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf)


class Thresholds(BaseModel):
    """Lowest probability of each band, 0 to 1."""

    model_config = ConfigDict(frozen=True)

    review: float = Field(ge=0, le=1)
    enforce: float = Field(ge=0, le=1)


class CombinerManifest(BaseModel):
    """What ``combiner.json`` says of ``combiner.onnx``; `training.classifier` writes it."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the ONNX file's bytes."""
    feature_names: tuple[str, ...]
    weights: dict[str, float]
    """Log-odds per unit of strength; signals never negative, guards never positive."""
    assumed: tuple[str, ...] = ()
    """Features that the training data hold too few examples of: their weights were chosen, not learned."""
    intercept: float
    thresholds: Thresholds
    lexicon_version: str
    """Of the lexicons that the training features came from."""
    training_data: JsonValue
    measured: JsonValue = None
    """What training measured on folds it did not train on."""


class Combiner:
    """The model in one folder. Nothing is read before the first use."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir

    @cached_property
    def manifest(self) -> CombinerManifest:
        """What is known of the model. Raises NotReady when it is missing or made for other features."""
        path = self._models_dir / MANIFEST_FILE
        try:
            manifest = CombinerManifest.model_validate_json(path.read_bytes())
        except OSError as error:
            raise NotReady(f"{path}: no combiner model ({error.strerror})", advice=_ADVICE) from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise NotReady(f"{path}: {where}: {first['msg']}", advice=_ADVICE) from error
        if manifest.feature_names != FEATURE_NAMES or set(manifest.weights) != set(FEATURE_NAMES):
            raise NotReady(f"{path}: made for other signals than this version finds", advice=_ADVICE)
        return manifest

    @cached_property
    def version(self) -> str:
        """``name-version@digest``: 12 hex digits over the model, its weights and thresholds. Raises NotReady."""
        decides = {"sha256", "feature_names", "weights", "intercept", "thresholds"}
        canonical = json.dumps(self.manifest.model_dump(mode="json", include=decides), sort_keys=True)
        return f"{self.manifest.name}-{self.manifest.version}@{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        path = self._models_dir / MODEL_FILE
        try:
            content = path.read_bytes()
        except OSError as error:
            raise NotReady(f"{path}: no combiner model ({error.strerror})", advice=_ADVICE) from error
        if hashlib.sha256(content).hexdigest() != self.manifest.sha256:
            raise NotReady(f"{path}: does not hash to what its manifest says", advice=_ADVICE)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # ten multiplications
        try:
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _RUNTIME_ERRORS as error:
            raise NotReady(f"{path}: ONNX Runtime cannot load it ({error})", advice=_ADVICE) from error
        self._check_parity(session)
        return session

    def _check_parity(self, session: onnxruntime.InferenceSession) -> None:
        """Contributions shown to people come from the manifest, so it must be the same model."""
        probes = np.vstack([np.zeros(len(FEATURE_NAMES)), np.eye(len(FEATURE_NAMES))]).astype(np.float32)
        weights = [self.manifest.weights[name] for name in FEATURE_NAMES]
        expected = [_sigmoid(self.manifest.intercept + float(row @ weights)) for row in probes]
        if np.abs(_run(session, probes) - expected).max() > _PARITY:
            raise NotReady(f"{self._models_dir / MANIFEST_FILE}: its weights are not the model's", advice=_ADVICE)

    def ready(self) -> None:
        """Load and check everything. Raises NotReady."""
        _ = self._session

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of infringement, (n,) float64 in [0, 1], of (n, k) float32 features. Raises NotReady."""
        return _run(self._session, rows)

    def band(self, probability: float, signals: Iterable[Finding], guards: Iterable[Finding] = ()) -> Band:
        """What to do at this probability; `enforce` also needs findings that carry a notice, see `carries_notice`."""
        thresholds = self.manifest.thresholds
        if probability >= thresholds.enforce and carries_notice(signals, guards):
            return Band.ENFORCE
        return Band.REVIEW if probability >= thresholds.review else Band.CLEAR

    def assess(
        self,
        listing: Listing,
        matches: Matches,
        catalog: CatalogView,
        *,
        versions: Versions,
    ) -> Assessment:
        """The verdict on one listing, with what each finding contributed. Raises NotReady.

        `versions` names what made it; its `combiner` is `version`, its `lexicon` `scoring.lexicon.lexicon_version()`.
        """
        signals = find_signals(listing, matches, catalog)
        guards = find_guards(listing, matches, catalog)
        probability = float(self.probabilities(features((*signals, *guards))[np.newaxis])[0])
        return Assessment(
            marketplace=listing.marketplace,
            listing_id=listing.listing_id,
            probability=probability,
            band=self.band(probability, signals, guards),
            signals=self._contributed(signals),
            guards=self._contributed(guards),
            unreadable=unreadable_parts(listing, matches),
            versions=versions,
        )

    def _contributed(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(replace(f, contribution=self.manifest.weights[f.name.value] * f.strength) for f in findings)


def unreadable_parts(listing: Listing, matches: Matches) -> tuple[Unreadable, ...]:
    """What could not be read of a listing; when no picture was, that there is no image verdict."""
    named = [image.unreadable for image in listing.images if image.unreadable is not None]
    found = list(dict.fromkeys([*named, *matches.unreadable]))
    if matches.images_read == 0 and len(found) < max(1, len(listing.images)):
        reason = "No picture was read, so there is no image verdict."
        found.append(Unreadable(what="image", source=listing.url, reason=reason))
    if listing.price is None and listing.price_raw:
        reason = "Not understood as a price, so there is no price verdict."
        found.append(Unreadable(what="price", source=listing.price_raw, reason=reason))
    return tuple(found)


def _run(session: onnxruntime.InferenceSession, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    output = session.run(["probabilities"], {session.get_inputs()[0].name: rows})[0]
    return np.asarray(output, dtype=np.float64)[:, 1].clip(0.0, 1.0)


def _sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds >= 0 else math.exp(log_odds) / (1 + math.exp(log_odds))
