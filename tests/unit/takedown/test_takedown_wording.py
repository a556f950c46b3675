import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown.wording import (
    _LEGIBLE,
    ascii_only,
    latin_only,
    legible,
    personal_data_in,
    plain,
    visible,
    withhold_personal_data,
)

any_text = st.text(alphabet=st.characters(exclude_categories=()))


def test_hidden_characters_are_shown():
    assert visible("a\u202eb\u200bc\ud800") == "a[U+202E]b[U+200B]c[U+D800]"
    assert plain("  a \r\n\t b\u2028c ") == "a b c"


def test_long_text_ends_in_an_ellipsis():
    assert plain("abcdef", 4) == "abc…"
    assert plain("abcd", 4) == "abcd"


def test_what_the_letter_cannot_show_is_transliterated():
    assert legible("Bag 高仿 1:1") == "Bag [GaoFang] 1:1"
    assert legible("Сумка Tasche Größe €") == "Сумка Tasche Größe €"
    assert ascii_only("Größe") == "Gr[oss]e"
    assert latin_only("Größe 高") == "Größe [Gao]"


@given(any_text)
def test_plain_text_is_printable_stable_and_encodable(text):
    once = plain(text)
    assert once.isprintable()
    assert plain(once) == once
    once.encode()


@given(any_text)
def test_legible_text_is_within_the_letters_fonts(text):
    shown = legible(text)
    assert shown == "" or _LEGIBLE.fullmatch(shown)
    assert ascii_only(text).isascii()
    latin_only(text).encode("latin-1")


@pytest.mark.parametrize(
    ("text", "withheld"),
    [
        ("write jane.doe+x@mail.example today", "write [e-mail address withheld] today"),
        ("call +49 (170) 123-4567.", "call [number withheld]."),
        ("WhatsApp: 0170 1234567 now", "WhatsApp: [number withheld] now"),
    ],
)
def test_personal_data_is_found_and_withheld(text, withheld):
    assert len(personal_data_in(text)) == 1
    assert withhold_personal_data(text) == withheld
    assert personal_data_in(withheld) == ()


@pytest.mark.parametrize(
    "text", ["GTIN 00012345600012", "no. 018000001", "19.90 EUR, was 199.00", "item/5551234567", "@handle", "1:1 5+5"]
)
def test_numbers_of_trade_are_not_personal_data(text):
    assert personal_data_in(text) == ()


def test_what_counts_as_hidden_includes_every_format_character():
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character) == "Cf":
            assert visible(character) != character
