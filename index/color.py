"""Which color variant is it? Variants of one garment share their outline, so after alignment only color is left.

A thief's edit (brightness, contrast, saturation) is one global change; a variant differs in the garment alone. So the
edit is fitted on everything that is seen, and what remains where the variants differ is the distance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from store.images import RGB

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""ITU-R BT.601, as image editors weigh it for saturation."""
_VARIANTS_DIFFER = 25.0
"""RGB distance from which two variants show another color at a pixel."""
_KEPT = 0.8
"""Share of pixels, best first, that count: the rest may be stickers and text."""
_ROUNDS = 4
_MIN_PIXELS = 20
_COLORLESS = 0.05
"""Fitted gain under which the listing shows nothing of the reference's color."""
UNLIKE = 441.7
"""The largest RGB distance: black to white."""


def color_distances(variants: NDArray[np.uint8], seen: RGB, inside: NDArray[np.bool_]) -> list[float]:
    """Distance of a listing to each of (k, h, w, 3) aligned variants, 0 (same color) to `UNLIKE`.

    `seen` is the listing in the same frame, `inside` where it has pixels.
    """
    spread = variants.max(axis=0).astype(np.float32) - variants.min(axis=0)
    ink = inside & (variants.min(axis=(0, 3)) < 245)
    differ = inside & (np.linalg.norm(spread, axis=-1) > _VARIANTS_DIFFER)
    telling = differ if differ.sum() >= _MIN_PIXELS else ink
    if ink.sum() < _MIN_PIXELS or telling.sum() < _MIN_PIXELS:
        return [UNLIKE] * len(variants)
    listing = _channels(seen[inside])
    return [_residual(_channels(one[inside]), listing, ink[inside], telling[inside]) for one in variants]


def _channels(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 3) to (3, n): numpy goes over a few long rows several times faster than over many short ones."""
    return np.ascontiguousarray(pixels.T, dtype=np.float32)


def _residual(
    reference: NDArray[np.float32], listing: NDArray[np.float32], ink: NDArray[np.bool_], telling: NDArray[np.bool_]
) -> float:
    """Mean RGB distance over `telling` pixels after a robust fit of listing = a * reference + b * luma + c on `ink`.

    `reference` and `listing` are (3, n).
    """
    luma = _LUMA @ reference
    sums = _normal_sums(reference, luma, listing)
    fitted = ink
    for _ in range(_ROUNDS):
        gain, gray, offset = _edit(sums @ fitted.astype(np.float64))
        edited = np.clip(gain * reference + gray * luma + offset, 0, 255)
        distance = np.sqrt(((edited - listing) ** 2).sum(axis=0))
        fitted = ink & (distance <= np.quantile(distance[ink], _KEPT))
    if gain < _COLORLESS:
        return UNLIKE
    worst_out = np.sort(distance[telling])[: max(1, int(_KEPT * telling.sum()))]
    return float(worst_out.mean())


def _normal_sums(
    reference: NDArray[np.float32], luma: NDArray[np.float32], listing: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(9, n) what each pixel adds to the normal equations of the fit, so that a round only has to add them up."""
    r, y, u = reference.astype(np.float64), listing.astype(np.float64), luma.astype(np.float64)
    r_sum, y_sum = r.sum(axis=0), y.sum(axis=0)
    squares, products = (r * r).sum(axis=0), (r * y).sum(axis=0)
    three = np.full(len(u), 3.0)
    return np.stack([squares, u * r_sum, r_sum, 3 * u * u, 3 * u, three, products, u * y_sum, y_sum])


def _edit(sums: NDArray[np.float64]) -> tuple[np.float32, np.float32, np.float32]:
    """(gain of color, gain of luma, offset) of least squares; of a gray reference, the smallest that fit equally."""
    rr, ru, r1, uu, u1, ones, ry, uy, y1 = sums
    matrix = np.array([[rr, ru, r1], [ru, uu, u1], [r1, u1, ones]])
    (gain, gray, offset), *_ = np.linalg.lstsq(matrix, np.array([ry, uy, y1]), rcond=None)
    return np.float32(gain), np.float32(gray), np.float32(offset)
