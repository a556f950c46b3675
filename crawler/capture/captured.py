"""What a capture is made of: plain values, so that it can be handed to a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.capture import CaptureKind

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """One answer of a server, or a picture of how a browser showed it."""

    kind: CaptureKind
    url: str
    """As asked for."""
    final_url: str
    """The one that answered: after redirects."""
    body: bytes
    """Decompressed, otherwise untouched."""
    received_at: datetime
    """UTC, when the answer was complete. Screenshots of one page need times of their own."""
    status: int | None = None
    """HTTP status; None for a screenshot."""
    headers: Headers = ()
    """Of the answer, as received: those too that say how the body was compressed."""
    protocol: str = "HTTP/1.1"
    ip_address: str = ""
    """Empty when it is not known."""
    certificate: bytes | None = None
    """The server's TLS certificate, DER; None without TLS."""
    method: str = "GET"
    request_headers: Headers | None = None
    """As sent; None: the request is not recorded. What proves who asks is left out of the record in any case."""
    request_body: bytes = b""
    concurrent_to: str = ""
    """`Capture.warc_record_id` of the page that a screenshot shows; empty when there is none."""

    @property
    def content_type(self) -> str:
        """As the server says, lower case, without parameters, at most 100 characters."""
        if self.kind is CaptureKind.SCREENSHOT:
            return "image/png"
        if self.kind is CaptureKind.RENDERED:
            return "text/html"
        stated = next((value for name, value in self.headers if name.strip().lower() == b"content-type"), b"")
        text = stated.decode("latin-1").partition(";")[0].strip().lower()[:100]
        return text if text.isascii() and text.isprintable() else ""
