"""What `assayer evaluate models` measures of logos: who may measure, how it is counted, and a whole run on drawings."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.match import Alteration
from domain.settings import Settings
from index.embedder import Embedder
from index.logo_detector import LogoDetector
from index.logo_index import LogoPicture
from index.mark_text import TextReader
from index.verification import Verifier
from jobs import logo_pictures, package_photos
from jobs.evaluate_models import altered_logos, logo_boxes, logo_catalog, logo_cost, logo_naming, logo_sets
from jobs.evaluate_models.altered_logos import COPIED, UNALTERED, Told, altered_figures, measure_altered_logos, print_on
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.datasets import photos_by_class
from jobs.evaluate_models.figures import Measurement
from jobs.evaluate_models.logo_baselines import opaque, template_matching
from jobs.evaluate_models.logo_boxes import judge, measure_logo_boxes, recall_at, surrounded
from jobs.evaluate_models.logo_catalog import measure_logo_catalog, other_logos
from jobs.evaluate_models.logo_cost import measure_logo_cost, ratio
from jobs.evaluate_models.logo_eyes import (
    Answer,
    RememberingDetector,
    RememberingEmbedder,
    RememberingReader,
    logo_versions,
    open_logo_eyes,
)
from jobs.evaluate_models.logo_naming import measure_logo_naming, naming_figures, rejection_figures, threshold_at
from jobs.evaluate_models.marks import LOGO_OF_MAKE
from jobs.logo_pictures import LogoScene, badge_set, badges_by_make, brand_name, role_of
from jobs.package_photos import package_set
from store.images import RGB
from training.detector_validation import recall_at as recall_in_training
from training.splits import split_of

Draw = Callable[..., RGB]
MAKES = {"Kia 1": 1, "Seat": 2, "Toyota": 3, "Volvo 1": 4, "Honda 1": 5}
"""Those that measure, and one that weighs the eyes; each with the seed of its drawn badge."""
PHOTOGRAPHS = 7
PACKAGES = {"Velmora": 60, "Brask": 61}
LABELED = 2


def save(path: Path, rgb: RGB, quality: int = 92) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])


def badge(draw: Draw, make: str, number: int) -> RGB:
    """A drawn badge, seen a little otherwise each time."""
    shift = 3 * number
    part = draw(MAKES[make], 160, 130)[shift : 110 + shift, shift : 140 + shift]
    return np.asarray(np.clip(part * (0.85 + 0.04 * number), 0, 255), np.uint8)


def write_cars(folder: Path, draw: Draw) -> None:
    rows = ["file,brand"]
    for make in MAKES:
        for number in range(PHOTOGRAPHS):
            name = f"photos/{brand_name(make)}-{number}.jpg"
            save(folder / name, badge(draw, make, number))
            rows.append(f"{name},{make}")
        save(folder / "logos" / f"{LOGO_OF_MAKE[make]}.jpg", draw(MAKES[make], 160, 130))
    save(folder / "logos" / "audi.jpg", draw(9, 160, 130))
    (folder / "photos.csv").write_text("\n".join(rows) + "\n")


def write_packages(folder: Path, draw: Draw, labels: Path) -> None:
    """Photographs on which a brand's drawn mark stands in the middle; the first ones are labeled."""
    lines = []
    for brand, seed in PACKAGES.items():
        lines.append(f"[{brand}]")
        for number in range(LABELED + 2):
            photo = draw(800 + 10 * seed + number, 240, 240)
            photo[60:160, 70 : 70 + 120] = draw(seed, 120, 100)
            name = f"{brand}-Sour-Milk_{number:03}.jpg"
            save(folder / "train" / f"{brand}-Sour-Milk" / name, photo)
            if number < LABELED:
                lines.append(f'"{name}" = [70, 60, 190, 160]')
    for number in range(3):
        save(folder / "val" / "Velmora-Sour-Milk" / f"{number}.jpg", draw(970 + number, 240, 240))
    labels.write_text("\n".join(lines) + "\n")


def write_shop(folder: Path, draw: Draw) -> None:
    save(folder / "catalog" / "images" / "main.jpg", draw(700))
    feed = "id\ttitle\tbrand\timage_link\nV-1\tSour milk\tVelmora\timages/main.jpg\n"
    (folder / "catalog" / "products.tsv").write_text(feed)
    holders = {"rights_holders": [{"name": "Velmora Ltd", "brands": [{"name": "Velmora"}]}]}
    (folder / "catalog" / "rights_holders.json").write_text(json.dumps(holders))
    listings, truth = [], []
    for number in range(3):
        save(folder / "listings" / "images" / f"{number}.jpg", draw(710 + number))
        listings.append(
            {"marketplace": "m", "listing_id": f"L{number}", "url": f"https://m.example/{number}", "title": "goods"}
            | {"images": [f"listings/images/{number}.jpg"], "seller": {"id": "s", "name": "s"}}
            | {"price": 9.5, "currency": "EUR"}
        )
        kind: dict[str, Any] = {"kind": "unrelated", "label": "legitimate", "reference_id": None, "edits": []}
        truth.append({"listing_id": f"L{number}", **kind})
    for name, rows in (("listings.jsonl", listings), ("truth.jsonl", truth)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_marks(folder: Path) -> None:
    """Eight marks of the test split and two that trained, of shapes that can be told apart."""
    names = {
        split: [f"drawnbrand{n}" for n in range(200) if split_of("mark", f"drawnbrand{n}") == split]
        for split in ("test", "train")
    }
    folder.mkdir(parents=True)
    for number, name in enumerate([*names["test"][:6], *names["train"][:2]]):
        shape = f'<circle cx="{6 + number}" cy="14" r="{3 + number % 4}"/><rect width="{4 + 2 * number}" height="6"/>'
        (folder / f"{name}.svg").write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{shape}</svg>'
        )
    for name in ("ordlignen", "velkomst", "halmstad", "tordenvejr", "sommerfugl", "regnbue", "vindmolle"):
        if split_of("mark", name) == "test":
            (folder / f"{name}.svg").write_text(
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect y="3" width="19" height="7"/></svg>'
            )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, draw: Draw) -> Path:
    folder = tmp_path_factory.mktemp("logo-data")
    write_cars(folder / "car_logos", draw)
    write_packages(folder / "grocery", draw, folder / "labels.toml")
    write_shop(folder / "realshop", draw)
    write_marks(folder / "marks" / "svg")
    for split, first in (("test", 400), ("validation", 420), ("train", 440)):
        for number in range(3):
            save(folder / "clothing" / split / "hat" / f"{number}.jpg", draw(first + number, 200, 240))
    return folder


@pytest.fixture
def bench(data: Path, verifier: Verifier, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """With the models that come along, and hardly anything to look at."""
    monkeypatch.setattr(package_photos, "_LABELS", data / "labels.toml")
    for name, few in (
        ("BADGES_A_MAKE", 1),
        ("PHOTOGRAPHS_A_MAKE", 1),
        ("PHOTOGRAPHS_A_PACKAGE", 1),
        ("WITHOUT_A_KIND", 1),
        ("COMPOSED", 2),
        ("COMPOSED_UNKNOWN", 1),
        ("COMPOSED_SIDE", 256),
    ):
        monkeypatch.setattr(logo_sets, name, few)
    path = models_dir / "embedder.onnx"
    return Bench(
        data=data,
        embedder=Embedder(path, threads=1),
        embedder_path=path,
        verifier=verifier,
        settings=Settings(home=tmp_path / "home"),
    )


def value(measurement: Measurement, method: str, figure: str) -> float:
    found = measurement.methods[method][figure].value
    assert found is not None
    return found


def by_name(measured: list[Measurement]) -> dict[str, Measurement]:
    return {one.name: one for one in measured}


def test_a_make_weighs_the_eyes_or_measures_them_never_both() -> None:
    roles = {make: role_of(make) for make in LOGO_OF_MAKE}
    assert set(roles.values()) == {"learn", "test"}
    assert [role_of(make) for make in MAKES] == ["test", "test", "test", "test", "learn"]
    # by its name alone: neither its place in a list nor the data set's spelling matters
    assert role_of("alfa-romeo") == role_of("Alfa Romeo")


def test_only_makes_that_measure_stand_in_what_is_measured(bench: Bench) -> None:
    own = {brand_name(make) for make in MAKES if role_of(make) == "test"}
    assert set(badges_by_make(bench.data, "test")) | set(badges_by_make(bench.data, "learn")) == set(MAKES)
    assert not set(badges_by_make(bench.data, "test")) & set(badges_by_make(bench.data, "learn"))
    badges = logo_sets.badges(bench.data)
    assert {logo.brand for logo in badges.logos} | {scene.brand for scene in badges.scenes} - {None} <= own
    learned = badge_set(bench.data, "learn", a_make=1, without=3)
    assert not own & {scene.brand for scene in learned.scenes}
    cars = logo_sets.car_logos(bench.data)
    assert {scene.brand for scene in cars.scenes} - {None} == {"kia", "seat", "toyota", "volvo"}
    assert {logo.brand for logo in cars.logos} == {"kia", "seat", "toyota", "volvo", "honda", "audi"}


def test_a_photograph_is_a_reference_or_is_looked_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_for: list[RGB] = []
    compose = logo_pictures.set_into

    def noted(ground: RGB, mark: RGB, *rest: Any, **more: Any) -> LogoScene:
        looked_for.append(mark)
        return compose(ground, mark, *rest, **more)

    monkeypatch.setattr(logo_pictures, "set_into", noted)
    badges = badge_set(bench.data, "test", a_make=9, without=30)
    assert len(looked_for) == len([scene for scene in badges.scenes if scene.box])
    for logo in badges.logos:
        assert not any(np.array_equal(logo.rgba, mark) for mark in looked_for)
    with_one = logo_sets.one_reference_each(badges)
    assert len(with_one.logos) == len({logo.brand for logo in badges.logos})
    assert with_one.scenes == badges.scenes


def test_a_package_whose_mark_was_cut_out_is_not_looked_for(bench: Bench) -> None:
    packages = package_set(bench.data, a_brand=9, without=1)
    labeled = [
        photo.read()
        for photo in photos_by_class(bench.data, "grocery/train")
        if int(getattr(photo.read, "args", [Path("_0.jpg")])[0].stem.rpartition("_")[2]) < LABELED
    ]
    assert len(labeled) == LABELED * len(PACKAGES)
    shown = [scene.picture for scene in packages.scenes if scene.brand]
    assert len(shown) == 2 * len(PACKAGES) + 3
    assert not any(np.array_equal(one, other) for one in labeled for other in shown)


def test_the_labels_of_packages_are_of_photographs_that_are_there(realshop: Path) -> None:
    packages = package_set(realshop.parent, a_brand=2, without=1)
    assert len(packages.logos) == 5 * len({logo.brand for logo in packages.logos})
    assert all(min(logo.rgba.shape[:2]) >= 20 for logo in packages.logos)


def test_composed_scenes_show_marks_of_the_test_split_with_their_names(bench: Bench) -> None:
    composed = logo_sets.composed_marks(bench.data)
    catalog = {logo.brand for logo in composed.logos}
    assert all(split_of("mark", name) == "test" for name in catalog)
    assert {scene.brand for scene in composed.scenes} <= catalog | {None}
    assert [scene.kind for scene in composed.scenes if scene.brand is None] == [logo_sets.UNKNOWN]


SCORED_BOXES = st.lists(
    st.tuples(*[st.integers(0, 12)] * 2, st.integers(1, 8), st.integers(1, 8), st.integers(1, 1000)), max_size=6
)


def boxes_of(drawn: list[tuple[int, int, int, int, int]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    ordered = sorted(drawn, key=lambda one: -one[4])
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in ordered], np.float32).reshape(-1, 4)
    return boxes, np.array([score / 1000 for *_, score in ordered], np.float32)


@given(st.lists(st.tuples(SCORED_BOXES, SCORED_BOXES), min_size=1, max_size=4), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_recall_of_boxes_is_counted_as_training_counts_it(drawn: list[Any], rate: float) -> None:
    found = [boxes_of(boxes) for boxes, _ in drawn]
    for number, (_, scores) in enumerate(found):  # no two alike: training takes in half of a tie
        scores -= np.float32(1e-5) * (number + len(found) * np.arange(len(scores), dtype=np.float32))
    truths = [boxes_of(truth)[0] for _, truth in drawn]
    weights = np.ones(len(drawn))
    judged = judge(found, truths)
    if not any(len(truth) for truth in truths):
        with pytest.raises(ValueError, match="no mark"):
            recall_at(judged, rate, weights)
        return
    assert recall_at(judged, rate, weights) == pytest.approx(recall_in_training(found, truths, false_boxes=rate))
    # a picture that is drawn twice counts as two pictures alike
    doubled = judge(found + found, truths + truths)
    assert recall_at(judged, rate, 2 * weights) == pytest.approx(recall_at(doubled, rate, np.ones(2 * len(drawn))))


def test_a_second_box_on_a_mark_is_a_false_one() -> None:
    box = np.array([[0, 0, 10, 10]], np.float32)
    twice = np.array([[0, 0, 10, 10], [0, 1, 10, 10]], np.float32)
    judged = judge([(twice, np.array([0.9, 0.8], np.float32))], [box])
    assert judged.right.tolist() == [True, False]
    alike = judge([(twice, np.array([0.9, 0.9], np.float32))], [box])
    assert recall_at(judged, 0.5, np.ones(1)) == 1.0
    assert recall_at(alike, 0.5, np.ones(1)) == 0.0


def test_a_badge_photograph_keeps_its_pixels_within_its_box(draw: Draw) -> None:
    photo = draw(3, 120, 80)
    wide = surrounded(photo)
    left, top, right, bottom = wide.boxes[0].astype(int)
    assert np.array_equal(wide.picture[top:bottom, left:right], photo)
    assert wide.picture.shape[0] > 80
    assert min(left, top) > 0


@pytest.mark.parametrize("method", [logo_boxes.grid_boxes, logo_boxes.mser_boxes])
def test_boxes_without_learning_find_a_plain_mark(method: Callable[[RGB], Any]) -> None:
    picture = np.full((200, 260, 3), 200, np.uint8)
    cv2.putText(picture, "MARK", (70, 120), cv2.FONT_HERSHEY_DUPLEX, 1.2, (10, 10, 10), 3)
    boxes, scores = method(picture)
    assert (np.diff(scores) <= 0).all()
    assert max(logo_boxes.overlaps(box, np.array([[70, 92, 180, 122]], np.float32))[0] for box in boxes[:12]) > 0.3
    flat = method(np.full((60, 60, 3), 128, np.uint8))
    assert len(flat[0]) == len(flat[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=80), st.sampled_from([0.0, 0.01, 0.02, 0.05, 0.5, 1.0]))
def test_over_the_threshold_there_are_no_more_than_allowed(scores: list[float], rate: float) -> None:
    least = threshold_at(scores, rate)
    allowed = math.floor(rate * len(scores) + 1e-9)
    assert sum(score > least for score in scores) <= allowed
    # a lower one would let more through, unless all may pass
    lower = max((score for score in scores if score < least), default=None)
    if lower is not None:
        assert sum(score > lower for score in scores) > allowed


def scene(brand: str | None, kind: str = "") -> LogoScene:
    return LogoScene(picture=np.zeros((2, 2, 3), np.uint8), brand=brand, kind=kind)


def test_naming_and_rejection_are_counted_one_by_one() -> None:
    scenes = [scene("a"), scene("a"), scene("b"), scene(None, "clothing"), scene(None, "another make")]
    answers = [
        Answer(brand="a", score=0.9, named=("a",)),
        Answer(brand="b", score=0.8, named=("b", "a")),
        Answer(brand="b", score=0.3),
        Answer(brand="a", score=0.4),
        Answer(brand="b", score=0.85, named=("b",)),
    ]
    named = naming_figures(scenes[:3], answers[:3], served=True)
    counted = {name: (figure.hits, figure.total) for name, figure in named.items()}
    assert counted == {"top_1": (2, 3), "named_right": (2, 3), "named_wrong": (1, 3)}
    assert set(naming_figures(scenes[:3], answers[:3], served=False)) == {"top_1"}
    rejected = rejection_figures(scenes, answers, served=True)
    counted = {name: (figure.hits, figure.total) for name, figure in rejected.items()}
    assert counted == {
        "false_naming": (1, 2),
        "false_naming_another_make": (1, 1),
        "false_naming_clothing": (0, 1),
        "recall": (2, 3),
        # none of two may be named, so right answers count over 0.85
        "recall_at_0.01": (1, 3),
        "recall_at_0.02": (1, 3),
        "recall_at_0.05": (1, 3),
    }


def test_a_template_is_found_at_any_place_and_size_whatever_its_polarity(draw: Draw) -> None:
    logos = [np.full((200, 240, 3), 255, np.uint8) for _ in range(3)]
    for seed, logo in enumerate(logos):
        logo[35:165, 40:200] = draw(seed, 160, 130)
    method = template_matching()
    picture = np.full((200, 300, 3), 120, np.uint8)
    picture[60:143, 150:252] = cv2.resize(draw(1, 160, 130), (102, 83), interpolation=cv2.INTER_AREA)
    shown = [*logos, np.asarray(255 - logos[1], np.uint8)]
    scores = method.compare([method.of_query(picture)], [method.of_reference(rgb) for rgb in shown])
    assert scores.shape == (1, 4)
    assert int(scores[0].argmax()) == 1
    assert scores[0, 3] == pytest.approx(scores[0, 1], rel=0.02)
    assert scores[0, 1] > 1.3 * scores[0, [0, 2]].max()
    flat = method.of_reference(np.full((50, 50, 3), 255, np.uint8))
    assert method.compare([method.of_query(picture)], [flat]).tolist() == [[-1.0]]


def test_ink_on_transparent_ground_is_compared_on_white_and_as_negative() -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[1, 1, 3] = 255
    white, negative = opaque(LogoPicture(rights_holder="", brand="", sha256="", rgba=rgba))
    assert white[1, 1].tolist() == [0, 0, 0]
    assert white[0, 0].tolist() == [255, 255, 255]
    assert np.array_equal(negative, 255 - white)
    rgb = np.zeros((4, 4, 3), np.uint8)
    assert len(opaque(LogoPicture(rights_holder="", brand="", sha256="", rgba=rgb))) == 1


def test_what_is_remembered_is_what_was_seen(draw: Draw, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Embedder(models_dir / "embedder.onnx", threads=1)
    views = np.random.default_rng(0).random((3, 3, embedder.size, embedder.size), np.float32)
    remembering = RememberingEmbedder(embedder)
    wanted = embedder.embed(views, "mark")
    assert remembering.embed(views, "mark") == pytest.approx(wanted, abs=1e-5)
    assert remembering.embed(views[::-1], "copy") == pytest.approx(embedder.embed(views[::-1], "copy"), abs=1e-5)
    picture, other = draw(1, 200, 160), draw(2, 200, 160)
    cv2.putText(picture, "WORDS", (20, 90), cv2.FONT_HERSHEY_DUPLEX, 1.6, (0, 0, 0), 4)
    reader, detector = RememberingReader(threads=1), RememberingDetector(models_dir / "detector.json", threads=1)
    plain = LogoDetector(models_dir / "detector.json", threads=1).detect([picture, other])
    first, read = detector.detect([picture, other]), reader.read(picture)
    assert any("WORDS" in line.text for line in read)
    for kind, looking in ((Embedder, "embed"), (TextReader, "read"), (LogoDetector, "_detect")):
        monkeypatch.setattr(kind, looking, lambda *_: pytest.fail("looked again"))
    assert remembering.embed(views[1:2], "mark")[0] == pytest.approx(wanted[1], abs=1e-5)
    assert reader.read(picture) is read
    again = detector.detect([other, picture])
    for one, same, unremembered in zip(again[::-1], first, plain, strict=True):
        assert np.array_equal(one.boxes, same.boxes)
        assert unremembered.boxes == pytest.approx(same.boxes, abs=0.01)


def test_boxes_are_measured_on_all_three_kinds_of_pictures(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, few in (("COMPOSED_SCENES", 3), ("COMPOSED_SIDE", 128), ("BADGES_A_MAKE", 1), ("PHOTOGRAPHS_A_MAKE", 1)):
        monkeypatch.setattr(logo_boxes, name, few)
    measured = by_name(measure_logo_boxes(bench))
    assert list(measured) == ["logo_boxes_composed", "logo_boxes_badges", "logo_boxes_car_logos"]
    assert measured["logo_boxes_car_logos"].counts == {"pictures": 4, "marks": 4}
    for one in measured.values():
        assert list(one.methods) == ["detector", "coarse_grid", "mser"]
        assert set(one.methods["mser"]) == {"recall_at_1_false", "recall_at_0.1_false"}


def test_logos_are_named_and_rejected_beside_baselines(bench: Bench) -> None:
    measured = by_name(measure_logo_naming(bench))
    naming = ["car_logos", "badges_clean", "badges_one", "badges_five", "packages_one", "packages_five", "composed"]
    rejection = ["car_logos", "badges_five", "packages_five", "composed"]
    assert list(measured) == [
        *(f"logo_naming_{name}" for name in naming),
        *(f"logo_rejection_{name}" for name in rejection),
        "logo_rejection",
    ]
    cars = measured["logo_naming_car_logos"]
    assert cars.counts == {"photographs": 4, "brands_shown": 4, "brands_in_catalog": 6, "logo_pictures": 6}
    baselines = {"local_features", "template_matching", "embedding_whole_picture"}
    alone = {"embedding_alone", "embedding_without_detector", "features_alone", "text_alone"}
    assert set(cars.methods) == {"line", "chance"} | baselines | alone
    assert set(measured["logo_naming_badges_one"].methods) == {"line", "chance"}
    # drawings full of corners: local features alone name them, and so must the whole
    assert value(cars, "features_alone", "top_1") == 1.0
    assert value(cars, "local_features", "top_1") == 1.0
    assert value(cars, "line", "top_1") == 1.0
    assert value(cars, "chance", "top_1") == pytest.approx(1 / 6)
    pooled = measured["logo_rejection"]
    assert set(pooled.methods) == {"line"} | baselines
    assert pooled.methods["line"]["false_naming"].total == sum(
        measured[f"logo_rejection_{name}"].methods["line"]["false_naming"].total or 0 for name in rejection
    )
    assert set(pooled.counts) == {"with_a_known_mark", "another_make", "clothing", "grocery", "unknown_mark"}
    assert bench.left_out == []


def test_without_a_model_of_the_line_its_measurements_are_left_out_with_the_reason(
    bench: Bench, tmp_path: Path
) -> None:
    for name in ("embedder.onnx", "embedder.json", "combiner.json", "combiner.onnx"):
        (tmp_path / name).write_bytes((bench.embedder_path.parent / name).read_bytes())
    bench.embedder_path = tmp_path / "embedder.onnx"
    for measure in (measure_logo_naming, measure_altered_logos, measure_logo_catalog, measure_logo_cost):
        assert measure(bench) == []
    assert {one.measurement for one in bench.left_out} == {"logo_naming", "altered_marks", "logo_catalog", "logo_cost"}
    assert all("logo-verifier.json" in one.reason for one in bench.left_out)
    assert logo_versions(bench) == {}


def test_without_a_detector_the_rest_is_measured_and_it_is_said(bench: Bench, tmp_path: Path) -> None:
    for name in ("embedder.onnx", "embedder.json", "logo-verifier.json"):
        (tmp_path / name).write_bytes((bench.embedder_path.parent / name).read_bytes())
    bench.embedder_path = tmp_path / "embedder.onnx"
    eyes = open_logo_eyes(bench, "logo_naming")
    assert eyes is not None
    assert eyes.detector is None
    assert [(one.measurement, one.method) for one in bench.left_out] == [("logo_naming", "detector")]


def test_models_beside_the_embedder_come_first_and_then_those_in_use(bench: Bench, tmp_path: Path) -> None:
    versions = logo_versions(bench)
    assert set(versions) == {"detector", "logo_verifier"}
    bench.models_dir, bench.embedder_path = bench.embedder_path.parent, tmp_path / "embedder.onnx"
    assert logo_versions(bench) == versions


def told(done: str, *found: Alteration, named: bool = True) -> Told:
    return Told(done=done, named=named, found=frozenset(found))


def test_alterations_are_counted_by_kind() -> None:
    figures = altered_figures(
        [
            told("stretched", Alteration.STRETCHED),
            told("stretched", Alteration.MIRRORED),
            told("stretched", named=False),
            told("hidden_pixelated", Alteration.BLURRED),
            told("hidden_blacked_out", Alteration.BLURRED),
            told(UNALTERED, Alteration.MIRRORED),
            told(UNALTERED),
            told(COPIED),
        ]
    )
    counted = {name: (figure.hits, figure.total) for name, figure in figures.items() if figure.hits or "recall" in name}
    assert counted == {
        "recall_stretched": (1, 3),
        "named_stretched": (2, 3),
        "recall_hidden_pixelated": (1, 1),
        "recall_hidden_blacked_out": (0, 1),
        "false_alarm_unaltered": (1, 2),
        "false_alarm_mirrored": (1, 2),
    }


@given(st.integers(0, 2**16), st.tuples(st.integers(8, 90), st.integers(8, 90)))
def test_a_printed_mark_stands_in_its_box(seed: int, size: tuple[int, int]) -> None:
    mark = np.zeros((*size, 4), np.uint8)
    mark[..., 0], mark[..., 3] = 255, 255
    ground = np.zeros((120, 90, 3), np.uint8)
    scene, (left, top, right, bottom) = print_on(ground, mark, np.random.default_rng(seed))
    red = (scene[:, :, 0] > 128) & (scene[:, :, 1] < 80)
    rows, columns = np.nonzero(red)
    assert red.any()
    # smoothed at its edges, by a pixel here and by one of its own, which an enlarged one has large
    soft = 2 + max(right - left, bottom - top) / max(size)
    assert left - soft <= columns.min()
    assert columns.max() <= right + soft
    assert top - soft <= rows.min()
    assert rows.max() <= bottom + soft


def test_altered_marks_are_measured_by_kind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(altered_logos, "MARKS", 1)
    monkeypatch.setattr(altered_logos, "WORDS", 1)
    (measured,) = measure_altered_logos(bench)
    kinds = {kind.value for kind in Alteration}
    hidden = {"hidden_blurred", "hidden_pixelated", "hidden_blacked_out", "hidden_painted_over"}
    figures = set(measured.methods["line"])
    assert {f"recall_{kind}" for kind in (kinds - {"letter_changed"}) | hidden} <= figures
    assert {f"false_alarm_{kind}" for kind in kinds} <= figures
    assert measured.counts["unaltered"] == measured.counts["brands"]
    assert measured.counts["copied"] == 1


def test_the_cost_is_a_ratio_of_sums(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ratio(np.array([[1.0, 3.0], [2.0, 10.0]]), np.array([2.0, 0.0])) == 2.0
    monkeypatch.setattr(logo_cost, "LISTINGS", 2)
    (measured,) = measure_logo_cost(bench)
    figure = measured.methods["line"]["time_ratio"]
    assert figure.low is not None
    assert figure.value is not None
    assert 0 < figure.low <= figure.value
    assert measured.counts == {"listings": 2, "searched_for_logos": 2}


def test_a_large_catalog_holds_the_small_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logo_catalog, "LOGOS", 12)
    (measured,) = measure_logo_catalog(bench)
    assert list(measured.methods) == ["logos_6", "logos_12"]
    assert value(measured, "logos_6", "search_ratio") == 1.0
    assert value(measured, "logos_12", "index_bytes") > value(measured, "logos_6", "index_bytes")
    assert value(measured, "logos_12", "top_1") == 1.0
    assert measured.counts["logos"] == 12
    first, again = (list(other_logos(bench, 5)) for _ in range(2))
    assert [logo.brand for logo in first][-1] == "invented 2"
    assert all(split_of("mark", logo.brand) == "train" for logo in first[:2])
    assert all(np.array_equal(one.rgba, other.rgba) for one, other in zip(first, again, strict=True))


def test_sets_have_names_that_stay() -> None:
    assert logo_naming.FALSE_NAMING == (0.01, 0.02, 0.05)
    assert logo_catalog.LOGOS == 10_000
