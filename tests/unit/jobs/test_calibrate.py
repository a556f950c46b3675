from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from domain.catalog import Brand, Catalog
from domain.errors import BadInput, NotReady
from domain.settings import Settings
from index.calibration import LIKELY_COPY, conformal_threshold
from index.embedder import Embedder
from index.preprocessing import query_views
from index.score_normalization import ScoreNormalization
from jobs import calibrate as module
from jobs.calibrate import CalibrationReport, calibrate
from jobs.distractor_scores import Look
from jobs.distractors import drawn_distractors
from jobs.workspace import Workspace
from store.images import decode_image

Draw = Callable[..., Any]
Jpeg = Callable[..., bytes]


@pytest.fixture
def work(
    tmp_path: Path, models_dir: Path, shop_in: Callable[..., Any], few_distractors: dict[str, Any]
) -> Iterator[Workspace]:
    with Workspace(Settings(home=tmp_path / "state", models_dir=models_dir, **few_distractors)) as opened:
        shop_in(opened.evidence).stock(opened.records)
        yield opened


@pytest.fixture
def folder(tmp_path: Path, draw: Draw, jpeg: Jpeg) -> Path:
    """Nine pictures that show nothing of the catalog."""
    place = tmp_path / "photos"
    place.mkdir()
    for number in range(9):
        (place / f"{number}.jpg").write_bytes(jpeg(draw(500 + number)))
    return place


def run(work: Workspace, **chosen: Any) -> CalibrationReport:
    return calibrate(
        work.artifact(),
        chosen.pop("embedder", work.embedder),
        work.verifier,
        work.settings,
        background=chosen.pop("background", work.models_dir / "background.npz"),
        **chosen,
    )


def test_it_says_what_it_was_made_with(work: Workspace) -> None:
    told: list[tuple[str, int, int | None]] = []
    report = run(work, progress=lambda *step: told.append(step))
    made = report.calibration
    assert (made.embedder, made.verifier) == (work.embedder.version, work.verifier.version)
    assert made.index == work.stored_artifact().checkpoint.version
    assert (made.false_match_rate, made.distractors, made.background) == (0.1, 9, 0)
    assert made.thresholds.copy == LIKELY_COPY
    assert made.thresholds.mark_similarity is None
    assert (report.refused, report.resembling) == ((), ())
    assert told == [("distractors", done, 9) for done in range(1, 10)]


def test_twice_is_the_same(work: Workspace) -> None:
    assert run(work).calibration == run(work).calibration


def test_the_similarity_is_what_brute_force_over_views_and_references_gives(work: Workspace) -> None:
    references = work.artifact().arrays.embeddings
    scores = []
    for picture in drawn_distractors(work.settings):
        views = work.embedder.embed(query_views(decode_image(picture.read()), work.embedder.size))
        scores.append(max(float(view @ reference) for view in views for reference in references))
    found = run(work).calibration.thresholds.copy_similarity
    assert found == pytest.approx(conformal_threshold(scores, 0.1), abs=2e-6)
    assert found == pytest.approx(max(scores), abs=2e-6)  # of nine, at a tenth


def test_with_a_background_similarities_are_normalized(work: Workspace, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, work.embedder.dimensions())).astype(np.float16)
    np.savez(tmp_path / "background.npz", copy=rows, embedder=work.embedder.version)
    plain, normalized = run(work), run(work, background=tmp_path / "background.npz")
    assert normalized.calibration.background == 40
    unit = rows.astype(np.float32) / np.linalg.norm(rows.astype(np.float32), axis=1, keepdims=True)
    references = work.artifact().arrays.embeddings
    views = [
        work.embedder.embed(query_views(decode_image(one.read()), work.embedder.size))
        for one in drawn_distractors(work.settings)
    ]
    largest = max(ScoreNormalization(unit).largest(each, references) for each in views)
    assert normalized.calibration.thresholds.copy_similarity == pytest.approx(largest, abs=1e-4)
    assert plain.calibration.thresholds.copy_similarity != normalized.calibration.thresholds.copy_similarity


def test_a_users_pictures_count_and_what_cannot_is_named(
    work: Workspace, folder: Path, bad_pictures: dict[str, tuple[bytes, str]]
) -> None:
    for name, (content, _) in bad_pictures.items():
        (folder / name).write_bytes(content)
    (folder / "twice.jpg").write_bytes((folder / "1.jpg").read_bytes())
    own = work.artifact().references[0].sha256
    (folder / "zcatalog.jpg").write_bytes(work.evidence.read(own))
    report = run(work, distractors=folder)
    assert report.calibration.distractors == 9 + 9 + 1  # a GIF that is named .jpg is a picture for all that
    named = {str(error.file): error.reason for error in report.refused}
    assert set(named) == {"truncated.jpg", "huge.png", "page.jpg", "empty.jpg", "twice.jpg", "zcatalog.jpg"}
    assert "same picture" in named["twice.jpg"]
    assert "picture of the catalog" in named["zcatalog.jpg"]
    assert "50000000 pixels" in named["huge.png"]


def test_the_settings_folder_is_used_where_none_is_named(work: Workspace, folder: Path) -> None:
    work.settings = work.settings.model_copy(update={"distractors_dir": folder, "drawn_distractors": 0})
    assert run(work).calibration.distractors == 9
    assert not (work.settings.home / "distractors").exists()


def test_distractors_that_look_like_copies_raise_the_threshold_and_are_named(
    work: Workspace, folder: Path, draw: Draw, jpeg: Jpeg
) -> None:
    (folder / "thief.jpg").write_bytes(jpeg(np.ascontiguousarray(draw(1)[20:460, 20:350]), 75))
    report = run(work, distractors=folder)
    (alike,) = report.resembling
    assert (alike.name, alike.reference_id) == ("thief.jpg", "p1")
    assert alike.confidence > 0.9
    # of the ten in the folder one might match, but of all nineteen the rule allows the largest alone
    assert report.calibration.thresholds.copy == pytest.approx(alike.confidence + 1e-6)
    listing = work.records.listing("bazaar", "a-copy")
    work.calibrate(work.artifact())
    assert work.scorer().score(listing, work.evidence).matches.photos
    work.calibrate(work.artifact(), distractors=folder)
    matched = work.scorer().score(listing, work.evidence).matches.photos
    assert all(match.score >= report.calibration.thresholds.copy for match in matched)


def test_the_rate_holds_for_each_kind_of_picture_by_itself() -> None:
    """Many easy ones that are drawn must not outvote the few hard ones that a user brings."""
    easy = [
        Look(name=f"d{n}", drawn=True, sha256=str(n), vectors={}, confidence=0.0, reference_id="") for n in range(90)
    ]
    hard = [replace(easy[0], name=f"o{n}", drawn=False, confidence=0.6 + n / 100) for n in range(9)]
    looks = [*easy, *hard]
    confidences = [look.confidence for look in looks]
    assert conformal_threshold(confidences, 0.1) < LIKELY_COPY
    assert module._threshold(looks, confidences, 0.1) == 0.68  # 0.6 + 0.08 is a little less
    assert module._threshold(looks[:-1], confidences[:-1], 0.1) == conformal_threshold(confidences[:-1], 0.1)


def test_too_few_are_refused_before_anything_is_drawn(work: Workspace) -> None:
    with pytest.raises(BadInput, match=r"a rate of 0\.01 needs at least 99 distractors; there are 9") as refusal:
        run(work, false_match_rate=0.01)
    assert "--distractors" in refusal.value.advice
    assert not (work.settings.home / "distractors").exists()


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0])
def test_what_is_no_rate_is_refused(work: Workspace, rate: float) -> None:
    with pytest.raises(BadInput, match="no rate"):
        run(work, false_match_rate=rate)


def test_a_catalog_of_words_alone_needs_no_pictures(work: Workspace) -> None:
    for holder in work.records.rights_holders():
        work.records.save_catalog(Catalog(rights_holder=holder, products=()))
    report = run(work)
    assert report.calibration.distractors == 0
    assert report.calibration.thresholds.copy == LIKELY_COPY
    assert report.calibration.thresholds.copy_similarity is None
    assert not (work.settings.home / "distractors").exists()


def marking_embedder(folder: Path, size: int = 32) -> Embedder:
    """Both spaces, of one network: the picture at 4 x 4, for marks turned upside down in color."""
    nodes = [
        helper.make_node("AveragePool", ["pictures"], ["small"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["small"], ["copies"]),
        helper.make_node("Sub", ["one", "copies"], ["marks"]),
    ]
    graph = helper.make_graph(
        nodes,
        "image",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, size, size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 48]) for name in ("copies", "marks")],
        [helper.make_tensor("one", TensorProto.FLOAT, [], [1.1])],
    )
    path = folder / "embedder.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(path))
    manifest = {
        "name": "both",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": {"name": "pictures", "size": size, "preprocessing": "squash-v1"},
        "outputs": {"copy": {"name": "copies", "dimensions": 48}, "mark": {"name": "marks", "dimensions": 48}},
    }
    path.with_suffix(".json").write_text(json.dumps(manifest))
    return Embedder(path, threads=1)


def test_logos_get_a_threshold_where_the_embedder_has_marks(
    tmp_path: Path,
    models_dir: Path,
    shop_in: Callable[..., Any],
    few_distractors: dict[str, Any],
    draw: Draw,
    jpeg: Jpeg,
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("verifier.json", "combiner.onnx", "combiner.json"):
        (folder / name).symlink_to(models_dir / name)
    embedder = marking_embedder(folder)
    with Workspace(Settings(home=tmp_path / "state", models_dir=folder, **few_distractors)) as work:
        shop = shop_in(work.evidence)
        catalog = shop.catalog()
        logo = work.evidence.write(jpeg(draw(300, 200, 200)))
        holder = replace(catalog.rights_holder, brands=(Brand(name="Velmora", logos=(logo, "f" * 64)),))
        work.records.save_catalog(replace(catalog, rights_holder=holder))
        report = run(work)
        assert report.refused == ()
        artifact = work.stored_artifact()
        assert {one.sha256 for one in artifact.logos.references} == {logo}
        assert artifact.checkpoint.unreadable == (f"logo of Velmora: no evidence {'f' * 64}",)
        marks = artifact.logos.vectors
        views = [query_views(decode_image(one.read()), 32) for one in drawn_distractors(work.settings)]
        largest = max(float((embedder.embed(each, "mark") @ marks.T).max()) for each in views)
        assert report.calibration.thresholds.mark_similarity == pytest.approx(largest, abs=2e-6)
        assert report.calibration.thresholds.copy_similarity != report.calibration.thresholds.mark_similarity


def test_the_workspace_keeps_thresholds_and_makes_them_anew_only_when_they_do_not_fit(
    work: Workspace, shop_in: Callable[..., Any]
) -> None:
    artifact = work.artifact()
    with pytest.raises(NotReady, match="no thresholds are set"):
        work.stored_calibration(artifact)
    with pytest.raises(NotReady, match="no thresholds are set"):
        work.scorer_for(artifact, work.embedder)
    first = work.calibration(artifact)
    chosen = work.calibrate(artifact, false_match_rate=0.2).calibration
    assert chosen != first
    assert work.calibration(artifact) == work.stored_calibration(artifact) == chosen
    assert work.scorer().versions.calibration == chosen.version
    work.records.save_catalog(shop_in(work.evidence).catalog(products=2))
    assert work.scorer().versions.calibration not in (first.version, chosen.version)
    assert work.calibration(work.artifact()).false_match_rate == 0.1


def test_an_index_that_is_built_again_as_it_was_keeps_its_thresholds(work: Workspace) -> None:
    chosen = work.calibrate(work.artifact(), false_match_rate=0.2).calibration
    (work.settings.index_dir / "current").unlink()
    assert work.calibration(work.artifact()) == chosen
