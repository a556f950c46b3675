"""Where a tenant's work lies: records, evidence, models and index, opened when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from domain.catalog import RightsHolder
from domain.errors import IndexMismatch, NotReady, SettingRefused
from domain.progress import Progress, silent
from domain.settings import Settings
from index.artifact import IndexArtifact, read_artifact
from index.background import BACKGROUND_FILE
from index.build import CopyEmbedder
from index.calibration import Calibration, read_calibration, write_calibration
from index.embedder import Embedder
from index.local_features import FEATURES_VERSION
from index.logo_verifier import load_logo_verifier
from index.matcher import Matcher
from index.negative_bank import NO_NEGATIVES, NegativeBank
from index.text import TextMatcher
from index.verification import Verifier, load_verifier
from jobs.build_index import build_index
from jobs.calibrate import CalibrationReport, calibrate
from jobs.embedders import embedder_path
from jobs.hidden_logo_search import HiddenLogoSearch
from jobs.logo_search import Eyes, LogoSearch, open_eyes
from jobs.negatives import negative_regions, open_negative_bank
from jobs.promoted_models import models_in_use
from jobs.score_listings import Scorer
from scoring.combiner import Combiner
from scoring.context import CatalogView
from store.evidence import open_evidence
from store.images import RGB, decode_image
from store.interfaces import Evidence, Records
from store.records import open_records


class Workspace:
    """Everything that a job needs, by settings. Close it when done."""

    def __init__(self, settings: Settings, *, embedder_threads: int = 1) -> None:
        """`embedder_threads`, where the settings name no number: 1 beside other pictures, 0 (one per core) alone."""
        self.settings, self._embedder_threads = settings, settings.onnx_threads or embedder_threads

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the database's connections back."""
        if "records" in self.__dict__:
            self.records.close()

    @cached_property
    def records(self) -> Records:
        """The tenant's records; the database is made or brought up to date."""
        if not self.settings.database_url:
            _make_home(self.settings.home)
        return open_records(self.settings.resolved_database_url, self.settings.tenant)

    @cached_property
    def evidence(self) -> Evidence:
        """The evidence store."""
        return open_evidence(self.settings.resolved_evidence_url)

    @property
    def models_dir(self) -> Path:
        """The operator's models, or those promoted last, or the embedded ones. Raises SettingRefused or NotReady."""
        return models_in_use(self.settings) if self.settings.models_dir else self._promoted_models

    @cached_property
    def _promoted_models(self) -> Path:
        """Asked for once: a promotion meanwhile must not mix its models with those that are loaded."""
        return models_in_use(self.settings)

    @property
    def embedder_file(self) -> Path:
        """Where the image model in use lies."""
        return embedder_path(self.settings.home, self.models_dir)

    @cached_property
    def embedder(self) -> Embedder:
        """The image model in use. Raises NotReady when it is missing or tampered with."""
        return Embedder(self.embedder_file, threads=self._embedder_threads)

    def artifact(self, progress: Progress = silent) -> IndexArtifact:
        """The index of the stored catalog, built where there is none or the catalog has changed since.

        Raises IndexMismatch when another model built it: replacing that is the operator's decision.
        """
        try:
            stored = self.stored_artifact()
        except IndexMismatch:
            raise
        except NotReady:
            stored = None  # none yet, or damaged
        if stored and stored.checkpoint.catalog_digest == self.records.catalog_digest():
            return stored
        build_index(self.records, self.evidence, self.embedder, self.settings, progress=progress)
        return self.stored_artifact()

    def stored_artifact(self) -> IndexArtifact:
        """The index on disk, as it is. Raises NotReady (none, damaged) or IndexMismatch (another model)."""
        return read_artifact(self.settings.index_dir, embedder=self.embedder.version, features=FEATURES_VERSION)

    def scorer(self, progress: Progress = silent) -> Scorer:
        """Ready to score against the stored catalog; index and thresholds are made where they are missing or stale.

        Raises NotReady, IndexMismatch or EmptyCatalog, or BadInput where the settings allow no thresholds.
        """
        artifact = self.artifact(progress)
        self.calibration(artifact, progress)
        return self.scorer_for(artifact, self.embedder)

    def scorer_for(self, artifact: IndexArtifact, model: CopyEmbedder) -> Scorer:
        """A scorer on a loaded index; `model` may be a service that batches.

        Raises NotReady where no thresholds are stored for this index and these models.
        """
        calibration = self.stored_calibration(artifact)
        products = self.records.products()
        matcher = Matcher(artifact, model, self.verifier, TextMatcher(products), copy_from=calibration.thresholds.copy)
        holders, negatives = self.records.rights_holders(), self.negatives()
        catalog = CatalogView(holders, products)
        return Scorer(
            matcher,
            Combiner(self.models_dir),
            catalog,
            self.settings,
            calibration=calibration,
            negatives=negatives,
            logos=self._logo_search(artifact, catalog, holders, negatives),
        )

    def _logo_search(
        self,
        artifact: IndexArtifact,
        catalog: CatalogView,
        holders: Sequence[RightsHolder],
        negatives: NegativeBank,
    ) -> LogoSearch | None:
        """What looks for the catalog's logos; None where it has none.

        Raises NotReady where a model is missing, IndexMismatch where another one embedded the logos.
        """
        if not artifact.logos.references:
            return None
        if artifact.checkpoint.embedder != self.embedder.version:
            raise IndexMismatch(
                f"the logos were embedded by {artifact.checkpoint.embedder}; in use is {self.embedder.version}",
                advice="Build the index again with the model in use: assayer index build.",
            )
        verifier = load_logo_verifier(self.models_dir / "logo-verifier.json")
        matcher = self.eyes.matcher(artifact.logos, verifier, holders, negatives)
        owners = frozenset(reference.rights_holder for reference in artifact.logos.references)
        hidden = HiddenLogoSearch(matcher=matcher, read_image=self._decoded)
        return LogoSearch(matcher=matcher, catalog=catalog, holders=owners, hidden=hidden)

    def _decoded(self, sha256: str) -> RGB:
        return decode_image(
            self.evidence.read(sha256),
            max_bytes=self.settings.max_image_bytes,
            max_pixels=self.settings.max_image_pixels,
        )

    @cached_property
    def eyes(self) -> Eyes:
        """What looks for logos, whoever's. Raises NotReady where a model is broken."""
        return open_eyes(self.embedder, self.embedder_file, self.models_dir / "detector.json")

    def negatives(self) -> NegativeBank:
        """What rights holders of this tenant called not theirs, as of now."""
        regions = negative_regions(self.records)
        return open_negative_bank(regions, self.evidence, self.embedder, self.settings) if regions else NO_NEGATIVES

    @property
    def verifier(self) -> Verifier:
        """What weighs aligned pictures. Raises NotReady when it is missing or broken."""
        return load_verifier(self.models_dir / "verifier.json")

    def stored_calibration(self, artifact: IndexArtifact) -> Calibration:
        """The thresholds of this index. Raises NotReady: none, or set for other models."""
        checkpoint = artifact.checkpoint
        return read_calibration(
            self.settings.index_dir,
            index=checkpoint.version,
            embedder=checkpoint.embedder,
            verifier=self.verifier.version,
        )

    def calibration(self, artifact: IndexArtifact, progress: Progress = silent) -> Calibration:
        """The thresholds of this index, set by the settings where there are none that fit."""
        try:
            return self.stored_calibration(artifact)
        except NotReady:
            return self.calibrate(artifact, progress=progress).calibration

    def calibrate(
        self,
        artifact: IndexArtifact,
        *,
        false_match_rate: float | None = None,
        distractors: Path | None = None,
        progress: Progress = silent,
    ) -> CalibrationReport:
        """Set the thresholds of this index anew and store them. Raises as `jobs.calibrate.calibrate` does."""
        report = calibrate(
            artifact,
            self.embedder,
            self.verifier,
            self.settings,
            background=self.embedder_file.with_name(BACKGROUND_FILE),
            false_match_rate=false_match_rate,
            distractors=distractors,
            progress=progress,
        )
        write_calibration(self.settings.index_dir, report.calibration)
        return report


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"the folder {home} cannot be made ({error.strerror})"
        raise SettingRefused(reason, field="ASSAYER_HOME", advice="Name a folder that you may write to.") from error
