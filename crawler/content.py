"""What bytes are, by themselves: a name, a header and an ending are what a stranger says.

The patterns are those of the WHATWG's MIME Sniffing standard (sections 6.1, 6.2, 6.4 and 7.1), with the pictures that
came after it (AVIF and HEIC by their ISO/IEC 14496-12 brand, JPEG XL by ISO/IEC 18181-2, TIFF), and with what else
shops answer: SVG, which the standard leaves to what the server says, and JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

UNKNOWN = "application/octet-stream"
SVG = "image/svg+xml"

PICTURES = frozenset(
    f"image/{kind}" for kind in ("jpeg", "png", "gif", "webp", "bmp", "x-icon", "avif", "heic", "jxl", "tiff")
)
"""Pictures made of pixels. `SVG` is none of them: it is a program that draws, and is never run."""
TEXTS = frozenset({"text/html", "text/xml", "text/plain", "application/json"})
"""What can be read as text; HTML that does not start as such is plain text here."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x00\x00\x02\x00", "image/x-icon"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar \x1a\x07\x00", "application/x-rar-compressed"),
    (b"OggS\x00", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
_RIFF: tuple[tuple[bytes, str], ...] = ((b"WEBPVP", "image/webp"), (b"WAVE", "audio/wave"), (b"AVI ", "video/avi"))
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"), "image/heic"
)
_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xff\xfe", "utf-16-le"),
)

_HEADER_BYTES = 1_445
"""As much as the standard looks at."""
_PROLOG_BYTES = 16_384
"""SVG files begin with comments, declarations and entities; as much of those is passed over."""
_BLANK = b" \t\n\x0c\r"
# those of the standard: tags with which pages begin, each ended by a blank or ">"
_TAG = re.compile(
    rb"<(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P)[ >]|<!--", re.IGNORECASE
)
_MARKUP = re.compile(rb"<(?:\?.*?\?>|!--.*?-->|!DOCTYPE\b[^>\[]*(?:\[.*?\]\s*)?>)", re.DOTALL | re.IGNORECASE)
_SVG = re.compile(rb"<(?:svg|[A-Za-z_][\w.-]*:svg)(?=[\s/>])")
_JSON = re.compile(rb'\{\s*(?:"|\})|\[\s*(?:["{\[\]\d-]|true\b|false\b|null\b)')
_TEXT_TYPE = re.compile(r"text/|application/(?:[\w.-]+\+)?(?:json|xml)\b")
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def sniffed_type(content: bytes) -> str:
    """The content type that the bytes show, such as ``image/png``; `UNKNOWN` for binary data of no kind known here.

    Text that is neither HTML, XML, SVG nor JSON is ``text/plain``, and so is nothing at all. Only a bounded start is
    read: what begins as a picture may be broken further on.
    """
    return _known(content) or _text(content)


def is_text(kind: str, content_type: str) -> bool:
    """Whether content that shows itself to be of `kind` can be read as text.

    Where bytes show nothing the server's word counts: UTF-16 without a mark, a page with a stray control character.
    """
    return kind in TEXTS or (kind == UNKNOWN and bool(_TEXT_TYPE.match(content_type)))


def why_no_picture(content: bytes) -> str:
    """In a few words; empty when the bytes begin as a picture of pixels does."""
    kind = sniffed_type(content)
    if kind in PICTURES:
        return ""
    if not content:
        return "answered nothing"
    return "answered an SVG drawing, which is not run" if kind == SVG else f"answered {kind}, not a picture"


def _known(content: bytes) -> str | None:
    if content.startswith(b"RIFF"):
        return next((kind for mark, kind in _RIFF if content.startswith(mark, 8)), None)
    if content[4:8] == b"ftyp":
        return _media(content)
    if content.startswith(b"BM") and content[6:10] == bytes(4):  # reserved there; two letters alone begin many a text
        return "image/bmp"
    return _first(content, _MAGIC)


def _media(content: bytes) -> str:
    """By the major brand, else by the compatible ones: pictures and films share one container."""
    box = content[: min(int.from_bytes(content[:4], "big"), 256)]
    brands = [box[8:12], *(box[at : at + 4] for at in range(16, len(box) - 3, 4))]
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "video/mp4")


def _text(content: bytes) -> str:
    header = content[:_HEADER_BYTES]
    mark = next((mark for mark, _ in _BYTE_ORDER_MARKS if header.startswith(mark)), None)
    if mark:
        encoding = dict(_BYTE_ORDER_MARKS)[mark]
        start = content[len(mark) : _PROLOG_BYTES].decode(encoding, "replace").encode("utf-8", "replace")
        return _markup(start) or "text/plain"
    return _markup(content[:_PROLOG_BYTES]) or (UNKNOWN if _BINARY.search(header) else "text/plain")


def _markup(start: bytes) -> str | None:
    start = start.lstrip(_BLANK)
    if _is_svg(start):
        return SVG
    if _TAG.match(start):
        return "text/html"
    if start.startswith(b"<?xml"):
        return "text/xml"
    return "application/json" if _JSON.match(start) else None


def _is_svg(start: bytes) -> bool:
    """Whether the first element is ``svg``, after declarations, comments and a document type."""
    while passed := _MARKUP.match(start):
        start = start[passed.end() :].lstrip(_BLANK)
    return bool(_SVG.match(start))


def _first(content: bytes, patterns: Iterable[tuple[bytes, str]]) -> str | None:
    return next((kind for mark, kind in patterns if content.startswith(mark)), None)
