"""Ready exactly when a verdict can be given, and again without a restart."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.negative import Negative
from domain.settings import Settings
from jobs.build_index import build_index
from jobs.workspace import Workspace
from serving.scorer_in_use import ScorerInUse


class Model:
    """The embedder of a workspace, under a version that a test can change."""

    def __init__(self, work: Workspace) -> None:
        self.name = work.embedder.version
        self.size = work.embedder.size
        self.embed = work.embedder.embed

    def version(self) -> str:
        return self.name


def ready(service: Any) -> tuple[int, str]:
    answer = service.client.get("/readyz")
    return answer.status_code, answer.json().get("detail", "")


def index(service: Any) -> None:
    """With its thresholds."""
    build_index(service.work.records, service.work.evidence, service.work.embedder, service.settings)
    service.work.calibration(service.work.stored_artifact())


@pytest.fixture(autouse=True)
def _look_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.scorer_in_use._TRUSTED_S", 0.0)


def test_ready_as_soon_as_the_index_is_there_and_not_while_it_is_stale(
    empty_service: Any, make_catalog: Callable[..., Any], listing: dict[str, Any]
) -> None:
    service = empty_service
    assert ready(service) == (503, "there is no index. Build it: assayer index build.")
    refused = service.score(listing)
    assert (refused.status_code, refused.json()["code"]) == (503, "not-ready")

    service.work.records.save_catalog(make_catalog(service.work))
    index(service)
    answer = service.client.get("/readyz")
    assert answer.status_code == 200
    first = answer.json()["versions"]
    assert service.score(listing).json()["versions"] == first

    service.work.records.save_catalog(make_catalog(service.work, authorized=("s1",)))
    assert ready(service) == (503, "the index is not of the stored catalog. Build it: assayer index build.")
    assert service.score(listing).status_code == 503
    assert service.client.get("/livez").json() == {"status": "alive"}

    index(service)
    assert ready(service)[0] == 200
    verdict = service.score(listing).json()
    assert verdict["versions"]["index"] != first["index"]
    assert [guard["name"] for guard in verdict["guards"]] == ["authorized_seller"]


@pytest.mark.parametrize("name", ["verifier.json", "combiner.onnx", "combiner.json"])
def test_every_model_is_needed_and_no_path_is_told(
    tmp_path: Path, models_dir: Path, make_catalog: Callable[..., Any], empty_service: Any, name: str
) -> None:
    service = empty_service
    service.work.records.save_catalog(make_catalog(service.work))
    index(service)
    folder = tmp_path / "models"
    shutil.copytree(models_dir, folder)
    service.work.settings = service.settings.model_copy(update={"models_dir": folder})
    (folder / name).rename(tmp_path / name)
    status, detail = ready(service)
    assert status == 503
    assert name in detail
    assert str(folder) not in detail
    (tmp_path / name).rename(folder / name)
    assert ready(service)[0] == 200


def test_what_is_called_not_theirs_is_found_no_more_without_a_restart(
    empty_service: Any, make_catalog: Callable[..., Any], listing: dict[str, Any], draw: Callable[..., bytes]
) -> None:
    service = empty_service
    service.work.records.save_catalog(make_catalog(service.work))
    index(service)
    copy = draw(1, format="PNG")

    def found() -> set[str]:
        return {signal["name"] for signal in service.send(listing, ("a.png", copy)).json()["signals"]}

    assert "copied_photo" in found()
    holder = service.work.records.rights_holders()[0].name
    negative = Negative(
        rights_holder=holder, sha256=service.work.evidence.write(copy), name="a.jpg", added_at=datetime.now(UTC)
    )
    service.work.records.save_negatives([negative])
    assert "copied_photo" not in found()
    service.work.records.delete_negatives([negative.key])
    assert "copied_photo" in found()


def test_an_index_of_another_model_is_not_used(empty_service: Any, make_catalog: Callable[..., Any]) -> None:
    service = empty_service
    service.work.records.save_catalog(make_catalog(service.work))
    index(service)
    pointer = service.settings.index_dir / "current"
    checkpoint = pointer.parent / pointer.read_text() / "checkpoint.json"
    content = json.loads(checkpoint.read_text())
    model = Model(service.work)
    scorers = ScorerInUse(service.work, model)
    scorers.get()
    model.name = "another@000000000000"
    service.scorer._model = model
    answer = service.client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "index-mismatch")
    assert content["embedder"] in answer.json()["detail"]


def test_without_thresholds_it_refuses_and_takes_up_new_ones_by_itself(
    empty_service: Any, make_catalog: Callable[..., Any], listing: dict[str, Any]
) -> None:
    service = empty_service
    service.work.records.save_catalog(make_catalog(service.work))
    build_index(service.work.records, service.work.evidence, service.work.embedder, service.settings)
    status, detail = ready(service)
    assert (status, detail) == (
        503,
        "no thresholds are set for this index. Set the thresholds: assayer models calibrate.",
    )
    assert service.score(listing).status_code == 503
    first = service.work.calibrate(service.work.stored_artifact()).calibration
    assert ready(service)[0] == 200
    assert service.score(listing).json()["versions"]["calibration"] == first.version
    second = service.work.calibrate(service.work.stored_artifact(), false_match_rate=0.2).calibration
    assert second.version != first.version
    assert service.score(listing).json()["versions"]["calibration"] == second.version
    next(service.settings.index_dir.rglob("calibration.json")).unlink()
    assert ready(service)[0] == 503


def test_a_damaged_index_is_not_used(empty_service: Any, make_catalog: Callable[..., Any]) -> None:
    service = empty_service
    service.work.records.save_catalog(make_catalog(service.work))
    index(service)
    damaged = next(service.settings.index_dir.rglob("embeddings.npy"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    status, detail = ready(service)
    assert (status, "damaged" in detail) == (503, True)


def test_a_broken_database_is_no_500(empty_service: Any) -> None:
    service = empty_service
    home = service.settings.home
    assert ready(service)[0] == 503  # makes the database
    for file in home.glob("assayer.db*"):
        file.unlink()
    service.work.records.close()
    (home / "assayer.db").write_bytes(b"no database" * 1000)
    answer = service.client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable")
    assert answer.json()["detail"] == "The records cannot be reached."


def test_a_scorer_is_loaded_once_and_trusted_for_a_moment(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    original = service.work.scorer_for
    monkeypatch.setattr(service.work, "scorer_for", lambda *given: loads.append(1) or original(*given))
    scorers = ScorerInUse(service.work, Model(service.work))
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(scorers.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(map(id, found))), len(loads)) == (8, 1, 1)
    monkeypatch.setattr("serving.scorer_in_use._TRUSTED_S", 3600.0)
    monkeypatch.setattr(service.work.records, "catalog_digest", lambda: pytest.fail("looked again"))
    assert scorers.get() is found[0]


def test_settings_of_the_service_are_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAYER_MAX_BODY_BYTES", "7")
    assert Settings().max_body_bytes == 7
