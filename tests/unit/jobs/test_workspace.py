from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.errors import EmptyCatalog, IndexMismatch, NotReady
from domain.settings import Settings
from index.artifact import write_artifact
from jobs.workspace import Workspace


@pytest.fixture
def work(
    tmp_path: Path, models_dir: Path, shop_in: Callable[..., Any], few_distractors: dict[str, Any]
) -> Iterator[Workspace]:
    with Workspace(Settings(home=tmp_path / "state", models_dir=models_dir, **few_distractors)) as opened:
        shop_in(opened.evidence).stock(opened.records)
        yield opened


def modified(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != ".lock"}


def test_opening_touches_nothing_until_asked(tmp_path: Path) -> None:
    with Workspace(Settings(home=tmp_path / "state")):
        pass
    assert not (tmp_path / "state").exists()


def test_the_index_is_built_when_there_is_none_and_kept_when_there_is(work: Workspace) -> None:
    with pytest.raises(NotReady, match="there is no index"):
        work.stored_artifact()
    told: list[str] = []
    first = work.artifact(lambda stage, *_: told.append(stage))
    assert "index" in told
    before = modified(work.settings.index_dir)
    told.clear()
    assert work.artifact(lambda stage, *_: told.append(stage)).checkpoint == first.checkpoint
    assert told == []
    assert modified(work.settings.index_dir) == before


def test_the_index_is_rebuilt_when_the_catalog_changes(work: Workspace, shop_in: Callable[..., Any]) -> None:
    first = work.artifact().checkpoint
    work.records.save_catalog(shop_in(work.evidence).catalog(products=2))
    second = work.artifact().checkpoint
    assert second.version != first.version
    assert second.catalog_digest == work.records.catalog_digest()
    assert len(second.references) == 2


def test_a_damaged_index_is_rebuilt(work: Workspace) -> None:
    checkpoint = work.artifact().checkpoint
    path = work.settings.index_dir / checkpoint.version / "arrays" / "pdq.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(NotReady, match=r"pdq\.npy"):
        work.stored_artifact()
    assert work.artifact().checkpoint == checkpoint


def test_an_index_by_another_model_is_the_operators_decision(work: Workspace) -> None:
    artifact = work.artifact()
    other = replace(artifact.checkpoint, embedder="other@1")
    write_artifact(work.settings.index_dir, other, artifact.arrays, artifact.votes)
    before = modified(work.settings.index_dir)
    for ask in (work.artifact, work.stored_artifact, work.scorer):
        with pytest.raises(IndexMismatch) as refusal:
            ask()
        assert refusal.value.exit_code == 2
        assert "assayer index build" in refusal.value.advice
    assert modified(work.settings.index_dir) == before


def test_a_scorer_knows_what_made_it(work: Workspace) -> None:
    scorer = work.scorer()
    assert scorer.versions.embedder == work.embedder.version
    assert scorer.versions.index == work.stored_artifact().checkpoint.version
    assert scorer.versions.combiner.startswith("combiner-drawn@")
    assert scorer.versions.calibration == work.stored_calibration(work.stored_artifact()).version
    assert set(scorer.catalog.products) == {("Velmora Ltd", f"p{n}") for n in range(3)}


def test_a_service_may_hand_in_its_own_embedding_call(work: Workspace) -> None:
    asked: list[int] = []

    class Batching:
        size = work.embedder.size

        def embed(self, views: Any, /) -> Any:
            asked.append(len(views))
            return work.embedder.embed(views)

    artifact = work.artifact()
    work.calibration(artifact)
    scorer = work.scorer_for(artifact, Batching())
    listing = work.records.listing("bazaar", "a-copy")
    assert scorer.score(listing, work.evidence) == work.scorer().score(listing, work.evidence)
    assert asked


@pytest.mark.parametrize(
    "missing", ["embedder.onnx", "embedder.json", "verifier.json", "combiner.onnx", "combiner.json"]
)
def test_a_missing_model_is_not_ready(
    tmp_path: Path, models_dir: Path, shop_in: Callable[..., Any], few_distractors: dict[str, Any], missing: str
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for path in models_dir.iterdir():
        if path.name != missing:
            (models / path.name).symlink_to(path)
    with Workspace(Settings(home=tmp_path / "state", models_dir=models, **few_distractors)) as work:
        shop_in(work.evidence).stock(work.records)
        with pytest.raises(NotReady, match=missing.split(".")[0]):
            work.scorer()


def test_nothing_imported_is_an_empty_catalog(tmp_path: Path, models_dir: Path) -> None:
    with Workspace(Settings(home=tmp_path, models_dir=models_dir)) as work, pytest.raises(EmptyCatalog):
        work.scorer()


def test_tenants_have_indexes_of_their_own(tmp_path: Path, models_dir: Path, shop_in: Callable[..., Any]) -> None:
    versions = []
    for tenant, products in (("one", 1), ("two", 2)):
        with Workspace(Settings(home=tmp_path, models_dir=models_dir, tenant=tenant)) as work:
            work.records.save_catalog(shop_in(work.evidence).catalog(products=products))
            versions.append(work.artifact().checkpoint)
    with Workspace(Settings(home=tmp_path, models_dir=models_dir, tenant="one")) as work:
        assert work.artifact().checkpoint == versions[0]
    assert [len(checkpoint.references) for checkpoint in versions] == [1, 2]
