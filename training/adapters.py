"""Low-rank adapters on an exported embedder's vectors: v' = normalize(v + B A v), learned from judged pairs alone.

The network stays as it is: of rank 16, an adapter turns vectors within a small subspace, learns in seconds from a few
dozen pairs, and stands in the ONNX graph behind the head, so that whoever serves the model serves it too. What nobody
judged is anchored: the background's vectors and the references stay where they are.
After E. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv:2106.09685), which starts B at
zero, so that an untrained adapter changes nothing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import AssayerError, BadInput
from index.background import BACKGROUND_FILE, load_background
from index.embedder import Embedder, Space
from training.model_files import file_facts, write_manifest

if TYPE_CHECKING:
    import onnx

RANK = 16
PARITY_TOLERANCE = 1e-4
_STEPS, _RATE = 400, 0.02
_TEMPERATURE = 0.1
_ANCHORING, _STIFFNESS = 20.0, 0.05
"""Weights of what anchors stay for: the mean square way they are moved, and that of any direction at all."""
_LEAST_MARGIN = 0.1
_TINY = 1e-12

Vectors = NDArray[np.float32]
"""(n, d) float32 of unit length."""


class AdapterBroken(AssayerError):
    """The written file does not compute what was trained."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JudgedVectors:
    """Pairs in one space: row i of `seen` beside row i of `references`."""

    seen: Vectors
    references: Vectors
    same: NDArray[np.bool_]
    """(n,) whether a person said that both show the same."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Adapter:
    """Two matrices, A and B."""

    down: NDArray[np.float32]
    """(r, d)."""
    up: NDArray[np.float32]
    """(d, r)."""

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, d) of unit length to (n, d) of unit length."""
        moved = vectors + (vectors @ self.down.T) @ self.up.T
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.asarray(moved / np.maximum(lengths, _TINY), np.float32)


def train_adapter(pairs: JudgedVectors, anchors: Vectors, *, rank: int = RANK, seed: int = 0) -> Adapter:
    """Learn from the pairs, confirmed and rejected weighing the same; (m, d) `anchors`, which may be none, stay.

    Equal input gives an equal adapter on the same machine. Raises BadInput without a pair.
    """
    import torch
    from torch.nn import functional

    if len(pairs.same) == 0:
        raise BadInput("there is no judged pair to learn from", field="reviews")
    generator = torch.Generator().manual_seed(seed)
    length = pairs.seen.shape[1]
    down = torch.nn.Parameter(torch.randn(rank, length, generator=generator) / length**0.5)
    up = torch.nn.Parameter(torch.zeros(length, rank))
    seen, references = torch.from_numpy(pairs.seen), torch.from_numpy(pairs.references)
    fixed = torch.from_numpy(np.concatenate([anchors, np.unique(pairs.references, axis=0)]))
    same, weights = torch.from_numpy(pairs.same), torch.from_numpy(_balanced(pairs.same))
    threshold = _threshold((pairs.seen * pairs.references).sum(axis=1), pairs.same)
    optimizer = torch.optim.Adam([down, up], lr=_RATE)

    def moved(vectors: torch.Tensor) -> torch.Tensor:
        return functional.normalize(vectors + vectors @ down.T @ up.T, dim=1)

    for _ in range(_STEPS):
        likeness = (moved(seen) * moved(references)).sum(dim=1)
        lacking = torch.where(same, threshold - likeness, likeness - threshold)
        loss = (weights * functional.softplus(lacking / _TEMPERATURE)).sum()
        loss = loss + _ANCHORING * (moved(fixed) - fixed).square().sum(dim=1).mean()
        loss = loss + _STIFFNESS * (up @ down).square().sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return Adapter(down=down.detach().numpy().copy(), up=up.detach().numpy().copy())


def _balanced(same: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(n,) weights that sum to 1, each kind that there is to the same."""
    counts = np.where(same, same.sum(), (~same).sum()).astype(np.float32)
    return np.asarray(1 / (counts * len(np.unique(same))), np.float32)


def _threshold(likeness: NDArray[np.float32], same: NDArray[np.bool_]) -> float:
    """Between the two kinds as they are; of one kind alone, a margin beyond it."""
    confirmed, rejected = likeness[same], likeness[~same]
    if len(confirmed) and len(rejected):
        return float((confirmed.mean() + rejected.mean()) / 2)
    return float(confirmed.mean() + _LEAST_MARGIN if len(confirmed) else rejected.mean() - _LEAST_MARGIN)


def write_adapted(base: Path, out_dir: Path, adapters: Mapping[Space, Adapter], details: Mapping[str, Any]) -> Path:
    """The embedder at `base` with adapters behind its heads, its text tower, background and manifest, in `out_dir`.

    The path of the ONNX file. `details` go into the manifest. What lies in `out_dir` is replaced when all is done, the
    manifest last. Raises BadInput where `out_dir` is where the base lies, NotReady for a base that is broken,
    AdapterBroken when ONNX Runtime does not give what was trained to within `PARITY_TOLERANCE`.
    """
    if out_dir.resolve() == base.parent.resolve():
        raise BadInput(
            "holds the embedder that is adapted", file=str(out_dir), advice="Name another folder: --out DIR."
        )
    original = Embedder(base, threads=1)
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=".adapted-") as place:
        path = Path(place) / base.name
        names = _write_graph(base, path, original, adapters)
        manifest = json.loads(base.with_suffix(".json").read_bytes()) | file_facts(path)
        for space, name in names.items():
            manifest["outputs"][space] = manifest["outputs"][space] | {"name": name}
        manifest = {name: value for name, value in manifest.items() if name not in ("background", "parity")}
        write_manifest(path.with_suffix(".json"), manifest | dict(details))
        parity = {"largest_difference": _parity(original, path, adapters), "tolerance": PARITY_TOLERANCE}
        background = _write_background(base, original, path, adapters)
        write_manifest(path.with_suffix(".json"), manifest | dict(details) | {"parity": parity} | background)
        _copy_text(base.parent, path.parent, original)
        for file in sorted(path.parent.iterdir(), key=lambda file: file.suffix == ".json"):
            file.replace(out_dir / file.name)
    return out_dir / base.name


def _write_graph(base: Path, path: Path, original: Embedder, adapters: Mapping[Space, Adapter]) -> dict[Space, str]:
    """The graph with new outputs; their names by space."""
    import onnx

    model = onnx.load(base)
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    taken |= {value.name for value in (*model.graph.input, *model.graph.output, *model.graph.initializer)}
    names: dict[Space, str] = {}
    for space, adapter in adapters.items():
        prefix = next(name for number in range(1, 1000) if not _used(name := f"{space}_adapted_{number}", taken))
        names[space] = prefix
        _append(model, original.manifest.outputs[space].name, prefix, adapter)
    still = {output.name for space, output in original.manifest.outputs.items() if space not in adapters}
    for value in [value for value in model.graph.output if value.name not in still | set(names.values())]:
        model.graph.output.remove(value)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return names


def _used(prefix: str, taken: set[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}/") for name in taken)


def _append(model: onnx.ModelProto, given: str, name: str, adapter: Adapter) -> None:
    """normalize(u + (u A^T) B^T), u being the given output of unit length."""
    from onnx import TensorProto, helper, numpy_helper

    constants = {"down": adapter.down.T, "up": adapter.up.T, "tiny": np.array(_TINY, np.float32)}
    for part, value in constants.items():
        content = np.ascontiguousarray(value, np.float32)
        model.graph.initializer.append(numpy_helper.from_array(content, f"{name}/{part}"))
    model.graph.node.extend(
        [
            *_normalized(model, given, f"{name}/unit"),
            helper.make_node("MatMul", [f"{name}/unit", f"{name}/down"], [f"{name}/low"]),
            helper.make_node("MatMul", [f"{name}/low", f"{name}/up"], [f"{name}/turn"]),
            helper.make_node("Add", [f"{name}/unit", f"{name}/turn"], [name]),
        ]
    )
    shape = ["n", adapter.down.shape[1]]
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def _normalized(model: onnx.ModelProto, given: str, name: str) -> Sequence[onnx.NodeProto]:
    from onnx import helper, numpy_helper

    parent = name.rpartition("/")[0]
    opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    if opset >= 18:  # from here on the axes are an input
        model.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), f"{parent}/axes"))
        length = helper.make_node("ReduceL2", [given, f"{parent}/axes"], [f"{parent}/length"], keepdims=1)
    else:
        length = helper.make_node("ReduceL2", [given], [f"{parent}/length"], keepdims=1, axes=[1])
    return [
        length,
        helper.make_node("Max", [f"{parent}/length", f"{parent}/tiny"], [f"{parent}/divisor"]),
        helper.make_node("Div", [given, f"{parent}/divisor"], [name]),
    ]


def _parity(original: Embedder, path: Path, adapters: Mapping[Space, Adapter]) -> float:
    """Largest difference of unit vectors. Raises AdapterBroken over the tolerance."""
    adapted = Embedder(path, threads=1)
    pictures = np.random.default_rng(0).random((4, 3, original.size, original.size), dtype=np.float32)
    pictures[1] = 1.0
    difference = 0.0
    for space in original.spaces:
        wanted = original.embed(pictures, space)
        wanted = adapters[space](wanted) if space in adapters else wanted
        difference = max(difference, float(np.abs(adapted.embed(pictures, space) - wanted).max()))
    if not difference <= PARITY_TOLERANCE:
        raise AdapterBroken(f"{path.name} differs from what was trained by {difference:.2g}")
    return difference


def _write_background(
    base: Path, original: Embedder, path: Path, adapters: Mapping[Space, Adapter]
) -> dict[str, Mapping[str, Any]]:
    """The background set as the adapted model sees it; nothing where the base has none."""
    dimensions = {space: original.dimensions(space) for space in original.spaces}
    stored = load_background(base.with_name(BACKGROUND_FILE), embedder=original.version, dimensions=dimensions)
    vectors = {space: adapters[space](own) if space in adapters else own for space, own in stored.items() if len(own)}
    if not vectors:
        return {}
    arrays: dict[str, NDArray[np.generic]] = {space: own.astype(np.float16) for space, own in vectors.items()}
    with path.with_name(BACKGROUND_FILE).open("wb") as file:
        np.savez(file, allow_pickle=False, embedder=np.array(Embedder(path).version), **arrays)
    return {"background": file_facts(path.with_name(BACKGROUND_FILE))}


def _copy_text(source: Path, target: Path, original: Embedder) -> None:
    tower = original.manifest.text
    if tower:
        for name in [tower.file, *([tower.vocabulary.file] if tower.vocabulary else [])]:
            shutil.copyfile(source / name, target / name)
