from __future__ import annotations

import contextlib
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.decoding import BodyTooLarge, BrokenBody, decoded


@given(st.binary(max_size=2000), st.integers(1, 50), st.sampled_from([("gzip", 31), ("deflate", 15), ("deflate", -15)]))
def test_what_was_packed_comes_back_whatever_the_chunks(body: bytes, size: int, way: tuple[str, int]) -> None:
    encoding, window_bits = way
    packer = zlib.compressobj(wbits=window_bits)
    packed = packer.compress(body) + packer.flush()
    chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert decoded(chunks, encoding, max_bytes=5000) == body


def test_a_bomb_is_not_held_in_memory() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(90)) + packer.flush()
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            decoded([bomb], "gzip", max_bytes=1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@given(st.lists(st.binary(max_size=100), max_size=10), st.sampled_from(["gzip", "deflate", "x-gzip"]))
def test_noise_is_refused_and_never_another_error(chunks: list[bytes], encoding: str) -> None:
    with contextlib.suppress(BodyTooLarge, BrokenBody):
        decoded(chunks, encoding, max_bytes=200)


def test_what_follows_the_end_is_not_left_out_in_silence() -> None:
    one, two = (zlib.compress(part, wbits=31) for part in (b"first", b"second"))
    for chunks in ([one + two], [one, two]):
        with pytest.raises(BrokenBody, match="more follows"):
            decoded(chunks, "gzip", max_bytes=100)
