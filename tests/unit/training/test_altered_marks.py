from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from domain.errors import BadInput
from domain.match import Alteration
from store.images import RGB, RGBA
from training.altered_marks import MANNERS, Manner, alter, altered_word, hide, set_word

TYPEFACE = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
DRAWN = [kind for kind in Alteration if kind is not Alteration.LETTER_CHANGED]


@pytest.fixture
def mark() -> RGBA:
    """A red arrow with a blue bar."""
    picture = np.zeros((80, 120, 4), np.uint8)
    cv2.fillPoly(picture, [np.array([[5, 5], [115, 40], [5, 75]])], (210, 30, 40, 255))
    cv2.rectangle(picture, (5, 5), (20, 75), (30, 60, 200, 255), -1)
    return picture


def photo() -> RGB:
    noise = np.random.default_rng(4).integers(60, 200, (40, 60, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(noise, (240, 160), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("kind", DRAWN)
def test_the_same_seed_alters_alike_and_leaves_the_mark_as_it_was(mark: RGBA, kind: Alteration) -> None:
    before = mark.copy()
    first, again = (alter(mark, kind, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(mark, before)
    assert first.shape != mark.shape or not np.array_equal(first, mark)
    assert first.dtype == np.uint8
    assert first.shape[2] == 4


@pytest.mark.parametrize("seed", range(6))
def test_a_stretched_mark_is_wider_or_higher(mark: RGBA, seed: int) -> None:
    height, width = alter(mark, Alteration.STRETCHED, np.random.default_rng(seed)).shape[:2]
    change = width / height / (120 / 80)
    assert 1.45 < max(change, 1 / change) < 2.05


def test_a_mirrored_mark_mirrored_is_the_mark(mark: RGBA) -> None:
    generator = np.random.default_rng(0)
    assert np.array_equal(alter(alter(mark, Alteration.MIRRORED, generator), Alteration.MIRRORED, generator), mark)


@pytest.mark.parametrize("gray", [False, True])
def test_a_recolored_mark_keeps_its_shape_and_has_other_hues(mark: RGBA, gray: bool) -> None:
    if gray:
        mark[..., :3] = 30
    recolored = alter(mark, Alteration.RECOLORED, np.random.default_rng(3))
    inside = mark[..., 3] > 0
    assert np.array_equal(recolored[..., 3], mark[..., 3])
    assert np.abs(recolored[..., :3].astype(int) - mark[..., :3])[inside].max(axis=1).min() > 60


@pytest.mark.parametrize("seed", range(6))
def test_a_covered_mark_keeps_most_of_itself(mark: RGBA, seed: int) -> None:
    covered = alter(mark, Alteration.COVERED, np.random.default_rng(seed))
    inside = mark[..., 3] > 0
    kept = (covered == mark).all(axis=2)[inside].mean()
    assert 0.5 < kept < 0.8


def test_a_blurred_mark_has_no_edges(mark: RGBA) -> None:
    blurred = alter(mark, Alteration.BLURRED, np.random.default_rng(3))
    assert np.abs(np.diff(blurred[..., 3].astype(int), axis=1)).max() < 60
    assert np.abs(np.diff(mark[..., 3].astype(int), axis=1)).max() == 255


def test_a_letter_is_changed_where_words_are_set(mark: RGBA) -> None:
    with pytest.raises(BadInput):
        alter(mark, Alteration.LETTER_CHANGED, np.random.default_rng(3))


@pytest.mark.parametrize("seed", range(8))
def test_one_letter_of_a_word_is_changed_and_its_case_kept(seed: int) -> None:
    changed, picture = altered_word("VelMora", TYPEFACE, np.random.default_rng(seed))
    differing = [(old, new) for old, new in zip("VelMora", changed, strict=True) if old != new]
    assert len(differing) == 1
    assert differing[0][0].isupper() == differing[0][1].isupper()
    assert not np.array_equal(picture, set_word("VelMora", TYPEFACE))


def test_what_has_no_letters_has_none_to_change() -> None:
    with pytest.raises(BadInput):
        altered_word("77", TYPEFACE, np.random.default_rng(1))


@pytest.mark.parametrize("manner", MANNERS)
def test_only_what_is_in_the_box_is_hidden(manner: Manner) -> None:
    before = photo()
    after = hide(before, (60, 40, 150, 90), manner, np.random.default_rng(5))
    outside = np.ones(before.shape[:2], bool)
    outside[40:90, 60:150] = False
    assert np.array_equal(after[outside], before[outside])
    assert np.abs(after.astype(int) - before)[40:90, 60:150].mean() > 10
    assert after[40:90, 60:150].std() < before[40:90, 60:150].std()


def test_an_empty_box_hides_nothing() -> None:
    with pytest.raises(BadInput):
        hide(photo(), (500, 500, 600, 600), "blurred", np.random.default_rng(5))
