"""A trained network to an ONNX file and its manifest."""

from __future__ import annotations

import copy
import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from domain.errors import AssayerError
from index.embedder import Embedder
from index.preprocessing import PREPROCESSING
from training.data import INPUT_SIZE
from training.network import EmbeddingNetwork, fold_batch_norms

PARITY_TOLERANCE = 1e-4
_INPUT, _OUTPUT = "pictures", "vectors"


class ParityBroken(AssayerError):
    """The exported file does not compute what the network computes."""


def export_embedder(
    network: EmbeddingNetwork, out_dir: Path, *, name: str = "assayer-copies", details: dict[str, Any] | None = None
) -> Path:
    """Write ``embedder.onnx`` (fp32, dynamic batch, batch norms folded) and ``embedder.json``; the ONNX path.

    `details` (data, licenses, splits, figures, command) go into the manifest as they are. Raises ParityBroken when
    vectors of unit length differ from PyTorch's by more than PARITY_TOLERANCE.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / "embedder.onnx"
    folded = fold_batch_norms(copy.deepcopy(network).float().to(memory_format=torch.contiguous_format))
    example = torch.zeros(2, 3, INPUT_SIZE, INPUT_SIZE)
    with warnings.catch_warnings():
        # the TorchScript exporter needs no further package; its successor does
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        torch.onnx.export(
            folded,
            (example,),
            path,
            input_names=[_INPUT],
            output_names=[_OUTPUT],
            dynamic_axes={_INPUT: {0: "n"}, _OUTPUT: {0: "n"}},
            opset_version=18,
            dynamo=False,
        )
    manifest = _manifest(path, network, name) | (details or {})
    path.with_suffix(".json").write_text(json.dumps(manifest, indent=2) + "\n")
    manifest["parity"] = {"largest_difference": measure_parity(network, path), "tolerance": PARITY_TOLERANCE}
    path.with_suffix(".json").write_text(json.dumps(manifest, indent=2) + "\n")
    return path


def _manifest(path: Path, network: EmbeddingNetwork, name: str) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "name": name,
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "input": {
            "name": _INPUT,
            "size": INPUT_SIZE,
            "preprocessing": PREPROCESSING,
            "layout": "n, 3, size, size",
            "type": "float32",
            "range": [0, 1],
            "colors": "RGB",
        },
        "outputs": {"copy": {"name": _OUTPUT, "dimensions": network.dimensions}},
        "similarity": "cosine",
        "architecture": {"network": type(network).__name__, "blocks": list(network.blocks)},
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def measure_parity(network: EmbeddingNetwork, path: Path) -> float:
    """Largest difference between unit vectors of PyTorch and of the file. Raises ParityBroken over the tolerance."""
    pictures = np.random.default_rng(0).random((5, 3, INPUT_SIZE, INPUT_SIZE), dtype=np.float32)
    pictures[1] = 1.0
    pictures[2, :, 40:90, 30:100] = 0.0
    network.eval()
    with torch.no_grad():
        wanted = torch.nn.functional.normalize(network(torch.from_numpy(pictures)).float()).numpy()
    difference = float(np.abs(Embedder(path, threads=1).embed(pictures) - wanted).max())
    if not difference <= PARITY_TOLERANCE:
        raise ParityBroken(f"{path.name} differs from the network by {difference:.2g}")
    return difference
