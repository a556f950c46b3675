from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from index.tokenizer import BEGIN, BYTES_VOCABULARY, END, FIRST_BYTE, PAD, byte_ids


def content(row: list[int]) -> bytes:
    """The bytes between BEGIN and END."""
    assert row[0] == BEGIN
    end = row.index(END)
    assert set(row[end + 1 :]) <= {PAD}
    return bytes(number - FIRST_BYTE for number in row[1:end])


def test_ids_are_bytes_between_begin_and_end() -> None:
    ids = byte_ids(["AB", "", "é"], 6)
    assert ids.dtype == np.int64
    assert ids.tolist() == [
        [BEGIN, ord("a") + 3, ord("b") + 3, END, PAD, PAD],
        [BEGIN, END, PAD, PAD, PAD, PAD],
        [BEGIN, 0xC3 + 3, 0xA9 + 3, END, PAD, PAD],
    ]


def test_what_reads_alike_has_equal_ids() -> None:
    rows = byte_ids(["Ｆｏｘ Straße", "FOX STRASSE", "fox strasse"], 32)
    assert (rows == rows[0]).all()


def test_no_texts_have_no_rows() -> None:
    assert byte_ids([], 8).shape == (0, 8)


def test_a_long_text_is_cut_and_still_ends() -> None:
    (row,) = byte_ids(["abc" * 1000], 16).tolist()
    assert content(row) == b"abcabcabcabcab"


@given(st.lists(st.text(), max_size=4), st.integers(3, 40))
def test_any_text_becomes_its_own_bytes_within_the_vocabulary(texts: list[str], length: int) -> None:
    ids = byte_ids(texts, length)
    assert ids.shape == (len(texts), length)
    assert ids.min(initial=0) >= 0
    assert ids.max(initial=0) < BYTES_VOCABULARY
    for text, row in zip(texts, ids.tolist(), strict=True):
        whole = unicodedata.normalize("NFKC", text).casefold().encode("utf-8", "replace")
        assert content(row) == whole[: length - 2]


def test_a_text_that_is_no_unicode_is_read_all_the_same() -> None:
    (row,) = byte_ids(["a\udc80b"], 8).tolist()
    assert content(row) == b"a?b"
