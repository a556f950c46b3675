"""A logo's file to pixels with transparency: PNG, JPEG, WebP, GIF, or SVG drawn in a process of its own."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ParseError, tostring

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from domain.errors import ImageRefused
from store.images import RGB, RGBA, decode_rgba

SVG_SIDE = 512
"""Pixels of the longer side at which an SVG is drawn."""
MAX_SVG_BYTES = 1_000_000
MAX_SVG_ELEMENTS = 20_000
MAX_SVG_DEPTH = 200

_CPU_S, _WALL_S = 3, 60
"""Of drawing one SVG; a machine that has other things to do is no reason to refuse it."""
_MEMORY_BYTES = 1_000_000_000
_PROCESS = Path(__file__).with_name("svg_process.py")

_SVG = "{http://www.w3.org/2000/svg}"
_ACTIVE = {"script", "foreignObject", "iframe", "audio", "video", "handler"}
_PICTURES = {"image", "feImage"}
_EMBEDDED = re.compile(r"\s*data:image/(png|jpe?g);base64,", re.IGNORECASE)
_ELSEWHERE = re.compile(r"@import|url\(\s*+['\"]?+\s*+(?!#)[^)\s'\"]", re.IGNORECASE)
"""In a style: what lies in another file. Possessive: what was skipped is not looked at again, however much it is."""
_PALE, _GRAY = 215.0, 90.0
"""Mean level from which a logo is hardly seen on white, and the level of the ground on which it is."""
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def decode_logo(
    content: bytes, *, name: str | None = None, max_bytes: int = 20_000_000, max_pixels: int = 50_000_000
) -> RGBA:
    """A logo as (height, width, 4) uint8 RGBA; an SVG at `SVG_SIDE`.

    With `name`, its suffix must agree with the content. Raises ImageRefused: as `store.images.decode_rgba`; an SVG
    that is too large, is not well-formed, declares entities, refers to other files, runs scripts, has text that is
    not converted to paths, or does not draw within its limits; a picture in which everything is transparent.
    """
    named_svg = bool(name) and PurePosixPath(str(name)).suffix.lower() == ".svg"
    if is_markup(content):
        if name and not named_svg and PurePosixPath(name).suffix:
            raise ImageRefused("not a JPEG, PNG, WebP or GIF picture but markup, as an SVG is", file=name)
        rgba = _drawn(content, name, min(max_bytes, MAX_SVG_BYTES))
    elif named_svg:
        raise ImageRefused("not an SVG, as its name says", file=name)
    else:
        rgba = decode_rgba(content, name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    if not rgba[..., 3].any():
        raise ImageRefused("everything in it is transparent", file=name)
    return rgba


def shown_logo(content: bytes) -> RGB:
    """A logo as people are shown it, (height, width, 3): on white, or on gray where it is too pale for that.

    Raises ImageRefused as `decode_logo` does.
    """
    rgba = decode_logo(content)
    share = rgba[..., 3:].astype(np.float32) / 255
    brightness = float((rgba[..., :3].mean(axis=2, keepdims=True) * share).sum() / share.sum())
    ground = 255.0 if brightness < _PALE else _GRAY
    return np.asarray(np.rint(rgba[..., :3] * share + ground * (1 - share)), np.uint8)


def is_markup(content: bytes) -> bool:
    """Whether these bytes begin as an SVG does, and no other picture."""
    start = content[:1_000]
    return start.startswith(_BYTE_ORDER_MARKS) or start.lstrip()[:1] == b"<"


def _drawn(content: bytes, name: str | None, max_bytes: int) -> RGBA:
    if len(content) > max_bytes:
        raise ImageRefused(f"SVG of {len(content)} bytes; at most {max_bytes} are read", file=name)
    root = _checked(content, name)
    # what was checked is what is drawn: comments, doctype and processing instructions do not come through
    png = _render(tostring(root, encoding="utf-8"), name)
    return decode_rgba(png, max_pixels=SVG_SIDE * SVG_SIDE)


def _checked(content: bytes, name: str | None) -> Element:
    """The root of a harmless SVG."""
    depth = elements = 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(content), events=("start", "end"), forbid_entities=True):
            depth += 1 if event == "start" else -1
            elements += event == "start"
            if root is None:
                root = _svg_root(element, name)
            if depth > MAX_SVG_DEPTH or elements > MAX_SVG_ELEMENTS:
                reason = f"more than {MAX_SVG_ELEMENTS} elements, or deeper than {MAX_SVG_DEPTH}"
                raise ImageRefused(reason, file=name)
            if event == "end":
                _check(element, name)
    except DefusedXmlException as error:
        raise ImageRefused(
            "the SVG declares entities", file=name, advice="Save it as plain SVG, without an editor's own data."
        ) from error
    except (ParseError, ValueError, LookupError) as error:  # an unknown encoding is a LookupError
        raise ImageRefused(f"not well-formed SVG ({error})", file=name) from error
    if root is None:
        raise ImageRefused("not an SVG", file=name)
    return root


def _svg_root(element: Element, name: str | None) -> Element:
    if element.tag != f"{_SVG}svg":
        raise ImageRefused(f"not an SVG: its outermost element is {element.tag[:60]}, not {_SVG}svg", file=name)
    return element


def _check(element: Element, name: str | None) -> None:
    kind = _local(element.tag)
    if kind in _ACTIVE or any(_local(attribute).lower().startswith("on") for attribute in element.attrib):
        raise ImageRefused(f"the SVG has active content ({kind})", file=name, advice="Save it without scripts.")
    if element.tag == f"{_SVG}text":
        advice = "Convert its text to paths (outlines): which font draws it is not for another machine to choose."
        raise ImageRefused("the SVG has text that needs a font", file=name, advice=advice)
    links = [value for attribute, value in element.attrib.items() if _local(attribute) == "href"]
    outside = (
        (kind in _PICTURES and not all(_EMBEDDED.match(link) for link in links))
        or (kind == "use" and not all(link.strip().startswith("#") for link in links))
        or (kind == "style" and _ELSEWHERE.search("".join(element.itertext())))
        or any(_ELSEWHERE.search(value) for value in element.attrib.values())
    )
    if outside:
        advice = "Put everything into the one file, pictures as embedded PNG or JPEG."
        raise ImageRefused(f"the SVG refers to another file ({kind})", file=name, advice=advice)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _render(svg: bytes, name: str | None) -> bytes:
    command = [sys.executable, "-I", str(_PROCESS), str(SVG_SIDE), str(_CPU_S), str(_MEMORY_BYTES)]
    try:
        done = subprocess.run(command, input=svg, capture_output=True, timeout=_WALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ImageRefused(f"the SVG takes more than {_WALL_S} s to draw", file=name) from error
    if done.returncode == 2:
        raise ImageRefused(f"broken SVG ({done.stderr.decode('utf-8', 'replace')[:200]})", file=name)
    if done.returncode or not done.stdout:
        raise ImageRefused(f"the SVG does not draw within {_CPU_S} s and {_MEMORY_BYTES} bytes", file=name)
    return done.stdout
