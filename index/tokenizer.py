"""Words to the ids that a text tower takes, without torch: `bytes-v1` is ours, `clip-bpe-v1` that of OpenAI's CLIP."""

from __future__ import annotations

import gzip
import html
import io
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady

TokenizerName = Literal["bytes-v1", "clip-bpe-v1"]

Tokenizer = Callable[[Sequence[str]], NDArray[np.int64]]
"""n texts to (n, context_length) int64 ids."""

PAD, BEGIN, END = 0, 1, 2
"""Ids of `bytes-v1` that stand for no byte."""
FIRST_BYTE = 3
"""Id of byte 0 in `bytes-v1`; byte 255 has the last, 258."""
BYTES_VOCABULARY = FIRST_BYTE + 256
"""How many ids `bytes-v1` has."""
CLIP_VOCABULARY = 49_408
"""How many ids `clip-bpe-v1` has: 256 bytes, each also as a word's last, the merges, begin and end."""
_CLIP_MERGES = CLIP_VOCABULARY - 2 - 2 * 256
_READ_PER_ID = 16
"""Characters looked at for each id: what is longer cannot be made to cost more."""
_LARGEST_VOCABULARY_BYTES = 8_000_000
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


def load_tokenizer(name: TokenizerName, context_length: int, vocabulary: bytes | None = None) -> Tokenizer:
    """The tokenizer that a manifest names, giving `context_length` ids a text.

    `vocabulary` is the gzipped list of merges that `clip-bpe-v1` needs. Raises NotReady where it is none.
    """
    if name == "bytes-v1":
        return lambda texts: byte_ids(texts, context_length)
    return BytePairs(vocabulary or b"", context_length)


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


class BytePairs:
    """`clip-bpe-v1`: byte pair encoding (Sennrich et al. 2016) over bytes, with CLIP's cleaning and vocabulary.

    Gives what open_clip's SimpleTokenizer gives, but for two things: a text that spells ``<end_of_text>`` is read as
    those letters, so that a seller's words cannot end where they like; and no more than 16 characters are read for
    each id.
    """

    def __init__(self, vocabulary: bytes, context_length: int) -> None:
        import regex  # the standard library's `re` knows no classes of Unicode letters

        self._context_length = context_length
        self._words = regex.compile(_WORDS, regex.IGNORECASE)
        self._bytes = {byte: number for number, byte in enumerate(_printable_first())}
        self._merges = self._read_merges(vocabulary)
        self._ids_of = lru_cache(maxsize=10_000)(self._encode)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n, context_length) int64: begin, the merged pairs, end, and zeros."""
        ids = np.zeros((len(texts), self._context_length), dtype=np.int64)
        for row, text in zip(ids, texts, strict=True):
            words = self._words.findall(_cleaned(text[: _READ_PER_ID * self._context_length]))
            content = [number for word in words for number in self._ids_of(word)][: self._context_length - 2]
            row[: len(content) + 2] = [CLIP_VOCABULARY - 2, *content, CLIP_VOCABULARY - 1]
        return ids

    def _encode(self, word: str) -> tuple[int, ...]:
        """Of all neighbors that can merge, those whose merge stands first in the vocabulary do, until none can."""
        parts = [self._bytes[byte] for byte in word.encode("utf-8", "replace")]
        parts[-1] += 256
        while merging := [self._merges[pair] for pair in pairwise(parts) if pair in self._merges]:
            parts = self._merged(parts, min(merging))
        return tuple(parts[: self._context_length])  # more are never asked for, and what is kept stays small

    def _merged(self, parts: list[int], wanted: int) -> list[int]:
        done: list[int] = []
        left = 0
        while left < len(parts):
            pair = tuple(parts[left : left + 2])
            merges = self._merges.get(pair) == wanted
            done.append(wanted if merges else parts[left])
            left += 2 if merges else 1
        return done

    def _read_merges(self, vocabulary: bytes) -> dict[tuple[int, ...], int]:
        """Pair of ids to the id of what they make, which is its place in the list after all bytes."""
        letters = _letters()
        known = {letters[byte]: number for byte, number in self._bytes.items()}
        known |= {letter + "</w>": number + 256 for letter, number in known.items()}
        merges: dict[tuple[int, ...], int] = {}
        try:
            for number, line in enumerate(_lines(vocabulary)[1 : _CLIP_MERGES + 1], start=2 * 256):
                first, second = line.split()
                merges[known[first], known[second]] = number
                known[first + second] = number
        except (OSError, EOFError, ValueError, KeyError, zlib.error) as error:
            raise _no_vocabulary(f"is broken ({error})") from error
        if len(merges) != _CLIP_MERGES:
            raise _no_vocabulary(f"has {len(merges)} merges, not {_CLIP_MERGES}")
        return merges


def _lines(vocabulary: bytes) -> list[str]:
    with gzip.open(io.BytesIO(vocabulary)) as packed:
        return packed.read(_LARGEST_VOCABULARY_BYTES).decode("utf-8").split("\n")


def _no_vocabulary(reason: str) -> NotReady:
    return NotReady(
        f"the tokenizer's vocabulary {reason}", advice="Pull the model again: assayer models pull NAME/TAG."
    )


def _printable_first() -> list[int]:
    """Bytes in the order of CLIP's vocabulary: those that Latin-1 prints, then the others."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return printable + [byte for byte in range(256) if byte not in printable]


def _letters() -> dict[int, str]:
    """The letter that stands for each byte in the list of merges: Latin-1's own, or one from U+0100 on."""
    ordered = _printable_first()
    return {byte: chr(byte) if number < 188 else chr(0x100 + number - 188) for number, byte in enumerate(ordered)}


def _cleaned(text: str) -> str:
    """Mended, unescaped, in lower case, with single spaces: as CLIP read its captions."""
    import ftfy

    mended = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(mended.split()).lower()
