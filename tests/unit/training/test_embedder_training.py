from __future__ import annotations

import csv
import dataclasses
import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from domain.errors import BadInput
from index.embedder import Embedder
from training.data import stream_pairs
from training.edits import edit_copy
from training.embedder import TrainingReport, train_embedder
from training.evaluate_embedder import first_ranks, share
from training.export import PARITY_TOLERANCE
from training.losses import contrastive_loss, spreading_loss
from training.network import EmbeddingNetwork, fold_batch_norms
from training.recipe import EmbedderRecipe
from training.scenes import compose_scene
from training.sources import Sources, load_sources

TINY = EmbedderRecipe(
    steps=30,
    batch_size=12,
    learning_rate=3e-3,
    spreading=0.0,
    full_strength_at=1e6,
    dimensions=32,
    blocks=(1, 1, 1, 1),
    validate_every=10,
    validation_pairs=12,
)
SHORT = dataclasses.replace(TINY, steps=6, validate_every=3)


@pytest.fixture(scope="module")
def photo_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn pictures of two classes, all of them in the training split."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(3)
    for number in range(12):
        coarse = generator.integers(0, 256, (6, 5, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (130, 160), interpolation=cv2.INTER_CUBIC)
        cv2.circle(picture, (65, 80), 40, tuple(int(c) for c in generator.integers(0, 256, 3)), -1)
        path = folder / "clothing" / "train" / f"class{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture)
    return folder


@pytest.fixture(scope="module")
def sources(photo_dir: Path) -> Sources:
    return load_sources(photo_dir)


@pytest.fixture(scope="module")
def trained(photo_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    return train_embedder(photo_dir, tmp_path_factory.mktemp("run"), recipe=TINY, seed=5, threads=1)


@pytest.fixture(scope="module")
def short(photo_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    return train_embedder(photo_dir, tmp_path_factory.mktemp("short"), recipe=SHORT, seed=5, threads=1)


def weights(report: TrainingReport) -> dict[str, torch.Tensor]:
    state = torch.load(report.model.with_name("checkpoint.pt"), weights_only=True)
    network: dict[str, torch.Tensor] = state["network"]
    return network


def test_a_tiny_run_learns_and_exports(trained: TrainingReport) -> None:
    assert trained.last_loss < trained.first_loss
    assert trained.pictures == TINY.steps * TINY.batch_size * 2
    with trained.curves.open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["10", "20", "30"]
    manifest = json.loads(trained.model.with_suffix(".json").read_text())
    assert manifest["parity"]["largest_difference"] <= PARITY_TOLERANCE
    assert manifest["training"]["photographs"] == 12
    vectors = Embedder(trained.model, threads=1).embed(np.zeros((3, 3, 128, 128), np.float32))
    assert vectors.shape == (3, TINY.dimensions)


def test_equal_seeds_give_equal_weights_and_other_seeds_others(
    photo_dir: Path, tmp_path: Path, short: TrainingReport
) -> None:
    again = train_embedder(photo_dir, tmp_path / "again", recipe=SHORT, seed=5, threads=1)
    assert again.model.read_bytes() == short.model.read_bytes()
    other = train_embedder(photo_dir, tmp_path / "other", recipe=SHORT, seed=6, threads=1)
    assert other.model.read_bytes() != short.model.read_bytes()


def test_a_stopped_run_resumes_to_the_same_weights(photo_dir: Path, tmp_path: Path, short: TrainingReport) -> None:
    class Stopped(Exception):
        pass

    seen = 0

    def stop_at_fifth(stage: str, done: int, total: int | None) -> None:
        nonlocal seen
        seen += 1
        if seen == 5:
            raise Stopped

    with pytest.raises(Stopped):
        train_embedder(photo_dir, tmp_path, recipe=SHORT, seed=5, threads=1, progress=stop_at_fifth)
    steps: list[int] = []
    resumed = train_embedder(
        photo_dir, tmp_path, recipe=SHORT, seed=5, threads=1, progress=lambda stage, done, total: steps.append(done)
    )
    assert len(steps) == 3
    for name, value in weights(short).items():
        assert torch.equal(value, weights(resumed)[name]), name


def test_a_folder_without_photographs_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least two"):
        train_embedder(tmp_path, tmp_path / "run", recipe=TINY)


def test_scenes_of_one_shape_differ_by_look_and_repeat_by_seed(sources: Sources) -> None:
    for shape in range(12):
        first, again = (compose_scene(sources, shape=shape, look=1) for _ in range(2))
        assert np.array_equal(first, again)
        other = compose_scene(sources, shape=shape, look=2)
        assert first.shape != other.shape or not np.array_equal(first, other)


def test_edits_leave_a_picture_and_grow_with_strength(sources: Sources) -> None:
    light, harsh = [], []
    for seed in range(40):
        scene = compose_scene(sources, shape=seed, look=seed)
        for strength, changes in ((0.0, light), (1.0, harsh)):
            edited = edit_copy(scene, sources, np.random.default_rng(seed), strength=strength)
            assert edited.dtype == np.uint8
            assert min(edited.shape[:2]) >= 8
            small = cv2.resize(edited, (32, 32)).astype(float)
            changes.append(np.abs(small - cv2.resize(scene, (32, 32))).mean())
    assert np.mean(harsh) > 2 * np.mean(light)


def test_a_stream_that_starts_later_gives_the_same_batches(sources: Sources) -> None:
    whole = list(stream_pairs(sources, seed=1, batch_size=4, strengths=iter([1.0, 1.0])))
    (later,) = stream_pairs(sources, seed=1, batch_size=4, strengths=iter([1.0]), first_step=1)
    assert np.array_equal(whole[1].references, later.references)
    assert np.array_equal(whole[1].copies, later.copies)
    assert not np.array_equal(whole[0].references, later.references)


def test_contrastive_loss_is_the_mean_over_both_directions() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)))
    references, copies = vectors[:3], vectors[3:]
    expected = []
    for i in range(6):
        partner = (i + 3) % 6
        others = [float(torch.exp(vectors[i] @ vectors[j] / 0.1)) for j in range(6) if j != i]
        expected.append(-np.log(float(torch.exp(vectors[i] @ vectors[partner] / 0.1)) / sum(others)))
    assert float(contrastive_loss(references, copies, temperature=0.1)) == pytest.approx(np.mean(expected), rel=1e-5)


def test_spreading_loss_is_lower_for_spread_vectors() -> None:
    spread = torch.eye(4)
    crowded = torch.nn.functional.normalize(torch.ones(4, 4) + 0.01 * torch.eye(4))
    assert float(spreading_loss(spread)) < float(spreading_loss(crowded))


def test_folding_batch_norms_changes_no_output() -> None:
    torch.manual_seed(0)
    network = EmbeddingNetwork(dimensions=16, blocks=(1, 1, 1, 2))
    pictures = torch.rand(4, 3, 128, 128)
    for _ in range(3):
        network(pictures)
    network.eval()
    with torch.no_grad():
        wanted = network(pictures)
        folded = fold_batch_norms(network)
        assert not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in folded.modules())
        torch.testing.assert_close(folded(pictures), wanted, atol=1e-4, rtol=1e-4)


def test_rank_counts_ties_against_us_and_own_pictures_not() -> None:
    scores = np.array([[0.9, 0.8, 0.8, 0.1], [0.5, 0.5, 0.2, 0.1]], np.float32)
    labels = ["a", "b", "b", "c"]
    assert first_ranks(scores, labels, ["b", "a"]).tolist() == [2, 2]
    assert first_ranks(scores, labels, ["c", "b"]).tolist() == [4, 2]


def test_wilson_interval_holds_the_known_values() -> None:
    assert share(8, 10) == {"value": 0.8, "low": 0.4902, "high": 0.9433, "trials": 10}
    assert share(10, 10)["low"] == pytest.approx(0.7225, abs=1e-3)
