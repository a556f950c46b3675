"""Boxes in the pixels of the picture that was handed in, of a model that is what its manifest says, or none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from domain.errors import BadInput, NotReady
from index.logo_detector import BAR, LOWEST_SCORE, MAX_BOXES, LogoDetector, keep_boxes, letterbox

SIZE = 64
BOX = (16.0, 16.0, 48.0, 32.0)


def write_model(folder: Path, *, box: tuple[float, ...] = BOX, scores: str = "scores") -> Path:
    """One place: always the same box, its score the picture's mean brightness."""
    nodes = [
        helper.make_node("ReduceMean", ["pictures", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["scores"]),
        helper.make_node("Unsqueeze", ["scores", "last"], ["each"]),
        helper.make_node("Mul", ["each", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "box"], ["boxes"]),
        helper.make_node("Concat", ["scores", "scores"], ["twice"], axis=1),
    ]
    tensors = [
        numpy_helper.from_array(np.array([1, 2, 3], np.int64), "axes"),
        numpy_helper.from_array(np.array([-1], np.int64), "last"),
        numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
        numpy_helper.from_array(np.array(box, np.float32).reshape(1, 1, 4), "box"),
    ]
    inputs = [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])]
    outputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 1, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 1]),
        helper.make_tensor_value_info("twice", TensorProto.FLOAT, ["n", 2]),
    ]
    graph = helper.make_graph(nodes, "detector", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, str(folder / "detector.onnx"))
    manifest = {
        "name": "drawn",
        "file": "detector.onnx",
        "sha256": hashlib.sha256((folder / "detector.onnx").read_bytes()).hexdigest(),
        "input": {"name": "pictures", "size": SIZE, "preprocessing": "letterbox-v1"},
        "outputs": {"boxes": "boxes", "scores": scores},
    }
    (folder / "detector.json").write_text(json.dumps(manifest))
    return folder / "detector.json"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_model(tmp_path)


def change(manifest: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    told = json.loads(manifest.read_text())
    edit(told)
    manifest.write_text(json.dumps(told))


def picture(height: int, width: int, level: int = 200) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def test_a_box_is_in_pixels_of_the_picture_that_was_handed_in(manifest: Path) -> None:
    detector = LogoDetector(manifest, threads=1)
    square, large, tall, empty = detector.detect(
        [picture(64, 64), picture(640, 640), picture(64, 32), picture(9, 9, 0)]
    )
    np.testing.assert_allclose(square.boxes, [BOX])
    np.testing.assert_allclose(square.scores, [200 / 255], atol=1e-3)
    np.testing.assert_allclose(large.boxes, np.array([BOX]) * 10)
    np.testing.assert_allclose(tall.boxes, [(0, 16, 32, 32)])  # the bars are 16 px; what lies on them is cut off
    assert empty.boxes.shape == (0, 4)
    assert empty.scores.shape == (0,)
    assert detector.detect([]) == []


def test_pictures_are_found_alike_alone_and_in_any_company(manifest: Path) -> None:
    detector = LogoDetector(manifest, threads=1)
    pictures = [picture(20 + number, 90 - number, 100 + number) for number in range(40)]
    together = detector.detect(pictures)
    for one, found in zip(pictures, together, strict=True):
        (alone,) = detector.detect([one])
        np.testing.assert_array_equal(found.boxes, alone.boxes)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-6)


def test_the_version_names_the_file(manifest: Path) -> None:
    sha256 = hashlib.sha256(manifest.with_name("detector.onnx").read_bytes()).hexdigest()
    assert LogoDetector(manifest).version == f"drawn@{sha256[:12]}"


@settings(max_examples=80, deadline=None)
@given(height=st.integers(1, 700), width=st.integers(1, 700), size=st.sampled_from([32, 64, 256]))
def test_a_letterboxed_picture_is_whole_and_its_place_can_be_undone(height: int, width: int, size: int) -> None:
    square, placing = letterbox(picture(height, width, 10), size)
    assert square.shape == (size, size, 3)
    inside = (square != BAR).all(axis=2)
    left, top, across, down = cv2.boundingRect(inside.astype(np.uint8))
    assert max(across, down) == size
    assert inside.sum() == across * down, "nothing but the picture and bars"
    edges = np.array([[left, top, left + across, top + down]], np.float32)
    np.testing.assert_allclose(placing.undone(edges), [[0, 0, width, height]], rtol=1e-4, atol=1e-2)


def test_wrong_pictures_are_refused(manifest: Path) -> None:
    detector = LogoDetector(manifest, threads=1)
    wrong: list[Any] = [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)]
    for one in [*wrong, np.zeros((0, 8, 3), np.uint8)]:
        with pytest.raises(BadInput):
            detector.detect([picture(8, 8), one])


@pytest.mark.parametrize("name", ["detector.json", "detector.onnx"])
def test_without_a_file_it_is_not_ready(manifest: Path, name: str) -> None:
    manifest.with_name(name).unlink()
    with pytest.raises(NotReady, match=name) as refusal:
        LogoDetector(manifest)
    assert "assayer train detector" in refusal.value.advice


def test_a_tampered_model_is_not_ready(manifest: Path) -> None:
    model = manifest.with_name("detector.onnx")
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(NotReady, match="hashes to"):
        LogoDetector(manifest)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda told: told["input"].update(preprocessing="squash-v1"), "squash-v1"),
        (lambda told: told["input"].update(size=2048), "input.size"),
        (lambda told: told["input"].update(size=100), "input.size"),
        (lambda told: told.update(file="../detector.onnx"), "file"),
        (lambda told: told.update(sha256="x"), "sha256"),
        (lambda told: told.pop("outputs"), "outputs"),
    ],
)
def test_a_manifest_that_says_otherwise_is_not_ready(
    manifest: Path, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    change(manifest, edit)
    with pytest.raises(NotReady, match=said):
        LogoDetector(manifest)


def test_a_file_that_is_no_model_is_not_ready(manifest: Path) -> None:
    manifest.with_name("detector.onnx").write_bytes(b"no model")
    change(manifest, lambda told: told.update(sha256=hashlib.sha256(b"no model").hexdigest()))
    with pytest.raises(NotReady, match="ONNX Runtime"):
        LogoDetector(manifest).detect([picture(8, 8)])


@pytest.mark.parametrize(
    ("box", "scores", "said"),
    [((0, 0, float("nan"), 1), "scores", "not finite"), (BOX, "twice", "gives boxes"), (BOX, "none", "does not run")],
)
def test_a_model_that_gives_something_else_names_nothing(
    tmp_path: Path, box: tuple[float, ...], scores: str, said: str
) -> None:
    detector = LogoDetector(write_model(tmp_path, box=box, scores=scores), threads=1)
    with pytest.raises(NotReady, match=said):
        detector.detect([picture(8, 8)])


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, float(across)) * max(0.0, float(down))
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return shared / (sum(areas) - shared)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), count=st.integers(0, 60))
def test_suppression_is_the_greedy_one(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    corners = generator.uniform(-10, 110, (count, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)
    scores = generator.random(count, dtype=np.float32)
    kept, best = keep_boxes(boxes, scores, (100, 80))
    expected: list[tuple[float, NDArray[np.float32]]] = []
    for number in np.argsort(-scores, kind="stable"):
        cut = np.clip(boxes[number], 0, [100, 80, 100, 80]).astype(np.float32)
        if scores[number] < LOWEST_SCORE or (cut[2:] - cut[:2] < 1).any():
            continue
        if all(overlap(cut, other) < 0.5 for _, other in expected):
            expected.append((float(scores[number]), cut))
    assert best.tolist() == [score for score, _ in expected]
    np.testing.assert_array_equal(kept, np.array([box for _, box in expected], np.float32).reshape(-1, 4))


def test_a_crowd_is_bounded() -> None:
    corner = np.arange(400, dtype=np.float32)[:, None] * 10
    boxes = np.concatenate([corner, corner * 0, corner + 9, corner * 0 + 9], axis=1)
    kept, best = keep_boxes(boxes, np.linspace(1, 0.1, 400, dtype=np.float32), (5000, 10))
    assert len(kept) == MAX_BOXES
    assert (np.diff(best) <= 0).all()
