"""Photographs of a local folder: which there are, to which split each belongs, and which may not train.

Two things never train: what the test catalog names or shows (by product name, and by PDQ, since its photographs also
lie in public data sets), and a photograph that resembles one of a split that tests.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pdqhash
from numpy.typing import NDArray

from domain.errors import BadInput, ImageRefused
from domain.progress import Progress, silent
from store.images import RGB, decode_image
from training.datasets import Dataset, datasets_in, known_datasets
from training.mark_masks import Mask
from training.splits import SPLITS, Split, split_of

_SAME_PHOTO_BITS = 60
_PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_OBJECT_SIDE = 96
_NAMED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Photograph:
    """A picture that may be used."""

    name: str
    """Its path below the data folder, with ``/``."""
    dataset: str
    shows: str
    """Class of goods: its folder."""
    product: str
    """The product, where the data set names one, else empty."""
    rgb: RGB


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """What tests and so never trains."""

    products: frozenset[str] = frozenset()
    """Names of products, lower case."""
    hashes: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 256), np.uint8))
    """(n, 256) PDQ bits of the pictures."""

    def shows(self, bits: NDArray[np.uint8]) -> bool:
        """Whether one of the pictures resembles that of PDQ `bits` (256,)."""
        return bool(len(self.hashes)) and int((bits != self.hashes).sum(axis=1).min()) <= _SAME_PHOTO_BITS

    def also(self, hashes: list[NDArray[np.uint8]]) -> HeldOut:
        """The same, and pictures of `hashes` too."""
        return HeldOut(products=self.products, hashes=np.concatenate([self.hashes, *(bits[None] for bits in hashes)]))


@dataclass(kw_only=True, slots=True)
class LeftOut:
    """What was left out, and why."""

    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)
    """The first few of each reason."""

    def note(self, reason: str, name: str) -> None:
        """One more."""
        self.counts[reason] += 1
        first = self.names.setdefault(reason, [])
        if len(first) < _NAMED:
            first.append(name)

    def as_dict(self) -> dict[str, dict[str, object]]:
        """For manifests and ``--json``."""
        return {reason: {"count": count, "first": self.names[reason]} for reason, count in sorted(self.counts.items())}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    path: Path
    dataset: Dataset
    split: Split

    @property
    def product(self) -> str:
        return self.path.parent.name if "products" in self.dataset.uses else ""


def read_photographs(
    data_dir: Path,
    *,
    splits: tuple[Split, ...] = SPLITS,
    side: int,
    most: int | None = None,
    left_out: LeftOut,
    progress: Progress = silent,
) -> Iterator[tuple[Split, Photograph]]:
    """Split by split, those that test first, the photographs of `data_dir` with a longer side of at most `side` px.

    Of each split the first `most` by name. Pictures that cannot be read are noted in `left_out`.
    """
    places = list(_places(data_dir, left_out))
    held_out = read_held_out(data_dir / "realshop", left_out, progress)
    waiting = set(splits)
    for split in reversed(SPLITS):
        if not waiting:
            return
        chosen = [place for place in places if place.split == split]
        # of a split that is not asked for, what it shows must be known all the same
        noted, chosen = (left_out, chosen[:most]) if split in waiting else (LeftOut(), chosen)
        hashes = []
        for done, place in enumerate(chosen, start=1):
            admitted = _admit(place, data_dir, held_out, noted)
            if admitted is not None:
                bits, rgb = admitted
                hashes.append(bits)
                if split in waiting:
                    yield split, _photograph(place, data_dir, shrink(rgb, side))
            progress(f"{split} photographs", done, len(chosen))
        held_out = held_out.also(hashes)
        waiting.discard(split)


def read_held_out(realshop: Path, left_out: LeftOut, progress: Progress = silent) -> HeldOut:
    """Product names and PDQ hashes of a labeled catalog and its listings; nothing where there is no such folder."""
    pictures = sorted((realshop / "listings" / "images").glob("*")) + sorted(
        (realshop / "catalog" / "images").glob("*")
    )
    hashes = []
    for done, path in enumerate(pictures, start=1):
        try:
            hashes.append(_pdq(decode_image(path.read_bytes())))
        except (ImageRefused, OSError):
            left_out.note("test picture is not readable", path.name)
        progress("test pictures", done, len(pictures))
    return HeldOut(products=_test_products(realshop / "truth.jsonl")).also(hashes)


def _test_products(truth: Path) -> frozenset[str]:
    """Reference ids without their shop's prefix: ``GROC-ARLA-SOUR-CREAM`` is the product ``arla-sour-cream``."""
    if not truth.exists():
        return frozenset()
    products = set()
    for number, line in enumerate(truth.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            reference = json.loads(line)["reference_id"]
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput("not a JSON object with reference_id", file=truth.name, line=number) from error
        products.add(str(reference).partition("-")[2].lower() if reference else "")
    return frozenset(products - {""})


def _places(data_dir: Path, left_out: LeftOut) -> Iterator[_Place]:
    known = {dataset.name for dataset in known_datasets()}
    for dataset in datasets_in(data_dir):
        split_by = _SPLIT_BY.get(dataset.layout)
        if split_by is None:
            continue
        named = (data_dir / dataset.name).is_dir()
        folder = data_dir / dataset.name if named else data_dir
        for path in sorted(folder.rglob("*")):
            below = path.relative_to(folder)
            if path.suffix.lower() not in _PICTURE_SUFFIXES or (not named and below.parts[0] in known):
                continue
            split = split_by(below)
            if split is None:
                left_out.note("not in a split's folder", path.relative_to(data_dir).as_posix())
            else:
                yield _Place(path=path, dataset=dataset, split=split)


def _by_folder(path: Path) -> Split | None:
    return next((split for split in SPLITS if path.parts[0] == split), None)


_SPLIT_BY: dict[str, Callable[[Path], Split | None]] = {
    "split-folders": _by_folder,
    "product-folders": lambda path: split_of("product", path.parent.name),
    "own-pictures": lambda path: split_of("photo", path.with_suffix("").as_posix()),
}


def _admit(place: _Place, data_dir: Path, held_out: HeldOut, left_out: LeftOut) -> tuple[NDArray[np.uint8], RGB] | None:
    name = place.path.relative_to(data_dir).as_posix()
    if place.path.parent.name.lower() in held_out.products:
        left_out.note("product is in the test catalog", name)
        return None
    try:
        rgb = decode_image(place.path.read_bytes())
    except (ImageRefused, OSError):
        left_out.note("not readable", name)
        return None
    bits = _pdq(rgb)
    if held_out.shows(bits):
        left_out.note("photo is in a set that tests", name)
        return None
    return bits, rgb


def _photograph(place: _Place, data_dir: Path, rgb: RGB) -> Photograph:
    return Photograph(
        name=place.path.relative_to(data_dir).as_posix(),
        dataset=place.dataset.name,
        shows=place.path.parent.name,
        product=place.product,
        rgb=rgb,
    )


def _pdq(rgb: RGB) -> NDArray[np.uint8]:
    bits, _quality = pdqhash.compute(np.ascontiguousarray(rgb))
    return np.asarray(bits, dtype=np.uint8)


def shrink(rgb: RGB, side: int) -> RGB:
    """With a longer side of at most `side` px."""
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def find_object(photo: RGB) -> Mask | None:
    """Where the thing in the middle is, by GrabCut on a copy of at most 96 px; None when nothing sensible remains."""
    small = shrink(photo, _OBJECT_SIDE)
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
    return inside if 0.12 < float((inside > 0).mean()) < 0.8 else None


def cut_out(photo: RGB, inside: Mask) -> tuple[RGB, Mask]:
    """The thing that `inside` (of any size) says, with a soft mask, both cut to it."""
    mask = cv2.GaussianBlur(cv2.resize(inside, (photo.shape[1], photo.shape[0])), (0, 0), 1.0)
    left, top, across, down = cv2.boundingRect((mask > 127).astype(np.uint8))
    part = (slice(top, top + down), slice(left, left + across))
    return photo[part].copy(), np.asarray(mask[part], dtype=np.uint8).copy()


def cut_object(photo: RGB) -> tuple[RGB, Mask] | None:
    """The thing in the middle with a soft mask; None when nothing sensible remains."""
    inside = find_object(photo)
    return None if inside is None else cut_out(photo, inside)
