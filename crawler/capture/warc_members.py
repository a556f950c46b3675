"""The gzip members of a WARC file: where each ends, what it holds, and what a killed process left half."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

_CHUNK = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


def read_member(file: BinaryIO, offset: int, *, max_bytes: int) -> tuple[bytes, int] | None:
    """(content, where the next one begins) of the member at `offset`; None when it is not whole.

    Whole is one whose checksum and length agree. One of more than `max_bytes` decompressed counts as not whole.
    """
    parts: list[bytes] = []
    size = 0
    end = offset
    for part, end in _decompressed(file, offset):  # noqa: B007
        size += len(part)
        if size > max_bytes:
            return None
        parts.append(part)
    return (b"".join(parts), end) if end > offset else None


def whole_bytes(file: BinaryIO) -> int:
    """Where the last whole member ends that has only whole ones before it."""
    whole = 0
    while True:
        end = whole
        for _, end in _decompressed(file, whole):  # noqa: B007
            pass
        if end == whole:
            return whole
        whole = end


def _decompressed(file: BinaryIO, offset: int) -> Iterator[tuple[bytes, int]]:
    """Parts of the member at `offset`, each with `offset`; the last one with the member's end where that is whole."""
    file.seek(offset)
    decompressor = zlib.decompressobj(_GZIP)
    position, pending = offset, b""
    while not decompressor.eof:
        if not pending:
            pending = file.read(_CHUNK)
            position += len(pending)
            if not pending:
                yield b"", offset
                return
        try:
            part = decompressor.decompress(pending, _CHUNK)
        except zlib.error:
            yield b"", offset
            return
        pending = decompressor.unconsumed_tail
        yield part, position - len(decompressor.unused_data) if decompressor.eof else offset
