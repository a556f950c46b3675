"""What is not a rights holder's, by its vectors: known at once, without training."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from domain.codec import digest, dump
from domain.errors import EvidenceCorrupt, ImageRefused, NotFound
from domain.match import Box, PhotoMatch
from domain.negative import NegativeRegion
from domain.review import SeenAs
from index.build import CopyEmbedder
from index.embedder import Space
from index.preprocessing import network_input
from store.images import RGB

Vectors = NDArray[np.float32]
"""(n, d) float32 of unit length."""

LEAST_COSINE = 0.85
"""From which on a picture may be a negative's. The embedded model gives a badge cut a tenth otherwise 0.85 or more in
95 of 100 cases, and to the most alike of 200 photographs of other makes in 4 of 100."""
FORMAT = "negatives-v1"
_WIDER = 0.15
"""Share of a box's sides by which it is also looked at wider: a finder never cuts twice alike."""
_TIE = 1e-3
"""Cosines that are as good as equal; then the person is right, who looked at it."""
_FILE = "negatives.npz"


class SpaceEmbedder(Protocol):
    """What the bank asks of an image model; `index.embedder.Embedder` is one."""

    @property
    def version(self) -> str:
        """``name@sha256``, the latter's first 12 digits."""

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""

    @property
    def spaces(self) -> frozenset[Space]:
        """What it has vectors for."""

    def embed(self, images: NDArray[np.float32], space: Space = "copy") -> NDArray[np.float32]:
        """(n, 3, size, size) to (n, d) of unit length."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NegativeBank:
    """Negatives of all rights holders of one tenant; one holder's negatives never block another's matches."""

    version: str = ""
    """12 hex digits over the negatives and the model that embedded them; empty: there are none."""
    vectors: Mapping[tuple[str, SeenAs], Vectors]
    """By rights holder and what was taken for theirs."""
    unreadable: tuple[str, ...] = ()
    """``sha256: reason`` of pictures that could not be read; they block nothing."""

    def nearest(self, rights_holder: str, vectors: Vectors, seen_as: SeenAs = SeenAs.MARK) -> NDArray[np.float32]:
        """(n,) cosine of each of the (n, d) vectors to its nearest negative; -1 where there is none."""
        own = self.vectors.get((rights_holder, seen_as))
        if own is None or len(vectors) == 0:
            return np.full(len(vectors), -1.0, np.float32)
        return np.asarray((vectors @ own.T).max(axis=1), np.float32)

    def blocks(
        self,
        rights_holder: str,
        vectors: Vectors,
        references: NDArray[np.float32] | None = None,
        seen_as: SeenAs = SeenAs.MARK,
    ) -> NDArray[np.bool_]:
        """(n,) whether each of the (n, d) vectors shows what the rights holder said is not theirs.

        It does where its nearest negative is at least `LEAST_COSINE` close, and as close as the nearest of the rights
        holder's own references, whose (n,) cosines are `references`, where they are known.
        """
        nearest = self.nearest(rights_holder, vectors, seen_as)
        blocked = nearest >= LEAST_COSINE
        return blocked if references is None else blocked & (nearest >= references - _TIE)

    def holds(self, rights_holder: str, seen_as: SeenAs) -> bool:
        """Whether there is anything that could block."""
        return (rights_holder, seen_as) in self.vectors


NO_NEGATIVES = NegativeBank(vectors={})


def build_negative_bank(
    regions: Iterable[NegativeRegion], read_image: Callable[[str], RGB], embedder: SpaceEmbedder
) -> NegativeBank:
    """A bank in memory. A region in a space that the model lacks blocks nothing.

    `read_image` gives the picture of an evidence digest; what it raises as ImageRefused, NotFound or EvidenceCorrupt is
    told in the bank. Each region is embedded as it is; a mark also with more around it, a photograph also mirrored.
    """
    ordered = _ordered(regions)
    if not ordered:
        return NO_NEGATIVES
    found: dict[tuple[str, SeenAs], list[Vectors]] = {}
    unreadable: dict[str, None] = {}
    for region in ordered:
        space: Space = region.seen_as.value
        if space not in embedder.spaces:
            continue
        try:
            views = _views(read_image(region.sha256), region, embedder.size)
        except (ImageRefused, NotFound, EvidenceCorrupt) as error:
            unreadable[f"{region.sha256}: {error}"] = None
            continue
        found.setdefault((region.rights_holder, region.seen_as), []).append(embedder.embed(views, space))
    return NegativeBank(
        version=bank_version(ordered, embedder.version),
        vectors={owner: np.concatenate(parts) for owner, parts in found.items()},
        unreadable=tuple(unreadable),
    )


def bank_version(regions: Iterable[NegativeRegion], embedder: str) -> str:
    """The version that a bank of these regions and this model has, without making it."""
    ordered = _ordered(regions)
    return digest([FORMAT, embedder, [dump(region) for region in ordered]])[:12] if ordered else ""


def read_negative_bank(folder: Path, version: str) -> NegativeBank | None:
    """The bank of that version as it was kept in `folder`; None where there is none, another one or a broken one.

    It is only kept to save time: what it is made of lies in records and evidence.
    """
    try:
        with (folder / _FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["version"]) != version:
                return None
            owners = [(str(holder), SeenAs(str(seen_as))) for holder, seen_as in stored["owners"].reshape(-1, 2)]
            vectors = {owner: stored[f"vectors_{number}"] for number, owner in enumerate(owners)}
            unreadable = tuple(str(each) for each in stored["unreadable"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    whole = all(each.ndim == 2 and each.dtype == np.float32 and np.isfinite(each).all() for each in vectors.values())
    # what could not be read is tried again: its evidence may be back
    return NegativeBank(version=version, vectors=vectors) if whole and not unreadable else None


def write_negative_bank(folder: Path, bank: NegativeBank) -> None:
    """Keep the bank in `folder` in place of the last one, at once or not at all."""
    owners = list(bank.vectors)
    arrays: dict[str, NDArray[np.generic]] = {
        "version": np.array(bank.version),
        "owners": np.array([(holder, seen_as.value) for holder, seen_as in owners], dtype=np.str_).reshape(-1, 2),
        "unreadable": np.array(bank.unreadable, dtype=np.str_),
        **{f"vectors_{number}": bank.vectors[owner] for number, owner in enumerate(owners)},
    }
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{_FILE}.{os.getpid()}"
    partial.write_bytes(content.getvalue())
    partial.replace(folder / _FILE)


def _ordered(regions: Iterable[NegativeRegion]) -> list[NegativeRegion]:
    return sorted(set(regions), key=lambda region: region.place)


def _views(rgb: RGB, region: NegativeRegion, size: int) -> NDArray[np.float32]:
    if region.box is None:
        view = network_input(rgb, size)
        return np.stack([view, np.ascontiguousarray(view[:, :, ::-1])])
    return np.stack([network_input(cut(rgb, region.box, wider=wider), size) for wider in (0.0, _WIDER)])


def cut(rgb: RGB, box: Box, *, wider: float = 0.0) -> RGB:
    """The part of the picture in the box, at least a pixel, each side moved out by `wider` of the box's length.

    Raises ImageRefused for a box that lies outside of the picture.
    """
    height, width = rgb.shape[:2]
    across, down = wider * (box[2] - box[0]), wider * (box[3] - box[1])
    left, top = max(0, int(box[0] - across)), max(0, int(box[1] - down))
    right, bottom = min(width, int(np.ceil(box[2] + across))), min(height, int(np.ceil(box[3] + down)))
    if right <= left or bottom <= top:
        raise ImageRefused(f"has {width} x {height} px; the box {box} lies outside of it")
    return np.ascontiguousarray(rgb[top:bottom, left:right])


def without_negatives(
    photos: Sequence[PhotoMatch], pictures: Sequence[tuple[str, RGB]], bank: NegativeBank, model: CopyEmbedder
) -> tuple[PhotoMatch, ...]:
    """The matches but those whose listing picture is one that the rights holder called not theirs."""
    shown = dict(pictures)
    vectors: dict[str, Vectors] = {}

    def blocked(match: PhotoMatch) -> bool:
        if not bank.holds(match.rights_holder, SeenAs.COPY) or match.image_sha256 not in shown:
            return False
        if match.image_sha256 not in vectors:
            vectors[match.image_sha256] = model.embed(network_input(shown[match.image_sha256], model.size)[np.newaxis])
        reference = np.array([match.embedding_similarity], np.float32)
        return bool(bank.blocks(match.rights_holder, vectors[match.image_sha256], reference, SeenAs.COPY)[0])

    return tuple(match for match in photos if not blocked(match))
