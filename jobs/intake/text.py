"""Which characters may stand in a field, and where bytes stop being UTF-8."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

CONTROL_CHARACTERS = r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F"
"""Inside of a character class: controls but tab and line breaks. Zero-width and bidirectional characters stay: they
are how marks are hidden, and the signals look for them."""

_CONTROL = re.compile(rf"[{CONTROL_CHARACTERS}\uD800-\uDFFF]")
_LINE_BREAK = re.compile(r"[\t\r\n]")
_URL = re.compile(r"https?://", re.IGNORECASE)


def fault_of(text: str, *, max_length: int, one_line: bool = False) -> str | None:
    """What forbids `text` as a field's value, in one sentence, or None."""
    if len(text) > max_length:
        return f"{len(text)} characters; at most {max_length} are read"
    if found := _CONTROL.search(text):
        return f"holds the control character U+{ord(found.group()):04X}"
    if one_line and _LINE_BREAK.search(text):
        return "holds a tab or line break"
    return None


def is_url(link: str) -> bool:
    """Whether a link starts as an http or https URL."""
    return _URL.match(link) is not None


def fault_of_url(url: str) -> str | None:
    """What forbids `url` as the address of an offer, in one sentence, or None."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"not a URL ({error})"
    if parts.scheme.lower() not in ("http", "https"):
        return "not an http or https URL"
    if not host or re.search(r"\s", url):
        return "not a URL: it has no host, or a blank in it"
    return None


def fault_of_utf8(content: bytes) -> str:
    """Which byte of a line is not UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte 0x{content[error.start]:02X} at position {error.start + 1} of the line"
    raise ValueError("is UTF-8")


def collapse(text: str) -> str:
    """One line, single blanks, none at the ends."""
    return " ".join(text.split())
