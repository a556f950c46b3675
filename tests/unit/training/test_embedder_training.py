"""A run of a few steps: it learns, repeats, resumes, stops early, and exports what it trained."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from domain.errors import BadInput
from index.background import BACKGROUND_FILE, load_background
from index.embedder import Embedder
from jobs.model_cards.render import render_cards
from training import export
from training.background import MOST
from training.embedder import TrainingReport, train_embedder
from training.export import PARITY_TOLERANCE, ParityBroken, export_embedder
from training.network import EmbeddingNetwork, configured
from training.preparation import prepare_data
from training.recipe import EmbedderRecipe
from training.revision import source_commit
from training.run import EmbedderRun


@pytest.fixture(scope="module")
def trained(
    training_data: Path, tiny_recipe: EmbedderRecipe, tmp_path_factory: pytest.TempPathFactory
) -> TrainingReport:
    out = tmp_path_factory.mktemp("run")
    return train_embedder(training_data, out, recipe=tiny_recipe, seed=5, threads=1, workers=0, device="cpu")


def weights(report: TrainingReport) -> dict[str, torch.Tensor]:
    state = torch.load(report.model.with_name("checkpoint.pt"), weights_only=True)
    network: dict[str, torch.Tensor] = state["network"]
    return network


def test_a_run_writes_both_towers_a_manifest_and_curves(trained: TrainingReport, tiny_recipe: EmbedderRecipe) -> None:
    pairs = tiny_recipe.copy_pairs + tiny_recipe.mark_pairs
    assert trained.pictures == tiny_recipe.steps * (2 * pairs + tiny_recipe.bare)
    with trained.curves.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["3", "6"]
    assert all(float(row[name]) > 0 for row in rows for name in ("copy_loss", "mark_loss", "caption_loss"))
    assert cv2.imread(str(trained.curves.with_suffix(".png"))) is not None
    manifest = json.loads(trained.model.with_suffix(".json").read_text())
    assert manifest["parity"]["largest_difference"] <= PARITY_TOLERANCE
    assert manifest["training"]["photographs"] == 12
    assert manifest["training"]["marks"] == 5
    assert set(manifest["data"]) == {"clothing", "marks"}
    assert (manifest["commit"] is None) == (source_commit() is None)
    assert re.fullmatch("[0-9a-f]{40,64}(-dirty)?", manifest["commit"] or 40 * "0")
    background = trained.model.with_name(BACKGROUND_FILE).read_bytes()
    assert manifest["background"] == {
        "file": BACKGROUND_FILE,
        "sha256": hashlib.sha256(background).hexdigest(),
        "bytes": len(background),
    }


def test_a_card_can_be_made_of_what_was_trained(trained: TrainingReport) -> None:
    card = render_cards(trained.model.parent)["embedder.md"]
    assert Embedder(trained.model).version in card
    for told in ("| `copy` | 256 |", "| `mark` | 256 |", "| `caption` | 256 |", "`text.onnx`", "`background.npz`"):
        assert told in card


def test_the_exported_model_serves_three_spaces_and_words(trained: TrainingReport) -> None:
    embedder = Embedder(trained.model, threads=1)
    assert (embedder.size, embedder.spaces) == (64, {"copy", "mark", "caption"})
    pictures = np.random.default_rng(0).random((3, 3, 64, 64), dtype=np.float32)
    vectors = {space: embedder.embed(pictures, space) for space in embedder.spaces}
    assert {found.shape for found in vectors.values()} == {(3, 256)}
    assert not np.allclose(vectors["copy"], vectors["mark"])
    words = embedder.embed_texts(["a red shirt", "a blue hat"])
    assert words.shape == (2, 256)
    assert float(words[0] @ words[1]) < 0.9999


def test_the_background_set_is_of_this_embedder(trained: TrainingReport) -> None:
    embedder = Embedder(trained.model)
    found = load_background(
        trained.model.with_name(BACKGROUND_FILE), embedder=embedder.version, dimensions={"copy": 256, "mark": 256}
    )
    assert {space: vectors.shape for space, vectors in found.items()} == {"copy": (12, 256), "mark": (MOST, 256)}


def test_the_loss_falls_on_a_batch_seen_again_and_again(
    training_data: Path, tiny_recipe: EmbedderRecipe, tmp_path: Path
) -> None:
    from training.batches import TrainingSteps
    from training.sources import load_sources

    run = EmbedderRun(tiny_recipe, 0, tmp_path, device="cpu:0")
    batch = TrainingSteps(load_sources(training_data), tiny_recipe, seed=0)[0]
    first = run._learn(batch)
    for _ in range(15):
        last = run._learn(batch)
    assert all(last[name] < first[name] for name in first), (first, last)


def test_equal_seeds_give_equal_models_and_other_seeds_others(
    training_data: Path, tiny_recipe: EmbedderRecipe, tmp_path: Path, trained: TrainingReport
) -> None:
    again = train_embedder(training_data, tmp_path / "a", recipe=tiny_recipe, seed=5, threads=1, workers=0)
    assert again.model.read_bytes() == trained.model.read_bytes()
    other = train_embedder(training_data, tmp_path / "b", recipe=tiny_recipe, seed=6, threads=1, workers=0)
    assert other.model.read_bytes() != trained.model.read_bytes()


def test_a_stopped_run_resumes_to_the_same_weights(
    training_data: Path, tiny_recipe: EmbedderRecipe, tmp_path: Path, trained: TrainingReport
) -> None:
    class Stopped(Exception):
        pass

    def stop_at_fifth(stage: str, done: int, total: int | None) -> None:
        if done == 5:
            raise Stopped

    with pytest.raises(Stopped):
        train_embedder(
            training_data, tmp_path, recipe=tiny_recipe, seed=5, threads=1, workers=0, progress=stop_at_fifth
        )
    steps: list[int] = []
    resumed = train_embedder(
        training_data,
        tmp_path,
        recipe=tiny_recipe,
        seed=5,
        threads=1,
        workers=0,
        progress=lambda stage, done, total: steps.append(done),
    )
    assert steps == [4, 5, 6]
    for name, value in weights(trained).items():
        assert torch.equal(value, weights(resumed)[name]), name
    assert resumed.model.read_bytes() == trained.model.read_bytes()


def test_a_run_that_gets_no_better_ends_early(tiny_recipe: EmbedderRecipe, tmp_path: Path) -> None:
    run = EmbedderRun(replace(tiny_recipe, steps=100, patience=2), 0, tmp_path)
    for score in (0.1, 0.5, 0.4):
        run.curve.append({"score": score})
        assert not run.ended
    run.curve.append({"score": 0.5})
    assert not run.ended, "as good as the best is no reason to stop"
    run.curve += [{"score": 0.3}, {"score": 0.2}]
    assert run.ended


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None], ids=["empty", "broken", "another run's"])
def test_a_checkpoint_that_cannot_be_gone_on_with_is_not_written_over(
    training_data: Path, tiny_recipe: EmbedderRecipe, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "checkpoint.pt"
    if content is None:
        EmbedderRun(tiny_recipe, 4, tmp_path).save()
        content = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"checkpoint\.pt") as refusal:
        train_embedder(training_data, tmp_path, recipe=tiny_recipe, seed=5, threads=1, workers=0, device="cpu")
    assert "--out" in refusal.value.advice
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("trunk", "device", "says"),
    [
        ("no_such_trunk", "cpu", "no trunk 'no_such_trunk'"),
        ("hf-hub:own/tiny", "cpu", "no trunk"),
        ("assayer_residual_small", "abacus", "no device 'abacus'"),
    ],
)
def test_a_trunk_or_device_that_is_not_there_is_bad_input(
    tiny_recipe: EmbedderRecipe, tmp_path: Path, trunk: str, device: str, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        EmbedderRun(replace(tiny_recipe, trunk=trunk), 0, tmp_path, device=device)


def test_a_validation_split_that_was_damaged_is_not_passed_over(
    training_data: Path, tiny_recipe: EmbedderRecipe, tmp_path: Path
) -> None:
    folder = prepare_data(training_data, tmp_path / "data").folder
    (folder / "validation-marks.npz").write_bytes(b"")
    with pytest.raises(BadInput, match="changed since it was prepared"):
        train_embedder(folder, tmp_path / "run", recipe=tiny_recipe, threads=1, workers=0, device="cpu")


def test_a_model_that_differs_from_its_network_replaces_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PARITY_TOLERANCE", -1.0)
    names = {"embedder.onnx", "text.onnx", "embedder.json"}
    for name in names:
        (tmp_path / name).write_text("what was there")
    with pytest.raises(ParityBroken):
        export_embedder(EmbeddingNetwork(configured(trunk="assayer_residual_small", size=64)), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(names, "what was there")


def test_a_folder_without_photographs_is_bad_input(tmp_path: Path, tiny_recipe: EmbedderRecipe) -> None:
    with pytest.raises(BadInput):
        train_embedder(tmp_path, tmp_path / "run", recipe=tiny_recipe)
