from __future__ import annotations

import os
from pathlib import Path

import pytest

from crawler.marketplace import generate_marketplace
from crawler.marketplace.strangers import stranger
from domain.errors import BadInput, ImageRefused
from domain.settings import Settings
from jobs.distractors import DISTRACTOR_SEED, distractors_in, drawn_distractors
from jobs.learning_sets import DEMO_SEED, MARKETPLACE_SEEDS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", drawn_distractors=3, max_archive_files=5, max_image_bytes=100)


def test_drawn_ones_are_kept_and_drawn_again_when_they_are_lost(settings: Settings) -> None:
    drawn = drawn_distractors(settings)
    assert [one.name for one in drawn] == ["drawn 0", "drawn 1", "drawn 2"]
    assert not settings.home.exists()
    contents = [one.read() for one in drawn]
    kept = sorted(path for path in settings.home.rglob("*") if path.is_file())
    assert [path.read_bytes() for path in kept] == contents
    assert [path.suffix for path in kept] == [".jpg"] * 3
    before = kept[1].stat().st_mtime_ns
    kept[0].unlink()
    assert [one.read() for one in drawn_distractors(settings)] == contents
    assert kept[0].read_bytes() == contents[0]
    assert kept[1].stat().st_mtime_ns == before


def test_where_nothing_can_be_kept_they_are_drawn_all_the_same(settings: Settings) -> None:
    contents = [one.read() for one in drawn_distractors(settings)]
    blocked = settings.model_copy(update={"home": settings.home.parent / "a file"})
    blocked.home.write_text("in the way")
    assert [one.read() for one in drawn_distractors(blocked)] == contents


def test_they_are_of_no_marketplace_that_trains_or_measures() -> None:
    shown = {stranger(DISTRACTOR_SEED, number).design for number in range(400)}
    marks = {design.mark.wordmark.casefold() for design in shown if design and design.mark}
    for seed in (*MARKETPLACE_SEEDS, DEMO_SEED):
        assert seed != DISTRACTOR_SEED
        marketplace = generate_marketplace(seed)
        assert not shown & {recipe.design for recipe in marketplace.recipes.values() if recipe.design}
        assert not marks & {brand.name.casefold() for brand in marketplace.brands}


def test_a_folder_is_read_with_its_folders_and_without_what_is_hidden(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "photos"
    for name in ("b.jpg", "a/z.png", ".hidden.jpg", ".git/c.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link.jpg").symlink_to("/etc/passwd")
    (folder / "there").symlink_to("/etc")
    found = distractors_in(folder, settings)
    assert [(one.name, one.read(), one.drawn) for one in found] == [
        ("a/z.png", b"a/z.png", False),
        ("b.jpg", b"b.jpg", False),
    ]


def test_a_file_is_read_no_further_than_it_may(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "large.jpg").write_bytes(bytes(1_000))
    (large,) = distractors_in(folder, settings)
    assert len(large.read()) == 101


def test_a_file_that_goes_away_is_refused_by_its_name(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "gone.jpg").write_bytes(b"x")
    (gone,) = distractors_in(folder, settings)
    (folder / "gone.jpg").unlink()
    with pytest.raises(ImageRefused, match=r"gone\.jpg: cannot be read"):
        gone.read()


def test_what_is_no_folder_of_pictures_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(BadInput, match="is no folder"):
        distractors_in(tmp_path / "nowhere", settings)
    with pytest.raises(BadInput, match="holds no pictures"):
        distractors_in(tmp_path, settings)
    for number in range(6):
        (tmp_path / f"{number}.jpg").touch()
    with pytest.raises(BadInput, match="more than 5 files"):
        distractors_in(tmp_path, settings)
