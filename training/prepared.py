"""A prepared data folder: what `prepare_data` writes and `load_sources` reads.

    manifest.json             what it was made from, what was left out and why, each file's SHA-256
    SPLIT-photographs.npz     `jpegs` (all files end to end), `jpeg_ends` (n,), `objects` (PNG masks end to end),
                              `object_ends` and `object_photos` (k,): the photograph of each object, `names` (JSON)
    SPLIT-marks.npz           `masks` (n, 96, 96) uint8, `names` (JSON)

No pickles; equal content gives equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.errors import BadInput, ImageRefused
from store.images import RGB, decode_image
from training.mark_masks import MARK_SIDE, Mask
from training.marks import Marks
from training.splits import Split

MANIFEST = "manifest.json"
_MAX_FILE_BYTES = 2_000_000_000
_MAX_MANIFEST_BYTES = 10_000_000
_ADVICE = "Prepare it again: assayer train data --from DIR --out DIR."


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PreparedFile(_Part):
    """One file of the folder."""

    sha256: str
    bytes: int


class LeftOutCount(_Part):
    """How many were left out for one reason."""

    count: int
    first: tuple[str, ...]


class SplitCounts(_Part):
    """What one split holds."""

    photographs: int
    classes: int
    products: int
    objects: int
    marks: int
    brands: int


class Manifest(_Part):
    """``manifest.json``."""

    format: Literal["assayer-training-data-1"]
    photo_side: int
    mark_side: int
    splits: dict[Split, SplitCounts]
    files: dict[str, PreparedFile]
    data: dict[str, dict[str, object]]
    """By data set, as `training.datasets.manifest_data` says it."""
    left_out: dict[str, LeftOutCount]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PreparedPhotographs:
    """Photographs of one split."""

    photos: tuple[RGB, ...]
    classes: tuple[str, ...]
    products: tuple[str, ...]
    names: tuple[str, ...]
    objects: tuple[tuple[int, Mask], ...]
    """Position of the photograph, and where on it the thing in the middle is (on a small copy)."""


def is_prepared(folder: Path) -> bool:
    """Whether `folder` was written by `prepare_data`, to its end."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> Manifest:
    """Raises BadInput for one that is not ours."""
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise BadInput("too large for a manifest", file=str(path), advice=_ADVICE)
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInput("not a manifest of prepared training data", file=str(path), advice=_ADVICE) from error


def photographs_bytes(
    jpegs: Sequence[bytes], objects: Sequence[tuple[int, Mask]], names: dict[str, list[str]]
) -> bytes:
    """The file of one split's photographs."""
    masks = [cv2.imencode(".png", mask)[1].tobytes() for _, mask in objects]
    return _npz(
        compressed=False,
        jpegs=np.frombuffer(b"".join(jpegs), np.uint8),
        jpeg_ends=np.cumsum([len(jpeg) for jpeg in jpegs], dtype=np.int64),
        objects=np.frombuffer(b"".join(masks), np.uint8),
        object_ends=np.cumsum([len(mask) for mask in masks], dtype=np.int64),
        object_photos=np.array([place for place, _ in objects], np.int64),
        names=_json_array(names),
    )


def marks_bytes(marks: Marks) -> bytes:
    """The file of one split's marks."""
    return _npz(compressed=True, masks=marks.masks, names=_json_array({"names": list(marks.names)}))


def read_prepared_photographs(folder: Path, manifest: Manifest, split: Split, *, most: int) -> PreparedPhotographs:
    """The first `most`. Raises BadInput for a file that is missing or was changed."""
    name = f"{split}-photographs.npz"
    arrays = _arrays(folder, manifest, name)
    try:
        names = json.loads(arrays["names"].tobytes())
        photos = [decode_image(jpeg) for jpeg in _parts(arrays["jpegs"], arrays["jpeg_ends"][:most])]
        insides = _parts(arrays["objects"], arrays["object_ends"])
        objects = [
            (int(place), _mask(inside))
            for place, inside in zip(arrays["object_photos"], insides, strict=True)
            if place < len(photos)
        ]
        return PreparedPhotographs(
            photos=tuple(photos),
            classes=tuple(names["classes"][:most]),
            products=tuple(names["products"][:most]),
            names=tuple(names["names"][:most]),
            objects=tuple(objects),
        )
    except (KeyError, ValueError, TypeError, ImageRefused) as error:
        raise _damaged(folder / name) from error


def read_prepared_marks(folder: Path, manifest: Manifest, split: Split, *, most: int) -> Marks:
    """At most `most`, evenly by name. Raises BadInput for a file that is missing or was changed."""
    name = f"{split}-marks.npz"
    arrays = _arrays(folder, manifest, name)
    try:
        names = json.loads(arrays["names"].tobytes())["names"]
        masks = arrays["masks"]
        if masks.shape != (len(names), MARK_SIDE, MARK_SIDE) or masks.dtype != np.uint8:
            raise _damaged(folder / name)
        step = max(1, -(-len(names) // most))
        return Marks(masks=np.ascontiguousarray(masks[::step]), names=tuple(names[::step]))
    except (KeyError, ValueError, TypeError) as error:
        raise _damaged(folder / name) from error


def _arrays(folder: Path, manifest: Manifest, name: str) -> dict[str, NDArray[np.generic]]:
    try:
        if (folder / name).stat().st_size > _MAX_FILE_BYTES:
            raise _damaged(folder / name)
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest.files[name].sha256:
            raise _damaged(folder / name)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise _damaged(folder / name) from error


def _damaged(path: Path) -> BadInput:
    return BadInput("missing or changed since it was prepared", file=str(path), advice=_ADVICE)


def _parts(blob: NDArray[np.generic], ends: NDArray[np.generic]) -> Iterator[bytes]:
    start = 0
    for end in ends.tolist():
        yield blob[start:end].tobytes()
        start = end


def _mask(png: bytes) -> Mask:
    mask = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError("not a PNG")
    return np.asarray(mask, dtype=np.uint8)


def _json_array(value: dict[str, list[str]]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), np.uint8)


def _npz(*, compressed: bool, **arrays: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    if compressed:
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
    else:
        np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
