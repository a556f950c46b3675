"""An exported embedder in 8 bits: static, per channel, and kept only where it is measured to be as good and faster.

Dynamic quantization is not offered: it works ranges out anew for each picture, and such networks ran several times
slower by it than in floating point.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput
from index.embedder import Embedder, Space

MOST_LOSS_POINTS = 0.5
"""Percentage points of retrieval from which on the floating-point network stays."""
_BATCHES = (1, 32)
"""Pictures in one call: one listing's few views, and an index that is built."""
_ROUNDS = 7
_CALIBRATION_BATCH = 16

Images = NDArray[np.float32]
"""(n, 3, size, size) float32, RGB, 0 to 1, as the embedder takes them."""
Measure = Callable[[Embedder], Mapping[Space, float]]
"""How well an embedder retrieves, 0 to 1, in each space that counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantizationReport:
    """What was measured, and what followed. Speeds are of one thread, in one run, in turns."""

    kept: bool
    reason: str
    """One sentence."""
    retrieval: Mapping[Space, float]
    """Of the floating-point network, 0 to 1."""
    retrieval_int8: Mapping[Space, float]
    loss_points: float
    """The largest loss in any space, in percentage points; negative: it gained."""
    seconds: Mapping[int, float]
    """Of one call in floating point, by pictures in it; the fastest of several."""
    seconds_int8: Mapping[int, float]
    bytes: int
    bytes_int8: int
    embedder: str
    """Version of what is to be used: the 8-bit network where it is kept."""


def quantize_if_worth_it(model_path: Path, out_dir: Path, *, pictures: Images, measure: Measure) -> QuantizationReport:
    """Quantize the embedder at `model_path`; write it to `out_dir` only if it is worth it.

    Worth it is a loss of under `MOST_LOSS_POINTS` in every space of `measure`, and faster calls for one picture as for
    many. `pictures` set the ranges and must not be those that `measure` retrieves.
    Raises BadInput where `pictures` are none or do not fit, or `out_dir` holds the model itself.
    """
    if out_dir.resolve() == model_path.parent.resolve():
        raise BadInput("holds the model that is quantized", file=str(out_dir), advice="Name another folder.")
    with tempfile.TemporaryDirectory(prefix="quantized-") as place:
        quantized_path = quantize_embedder(model_path, Path(place), pictures)
        original, quantized = Embedder(model_path, threads=1), Embedder(quantized_path, threads=1)
        retrieval, retrieval_int8 = dict(measure(original)), dict(measure(quantized))
        seconds, seconds_int8 = _seconds(original, quantized, pictures)
        # of a space that cannot be measured nothing is known: NaN stays NaN, and is no small loss
        loss = float(np.max([100 * (retrieval[space] - retrieval_int8[space]) for space in retrieval]))
        kept, reason = _decide(loss, seconds, seconds_int8)
        if kept:
            _publish(quantized_path.parent, out_dir)
        return QuantizationReport(
            kept=kept,
            reason=reason,
            retrieval=retrieval,
            retrieval_int8=retrieval_int8,
            loss_points=loss,
            seconds=seconds,
            seconds_int8=seconds_int8,
            bytes=model_path.stat().st_size,
            bytes_int8=quantized_path.stat().st_size,
            embedder=(quantized if kept else original).version,
        )


def quantize_embedder(model_path: Path, out_dir: Path, pictures: Images) -> Path:
    """The embedder at `model_path` in 8 bits, with manifest and text tower, in `out_dir`; the path of the ONNX file.

    Weights per channel, activations by the ranges that `pictures` have, as QDQ pairs that ONNX Runtime fuses. Raises
    BadInput for pictures that do not fit.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    original = Embedder(model_path)
    expected = (3, original.size, original.size)
    if len(pictures) == 0 or pictures.shape[1:] != expected or pictures.dtype != np.float32:
        raise BadInput(f"ranges need float32 (n, *{expected}) pictures, not {pictures.dtype} {pictures.shape}")
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / model_path.name
    with tempfile.TemporaryDirectory(prefix="folded-") as place:
        folded = Path(place) / "folded.onnx"
        quant_pre_process(model_path, folded, skip_symbolic_shape=True)
        quantize_static(
            folded,
            path,
            _reader(original.manifest.input.name, pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            # seven bits for weights: eight would overflow on processors without VNNI, and a model travels
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    _write_manifest(model_path, path, len(pictures))
    return path


def _reader(name: str, pictures: Images) -> object:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """The pictures, a few at a time."""

        def __init__(self) -> None:
            self._batches = _batches(pictures)

        def get_next(self) -> dict[str, Images] | None:
            batch = next(self._batches, None)
            return None if batch is None else {name: batch}

    return Reader()


def _batches(pictures: Images) -> Iterator[Images]:
    for start in range(0, len(pictures), _CALIBRATION_BATCH):
        yield pictures[start : start + _CALIBRATION_BATCH]


def _write_manifest(model_path: Path, path: Path, pictures: int) -> None:
    manifest = json.loads(model_path.with_suffix(".json").read_bytes())
    content = path.read_bytes()
    manifest |= {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "quantization": {
            "of": f"{manifest['name']}@{manifest['sha256'][:12]}",
            "form": "static QDQ, int8 weights per channel, uint8 activations",
            "pictures": pictures,
        },
    }
    path.with_suffix(".json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    if manifest.get("text"):
        shutil.copyfile(model_path.parent / manifest["text"]["file"], path.parent / manifest["text"]["file"])


def _seconds(original: Embedder, quantized: Embedder, pictures: Images) -> tuple[dict[int, float], dict[int, float]]:
    """Of one call by pictures in it, the fastest of some, in turns: what else the machine does falls on both."""
    space = sorted(original.spaces)[0]
    both: tuple[dict[int, float], dict[int, float]] = {}, {}
    for size in _BATCHES:
        batch = np.resize(pictures, (size, *pictures.shape[1:]))
        for embedder in (original, quantized):
            embedder.embed(batch, space)  # the session starts and the memory is taken
        for _ in range(_ROUNDS):
            for embedder, seconds in zip((original, quantized), both, strict=True):
                begin = time.perf_counter()
                embedder.embed(batch, space)
                seconds[size] = min(time.perf_counter() - begin, seconds.get(size, float("inf")))
    return both


def _decide(loss: float, seconds: Mapping[int, float], seconds_int8: Mapping[int, float]) -> tuple[bool, str]:
    slower = [size for size in seconds if seconds_int8[size] >= seconds[size]]
    if not loss < MOST_LOSS_POINTS:
        return False, f"it loses {loss:.2f} points of retrieval; under {MOST_LOSS_POINTS} are allowed"
    if slower:
        return False, f"it is not faster with {slower[0]} in a call"
    return True, f"it loses {loss:.2f} points of retrieval and is faster"


def _publish(made: Path, out_dir: Path) -> None:
    """The manifest last: without it, nothing of this is used."""
    out_dir.mkdir(parents=True, exist_ok=True)
    for path in sorted(made.iterdir(), key=lambda path: path.suffix == ".json"):
        partial = out_dir / f".{path.name}.partial"
        shutil.copyfile(path, partial)
        partial.replace(out_dir / path.name)
