"""An index on disk: arrays, search structures, and a checkpoint that says what it was built from and with what."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from domain.codec import canonical_json, digest, dump, load
from domain.errors import BadInput, IndexMismatch, NotReady
from index.logo_files import read_logos, write_logos
from index.logo_index import LogoIndex, LogoReference, no_logos
from index.logo_variants import VARIANTS_VERSION
from index.votes import DescriptorVotes
from store.images import RGB

FORMAT = 2
T = TypeVar("T")

_VERSION = re.compile("[0-9a-f]{12}")
_BUILDING = ".building"
_ADVICE = "Build it: assayer index build."


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One reference picture as the index knows it."""

    reference_id: str
    rights_holder: str
    brand: str
    sha256: str
    size: tuple[int, int]
    """Width and height at working size."""
    scale: float
    """Working pixels per stored pixel."""
    thumb: tuple[int, int]
    """Width and height of the thumbnail."""
    features: int
    """How many local features it has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What an index was built from and with what; equal checkpoints mean equal indexes."""

    format: int
    catalog_digest: str
    embedder: str
    features: str
    references: tuple[Reference, ...]
    logo_variants: str
    """Version of the recipe by which logos stand in their variants."""
    logos: tuple[LogoReference, ...]
    unreadable: tuple[str, ...]
    """``reference_id: reason`` or ``logo of brand: reason`` of pictures that could not be read."""
    files: tuple[tuple[str, str], ...]
    """(file name, SHA-256) of everything beside the checkpoint."""

    @property
    def version(self) -> str:
        """12 hex digits."""
        return digest(dump(self))[:12]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrays:
    """Everything numeric, concatenated over references in their order."""

    embeddings: NDArray[np.float32]
    """(views, d), L2-normalized."""
    view_owners: NDArray[np.int32]
    """(views,) number of the reference each view shows."""
    pdq: NDArray[np.uint8]
    """(references, 32) packed bits."""
    points: NDArray[np.float32]
    """(features, 2) working pixels."""
    descriptors: NDArray[np.uint8]
    """(features, 128)."""
    thumbs: NDArray[np.uint8]
    """(sum of thumb pixels, 3) RGB."""
    twin_pairs: NDArray[np.int32]
    """(twins, 2): two references that show one photograph, maybe in another color."""
    twin_matrices: NDArray[np.float64]
    """(twins, 3, 3): first of the pair to second, working pixels."""


class IndexArtifact:
    """A loaded index."""

    def __init__(
        self, checkpoint: Checkpoint, arrays: Arrays, votes: DescriptorVotes, logos: LogoIndex | None = None
    ) -> None:
        self.checkpoint, self.arrays, self.votes = checkpoint, arrays, votes
        self.logos = logos or no_logos()
        self.references = checkpoint.references
        self._feature_ends = np.cumsum([0, *(r.features for r in self.references)])
        self._thumb_ends = np.cumsum([0, *(r.thumb[0] * r.thumb[1] for r in self.references)])

    def features_of(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Points (n, 2) and stored descriptors (n, 128) of one reference."""
        rows = slice(self._feature_ends[number], self._feature_ends[number + 1])
        return self.arrays.points[rows], self.arrays.descriptors[rows]

    def thumb_of(self, number: int) -> RGB:
        """Thumbnail (h, w, 3) of one reference."""
        width, height = self.references[number].thumb
        rows = slice(self._thumb_ends[number], self._thumb_ends[number + 1])
        return self.arrays.thumbs[rows].reshape(height, width, 3)


def write_artifact(
    folder: Path, checkpoint: Checkpoint, arrays: Arrays, votes: DescriptorVotes, logos: LogoIndex | None = None
) -> Checkpoint:
    """Publish atomically: a reader sees the whole old index or the whole new one. The checkpoint with its files.

    Raises ValueError where `logos` are not those that the checkpoint names.
    """
    if checkpoint.logos != (logos.references if logos else ()):
        raise ValueError("the checkpoint names other logos")
    with _only_writer(folder):
        building = folder / _BUILDING
        shutil.rmtree(building, ignore_errors=True)  # what a killed build left behind
        building.mkdir()
        _write_arrays(building / "arrays", arrays)
        faiss.write_index(votes.index, str(building / "votes.faiss"))
        if logos and logos.references:
            write_logos(building / "logos", logos)
        named = sorted(path for path in building.rglob("*") if path.is_file())
        hashes = tuple((path.relative_to(building).as_posix(), _sha256(path)) for path in named)
        complete = load(Checkpoint, dump(checkpoint) | {"files": hashes})
        _write_synced(building / "checkpoint.json", canonical_json(dump(complete)))
        _settle(building, folder / complete.version, complete)
        # the pointer is what readers follow; replacing it is the one moment of change
        _write_synced(folder / ".current", complete.version.encode())
        (folder / ".current").replace(folder / "current")
        _remove_others(folder, keep=complete.version)
    return complete


def write_beside(folder: Path, version: str, name: str, content: bytes) -> None:
    """Add a file to a published version, or replace it, atomically. Raises NotReady when that version is gone.

    It belongs to the version, and goes with it, but is none of the files that the checkpoint names.
    """
    with _only_writer(folder):
        if not (folder / version).is_dir():
            raise NotReady(f"the index {version} was replaced meanwhile", advice=_ADVICE)
        _write_synced(folder / version / f".{name}", content)
        (folder / version / f".{name}").replace(folder / version / name)


def read_checkpoint(folder: Path) -> Checkpoint:
    """The current checkpoint in `folder`. Raises NotReady (none, or broken) or IndexMismatch (another format)."""
    return _of_current(folder, _read_checkpoint)


def read_artifact(folder: Path, *, embedder: str, features: str) -> IndexArtifact:
    """Load and verify. Raises NotReady (none, damaged) or IndexMismatch (another model, format, features, variants)."""

    def read(version: Path) -> IndexArtifact:
        checkpoint = _read_checkpoint(version)
        built_by = (checkpoint.embedder, checkpoint.features, checkpoint.logo_variants)
        if built_by != (embedder, features, VARIANTS_VERSION):
            raise IndexMismatch(
                f"the index was built by {', '.join(built_by)}; in use are {embedder}, {features}, {VARIANTS_VERSION}",
                advice="Build it again with the model in use: assayer index build.",
            )
        return _read_files(version, checkpoint)

    return _of_current(folder, read)


def _of_current(folder: Path, read: Callable[[Path], T]) -> T:
    """What `read` makes of the current version; again where another was published, and this one removed, meanwhile."""
    while True:
        current = _pointed_to(folder)
        try:
            return read(folder / current)
        except NotReady:
            if _pointed_to(folder) == current:
                raise


def _pointed_to(folder: Path) -> str:
    try:
        version = (folder / "current").read_bytes().decode("ascii", "replace").strip()
    except OSError as error:
        raise NotReady("there is no index", advice=_ADVICE) from error
    if not _VERSION.fullmatch(version):
        raise NotReady("the index's file current is damaged", advice=_ADVICE)
    return version


def _read_checkpoint(version: Path) -> Checkpoint:
    try:
        content = (version / "checkpoint.json").read_bytes()
        stored = TypeAdapter(dict[str, object]).validate_json(content)
        if stored.get("format") != FORMAT:
            raise IndexMismatch(
                f"the index is of format {stored.get('format')}; this release reads format {FORMAT}",
                advice="Build it again: assayer index build.",
            )
        checkpoint = load(Checkpoint, stored)
    except OSError as error:
        raise NotReady(f"the index's checkpoint.json cannot be read ({error.strerror})", advice=_ADVICE) from error
    except (BadInput, ValueError) as error:
        raise NotReady(f"the index's checkpoint.json is broken ({error})", advice=_ADVICE) from error
    if checkpoint.version != version.name:
        raise NotReady("index file checkpoint.json is damaged", advice=_ADVICE)
    return checkpoint


def _read_files(version: Path, checkpoint: Checkpoint) -> IndexArtifact:
    try:
        if damaged := _damaged(version, checkpoint):
            raise NotReady(f"index file {damaged} is damaged", advice=_ADVICE)
        arrays = _read_arrays(version / "arrays")
        index = faiss.read_index(str(version / "votes.faiss"))
        logos = read_logos(version / "logos", checkpoint.logos) if checkpoint.logos else None
    except (OSError, ValueError, RuntimeError) as error:
        raise NotReady(f"the index cannot be read ({error})", advice=_ADVICE) from error
    owners = np.repeat(np.arange(len(checkpoint.references)), [r.features for r in checkpoint.references])
    return IndexArtifact(checkpoint, arrays, DescriptorVotes(index, owners.astype(np.int32)), logos)


def _damaged(version: Path, checkpoint: Checkpoint) -> str | None:
    """The first file that is missing or not what the checkpoint says."""
    for name, sha256 in checkpoint.files:
        path = version / name
        if not path.is_file() or _sha256(path) != sha256:
            return name
    return None


@contextlib.contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """One build at a time publishes in `folder`. The kernel lets go of the lock when a process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _settle(building: Path, version: Path, checkpoint: Checkpoint) -> None:
    """Under its final name; what lies there already stays (somebody may be reading it) unless it is damaged."""
    if version.exists():
        if not _damaged(version, checkpoint) and _is_checkpoint(version, checkpoint):
            shutil.rmtree(building)
            return
        shutil.rmtree(version)
    building.rename(version)


def _is_checkpoint(version: Path, checkpoint: Checkpoint) -> bool:
    try:
        return _read_checkpoint(version) == checkpoint
    except NotReady:
        return False


def _write_arrays(folder: Path, arrays: Arrays) -> None:
    folder.mkdir()
    for field in fields(arrays):
        np.save(folder / f"{field.name}.npy", getattr(arrays, field.name), allow_pickle=False)


def _read_arrays(folder: Path) -> Arrays:
    return Arrays(**{field.name: np.load(folder / f"{field.name}.npy", allow_pickle=False) for field in fields(Arrays)})


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove_others(folder: Path, *, keep: str) -> None:
    """Old versions; nothing but versions is touched. A reader that still holds one keeps its open files."""
    for entry in folder.iterdir():
        if _VERSION.fullmatch(entry.name) and entry.name != keep:
            shutil.rmtree(entry, ignore_errors=True)
