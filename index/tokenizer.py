"""Words to the ids that a text tower takes, without torch: `bytes-v1` is ours."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

TokenizerName = Literal["bytes-v1"]

Tokenizer = Callable[[Sequence[str]], NDArray[np.int64]]
"""n texts to (n, context_length) int64 ids."""

PAD, BEGIN, END = 0, 1, 2
"""Ids of `bytes-v1` that stand for no byte."""
FIRST_BYTE = 3
"""Id of byte 0 in `bytes-v1`; byte 255 has the last, 258."""
BYTES_VOCABULARY = FIRST_BYTE + 256
"""How many ids `bytes-v1` has."""
_READ_PER_ID = 16
"""Characters looked at for each id: what is longer cannot be made to cost more."""


def load_tokenizer(name: TokenizerName, context_length: int) -> Tokenizer:
    """The tokenizer that a manifest names, giving `context_length` ids a text."""
    assert name == "bytes-v1"
    return lambda texts: byte_ids(texts, context_length)


def byte_ids(texts: Sequence[str], context_length: int) -> NDArray[np.int64]:
    """`bytes-v1`: BEGIN, the UTF-8 bytes of the NFKC-casefolded text plus FIRST_BYTE, END, and PAD to the end.

    (n, context_length) int64. A longer text is cut at a byte, so that BEGIN and END always stand.
    """
    ids = np.full((len(texts), context_length), PAD, dtype=np.int64)
    for row, text in zip(ids, texts, strict=True):
        folded = unicodedata.normalize("NFKC", text[: _READ_PER_ID * context_length]).casefold()
        content = folded.encode("utf-8", "replace")[: context_length - 2]
        row[0], row[len(content) + 1] = BEGIN, END
        row[1 : len(content) + 1] = np.frombuffer(content, np.uint8).astype(np.int64) + FIRST_BYTE
    return ids
