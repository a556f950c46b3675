from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.errors import BadInput
from index.background import BACKGROUND_FILE, load_background
from index.embedder import Embedder, Space
from training import adapters as module
from training.adapters import RANK, Adapter, AdapterBroken, JudgedVectors, train_adapter, write_adapted

MODELS = Path(__file__).resolve().parents[3] / "models"
LENGTH = 64


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def judged(seed: int, *, pairs: int = 40) -> JudgedVectors:
    """Pairs about as alike; what is the same differs along some fixed directions, what is not along others."""
    world, random = np.random.default_rng(1), np.random.default_rng(seed)
    trifles, matters = world.normal(size=(4, LENGTH)), world.normal(size=(4, LENGTH))
    references = random.normal(size=(pairs, LENGTH))
    same = np.arange(pairs) % 2 == 0
    along = np.where(same[:, None], random.normal(size=(pairs, 4)) @ trifles, random.normal(size=(pairs, 4)) @ matters)
    return JudgedVectors(seen=unit(references + along), references=unit(references), same=same)


def told_apart(pairs: JudgedVectors, adapter: Adapter | None = None) -> float:
    """The share of (same, not the same) whose likeness is in this order."""
    seen, references = (adapter(v) if adapter else v for v in (pairs.seen, pairs.references))
    likeness = (seen * references).sum(axis=1)
    return float((likeness[pairs.same][:, None] > likeness[~pairs.same]).mean())


def test_pairs_that_nobody_judged_are_told_apart_better_and_what_is_anchored_stays() -> None:
    anchors = unit(np.random.default_rng(9).normal(size=(300, LENGTH)))
    adapter = train_adapter(judged(2, pairs=200), anchors)
    unseen = judged(3, pairs=100)
    assert told_apart(unseen) < 0.65
    assert told_apart(unseen, adapter) > told_apart(unseen) + 0.15
    stayed = (adapter(anchors) * anchors).sum(axis=1)
    assert stayed.mean() > 0.9
    # who is nearest to whom among them does not change
    others = unit(anchors + 0.1 * np.random.default_rng(10).normal(size=anchors.shape))
    nearest = (adapter(others) @ adapter(anchors).T).argmax(axis=1)
    assert (nearest == np.arange(300)).mean() > 0.99


def test_equal_input_gives_an_equal_adapter_of_the_rank_asked_for() -> None:
    anchors = np.zeros((0, LENGTH), np.float32)
    first, again, other = (train_adapter(judged(2), anchors, rank=3, seed=seed) for seed in (0, 0, 1))
    assert first.down.shape == (3, LENGTH)
    assert first.up.shape == (LENGTH, 3)
    assert np.array_equal(first.down, again.down)
    assert np.array_equal(first.up, again.up)
    assert not np.array_equal(first.down, other.down)


@pytest.mark.parametrize("kind", [True, False])
def test_one_kind_alone_moves_its_own_way(kind: bool) -> None:
    pairs = judged(2, pairs=80)
    own = JudgedVectors(
        seen=pairs.seen[pairs.same == kind],
        references=pairs.references[pairs.same == kind],
        same=pairs.same[pairs.same == kind],
    )
    adapter = train_adapter(own, np.zeros((0, LENGTH), np.float32))
    moved = (adapter(own.seen) * adapter(own.references)).sum(axis=1) - (own.seen * own.references).sum(axis=1)
    assert (moved.mean() > 0.01) if kind else (moved.mean() < -0.01)


def test_nothing_is_learned_from_nothing() -> None:
    nothing = np.zeros((0, LENGTH), np.float32)
    with pytest.raises(BadInput):
        train_adapter(JudgedVectors(seen=nothing, references=nothing, same=np.zeros(0, bool)), nothing)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The embedded model, with a background of a few vectors of its own."""
    folder = tmp_path / "base"
    folder.mkdir()
    for name in ("embedder.onnx", "embedder.json", "text.onnx"):
        shutil.copy(MODELS / name, folder / name)
    own = Embedder(folder / "embedder.onnx", threads=1)
    random = np.random.default_rng(4)
    arrays = {
        space: unit(random.normal(size=(9, own.dimensions(space)))).astype(np.float16) for space in ("copy", "mark")
    }
    np.savez(folder / BACKGROUND_FILE, embedder=np.array(own.version), **arrays)  # type: ignore[arg-type]
    return folder / "embedder.onnx"


def drawn(seed: int, length: int) -> Adapter:
    random = np.random.default_rng(seed)
    down, up = (np.asarray(random.normal(size=shape) / 8, np.float32) for shape in ((RANK, length), (length, RANK)))
    return Adapter(down=down, up=up)


def test_the_written_model_serves_what_was_trained_and_all_else_as_before(base: Path, tmp_path: Path) -> None:
    original = Embedder(base, threads=1)
    adapters: dict[Space, Adapter] = {
        "copy": drawn(1, original.dimensions("copy")),
        "mark": drawn(2, original.dimensions("mark")),
    }
    path = write_adapted(base, tmp_path / "out", adapters, {"adapters": {"rank": RANK}})
    adapted = Embedder(path, threads=1)
    assert adapted.version != original.version
    assert adapted.spaces == original.spaces
    pictures = np.random.default_rng(5).random((3, 3, original.size, original.size), dtype=np.float32)
    for space in original.spaces:
        before = original.embed(pictures, space)
        wanted = adapters[space](before) if space in adapters else before
        assert np.abs(adapted.embed(pictures, space) - wanted).max() < 1e-4
        moved = float(np.abs(wanted - before).max())
        assert (moved > 0.01) == (space in adapters)
    assert np.array_equal(adapted.embed_texts(["a red shirt"]), original.embed_texts(["a red shirt"]))
    manifest = json.loads(path.with_suffix(".json").read_bytes())
    assert manifest["adapters"] == {"rank": RANK}
    assert manifest["background"]["file"] == BACKGROUND_FILE
    dimensions = {space: adapted.dimensions(space) for space in adapted.spaces}
    kept = load_background(path.with_name(BACKGROUND_FILE), embedder=adapted.version, dimensions=dimensions)
    former = load_background(base.with_name(BACKGROUND_FILE), embedder=original.version, dimensions=dimensions)
    for space, adapter in adapters.items():
        assert np.abs(kept[space] - adapter(former[space])).max() < 2e-3
    assert sorted(file.name for file in path.parent.iterdir()) == [
        BACKGROUND_FILE,
        "embedder.json",
        "embedder.onnx",
        "text.onnx",
    ]


def test_an_adapted_model_can_be_adapted_again(base: Path, tmp_path: Path) -> None:
    first, second = drawn(1, 256), drawn(2, 256)
    once = write_adapted(base, tmp_path / "once", {"copy": first}, {})
    twice = write_adapted(once, tmp_path / "twice", {"copy": second}, {})
    pictures = np.random.default_rng(5).random((2, 3, 128, 128), dtype=np.float32)
    wanted = second(first(Embedder(base, threads=1).embed(pictures)))
    assert np.abs(Embedder(twice, threads=1).embed(pictures) - wanted).max() < 1e-4


def test_nothing_is_written_over_the_base_or_where_it_does_not_compute_what_was_trained(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file.name: file.read_bytes() for file in base.parent.iterdir()}
    with pytest.raises(BadInput):
        write_adapted(base, base.parent, {"copy": drawn(1, 256)}, {})
    monkeypatch.setattr(module, "PARITY_TOLERANCE", 0.0)
    with pytest.raises(AdapterBroken):
        write_adapted(base, tmp_path / "out", {"copy": drawn(1, 256)}, {})
    assert list((tmp_path / "out").iterdir()) == []
    assert {file.name: file.read_bytes() for file in base.parent.iterdir()} == before
