"""Words in a picture: rapidocr's detector and recognizer, which come inside its wheel, on ONNX Runtime.

Found on photographs: pictures are read best between 640 and 960 px; text that stands on its side or head is found by
reading once more, turned, what came out doubtful, and turns no upright word, as an angle classifier does.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady
from domain.match import Box, Point
from store.images import RGB

LEAST_SIDE, MOST_SIDE = 640, 960
"""Pixels of the longer side between which a picture is read; small ones are enlarged, large ones reduced."""
_THINNEST = 32
"""Pixels of the shorter side; a strip that would come out thinner is framed."""
_MOST_LINES = 48
"""The tallest lines of a picture that are read: a mark is rarely its smallest print, and a page of print takes long."""
_LONGEST_LINE = 20.0
"""Width over height of a line that is read; longer ones are squeezed."""
_DOUBTFUL = 0.88
"""Confidence under which a line is read once more, turned by half."""
_SURE, _CLEARLY = 0.9, 0.1
"""How sure the turned reading must be, and by how much surer: letters upside down spell nonsense with confidence."""
_LEAST_CONFIDENCE = 0.3
_ADVICE = "Reinstall rapidocr; its models come inside its wheel."


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadText:
    """A line of text in a picture."""

    text: str
    """As read, case kept."""
    confidence: float
    """Mean over its characters, 0 to 1 (1 = certain)."""
    corners: tuple[Point, Point, Point, Point]
    """Clockwise from the top left, in pixels of the picture that was read."""
    height_share: float
    """Height of the letters as a share of the picture's longer side, 0 to 1."""

    @property
    def box(self) -> Box:
        """The upright box around the corners."""
        across, down = zip(*self.corners, strict=True)
        return min(across), min(down), max(across), max(down)


class TextReader:
    """Reads the words in a picture. Models are loaded at first use; one reader may serve many threads."""

    def __init__(self, *, threads: int = 0) -> None:
        """`threads` of ONNX Runtime, 0: one per core."""
        self._threads = threads
        self._lock = threading.Lock()
        self._engine: Any = None

    @property
    def version(self) -> str:
        """``rapidocr-3.10.0/PP-OCRv6-small``."""
        return f"rapidocr-{version('rapidocr')}/PP-OCRv6-small"

    def read(self, rgb: RGB) -> tuple[ReadText, ...]:
        """The lines of a (height, width, 3) picture, tallest first, at most 48; empty: no text is seen.

        Raises NotReady where rapidocr or its models cannot be loaded, or do not run.
        """
        engine = self._ready()
        picture, scale = _at_reading_size(rgb)
        try:
            boxes = _detect(engine, picture)
            crops = [_crop(picture, box) for box in boxes]
            read = _recognize(engine, crops)
        except Exception as error:  # at the edge to a library whose inference errors have no base of their own
            raise NotReady(f"{self.version} does not run: {error}", advice=_ADVICE) from error
        longest = max(rgb.shape[:2])
        return tuple(
            _line(text, confidence, box / scale, longest)
            for (text, confidence), box in zip(read, boxes, strict=True)
            if text.strip() and confidence >= _LEAST_CONFIDENCE
        )

    def _ready(self) -> Any:
        with self._lock:
            if self._engine is None:
                self._engine = self._load()
            return self._engine

    def _load(self) -> Any:
        try:
            import rapidocr

            models = Path(rapidocr.__file__).parent / "models"
            paths = {"Det": models / "PP-OCRv6_det_small.onnx", "Rec": models / "PP-OCRv6_rec_small.onnx"}
            for path in paths.values():
                # looked for here, because rapidocr fetches what it misses
                if not path.is_file():
                    raise NotReady(f"rapidocr lacks {path.name}", advice=_ADVICE)
            engine = rapidocr.RapidOCR(params=_parameters(paths, self._threads))
            engine.recognize_txt([np.zeros((48, 64, 3), np.uint8)])
        except NotReady:
            raise
        except Exception as error:  # at the edge to a library whose loading errors have no base of their own
            raise NotReady(f"rapidocr cannot be loaded: {error}", advice=_ADVICE) from error
        return engine


def _parameters(paths: dict[str, Path], threads: int) -> dict[str, Any]:
    """By rapidocr's names. A model's path is given, so that no model is looked up and fetched."""
    return {
        "Global.log_level": "critical",
        "Global.use_cls": False,
        "Global.use_vertical_padding": False,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "Det.model_path": str(paths["Det"]),
        "Det.limit_type": "max",
        "Det.limit_side_len": MOST_SIDE,
        "Rec.model_path": str(paths["Rec"]),
    }


def _at_reading_size(rgb: RGB) -> tuple[NDArray[np.uint8], float]:
    """BGR, as rapidocr's models were trained, between the bounds; and its pixels per pixel of `rgb`."""
    height, width = rgb.shape[:2]
    scale = min(max(max(height, width), LEAST_SIDE), MOST_SIDE) / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    below, right = max(0, _THINNEST - size[1]), max(0, _THINNEST - size[0])
    framed = cv2.copyMakeBorder(resized, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(framed, cv2.COLOR_RGB2BGR), np.uint8), scale


def _detect(engine: Any, picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """(4, 2) corners of each line, clockwise from the top left, tallest first."""
    from rapidocr.main import RapidOCRError

    try:
        _, found = engine.detect_and_crop(picture, {})
    except RapidOCRError:  # that is how it says that there is no text
        return []
    boxes = [np.asarray(box, np.float32) for box in found.boxes]
    return sorted(boxes, key=_height, reverse=True)[:_MOST_LINES]


def _sides(box: NDArray[np.float32]) -> tuple[float, float]:
    """(along the top, down the side) in pixels."""
    lengths = np.linalg.norm(np.roll(box, -1, axis=0) - box, axis=1)
    return float(max(lengths[0], lengths[2])), float(max(lengths[1], lengths[3]))


def _height(box: NDArray[np.float32]) -> float:
    """Of the letters: of text on its side, they stand across it."""
    return min(_sides(box))


def _crop(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The line made straight; one that is taller than wide is laid on its side."""
    along, down = _sides(box)
    width, height = max(2, round(along)), max(2, round(down))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(box, target)
    straight = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    if height >= 1.5 * width:
        straight = cv2.rotate(straight, cv2.ROTATE_90_COUNTERCLOCKWISE)
        width, height = height, width
    if width > _LONGEST_LINE * height:
        straight = cv2.resize(straight, (round(_LONGEST_LINE * height), height), interpolation=cv2.INTER_AREA)
    return np.asarray(straight, np.uint8)


def _recognize(engine: Any, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
    """(text, confidence) of each, the doubtful ones read both ways up."""
    if not crops:
        return []
    upright = _read_lines(engine, crops)
    doubtful = [number for number, (_, confidence) in enumerate(upright) if confidence < _DOUBTFUL]
    turned = _read_lines(engine, [cv2.rotate(crops[number], cv2.ROTATE_180) for number in doubtful])
    for number, (text, confidence) in zip(doubtful, turned, strict=True):
        if confidence >= max(_SURE, upright[number][1] + _CLEARLY):
            upright[number] = text, confidence
    return upright


def _read_lines(engine: Any, crops: Sequence[Any]) -> list[tuple[str, float]]:
    if not crops:
        return []
    read = engine.recognize_txt(list(crops))
    return [(str(text), float(score)) for text, score in zip(read.txts, read.scores, strict=True)]


def _line(text: str, confidence: float, box: NDArray[np.float32], longest: int) -> ReadText:
    first, second, third, fourth = ((float(x), float(y)) for x, y in box)
    return ReadText(
        text=text.strip(),
        confidence=confidence,
        corners=(first, second, third, fourth),
        height_share=min(1.0, _height(box) / longest),
    )
