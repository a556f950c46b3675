"""What training pictures are composed from: photographs, cut-out things, marks and typefaces, all in memory.

`load_sources` reads a folder that `training.preparation.prepare_data` wrote, or a raw one, which takes minutes each
time: every picture is decoded, compared with what tests, and its object cut out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput
from store.images import RGB
from training.fonts import find_fonts
from training.mark_masks import MARK_SIDE, Mask
from training.marks import read_marks
from training.photographs import LeftOut, cut_object, cut_out, read_photographs, shrink
from training.prepared import is_prepared, read_manifest, read_prepared_marks, read_prepared_photographs
from training.splits import Split

__all__ = ["PHOTO_SIDE", "Mask", "Sources", "load_sources"]

PHOTO_SIDE = 224


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sources:
    """Decoded, small pictures, all in memory."""

    photos: tuple[RGB, ...]
    """Photographs, longer side at most the `photo_side` asked for."""
    classes: tuple[str, ...]
    """Class of each photograph: its folder."""
    products: tuple[str, ...] = ()
    """Product that each photograph shows, where its data set names one, else empty."""
    cutouts: tuple[tuple[RGB, Mask], ...] = ()
    """Objects with their soft mask, cut to it."""
    cutout_classes: tuple[str, ...] = ()
    """Class of each cut-out object."""
    marks: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, MARK_SIDE, MARK_SIDE), np.uint8))
    """(n, 96, 96) uint8: brand marks, centered, longer side 92 px."""
    mark_names: tuple[str, ...] = ()
    """Name of each mark, as its file has it."""
    fonts: tuple[Path, ...] = ()
    """Typefaces to set invented words in."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Why pictures were left out, and how many."""
    datasets: tuple[str, ...] = ()
    """Names of the sources in ``datasets.toml`` that this came from."""


def load_sources(
    data_dir: Path,
    split: Split = "train",
    *,
    photo_side: int = PHOTO_SIDE,
    max_photos: int = 10_000,
    max_marks: int = 4_000,
    cut_out: bool = True,
    fewest: int = 2,
) -> Sources:
    """The photographs and marks of `split` below `data_dir`, prepared or raw, and the machine's typefaces.

    A prepared folder's photographs are at most as large as they were prepared (256 px). Raises BadInput when there
    are fewer than `fewest` photographs, and for a folder that is not there or a prepared one that was damaged.
    """
    if not data_dir.is_dir():
        raise BadInput("no such folder", file=str(data_dir), advice="Hand over the folder that holds the pictures.")
    load = _load_prepared if is_prepared(data_dir) else _load_raw
    sources = load(data_dir, split, photo_side, max_photos, max_marks, cut_out)
    if len(sources.photos) < fewest:
        raise BadInput(
            f"{len(sources.photos)} usable photographs for {split}; at least {fewest} are needed", file=str(data_dir)
        )
    return sources


def _load_prepared(
    folder: Path, split: Split, photo_side: int, max_photos: int, max_marks: int, with_cutouts: bool
) -> Sources:
    manifest = read_manifest(folder)
    photographs = read_prepared_photographs(folder, manifest, split, most=max_photos)
    marks = read_prepared_marks(folder, manifest, split, most=max_marks)
    photos = tuple(shrink(rgb, photo_side) for rgb in photographs.photos)
    objects = photographs.objects if with_cutouts else ()
    return Sources(
        photos=photos,
        classes=photographs.classes,
        products=photographs.products,
        cutouts=tuple(cut_out(photos[place], inside) for place, inside in objects),
        cutout_classes=tuple(photographs.classes[place] for place, _ in objects),
        marks=marks.masks,
        mark_names=marks.names,
        fonts=find_fonts(folder),
        skipped={reason: found.count for reason, found in manifest.left_out.items()},
        datasets=tuple(manifest.data),
    )


def _load_raw(
    data_dir: Path, split: Split, photo_side: int, max_photos: int, max_marks: int, with_cutouts: bool
) -> Sources:
    left_out = LeftOut()
    found = [
        photograph
        for _, photograph in read_photographs(
            data_dir, splits=(split,), side=photo_side, most=max_photos, left_out=left_out
        )
    ]
    marks = read_marks(data_dir, (split,), most=max_marks, left_out=left_out)
    cutouts = [(photograph.shows, cut_object(photograph.rgb)) for photograph in found] if with_cutouts else []
    return Sources(
        photos=tuple(photograph.rgb for photograph in found),
        classes=tuple(photograph.shows for photograph in found),
        products=tuple(photograph.product for photograph in found),
        cutouts=tuple(cut for _, cut in cutouts if cut is not None),
        cutout_classes=tuple(shows for shows, cut in cutouts if cut is not None),
        marks=marks[split].masks,
        mark_names=marks[split].names,
        fonts=find_fonts(data_dir),
        skipped=dict(left_out.counts),
        datasets=tuple(
            sorted({photograph.dataset for photograph in found} | ({"marks"} if marks[split].names else set()))
        ),
    )
