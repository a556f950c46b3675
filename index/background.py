"""The background set that comes with an embedder: vectors of photographs that trained it, which are in no catalog.

It is of photographs or it is none. With drawn pictures for a background, photographs are far from all of it and little
is deducted from them: of the strangers' photographs in realshop, 12 % passed a threshold that was set for 1 %.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady
from index.embedder import Space

BACKGROUND_FILE = "background.npz"
"""Beside the embedder: an array (n, d) for each space, float16 for size, and ``embedder``, the version they are of."""

_ADVICE = "Restore models/background.npz with its embedder, or remove it: similarities are not normalized then."


def load_background(
    path: Path, *, embedder: str, dimensions: Mapping[Space, int]
) -> Mapping[Space, NDArray[np.float32]]:
    """(n, d) float32 of unit length for each space in `dimensions`; n is 0 where the file has none for this embedder.

    Raises NotReady when the file is broken.
    """
    none = {space: np.zeros((0, length), np.float32) for space, length in dimensions.items()}
    if not path.is_file():
        return none
    try:
        # numpy leaves a file open that turns out to be none of its own
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["embedder"]) != embedder:
                return none
            return none | {space: _unit(stored[space], d) for space, d in dimensions.items() if space in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise NotReady(f"{path.name} is broken ({error})", advice=_ADVICE) from error


def _unit(raw: NDArray[np.float16], length: int) -> NDArray[np.float32]:
    if raw.ndim != 2 or raw.shape[1] != length or len(raw) == 0 or raw.dtype.kind != "f":
        raise ValueError(f"vectors are {raw.dtype} {raw.shape}, not (n, {length})")
    vectors = raw.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise ValueError("vectors without a direction")
    return np.asarray(vectors / lengths, np.float32)
