from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from domain.errors import BadInput
from index.embedder import Embedder
from training.evaluate_embedder import Copies, evaluate_embedder, main, read_copies, write_figures

REPOSITORY = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("ASSAYER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
MODEL = REPOSITORY / "models" / "embedder.onnx"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (DATA / "realshop").is_dir(), reason="needs the photographs of ASSAYER_TEST_DATA"),
]


@pytest.fixture(scope="module")
def copies() -> Copies:
    """Every fourth copied listing, among all catalog pictures."""
    every = read_copies(DATA / "realshop")
    return dataclasses.replace(every, queries=every.queries[::4], wanted=every.wanted[::4], edits=every.edits[::4])


def test_the_embedder_finds_the_catalog_photo_far_more_often_than_pdq(copies: Copies) -> None:
    report = evaluate_embedder(Embedder(MODEL, threads=1), copies)
    assert report["queries"] == len(copies.queries) > 80
    assert report["embedding"]["family"]["10"]["value"] >= 0.95
    assert report["embedding"]["product"]["10"]["value"] >= 1.5 * report["pdq"]["product"]["10"]["value"]
    assert set(report["family_recall_at_10_by_edit"]) >= {"crop", "flip", "collage", "screenshot"}


def test_figures_are_written_into_the_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "embedder.json"
    manifest.write_text('{"name": "x"}')
    write_figures(manifest, {"queries": 3})
    assert json.loads(manifest.read_text()) == {"name": "x", "evaluation": {"queries": 3}}


def test_a_folder_without_truth_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a labeled data set"):
        read_copies(tmp_path)


def test_the_command_refuses_to_run_without_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["evaluate_embedder"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
