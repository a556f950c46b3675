"""Raw folders of pictures to one small folder that training reads in seconds."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from domain.errors import BadInput
from domain.progress import Progress, silent
from training.datasets import manifest_data
from training.mark_masks import MARK_SIDE, Mask
from training.marks import Marks, read_marks
from training.photographs import LeftOut, Photograph, find_object, read_photographs
from training.prepared import MANIFEST, Manifest, PreparedFile, SplitCounts, marks_bytes, photographs_bytes
from training.splits import SPLITS, Split, brand_key

PREPARED_PHOTO_SIDE = 256
_JPEG_QUALITY = 92


@dataclass(frozen=True, kw_only=True, slots=True)
class DataReport:
    """What was prepared."""

    folder: Path
    manifest: Manifest
    bytes: int
    """Of all files together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Prepared:
    """A photograph as it is kept, see `training.photographs.Photograph`."""

    name: str
    dataset: str
    shows: str
    product: str
    jpeg: bytes
    inside: Mask | None


def prepare_data(data_dir: Path, out_dir: Path, progress: Progress = silent) -> DataReport:
    """Read `data_dir` once and write what training needs of it to `out_dir`; equal pictures give equal bytes.

    Photographs shrink to 256 px. Left out, and named in the manifest: what cannot be read, what the test catalog
    names, and what resembles a picture that tests. Raises BadInput for a folder that is not there, or without a
    photograph or mark to prepare.
    """
    if not data_dir.is_dir():
        raise BadInput("no such folder", file=str(data_dir), advice="Hand over the folder that holds the pictures.")
    if out_dir.exists() and not out_dir.is_dir():
        raise BadInput("not a folder", file=str(out_dir))
    left_out = LeftOut()
    photographs = _prepare_photographs(data_dir, left_out, progress)
    marks = read_marks(data_dir, left_out=left_out, progress=progress)
    if not any(photographs.values()):
        raise BadInput(
            "no usable photograph",
            file=str(data_dir),
            advice="training/datasets.toml lists what is read, and where to get it.",
        )
    return _write(out_dir, photographs, marks, left_out)


def _prepare_photographs(data_dir: Path, left_out: LeftOut, progress: Progress) -> dict[Split, list[_Prepared]]:
    found: dict[Split, list[_Prepared]] = {split: [] for split in SPLITS}
    every = read_photographs(data_dir, side=PREPARED_PHOTO_SIDE, left_out=left_out, progress=progress)
    for split, photograph in every:
        found[split].append(_kept(photograph))
    return found


def _kept(photograph: Photograph) -> _Prepared:
    buffer = io.BytesIO()
    Image.fromarray(photograph.rgb).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return _Prepared(
        name=photograph.name,
        dataset=photograph.dataset,
        shows=photograph.shows,
        product=photograph.product,
        jpeg=buffer.getvalue(),
        inside=find_object(photograph.rgb),
    )


def _write(
    out_dir: Path, photographs: dict[Split, list[_Prepared]], marks: dict[Split, Marks], left_out: LeftOut
) -> DataReport:
    """The manifest goes first and comes last: a folder that was written only in part is not taken for a whole one."""
    out_dir.mkdir(parents=True, exist_ok=True)
    (out_dir / MANIFEST).unlink(missing_ok=True)
    files: dict[str, PreparedFile] = {}
    for split in SPLITS:
        for name, content in (
            (f"{split}-photographs.npz", _photographs_file(photographs[split])),
            (f"{split}-marks.npz", marks_bytes(marks[split])),
        ):
            (out_dir / name).write_bytes(content)
            files[name] = PreparedFile(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    used = {one.dataset for split in SPLITS for one in photographs[split]}
    used |= {"marks"} if any(marks[split].names for split in SPLITS) else set()
    manifest = Manifest.model_validate(
        {
            "format": "assayer-training-data-1",
            "photo_side": PREPARED_PHOTO_SIDE,
            "mark_side": MARK_SIDE,
            "splits": {split: _counts(photographs[split], marks[split]) for split in SPLITS},
            "files": files,
            "data": manifest_data(tuple(used)),
            "left_out": left_out.as_dict(),
        }
    )
    (out_dir / MANIFEST).write_text(
        json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    return DataReport(folder=out_dir, manifest=manifest, bytes=sum(file.bytes for file in files.values()))


def _photographs_file(photographs: Sequence[_Prepared]) -> bytes:
    return photographs_bytes(
        [one.jpeg for one in photographs],
        [(place, one.inside) for place, one in enumerate(photographs) if one.inside is not None],
        {
            "names": [one.name for one in photographs],
            "classes": [one.shows for one in photographs],
            "products": [one.product for one in photographs],
        },
    )


def _counts(photographs: Sequence[_Prepared], marks: Marks) -> SplitCounts:
    return SplitCounts(
        photographs=len(photographs),
        classes=len({one.shows for one in photographs}),
        products=len({one.product for one in photographs} - {""}),
        objects=sum(one.inside is not None for one in photographs),
        marks=len(marks.names),
        brands=len({brand_key(name) for name in marks.names}),
    )
