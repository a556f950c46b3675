"""The strip above a screenshot's own pixels that says what was captured, when, and by whom."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

_FONT_PX = 15
_LINE_PX = 21
_MARGIN_PX = 10
_RULE_PX = 3
_PAPER, _INK, _RULE = (255, 255, 255), (0, 0, 0), (176, 0, 32)
_INDENT = "    "
_MOST_LINES = 60
_MOST_CHARACTERS = 4_096


def with_strip(png: bytes, statements: Sequence[tuple[str, str]]) -> bytes:
    """The picture with `statements` (name, value) in a strip above it, and as text chunks of the file.

    Below the strip every pixel is as it was: the strip makes the picture taller and covers nothing. What does not fit
    a line goes on in the next; what is not printable ASCII is written as an escape, so that no letter poses as another.
    """
    with Image.open(BytesIO(png)) as opened:
        page = opened.convert("RGB")
    plain = [(name, _plain(value)) for name, value in statements]
    lines = [line for name, value in plain for line in _wrapped(f"{name}: {value}", page.width)][:_MOST_LINES]
    top = strip_height(len(lines))
    framed = Image.new("RGB", (page.width, top + page.height), _PAPER)
    framed.paste(page, (0, top))
    draw = ImageDraw.Draw(framed)
    for number, line in enumerate(lines):
        draw.text((_MARGIN_PX, _MARGIN_PX + number * _LINE_PX), line, fill=_INK, font=_face())
    draw.rectangle((0, top - _RULE_PX, page.width, top - 1), fill=_RULE)
    return _encoded(framed, plain, top)


def strip_height(lines: int) -> int:
    """Height in pixels of a strip with that many lines."""
    return 2 * _MARGIN_PX + lines * _LINE_PX + _RULE_PX


def _encoded(framed: Image.Image, statements: Sequence[tuple[str, str]], top: int) -> bytes:
    told = PngInfo()
    for name, value in (*statements, ("Strip height", f"{top} px")):
        told.add_text(name, value)
    out = BytesIO()
    framed.save(out, "PNG", pnginfo=told)
    return out.getvalue()


def _plain(value: str) -> str:
    kept = value[:_MOST_CHARACTERS] + ("..." if len(value) > _MOST_CHARACTERS else "")
    escaped = kept.encode("ascii", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in escaped)


def _wrapped(line: str, width: int) -> list[str]:
    # one width for all letters, so that lines can be cut by count; indented, so that none poses as a statement
    most = max(16, int((width - 2 * _MARGIN_PX) // _face().getlength("0")))
    rest = line[most:]
    step = most - len(_INDENT)
    return [line[:most], *(_INDENT + rest[start : start + step] for start in range(0, len(rest), step))]


@lru_cache(maxsize=1)
def _face() -> ImageFont.FreeTypeFont:
    spec = importlib.util.find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    fonts = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(fonts / "DejaVuSansMono.ttf", _FONT_PX)
