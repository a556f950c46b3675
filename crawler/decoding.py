"""Compressed bodies, unpacked no further than allowed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

_GZIP = zlib.MAX_WBITS | 16
_ENCODINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


class BodyTooLarge(Exception):
    """More bytes than allowed, as sent or unpacked."""


class BrokenBody(Exception):
    """Not what its encoding says, cut short, or in an encoding that was not asked for."""


def decoded(chunks: Iterable[bytes], encoding: str, max_bytes: int) -> bytes:
    """The body, unpacked by its Content-Encoding; at most `max_bytes`, both as sent and unpacked.

    Never holds more than that and one chunk, whatever the ratio. Raises BodyTooLarge or BrokenBody.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return b"".join(_bounded(chunks, max_bytes))
    if encoding not in _ENCODINGS:
        raise BrokenBody(f"answers in an encoding that was not asked for ({encoding[:40]})")
    try:
        return _inflated(_bounded(chunks, max_bytes), encoding, max_bytes)
    except zlib.error as error:
        raise BrokenBody(f"its {encoding} encoding is broken") from error


def _bounded(chunks: Iterable[bytes], max_bytes: int) -> Iterable[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise BodyTooLarge
        yield chunk


def _inflated(chunks: Iterable[bytes], encoding: str, max_bytes: int) -> bytes:
    body = bytearray()
    unpacker = None
    for chunk in filter(None, chunks):
        if unpacker is None:
            unpacker = zlib.decompressobj(_window_bits(encoding, chunk))
        elif unpacker.eof:
            raise BrokenBody(f"more follows the end of its {encoding} encoding")
        # one byte more than allowed, so that "exactly" and "more" differ
        body += unpacker.decompress(chunk, max_bytes + 1 - len(body))
        if len(body) > max_bytes:
            raise BodyTooLarge
    if unpacker is not None and not unpacker.eof:
        raise BrokenBody(f"its {encoding} encoding is cut short")
    if unpacker is not None and unpacker.unused_data:
        raise BrokenBody(f"more follows the end of its {encoding} encoding")
    return bytes(body)


def _window_bits(encoding: str, start: bytes) -> int:
    # "deflate" is meant to be zlib's format, but some servers send the bare stream (as RFC 9110 section 8.4.1.2 notes)
    if encoding == "deflate" and start[:1] and start[0] & 0x0F != zlib.DEFLATED:
        return -zlib.MAX_WBITS
    return _ENCODINGS[encoding]
