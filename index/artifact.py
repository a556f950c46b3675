"""An index on disk: arrays, search structures, and a checkpoint that says what it was built from and with what."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass, fields
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from domain.codec import canonical_json, digest, dump, load
from domain.errors import BadInput, IndexMismatch, NotReady
from index.votes import DescriptorVotes
from store.images import RGB

FORMAT = 1
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
    unreadable: tuple[str, ...]
    """``reference_id: reason`` of pictures that could not be read."""
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

    def __init__(self, checkpoint: Checkpoint, arrays: Arrays, votes: DescriptorVotes) -> None:
        self.checkpoint, self.arrays, self.votes = checkpoint, arrays, votes
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


def write_artifact(folder: Path, checkpoint: Checkpoint, arrays: Arrays, votes: DescriptorVotes) -> Checkpoint:
    """Publish atomically: a reader sees the whole old index or the whole new one. The checkpoint with its files."""
    temporary = folder.parent / f".{folder.name}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _write_arrays(temporary / "arrays", arrays)
    faiss.write_index(votes.index, str(temporary / "votes.faiss"))
    named = sorted(path for path in temporary.rglob("*") if path.is_file())
    hashes = tuple((path.relative_to(temporary).as_posix(), _sha256(path)) for path in named)
    complete = load(Checkpoint, dump(checkpoint) | {"files": hashes})
    version = folder / complete.version
    _write_synced(temporary / "checkpoint.json", canonical_json(dump(complete)))
    folder.mkdir(parents=True, exist_ok=True)
    if version.exists():
        shutil.rmtree(temporary)
    else:
        temporary.rename(version)
    # the pointer is what readers follow; replacing it is the one moment of change
    pointer = folder / f".current.{os.getpid()}"
    _write_synced(pointer, complete.version.encode())
    pointer.replace(folder / "current")
    _remove_others(folder, keep=complete.version)
    return complete


def read_checkpoint(folder: Path) -> Checkpoint:
    """The current checkpoint in `folder`. Raises NotReady when there is none or it is broken."""
    try:
        version = (folder / "current").read_text(encoding="utf-8").strip()
        content = (folder / version / "checkpoint.json").read_bytes()
        return load(Checkpoint, TypeAdapter(dict[str, object]).validate_json(content))
    except OSError as error:
        raise NotReady("there is no index", advice=_ADVICE) from error
    except (BadInput, ValueError) as error:
        raise NotReady(f"the index's checkpoint is broken ({error})", advice=_ADVICE) from error


def read_artifact(folder: Path, *, embedder: str, features: str) -> IndexArtifact:
    """Load and verify. Raises NotReady (none, damaged) or IndexMismatch (another model, format or features)."""
    checkpoint = read_checkpoint(folder)
    wanted = (FORMAT, embedder, features)
    if (checkpoint.format, checkpoint.embedder, checkpoint.features) != wanted:
        raise IndexMismatch(
            f"the index was built by {checkpoint.embedder} and {checkpoint.features} (format {checkpoint.format}); "
            f"in use are {embedder} and {features} (format {FORMAT})",
            advice="Build it again with the model in use: assayer index build.",
        )
    here = folder / checkpoint.version
    try:
        damaged = [name for name, sha256 in checkpoint.files if _sha256(here / name) != sha256]
        if damaged:
            raise NotReady(f"index file {damaged[0]} is damaged", advice=_ADVICE)
        arrays = _read_arrays(here / "arrays")
        index = faiss.read_index(str(here / "votes.faiss"))
    except (OSError, ValueError, RuntimeError) as error:
        raise NotReady(f"the index cannot be read ({error})", advice=_ADVICE) from error
    owners = np.repeat(np.arange(len(checkpoint.references)), [r.features for r in checkpoint.references])
    return IndexArtifact(checkpoint, arrays, DescriptorVotes(index, owners.astype(np.int32)))


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
    """Old versions and what killed builds left behind; a reader that still holds one keeps its open files."""
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != keep:
            with contextlib.suppress(OSError):
                shutil.rmtree(entry)
    for entry in folder.parent.glob(f".{folder.name}.*"):
        if not _is_running(entry.name.rpartition(".")[2]):
            shutil.rmtree(entry, ignore_errors=True)


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
