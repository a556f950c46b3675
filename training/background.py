"""The background set that ships with an embedder: vectors of photographs that trained it, for score normalization.

For the copy space whole photographs, for a copy is of one; for the mark space windows of them, for a mark is sought in
windows and none of these shows one that anybody looks for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.background import BACKGROUND_FILE
from index.embedder import Embedder, Space
from index.preprocessing import network_input
from training.bare_pictures import draw_windows
from training.model_files import file_facts, write_manifest
from training.sources import Sources

MOST = 1000
"""Photographs, or windows."""
_SEED = 6_174


def write_background(model: Path, sources: Sources) -> Path:
    """Write ``background.npz`` beside `model`: at most MOST of each space, an (n, d) float16 array.

    The model's manifest then names it under ``background``. Equal input gives equal bytes.
    """
    embedder = Embedder(model)
    chosen = sources.photos[:: -(-len(sources.photos) // MOST)]
    windows = draw_windows(sources, np.random.default_rng(_SEED), embedder.size, MOST)
    shown: dict[Space, NDArray[np.float32]] = {
        "copy": np.stack([network_input(photo, embedder.size) for photo in chosen]),
        "mark": windows.numpy().astype(np.float32) / np.float32(255),
    }
    arrays: dict[str, NDArray[np.generic]] = {"embedder": np.array(embedder.version)}
    for space, pictures in shown.items():
        parts = [embedder.embed(pictures[start : start + 64], space) for start in range(0, len(pictures), 64)]
        arrays[space] = np.concatenate(parts).astype(np.float16)
    path = model.with_name(BACKGROUND_FILE)
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    unfinished.replace(path)
    manifest = model.with_suffix(".json")
    told: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    write_manifest(manifest, told | {"background": file_facts(path)})
    return path
