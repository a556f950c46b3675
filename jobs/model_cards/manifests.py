"""What a card needs of each manifest, and of the report that `assayer evaluate models --out` wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import BadInput, NotReady
from index.embedder import InputContract, OutputContract, Space, TextContract
from index.logo_detector import DetectorInput, DetectorOutputs
from jobs.evaluate_models.figures import FORMAT

_TRAIN = "Train the model anew: docs/models.md, Promoting a model."

T = TypeVar("T", bound=BaseModel)


class Facts(BaseModel):
    """Read only; what a card does not show is not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class FileFacts(Facts):
    """A file that a manifest names."""

    file: str = Field(pattern=r"^\w[\w.-]*$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class DataFacts(Facts):
    """One source of training data."""

    title: str
    license: str = Field(min_length=1)
    repositories: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


class Made(Facts):
    """How a model came about; every manifest says it."""

    name: str
    license: str = Field(min_length=1)
    data: dict[str, DataFacts]
    splits: str = Field(min_length=1)
    command: str = Field(min_length=1)
    commit: str | None
    """Null where the trainer was no checkout."""


class Figure(Facts):
    """A measured number with its 95 % interval; all null where there was nothing to measure it on."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    hits: int | None = None
    total: int | None = None


class TextFacts(TextContract):
    """The text tower."""

    bytes: int


class TrainingFacts(Facts):
    """How long the embedder trained, and on how much."""

    steps: int
    pictures: int
    minutes: float
    photographs: int
    marks: int
    left_out: dict[str, int] = {}
    validation: dict[str, float] = {}


class ParityFacts(Facts):
    """Files against PyTorch."""

    largest_difference: float
    tolerance: float


class EmbedderFacts(Made, FileFacts):
    """``embedder.json``, as `training.export` and `training.embedder` write it."""

    input: InputContract
    outputs: dict[Space, OutputContract] = Field(min_length=1)
    text: TextFacts | None = None
    background: FileFacts | None = None
    architecture: dict[str, Any] = {}
    parameters: int | dict[str, int]
    training: TrainingFacts
    parity: ParityFacts

    @property
    def pretrained(self) -> bool:
        """Whether timm's or open_clip's weights were the start."""
        return bool(self.architecture.get("vision_cfg", {}).get("timm_model_pretrained"))


class DetectorTrainingFacts(TrainingFacts):
    """How the logo detector trained."""

    cutouts: int
    recipe: dict[str, Any]
    validated_on: str


class DetectorFacts(Made, FileFacts):
    """``detector.json``, as `training.detector_export` and `training.detector_training` write it."""

    input: DetectorInput
    outputs: DetectorOutputs
    parameters: int
    training: DetectorTrainingFacts
    parity: ParityFacts


class VerifierFacts(Made):
    """``verifier.json``, as `jobs.train_verifier` writes it: the weights themselves."""

    feature_names: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float
    learned_with: dict[str, str] = {}
    trained_on: dict[str, dict[str, int]]
    measured_out_of_fold: dict[str, Figure]


class LogoVerifierFacts(VerifierFacts):
    """``logo-verifier.json``, as `jobs.train_logo_verifier` writes it."""

    name_from: float


class CombinerFacts(Made, FileFacts):
    """``combiner.json``, as `jobs.train_classifier` writes it."""

    feature_names: tuple[str, ...]
    weights: dict[str, float]
    intercept: float
    thresholds: dict[str, float]
    lexicon_version: str
    assumed: tuple[str, ...] = ()
    """Features of which the data hold too few examples: their weights were chosen."""
    learned_with: dict[str, str] = {}
    training_data: dict[str, dict[str, int]]
    measured: dict[str, Figure]


class MeasurementFacts(Facts):
    """One table of `assayer evaluate models`."""

    about: str
    counts: dict[str, int] = {}
    methods: dict[str, dict[str, Figure]]
    notes: tuple[str, ...] = ()


class LeftOutFacts(Facts):
    """What that run could not measure."""

    measurement: str
    method: str | None = None
    reason: str


class EvaluationFacts(Facts):
    """``evaluation.json``."""

    format: int
    models: dict[str, str]
    measurements: dict[str, MeasurementFacts]
    left_out: tuple[LeftOutFacts, ...] = ()


def read_facts(path: Path, kind: type[T], *, advice: str = _TRAIN) -> T:
    """Raises NotReady where the file is missing, BadInput with the field that is missing or wrong."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise NotReady(f"{path.name}: {error.strerror}", advice=advice) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInput(first["msg"], file=path.name, field=field, advice=advice) from error


def read_evaluation(path: Path, versions: dict[str, str]) -> EvaluationFacts | None:
    """The report at `path`, None where there is none.

    Raises BadInput where it is broken, of another format, or of other models than `versions` says by kind: figures of
    another model on a card would be a lie.
    """
    if not path.is_file():
        return None
    advice = f"Measure: assayer evaluate models --model {path.parent} --out {path}"
    found = read_facts(path, EvaluationFacts, advice=advice)
    if found.format != FORMAT:
        raise BadInput(f"is of format {found.format}, not {FORMAT}", file=path.name, advice=advice)
    for kind, version in versions.items():
        if found.models.get(kind) != version:
            raise BadInput(f"measures {found.models.get(kind)}, not {version}", file=path.name, advice=advice)
    return found


def file_facts(path: Path) -> FileFacts:
    """Of the file as it lies there. Raises NotReady where it does not."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotReady(f"{path.name}: {error.strerror}", advice=_TRAIN) from error
    return FileFacts(file=path.name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def checked_file(folder: Path, named: FileFacts | TextFacts) -> FileFacts:
    """The file that a manifest names. Raises NotReady where it is missing or another one."""
    found = file_facts(folder / named.file)
    if (found.sha256, found.bytes) != (named.sha256, named.bytes):
        raise NotReady(f"{named.file} is not the file that its manifest names", advice=_TRAIN)
    return found
