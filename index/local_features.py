"""Local features: SIFT points and RootSIFT descriptors, stored as bytes, mirrored without looking twice.

RootSIFT: Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING_SIDE = 320
"""Pixels of the longer side on which features are found; larger and smaller pictures are resized to it."""
MAX_FEATURES = 400
FEATURES_VERSION = f"rootsift-{WORKING_SIDE}-{MAX_FEATURES}-1"

_BYTE_SCALE = 512.0
"""RootSIFT components rarely exceed 0.5, so this fills the byte; the few larger ones saturate."""

# A SIFT descriptor is 4 x 4 cells of 8 orientations in the frame of its point. A mirror flips one axis of the cells
# and the sense of the orientations, so the mirrored picture's descriptors are these, rearranged.
_MIRROR_ORDER = np.arange(128).reshape(4, 4, 8)[::-1][:, :, (-np.arange(8)) % 8].reshape(-1)

# Of a negative, every gradient points the other way, and with them the point's frame: the cells are turned by half.
_NEGATIVE_ORDER = np.arange(128).reshape(4, 4, 8)[::-1, ::-1].reshape(-1)


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFeatures:
    """The local features of one picture at working size."""

    points: NDArray[np.float32]
    """(n, 2) x, y in working pixels."""
    descriptors: NDArray[np.uint8]
    """(n, 128) RootSIFT x 512, saturated."""

    def __len__(self) -> int:
        return len(self.points)

    def unit_descriptors(self) -> NDArray[np.float32]:
        """(n, 128) float32, L2-normalized up to rounding."""
        return unit(self.descriptors)


def unit(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Stored bytes back to (n, 128) float32 of unit length."""
    raw = descriptors.astype(np.float32)
    return np.asarray(raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def mirrored(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The descriptors that the mirrored picture would have, for the same points in the same order."""
    return np.ascontiguousarray(descriptors[:, _MIRROR_ORDER])


def inverted(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The descriptors that the picture's negative would have, for the same points in the same order."""
    return np.ascontiguousarray(descriptors[:, _NEGATIVE_ORDER])


def no_features() -> LocalFeatures:
    """Of a picture in which nothing stands out."""
    return LocalFeatures(points=np.zeros((0, 2), np.float32), descriptors=np.zeros((0, 128), np.uint8))


def extract(gray: NDArray[np.uint8], *, most: int = MAX_FEATURES) -> LocalFeatures:
    """Features of a (height, width) uint8 picture at working size; the `most` strongest, maybe none."""
    # a low contrast threshold, because plain garments on white have little else to hold
    detector = cv2.SIFT.create(nfeatures=most, contrastThreshold=0.015, edgeThreshold=15)
    keypoints, raw = detector.detectAndCompute(gray, None)
    if raw is None or not len(keypoints):
        return no_features()
    root = np.sqrt(raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-6))
    points = np.array([keypoint.pt for keypoint in keypoints], dtype=np.float32)
    stored = np.clip(np.rint(root * _BYTE_SCALE), 0, 255).astype(np.uint8)
    return LocalFeatures(points=points[:most], descriptors=stored[:most])
