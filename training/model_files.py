"""What a model's manifest says of files and pictures, alike for every model that is exported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from index.preprocessing import PREPROCESSING


def file_facts(path: Path) -> dict[str, Any]:
    """Name, SHA-256 and bytes of a file."""
    content = path.read_bytes()
    return {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def input_facts(name: str, size: int) -> dict[str, Any]:
    """What an image tower takes: pictures of `size` px a side, by the graph's input `name`."""
    return {
        "name": name,
        "size": size,
        "preprocessing": PREPROCESSING,
        "layout": "n, 3, size, size",
        "type": "float32",
        "range": [0, 1],
        "colors": "RGB",
    }


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """As JSON to `path`, at once or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)
