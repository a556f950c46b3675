"""A picture made ready for matching: resized to working size, with its features and hash."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pdqhash
from numpy.typing import NDArray

from index.local_features import WORKING_SIDE, LocalFeatures, extract, no_features
from store.images import RGB

_NARROWEST = 8
"""Working pixels of the shorter side; a strip that would come out narrower is widened and has no features."""

_MIRRORED_TURN = 5
"""Position of the left-right mirror image among the eight turns that pdqhash gives."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What matching looks at. Listing pictures and reference pictures are prepared alike."""

    rgb: RGB
    """(height, width, 3) at working size."""
    scale: float
    """Working pixels per stored pixel."""
    features: LocalFeatures
    pdq: NDArray[np.uint8]
    """(32,) packed bits of the PDQ hash."""
    pdq_mirrored: NDArray[np.uint8]
    """(32,) that of the mirror image."""

    @property
    def width(self) -> int:
        """Working pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Working pixels."""
        return int(self.rgb.shape[0])


def prepare(rgb: RGB) -> Picture:
    """Resize, hash and describe a decoded picture."""
    working, scale = _at_working_size(rgb)
    # in a widened strip, points would not lie where `scale` says
    described = extract(_gray(working)) if min(rgb.shape[:2]) * scale >= _NARROWEST else no_features()
    upright, flipped = pdq_hashes(working)
    return Picture(rgb=working, scale=scale, features=described, pdq=upright, pdq_mirrored=flipped)


def pdq_hashes(rgb: RGB) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """PDQ of a picture and of its mirror image, 32 packed bytes each.

    Facebook's perceptual hash: ThreatExchange, `hashing/hashing.pdf`; all eight turns come from one transform.
    """
    turns, _quality = pdqhash.compute_dihedral(np.ascontiguousarray(rgb))
    upright, flipped = turns[0], turns[_MIRRORED_TURN]
    return np.packbits(np.asarray(upright, np.uint8)), np.packbits(np.asarray(flipped, np.uint8))


def pdq_distances(query: NDArray[np.uint8], references: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Hamming distances, 0 to 256, of one (32,) hash to (n, 32) hashes."""
    return np.asarray(np.bitwise_count(references ^ query).sum(axis=1), dtype=np.int32)


def _gray(rgb: RGB) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _at_working_size(rgb: RGB) -> tuple[RGB, float]:
    height, width = rgb.shape[:2]
    scale = WORKING_SIDE / max(height, width)
    size = (max(_NARROWEST, round(width * scale)), max(_NARROWEST, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=how), dtype=np.uint8), scale
