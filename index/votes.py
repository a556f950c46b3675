"""Local features vote for the reference pictures they might come from: candidates that survive collages and crops."""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

_EXACT_BELOW = 8_000
"""Descriptors up to which every one is compared."""
_NEIGHBORS = 3
_PROBES = 8
MOST_VOTERS = 200
"""Descriptors of a picture that vote, spread evenly: more cost time and name no other copies."""
_FAR = 0.75
"""Distance of unit descriptors at which a neighbor's vote is worth nothing."""


class DescriptorVotes:
    """An index over all references' descriptors. Brute force (`exact=True`) is the oracle of the inverted file."""

    def __init__(self, index: faiss.Index, owners: NDArray[np.int32]) -> None:
        self.index, self._owners = index, owners

    @classmethod
    def build(
        cls, descriptors: NDArray[np.float32], owners: NDArray[np.int32], *, exact: bool = False
    ) -> DescriptorVotes:
        """From (n, 128) unit descriptors and (n,) reference numbers they belong to."""
        cells = 0 if exact or len(descriptors) < _EXACT_BELOW else int(np.sqrt(len(descriptors)))
        index = faiss.index_factory(128, f"IVF{cells},SQ8" if cells else "Flat")
        if cells:
            faiss.extract_index_ivf(index).nprobe = _PROBES
            index.train(descriptors[:: max(1, len(descriptors) // (cells * 64))])
        index.add(descriptors)
        return cls(index, owners)

    def vote(
        self, descriptors: NDArray[np.float32], references: int, *, most: int = MOST_VOTERS
    ) -> NDArray[np.float32]:
        """(references,) votes of (n, 128) unit descriptors; nearer neighbors weigh more. At most `most` vote."""
        votes = np.zeros(references, dtype=np.float32)
        if len(descriptors) == 0 or self.index.ntotal == 0:
            return votes
        voters = np.linspace(0, len(descriptors) - 1, min(len(descriptors), most)).astype(int)
        squared, found = self.index.search(np.ascontiguousarray(descriptors[voters]), _NEIGHBORS)
        weight = np.maximum(0.0, _FAR - np.sqrt(np.maximum(squared, 0)))
        known = found >= 0
        np.add.at(votes, self._owners[found[known]], weight[known].astype(np.float32))
        return votes
