"""The background set that ships with an embedder: vectors of photographs that trained it, for score normalization."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.background import BACKGROUND_FILE
from index.embedder import Embedder, Space
from index.preprocessing import network_input
from training.sources import Sources

_SPACES: tuple[Space, ...] = ("copy", "mark")
MOST = 1000


def write_background(model: Path, sources: Sources) -> Path:
    """Write ``background.npz`` beside `model`: at most MOST photographs, each space an (n, d) float16 array.

    The model's manifest then names it under ``background``. Equal input gives equal bytes.
    """
    embedder = Embedder(model)
    chosen = sources.photos[:: -(-len(sources.photos) // MOST)]
    pictures = np.stack([network_input(photo, embedder.size) for photo in chosen])
    arrays: dict[str, NDArray[np.generic]] = {"embedder": np.array(embedder.version)}
    for space in _SPACES:
        parts = [embedder.embed(pictures[start : start + 64], space) for start in range(0, len(pictures), 64)]
        arrays[space] = np.concatenate(parts).astype(np.float16)
    path = model.with_name(BACKGROUND_FILE)
    with zipfile.ZipFile(path, "w") as packed:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            # a fixed date, where numpy.savez writes the time of day
            packed.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    _name_in_manifest(model.with_suffix(".json"), path)
    return path


def _name_in_manifest(manifest: Path, background: Path) -> None:
    content = background.read_bytes()
    facts = {"file": background.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    told = json.loads(manifest.read_text(encoding="utf-8")) | {"background": facts}
    manifest.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
