"""The manifest of an exported notice: what lies in its folder, byte for byte."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain import codec
from domain.errors import BadInput, EvidenceCorrupt

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
FORMAT = "assayer/notice-export/1"
_PATH = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,95}/){0,3}[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(10))]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One file: `path` relative to the notice's folder with ``/``, never climbing out."""

    path: str
    sha256: str
    size_bytes: int

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise ValueError(f"{self.path!r} is not a safe relative path")


class FolderWriter:
    """Writes files into one new folder and remembers what it wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: dict[str, FileEntry] = {}

    def write(self, path: str, content: bytes) -> FileEntry:
        """Write one file. Raises ValueError for an unsafe path or one written before."""
        entry = FileEntry(path=path, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
        if path in self._entries:
            raise ValueError(f"{path!r} was written before")
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self._entries[path] = entry
        return entry

    def close(self, facts: Mapping[str, Any]) -> bytes:
        """Write manifest (with `facts` about the notice) and ``SHA256SUMS``; the manifest's bytes."""
        entries = sorted(self._entries.values(), key=lambda entry: entry.path)
        document = {"format": FORMAT, **facts, "files": [codec.dump(entry) for entry in entries]}
        content = (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
        manifest = self.write(MANIFEST, content)
        sums = "".join(f"{entry.sha256}  {entry.path}\n" for entry in [*entries, manifest])
        (self._folder / SUMS).write_bytes(sums.encode())
        return content


def safe_names(ids: Iterable[str]) -> dict[str, str]:
    """A file name for each id: the id itself where it is harmless everywhere, else ``id-`` and 24 digits of its digest.

    Two ids that differ in letter case only would be one folder on some systems, so both get a digest.
    """
    distinct = list(dict.fromkeys(ids))
    folded: dict[str, int] = {}
    for name in distinct:
        folded[name.casefold()] = folded.get(name.casefold(), 0) + 1
    return {name: name if _is_safe(name) and folded[name.casefold()] == 1 else _digest_name(name) for name in distinct}


def _is_safe(name: str) -> bool:
    return (
        re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9]|[A-Za-z0-9]", name) is not None
        and not name.casefold().startswith("id-")
        and name.casefold().split(".")[0] not in _RESERVED
    )


def _digest_name(name: str) -> str:
    return f"id-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:24]}"


def verify_export(folder: Path) -> int:
    """Check an exported notice against its manifest and ``SHA256SUMS``; how many files were checked.

    Raises EvidenceCorrupt naming the first file that is changed, missing or not in the manifest.
    """
    entries = _entries(folder)
    for entry in entries:
        _check(folder, entry)
    manifest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    sums = [(entry.sha256, entry.path) for entry in entries] + [(manifest, MANIFEST)]
    if (folder / SUMS).read_bytes() != "".join(f"{digest}  {path}\n" for digest, path in sums).encode():
        raise EvidenceCorrupt(f"{folder / SUMS}: does not agree with the manifest")
    known = {entry.path for entry in entries} | {MANIFEST, SUMS}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or (path.is_file() and path.relative_to(folder).as_posix() not in known):
            raise EvidenceCorrupt(f"{path}: is not in the manifest")
    return len(entries)


def _entries(folder: Path) -> Sequence[FileEntry]:
    try:
        document = json.loads((folder / MANIFEST).read_bytes())
        if not isinstance(document, dict):
            raise EvidenceCorrupt(f"{folder / MANIFEST}: is not a manifest")
        entries: tuple[FileEntry, ...] = codec.load(tuple[FileEntry, ...], document.get("files"))
    except (OSError, ValueError, BadInput) as error:
        raise EvidenceCorrupt(f"{folder / MANIFEST}: cannot be read ({error})") from error
    if not (folder / SUMS).is_file():
        raise EvidenceCorrupt(f"{folder / SUMS}: is missing")
    return entries


def _check(folder: Path, entry: FileEntry) -> None:
    path = folder / entry.path
    if path.is_symlink() or not path.is_file():
        raise EvidenceCorrupt(f"{path}: is missing")
    if path.stat().st_size != entry.size_bytes or hashlib.sha256(path.read_bytes()).hexdigest() != entry.sha256:
        raise EvidenceCorrupt(f"{path}: is not what the manifest says")
