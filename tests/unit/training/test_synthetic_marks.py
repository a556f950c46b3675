from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import get_data_path
from numpy.typing import NDArray

from training import lettering
from training.deformed_marks import deform_mark
from training.fonts import find_fonts
from training.lettering import draw_word, invent_name, set_line
from training.mark_masks import FILLED_SIDE, MARK_SIDE, fit_mask, has_shape, render_mark
from training.synthetic_marks import synthetic_mark

BUNDLED = Path(get_data_path()) / "fonts" / "ttf"
FONTS = tuple(sorted(BUNDLED.glob("DejaVuS*.ttf")))
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="{path}"/></svg>'
MARKS = np.stack(
    [
        render_mark(SVG.format(path=path).encode())
        for path in ("M12 2 22 22 2 22Z", "M2 2H22V8H8V22H2Z", "M2 2H6V22H2ZM10 2H14V22H10ZM18 2H22V22H18Z")
    ]
)


def many(seed: int, count: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    return np.stack([synthetic_mark(generator, FONTS, MARKS) for _ in range(count)])


def test_equal_seeds_give_equal_marks_whatever_was_drawn_before() -> None:
    first = many(3, 60)
    many(4, 30)
    lettering._glyph.cache_clear()
    assert np.array_equal(many(3, 60), first)
    assert not np.array_equal(many(5, 60), first)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_every_mark_is_centered_and_fills_its_square(seed: int) -> None:
    mask = synthetic_mark(np.random.default_rng(seed), FONTS, MARKS)
    assert mask.shape == (MARK_SIDE, MARK_SIDE)
    assert mask.dtype == np.uint8
    assert has_shape(mask)
    left, top, width, height = cv2.boundingRect(mask)
    assert FILLED_SIDE - 6 <= max(width, height) <= FILLED_SIDE
    assert abs(2 * left + width - MARK_SIDE) <= 8
    assert abs(2 * top + height - MARK_SIDE) <= 8


def test_hardly_two_are_alike() -> None:
    generator, none = np.random.default_rng(8), MARKS[:0]
    marks = np.stack([synthetic_mark(generator, FONTS, none).ravel() > 127 for _ in range(300)]).astype(np.float32)
    both = marks @ marks.T
    either = marks.sum(1)[:, None] + marks.sum(1)[None] - both
    alike = np.triu(both / either > 0.93, 1)
    assert alike.sum() <= 2


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_deformed_mark_is_none_of_those_it_was_made_from(seed: int) -> None:
    changed = fit_mask(deform_mark(np.random.default_rng(seed), MARKS))
    if changed is not None:
        assert all(np.abs(changed.astype(int) - mark).mean() > 8 for mark in MARKS)


def test_without_fonts_or_marks_there_are_emblems() -> None:
    generator = np.random.default_rng(0)
    empty = np.zeros((0, MARK_SIDE, MARK_SIDE), np.uint8)
    masks = [synthetic_mark(generator, (), empty) for _ in range(30)]
    assert len({mask.tobytes() for mask in masks}) == 30


def test_a_broken_font_sets_no_word_and_stops_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"\x00\x01\x00\x00 no font")
    generator = np.random.default_rng(0)
    assert draw_word(generator, (broken,)) is None
    assert has_shape(synthetic_mark(generator, (broken,), MARKS))


def test_a_line_is_what_its_letters_are() -> None:
    """Same letters, same typeface, same seed; another letter is another line."""
    lines = [set_line(np.random.default_rng(1), FONTS[:1], text) for text in ("ACME", "ACME", "ACNE")]
    assert lines[0] is not None
    assert lines[2] is not None
    assert np.array_equal(lines[0], lines[1])  # type: ignore[arg-type]
    assert lines[0].shape != lines[2].shape or not np.array_equal(lines[0], lines[2])


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_names_have_the_length_asked_for(seed: int, longest: int) -> None:
    assert 1 <= len(invent_name(np.random.default_rng(seed), longest)) <= longest


def test_fonts_are_the_bundled_and_ones_own_one_of_each_family_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    own = tmp_path / "fonts" / "brand"
    own.mkdir(parents=True)
    (own / "own.ttf").write_bytes((BUNDLED / "DejaVuSans.ttf").read_bytes())
    (own / "torn.ttf").write_bytes(b"not a font")
    found = find_fonts(tmp_path)
    assert own / "own.ttf" in found
    assert own / "torn.ttf" not in found
    assert found == find_fonts(tmp_path)
    assert not [path for path in found if path.stem.lower().startswith(("cmex", "cmsy", "stixsiz"))]
    families = ["Mono" if "Mono" in path.stem else "Serif" if "Serif" in path.stem else "Sans" for path in found
                if path.stem.startswith("DejaVu") and "Display" not in path.stem]  # fmt: skip
    assert sorted(families[:3]) == ["Mono", "Sans", "Serif"]
    assert len(find_fonts(tmp_path, most=2)) == 2
    assert find_fonts(tmp_path, seed=1) != found


def test_a_mark_is_trimmed_and_centered() -> None:
    mask = np.zeros((50, 200), np.uint8)
    mask[10:20, 30:70] = 255
    fitted = fit_mask(mask)
    assert fitted is not None
    assert cv2.boundingRect(fitted) == (2, 36, 92, 23)
    assert fit_mask(np.zeros((5, 5), np.uint8)) is None
