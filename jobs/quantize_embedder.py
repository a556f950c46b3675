"""An 8-bit embedder from data: ranges from what trains, and the decision on copies of what validates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.embedder import Embedder, Space
from index.preprocessing import network_input
from store.images import RGB

if TYPE_CHECKING:
    from training.quantization import QuantizationReport
    from training.sources import Sources

_RANGE_PICTURES = 256
_PHOTOS = 1_000
_PHOTO_SIDE = 256
_QUERIES = 2_000
"""About so many copies are looked for: half a point is ten of them."""
_STRENGTH = 0.6
"""Of the edits: about as hard as thieves edit."""
_BATCH = 32


def quantize_from_data(data_dir: Path, model_path: Path, out_dir: Path, *, seed: int = 0) -> QuantizationReport:
    """Quantize the embedder at `model_path`, and write it to `out_dir` only if it is worth it.

    Raises BadInput where `data_dir` has too few photographs.
    """
    from training.quantization import quantize_if_worth_it
    from training.sources import load_sources

    size = Embedder(model_path).size
    ranges = load_sources(
        data_dir, "train", photo_side=_PHOTO_SIDE, max_photos=_RANGE_PICTURES, max_marks=200, cut_out=False
    )
    unseen = load_sources(
        data_dir, "validation", photo_side=_PHOTO_SIDE, max_photos=_PHOTOS, max_marks=200, cut_out=False
    )
    edited, _ = edited_copies(ranges, len(ranges.photos), seed)
    return quantize_if_worth_it(
        model_path,
        out_dir,
        pictures=np.stack([network_input(rgb, size) for rgb in edited]),
        measure=CopyRetrieval(unseen.photos, *edited_copies(unseen, _QUERIES, seed + 1)),
    )


def edited_copies(sources: Sources, count: int, seed: int) -> tuple[list[RGB], NDArray[np.int64]]:
    """`count` pictures made from the photographs in turn, and which photograph each was made from."""
    from training.edits import edit_copy

    generator = np.random.default_rng(seed)
    origins = np.arange(count) % len(sources.photos)
    return [edit_copy(sources.photos[n], sources, generator, strength=_STRENGTH) for n in origins], origins


class CopyRetrieval:
    """Recall@1 in each space: the share of edited copies whose nearest photograph is their own."""

    def __init__(self, photos: Sequence[RGB], copies: Sequence[RGB], origins: NDArray[np.int64]) -> None:
        self._photos, self._copies, self._origins = photos, copies, origins

    def __call__(self, embedder: Embedder) -> dict[Space, float]:
        """0 to 1 for each space that the embedder has."""
        return {space: self._recall(embedder, space) for space in sorted(embedder.spaces)}

    def _recall(self, embedder: Embedder, space: Space) -> float:
        similarities = _embedded(embedder, self._copies, space) @ _embedded(embedder, self._photos, space).T
        return float((similarities.argmax(axis=1) == self._origins).mean())


def _embedded(embedder: Embedder, pictures: Sequence[RGB], space: Space) -> NDArray[np.float32]:
    parts = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    return np.concatenate(
        [embedder.embed(np.stack([network_input(rgb, embedder.size) for rgb in part]), space) for part in parts]
    )
