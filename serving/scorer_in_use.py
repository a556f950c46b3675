"""The scorer of the stored catalog and its index, loaded when first asked for and replaced when either changes."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from domain.codec import digest, dump
from domain.errors import NotReady
from index.artifact import IndexArtifact, read_artifact
from index.build import CopyEmbedder
from index.calibration import calibration_digest
from index.local_features import FEATURES_VERSION
from jobs.negatives import negative_regions, negatives_state
from jobs.score_listings import Scorer
from jobs.workspace import Workspace

_TRUSTED_S = 1.0
"""How long a scorer is used before the catalog and the index are looked at again."""
_TRIES = 3


class ImageModel(CopyEmbedder, Protocol):
    """The image embedder, wherever it runs. All of it raises NotReady."""

    def version(self) -> str:
        """``name@sha256``, the latter's first 12 digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    """What a scorer was made for."""

    embedder: str
    index: str
    calibration: str
    catalog: str
    negatives: str


class ScorerInUse:
    """Hands out the scorer. Threads share it; who got one keeps it to the end of the request."""

    def __init__(self, work: Workspace, model: ImageModel) -> None:
        self._work, self._model = work, model
        self._lock = threading.Lock()
        self._scorer: Scorer | None = None
        self._state: _State | None = None
        self._looked_at = -_TRUSTED_S
        self._negatives_read = ("", "")

    def get(self) -> Scorer:
        """The scorer of the catalog and index that are stored now.

        Raises NotReady (a model, the index or its thresholds are missing, or the index is not of the stored catalog),
        IndexMismatch, or StoreUnavailable. Nothing is scored by a stale index: who was authorized since would be
        accused.
        """
        with self._lock:
            if self._scorer is None or time.monotonic() - self._looked_at >= _TRUSTED_S:
                self._look()
            assert self._scorer is not None
            return self._scorer

    def _look(self) -> None:
        state = self._stored_state()
        if self._scorer is None or state != self._state:
            self._scorer, self._state = self._load(state), state
        self._looked_at = time.monotonic()

    def _stored_state(self) -> _State:
        pointer = ""
        with contextlib.suppress(OSError):
            pointer = (self._work.settings.index_dir / "current").read_text(encoding="utf-8")
        return _State(
            embedder=self._model.version(),
            index=pointer,
            calibration=calibration_digest(self._work.settings.index_dir, pointer),
            catalog=self._work.records.catalog_digest(),
            negatives=self._negatives(),
        )

    def _negatives(self) -> str:
        """Their digest; they are read only where a review was made or a picture handed in."""
        state = negatives_state(self._work.records)
        if state != self._negatives_read[0]:
            regions = [dump(region) for region in negative_regions(self._work.records)]
            self._negatives_read = (state, digest(regions))
        return self._negatives_read[1]

    def _load(self, state: _State) -> Scorer:
        artifact = self._read_artifact(state)
        if artifact.checkpoint.catalog_digest != state.catalog:
            raise NotReady("the index is not of the stored catalog", advice="Build it: assayer index build.")
        scorer = self._work.scorer_for(artifact, self._model)
        if self._work.records.catalog_digest() != state.catalog:
            raise NotReady("the catalog is being changed", advice="Try again.")
        return scorer

    def _read_artifact(self, state: _State) -> IndexArtifact:
        """A build that ends meanwhile takes the files away that its predecessor's pointer led to."""
        for _ in range(_TRIES - 1):
            try:
                return self._read_artifact_once(state)
            except NotReady:
                if self._stored_state().index == state.index:
                    raise
        return self._read_artifact_once(state)

    def _read_artifact_once(self, state: _State) -> IndexArtifact:
        return read_artifact(self._work.settings.index_dir, embedder=state.embedder, features=FEATURES_VERSION)
