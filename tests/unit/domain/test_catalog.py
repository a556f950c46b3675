"""What a rights holder brings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import Brand, RightsHolder, Trademark


def holder(brands: list[str], trademarks: list[str]) -> RightsHolder:
    return RightsHolder(
        name="Holder",
        brands=tuple(Brand(name=name) for name in brands),
        trademarks=tuple(Trademark(mark=mark) for mark in trademarks),
    )


def test_marks_are_brands_then_trademarks_in_their_own_writing() -> None:
    assert holder(["Luma", "Gear"], ["SPRITE", "Erika"]).marks == ("Luma", "Gear", "SPRITE", "Erika")


def test_a_mark_that_differs_in_case_alone_stands_once_where_it_came_first() -> None:
    assert holder(["Luma", "STRASSE", "luma"], ["LUMA", "Sprite", "Straße"]).marks == ("Luma", "STRASSE", "Sprite")


def test_without_brands_and_trademarks_there_is_no_mark() -> None:
    assert holder([], []).marks == ()


@given(brands=st.lists(st.text()), trademarks=st.lists(st.text()))
def test_each_mark_stands_once_and_none_is_lost(brands: list[str], trademarks: list[str]) -> None:
    marks = holder(brands, trademarks).marks
    folded = [mark.casefold() for mark in marks]
    assert len(set(folded)) == len(folded)
    assert set(folded) == {word.casefold() for word in brands + trademarks}
    words = brands + trademarks
    places = [words.index(mark) for mark in marks]
    assert places == sorted(places)
