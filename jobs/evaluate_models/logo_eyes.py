"""The line that names logos, as it serves, and its eyes alone; and what each says of photographs.

Photographs are looked at for several catalogs, and eyes by themselves look where all of them did: what does not hang on
the catalog is worked out once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady
from domain.progress import Progress
from index.background import BACKGROUND_FILE, load_background
from index.embedder import Embedder, Space
from index.logo_detector import LogoBoxes, LogoDetector
from index.logo_index import LogoIndex, MarkEmbedder, build_logo_index
from index.logo_matcher import Eye, LogoCandidate, LogoMatcher
from index.logo_verifier import LogoVerifier, load_logo_verifier
from index.mark_text import ReadText, TextReader
from index.word_marks import WordMarks
from jobs.evaluate_models.bench import Bench
from jobs.logo_pictures import LogoScene, LogoSet
from jobs.train_logo_verifier import holder_of
from store.images import RGB

LINE = "line"
"""The whole line, as it serves."""
ALONE: dict[str, frozenset[Eye]] = {
    "embedding_alone": frozenset[Eye]({"features", "text"}),
    "embedding_without_detector": frozenset[Eye]({"features", "text", "detector"}),
    "features_alone": frozenset[Eye]({"embedding", "text", "detector"}),
    "text_alone": frozenset[Eye]({"embedding", "features", "detector"}),
}
"""Each eye by itself, by what is left out; the detector proposes places to the first, which else looks at a grid."""

DETECTOR_FILE, VERIFIER_FILE = "detector.json", "logo-verifier.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one method says of one photograph."""

    brand: str | None = None
    """Its likeliest brand, however unlikely; None: it has none."""
    score: float = -np.inf
    """How likely, by the method's own measure."""
    named: tuple[str, ...] = ()
    """Brands that it names at the threshold that it is served with; methods without one name none."""


class RememberingEmbedder:
    """An embedder that works out a view's vector once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[tuple[Space, bytes], NDArray[np.float32]] = {}

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""
        return self._embedder.size

    @property
    def spaces(self) -> frozenset[Space]:
        """What it has vectors for."""
        return self._embedder.spaces

    def embed(self, images: NDArray[np.float32], space: Space = "copy") -> NDArray[np.float32]:
        """(n, 3, size, size) views to (n, d) of unit length."""
        keys = [(space, _digest(image)) for image in images]
        if unseen := {key: n for n, key in enumerate(keys) if key not in self._known}:
            vectors = self._embedder.embed(np.ascontiguousarray(images[list(unseen.values())]), space)
            self._known.update(zip(unseen, vectors, strict=True))
        return np.stack([self._known[key] for key in keys])


class RememberingReader(TextReader):
    """A reader that reads a picture once."""

    def __init__(self, *, threads: int = 0) -> None:
        super().__init__(threads=threads)
        self._known: dict[bytes, tuple[ReadText, ...]] = {}

    def read(self, rgb: RGB) -> tuple[ReadText, ...]:
        """As `TextReader.read`."""
        key = _digest(rgb)
        if key not in self._known:
            self._known[key] = super().read(rgb)
        return self._known[key]


class RememberingDetector(LogoDetector):
    """A detector that looks at a picture once."""

    def __init__(self, manifest_path: Path, *, threads: int = 0) -> None:
        super().__init__(manifest_path, threads=threads)
        self._seen: dict[bytes, LogoBoxes] = {}

    def detect(self, pictures: Sequence[RGB]) -> list[LogoBoxes]:
        """As `LogoDetector.detect`."""
        keys = [_digest(rgb) for rgb in pictures]
        unseen = [n for n, key in enumerate(keys) if key not in self._seen]
        found = super().detect([pictures[n] for n in unseen])
        self._seen.update({keys[n]: boxes for n, boxes in zip(unseen, found, strict=True)})
        return [self._seen[key] for key in keys]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogoEyes:
    """The models that look; one for a run."""

    embedder: MarkEmbedder
    detector: LogoDetector | None
    reader: TextReader
    verifier: LogoVerifier
    background: NDArray[np.float32]
    """(n, d) mark vectors of pictures without a mark."""

    def index(self, logos: LogoSet, progress: Progress) -> LogoIndex:
        """Of a set's catalog."""
        return build_logo_index(logos.logos, self.embedder, progress)

    def matcher(self, index: LogoIndex, logos: LogoSet, without: frozenset[Eye] = frozenset()) -> LogoMatcher:
        """What names the logos of `index`, which was built of the set's catalog."""
        return LogoMatcher(
            index,
            self.embedder,
            self.verifier,
            detector=self.detector,
            reader=self.reader,
            words=WordMarks([holder_of(logos)]),
            background=self.background,
            without=without,
        )


def open_logo_eyes(bench: Bench, measurement: str, *, remember: bool = True) -> LogoEyes | None:
    """None, and the reason in `left_out`, where a model of the line is missing; without a detector the rest looks.

    Not to `remember` is for taking the time.
    """
    folder = models_folder(bench)
    try:
        verifier = load_logo_verifier(folder / VERIFIER_FILE)
        detector = open_detector(bench, remember=remember)
    except NotReady as missing:
        bench.leave_out(measurement, None, str(missing))
        return None
    if detector is None:
        bench.leave_out(measurement, "detector", f"no {DETECTOR_FILE}; the line was measured without it")
    dimensions: dict[Space, int] = {}
    if "mark" in bench.embedder.spaces:
        dimensions["mark"] = bench.embedder.dimensions("mark")
    file = bench.embedder_path.parent / BACKGROUND_FILE
    background = load_background(file, embedder=bench.embedder.version, dimensions=dimensions)
    return LogoEyes(
        embedder=RememberingEmbedder(bench.embedder) if remember else bench.embedder,
        detector=detector,
        reader=(RememberingReader if remember else TextReader)(threads=1),
        verifier=verifier,
        background=background.get("mark", np.zeros((0, 0), np.float32)),
    )


def logo_versions(bench: Bench) -> dict[str, str]:
    """Of the models of the line that are there, by kind."""
    try:
        detector, verifier = open_detector(bench), load_logo_verifier(models_folder(bench) / VERIFIER_FILE)
    except NotReady:
        return {}
    return ({"detector": detector.version} if detector else {}) | {"logo_verifier": verifier.version}


def models_folder(bench: Bench) -> Path:
    """Where what weighs the eyes lies: beside the embedder, or among the models in use."""
    beside = bench.embedder_path.parent
    return beside if (beside / VERIFIER_FILE).is_file() or bench.models_dir is None else bench.models_dir


def open_detector(bench: Bench, *, remember: bool = False) -> LogoDetector | None:
    """None where there is none. Raises NotReady where it is broken."""
    manifest = models_folder(bench) / DETECTOR_FILE
    return (RememberingDetector if remember else LogoDetector)(manifest, threads=1) if manifest.is_file() else None


def ask(matcher: LogoMatcher, scenes: Sequence[LogoScene], stage: str, progress: Progress) -> list[Answer]:
    """What the line says of each scene."""
    answers = []
    for done, scene in enumerate(scenes, start=1):
        answers.append(answer_of(matcher, matcher.candidates(scene.picture)))
        progress(stage, done, len(scenes))
    return answers


def answer_of(matcher: LogoMatcher, candidates: Sequence[LogoCandidate]) -> Answer:
    """`candidates` are the matcher's of one picture, likeliest first."""
    if not candidates:
        return Answer()
    named = tuple(dict.fromkeys(candidate.brand.brand for candidate in matcher.named(candidates)))
    return Answer(brand=candidates[0].brand.brand, score=candidates[0].probability, named=named)


def _digest(array: NDArray[np.uint8] | NDArray[np.float32]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16, salt=_shape(array)).digest()


def _shape(array: NDArray[np.uint8] | NDArray[np.float32]) -> bytes:
    return np.array(array.shape[:2], np.uint32).tobytes()
