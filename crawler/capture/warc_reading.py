"""Records of WARC files read back and held against their digests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from warcio.exceptions import ArchiveLoadFailed  # type: ignore[import-untyped]
from warcio.recordloader import ArcWarcRecordLoader  # type: ignore[import-untyped]
from warcio.statusandheaders import StatusAndHeadersParserException  # type: ignore[import-untyped]

from crawler.capture.warc_ending import OPEN
from crawler.capture.warc_members import read_member
from domain.errors import NotFound

MAX_RECORD_BYTES = 1 << 28
"""A record that grows past 256 MiB is not one of ours."""

_HEAD_ENDS = b"\r\n\r\n"
_UNREADABLE = (ArchiveLoadFailed, StatusAndHeadersParserException, EOFError, ValueError)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRecord:
    """One record as it stands in a file."""

    fields: Mapping[str, str]
    """Of the record's own header."""
    block: bytes
    """What follows that header: for HTTP the status line or request line, headers and body."""
    offset: int
    end: int
    """Where the next record begins."""

    @property
    def kind(self) -> str:
        """``response``, ``request``, ``resource``, ``revisit`` or ``warcinfo``."""
        return self.fields.get("WARC-Type", "")

    @property
    def record_id(self) -> str:
        """Its own name."""
        return self.fields.get("WARC-Record-ID", "")

    @property
    def head(self) -> bytes:
        """Status line or request line and headers with the empty line; empty for what is not HTTP."""
        if not self.fields.get("Content-Type", "").startswith("application/http"):
            return b""
        head, found, _ = self.block.partition(_HEAD_ENDS)
        return head + found

    @property
    def payload(self) -> bytes:
        """The body."""
        return self.block[len(self.head) :]

    @property
    def payload_sha256(self) -> str:
        """As the record says; for a revisit, of the bytes it refers to. Empty when it says none."""
        return self.fields.get("WARC-Payload-Digest", "").removeprefix("sha256:")

    @property
    def problem(self) -> str:
        """What its digests say against its bytes, in one sentence; empty when they agree."""
        if self.fields.get("WARC-Block-Digest") != f"sha256:{sha256(self.block).hexdigest()}":
            return "its bytes do not hash to its WARC-Block-Digest"
        holds = self.kind in ("response", "resource")
        if holds and self.payload_sha256 != sha256(self.payload).hexdigest():
            return "its body does not hash to its WARC-Payload-Digest"
        return ""


def read_record(file: BinaryIO, offset: int) -> StoredRecord | None:
    """The record that begins at `offset`; None when no whole one does."""
    member = read_member(file, offset, max_bytes=MAX_RECORD_BYTES)
    if member is None:
        return None
    content, end = member
    try:
        found = ArcWarcRecordLoader().parse_record_stream(BytesIO(content), known_format="warc", no_record_parse=True)
        block: bytes = found.raw_stream.read()
        fields = {str(name): str(value) for name, value in found.rec_headers.headers}
    except _UNREADABLE:
        return None
    if fields.get("Content-Length") != str(len(block)) or not content.endswith(block + _HEAD_ENDS):
        return None
    return StoredRecord(fields=fields, block=block, offset=offset, end=end)


def read_records(file: BinaryIO) -> Iterator[StoredRecord | None]:
    """All from the first on; None, and no more, where a record is not whole."""
    size = file.seek(0, 2)
    offset = 0
    while offset < size:
        record = read_record(file, offset)
        yield record
        if record is None:
            return
        offset = record.end


class WarcFiles:
    """The WARC files under a folder, by name."""

    def __init__(self, folder: Path) -> None:
        self._paths = {
            path.name.removesuffix(OPEN): path
            for ending in ("*.warc.gz", f"*.warc.gz{OPEN}")
            for path in sorted(folder.rglob(ending))
        }

    @property
    def paths(self) -> Mapping[str, Path]:
        """By the name that captures know, also of files that are still being written."""
        return self._paths

    def record(self, warc: str, offset: int) -> StoredRecord | None:
        """The record that begins there; None when the file is not here or no whole record is."""
        path = self._paths.get(warc)
        if path is None:
            return None
        with path.open("rb") as file:
            return read_record(file, offset)

    def member(self, warc: str, offset: int) -> bytes:
        """The record that begins there, byte by byte as it stands in the file. Raises NotFound."""
        record = self.record(warc, offset)
        if record is None:
            raise NotFound(f"no whole record begins at byte {offset} of {warc}")
        with self._paths[warc].open("rb") as file:
            file.seek(offset)
            return file.read(record.end - offset)

    def request_of(self, response: StoredRecord, warc: str) -> StoredRecord | None:
        """The request that led to a response: it was written right after it."""
        following = self.record(warc, response.end)
        if following is None or following.fields.get("WARC-Concurrent-To") != response.record_id:
            return None
        return following if following.kind == "request" else None
