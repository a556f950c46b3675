"""Similarities made comparable between pictures: what a picture shares with everything is no sign of a copy.

Some pictures (a white ground, a plain garment) are close to many others, so one threshold on the cosine is too lax for
them and too strict for the rest. Background set normalization subtracts how close the picture is to a fixed set of
pictures that are in nobody's catalog: s'(q, r) = s(q, r) - beta * mean of the k largest s(q, b) over the background b.
From Douze et al., "The 2021 Image Similarity Dataset and Challenge", 2021 (the baseline of its descriptor track), and
Pizzi et al., "A Self-Supervised Descriptor for Image Copy Detection", CVPR 2022.
"""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

NEAREST = 3
"""How many of the background's nearest are averaged: one alone may by chance be a relative of the query."""
BETA = 1.0

Vectors = NDArray[np.float32]
"""(n, d) float32, L2-normalized."""


class ScoreNormalization:
    """Subtracts from each query's similarities what the background already explains. Safe to share between threads."""

    def __init__(self, background: Vectors, *, nearest: int = NEAREST, beta: float = BETA) -> None:
        """Of a smaller (n, d) `background` than `nearest`, all are averaged; of an empty one, nothing is deducted."""
        self._nearest, self._beta = min(nearest, len(background)), beta
        self._background = faiss.IndexFlatIP(background.shape[1])
        self._background.add(np.ascontiguousarray(background, np.float32))

    def deductions(self, queries: Vectors) -> NDArray[np.float32]:
        """(n,) what is to be subtracted from every similarity of each of (n, d) queries."""
        if len(queries) == 0 or self._nearest == 0:
            return np.zeros(len(queries), np.float32)
        nearest, _ = self._background.search(np.ascontiguousarray(queries, np.float32), self._nearest)
        return np.asarray(self._beta * nearest.mean(axis=1), np.float32)

    def normalized(self, queries: Vectors, similarities: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, m) similarities of (n, d) queries, normalized; the queries' order is kept, row by row."""
        return np.asarray(similarities - self.deductions(queries)[:, None], np.float32)

    def largest(self, views: Vectors, references: Vectors) -> float:
        """The largest normalized cosine of any of one picture's (v, d) views with any of (m, d) references.

        -2 to 2; each view is normalized by itself. -inf where there are no views or no references.
        """
        if len(views) == 0 or len(references) == 0:
            return -np.inf
        nearest = (views @ references.T).max(axis=1, keepdims=True)
        return float(self.normalized(views, nearest).max())
