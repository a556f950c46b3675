"""A drawn logo stands in its forms, a photograph as it is; whatever comes, something bounded stands."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from index.logo_parts import find_parts
from index.logo_variants import MAX_VARIANTS, LogoKind, LogoVariant, squared, variants
from store.images import RGB, RGBA

RED, BLUE, WHITE, BLACK = (200, 20, 30), (20, 40, 160), (255, 255, 255), (0, 0, 0)


def mark(color: tuple[int, int, int] = RED, ground: tuple[int, int, int] = WHITE) -> RGB:
    """(200, 300): a ring with a bar, off the middle."""
    canvas = np.full((200, 300, 3), ground, np.uint8)
    cv2.circle(canvas, (110, 90), 50, color, 14, cv2.LINE_AA)
    cv2.rectangle(canvas, (60, 80), (160, 100), color, -1)
    return canvas


def cut_out(color: tuple[int, int, int]) -> RGBA:
    """The mark on transparent ground."""
    alpha = 255 - mark(BLACK)[..., 0]
    return np.dstack([np.full((200, 300, 3), color, np.uint8), alpha])


def lockup(word: str = "VELMORA", *, above: bool = False, symbol: bool = True) -> RGB:
    canvas = np.full((320, 700, 3), 255, np.uint8)
    if symbol:
        cv2.circle(canvas, (350, 90) if above else (90, 160), 70, BLUE, -1, cv2.LINE_AA)
        cv2.circle(canvas, (350, 90) if above else (90, 160), 30, WHITE, -1, cv2.LINE_AA)
    at = (230, 250) if above else (200, 185)
    cv2.putText(canvas, word, at, cv2.FONT_HERSHEY_DUPLEX, 1.7, BLACK, 6, cv2.LINE_AA)
    return canvas


def kinds(found: tuple[LogoVariant, ...]) -> list[str]:
    return [one.kind.value for one in found]


def of_kind(found: tuple[LogoVariant, ...], kind: LogoKind) -> LogoVariant:
    return next(one for one in found if one.kind == kind)


def ink(rgb: RGB, ground: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray(np.abs(rgb.astype(int) - ground).sum(axis=2) > 150)


def test_a_logo_on_plain_ground_stands_in_its_forms() -> None:
    found = variants(mark())
    assert kinds(found) == ["color", "dark", "light", "inverse", "outline"]
    color, dark, light, inverse, outline = found
    assert [one.ground for one in found] == [WHITE, WHITE, BLACK, BLACK, WHITE]
    shape = ink(color.rgb, WHITE)
    assert np.median(color.rgb[shape], axis=0).tolist() == pytest.approx(RED, abs=12)
    assert np.median(dark.rgb[shape]) < 40
    assert np.median(light.rgb[shape]) > 215
    assert np.median(inverse.rgb[shape], axis=0).tolist() == pytest.approx([255 - level for level in RED], abs=12)
    inside = cv2.erode(shape.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert outline.rgb[inside].mean() > 200
    assert 0 < ink(outline.rgb, WHITE).sum() < shape.sum()


def test_black_on_white_stands_once_in_each_form() -> None:
    assert kinds(variants(mark(BLACK))) == ["color", "light", "outline"]


def test_a_mark_is_trimmed_to_a_margin() -> None:
    color = variants(mark())[0]
    left, top, right, bottom = color.content
    height, width = color.rgb.shape[:2]
    longer = max(right - left, bottom - top)
    assert [left, top, width - right, height - bottom] == pytest.approx([longer / 10] * 4, abs=1)
    rows, columns = np.nonzero(ink(color.rgb, WHITE))
    assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == pytest.approx(color.content, abs=3)
    square = squared(color)
    assert square.shape[0] == square.shape[1] == max(height, width)
    assert longer / square.shape[0] == pytest.approx(10 / 12, abs=0.01)


def test_transparent_ground_becomes_white_and_black_where_the_mark_is_legible() -> None:
    assert kinds(variants(cut_out(RED)))[:2] == ["on_white", "on_black"]
    assert "on_black" not in kinds(variants(cut_out(BLACK)))
    assert "on_white" not in kinds(variants(cut_out(WHITE)))
    on_white, on_black = variants(cut_out(RED))[:2]
    assert squared(on_white)[0, 0].tolist() == [255, 255, 255]
    assert squared(on_black)[0, 0].tolist() == [0, 0, 0]


def test_a_gray_mark_keeps_a_ground_even_where_it_is_hardly_legible() -> None:
    alpha = cut_out(RED)[..., 3] // 6
    assert variants(np.dstack([np.full((200, 300, 3), 128, np.uint8), alpha]))


def test_a_tightly_cut_logo_is_still_drawn() -> None:
    tight = mark()[33:148, 53:168]
    assert variants(tight)[0].kind == LogoKind.COLOR


def test_a_crop_of_a_photograph_is_only_itself(draw: Callable[..., RGB], drawings: type) -> None:
    for picture in (draw(5, 200, 160), drawings.photograph_of(drawings.logo(3), 1)[0]):
        (only,) = variants(picture)
        assert only.kind == LogoKind.PHOTO
        assert only.content == (0, 0, only.rgb.shape[1], only.rgb.shape[0])
        small = cv2.resize(picture, only.rgb.shape[1::-1], interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(small - only.rgb).mean() < 12


def test_a_photographs_rounded_corners_do_not_make_it_a_drawing(draw: Callable[..., RGB]) -> None:
    rgba = np.dstack([draw(6, 200, 200), np.full((200, 200), 255, np.uint8)])
    rgba[:8, :8, 3] = 0
    assert kinds(variants(rgba)) == ["photo"]


@pytest.mark.parametrize(("width", "height"), [(300, 300), (60, 40), (2_000, 250), (40, 1_000), (5, 5)])
def test_sizes_are_bounded(width: int, height: int) -> None:
    canvas = np.full((height + 20, width + 20, 3), 255, np.uint8)
    canvas[10 : height + 10, 10 : width + 10] = RED
    for one in variants(canvas):
        assert 254 <= max(one.rgb.shape[:2]) <= 522
        assert max(squared(one).shape) <= 522


@pytest.mark.parametrize("above", [False, True])
def test_symbol_and_word_stand_apart(above: bool) -> None:
    found = variants(lockup(above=above))
    assert len(found) <= MAX_VARIANTS
    symbol, word = of_kind(found, LogoKind.SYMBOL), of_kind(found, LogoKind.WORD)
    across, down = symbol.content[2] - symbol.content[0], symbol.content[3] - symbol.content[1]
    assert across == pytest.approx(down, rel=0.05)
    left, top, right, bottom = symbol.content
    assert symbol.rgb[(top + bottom) // 2, left + (right - left) // 8].tolist() == pytest.approx(BLUE, abs=12)
    assert word.content[2] - word.content[0] > 3 * (word.content[3] - word.content[1])


@pytest.mark.parametrize(
    "picture",
    [
        lockup(symbol=False),
        lockup("I AM", symbol=False),
        lockup("VEL MORA", symbol=False),
        lockup("O", above=True),
        mark(),
    ],
    ids=["a word", "two short words", "two words", "a letter below a symbol", "a symbol"],
)
def test_what_has_no_two_clearly_different_parts_stays_whole(picture: RGB) -> None:
    assert {LogoKind.SYMBOL, LogoKind.WORD} & {one.kind for one in variants(picture)} == set()


def test_parts_need_a_clear_gap() -> None:
    mask = np.zeros((100, 400), bool)
    mask[:, :100] = True
    for left in range(0, 280, 40):
        mask[30:70, 140 + left - 36 : 140 + left - 8] = True
    assert find_parts(mask[:, : 140 + 6 * 40]) is None
    wide = np.hstack([mask[:, :100], np.zeros((100, 40), bool), mask[:, 104:]])
    parts = find_parts(wide[:, : 140 + 7 * 40 - 12])
    assert parts is not None
    assert parts.symbol == (0, 0, 100, 100)
    assert parts.word[:2] == (140, 30)


def test_an_empty_mask_has_no_parts() -> None:
    assert find_parts(np.zeros((5, 7), bool)) is None


sides = st.integers(1, 40)
pictures = st.tuples(sides, sides, st.sampled_from([3, 4])).flatmap(lambda shape: arrays.arrays(np.uint8, shape))


@settings(max_examples=80)
@given(pictures, st.sampled_from([1, 7, 40]))
def test_whatever_comes_something_bounded_stands(picture: RGBA, enlarged: int) -> None:
    stretched = np.repeat(picture, enlarged, axis=1)
    found = variants(stretched)
    assert 1 <= len(found) <= MAX_VARIANTS
    for one in found:
        assert one.rgb.dtype == np.uint8
        assert one.rgb.shape[2] == 3
        assert min(one.rgb.shape[:2]) >= 8
        assert max(one.rgb.shape[:2]) <= 522
        left, top, right, bottom = one.content
        assert 0 <= left < right <= one.rgb.shape[1]
        assert 0 <= top < bottom <= one.rgb.shape[0]
        assert squared(one).shape[0] == squared(one).shape[1]


@given(st.booleans(), st.integers(0, 255))
def test_one_color_alone_stands_once(transparent: bool, level: int) -> None:
    plain = np.full((30, 20, 3), level, np.uint8)
    assert len(variants(np.dstack([plain, np.zeros((30, 20), np.uint8)]) if transparent else plain)) == 1
