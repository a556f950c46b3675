from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.errors import NotReady
from index.background import load_background


def vectors(count: int, length: int, seed: int = 0) -> NDArray[np.float16]:
    return np.random.default_rng(seed).normal(size=(count, length)).astype(np.float16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "background.npz"


def test_vectors_of_this_embedder_are_read_at_unit_length(path: Path) -> None:
    np.savez(path, copy=vectors(7, 4), mark=vectors(5, 3), embedder="net@1")
    found = load_background(path, embedder="net@1", dimensions={"copy": 4, "mark": 3})
    assert set(found) == {"copy", "mark"}
    assert (found["copy"].shape, found["mark"].shape) == ((7, 4), (5, 3))
    assert {each.dtype.name for each in found.values()} == {"float32"}
    assert np.linalg.norm(found["copy"], axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    raw = vectors(7, 4).astype(np.float32)
    assert found["copy"] == pytest.approx(raw / np.linalg.norm(raw, axis=1, keepdims=True), abs=1e-5)


def test_what_is_not_there_is_empty(path: Path) -> None:
    assert load_background(path, embedder="net@1", dimensions={"copy": 4})["copy"].shape == (0, 4)
    np.savez(path, copy=vectors(7, 4), embedder="net@1")
    assert load_background(path, embedder="net@2", dimensions={"copy": 4})["copy"].shape == (0, 4)
    found = load_background(path, embedder="net@1", dimensions={"copy": 4, "mark": 3})
    assert (found["copy"].shape, found["mark"].shape) == ((7, 4), (0, 3))


@pytest.mark.parametrize(
    "stored",
    [
        {"copy": vectors(7, 5)},
        {"copy": vectors(0, 4)},
        {"copy": np.zeros((7, 4), np.float16)},
        {"copy": np.full((7, 4), np.nan, np.float16)},
        {"copy": np.ones((7, 4), np.int64)},
        {"copy": np.ones(4, np.float16)},
        {"copy": np.array([[{}]], dtype=object)},
    ],
)
def test_what_is_no_background_is_not_ready(path: Path, stored: dict[str, Any]) -> None:
    np.savez(path, embedder="net@1", **stored)
    with pytest.raises(NotReady, match=r"background\.npz is broken"):
        load_background(path, embedder="net@1", dimensions={"copy": 4})


def test_a_file_that_says_nothing_of_its_embedder_is_not_ready(path: Path) -> None:
    np.savez(path, copy=vectors(7, 4))
    with pytest.raises(NotReady, match=r"background\.npz is broken"):
        load_background(path, embedder="net@1", dimensions={"copy": 4})


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 torn"])
def test_a_damaged_file_is_not_ready(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(NotReady, match=r"background\.npz is broken"):
        load_background(path, embedder="net@1", dimensions={"copy": 4})
