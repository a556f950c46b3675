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
    stacked = variants.astype(np.float32)
    ink = inside & (variants.min(axis=(0, 3)) < 245)
    differ = inside & (np.linalg.norm(stacked.max(axis=0) - stacked.min(axis=0), axis=-1) > _VARIANTS_DIFFER)
    telling = differ if differ.sum() >= _MIN_PIXELS else ink
    if ink.sum() < _MIN_PIXELS or telling.sum() < _MIN_PIXELS:
        return [UNLIKE] * len(variants)
    listing = seen[inside].astype(np.float32)
    return [_residual(one[inside], listing, ink[inside], telling[inside]) for one in stacked]


def _residual(
    reference: NDArray[np.float32], listing: NDArray[np.float32], ink: NDArray[np.bool_], telling: NDArray[np.bool_]
) -> float:
    """Mean RGB distance over `telling` pixels after a robust fit of listing = a * reference + b * luma + c on `ink`."""
    luma = (reference @ _LUMA)[:, None]
    fitted = ink.copy()
    for _ in range(_ROUNDS):
        chosen = reference[fitted]
        terms = np.stack(
            [chosen.ravel(), np.repeat(luma[fitted], 3, axis=1).ravel(), np.ones(chosen.size, np.float32)], axis=1
        )
        (gain, gray, offset), *_ = np.linalg.lstsq(terms, listing[fitted].ravel(), rcond=None)
        edited = np.clip(gain * reference + gray * luma + offset, 0, 255)
        distance = np.linalg.norm(edited - listing, axis=1)
        fitted = ink & (distance <= np.quantile(distance[ink], _KEPT))
    if gain < _COLORLESS:
        return UNLIKE
    worst_out = np.sort(distance[telling])[: max(1, int(_KEPT * telling.sum()))]
    return float(worst_out.mean())
