"""A run of a few steps: places know their marks, it learns, repeats, resumes, and exports what it trained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from index.logo_detector import LogoDetector, keep_boxes
from training import detector_export
from training.detector_export import PARITY_TOLERANCE, export_detector
from training.detector_losses import assign, detector_loss
from training.detector_network import STRIDES, DetectorNetwork, places
from training.detector_recipe import DetectorRecipe, DetectorSteps
from training.detector_run import DetectorRun
from training.detector_training import DetectorReport, train_detector
from training.detector_validation import overlaps, recall_at
from training.embedder import train_embedder
from training.export import ParityBroken
from training.recipe import EmbedderRecipe
from training.sources import Sources

TINY = DetectorRecipe(steps=4, pictures=3, size=64, warm_up=0.0, validate_every=2, validation_scenes=4)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Pictures this small are learned no faster by two, which wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(training_data: Path, tmp_path_factory: pytest.TempPathFactory) -> DetectorReport:
    return train_detector(training_data, tmp_path_factory.mktemp("detector"), recipe=TINY, seed=3, threads=1, workers=0)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    network: dict[str, torch.Tensor] = state["network"]
    return network


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


@st.composite
def boxes_within(draw: st.DrawFn) -> torch.Tensor:
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        left, top = draw(st.floats(0, 240)), draw(st.floats(0, 240))
        rows.append((left, top, left + draw(st.floats(4, 256 - left)), top + draw(st.floats(4, 256 - top))))
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


@settings(max_examples=150, deadline=None)
@given(boxes=boxes_within())
def test_every_mark_has_places_near_its_middle(boxes: torch.Tensor) -> None:
    owners = assign(boxes, 256)
    assert owners.shape == (sum((256 // stride) ** 2 for stride in STRIDES),)
    assert owners.min() >= -1
    assert owners.max() < max(1, len(boxes))
    for number, box in enumerate(boxes):
        alone = assign(box[None], 256) == 0
        assert alone.any(), "no place has to find it"
        area = (box[2:] - box[:2]).prod()
        smaller = [other for other in boxes if (other[2:] - other[:2]).prod() <= area and not torch.equal(other, box)]
        if not smaller:
            assert (owners[alone] == number).any() or any(torch.equal(other, box) for other in boxes[:number])


def test_a_small_mark_keeps_its_places_before_a_large_one() -> None:
    large, small = torch.tensor([0.0, 0, 70, 70]), torch.tensor([27.0, 27, 43, 43])
    owners = assign(torch.stack([large, small]), 256)
    assert (owners[assign(small[None], 256) == 0] == 1).all()


def test_places_are_the_middles_of_their_cells() -> None:
    assert places(2, 3, 8).tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]


def test_a_picture_without_a_mark_costs_only_its_scores() -> None:
    with torch.no_grad():
        logits, boxes = DetectorNetwork()(torch.rand(2, 3, 64, 64))
    assert boxes.shape == (*logits.shape, 4)
    losses = detector_loss(logits, boxes, [torch.zeros(0, 4)] * 2, 64)
    assert float(losses["box"]) == 0
    assert float(losses["score"]) > 0


def test_a_perfect_answer_costs_next_to_nothing() -> None:
    truth = torch.tensor([[10.0, 12, 40, 36]])
    owners = assign(truth, 64)
    logits = torch.where(owners >= 0, 12.0, -12.0)[None]
    boxes = truth.expand(1, len(owners), 4).clone()
    losses = detector_loss(logits, boxes, [truth], 64)
    assert sum(float(loss) for loss in losses.values()) < 1e-3
    worse = detector_loss(logits, boxes + torch.tensor([8.0, 0, 8, 0]), [truth], 64)
    assert float(worse["box"]) > 0.3
    assert float(worse["score"]) > 0.1, "a score has to tell that the box does not fit"


def test_it_learns_where_the_marks_of_a_batch_are(training_sources: Sources, tmp_path: Path) -> None:
    run = DetectorRun(replace(TINY, steps=100), 0, tmp_path)
    batch = DetectorSteps(training_sources, TINY, seed=0)[0]
    owned = torch.stack([assign(boxes, TINY.size) >= 0 for boxes in batch.boxes])
    first = run._learn(batch)
    for _ in range(20):
        last = run._learn(batch)
    assert last["box"] < 0.7 * first["box"]
    with torch.no_grad():
        logits, _ = run.network(batch.pictures.float() / 255)
    assert float(logits[owned].mean()) > float(logits[~owned].mean()) + 1


def test_a_step_depends_on_its_number_alone(training_sources: Sources) -> None:
    steps = DetectorSteps(training_sources, TINY, seed=0)
    first, again, other = steps[2], steps[2], steps[3]
    assert torch.equal(first.pictures, again.pictures)
    assert all(torch.equal(one, same) for one, same in zip(first.boxes, again.boxes, strict=True))
    assert not torch.equal(first.pictures, other.pictures)


def test_a_run_exports_what_serves_and_says_how_it_was_made(trained: DetectorReport) -> None:
    manifest = json.loads(trained.manifest.read_text())
    assert manifest["parity"]["largest_difference"] <= PARITY_TOLERANCE
    assert manifest["command"] == "assayer train detector --data DIR --steps 4 --seed 3"
    assert set(manifest["data"]) == {"clothing", "marks"}
    assert manifest["training"]["pictures"] == trained.pictures == 12
    assert manifest["training"]["recipe"]["start"] is None
    assert "recall" in manifest["training"]["validation"]
    assert (trained.manifest.parent / "curves.csv").read_text().count("\n") == 3
    detector = LogoDetector(trained.manifest, threads=1)
    assert detector.size == 64
    assert len(detector.detect([np.zeros((30, 90, 3), np.uint8)])) == 1


def test_a_killed_run_ends_as_one_that_was_not(
    training_data: Path, trained: DetectorReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        saved = DetectorRun.save
        patch.setattr(DetectorRun, "save", lambda run: (saved(run), kill()))
        with pytest.raises(KeyboardInterrupt):
            train_detector(training_data, tmp_path, recipe=TINY, seed=3, threads=1, workers=0)
    assert not equal(weights(tmp_path), weights(trained.manifest.parent))
    train_detector(training_data, tmp_path, recipe=TINY, seed=3, threads=1, workers=0)
    assert equal(weights(tmp_path), weights(trained.manifest.parent))


def test_another_runs_checkpoint_is_not_written_over(training_data: Path, trained: DetectorReport) -> None:
    with pytest.raises(BadInput, match="another recipe, seed or start"):
        train_detector(training_data, trained.manifest.parent, recipe=TINY, seed=4, threads=1, workers=0)
    start = trained.manifest.with_name("checkpoint.pt")
    with pytest.raises(BadInput, match="another recipe, seed or start"):
        train_detector(training_data, trained.manifest.parent, recipe=TINY, seed=3, start=start, threads=1, workers=0)


def test_a_run_starts_from_an_embedders_trunk_or_a_detector(
    training_data: Path, trained: DetectorReport, tmp_path: Path
) -> None:
    recipe = EmbedderRecipe(
        steps=1, copy_pairs=2, mark_pairs=2, size=64, validate_every=1, validation_pairs=2, warm_up=0
    )
    train_embedder(training_data, tmp_path, recipe=recipe, threads=1, workers=0, device="cpu")
    embedder = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["best"]
    trunk = DetectorRun(TINY, 0, tmp_path, start=tmp_path / "checkpoint.pt").network.state_dict()
    assert torch.equal(trunk["stem.conv.weight"], embedder["clip.visual.trunk.stem.conv.weight"])
    last = "stages.7.body.2.conv.weight"
    assert torch.equal(trunk[last], embedder[f"clip.visual.trunk.{last}"])
    plain = DetectorRun(TINY, 0, tmp_path).network.state_dict()
    assert torch.equal(trunk["heads.0.4.weight"], plain["heads.0.4.weight"]), "its own heads stay as they were drawn"
    again = DetectorRun(TINY, 0, tmp_path, start=trained.manifest.with_name("checkpoint.pt"))
    best = torch.load(trained.manifest.with_name("checkpoint.pt"), weights_only=True)["best"]
    assert equal(dict(again.network.state_dict()), best)
    assert again.start is not None
    assert len(again.start["sha256"]) == 64
    assert (again.start["step"], again.start["run"]["seed"]) == (4, 3)


@pytest.mark.parametrize("content", [None, b"", b"nothing of the kind"])
def test_a_start_that_is_none_is_refused(content: bytes | None, tmp_path: Path) -> None:
    start = tmp_path / "start.pt"
    if content is not None:
        start.write_bytes(content)
    with pytest.raises(BadInput, match="no checkpoint to start from"):
        DetectorRun(TINY, 0, tmp_path, start=start)


def test_a_model_that_computes_something_else_is_not_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_detector(DetectorNetwork(), tmp_path, size=64, details={})
    before = (tmp_path / "detector.onnx").read_bytes()
    monkeypatch.setattr(detector_export, "fold_convolutions", _fold_wrongly)
    with pytest.raises(ParityBroken):
        export_detector(DetectorNetwork(), tmp_path, size=64, details={})
    assert (tmp_path / "detector.onnx").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"detector.onnx", "detector.json"}


def _fold_wrongly(network: DetectorNetwork) -> None:
    network.eval()
    network.heads[0][-1].bias.data += 1


def test_recall_is_what_the_allowed_false_boxes_leave() -> None:
    truth = np.array([[0, 0, 10, 10], [20, 20, 40, 40]], np.float32)
    found = (
        np.array([[50, 50, 60, 60], [0, 0, 10, 9], [0, 1, 10, 10], [21, 20, 40, 41]], np.float32),
        np.array([0.9, 0.8, 0.7, 0.6], np.float32),
    )
    # false, right, false (a second box on the same mark), right
    assert recall_at([found], [truth], false_boxes=0) == 0
    assert recall_at([found], [truth], false_boxes=1) == 0.5
    assert recall_at([found], [truth], false_boxes=2) == 1
    empty = (np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    assert recall_at([empty], [truth], false_boxes=1) == 0
    assert recall_at([found], [truth[:0]], false_boxes=1) == 0


def test_the_overlap_that_measures_is_the_overlap_that_suppresses() -> None:
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 60, (80, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1) + 4], axis=1).astype(np.float32)
    kept, _ = keep_boxes(boxes, np.linspace(1, 0.5, 80, dtype=np.float32), (64, 64))
    for number, box in enumerate(kept[1:], 1):
        assert overlaps(box, kept[:number]).max() < 0.5
