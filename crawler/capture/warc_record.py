"""Records of a WARC file (ISO 28500:2017, WARC 1.1) as gzip members, built by warcio.

Digests are SHA-256 in hexadecimal, ``sha256:…``, where warcio's own are SHA-1 in base 32: the standard leaves both
open, SHA-1 collisions can be made, and in this form a digest is the evidence store's name of the same bytes and what
``sha256sum`` prints.
"""

from __future__ import annotations

import gzip
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from urllib.parse import quote
from uuid import uuid4

from warcio.recordloader import ArcWarcRecord  # type: ignore[import-untyped]
from warcio.statusandheaders import StatusAndHeaders  # type: ignore[import-untyped]
from warcio.warcwriter import WARCWriter  # type: ignore[import-untyped]

VERSION = "WARC/1.1"
REVISIT_PROFILE = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
_GZIP_LEVEL = 6
"""On shop pages warcio's own 9 takes 1.6 times as long for one percent."""
_GZIP_LEVEL_OF_PICTURES = 0
"""Compressed already: trying again takes twenty times as long for nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One record before it is written."""

    kind: str
    """``warcinfo``, ``response``, ``request``, ``resource`` or ``revisit``."""
    date: datetime
    content_type: str
    fields: Mapping[str, str]
    """Further fields of the record's own header; the empty ones are left out."""
    block: bytes = b""
    """Status line or request line and headers, as they go to the file; empty where there are none."""
    payload: bytes = b""
    """Left out of a revisit, and counted in no digest of it but `payload_sha256`."""
    payload_sha256: str = ""
    """64 hex digits; empty: the record tells none."""
    record_id: str = ""
    is_picture: bool = False

    @property
    def member(self) -> bytes:
        """The record as one gzip member."""
        buffer = BytesIO()
        WARCWriter(buffer, gzip=False, warc_version=VERSION).write_record(self._record())
        level = _GZIP_LEVEL_OF_PICTURES if self.is_picture else _GZIP_LEVEL
        return gzip.compress(buffer.getvalue(), compresslevel=level, mtime=0)

    def _record(self) -> ArcWarcRecord:
        body = b"" if self.kind == "revisit" else self.payload
        fields = {
            "WARC-Type": self.kind,
            "WARC-Record-ID": self.record_id or new_record_id(),
            "WARC-Date": warc_date(self.date),
            **{name: _one_line(value) for name, value in self.fields.items() if value},
            "WARC-Payload-Digest": f"sha256:{self.payload_sha256}" if self.payload_sha256 else "",
            "WARC-Block-Digest": f"sha256:{sha256(self.block + body).hexdigest()}",
        }
        header = StatusAndHeaders("", [(name, value) for name, value in fields.items() if value], protocol=VERSION)
        http = _AsReceived(self.block) if self.block else None
        record = ArcWarcRecord("warc", self.kind, header, BytesIO(body), http, self.content_type, len(body))
        record.payload_length = len(body)
        return record


class _AsReceived(StatusAndHeaders):  # type: ignore[misc]
    """Headers that go to the file byte by byte: warcio's own would decode them and percent-encode what is not ASCII."""

    def __init__(self, block: bytes) -> None:
        super().__init__("as received", [])
        self._block = block

    def compute_headers_buffer(self, header_filter: object = None) -> None:
        self.headers_buff = self._block


def new_record_id() -> str:
    """A record's name, unique in the world."""
    return f"<urn:uuid:{uuid4()}>"


def warc_date(time: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def target_uri(url: str) -> str:
    """The address as a URI: what no URI may hold is percent-encoded, so that it cannot end the line either."""
    return quote(url, safe=string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%", errors="replace")


def _one_line(value: str) -> str:
    return " ".join(value.split())
