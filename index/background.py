"""The background set that comes with an embedder: vectors of photographs that trained it, which are in no catalog."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import NotReady
from index.embedder import Space

BACKGROUND_FILE = "background.npz"
"""Beside the embedder: an array (n, d) for each space, float16 for size, and ``embedder``, the version they are of."""

_ADVICE = "Restore models/background.npz with its embedder, or remove it: pictures are drawn instead."


def load_background(
    path: Path, *, embedder: str, dimensions: Mapping[Space, int]
) -> Mapping[Space, NDArray[np.float32]] | None:
    """(n, d) float32 of unit length for each space in `dimensions`.

    None where the file is missing, of another embedder, or lacks one of the spaces. Raises NotReady when it is broken.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["embedder"]) != embedder or not _has(stored.files, dimensions):
                return None
            return {space: _unit(stored[space], length) for space, length in dimensions.items()}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise NotReady(f"{path.name} is broken ({error})", advice=_ADVICE) from error


def _has(names: Iterable[str], dimensions: Mapping[Space, int]) -> bool:
    return set(dimensions) <= set(names)


def _unit(raw: NDArray[np.float16], length: int) -> NDArray[np.float32]:
    if raw.ndim != 2 or raw.shape[1] != length or len(raw) == 0 or raw.dtype.kind != "f":
        raise ValueError(f"vectors are {raw.dtype} {raw.shape}, not (n, {length})")
    vectors = raw.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise ValueError("vectors without a direction")
    return np.asarray(vectors / lengths, np.float32)
