"""A trained network to ONNX files, one for each tower, and their manifest."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from domain.errors import AssayerError
from index.embedder import Embedder, Space
from training.model_files import file_facts, input_facts, write_manifest
from training.network import EmbeddingNetwork, fold_batch_norms
from training.onnx_export import export_onnx

PARITY_TOLERANCE = 1e-4
_INPUT, _TOKENS, _TEXT_OUTPUT = "pictures", "tokens", "vectors"
_TEXT_FILE = "text.onnx"
_SPACES: tuple[Space, ...] = ("copy", "mark", "caption")
_EXAMPLE_TEXTS = ("a red shirt", "", "ÅÄÖ 漢字 " * 40)


class ParityBroken(AssayerError):
    """The exported file does not compute what the network computes."""


class _ImageTower(nn.Module):
    """The network's vectors as a tuple, which is what exporters take."""

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        vectors = self.network(pictures)
        return tuple(vectors[space] for space in _SPACES)


class _TextTower(nn.Module):
    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        return self.network.embed_texts(tokens)


def export_embedder(
    network: EmbeddingNetwork, out_dir: Path, *, name: str = "assayer-clip", details: dict[str, Any] | None = None
) -> Path:
    """Write ``embedder.onnx``, ``text.onnx`` (fp32, dynamic batch) and ``embedder.json``; the first one's path.

    `details` (data, licenses, splits, figures, command) go into the manifest as they are. What lies in `out_dir` is
    replaced when all is done, the manifest last: half of it would not fit its manifest, and be refused. Raises
    ParityBroken when vectors of unit length differ from PyTorch's by more than PARITY_TOLERANCE.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=".export-") as folder:
        path = _export(network, Path(folder), name, details or {})
        for file in (path.with_name(_TEXT_FILE), path, path.with_suffix(".json")):
            file.replace(out_dir / file.name)
    return out_dir / path.name


def _export(network: EmbeddingNetwork, folder: Path, name: str, details: dict[str, Any]) -> Path:
    path, text_path = folder / "embedder.onnx", folder / _TEXT_FILE
    plain = copy.deepcopy(network).float().cpu().to(memory_format=torch.contiguous_format).eval()
    tokens = torch.zeros(2, network.context_length, dtype=torch.int64)
    export_onnx(_TextTower(plain), (tokens,), text_path, [_TOKENS], [_TEXT_OUTPUT], _free_batch(_TOKENS, _TEXT_OUTPUT))
    pictures = torch.zeros(2, 3, network.size, network.size)
    folded = _ImageTower(fold_batch_norms(copy.deepcopy(plain)))
    export_onnx(folded, (pictures,), path, [_INPUT], list(_SPACES), _free_batch(_INPUT, *_SPACES))
    manifest = _manifest(plain, path, text_path, name) | details
    write_manifest(path.with_suffix(".json"), manifest)
    parity = {"largest_difference": measure_parity(plain, path), "tolerance": PARITY_TOLERANCE}
    write_manifest(path.with_suffix(".json"), manifest | {"parity": parity})
    return path


def _free_batch(*names: str) -> dict[str, dict[int, str]]:
    return {name: {0: "n"} for name in names}


def _manifest(network: EmbeddingNetwork, path: Path, text_path: Path, name: str) -> dict[str, Any]:
    return {
        "name": name,
        **file_facts(path),
        "input": input_facts(_INPUT, network.size),
        "outputs": {space: {"name": space, "dimensions": network.dimensions} for space in _SPACES},
        "text": {
            **file_facts(text_path),
            "input": _TOKENS,
            "output": _TEXT_OUTPUT,
            "dimensions": network.dimensions,
            "tokenizer": "bytes-v1",
            "context_length": network.context_length,
        },
        "similarity": "cosine",
        "architecture": network.config,
        "parameters": {
            "image": _count(network.clip.visual) + _count(network.heads),
            "text": _count(network.clip.text),
        },
    }


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def measure_parity(network: EmbeddingNetwork, path: Path) -> float:
    """Largest difference between unit vectors of PyTorch and of the files. Raises ParityBroken over the tolerance."""
    from training.batches import tokens_of

    embedder = Embedder(path, threads=1)
    pictures = _example_pictures(network.size)
    network.eval()
    with torch.no_grad():
        wanted = network(torch.from_numpy(pictures))
        words = network.embed_texts(tokens_of(_EXAMPLE_TEXTS, network.context_length))
    pairs = [(embedder.embed(pictures, space), wanted[space]) for space in _SPACES]
    pairs.append((embedder.embed_texts(_EXAMPLE_TEXTS), words))
    difference = max(float(np.abs(found - functional.normalize(own.float()).numpy()).max()) for found, own in pairs)
    if not difference <= PARITY_TOLERANCE:
        raise ParityBroken(f"{path.name} differs from the network by {difference:.2g}")
    return difference


def _example_pictures(size: int) -> NDArray[np.float32]:
    """Noise, white, and a black box on noise: (5, 3, size, size)."""
    pictures = np.random.default_rng(0).random((5, 3, size, size), dtype=np.float32)
    pictures[1] = 1.0
    pictures[2, :, size // 3 : size // 2, size // 4 : size // 2] = 0.0
    return pictures
