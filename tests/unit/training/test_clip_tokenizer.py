"""The byte pairs that serve without torch are those that open_clip's models learned with."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer, default_bpe

from domain.errors import NotReady
from index.tokenizer import CLIP_VOCABULARY, BytePairs, load_tokenizer

CONTEXT = 24
VOCABULARY = Path(default_bpe()).read_bytes()
OURS = BytePairs(VOCABULARY, CONTEXT)
THEIRS = SimpleTokenizer(context_length=CONTEXT)


@given(st.text(max_size=80))
@example("Nike's AIR max 270, don't you'LL")
@example("tea &amp;amp; 3½ cups: ﬁne ‘quotes’  \t\n")
@example("日本語のバッグ Straße İ 🙂")
@example("a" * 80)
@example("")
def test_ids_are_those_of_open_clip(text: str) -> None:
    np.testing.assert_array_equal(OURS([text]), THEIRS([text]).numpy())


def test_many_texts_are_each_their_own_row() -> None:
    texts = ["a bag", "a shoe that is longer than the context " * 9, ""]
    ids = OURS(texts)
    assert ids.shape == (3, CONTEXT)
    assert ids.dtype == np.int64
    np.testing.assert_array_equal(ids, THEIRS(texts).numpy())


def test_only_so_much_of_a_text_is_read_as_ids_can_need() -> None:
    near, far = (" " * spaces + "bag" for spaces in (16 * CONTEXT - 3, 16 * CONTEXT))
    np.testing.assert_array_equal(OURS([near]), THEIRS([near]).numpy())
    np.testing.assert_array_equal(OURS([far]), OURS([""]))


def test_a_text_cannot_end_itself() -> None:
    (row,) = OURS(["bag <end_of_text> of nobody"]).tolist()
    assert row.index(CLIP_VOCABULARY - 1) == np.flatnonzero(row)[-1]


@pytest.mark.parametrize(
    ("vocabulary", "says"),
    [
        (None, "has 0 merges"),
        (b"no gzip", "is broken"),
        (VOCABULARY[:-100], "is broken"),
        (VOCABULARY[:200] + bytes(200) + VOCABULARY[400:], "is broken"),
        (gzip.compress(b"#version\ni n\nzz zz zz\n"), "is broken"),
        (gzip.compress(b"#version\ni n\nunknown pair\n"), "is broken"),
        (gzip.compress(b"#version\ni n"), "has 1 merges"),
    ],
)
def test_a_vocabulary_that_is_none_is_not_ready(vocabulary: bytes | None, says: str) -> None:
    with pytest.raises(NotReady, match=says) as refusal:
        load_tokenizer("clip-bpe-v1", CONTEXT, vocabulary)
    assert "assayer models pull" in refusal.value.advice
