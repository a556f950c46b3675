from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.mark_text import ReadText
from index.text_layout import letters_of, spans


def line(text: str, left: float, top: float, *, letter: float = 20, height: float = 30, slant: float = 0) -> ReadText:
    """A line of letters of equal width; `slant` is how far it sinks from left to right."""
    right = left + letter * len(text)
    corners = ((left, top), (right, top + slant), (right, top + slant + height), (left, top + height))
    return ReadText(text=text, confidence=0.9, corners=corners, height_share=height / 640)


def joined(*lines: ReadText) -> set[str]:
    return {span.text for span in spans(lines)}


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Coca-Cola", "cocacola"),
        ("McDonald’s", "mcdonalds"),
        ("Citroën", "citroen"),
        ("Ｎｏｒｄ", "nord"),
        ("b|ue", "blue"),
        ("7-Eleven", "7eleven"),
        ("可口可乐", "可口可乐"),
        ("!?&", ""),
    ],
)
def test_letters_are_what_is_left_of_a_name(name: str, letters: str) -> None:
    assert letters_of(name) == letters


def test_every_run_of_words_in_a_line_with_its_place() -> None:
    found = {span.text: span for span in spans([line("an old tarn", 100, 50)])}
    assert set(found) == {"an", "old", "tarn", "an old", "old tarn", "an old tarn"}
    assert found["tarn"].box == (240, 50, 320, 80)
    assert found["an old tarn"].whole
    assert not found["tarn"].whole


def test_words_below_each_other_are_joined() -> None:
    assert "GOLD MOR NING" in joined(line("GOLD", 40, 10), line("MOR", 50, 42), line("NING", 42, 75))


def test_words_beside_each_other_are_joined_from_left_to_right() -> None:
    assert "TARN WICK" in joined(line("WICK", 140, 10), line("TARN", 40, 12))
    assert "WICK TARN" not in joined(line("WICK", 140, 10), line("TARN", 40, 12))


def test_slanted_words_are_joined_along_their_slant() -> None:
    upper, lower = line("TARN", 40, 10, slant=60), line("WICK", 30, 45, slant=60)
    assert "TARN WICK" in joined(upper, lower)


@pytest.mark.parametrize(
    "far",
    [line("WICK", 40, 140), line("WICK", 240, 10), line("WICK", 40, 45, height=90), line("WICK", 200, 45)],
    ids=["far below", "far right", "much taller", "not under it"],
)
def test_words_that_do_not_belong_together_are_not_joined(far: ReadText) -> None:
    assert "TARN WICK" not in joined(line("TARN", 40, 10), far)


def test_company_is_how_many_words_of_like_size_stand_around() -> None:
    page = [line("four words stand here", 10, 40 * row) for row in range(3)] + [line("HUGE", 10, 130, height=120)]
    found = {span.text: span.company for span in spans(page)}
    assert found["words"] == 11
    assert found["HUGE"] == 0


@given(
    st.lists(
        st.builds(
            line,
            st.text(max_size=30),
            st.floats(-100, 3000),
            st.floats(-100, 3000),
            letter=st.floats(0, 60),
            height=st.floats(0, 300),
            slant=st.floats(-200, 200),
        ),
        max_size=12,
    )
)
def test_any_lines_give_boxes_inside_them_all(lines: list[ReadText]) -> None:
    for span in spans(lines):
        assert span.letters == letters_of(span.text)
        assert span.box[0] <= span.box[2]
        assert span.box[1] <= span.box[3]
        assert span.company >= 0


def test_a_wall_of_words_is_bounded() -> None:
    wall = [line("ab", 45 * column, 32 * row) for row in range(7) for column in range(7)]
    assert sum(1 for _ in spans(wall)) < 500
