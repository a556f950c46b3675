"""Reference pictures that are one photograph, often one garment in several colors, found once, at build time.

At query time one of them is verified; the others follow by composition, and color decides between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domain.progress import Progress, silent
from index.agreement import compare, unwarp
from index.artifact import IndexArtifact
from index.homography import Alignment, Matrix, align
from index.local_features import unit

_MOST_CANDIDATES = 16
_FEWEST_VOTES = 0.1
"""Share of the strongest other candidate's votes under which nothing is tried."""
_FEWEST_INLIERS = 15
_AGREEING = 0.6
"""Twins repeat each other nearly everywhere; two photographs of one product do not."""


def find_twins(artifact: IndexArtifact, progress: Progress = silent) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Pairs (m, 2) and their matrices (m, 3, 3), first to second; both directions stand in the list."""
    found: dict[tuple[int, int], Matrix] = {}
    total = len(artifact.references)
    for first in range(total):
        found.update({(first, second): matrix for second, matrix in _twins_of(artifact, first)})
        progress("twins", first + 1, total)
    for (first, second), matrix in list(found.items()):
        # near the thresholds, one direction can be found without the other
        found.setdefault((second, first), np.asarray(np.linalg.inv(matrix), np.float64))
    pairs = sorted(found)
    return (
        np.asarray(pairs, np.int32).reshape(-1, 2),
        np.asarray([found[pair] for pair in pairs], np.float64).reshape(-1, 3, 3),
    )


def _twins_of(artifact: IndexArtifact, first: int) -> list[tuple[int, Matrix]]:
    points, stored = artifact.features_of(first)
    descriptors = unit(stored)
    votes = artifact.votes.vote(descriptors, len(artifact.references))
    votes[first] = 0.0
    twins = []
    for second in np.argsort(-votes, kind="stable")[:_MOST_CANDIDATES]:
        if votes[second] <= _FEWEST_VOTES * votes.max():
            break
        other_points, other_stored = artifact.features_of(int(second))
        size = artifact.references[first].size
        alignment = align((points, descriptors), (other_points, unit(other_stored)), size, mirrored=False)
        if (
            alignment
            and alignment.inliers >= _FEWEST_INLIERS
            and _same_photograph(artifact, first, int(second), alignment)
        ):
            twins.append((int(second), alignment.matrix))
    return twins


def _same_photograph(artifact: IndexArtifact, first: int, second: int, alignment: Alignment) -> bool:
    """Whether the second's thumbnail, seen in the first's frame, agrees with it."""
    reference, other = artifact.references[first], artifact.references[second]
    shrink = np.diag([other.thumb[0] / other.size[0], other.thumb[1] / other.size[1], 1.0])
    thumb = artifact.thumb_of(first)
    seen, inside = unwarp(artifact.thumb_of(second), shrink @ alignment.matrix, reference.size, thumb)
    return compare(thumb, seen, inside).agreeing >= _AGREEING
