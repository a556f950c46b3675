"""What was captured from the web, so that a court can follow it: which bytes, when, from which address, over which
certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CaptureKind(StrEnum):
    """What the bytes of a capture are."""

    PAGE = "page"
    IMAGE = "image"
    SCREENSHOT = "screenshot"
    RENDERED = "rendered"
    """A page's document as it stood in a browser once its scripts had run, UTF-8."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """One answer of one server, or a picture of how a browser showed it. Captures are added, never changed."""

    kind: CaptureKind
    url: str
    """As asked for."""
    final_url: str
    """After redirects; the same as `url` without them."""
    captured_at: datetime
    """UTC, when the answer was complete."""
    body_sha256: str
    """The body's digest, 64 hex digits: its name in the evidence store. Decompressed, otherwise untouched."""
    size: int
    """Of the body, in bytes."""
    content_type: str = ""
    """As the server says, lower case, without parameters; may be wrong."""
    status: int | None = None
    """HTTP status; None for a screenshot."""
    headers_sha256: str = ""
    """The answer's status line and headers as sent, in the evidence store; empty for a screenshot."""
    ip_address: str = ""
    """The address that answered; empty when it is not known."""
    certificate_sha256: str = ""
    """SHA-256 of the server's DER-encoded TLS certificate, 64 hex digits, which is in the evidence store; empty
    without TLS."""
    warc: str = ""
    """Name of the WARC file that holds the record; empty when there is none."""
    warc_offset: int | None = None
    """Where the record begins in that file, in bytes; None when there is none."""
    warc_record_id: str = ""
    """The record's own name, ``<urn:uuid:…>``; empty when there is none."""
    warc_revisit: bool = False
    """Whether that record holds the headers alone and refers to an earlier record of the same bytes."""
    crawl: str = ""
    """Which crawl made it."""

    @property
    def key(self) -> tuple[str, str, str]:
        """(url, time, kind): unique within a tenant."""
        return (self.url, self.captured_at.isoformat(), self.kind.value)

    @property
    def order(self) -> tuple[datetime, str, str]:
        """Oldest first; what was captured at the same time, by url and kind."""
        return (self.captured_at, self.url, self.kind.value)
