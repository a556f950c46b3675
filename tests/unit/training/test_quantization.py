"""Static INT8 of a tiny network: close to what it came from, and kept only where it is measured to be worth it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from domain.errors import BadInput
from index.embedder import Embedder, Space
from training import quantization as module
from training.quantization import quantize_embedder, quantize_if_worth_it

SIZE = 32
WIDTH = 24


def tensor(name: str, generator: np.random.Generator, *shape: int) -> onnx.TensorProto:
    fan = int(np.prod(shape[1:]))
    return numpy_helper.from_array((generator.normal(size=shape) / np.sqrt(fan)).astype(np.float32), name)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two convolutions and two spaces, and a file that stands for a text tower."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "float"
    folder.mkdir()
    nodes = [
        helper.make_node("Conv", ["pictures", "w1", "b1"], ["c1"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("AveragePool", ["r2"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["small"], ["flat"]),
        helper.make_node("Gemm", ["flat", "copy_w"], ["copies"]),
        helper.make_node("Gemm", ["flat", "mark_w"], ["marks"]),
    ]
    weights = [
        tensor("w1", generator, WIDTH, 3, 3, 3),
        tensor("b1", generator, WIDTH, 1),
        tensor("w2", generator, 2 * WIDTH, WIDTH, 3, 3),
        tensor("b2", generator, 2 * WIDTH, 1),
        tensor("copy_w", generator, 8 * WIDTH, 16),
        tensor("mark_w", generator, 8 * WIDTH, 12),
    ]
    for bias in (weights[1], weights[3]):
        del bias.dims[1:]
    graph = helper.make_graph(
        nodes,
        "image",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("copies", TensorProto.FLOAT, ["n", 16]),
            helper.make_tensor_value_info("marks", TensorProto.FLOAT, ["n", 12]),
        ],
        weights,
    )
    path = folder / "embedder.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(path))
    (folder / "text.onnx").write_bytes(b"words")
    manifest: dict[str, Any] = {
        "name": "tiny",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "input": {"name": "pictures", "size": SIZE, "preprocessing": "squash-v1"},
        "outputs": {"copy": {"name": "copies", "dimensions": 16}, "mark": {"name": "marks", "dimensions": 12}},
        "text": {
            "file": "text.onnx",
            "sha256": hashlib.sha256(b"words").hexdigest(),
            "input": "ids",
            "output": "vectors",
            "dimensions": 12,
            "tokenizer": "bytes-v1",
            "context_length": 8,
        },
        "license": "Apache-2.0",
    }
    path.with_suffix(".json").write_text(json.dumps(manifest))
    return path


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.float32]:
    return scenes(0, 40)


def scenes(seed: int, count: int) -> NDArray[np.float32]:
    """Smooth patches of color."""
    coarse = np.random.default_rng(seed).random((count, 3, 4, 4), dtype=np.float32)
    return np.ascontiguousarray(np.kron(coarse, np.ones((8, 8), np.float32)))


def retrieval(embedder: Embedder) -> dict[Space, float]:
    """Noisy pictures find the clean ones that they were made from."""
    clean = scenes(1, 60)
    noise = np.random.default_rng(2).normal(scale=0.05, size=clean.shape).astype(np.float32)
    noisy = np.clip(clean + noise, 0, 1)
    found: dict[Space, float] = {}
    for space in sorted(embedder.spaces):
        nearest = (embedder.embed(noisy, space) @ embedder.embed(clean, space).T).argmax(axis=1)
        found[space] = float((nearest == np.arange(60)).mean())
    return found


def always(value: float, int8: float) -> Any:
    """A measure that says `value` of the first embedder it is asked for, `int8` of the next."""
    answers = iter((value, int8))
    return lambda _embedder: {"copy": next(answers)}


def test_it_is_static_per_channel_and_close_to_what_it_came_from(
    model: Path, pictures: NDArray[np.float32], tmp_path: Path
) -> None:
    path = quantize_embedder(model, tmp_path / "int8", pictures)
    graph = onnx.load(str(path)).graph
    operators = {node.op_type for node in graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= operators
    assert not any("Dynamic" in operator or operator.endswith("Integer") for operator in operators)
    scales = {each.name: numpy_helper.to_array(each) for each in graph.initializer if each.name.endswith("_scale")}
    assert {scale.shape for name, scale in scales.items() if name.startswith("w")} == {(WIDTH,), (2 * WIDTH,)}
    original, quantized = Embedder(model, threads=1), Embedder(path, threads=1)
    unseen = scenes(7, 20)
    for space in original.spaces:
        cosines = (original.embed(unseen, space) * quantized.embed(unseen, space)).sum(axis=1)
        assert cosines.min() > 0.98
    assert quantized.embed(scenes(1, 1)).shape == (1, 16)
    assert path.stat().st_size < model.stat().st_size


def test_its_manifest_says_what_it_is_and_its_text_tower_comes_along(
    model: Path, pictures: NDArray[np.float32], tmp_path: Path
) -> None:
    path = quantize_embedder(model, tmp_path / "int8", pictures)
    before, after = (json.loads(each.with_suffix(".json").read_bytes()) for each in (model, path))
    assert after["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() != before["sha256"]
    assert after["bytes"] == path.stat().st_size
    assert after["quantization"]["of"] == Embedder(model).version
    assert after["quantization"]["pictures"] == 40
    for key in ("name", "input", "outputs", "text", "license"):
        assert after[key] == before[key]
    assert (path.parent / "text.onnx").read_bytes() == b"words"


def test_pictures_that_were_measured_and_not_guessed_decide(
    model: Path, pictures: NDArray[np.float32], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = quantize_if_worth_it(model, out, pictures=pictures, measure=retrieval)
    assert report.retrieval == retrieval(Embedder(model, threads=1))
    assert set(report.retrieval) == set(report.retrieval_int8) == {"copy", "mark"}
    largest = max(100 * (report.retrieval[space] - report.retrieval_int8[space]) for space in report.retrieval)
    assert report.loss_points == pytest.approx(largest)
    assert set(report.seconds) == set(report.seconds_int8) == {1, 32}
    assert (report.bytes, report.kept) == (model.stat().st_size, out.exists())
    if report.kept:
        assert Embedder(out / "embedder.onnx").version == report.embedder
    else:
        assert Embedder(model).version == report.embedder


@pytest.mark.parametrize(
    ("int8", "seconds_int8", "kept", "word"),
    [
        (0.896, {1: 0.8, 32: 0.8}, True, "is faster"),
        (0.904, {1: 0.8, 32: 0.8}, True, "loses -0.40 points"),
        (0.895, {1: 0.8, 32: 0.8}, False, "loses 0.50 points"),
        (0.4, {1: 0.1, 32: 0.1}, False, "loses 50.00 points"),
        (float("nan"), {1: 0.1, 32: 0.1}, False, "loses nan points"),
        (0.9, {1: 1.2, 32: 0.5}, False, "not faster with 1 in a call"),
        (0.9, {1: 0.5, 32: 1.0}, False, "not faster with 32 in a call"),
    ],
)
def test_it_is_kept_only_with_little_loss_and_faster(
    model: Path,
    pictures: NDArray[np.float32],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    int8: float,
    seconds_int8: dict[int, float],
    kept: bool,
    word: str,
) -> None:
    monkeypatch.setattr(module, "_seconds", lambda *_: ({1: 1.0, 32: 1.0}, seconds_int8))
    out = tmp_path / "out"
    report = quantize_if_worth_it(model, out, pictures=pictures, measure=always(0.9, int8))
    assert report.kept is kept
    assert word in report.reason
    assert sorted(path.name for path in out.glob("*")) == (
        ["embedder.json", "embedder.onnx", "text.onnx"] if kept else []
    )
    assert (report.embedder == Embedder(model).version) is not kept


def test_it_never_overwrites_what_it_came_from(model: Path, pictures: NDArray[np.float32]) -> None:
    before = model.read_bytes()
    with pytest.raises(BadInput, match="holds the model"):
        quantize_if_worth_it(model, model.parent, pictures=pictures, measure=retrieval)
    assert model.read_bytes() == before


@pytest.mark.parametrize("shape", [(0, 3, SIZE, SIZE), (4, 3, 16, 16), (4, SIZE, SIZE, 3)])
def test_pictures_that_do_not_fit_are_refused(model: Path, tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="ranges need"):
        quantize_embedder(model, tmp_path / "int8", np.zeros(shape, np.float32))
