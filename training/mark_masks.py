"""Brand marks as masks of one size: rendered from SVG, trimmed and centered."""

from __future__ import annotations

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput

MARK_SIDE = 96
"""Side of every mask, in pixels."""
FILLED_SIDE = 92
"""What the mark's longer side takes of it."""

MAX_SVG_BYTES = 1_000_000
"""Of a mark's file."""
_RENDERED_SIDE = 2 * FILLED_SIDE
_SMALLEST_COVER, _LARGEST_COVER = 0.01, 0.9
_FETCHES = re.compile(r"<(?:[^\s<>/]*:)?(?:image|feImage)[\s/>]|<!ENTITY")
"""What a renderer would take a picture for from anywhere on this machine, and what could spell it otherwise."""

Mask = NDArray[np.uint8]
"""(height, width) uint8, 0 outside, 255 inside."""


def fit_mask(mask: Mask, side: int = MARK_SIDE) -> Mask | None:
    """Trimmed, aspect kept, centered in (side, side), 92 of 96 parts of it long; None for an empty one."""
    left, top, width, height = cv2.boundingRect((mask > 24).astype(np.uint8))
    if width == 0 or height == 0:
        return None
    scale = side * FILLED_SIDE / MARK_SIDE / max(width, height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = np.zeros((side, side), np.uint8)
    x, y = (side - across) // 2, (side - down) // 2
    part = np.ascontiguousarray(mask[top : top + height, left : left + width])
    fitted[y : y + down, x : x + across] = cv2.resize(part, (across, down), interpolation=method)
    return fitted


def has_shape(mask: Mask) -> bool:
    """Whether a fitted mask is neither next to nothing nor next to a full square (which covers 0.92)."""
    return _SMALLEST_COVER < float(mask.mean()) / 255 < _LARGEST_COVER


def render_mark(svg: bytes) -> Mask:
    """The silhouette of an SVG, fitted. Raises BadInput: too large, broken, with pictures, or without a shape."""
    import resvg_py

    if len(svg) > MAX_SVG_BYTES:
        raise BadInput(f"SVG of more than {MAX_SVG_BYTES} bytes")
    try:
        text = svg.decode("utf-8")
        if _FETCHES.search(text):
            raise BadInput("SVG with pictures or entities in it")
        # both sides given: a drawing a million times as high as it is wide stays within the square
        png = resvg_py.svg_to_bytes(
            svg_string=text, width=_RENDERED_SIDE, height=_RENDERED_SIDE, skip_system_fonts=True
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise BadInput(f"broken SVG ({error})") from error
    picture = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED)
    alpha = None if picture is None or picture.ndim != 3 else np.asarray(picture[:, :, -1], dtype=np.uint8)
    mask = None if alpha is None else fit_mask(alpha)
    if mask is None or not has_shape(mask):
        raise BadInput("SVG without a shape to tell it by")
    return mask
