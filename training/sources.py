"""What training pictures are composed from: photographs and marks of a local folder, without what is tested on.

Any folder with ``clothing/train``, ``grocery/train``, ``car_logos``, ``marks/svg`` (each optional) or plain pictures
will do. Where it also holds ``realshop``, its pictures are test data: every photograph that resembles one of its
listings by PDQ, and every class of goods that its catalog names, is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pdqhash
from numpy.typing import NDArray

from domain.errors import BadInput, ImageRefused
from store.images import RGB, decode_image

PHOTO_SIDE = 224
MARK_SIDE = 72
_SAME_PHOTO_BITS = 60
_PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

Mask = NDArray[np.uint8]
"""(height, width) uint8, 0 outside, 255 inside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Decoded, small pictures, all in memory."""

    photos: tuple[RGB, ...]
    """Photographs, longer side PHOTO_SIDE px."""
    classes: tuple[str, ...]
    """Class of each photograph: its folder."""
    cutouts: tuple[tuple[RGB, Mask], ...] = ()
    """Objects with their soft mask, cut to it."""
    marks: tuple[Mask, ...] = ()
    """Brand marks, longer side MARK_SIDE px."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Why pictures were left out, and how many."""


def load_sources(
    data_dir: Path,
    *,
    split: str = "train",
    max_photos: int = 10_000,
    max_marks: int = 4_000,
    cut_out: bool = True,
    photo_side: int = PHOTO_SIDE,
) -> Sources:
    """Read the photographs of `split` (``train`` or ``validation``) under `data_dir`.

    Raises BadInput when there are fewer than two.
    """
    held_out = _held_out(data_dir / "realshop")
    skipped: dict[str, int] = {}
    photos: list[RGB] = []
    classes: list[str] = []
    for path in list(_photo_paths(data_dir, split))[:max_photos]:
        reason, photo = _admit(path, held_out, photo_side)
        if photo is None:
            skipped[reason] = skipped.get(reason, 0) + 1
        else:
            photos.append(photo)
            classes.append(path.parent.name)
    if len(photos) < 2:
        raise BadInput(f"{len(photos)} usable photographs for {split}; training needs at least two", file=str(data_dir))
    cutouts = [cut for photo in photos if (cut := cut_object(photo)) is not None] if cut_out else []
    return Sources(
        photos=tuple(photos),
        classes=tuple(classes),
        cutouts=tuple(cutouts),
        marks=tuple(_render_marks(data_dir / "marks" / "svg", split, max_marks)),
        skipped=skipped,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _HeldOut:
    products: frozenset[str]
    hashes: NDArray[np.uint8]


def _held_out(realshop: Path) -> _HeldOut:
    """Product names (lower case) and PDQ hashes (n, 256) of the pictures that test."""
    pictures = sorted((realshop / "listings" / "images").glob("*")) + sorted(
        (realshop / "catalog" / "images").glob("*")
    )
    hashes = [_pdq(decode_image(path.read_bytes())) for path in pictures]
    products = set()
    truth = realshop / "truth.jsonl"
    if truth.exists():
        for line in truth.read_text().splitlines():
            reference = json.loads(line)["reference_id"]
            products.add(reference.partition("-")[2].lower() if reference else "")
    return _HeldOut(
        products=frozenset(products - {""}),
        hashes=np.stack(hashes) if hashes else np.zeros((0, 256), np.uint8),
    )


def _photo_paths(data_dir: Path, split: str) -> Iterator[Path]:
    known = [data_dir / "clothing" / split, data_dir / "grocery" / ("val" if split == "validation" else split)]
    known += [data_dir / "car_logos" / "logos", data_dir / "car_logos" / "photos"] if split == "train" else []
    folders = [folder for folder in known if folder.is_dir()] or [data_dir]
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _PICTURE_SUFFIXES)


def _admit(path: Path, held_out: _HeldOut, photo_side: int) -> tuple[str, RGB | None]:
    if path.parent.name.lower() in held_out.products:
        return "product is in the test catalog", None
    try:
        photo = decode_image(path.read_bytes())
    except ImageRefused:
        return "not readable", None
    if len(held_out.hashes) and int((_pdq(photo) != held_out.hashes).sum(axis=1).min()) <= _SAME_PHOTO_BITS:
        return "photo is in the test listings", None
    return "", _shrink(photo, photo_side)


def _pdq(rgb: RGB) -> NDArray[np.uint8]:
    bits, _quality = pdqhash.compute(np.ascontiguousarray(rgb))
    return np.asarray(bits, dtype=np.uint8)


def _shrink(rgb: RGB, side: int) -> RGB:
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def cut_object(photo: RGB) -> tuple[RGB, Mask] | None:
    """The thing in the middle with a soft mask, by GrabCut on a small copy; None when nothing sensible remains."""
    small = _shrink(photo, 96)
    height, width = small.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    margin_x, margin_y = max(2, width // 14), max(2, height // 14)
    rectangle = (margin_x, margin_y, width - 2 * margin_x, height - 2 * margin_y)
    try:
        # GrabCut seeds its color model from OpenCV's global generator
        cv2.setRNGSeed(7)
        cv2.grabCut(small, labels, rectangle, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # too few colors to tell two grounds apart
        return None
    inside = np.where((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(np.uint8)
    share = float((inside > 0).mean())
    if not 0.12 < share < 0.8:
        return None
    mask = cv2.GaussianBlur(cv2.resize(inside, (photo.shape[1], photo.shape[0])), (0, 0), 1.0)
    left, top, across, down = cv2.boundingRect((mask > 127).astype(np.uint8))
    part = (slice(top, top + down), slice(left, left + across))
    return photo[part].copy(), np.asarray(mask[part], dtype=np.uint8).copy()


def _render_marks(folder: Path, split: str, limit: int) -> Iterable[Mask]:
    """Every tenth mark by name is kept for validation."""
    paths: Sequence[Path] = sorted(folder.glob("*.svg"))
    wanted = [path for number, path in enumerate(paths) if (number % 10 == 0) == (split == "validation")]
    for path in wanted[:: max(1, -(-len(wanted) // limit))] if wanted else []:
        mark = _render_mark(path)
        if mark is not None:
            yield mark


def _render_mark(path: Path) -> Mask | None:
    import resvg_py

    try:
        png = resvg_py.svg_to_bytes(svg_path=str(path), width=MARK_SIDE, skip_system_fonts=True)
    except ValueError:
        return None
    picture = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED)
    return None if picture is None or picture.ndim != 3 else np.ascontiguousarray(picture[:, :, -1])
