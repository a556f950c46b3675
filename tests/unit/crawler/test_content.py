from __future__ import annotations

import gzip
import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crawler.content import PICTURES, SVG, TEXTS, UNKNOWN, is_text, sniffed_type, why_no_picture


def drawn(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("ICO", "image/x-icon"),
        ("TIFF", "image/tiff"),
        ("AVIF", "image/avif"),
        ("PDF", "application/pdf"),
        ("EPS", "application/postscript"),
    ],
)
def test_what_a_library_wrote(kind: str, found: str) -> None:
    content = drawn(kind)
    assert sniffed_type(content) == found
    assert (found in PICTURES) == found.startswith("image/")


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (gzip.compress(b"x"), "application/gzip"),
        (zipped(), "application/zip"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "video/mp4"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00heic", "image/heic"),
        (b"\x00\x00\x00\x1cftypisom\x00\x00\x00\x00miafavif", "image/avif"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wave"),
        (b"RIFF\x24\x00\x00\x00XXXX", UNKNOWN),
        (b"<!doctype html><p>x", "text/html"),
        (b"  \r\n\t<HTML lang=en>", "text/html"),
        (b"<!-- hello --><div>", "text/html"),
        (b"<script>", "text/html"),
        (b"<paragraph>", "text/plain"),
        (b"\xef\xbb\xbf<html>", "text/html"),
        ("<!DOCTYPE html><p>é".encode("utf-16"), "text/html"),
        (b"\xfe\xff" + "<html>".encode("utf-16-be"), "text/html"),
        ("words".encode("utf-16"), "text/plain"),
        (b"<?xml version='1.0'?><urlset/>", "text/xml"),
        (b'{"products": []}', "application/json"),
        (b"\n[1, 2]", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "application/json"),
        (b"[draft] a note", "text/plain"),
        (b"{color: red}", "text/plain"),
        (b"BMW spare parts", "text/plain"),
        ("Größe 42".encode("latin-1"), "text/plain"),
        ("サイズ".encode("shift-jis"), "text/plain"),
        (b"", "text/plain"),
        (b"\x00\x01\x02", UNKNOWN),
        (b"abc\x00def", UNKNOWN),
    ],
)
def test_what_bytes_show(content: bytes, found: str) -> None:
    assert sniffed_type(content) == found


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg/>",
        b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x.dtd'><svg>",
        b"<!DOCTYPE svg [<!ENTITY a '<b>'> <!ENTITY c ']'> ]>\n<s:svg xmlns:s='http://www.w3.org/2000/svg'>",
        b"\xef\xbb\xbf  <svg width='1'>",
        "<svg>".encode("utf-16"),
        b"<!-- " + b"x" * 9_000 + b" --><svg>",
    ],
)
def test_svg_is_told_from_pictures_and_pages(content: bytes) -> None:
    assert sniffed_type(content) == SVG
    assert SVG not in PICTURES | TEXTS


def test_a_page_that_shows_an_svg_is_a_page() -> None:
    assert sniffed_type(b"<!DOCTYPE html><html><svg></svg></html>") == "text/html"
    assert sniffed_type(b"<svgs>") == "text/plain"


@given(st.binary(max_size=3_000))
def test_every_content_has_a_type(content: bytes) -> None:
    assert "/" in sniffed_type(content)


_FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(), st.integers()) | st.lists(st.none() | st.text() | _FINITE))
def test_json_is_told(value: object) -> None:
    assert sniffed_type(json.dumps(value, indent=1).encode()) == "application/json"


@given(st.sampled_from(sorted(["JPEG", "PNG", "GIF", "WEBP"])), st.integers(0, 200))
def test_a_picture_cut_short_is_still_one(kind: str, length: int) -> None:
    content = drawn(kind)
    assert sniffed_type(content[: 20 + length]) == sniffed_type(content)


@pytest.mark.parametrize("content", [b"<!---->" * 500_000, b"<!DOCTYPE a [" + b"] " * 500_000, b" " * 3_000_000])
def test_a_start_that_never_ends_is_read_no_further_than_the_bound(content: bytes) -> None:
    assert sniffed_type(content) in ("text/html", "text/plain")


def test_why_something_is_no_picture() -> None:
    assert why_no_picture(drawn("PNG")) == ""
    assert why_no_picture(b"") == "answered nothing"
    assert why_no_picture(b"<html>no such picture</html>") == "answered text/html, not a picture"
    assert why_no_picture(b"<svg onload='alert(1)'/>") == "answered an SVG drawing, which is not run"


def test_what_can_be_read_as_text() -> None:
    assert is_text("text/html", "image/jpeg")
    assert is_text("application/json", "")
    assert not is_text(SVG, "text/html")
    assert not is_text("image/png", "text/html")
    page = "<html><p>goods".encode("utf-16-le")  # without a mark
    assert is_text(sniffed_type(page), "text/html")
    assert is_text(UNKNOWN, "application/xhtml+xml")
    assert is_text(UNKNOWN, "application/ld+json")
    assert not is_text(UNKNOWN, "application/octet-stream")
    assert not is_text(UNKNOWN, "")
