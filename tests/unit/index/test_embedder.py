from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from domain.errors import BadInput, NotReady
from index.embedder import Embedder
from index.preprocessing import network_input

REPOSITORY = Path(__file__).resolve().parents[3]
MODEL = REPOSITORY / "models" / "embedder.onnx"
SIZE = json.loads(MODEL.with_suffix(".json").read_text(encoding="utf-8"))["input"]["size"]
STORED = Path(__file__).parent / "embedder_outputs.json"
TEXTS = ("a red shirt", "a white mark printed on a blue bag", "", "Velmora 24×7", "étui en cuir 皮革")


def drawn_pictures() -> NDArray[np.float32]:
    """Fixed pictures that need no file: flat, stripes, a disc on white, a dark box with a line."""
    flat = np.full((150, 120, 3), 180, np.uint8)
    stripes = flat.copy()
    stripes[:, ::10] = (20, 60, 200)
    disc = np.full((200, 160, 3), 255, np.uint8)
    cv2.circle(disc, (80, 100), 55, (200, 40, 30), -1)
    box = np.full((160, 200, 3), 245, np.uint8)
    cv2.rectangle(box, (40, 30), (150, 140), (30, 30, 40), -1)
    cv2.line(box, (40, 80), (150, 60), (220, 220, 90), 4)
    return np.stack([network_input(picture, SIZE) for picture in (flat, stripes, disc, box)])


@pytest.fixture
def copied_model(tmp_path: Path) -> Path:
    for suffix in (".onnx", ".json"):
        shutil.copy(MODEL.with_suffix(suffix), tmp_path / f"embedder{suffix}")
    return tmp_path / "embedder.onnx"


def outputs(embedder: Embedder) -> dict[str, Any]:
    """Every space of the drawn pictures, and the texts where there is a text tower; to four places."""
    pictures = drawn_pictures()
    spaces = {space: embedder.embed(pictures, space).round(4).tolist() for space in sorted(embedder.spaces)}
    texts = embedder.embed_texts(TEXTS).round(4).tolist() if embedder.manifest.text else None
    return {"version": embedder.version, "pictures": spaces, "texts": texts}


def test_vectors_are_the_stored_revisions(request: pytest.FixtureRequest) -> None:
    """A model that changes its vectors voids every index: whoever promotes one stores its outputs anew, by
    ``pytest tests/unit/index/test_embedder.py --renew-outputs``."""
    found = outputs(Embedder(MODEL, threads=1))
    if request.config.getoption("--renew-outputs"):
        STORED.write_text(json.dumps(found) + "\n", encoding="utf-8")
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    assert found["version"] == stored["version"]
    assert set(found["pictures"]) == set(stored["pictures"])
    assert (found["texts"] is None) == (stored["texts"] is None)
    for space, vectors in found["pictures"].items():
        np.testing.assert_allclose(vectors, stored["pictures"][space], atol=2e-3, err_msg=space)
    if found["texts"]:
        np.testing.assert_allclose(found["texts"], stored["texts"], atol=2e-3)


def test_vectors_have_unit_length_and_tell_pictures_apart() -> None:
    embedder = Embedder(MODEL, threads=1)
    vectors = embedder.embed(drawn_pictures())
    assert vectors.shape == (4, embedder.dimensions())
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    similarity = vectors @ vectors.T - 2 * np.eye(4)
    assert similarity.max() < 0.9


def test_a_batch_gives_what_single_pictures_give() -> None:
    embedder = Embedder(MODEL, threads=2)
    pictures = drawn_pictures()
    single = np.concatenate([embedder.embed(picture[None]) for picture in pictures])
    np.testing.assert_allclose(embedder.embed(pictures), single, atol=1e-5)


def test_nothing_to_embed_gives_no_vectors() -> None:
    embedder = Embedder(MODEL, threads=1)
    none = embedder.embed(np.zeros((0, 3, SIZE, SIZE), np.float32))
    assert none.shape == (0, embedder.dimensions())


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((1, 3, SIZE, SIZE + 1), np.float32),
        np.zeros((3, SIZE, SIZE), np.float32),
        np.zeros((1, 3, SIZE, SIZE), np.float64),
    ],
)
def test_other_shapes_and_types_are_refused(pictures: NDArray[np.float32]) -> None:
    with pytest.raises(BadInput, match="takes float32"):
        Embedder(MODEL, threads=1).embed(pictures)


def truncate_model(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-1])


def remove_model(model: Path) -> None:
    model.unlink()


def remove_manifest(model: Path) -> None:
    model.with_suffix(".json").unlink()


def break_manifest(model: Path) -> None:
    model.with_suffix(".json").write_text("{")


def claim_another_recipe(model: Path) -> None:
    manifest = json.loads(model.with_suffix(".json").read_text())
    manifest["input"]["preprocessing"] = "letterbox-v0"
    model.with_suffix(".json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (truncate_model, "its manifest says"),
        (remove_model, "no embedder at embedder.onnx"),
        (remove_manifest, "no embedder manifest at embedder.json"),
        (break_manifest, "embedder.json"),
        (claim_another_recipe, "letterbox-v0"),
    ],
)
def test_a_damaged_model_is_not_ready_and_says_what_to_do(
    copied_model: Path, damage: Callable[[Path], None], says: str
) -> None:
    assert Embedder(copied_model, threads=1).version
    damage(copied_model)
    with pytest.raises(NotReady, match=says) as refusal:
        Embedder(copied_model, threads=1)
    assert "assayer train embedder" in refusal.value.advice


def test_a_file_that_is_no_model_is_not_ready(copied_model: Path) -> None:
    import hashlib

    copied_model.write_bytes(b"not a model")
    manifest = json.loads(copied_model.with_suffix(".json").read_text())
    manifest["sha256"] = hashlib.sha256(b"not a model").hexdigest()
    copied_model.with_suffix(".json").write_text(json.dumps(manifest))
    embedder = Embedder(copied_model, threads=1)
    with pytest.raises(NotReady, match="not a model"):
        embedder.embed(drawn_pictures())


def test_nothing_is_loaded_at_import_or_construction() -> None:
    program = (
        "import sys, pathlib; from index.embedder import Embedder;"
        "assert 'onnxruntime' not in sys.modules;"
        f"e = Embedder(pathlib.Path({str(MODEL)!r}), threads=1); e.version;"
        "assert 'onnxruntime' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)
