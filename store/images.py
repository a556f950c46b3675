"""Bytes from outside to pixels: bounded in bytes and pixels, checked by content, never trusted by name."""

from __future__ import annotations

import io
import warnings
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from domain.errors import ImageRefused

RGB = NDArray[np.uint8]
"""(height, width, 3) uint8, sRGB, upright."""

_SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


def decode_image(
    content: bytes, *, name: str | None = None, max_bytes: int = 20_000_000, max_pixels: int = 50_000_000
) -> RGB:
    """The first frame as (height, width, 3) uint8 RGB, EXIF orientation applied, transparency on white.

    With `name`, its suffix must agree with the content (web servers transcode, so a crawler passes none).
    Raises ImageRefused: empty, too many bytes or pixels, not a picture, truncated, or another type than named.
    """
    if len(content) > max_bytes:
        raise ImageRefused(f"{len(content)} bytes; at most {max_bytes} are read", file=name)
    try:
        # Pillow warns of bombs at a size of its own; ours is checked before a pixel is decoded
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                _check(picture, name, max_pixels)
                return _upright_rgb(picture)
    except ImageRefused:
        raise
    except UnidentifiedImageError as error:
        raise ImageRefused("not a JPEG, PNG, WebP or GIF picture", file=name) from error
    except Image.DecompressionBombError as error:
        raise ImageRefused(f"more than {max_pixels} pixels", file=name) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow's decoders raise on broken files
        raise ImageRefused(f"broken or truncated picture ({error})", file=name) from error


def _check(picture: Image.Image, name: str | None, max_pixels: int) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageRefused(f"{width} x {height} px; at most {max_pixels} pixels are decoded", file=name)
    named = _SUFFIXES.get(PurePosixPath(name).suffix.lower()) if name else None
    if named and picture.format != named:
        raise ImageRefused(f"is a {picture.format} picture, not the {named} its name says", file=name)


def _upright_rgb(picture: Image.Image) -> RGB:
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        upright = upright.convert("RGBA")
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright)
    return np.asarray(upright.convert("RGB"), dtype=np.uint8)
