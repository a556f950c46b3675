from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from domain.errors import BadInput
from index.embedder import Embedder
from jobs.quantize_embedder import CopyRetrieval, edited_copies, quantize_from_data
from training.sources import Sources


@pytest.fixture(scope="module")
def embedder(models_dir: Path) -> Embedder:
    return Embedder(models_dir / "embedder.onnx", threads=1)


@pytest.fixture(scope="module")
def sources(draw: Any) -> Sources:
    photos = tuple(draw(700 + number, 120, 160) for number in range(12))
    return Sources(photos=photos, classes=("drawn",) * len(photos))


def test_copies_are_of_the_photographs_in_turn_and_the_same_again(sources: Sources) -> None:
    copies, origins = edited_copies(sources, 20, 3)
    assert origins.tolist() == [*range(12), *range(8)]
    again, _ = edited_copies(sources, 20, 3)
    assert all(np.array_equal(one, other) for one, other in zip(copies, again, strict=True))
    # a chain of edits may happen to be empty
    assert sum(np.array_equal(copies[n], sources.photos[n]) for n in range(12)) <= 3


def test_recall_is_the_share_of_copies_whose_nearest_is_their_own(embedder: Embedder, sources: Sources) -> None:
    right = np.arange(12)
    assert CopyRetrieval(sources.photos, sources.photos, right)(embedder) == dict.fromkeys(embedder.spaces, 1.0)
    half = np.where(right < 6, right, (right + 1) % 12)
    assert CopyRetrieval(sources.photos, sources.photos, half)(embedder) == dict.fromkeys(embedder.spaces, 0.5)


def test_from_a_folder_of_photographs_to_a_decision(
    tmp_path: Path, models_dir: Path, draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.quantize_embedder._QUERIES", 40)
    for split, first in (("train", 0), ("validation", 20)):
        folder = tmp_path / "data" / "clothing" / split / "shirt"
        folder.mkdir(parents=True)
        for number in range(first, first + 8):
            cv2.imwrite(str(folder / f"{number}.jpg"), draw(800 + number, 160, 200))
    report = quantize_from_data(tmp_path / "data", models_dir / "embedder.onnx", tmp_path / "out")
    assert set(report.retrieval) == Embedder(models_dir / "embedder.onnx").spaces
    assert report.bytes_int8 < report.bytes / 2
    assert report.kept is (
        report.loss_points < 0.5 and all(report.seconds_int8[n] < report.seconds[n] for n in (1, 32))
    )
    assert (tmp_path / "out" / "embedder.onnx").exists() is report.kept


def test_without_photographs_nothing_is_decided(tmp_path: Path, models_dir: Path) -> None:
    with pytest.raises(BadInput):
        quantize_from_data(tmp_path, models_dir / "embedder.onnx", tmp_path / "out")
