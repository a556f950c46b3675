"""Evidence: bytes under the SHA-256 of themselves, written whole or not at all, verified whenever they are read."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]

from domain.errors import EvidenceCorrupt, NotFound, SettingRefused, StoreUnavailable
from store.folders import keep_names
from store.interfaces import Evidence

_SHA256 = re.compile(r"[0-9a-f]{64}")


def open_evidence(url: str) -> Evidence:
    """The evidence store at `url`: a folder, or anything fsspec knows, such as ``s3://bucket/evidence``.

    Raises SettingRefused for an unknown kind of URL or one whose driver is not installed.
    """
    if "://" not in url:
        return FolderEvidence(Path(url))
    if url.startswith("file://"):
        return FolderEvidence(Path(url.removeprefix("file://")))
    try:
        # another process may have written since a folder was last listed
        filesystem, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ValueError, ImportError) as error:
        raise SettingRefused(
            f"cannot open {url.split('://')[0]}:// ({error})",
            field="ASSAYER_EVIDENCE_URL",
            advice="Name a folder, or install what fsspec needs for this kind of URL.",
        ) from error
    return FsspecEvidence(filesystem, root)


def _relative(sha256: str) -> str | None:
    """``ab/cd/abcd…``, so that no folder grows large; None for what is no digest (it might be a way out)."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}" if _SHA256.fullmatch(sha256) else None


def _verified(content: bytes, sha256: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise EvidenceCorrupt(
            f"evidence {sha256} hashes to {found}", advice="Import or crawl its source again; that writes it anew."
        )
    return content


class FolderEvidence:
    """Evidence in a folder, one file each."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, sha256: str) -> bytes:
        """The bytes. Raises NotFound, or EvidenceCorrupt when they do not hash to their name."""
        relative = _relative(sha256)
        try:
            content = (self._root / relative).read_bytes() if relative else None
        except FileNotFoundError:
            content = None
        except OSError as error:
            raise _unavailable(error) from error
        if content is None:
            raise NotFound(f"no evidence {sha256}")
        return _verified(content, sha256)

    def __contains__(self, sha256: str) -> bool:
        relative = _relative(sha256)
        return relative is not None and (self._root / relative).is_file()

    def write(self, content: bytes) -> str:
        """Store once, atomically; the SHA-256 as 64 hex digits. What is there but broken is replaced."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._root / str(_relative(sha256))
        try:
            if not _holds(path, content):
                _make_folders(path.parent)
                _replace(path, content)
        except OSError as error:
            raise _unavailable(error) from error
        return sha256


class FsspecEvidence:
    """Evidence in an object store, one object each. A put there is whole or not at all."""

    def __init__(self, filesystem: Any, root: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")

    def read(self, sha256: str) -> bytes:
        """The bytes. Raises NotFound, or EvidenceCorrupt when they do not hash to their name."""
        relative = _relative(sha256)
        content = self._content(f"{self._root}/{relative}") if relative else None
        if content is None:
            raise NotFound(f"no evidence {sha256}")
        return _verified(content, sha256)

    def __contains__(self, sha256: str) -> bool:
        relative = _relative(sha256)
        try:
            return relative is not None and bool(self._filesystem.isfile(f"{self._root}/{relative}"))
        except OSError as error:
            raise _unavailable(error) from error

    def write(self, content: bytes) -> str:
        """Store once; the SHA-256 as 64 hex digits. What is there but broken is replaced."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"{self._root}/{_relative(sha256)}"
        if self._content(path) != content:
            self._put(path, content)
        return sha256

    def _content(self, path: str) -> bytes | None:
        try:
            return bytes(self._filesystem.cat_file(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(error) from error

    def _put(self, path: str, content: bytes) -> None:
        try:
            try:
                self._filesystem.pipe_file(path, content)
            except FileNotFoundError:  # a file system with real folders; asking an object store first costs a request
                self._filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
                self._filesystem.pipe_file(path, content)
        except OSError as error:
            raise _unavailable(error) from error


class MemoryEvidence:
    """Evidence that lives as long as its process."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def read(self, sha256: str) -> bytes:
        """The bytes. Raises NotFound, or EvidenceCorrupt when they do not hash to their name."""
        if sha256 not in self._contents:
            raise NotFound(f"no evidence {sha256}")
        return _verified(self._contents[sha256], sha256)

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._contents

    def write(self, content: bytes) -> str:
        """Store once; the SHA-256 as 64 hex digits."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._contents[sha256] = bytes(content)
        return sha256


def _unavailable(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"evidence cannot be reached ({error})",
        advice="Check ASSAYER_EVIDENCE_URL, its permissions and the free space there.",
    )


def _holds(path: Path, content: bytes) -> bool:
    """Compares bytes, not only that a file is there: a crash or a disk may have left another."""
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


def _make_folders(folder: Path) -> None:
    """With each new one's name written into its parent, so that a power cut does not lose the way to a file."""
    if not folder.is_dir():
        _make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        keep_names(folder.parent)


def _replace(path: Path, content: bytes) -> None:
    """A name of its own until all bytes are on disk; a killed process leaves that name, never a broken file."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    keep_names(path.parent)
