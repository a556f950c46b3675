"""Where any mark stands in a picture, whoever's it is: boxes and scores by ONNX Runtime.

A picture is letterboxed here, not squashed: how wide a mark is tells it from a stripe, and a box is wanted as the
picture has it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import BadInput, NotReady
from index.model_files import (
    FILE_NAME,
    SHA256,
    ModelKind,
    read_checked,
    read_model_manifest,
    runtime_errors,
    start_session,
)
from store.images import RGB

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

LETTERBOXING = "letterbox-v1"
"""Name of this preparation; a detector's manifest records the one it was trained with."""
BAR = 114
"""Gray level of the bars beside a picture that is not square."""
MAX_BOXES = 100
"""Most boxes of one picture."""
LOWEST_SCORE = 0.02
"""Below which a box is not looked at."""
_MAX_SIZE = 1024
SAME_MARK = 0.5
"""Intersection over union from which two boxes are of one mark."""
_CANDIDATES = 400
_BATCH = 16
_ADVICE = "Restore the model and its manifest together, or train one: assayer train detector --data DIR."
_KIND = ModelKind("logo detector", advice=_ADVICE)

Boxes = NDArray[np.float32]
"""(n, 4) float32: left, top, right, bottom in pixels."""
Scores = NDArray[np.float32]
"""(n,) float32, 0 to 1 (1 = certainly a mark, and the box fits)."""


class DetectorInput(BaseModel):
    """What the graph takes: (n, 3, size, size) float32, RGB, 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    size: int = Field(ge=32, le=_MAX_SIZE, multiple_of=32, description="Side of the square input, in pixels.")
    preprocessing: str


class DetectorOutputs(BaseModel):
    """Names of what the graph gives: (n, p, 4) boxes in pixels of the input, and (n, p) scores."""

    model_config = ConfigDict(frozen=True, extra="allow")

    boxes: str
    scores: str


class DetectorManifest(BaseModel):
    """The part of ``detector.json`` that serving relies on; training writes more beside it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    file: str = Field(pattern=FILE_NAME)
    sha256: str = Field(pattern=SHA256)
    input: DetectorInput
    outputs: DetectorOutputs


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogoBoxes:
    """What was found in one picture, best first; empty where no mark was."""

    boxes: Boxes
    """(n, 4) left, top, right, bottom in pixels of the handed picture, within it."""
    scores: Scores
    """(n,) 0 to 1, 1: certainly a mark."""


class LogoDetector:
    """A class-agnostic detector. Construction reads and checks its files; the session starts at first use."""

    def __init__(self, manifest_path: Path, *, threads: int = 0) -> None:
        """`threads` of ONNX Runtime, 0: one per core. Raises NotReady: missing, tampered, or of another recipe."""
        self._threads = threads
        self._lock = threading.Lock()
        self._session: InferenceSession | None = None
        self.manifest = read_model_manifest(manifest_path, DetectorManifest, _KIND)
        if self.manifest.input.preprocessing != LETTERBOXING:
            trained = self.manifest.input.preprocessing
            raise NotReady(
                f"{manifest_path.name} was trained with {trained}; this release prepares {LETTERBOXING}", advice=_ADVICE
            )
        self._content = read_checked(manifest_path.with_name(self.manifest.file), self.manifest.sha256, _KIND)

    @property
    def version(self) -> str:
        """``name@`` and the first 12 hex digits of the model's SHA-256."""
        return f"{self.manifest.name}@{self.manifest.sha256[:12]}"

    @property
    def size(self) -> int:
        """Side of the square that pictures are brought to, in pixels."""
        return self.manifest.input.size

    def detect(self, pictures: Sequence[RGB]) -> list[LogoBoxes]:
        """The marks of each picture, (h, w, 3) uint8 of any size.

        Raises BadInput for another shape or type, NotReady when the model does not run.
        """
        for picture in pictures:
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
                raise BadInput(f"a picture is {picture.dtype} {picture.shape}; the detector takes uint8 (h, w, 3)")
        found: list[LogoBoxes] = []
        for start in range(0, len(pictures), _BATCH):
            found.extend(self._detect(pictures[start : start + _BATCH]))
        return found

    def _detect(self, pictures: Sequence[RGB]) -> list[LogoBoxes]:
        prepared = [letterbox(picture, self.size) for picture in pictures]
        stacked = np.stack([square for square, _ in prepared]).transpose(0, 3, 1, 2)
        boxes, scores = self.run(np.ascontiguousarray(stacked, dtype=np.float32) / np.float32(255))
        found = []
        for picture, (_, placing), box, score in zip(pictures, prepared, boxes, scores, strict=True):
            height, width = picture.shape[:2]
            kept, best = keep_boxes(placing.undone(box), score, (width, height))
            found.append(LogoBoxes(boxes=kept, scores=best))
        return found

    def run(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n, 3, size, size) float32, 0 to 1, to what each place says: (n, p, 4) boxes and (n, p) scores.

        Raises NotReady when the model does not run, or gives anything else.
        """
        names = [self.manifest.outputs.boxes, self.manifest.outputs.scores]
        try:
            raw = self._ready_session().run(names, {self.manifest.input.name: inputs})
        except runtime_errors() as error:
            raise NotReady(f"the logo detector {self.version} does not run: {error}", advice=_ADVICE) from error
        boxes, scores = (np.asarray(one, dtype=np.float32) for one in raw)
        if scores.ndim != 2 or len(scores) != len(inputs) or boxes.shape != (*scores.shape, 4):
            shapes = f"boxes {boxes.shape} and scores {scores.shape}"
            raise NotReady(f"the logo detector {self.version} gives {shapes}", advice=_ADVICE)
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise NotReady(f"the logo detector {self.version} gives numbers that are not finite", advice=_ADVICE)
        return boxes, scores

    def _ready_session(self) -> InferenceSession:
        with self._lock:
            if self._session is None:
                self._session = start_session(self._content, self._threads, _KIND)
                self._content = b""
            return self._session


@dataclass(frozen=True, kw_only=True, slots=True)
class Placing:
    """How a picture lies in the square it was letterboxed to."""

    across: float
    """Pixels of the square for one of the picture, from left to right."""
    down: float
    left: int
    """Width of the bar on the left, in pixels of the square."""
    top: int

    def undone(self, boxes: Boxes) -> Boxes:
        """Boxes of the square in pixels of the picture."""
        shift = np.array([self.left, self.top] * 2, dtype=np.float32)
        scale = np.array([self.across, self.down] * 2, dtype=np.float32)
        return np.asarray((boxes - shift) / scale, dtype=np.float32)


def letterbox(rgb: RGB, size: int) -> tuple[RGB, Placing]:
    """A picture of any size in the middle of a (size, size, 3) square, its aspect kept, gray bars beside it."""
    height, width = rgb.shape[:2]
    scale = size / max(height, width)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left, top = (size - across) // 2, (size - down) // 2
    square = np.full((size, size, 3), BAR, np.uint8)
    square[top : top + down, left : left + across] = cv2.resize(rgb, (across, down), interpolation=method)
    return square, Placing(across=across / width, down=down / height, left=left, top=top)


def keep_boxes(boxes: Boxes, scores: Scores, size: tuple[int, int]) -> tuple[Boxes, Scores]:
    """Of (p, 4) boxes and (p,) scores the best first, one of each mark, cut to a picture of (width, height).

    Greedy non-maximum suppression: a box goes where a better one overlaps it by half. At most MAX_BOXES are kept.
    """
    likely = np.flatnonzero(scores >= LOWEST_SCORE)
    likely = likely[np.argsort(-scores[likely], kind="stable")][:_CANDIDATES]
    cut = np.clip(boxes[likely], 0, np.array([*size, *size], dtype=np.float32))
    sides = cut[:, 2:] - cut[:, :2]
    visible = (sides >= 1).all(axis=1)
    cut, best, areas = cut[visible], scores[likely][visible], sides[visible].prod(axis=1)
    kept: list[int] = []
    left = np.arange(len(cut))
    while len(left) and len(kept) < MAX_BOXES:
        first, rest = left[0], left[1:]
        kept.append(int(first))
        shared = np.minimum(cut[first, 2:], cut[rest, 2:]) - np.maximum(cut[first, :2], cut[rest, :2])
        common = np.clip(shared, 0, None).prod(axis=1)
        left = rest[common < SAME_MARK * (areas[first] + areas[rest] - common)]
    return np.asarray(cut[kept], dtype=np.float32), np.asarray(best[kept], dtype=np.float32)
