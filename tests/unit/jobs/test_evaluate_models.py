"""`assayer evaluate models` on a drawn data set that is laid out like the real one."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from domain.errors import BadInput, NotReady
from domain.settings import Settings
from index.background import BACKGROUND_FILE
from index.embedder import Embedder
from index.matcher import Matcher, Part
from index.text import TextMatcher
from index.verification import Verifier
from jobs.evaluate_models import captions, copied_photo_path, copies, marks, products, run, speed, untrained
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.copied_photo_path import decision_figures, measure_copied_photo_path
from jobs.evaluate_models.copies import measure_copies, one_label_each
from jobs.evaluate_models.datasets import Photo, Query, labeled_photos, photos_by_class, read_shop
from jobs.evaluate_models.figures import Measurement
from jobs.evaluate_models.marks import LOGO_OF_MAKE, clean_pictures, compose, measure_marks, unseen_marks
from jobs.evaluate_models.methods import color_histogram, embedding, local_features, pdq, score_all
from jobs.evaluate_models.products import measure_products
from jobs.evaluate_models.run import evaluate_models, subjects
from store.images import RGB
from training.export import export_embedder
from training.network import EmbeddingNetwork, configured
from training.splits import split_of

Draw = Callable[..., RGB]
REPOSITORY = Path(__file__).resolve().parents[3]
PRODUCTS = 6
SIDE = 64


def save(path: Path, rgb: RGB, quality: int = 92) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])


def write_realshop(folder: Path, draw: Draw) -> None:
    """Five garments, two of them with a second picture, and a package; copies, a resale, and other goods."""
    feed, listings, truth = ["id\ttitle\tbrand\timage_link\tadditional_image_link"], [], []
    names = [f"SHOP-{number}" for number in range(PRODUCTS - 1)] + ["GROC-SOUR-MILK"]
    for number, name in enumerate(names):
        save(folder / "catalog" / "images" / f"{name}_main.jpg", draw(number))
        second = number < 2
        if second:
            other = (draw(0)[100:, 60:], draw(210))[number]
            save(folder / "catalog" / "images" / f"{name}_back.jpg", other)
        extra = f"images/{name}_back.jpg" if second else ""
        feed.append(f"{name}\tGood {number}\tVelmora\timages/{name}_main.jpg\t{extra}")
    (folder / "catalog" / "products.tsv").write_text("\n".join(feed) + "\n")
    holder = {"name": "Velmora Ltd", "brands": [{"name": "Velmora"}]}
    (folder / "catalog" / "rights_holders.json").write_text(json.dumps({"rights_holders": [holder]}))
    shown: list[tuple[str, str | None, RGB, list[str]]] = [
        ("copied_photo", name, np.ascontiguousarray(draw(number)[30:450, 20:340]), ["crop"])
        for number, name in enumerate(names)
    ]
    shown += [("authorised", names[0], draw(0), []), ("resale", names[1], draw(200), [])]
    shown += [("unrelated", None, draw(300 + number), []) for number in range(4)]
    for number, (kind, reference, rgb, edits) in enumerate(shown):
        listing_id = f"L{number}"
        save(folder / "listings" / "images" / f"{listing_id}.jpg", np.ascontiguousarray(rgb), 80)
        image = f"listings/images/{listing_id}.jpg"
        seller = {"id": "s", "name": "s"}
        listings.append(
            {"marketplace": "m", "listing_id": listing_id, "url": f"https://m.example/{listing_id}", "title": "goods"}
            | {"price": 9.5, "currency": "EUR", "images": [image], "seller": seller}
        )
        label = "infringing" if kind == "copied_photo" else "legitimate"
        truth.append(
            {"listing_id": listing_id, "kind": kind, "label": label, "reference_id": reference, "edits": edits}
        )
    for name, rows in (("listings.jsonl", listings), ("truth.jsonl", truth)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_marks() -> list[str]:
    names = (f"drawnbrand{number}" for number in itertools.count())
    return list(itertools.islice((name for name in names if split_of("mark", name) == "test"), 4))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, draw: Draw) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_realshop(folder / "realshop", draw)
    for split, first in (("test", 400), ("validation", 420), ("train", 440)):
        for number in range(4):
            save(folder / "clothing" / split / ("hat", "t-shirt")[number % 2] / f"{number}.jpg", draw(first + number))
    for number in range(3):
        save(folder / "grocery" / "train" / "Sour-Milk" / f"{number}.jpg", draw(PRODUCTS - 1)[10 * number :, 15:])
    for name, picture in (("acura", 500), ("acura-sport", 501), ("audi", 502)):
        save(folder / "car_logos" / "logos" / f"{name}.jpg", draw(picture, 200, 200))
    save(folder / "car_logos" / "photos" / "1.jpg", draw(500, 200, 200)[10:180, 10:180])
    (folder / "car_logos" / "photos.csv").write_text("file,brand\nphotos/1.jpg,Acura\nphotos/1.jpg,Nobody 3\n")
    (folder / "marks" / "svg").mkdir(parents=True)
    for number, name in enumerate([*test_marks(), "trained"]):
        shape = f'<circle cx="12" cy="12" r="{4 + number}"/><rect width="{3 + 2 * number}" height="6"/>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{shape}</svg>'
        (folder / "marks" / "svg" / f"{name}.svg").write_text(svg)
    return folder


test_marks.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network as it comes from the seed, exported with all its spaces and words."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        network = EmbeddingNetwork(configured(trunk="assayer_residual_small", size=SIDE))
    return export_embedder(network, tmp_path_factory.mktemp("clip"), name="drawn")


@pytest.fixture
def bench_of(
    data: Path, verifier: Verifier, tmp_path: Path, few_distractors: dict[str, Any]
) -> Callable[[Path], Bench]:
    def make(path: Path) -> Bench:
        return Bench(
            data=data,
            embedder=Embedder(path, threads=1),
            embedder_path=path,
            verifier=verifier,
            settings=Settings(home=tmp_path / "home", **few_distractors),
        )

    return make


@pytest.fixture
def bench(bench_of: Callable[[Path], Bench], models_dir: Path) -> Bench:
    """With the embedded model."""
    return bench_of(models_dir / "embedder.onnx")


def value(measurement: Measurement, method: str, figure: str) -> float:
    found = measurement.methods[method][figure].value
    assert found is not None
    return found


def known(rgb: RGB) -> Callable[[], RGB]:
    return lambda: rgb


def silent(stage: str, done: int, total: int | None) -> None:
    """Nobody listens."""


def one_score(method: Any, query: RGB, references: Sequence[RGB]) -> list[float]:
    scores = score_all([method], [known(query)], [known(rgb) for rgb in references], stage="", progress=silent)
    found: list[float] = scores[method.name][0].tolist()
    return found


@pytest.mark.parametrize("method", [pdq(), color_histogram(), local_features()], ids=lambda method: method.name)
def test_every_baseline_finds_a_lightly_edited_picture(method: Any, draw: Draw) -> None:
    references = [draw(number) for number in range(5)]
    edited = np.clip(references[3].astype(int) + 4, 0, 255).astype(np.uint8)
    scores = one_score(method, edited, references)
    assert int(np.argmax(scores)) == 3


def test_local_features_look_for_the_mirror_image_only_where_asked(draw: Draw) -> None:
    references = [draw(number) for number in range(3)]
    mirrored = np.ascontiguousarray(references[1][:, ::-1])
    assert one_score(local_features(), mirrored, references)[1] > 20
    assert one_score(local_features(flips=False), mirrored, references)[1] < 20


def test_an_embedding_compares_every_view_with_every_view(draw: Draw, models_dir: Path) -> None:
    from index.preprocessing import query_views, reference_views

    embedder = Embedder(models_dir / "embedder.onnx", threads=1)
    pictures = [draw(1), draw(2, 640, 300)]
    scores = score_all(
        [embedding("e", embedder, "copy"), embedding("whole", embedder, "copy", whole=True)],
        [known(rgb) for rgb in pictures],
        [known(rgb) for rgb in pictures],
        stage="",
        progress=silent,
    )
    for row, column in itertools.product(range(2), repeat=2):
        queries = embedder.embed(query_views(pictures[row], embedder.size))
        references = embedder.embed(reference_views(pictures[column], embedder.size))
        assert scores["e"][row, column] == pytest.approx(float((queries @ references.T).max()), abs=1e-5)
        assert scores["whole"][row, column] == pytest.approx(float(queries[0] @ references[0]), abs=1e-5)


def test_copies_are_ranked_before_everything_else(bench: Bench) -> None:
    whole, held_out, by_edit = measure_copies(bench)
    assert (whole.name, held_out.name, by_edit.name) == ("copies", "copies_held_out", "copies_by_edit")
    # six copies, one authorized, a resale and four other listings; four test photographs, three of packages
    assert whole.counts["copies"] == PRODUCTS + 1
    assert whole.counts["queries"] == PRODUCTS + 1 + 1 + 4 + 4 + 3
    assert whole.counts["catalog_pictures"] == PRODUCTS + 2
    assert value(whole, "verified", "recall_at_1") == 1.0
    for method in ("verified", "embedding", "pdq", "local_features", "color_histogram"):
        figures = whole.methods[method]
        assert {"micro_average_precision", "recall_at_precision_0.99", "recall_at_5"} <= set(figures)
        for figure in figures.values():
            assert figure.low is not None
            assert figure.high is not None
            assert figure.value is not None
            assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert 0 < held_out.counts["queries"] < whole.counts["queries"]
    assert set(by_edit.methods["verified"]) <= {"crop"}
    assert {left.method for left in bench.left_out} >= {"embedding_normalized"}


def test_scores_are_normalized_where_a_background_came_with_the_model(
    bench_of: Callable[[Path], Bench], models_dir: Path, tmp_path: Path, draw: Draw
) -> None:
    from index.preprocessing import network_input

    for name in ("embedder.onnx", "embedder.json"):
        (tmp_path / name).write_bytes((models_dir / name).read_bytes())
    embedder = Embedder(tmp_path / "embedder.onnx", threads=1)
    vectors = embedder.embed(np.stack([network_input(draw(700 + number), embedder.size) for number in range(4)]))
    np.savez(tmp_path / BACKGROUND_FILE, copy=vectors.astype(np.float16), embedder=embedder.version)
    bench = bench_of(tmp_path / "embedder.onnx")
    measured = measure_copies(bench)[0]
    assert "embedding_normalized" in measured.methods
    assert "embedding_normalized" not in {left.method for left in bench.left_out}


def test_products_with_the_very_same_photograph_are_one_answer(draw: Draw) -> None:
    _, content = cv2.imencode(".jpg", draw(1), [cv2.IMWRITE_JPEG_QUALITY, 97])
    again = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
    darker = np.asarray(draw(1) * 0.9, np.uint8)
    shown = {"b": draw(1), "a": again, "c": draw(2), "d": darker}
    labels = one_label_each([Photo(label=name, read=known(rgb)) for name, rgb in shown.items()])
    assert labels == {"a": "a", "b": "a", "c": "c", "d": "d"}


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from([None, "a", "b"])), min_size=1))
def test_decisions_are_counted_one_by_one(told: list[tuple[str | None, str | None]]) -> None:
    queries = [Query(read=known(np.zeros((2, 2, 3), np.uint8)), product=product) for product, _ in told]
    figures = decision_figures(queries, [name for _, name in told], {"a": "a", "b": "b"})
    right = sum(1 for product, name in told if product and name == product)
    counted = {name: (figure.hits, figure.total) for name, figure in figures.items()}
    assert counted == {
        "recall": (right, sum(1 for product, _ in told if product)),
        "precision": (right, sum(1 for _, name in told if name)),
        "copies_found": (sum(1 for p, n in told if p and n), sum(1 for p, _ in told if p)),
        "false_alarms": (sum(1 for p, n in told if n and not p), sum(1 for p, _ in told if not p)),
    }


def test_the_copied_photo_path_is_measured_whole_and_in_parts(bench: Bench) -> None:
    (measured,) = measure_copied_photo_path(bench)
    assert list(measured.methods) == [*copied_photo_path.PARTS, "without_geometry", "without_geometry_at_0.99"]
    assert value(measured, "whole", "recall") == 1.0
    assert value(measured, "whole", "precision") == 1.0
    assert measured.counts["listings"] == sum(query.held_out for query in bench.shop.queries)


def test_without_any_finder_nothing_is_found_and_with_any_one_a_copy_is(bench: Bench, draw: Draw) -> None:
    cropped = np.ascontiguousarray(draw(0)[20:460, 10:350])
    finders: tuple[Part, ...] = ("embedding", "hash", "votes")
    for left in (None, *finders):
        without = frozenset(finder for finder in finders if finder != left)
        matcher = Matcher(bench.artifact, bench.embedder, bench.verifier, TextMatcher([]), without=without)
        found = copies._matched(matcher, cropped)
        if left is None:
            assert found == {}
        elif left != "hash":  # a crop is out of PDQ's reach
            assert list(found) == ["SHOP-0"]
    alone = Matcher(bench.artifact, bench.embedder, bench.verifier, TextMatcher([]), without=frozenset(finders[::2]))
    assert list(copies._matched(alone, draw(0))) == ["SHOP-0"]


def test_marks_are_drawn_from_the_test_split_alone(data: Path) -> None:
    names, masks = unseen_marks(data / "marks" / "svg", 500)
    assert sorted(names) == sorted(test_marks())
    assert masks.shape == (4, 96, 96)
    assert unseen_marks(data / "marks" / "svg", 2)[0] == names[:2]
    with pytest.raises(BadInput, match="no marks"):
        unseen_marks(data / "clothing", 2)


def test_composed_marks_are_the_same_each_time_and_named_in_order(data: Path, draw: Draw) -> None:
    names, masks = unseen_marks(data / "marks" / "svg", 4)
    grounds = [draw(number) for number in range(3)]
    (first, wanted), (again, _) = (compose(masks, names, grounds, draws=3) for _ in range(2))
    assert wanted == names * 3
    assert len(first) == 12
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert first[0].shape == (marks.COMPOSED_SIDE, marks.COMPOSED_SIDE, 3)


def test_a_clean_mark_is_black_on_white_and_its_negative() -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[20:70, 30:60] = 255
    black, white = clean_pictures(mask, side=96)
    assert black[0, 0].tolist() == [255, 255, 255]
    assert black[44, 44].tolist() == [0, 0, 0]
    assert np.array_equal(black, 255 - white)


def test_marks_are_measured_in_the_mark_space_and_unmapped_makes_are_named(
    bench_of: Callable[[Path], Bench], clip: Path
) -> None:
    bench = bench_of(clip)
    composed, cars = measure_marks(bench)
    assert (composed.counts["queries"], composed.counts["gallery"]) == (16, 4)
    assert (cars.counts["queries"], cars.counts["gallery"]) == (1, 3)
    assert any("Nobody 3" in note for note in cars.notes)
    assert value(cars, "local_features", "recall_at_1") == 1.0
    assert list(cars.methods)[:2] == ["embedding", "embedding_whole_picture"]
    assert set(cars.methods) == {
        "embedding",
        "embedding_whole_picture",
        "pdq",
        "local_features",
        "untrained",
        "color_histogram",
    }
    assert not any("instead" in note for note in cars.notes)


def test_every_make_of_the_real_photographs_has_its_logo(realshop: Path) -> None:
    folder = realshop.parent / "car_logos"
    logos = {path.stem for path in (folder / "logos").iterdir()}
    assert {photo.label for photo in labeled_photos(folder / "photos.csv")} == set(LOGO_OF_MAKE)
    assert set(LOGO_OF_MAKE.values()) <= logos


def test_a_product_is_looked_for_in_its_other_pictures(bench_of: Callable[[Path], Bench], clip: Path) -> None:
    packages, garments = measure_products(bench_of(clip))
    assert (packages.counts["queries"], packages.counts["products"], packages.counts["packages"]) == (3, PRODUCTS, 1)
    assert value(packages, "local_features", "recall_at_1") == 1.0
    assert value(packages, "chance", "recall_at_5") == pytest.approx(5 / PRODUCTS)
    assert list(packages.methods)[:3] == ["embedding_mean", "embedding_copy", "embedding_caption"]
    assert garments.counts["catalog_pictures"] == 4
    assert garments.counts["unpublished_pictures"] == 1
    # of both pictures of the first garment, either shows a part of the other; nothing else shows anything again
    assert value(garments, "local_features", "recall_at_1") == 0.4
    # were a picture its own candidate, its colors alone would lead there
    assert value(garments, "color_histogram", "recall_at_1") < 0.8


def test_words_find_their_pictures(
    bench_of: Callable[[Path], Bench], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captions, "SCENES", 6)
    scenes, photographs = captions.measure_captions(bench_of(clip))
    assert scenes.counts == {"captions": 6, "pictures": 6}
    assert value(scenes, "chance", "recall_at_5") == pytest.approx(5 / 6)
    assert photographs.counts == {"classes": 3, "pictures": 7}
    assert scenes.methods["embedding"]["recall_at_5"].total == 6


def test_a_model_without_words_is_not_asked_for_them(
    bench_of: Callable[[Path], Bench], models_dir: Path, tmp_path: Path
) -> None:
    told = json.loads((models_dir / "embedder.json").read_text(encoding="utf-8"))
    (tmp_path / "embedder.json").write_text(json.dumps(told | {"text": None}), encoding="utf-8")
    bench = bench_of(Path(shutil.copy(models_dir / "embedder.onnx", tmp_path)))
    assert captions.measure_captions(bench) == []
    assert {left.measurement for left in bench.left_out} == {"captions_scenes", "captions_photographs"}


@given(st.lists(st.sampled_from("abc"), min_size=3, max_size=9), st.integers(1, 3))
def test_chance_is_the_mean_over_every_draw(labels: list[str], k: int) -> None:
    photos = [Photo(label=label, read=known(np.zeros((1, 1, 3), np.uint8))) for label in labels]
    classes = sorted(set(labels))
    draws = list(itertools.combinations(labels, k))
    recall = np.mean([[name in drawn for drawn in draws] for name in classes])
    precision = np.mean([[drawn.count(name) / k for drawn in draws] for name in classes])
    chance = captions.class_chance(photos, classes, k)
    assert chance[f"recall_at_{k}"].value == pytest.approx(recall)
    assert chance[f"precision_at_{k}"].value == pytest.approx(precision)


def test_classes_are_judged_by_the_nearest_pictures() -> None:
    photos = [Photo(label=label, read=known(np.zeros((1, 1, 3), np.uint8))) for label in "aabb"]
    similarity = np.array([[0.9, 0.1, 0.8, 0.0], [0.9, 0.8, 0.1, 0.2]], np.float32)
    figures = captions.class_figures(similarity, photos, ["a", "b"], 2)
    assert figures["recall_at_2"].value == 0.5
    assert figures["precision_at_2"].value == 0.25


def test_speed_and_size(bench_of: Callable[[Path], Bench], clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "ROUNDS", 3)
    fast, size = speed.measure_speed(bench_of(clip))
    for method in ("onnx", "eager_pytorch"):
        for batch in (1, 32):
            figure = fast.methods[method][f"images_per_second_batch_{batch}"]
            assert figure.low is not None
            assert figure.value is not None
            assert figure.high is not None
            assert 0 < figure.low <= figure.value <= figure.high
    assert value(size, "together", "bytes") == sum(
        (clip.parent / name).stat().st_size for name in ("embedder.onnx", "text.onnx")
    )


def test_the_rate_is_that_of_the_median_round() -> None:
    figure = speed.rate(np.array([0.1, 0.2, 0.2, 0.2, 9.0]), 32)
    assert figure.value == pytest.approx(160)
    assert figure.low is not None
    assert figure.low < 160


def test_an_untrained_tower_is_the_same_each_time_and_has_every_space(clip: Path, draw: Draw) -> None:
    manifest = Embedder(clip).manifest
    images = np.random.default_rng(0).random((3, 3, SIDE, SIDE), np.float32)
    state = torch.random.get_rng_state()
    first, again = (untrained.UntrainedTower(manifest, [draw(number) for number in range(4)]) for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state()), "nobody else's random numbers are touched"
    for space in ("copy", "mark", "caption"):
        vectors = first.embed(images, space)
        assert np.array_equal(vectors, again.embed(images, space))
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    trained = Embedder(clip, threads=1).embed(images)
    assert np.abs(first.embed(images) - trained).max() > 0.01


@pytest.mark.parametrize("architecture", [None, {}, {"network": "EmbeddingNetwork"}, "residual"])
def test_an_architecture_that_is_not_known_is_left_out_with_the_reason(clip: Path, architecture: object) -> None:
    manifest = Embedder(clip).manifest
    told = manifest.model_copy(update={"architecture": architecture})
    with pytest.raises(NotReady, match=r"architecture|made of"):
        untrained.fresh_network(told)


def test_without_torch_what_needs_it_is_left_out_and_the_rest_measured(
    bench_of: Callable[[Path], Bench], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (untrained, marks):
        monkeypatch.setattr(module, "find_spec", lambda _name: None)
    monkeypatch.setattr(speed, "ROUNDS", 2)
    bench = bench_of(clip)
    assert [one.name for one in measure_marks(bench)] == ["marks_car_logos"]
    assert list(speed.measure_speed(bench)[0].methods) == ["onnx"]
    assert {(left.measurement, left.method) for left in bench.left_out} == {
        ("marks_composed", None),
        ("marks_car_logos", "untrained"),
        ("speed", "eager_pytorch"),
    }
    assert all("assayer[train]" in left.reason or "torch" in left.reason for left in bench.left_out)


def test_subjects_are_read_in_the_order_of_a_run() -> None:
    assert subjects("speed, copies") == ("copies", "speed")
    for wrong in ("copies,color", "", ","):
        with pytest.raises(BadInput, match="not measured"):
            subjects(wrong)


def test_a_folder_without_pictures_is_bad_input(tmp_path: Path, models_dir: Path, verifier: Verifier) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        evaluate_models(tmp_path / "nowhere", models_dir / "embedder.onnx", verifier, Settings(home=tmp_path))
    with pytest.raises(BadInput, match="no folder realshop"):
        read_shop(tmp_path, Settings(home=tmp_path))
    with pytest.raises(BadInput, match="no pictures in clothing"):
        photos_by_class(tmp_path, "clothing/test")
    with pytest.raises(BadInput, match="not a table"):
        labeled_photos(tmp_path / "photos.csv")


def test_the_command_prints_and_writes_one_json(
    data: Path, clip: Path, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAYER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASSAYER_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("ASSAYER_TEST_DATA", str(data))
    monkeypatch.setattr(speed, "ROUNDS", 2)
    out = tmp_path / "reports" / "models.json"
    asked = ["evaluate", "models", "--only", "products,speed", "--model", str(clip.parent), "--out", str(out)]
    shown = CliRunner().invoke(app, [*asked, "--json"])
    assert shown.exit_code == 0, shown.output
    report = json.loads(shown.stdout)
    assert report == json.loads(out.read_text())
    assert list(report) == ["format", "models", "measurements", "left_out", "seconds"]
    assert list(report["measurements"]) == ["products_packages", "products_another_view", "speed", "size"]
    figure = report["measurements"]["products_packages"]["methods"]["pdq"]["recall_at_1"]
    assert set(figure) == {"value", "low", "high", "hits", "total"}
    assert set(report["seconds"]) == {"products", "speed"}
    table = CliRunner().invoke(app, ["evaluate", "models", "--only", "speed", "--model", str(clip.parent)])
    assert table.exit_code == 0
    assert "eager_pytorch" in table.stdout
    assert "images per second batch 32" in table.stdout


def test_evaluate_alone_still_wants_the_truth(tmp_path: Path) -> None:
    alone = CliRunner().invoke(app, ["evaluate"])
    assert alone.exit_code == 2
    assert "--truth" in alone.output
    with pytest.raises(BadInput, match=r"truth\.jsonl|cannot be read"):
        CliRunner().invoke(app, ["evaluate", "--truth", str(tmp_path / "none")], catch_exceptions=False)


def test_every_subject_has_its_measurements() -> None:
    assert set(run._MEASURES) == set(run.SUBJECTS)
    assert products.RANKS == (1, 5)
