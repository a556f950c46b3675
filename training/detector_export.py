"""A trained logo detector to an ONNX file and its manifest."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from index.logo_detector import LETTERBOXING, LogoDetector
from training.detector_network import STRIDES, DetectorNetwork
from training.export import ParityBroken
from training.model_files import file_facts, write_manifest
from training.network import fold_convolutions
from training.onnx_export import export_onnx

NAME = "detector"
"""Of the files."""
PARITY_TOLERANCE = 1e-3
"""Of scores, and of boxes in shares of the input's side."""
_INPUT, _BOXES, _SCORES = "pictures", "boxes", "scores"


class _Scored(nn.Module):
    """The network with scores from 0 to 1."""

    def __init__(self, network: DetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        logits, boxes = self.network(pictures)
        return boxes, logits.sigmoid()


def export_detector(
    network: DetectorNetwork, out_dir: Path, *, size: int, name: str = "assayer-logo-detector", details: dict[str, Any]
) -> Path:
    """Write ``detector.onnx`` (fp32, dynamic batch, pictures of `size` px) and ``detector.json``; the latter's path.

    `details` (data, licenses, splits, figures, command) go into the manifest as they are. What lies in `out_dir` is
    replaced when all is done, the manifest last. Raises ParityBroken when ONNX Runtime finds others than PyTorch.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=".export-") as folder:
        path = Path(folder) / f"{NAME}.onnx"
        plain = copy.deepcopy(network).float().cpu().to(memory_format=torch.contiguous_format).eval()
        folded = copy.deepcopy(plain)
        fold_convolutions(folded)
        outputs = [_BOXES, _SCORES]
        free = {tensor: {0: "n"} for tensor in (_INPUT, *outputs)}
        export_onnx(_Scored(folded), (torch.zeros(2, 3, size, size),), path, [_INPUT], outputs, free)
        manifest = _manifest(plain, path, name, size) | details
        write_manifest(path.with_suffix(".json"), manifest)
        parity = {"largest_difference": measure_parity(plain, path.with_suffix(".json")), "tolerance": PARITY_TOLERANCE}
        write_manifest(path.with_suffix(".json"), manifest | {"parity": parity})
        for file in (path, path.with_suffix(".json")):
            file.replace(out_dir / file.name)
    return out_dir / f"{NAME}.json"


def _manifest(network: DetectorNetwork, path: Path, name: str, size: int) -> dict[str, Any]:
    return {
        "name": name,
        **file_facts(path),
        "input": {
            "name": _INPUT,
            "size": size,
            "preprocessing": LETTERBOXING,
            "layout": "n, 3, size, size",
            "type": "float32",
            "range": [0, 1],
            "colors": "RGB",
        },
        "outputs": {"boxes": _BOXES, "scores": _SCORES, "strides": list(STRIDES)},
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def measure_parity(network: DetectorNetwork, manifest_path: Path) -> float:
    """Largest difference of scores, and of boxes in shares of the side, on noise, white and a bar.

    Raises ParityBroken over the tolerance.
    """
    detector = LogoDetector(manifest_path, threads=1)
    pictures = np.random.default_rng(0).random((3, 3, detector.size, detector.size), dtype=np.float32)
    pictures[1] = 1.0
    pictures[2, :, detector.size // 3 : detector.size // 2] = 0.0
    boxes, scores = detector.run(pictures)
    network.eval()
    with torch.no_grad():
        logits, wanted = network(torch.from_numpy(pictures))
    apart = np.abs(scores - logits.sigmoid().numpy()).max(), np.abs(boxes - wanted.numpy()).max() / detector.size
    difference = float(max(apart))
    if not difference <= PARITY_TOLERANCE:
        raise ParityBroken(f"{manifest_path.stem} differs from the network by {difference:.2g}")
    return difference
