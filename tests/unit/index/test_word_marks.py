from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import Brand, RightsHolder, Trademark
from index.mark_text import ReadText
from index.word_marks import WordHit, WordMarks


def holder(*brands: str, marks: tuple[str, ...] = (), name: str = "Holder") -> RightsHolder:
    return RightsHolder(
        name=name,
        brands=tuple(Brand(name=brand) for brand in brands),
        trademarks=tuple(Trademark(mark=mark) for mark in marks),
    )


def line(text: str, left: float = 40, top: float = 40, *, height: float = 30, confidence: float = 1.0) -> ReadText:
    right = left + 0.6 * height * len(text)
    corners = ((left, top), (right, top), (right, top + height), (left, top + height))
    return ReadText(text=text, confidence=confidence, corners=corners, height_share=height / 640)


def score(mark: str, *texts: ReadText) -> float:
    return max((hit.score for hit in WordMarks([holder(mark)]).find(texts)), default=0.0)


@pytest.mark.parametrize(
    ("mark", "read"),
    [
        ("Velmora", "VELMORA"),
        ("Coca Cola", "Coca-Cola"),
        ("Citroën", "CITROEN"),
        ("McDonald's", "McDonald’s"),
        ("Red Bull", "RedBull"),
        ("可口可乐", "可口可乐"),
    ],
)
def test_the_mark_alone_scores_high_however_it_is_spelled(mark: str, read: str) -> None:
    assert score(mark, line(read)) > 0.8


def test_two_letters_say_less_than_eight() -> None:
    assert score("QV", line("QV")) < score("QVX", line("QVX")) < score("Velmoran", line("Velmoran"))


@pytest.mark.parametrize("read", ["QVX", "AQV", "QW", "xQVx", "0V"])
def test_a_mark_of_two_letters_must_be_read_exactly(read: str) -> None:
    assert score("QV", line(read)) == 0


@pytest.mark.parametrize(("mark", "read"), [("Tarn", "Tarm"), ("Mini", "minimum"), ("Ford", "oxfords")])
def test_short_marks_are_not_seen_in_other_words(mark: str, read: str) -> None:
    assert score(mark, line(read)) < 0.3


def test_what_ocr_confuses_costs_less_than_another_letter() -> None:
    exact, confused, other = (score("Solmora", line(read)) for read in ("Solmora", "501mora", "Sotmora"))
    assert exact > confused > other > 0.4
    assert score("Tarnwick", line("Tamvvick")) > 0.7


def test_another_word_of_the_dictionary_is_no_misread_mark() -> None:
    assert score("Nikel", line("nickel")) == 0
    assert score("Velmora", line("Vellora")) > 0.4


@pytest.mark.parametrize("read", ["Velxxra", "Vel", "Melrova"])
def test_too_many_other_letters_are_another_word(read: str) -> None:
    assert score("Velmora", line(read)) == 0


def test_most_of_a_mark_counts_for_a_part() -> None:
    assert 0.3 < score("Tropicwane", line("TROPICW")) < 0.6
    assert score("Tropicwane", line("TROPIC")) == 0  # a word of its own


def test_a_mark_inside_a_longer_run_counts_less() -> None:
    alone, in_words, in_run = (
        score("Velmora", line(read)) for read in ("Velmora", "the Velmora shop", "VelmoraExpress")
    )
    assert alone > in_words > in_run > 0.2
    assert score("Velmora", line("www.velmora.com")) > 0.6


def test_words_on_two_lines_and_beside_each_other_are_one_mark() -> None:
    assert score("Land Orfer", line("LAND", 40, 40), line("ORFER", 36, 72)) > 0.8
    assert score("Land Orfer", line("LAND", 40, 40), line("ORFER", 130, 40)) > 0.8
    assert score("Land Orfer", line("LAND", 40, 40), line("ORFER", 40, 400)) < 0.3


def test_everyday_words_score_lower_and_lowest_in_running_text() -> None:
    text = [line("we sell the apple and pear", top=40 + 32 * row) for row in range(4)]
    text_of_name = [line("we sell the velmo and pear", top=40 + 32 * row) for row in range(4)]
    assert score("Apple", line("Apple")) < 0.6 * score("Velmo", line("Velmo"))
    assert score("Apple", *text) < 0.5 * score("Apple", line("Apple"))
    assert score("Velmo", *text_of_name) > 2 * score("Apple", *text)


def test_confidence_of_reading_counts() -> None:
    assert score("Velmora", line("Velmora", confidence=0.5)) == pytest.approx(
        score("Velmora", line("Velmora")) / 2, abs=1e-3
    )


def test_a_hit_names_holder_brand_mark_and_place() -> None:
    marks = WordMarks([holder("Ostrel", "Velmora", marks=("Velmora Sport",)), holder("Tarn", name="Other")])
    best = marks.find([line("VELMORA", 40, 40), line("SPORT", 40, 72)])[0]
    assert (best.rights_holder, best.brand, best.mark) == ("Holder", "Velmora", "Velmora Sport")
    assert best.box == (40, 40, 166, 102)
    assert best.exact


def test_a_mark_that_names_no_brand_stands_for_the_only_brand() -> None:
    slogan = "Zimply Rune It"
    (hit,) = WordMarks([holder("Velmora", marks=(slogan,))]).find([line(slogan)])
    assert hit.brand == "Velmora"
    (hit,) = WordMarks([holder("Velmora", "Ostrel", marks=(slogan,))]).find([line(slogan)])
    assert hit.brand == slogan


def test_two_holders_of_one_name_are_both_found() -> None:
    found = WordMarks([holder("Velmora", name="A"), holder("Velmora", name="B")]).find([line("Velmora")])
    assert [(hit.rights_holder, hit.brand) for hit in found] == [("A", "Velmora"), ("B", "Velmora")]


def test_the_same_mark_in_two_places_is_found_twice_and_not_within_itself() -> None:
    found = WordMarks([holder("Velmora")]).find([line("Velmora", 40, 40), line("VELMORA shop", 40, 300)])
    assert [hit.text for hit in found] == ["Velmora", "VELMORA"]


@pytest.mark.parametrize("marks", [WordMarks([]), WordMarks([holder("!")]), WordMarks([holder("Velmora")])])
def test_nothing_to_look_for_or_at_finds_nothing(marks: WordMarks) -> None:
    assert marks.find([]) == ()
    assert marks.find([line("Ostrel")]) == ()


@given(
    st.lists(
        st.text(string.ascii_letters + string.digits + " -'éß|可", min_size=1, max_size=14), min_size=1, max_size=6
    ),
    st.lists(st.tuples(st.text(max_size=24), st.floats(0, 600), st.floats(0, 600)), max_size=8),
)
def test_scores_are_shares_best_first_and_the_same_again(
    names: list[str], read: list[tuple[str, float, float]]
) -> None:
    marks = WordMarks([holder(*names)])
    texts = [line(text, left, top) for text, left, top in read]
    found = marks.find(texts)
    assert all(0 < hit.score <= 1 for hit in found)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert found == marks.find(texts)


@given(st.text(string.ascii_lowercase, min_size=6, max_size=16))
def test_every_mark_is_found_when_it_is_read(name: str) -> None:
    (hit, *_) = WordMarks([holder(name)]).find([line(name.upper())])
    assert isinstance(hit, WordHit)
    assert hit.exact
    assert hit.score > 0.4


def test_marks_are_a_brands_own_or_others() -> None:
    words = WordMarks(
        [holder("Velmora", marks=("VELMARA", "Velmora")), holder("Tarnwick", "Zelda", marks=("Zelda Run",), name="Two")]
    )
    assert words.marks_of("Holder", "Velmora") == ("Velmora", "VELMARA")
    assert words.others("Holder", "Velmora") == ("Tarnwick", "Zelda", "Zelda Run")
    assert words.marks_of("Two", "Zelda") == ("Zelda", "Zelda Run")
    assert words.others("Two", "Zelda") == ("Velmora", "VELMARA", "Tarnwick")
    assert WordMarks([]).marks_of("Holder", "Velmora") == ("Velmora",)
