from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from domain.errors import BadInput
from store.images import RGB
from training.mark_masks import MARK_SIDE
from training.preparation import prepare_data
from training.prepared import MANIFEST, is_prepared
from training.sources import load_sources
from training.splits import SPLITS, split_of

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="{path}"/></svg>'
TRIANGLE = SVG.format(path="M12 2 22 22 2 22Z")
MARKS = ("github", "githubactions", "adidas", "nike", "audi", "visa", "bosch")


def drawn(number: int) -> RGB:
    """A green thing somewhere on red and blue ground; resembles no other number's."""
    generator = np.random.default_rng(number)
    coarse = generator.integers(0, 256, (6, 5, 3), dtype=np.uint8) * np.array((1, 0, 1), np.uint8)
    picture = np.asarray(cv2.resize(coarse, (300, 360), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    x, y, across, down = (int(generator.integers(*limits)) for limits in ((90, 210), (110, 250), (50, 90), (50, 110)))
    cv2.ellipse(picture, (x, y), (across, down), float(generator.integers(180)), 0, 360, (0, 160, 0), -1)
    return picture


def save(path: Path, picture: RGB, quality: int = 92) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, quality])


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clothes in their three folders, goods of six products, seven marks."""
    folder = tmp_path_factory.mktemp("raw")
    for number in range(12):
        split = ("train", "train", "validation", "test")[number % 4]
        save(folder / "clothing" / split / f"class{number % 3}" / f"{number}.jpg", drawn(number))
    for number in range(12, 24):
        save(folder / "grocery" / ("train", "val")[number % 2] / f"Good-{number // 2}" / f"{number}.jpg", drawn(number))
    (folder / "marks" / "svg").mkdir(parents=True)
    for number, name in enumerate(MARKS):
        (folder / "marks" / "svg" / f"{name}.svg").write_text(
            SVG.format(path=f"M2 2 H22 V{4 + number} H{9 + number} Z")
        )
    return folder


@pytest.fixture(scope="module")
def prepared(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_data(raw, tmp_path_factory.mktemp("prepared")).folder


def test_a_prepared_folder_holds_what_the_raw_one_does(raw: Path, prepared: Path) -> None:
    for split in SPLITS:
        first, second = load_sources(raw, split), load_sources(prepared, split)
        assert (first.classes, first.products, first.mark_names) == (second.classes, second.products, second.mark_names)
        assert second.datasets == ("clothing", "grocery", "marks")
        assert set(first.datasets) <= set(second.datasets)
        assert np.array_equal(first.marks, second.marks)
        assert len(second.cutouts) == len(second.cutout_classes)
        assert abs(len(first.cutouts) - len(second.cutouts)) <= 1
        for one, other in zip(first.photos, second.photos, strict=True):
            assert np.abs(np.subtract(one.shape, other.shape)).max() <= 1
            assert np.abs(one.mean(axis=(0, 1)) - other.mean(axis=(0, 1))).max() < 2


def test_photographs_and_marks_have_the_sizes_they_say(prepared: Path) -> None:
    sources = load_sources(prepared, photo_side=100)
    assert {max(photo.shape[:2]) for photo in sources.photos} == {100}
    assert max(load_sources(prepared, photo_side=10_000).photos[0].shape) == 256
    assert sources.marks.shape[1:] == (MARK_SIDE, MARK_SIDE)
    assert sources.fonts
    assert all(cut.shape[:2] == mask.shape for cut, mask in sources.cutouts)
    assert sources.cutouts
    few = load_sources(prepared, max_photos=3, max_marks=1, cut_out=False)
    assert (len(few.photos), len(few.marks), len(few.cutouts)) == (3, 1, 0)


def test_brands_and_products_keep_to_one_split(prepared: Path) -> None:
    seen = {split: load_sources(prepared, split) for split in SPLITS}
    assert {split_of("mark", name) for name in seen["train"].mark_names} == {"train"}
    assert set(seen["validation"].mark_names) == {"github", "githubactions"}
    assert {"audi", "adidas"} <= set(seen["test"].mark_names)
    products = [set(sources.products) - {""} for sources in seen.values()]
    assert sum(map(len, products)) == len(set.union(*products)) == 6


def test_equal_pictures_give_equal_bytes(raw: Path, prepared: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(raw, elsewhere)
    prepare_data(elsewhere, tmp_path / "again")
    names = sorted(path.name for path in prepared.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert (prepared / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_preparing_again_replaces_what_was_there(raw: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for number in range(3):
        save(other / "clothing" / "train" / "dress" / f"{number}.jpg", drawn(40 + number))
    prepare_data(raw, tmp_path / "out")
    report = prepare_data(other, tmp_path / "out")
    assert report.manifest.splits["train"].photographs == len(load_sources(tmp_path / "out").photos) == 3
    assert len(load_sources(tmp_path / "out").marks) == 0


def test_the_manifest_says_where_the_data_is_from(prepared: Path) -> None:
    manifest = json.loads((prepared / MANIFEST).read_text())
    assert manifest["data"]["clothing"]["license"] == "CC0-1.0"
    assert manifest["data"]["marks"]["repositories"] == ["simple-icons/simple-icons"]
    assert "realshop" not in manifest["data"]
    assert manifest["splits"]["validation"]["brands"] == 1
    assert manifest["splits"]["validation"]["marks"] == 2


def test_what_cannot_be_read_is_left_out_and_named(raw: Path, tmp_path: Path, huge_png: bytes) -> None:
    data = tmp_path / "data"
    shutil.copytree(raw, data)
    dresses, svg = data / "clothing" / "train" / "dress", data / "marks" / "svg"
    dresses.mkdir()
    (dresses / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (dresses / "huge.png").write_bytes(huge_png)
    (dresses / "folder.jpg").mkdir()
    (data / "clothing" / "stray.jpg").write_bytes(b"")
    (svg / "torn.svg").write_text("<svg><path d=")
    (svg / "binary.svg").write_bytes(b"\xff\xfe\x00")
    (svg / "empty.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>')
    (svg / "full.svg").write_text(SVG.format(path="M0 0H24V24H0Z"))
    (svg / "enormous.svg").write_text(TRIANGLE + " " * 1_000_000)
    save(tmp_path / "secret.png", drawn(9))
    picture = f'{{}} xlink:href="{tmp_path}/secret.png" width="24" height="24"/>'
    for name, element in (("pasted", "<image"), ("prefixed", "<s:image"), ("filtered", "<filter><feImage")):
        (svg / f"{name}.svg").write_text(TRIANGLE.replace("</svg>", picture.format(element) + "</svg>"))
    (svg / "entity.svg").write_text(f'<!DOCTYPE svg [<!ENTITY p "<image/>">]>{TRIANGLE}')
    (svg / "tall.svg").write_text(TRIANGLE.replace("0 0 24 24", "0 0 1 9999999"))
    report = prepare_data(data, tmp_path / "out")
    left_out = {reason: set(found.first) for reason, found in report.manifest.left_out.items()}
    assert left_out == {
        "not readable": {f"clothing/train/dress/{name}" for name in ("broken.jpg", "huge.png", "folder.jpg")},
        "not in a split's folder": {"clothing/stray.jpg"},
        "mark: SVG of more than 1000000 bytes": {"enormous.svg"},
        "mark: broken SVG": {"torn.svg", "binary.svg"},
        "mark: SVG with pictures or entities in it": {"pasted.svg", "prefixed.svg", "filtered.svg", "entity.svg"},
        "mark: SVG without a shape to tell it by": {"empty.svg", "full.svg", "tall.svg"},
    }
    assert report.manifest.splits["train"].photographs == len(load_sources(raw).photos)


def test_what_is_tested_on_does_not_train(tmp_path: Path) -> None:
    """A photo of a test listing, saved again; a product of the test catalog; a test photo among those that train."""
    realshop = tmp_path / "realshop"
    save(realshop / "listings" / "images" / "L1.jpg", drawn(0), quality=40)
    (realshop / "truth.jsonl").write_text(json.dumps({"reference_id": "SHOP-SOUR-MILK"}) + "\n")
    for number in range(4):
        save(tmp_path / "clothing" / "train" / "shirt" / f"{number}.jpg", drawn(number))
    save(tmp_path / "clothing" / "test" / "dress" / "3.jpg", drawn(3), quality=30)
    save(tmp_path / "grocery" / "train" / "Sour-Milk" / "0.jpg", drawn(6))
    save(tmp_path / "grocery" / "train" / "Arla-Sour-Cream" / "0.jpg", drawn(7))
    report = prepare_data(tmp_path, tmp_path / "out")
    assert {reason: set(found.first) for reason, found in report.manifest.left_out.items()} == {
        "photo is in a set that tests": {"clothing/train/shirt/0.jpg", "clothing/train/shirt/3.jpg"},
        "product is in the test catalog": {"grocery/train/Sour-Milk/0.jpg"},
    }
    counts = {split: found.photographs for split, found in report.manifest.splits.items()}
    assert counts == {"train": 2, "validation": 0, "test": 2}
    assert len(load_sources(tmp_path).photos) == 2


def test_any_folder_of_pictures_will_do(tmp_path: Path) -> None:
    for number in range(40):
        save(tmp_path / f"class{number % 2}" / f"{number}.jpg", drawn(100 + number))
    report = prepare_data(tmp_path, tmp_path / "out")
    assert list(report.manifest.data) == ["pictures"]
    assert sum(found.photographs for found in report.manifest.splits.values()) == 40
    sources = load_sources(tmp_path / "out")
    assert len(sources.photos) > 20
    assert set(sources.classes) == {"class0", "class1"}


def test_folders_that_give_nothing_are_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(BadInput, match="no such folder"):
        prepare_data(tmp_path / "missing", tmp_path / "out")
    with pytest.raises(BadInput, match="no such folder"):
        load_sources(tmp_path / "missing")
    with pytest.raises(BadInput, match="no usable photograph"):
        prepare_data(tmp_path, tmp_path / "out")
    with pytest.raises(BadInput, match="not a folder"):
        prepare_data(tmp_path, file)
    with pytest.raises(BadInput, match="at least 2"):
        load_sources(tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_truth_file_that_is_none_is_bad_input(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "realshop").mkdir()
    (tmp_path / "realshop" / "truth.jsonl").write_text('{"reference_id": null}\n[]\n')
    with pytest.raises(BadInput, match=r"truth\.jsonl:2"):
        prepare_data(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("name", ["train-photographs.npz", "train-marks.npz", MANIFEST])
def test_a_damaged_folder_is_bad_input(prepared: Path, tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(prepared, damaged)
    content = (damaged / name).read_bytes()
    (damaged / name).write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101 : len(content) // 2])
    with pytest.raises(BadInput, match="prepared"):
        load_sources(damaged)


def test_another_preparations_file_is_bad_input(prepared: Path, tmp_path: Path) -> None:
    """A sound file, but not the one that the manifest speaks of."""
    mixed = tmp_path / "mixed"
    shutil.copytree(prepared, mixed)
    shutil.copy(mixed / "test-marks.npz", mixed / "train-marks.npz")
    with pytest.raises(BadInput, match="changed since it was prepared"):
        load_sources(mixed)


def test_a_folder_that_was_not_written_to_its_end_is_not_prepared(raw: Path, tmp_path: Path) -> None:
    prepare_data(raw, tmp_path / "out")
    (tmp_path / "out" / "test-marks.npz").unlink()
    (tmp_path / "out" / "test-marks.npz").mkdir()
    with pytest.raises(OSError, match="test-marks"):
        prepare_data(raw, tmp_path / "out")
    assert not is_prepared(tmp_path / "out")


def test_the_command_prepares_and_says_what(raw: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", "data", "--from", str(raw), "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["splits"]["train"]["photographs"] == len(load_sources(tmp_path / "out").photos)
    assert said["bytes"] == sum(path.stat().st_size for path in (tmp_path / "out").glob("*.npz"))
    done = CliRunner().invoke(app, ["train", "data", "--from", str(raw), "--out", str(tmp_path / "out")])
    assert "wrote" in done.stdout


def test_sources_hold_no_more_than_they_list(prepared: Path) -> None:
    """Every attribute is filled for real data, so that a field that is forgotten is seen."""
    sources = load_sources(prepared)
    empty = {field.name for field in dataclasses.fields(sources) if not len(getattr(sources, field.name))}
    assert empty <= {"skipped"}
