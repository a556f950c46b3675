"""Status line and headers as bytes: as they were received, and as an archive states them beside a decoded body."""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from crawler.capture.captured import Captured, Headers

_HTTP_1 = re.compile(r"HTTP/1\.[01]")
_ENCODINGS = (b"content-encoding", b"transfer-encoding")
_ORIGINAL = b"X-Archive-Orig-"
_ENDS_LINES = bytes.maketrans(b"\r\n\0", b"   ")
_SECRET = frozenset({b"authorization", b"proxy-authorization", b"cookie", b"x-api-key", b"api-key", b"x-auth-token"})
_LEFT_OUT = b"(left out of the record)"


def received_block(answer: Captured) -> bytes:
    """Status line and headers of an answer, ended by an empty line.

    The status line is made from the status: its words say nothing (RFC 9112 section 4) and HTTP/2 has none. A line
    break or NUL inside a header is a space, as for every receiver (RFC 9110 section 5.5).
    """
    return _block(_status_line(answer), answer.headers)


def archived_block(answer: Captured) -> bytes:
    """`received_block` for a record that holds the decoded body.

    Readers of archives would decode it once more, so headers that speak of the bytes on the wire are renamed to
    ``X-Archive-Orig-…``, as other archivers do, and Content-Length is the body's own.
    """
    kept: list[tuple[bytes, bytes]] = []
    for name, value in answer.headers:
        key = name.strip().lower()
        wrong_length = key == b"content-length" and value.strip() != b"%d" % len(answer.body)
        kept.append((_ORIGINAL + name if key in _ENCODINGS or wrong_length else name, value))
    if all(name.strip().lower() != b"content-length" for name, _ in kept):
        kept.append((b"Content-Length", b"%d" % len(answer.body)))
    return _block(_status_line(answer), kept)


def request_block(answer: Captured) -> bytes:
    """Request line and headers as sent, without what proves who asks."""
    parts = urlsplit(answer.final_url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = list(answer.request_headers or ())
    if all(name.strip().lower() != b"host" for name, _ in sent):
        sent.insert(0, (b"Host", _ascii(parts.netloc.rpartition("@")[2])))
    told = [(name, _LEFT_OUT if name.strip().lower() in _SECRET else value) for name, value in sent]
    return _block(b"%s %s HTTP/1.1" % (_ascii(answer.method), _ascii(target)), told)


def _status_line(answer: Captured) -> bytes:
    protocol = answer.protocol if _HTTP_1.fullmatch(answer.protocol) else "HTTP/1.1"
    status = answer.status or 0
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"{protocol} {status:03} {phrase}".encode()


def _block(first: bytes, headers: Headers) -> bytes:
    lines = [first, *(_line(name) + b": " + _line(value) for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _line(text: bytes) -> bytes:
    return text.translate(_ENDS_LINES)


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "backslashreplace").translate(_ENDS_LINES)
