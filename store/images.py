"""Bytes from outside to pixels: bounded in bytes and pixels, checked by content, never trusted by name."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from domain.errors import ImageRefused

RGB = NDArray[np.uint8]
"""(height, width, 3) uint8, sRGB, upright."""
RGBA = NDArray[np.uint8]
"""(height, width, 4) uint8, sRGB and opacity (255 = opaque), not premultiplied, upright."""

_SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")

_MAX_JPEG_SCANS = 200
"""Encoders write about ten. A scan of a few bytes makes the decoder go over every pixel once more."""

# Pillow checks little of what it unpacks, so a crafted file surfaces as whatever the missing check would have caught
_BROKEN = (
    OSError,
    SyntaxError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
)

_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright again, by EXIF orientation (Exif 2.32, tag 274)."""


class _PillowQuiet:
    """Silences Pillow's warnings: of bombs at a size of its own (ours is checked before a pixel is decoded), and of
    broken EXIF, which is no reason to refuse a picture.

    Warning filters belong to the process. Threads that each put them back would put back each other's, so the first
    one in sets them and the last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_QUIET = _PillowQuiet()


def decode_image(
    content: bytes,
    *,
    name: str | None = None,
    max_bytes: int = 20_000_000,
    max_pixels: int = 50_000_000,
    pixels_left: int | None = None,
) -> RGB:
    """The first frame as (height, width, 3) uint8 RGB, EXIF orientation applied, transparency on white.

    With `name`, its suffix must agree with the content (web servers transcode, so a crawler passes none).
    `pixels_left` is what the pictures that are held beside this one leave of what they may have together.
    Raises ImageRefused: empty, too many bytes or pixels, not a picture, truncated, or another type than named.
    """
    return _decoded(content, _upright_rgb, name, max_bytes, max_pixels, pixels_left)


def decode_rgba(
    content: bytes, *, name: str | None = None, max_bytes: int = 20_000_000, max_pixels: int = 50_000_000
) -> RGBA:
    """The first frame as (height, width, 4) uint8 RGBA, EXIF orientation applied. Raises as `decode_image` does."""
    return _decoded(content, _upright_rgba, name, max_bytes, max_pixels, None)


def _decoded(
    content: bytes,
    convert: Callable[[Image.Image], NDArray[np.uint8]],
    name: str | None,
    max_bytes: int,
    max_pixels: int,
    pixels_left: int | None,
) -> NDArray[np.uint8]:
    if len(content) > max_bytes:
        raise ImageRefused(f"{len(content)} bytes; at most {max_bytes} are read", file=name)
    try:
        with _QUIET, Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            _check(picture, name, max_pixels, pixels_left)
            _check_scans(picture, content, name)
            return convert(picture)
    except ImageRefused:
        raise
    except UnidentifiedImageError as error:
        raise ImageRefused("not a JPEG, PNG, WebP or GIF picture", file=name) from error
    except Image.DecompressionBombError as error:
        raise ImageRefused(f"more than {max_pixels} pixels", file=name) from error
    except _BROKEN as error:
        raise ImageRefused(f"broken or truncated picture ({error})", file=name) from error


def _check(picture: Image.Image, name: str | None, max_pixels: int, pixels_left: int | None) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageRefused(f"{width} x {height} px; at most {max_pixels} pixels are decoded", file=name)
    if pixels_left is not None and width * height > pixels_left:
        raise ImageRefused(f"{width} x {height} px; the pictures before it leave {pixels_left} pixels", file=name)
    named = _SUFFIXES.get(PurePosixPath(name).suffix.lower()) if name else None
    if named and _format(picture) != named:
        raise ImageRefused(f"is a {_format(picture)} picture, not the {named} its name says", file=name)


def _format(picture: Image.Image) -> str | None:
    """Pillow calls a JPEG that others follow in the same file an MPO; telephones write them, named .jpg."""
    return "JPEG" if picture.format == "MPO" else picture.format


def _check_scans(picture: Image.Image, content: bytes, name: str | None) -> None:
    if _format(picture) == "JPEG" and content.count(b"\xff\xda") > _MAX_JPEG_SCANS:
        raise ImageRefused(f"more than {_MAX_JPEG_SCANS} scans in one JPEG", file=name)


def _upright_rgb(picture: Image.Image) -> RGB:
    picture.load()  # what fails from here on is not the pixels' fault
    upright = _turned(picture)
    if upright.mode.startswith("I;16"):
        return _from_16_bit_gray(upright)
    if _has_transparency(upright):
        upright = upright.convert("RGBA")
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright)
    return np.asarray(upright.convert("RGB"), dtype=np.uint8)


def _upright_rgba(picture: Image.Image) -> RGBA:
    picture.load()
    upright = _turned(picture)
    if _has_transparency(upright) and not upright.mode.startswith("I;16"):
        return np.asarray(upright.convert("RGBA"), dtype=np.uint8)
    rgb = _upright_rgb(picture)
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])


def _has_transparency(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info


def _turned(picture: Image.Image) -> Image.Image:
    """By EXIF orientation; EXIF that cannot be read turns nothing. (ImageOps.exif_transpose writes EXIF anew, too.)"""
    try:
        turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation))
    except _BROKEN:
        return picture
    return picture if turn is None else picture.transpose(turn)


def _from_16_bit_gray(picture: Image.Image) -> RGB:
    """Pillow's own conversion clips: everything above the darkest 255 of 65,536 levels would come out white."""
    levels = np.asarray(picture)
    gray = (levels >> 8).astype(np.uint8)
    gray[levels == picture.info.get("transparency", -1)] = 255
    return np.repeat(gray[..., np.newaxis], 3, axis=2)
