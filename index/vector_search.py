"""Nearest vectors by cosine: every one compared, or of very many those in the nearest cells, ranked exactly."""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

EXACT_BELOW = 20_000
"""Vectors up to which every one is compared."""
_PROBES = 24
"""Cells that are looked into, of about the square root of the number of vectors."""
_RERANKED = 4
"""Neighbors taken from the cells for each that is asked for: their order there is by bytes, not by numbers."""
_TRAINED_ON = 64
"""Vectors a cell is found by."""


class VectorSearch:
    """Neighbors among (n, d) vectors of unit length. Brute force (`index` None) is the oracle of the inverted file."""

    def __init__(self, vectors: NDArray[np.float16], index: faiss.Index | None) -> None:
        self.vectors, self.index = vectors, index
        compared = vectors if index is None else vectors[:0]
        self._compared = np.ascontiguousarray(compared.T, np.float32)

    @classmethod
    def build(cls, vectors: NDArray[np.float32], *, exact: bool = False) -> VectorSearch:
        """From (n, d) float32 of unit length. The same vectors give the same structure."""
        stored = vectors.astype(np.float16)
        if exact or len(vectors) < EXACT_BELOW:
            return cls(stored, None)
        cells = int(np.sqrt(len(vectors)))
        index = faiss.index_factory(vectors.shape[1], f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
        faiss.extract_index_ivf(index).nprobe = _PROBES
        index.train(np.ascontiguousarray(vectors[:: max(1, len(vectors) // (cells * _TRAINED_ON))]))
        index.add(np.ascontiguousarray(vectors))
        return cls(stored, index)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """(q, d) float32 of unit length to cosines (q, k), best first, and rows (q, k).

        Cosine -1 and row -1 where there are fewer. Cosines are exact up to the half precision of stored vectors.
        """
        cosines = np.full((len(queries), k), -1, np.float32)
        rows = np.full((len(queries), k), -1, np.int32)
        if not len(queries) or not len(self.vectors):
            return cosines, rows
        found_cosines, found = self._all(queries, k) if self.index is None else self._near(self.index, queries, k)
        cosines[:, : found.shape[1]], rows[:, : found.shape[1]] = found_cosines, found
        return cosines, rows

    def _all(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        scores = queries @ self._compared
        k = min(k, scores.shape[1])
        best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        return _sorted(np.take_along_axis(scores, best, axis=1), best)

    def _near(
        self, index: faiss.Index, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        wanted = min(_RERANKED * k, len(self.vectors))
        _approximate, found = index.search(np.ascontiguousarray(queries), wanted)
        scores = np.einsum("qd,qkd->qk", queries, self.vectors[found].astype(np.float32))
        scores[found < 0] = -1
        ordered, rows = _sorted(scores, found)
        return ordered[:, :k], rows[:, :k]


def _sorted(scores: NDArray[np.float32], rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Best first; equal ones by their number, so that the answer does not depend on the way it was found."""
    order = np.lexsort((rows, -scores), axis=1)
    taken = np.take_along_axis(rows, order, axis=1).astype(np.int32)
    return np.take_along_axis(scores, order, axis=1).astype(np.float32), taken
