"""What all measurements share: the model, its baselines, the data, and the list of what had to be left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from domain.errors import NotReady
from domain.progress import Progress, silent
from domain.settings import Settings
from index.artifact import IndexArtifact
from index.background import BACKGROUND_FILE, load_background
from index.calibration import Thresholds
from index.embedder import Embedder, Space
from index.score_normalization import ScoreNormalization
from index.verification import Verifier
from jobs.calibrate import calibrate
from jobs.evaluate_models.datasets import Shop, photos_by_class, read_shop
from jobs.evaluate_models.figures import LeftOut
from jobs.evaluate_models.methods import Method, color_histogram, embedding, local_features, pdq
from jobs.evaluate_models.untrained import UntrainedTower
from jobs.train_verifier import learning_matcher

STATISTICS = "clothing/validation"
"""Photographs that no measurement looks for: the untrained tower's batch norms take their statistics from them."""
_FOR_STATISTICS = 64


@dataclass
class Bench:
    """One run's tools; what is expensive is made when first asked for."""

    data: Path
    embedder: Embedder
    embedder_path: Path
    verifier: Verifier
    settings: Settings
    progress: Progress = silent
    models_dir: Path | None = None
    """Where the models in use lie, for what does not stand beside the embedder."""
    left_out: list[LeftOut] = field(default_factory=list)

    @cached_property
    def shop(self) -> Shop:
        """The labeled shop. Raises BadInput."""
        return read_shop(self.data, self.settings)

    @cached_property
    def _untrained(self) -> UntrainedTower | NotReady:
        photos = photos_by_class(self.data, STATISTICS)[:_FOR_STATISTICS]
        try:
            return UntrainedTower(self.embedder.manifest, [photo.read() for photo in photos])
        except NotReady as missing:
            return missing

    @cached_property
    def artifact(self) -> IndexArtifact:
        """The index of the shop's catalog."""
        return learning_matcher(self.shop.learning, self.embedder, self.verifier).artifact

    @cached_property
    def thresholds(self) -> Thresholds:
        """Of that index, set as an operator's are: by the settings and the drawn distractors."""
        return calibrate(
            self.artifact,
            self.embedder,
            self.verifier,
            self.settings,
            background=self._background_file,
            progress=self.progress,
        ).calibration.thresholds

    @property
    def _background_file(self) -> Path:
        return self.embedder_path.parent / BACKGROUND_FILE

    @cached_property
    def normalization(self) -> ScoreNormalization | None:
        """Of the copy space, by the background set that came with the embedder; None where none did."""
        if "copy" not in self.embedder.spaces:
            return None
        dimensions: dict[Space, int] = {"copy": self.embedder.dimensions("copy")}
        background = load_background(self._background_file, embedder=self.embedder.version, dimensions=dimensions)[
            "copy"
        ]
        return ScoreNormalization(background) if len(background) else None

    def space(self, wanted: Space) -> tuple[Space, tuple[str, ...]]:
        """`wanted` where the model has it, else its first space, with a note that says so."""
        if wanted in self.embedder.spaces:
            return wanted, ()
        other: Space = "copy" if "copy" in self.embedder.spaces else min(self.embedder.spaces)
        return other, (f"the model has no {wanted} space; its {other} space was measured instead",)

    def untrained(self, measurement: str, space: Space, *, whole: bool = False, flips: bool = True) -> list[Method]:
        """The same tower with fresh weights as a method, or nothing and the reason in `left_out`."""
        if isinstance(self._untrained, NotReady):
            self.leave_out(measurement, "untrained", str(self._untrained))
            return []
        return [embedding("untrained", self._untrained, space, whole=whole, flips=flips)]

    def baselines(self, measurement: str, space: Space, *, whole: bool = False, flips: bool = True) -> list[Method]:
        """What every picture-to-picture measurement stands beside."""
        return [
            pdq(),
            local_features(flips=flips),
            *self.untrained(measurement, space, whole=whole, flips=flips),
            color_histogram(),
        ]

    def leave_out(self, measurement: str, method: str | None, reason: str) -> None:
        """Remember what is not measured, and why."""
        self.left_out.append(LeftOut(measurement=measurement, method=method, reason=reason))
