"""What an embedder can do is what its manifest says: spaces, size and a text tower, here of towers made on the spot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from domain.errors import BadInput, NotReady
from index.embedder import Embedder, usable_providers
from index.tokenizer import BYTES_VOCABULARY, byte_ids

SIZE = 16
CONTEXT = 8


def weights(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def save(path: Path, graph: onnx.GraphProto) -> dict[str, Any]:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, str(path))
    content = path.read_bytes()
    return {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def image_tower(path: Path) -> dict[str, Any]:
    """Each space: the mean color through a matrix of its own."""
    spaces = {"copy": 4, "mark": 5, "caption": 6}
    nodes = [
        helper.make_node("GlobalAveragePool", ["pictures"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colors"]),
    ]
    nodes += [helper.make_node("MatMul", ["colors", f"w_{name}"], [f"{name}_vectors"]) for name in spaces]
    tensors = [
        numpy_helper.from_array(weights(number, 3, width), f"w_{name}")
        for number, (name, width) in enumerate(spaces.items())
    ]
    inputs = [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])]
    outputs = [
        helper.make_tensor_value_info(f"{name}_vectors", TensorProto.FLOAT, ["n", w]) for name, w in spaces.items()
    ]
    stored = save(path, helper.make_graph(nodes, "image", inputs, outputs, tensors))
    return stored | {"outputs": {n: {"name": f"{n}_vectors", "dimensions": w} for n, w in spaces.items()}}


def text_tower(path: Path) -> dict[str, Any]:
    """The mean of a vector for each id."""
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["each"]),
        helper.make_node("ReduceMean", ["each", "axes"], ["vectors"], keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", CONTEXT])]
    outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", 6])]
    tensors = [numpy_helper.from_array(weights(9, BYTES_VOCABULARY, 6), "table"), axes]
    stored = save(path, helper.make_graph(nodes, "text", inputs, outputs, tensors))
    contract = {
        "input": "ids",
        "output": "vectors",
        "dimensions": 6,
        "tokenizer": "bytes-v1",
        "context_length": CONTEXT,
    }
    return stored | contract


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Three spaces at 16 px, and words."""
    manifest = {
        "name": "drawn",
        "input": {"name": "pictures", "size": SIZE, "preprocessing": "squash-v1"},
        "text": text_tower(tmp_path / "text.onnx"),
    } | image_tower(tmp_path / "embedder.onnx")
    (tmp_path / "embedder.json").write_text(json.dumps(manifest))
    return tmp_path / "embedder.onnx"


def change(model: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads(model.with_suffix(".json").read_text())
    edit(manifest)
    model.with_suffix(".json").write_text(json.dumps(manifest))


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_each_space_is_its_own_output(model: Path) -> None:
    embedder = Embedder(model, threads=1)
    pictures = np.random.default_rng(0).random((3, 3, SIZE, SIZE), dtype=np.float32)
    colors = pictures.mean(axis=(2, 3))
    assert embedder.size == SIZE
    assert embedder.spaces == {"copy", "mark", "caption"}
    np.testing.assert_allclose(embedder.embed(pictures), unit(colors @ weights(0, 3, 4)), atol=1e-5)
    np.testing.assert_allclose(embedder.embed(pictures, "mark"), unit(colors @ weights(1, 3, 5)), atol=1e-5)
    np.testing.assert_allclose(embedder.embed(pictures, "caption"), unit(colors @ weights(2, 3, 6)), atol=1e-5)
    assert [embedder.dimensions(), embedder.dimensions("mark"), embedder.dimensions("caption")] == [4, 5, 6]
    assert embedder.embed(pictures[:0], "mark").shape == (0, 5)


def test_pictures_of_another_size_than_the_manifests_are_refused(model: Path) -> None:
    with pytest.raises(BadInput, match="16"):
        Embedder(model, threads=1).embed(np.zeros((1, 3, 128, 128), np.float32))


def test_a_space_that_the_model_lacks_is_not_ready(model: Path) -> None:
    change(model, lambda manifest: manifest["outputs"].pop("mark"))
    embedder = Embedder(model, threads=1)
    assert embedder.spaces == {"copy", "caption"}
    with pytest.raises(NotReady, match="no mark vectors, only caption, copy") as refusal:
        embedder.embed(np.zeros((1, 3, SIZE, SIZE), np.float32), "mark")
    assert "assayer models list" in refusal.value.advice
    with pytest.raises(NotReady):
        embedder.dimensions("mark")


def test_words_become_vectors_of_unit_length(model: Path) -> None:
    embedder = Embedder(model, threads=1)
    texts = ["bag", "BAG", "a shoe that is longer than the context"]
    expected = unit(weights(9, BYTES_VOCABULARY, 6)[byte_ids(texts, CONTEXT)].mean(axis=1))
    vectors = embedder.embed_texts(texts)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert embedder.embed_texts([]).shape == (0, 6)


def test_without_a_text_tower_words_are_not_ready(model: Path) -> None:
    change(model, lambda manifest: manifest.pop("text"))
    with pytest.raises(NotReady, match="no text tower"):
        Embedder(model, threads=1).embed_texts(["bag"])


def test_a_text_tower_that_was_tampered_with_is_not_ready_but_pictures_are(model: Path) -> None:
    tower = model.with_name("text.onnx")
    tower.write_bytes(tower.read_bytes()[:-1])
    embedder = Embedder(model, threads=1)
    assert embedder.embed(np.ones((1, 3, SIZE, SIZE), np.float32)).shape == (1, 4)
    with pytest.raises(NotReady, match=r"text\.onnx hashes to"):
        embedder.embed_texts(["bag"])


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda manifest: manifest["text"].update(tokenizer="words-v0"), "text.tokenizer"),
        (lambda manifest: manifest["text"].update(file="../elsewhere.onnx"), "text.file"),
        (lambda manifest: manifest["text"].update(context_length=0), "text.context_length"),
        (lambda manifest: manifest["outputs"].clear(), "outputs"),
        (lambda manifest: manifest["outputs"].update(smell={"name": "x", "dimensions": 1}), "outputs.smell"),
        (lambda manifest: manifest["input"].update(size=100_000), "input.size"),
    ],
)
def test_a_manifest_that_promises_the_impossible_is_not_ready(
    model: Path, edit: Callable[[dict[str, Any]], object], says: str
) -> None:
    change(model, edit)
    with pytest.raises(NotReady, match=says):
        Embedder(model, threads=1)


def test_an_output_that_is_not_as_the_manifest_says_is_not_ready(model: Path) -> None:
    change(model, lambda manifest: manifest["outputs"]["copy"].update(dimensions=7))
    with pytest.raises(NotReady, match=r"\(1, 4\), not \(1, 7\)"):
        Embedder(model, threads=1).embed(np.ones((1, 3, SIZE, SIZE), np.float32))
    change(model, lambda manifest: manifest["outputs"]["copy"].update(name="gone"))
    with pytest.raises(NotReady, match="does not run"):
        Embedder(model, threads=1).embed(np.ones((1, 3, SIZE, SIZE), np.float32))


def unimplemented() -> bytes:
    """A sound model with an operation that ONNX Runtime has for no double."""
    pictures, pooled = (
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["n", 3, side, side])
        for name, side in (("pictures", SIZE), ("pooled", 1))
    )
    graph = helper.make_graph(
        [helper.make_node("GlobalLpPool", ["pictures"], ["pooled"])], "image", [pictures], [pooled]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"no model", unimplemented()], ids=["empty", "no model", "unimplemented"])
def test_a_file_that_the_manifest_vouches_for_but_that_does_not_start_is_not_ready(model: Path, content: bytes) -> None:
    model.write_bytes(content)
    change(model, lambda manifest: manifest.update(sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(NotReady, match="not a model that ONNX Runtime reads"):
        Embedder(model, threads=1).embed(np.ones((1, 3, SIZE, SIZE), np.float32))


def test_numbers_that_are_not_finite_are_no_vector(model: Path) -> None:
    with pytest.raises(NotReady, match="not finite"):
        Embedder(model, threads=1).embed(np.full((1, 3, SIZE, SIZE), np.inf, np.float32))


@pytest.mark.parametrize(
    ("available", "wanted"),
    [
        (["CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (["AzureExecutionProvider", "CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (["CPUExecutionProvider", "CUDAExecutionProvider"], ["CUDAExecutionProvider", "CPUExecutionProvider"]),
        (
            ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
            ["CUDAExecutionProvider", "CPUExecutionProvider"],
        ),
    ],
)
def test_cuda_comes_before_the_cpu_and_nothing_else_is_asked(available: list[str], wanted: list[str]) -> None:
    assert usable_providers(available) == wanted


def test_a_session_is_started_with_what_is_there_and_the_threads_given(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    real, started = onnxruntime.InferenceSession, []

    def start(content: bytes, options: Any, *, providers: list[str]) -> Any:
        started.append((options.intra_op_num_threads, providers))
        return real(content, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", start)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider", "CUDAExecutionProvider"]
    )
    embedder = Embedder(model, threads=3)
    embedder.embed(np.ones((1, 3, SIZE, SIZE), np.float32))
    embedder.embed_texts(["bag"])
    assert started == [(3, ["CUDAExecutionProvider", "CPUExecutionProvider"])] * 2
