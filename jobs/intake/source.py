"""A folder or a ZIP as one read-only place; nothing leads out of it and nothing swells without bound."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from domain.errors import ArchiveRefused, BadInput
from domain.settings import Settings

_SMALL = 1_000_000
"""Bytes under which the unpacked to packed ratio says nothing: a blank page of that size harms nobody."""
_DIRECTORY_BYTES_PER_FILE = 300
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40


class Source(Protocol):
    """Files by their relative names, with ``/`` between folders."""

    def label(self, name: str) -> str:
        """How errors and reports call a file of this source."""

    def names(self) -> Sequence[str]:
        """Files at the top, sorted; not those in folders."""

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """A whole file. Raises BadInput naming it: absent, climbing out, not a file, or larger than `max_bytes`."""

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file as a stream, bounded as a whole. Raises BadInput as `read` does; a ZIP's stream also while read."""

    def close(self) -> None:
        """Give the archive's file back."""


def open_source(path: Path, settings: Settings) -> Source:
    """The folder at `path`, or the ZIP. Raises BadInput when there is neither, ArchiveRefused for a hostile ZIP."""
    if path.is_dir():
        return FolderSource(path, settings)
    if not path.exists():
        raise BadInput("no such file or folder", file=str(path))
    return ZipSource(path, settings)


def climb_of(name: str) -> str | None:
    """Why a relative name leads somewhere else, in one sentence, or None."""
    if not name or any(ord(letter) < 32 for letter in name):
        return "empty, or holds a control character"
    if "\\" in name:
        return "holds a backslash; folders are parted by /"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "an absolute path"
    if ".." in name.split("/"):
        return "climbs out by .."
    return None


class FolderSource:
    """A folder on disk. Links inside it may not lead out of it."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self._given, self._root = root, root.resolve()
        self._max_bytes = settings.max_archive_bytes

    def label(self, name: str) -> str:
        """The path as a person can open it."""
        return str(self._given / name)

    def names(self) -> Sequence[str]:
        """Files at the top, sorted."""
        try:
            return sorted(entry.name for entry in self._root.iterdir() if entry.is_file())
        except OSError as error:
            raise BadInput(f"cannot be listed ({error.strerror})", file=str(self._given)) from error

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """A whole file of at most `max_bytes`."""
        path = self._locate(name)
        try:
            with path.open("rb") as stream:
                content = stream.read(max_bytes + 1)
        except OSError as error:
            raise BadInput(f"cannot be read ({error.strerror})", file=self.label(name)) from error
        if len(content) > max_bytes:
            raise BadInput(f"more than {max_bytes} bytes", file=self.label(name))
        return content

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file as a bounded stream."""
        path = self._locate(name)
        try:
            opened = path.open("rb")
        except OSError as error:
            raise BadInput(f"cannot be read ({error.strerror})", file=self.label(name)) from error
        with opened as stream:
            if os.fstat(stream.fileno()).st_size > self._max_bytes:
                raise BadInput(f"more than {self._max_bytes} bytes", file=self.label(name))
            yield stream

    def close(self) -> None:
        """Nothing is held."""

    def _locate(self, name: str) -> Path:
        if climb := climb_of(name):
            raise BadInput(climb, file=f"{self._given}/{name[:200]}")
        try:
            path = (self._root / name).resolve(strict=True)
            regular = stat.S_ISREG(path.stat().st_mode)  # opening a named pipe would wait for ever
        except (OSError, RuntimeError, ValueError) as error:  # absent, a loop of links, a name the disk cannot hold
            raise BadInput("no such file", file=self.label(name[:200])) from error
        if not path.is_relative_to(self._root):
            raise BadInput("a link that leads out of the folder", file=self.label(name))
        if not regular:
            raise BadInput("not a file", file=self.label(name))
        return path


class ZipSource:
    """A ZIP archive; checked whole before a byte is unpacked, and bounded by what truly unpacks."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path, self._settings = path, settings
        self._unpacked: dict[str, int] = {}
        self._total = 0
        try:
            with path.open("rb") as stream:
                self._check_directory_size(stream)
            self._archive = zipfile.ZipFile(path)
        except ArchiveRefused:
            raise
        except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, struct.error) as error:
            raise ArchiveRefused(f"not a ZIP that can be read ({error})", file=str(path)) from error
        try:
            self._members = self._checked_members()
        except ArchiveRefused:
            self._archive.close()
            raise
        self._top = _shared_folder(list(self._members))

    def label(self, name: str) -> str:
        """Archive and member, such as ``catalog.zip/products.tsv``."""
        return f"{self._path}/{name}"

    def names(self) -> Sequence[str]:
        """Files at the top, sorted. Where everything lies in one folder, that folder is the top."""
        inside = (name.removeprefix(self._top) for name in self._members if name.startswith(self._top))
        return sorted(name for name in inside if "/" not in name)

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """A whole member of at most `max_bytes`."""
        with self.open(name) as stream:
            content = stream.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise BadInput(f"more than {max_bytes} bytes", file=self.label(name))
        return content

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A member as a stream that counts what it unpacks."""
        if climb := climb_of(name):
            raise BadInput(climb, file=self.label(name[:200]))
        member = self._members.get(self._top + name)
        if member is None:
            raise BadInput("no such file", file=self.label(name[:200]))
        with io.BufferedReader(_Member(self, member), 65_536) as stream:
            yield stream

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()

    def refusal(self, reason: str, member: str | None = None) -> ArchiveRefused:
        """A refusal of this archive for one of its members."""
        return ArchiveRefused(reason, file=str(self._path), field=member)

    def unpack(self, member: zipfile.ZipInfo) -> zipfile.ZipExtFile:
        """The raw stream of a member."""
        return self._archive.open(member)  # type: ignore[return-value]

    def count(self, member: zipfile.ZipInfo, unpacked: int) -> None:
        """Take note that `unpacked` bytes of a member came out. Raises ArchiveRefused beyond the limits."""
        before = self._unpacked.get(member.filename, 0)  # a member that is read again adds nothing
        if unpacked > before:
            self._unpacked[member.filename] = unpacked
            self._total += unpacked - before
        self._check_ratio(member, unpacked)
        if self._total > self._settings.max_archive_bytes:
            raise self.refusal(f"unpacks to more than {self._settings.max_archive_bytes} bytes", member.filename)

    def _check_directory_size(self, stream: BinaryIO) -> None:
        """Bound the table of contents before it is parsed: millions of entries fit into a few MB."""
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - 65_536 - 22 - 20 - 56))
        tail = stream.read()
        # not within the record's own 22 bytes, whose fields may spell its signature again
        end = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - 18))
        size = struct.unpack_from("<L", tail, end + 12)[0] if end >= 0 else 0
        large = end - 20 - 56
        if large >= 0 and tail[end - 20 : end - 16] == b"PK\x06\x07" and tail[large : large + 4] == b"PK\x06\x06":
            size = struct.unpack_from("<Q", tail, large + 40)[0]
        if size > self._settings.max_archive_files * _DIRECTORY_BYTES_PER_FILE:
            raise self.refusal(f"a table of contents of {size} bytes; at most {self._settings.max_archive_files} files")

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        entries = self._archive.infolist()
        if len(entries) > self._settings.max_archive_files:
            raise self.refusal(f"{len(entries)} files; at most {self._settings.max_archive_files} are read")
        if sum(entry.file_size for entry in entries) > self._settings.max_archive_bytes:
            raise self.refusal(f"unpacks to more than {self._settings.max_archive_bytes} bytes")
        members: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            self._check_member(entry)
            if entry.filename in members:
                raise self.refusal("is in the archive twice", entry.filename)
            members[entry.filename] = entry
        return {
            name: entry
            for name, entry in members.items()
            if not entry.is_dir() and not name.startswith("__MACOSX/") and not name.endswith(".DS_Store")
        }

    def _check_member(self, entry: zipfile.ZipInfo) -> None:
        if climb := climb_of(entry.orig_filename):
            raise self.refusal(climb, entry.orig_filename[:200])
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self.refusal("a link or device, not a file", entry.filename)
        if entry.flag_bits & _ENCRYPTED:
            raise self.refusal("is encrypted", entry.filename)
        if entry.compress_type not in _PACKED:
            raise self.refusal("is packed by another method than deflate", entry.filename)
        self._check_ratio(entry, entry.file_size)

    def _check_ratio(self, entry: zipfile.ZipInfo, unpacked: int) -> None:
        if unpacked > _SMALL and unpacked > self._settings.max_archive_ratio * max(1, entry.compress_size):
            ratio = self._settings.max_archive_ratio
            raise self.refusal(f"a bomb: unpacks to more than {ratio} times its packed size", entry.filename)


class _Member(io.RawIOBase):
    """One member being unpacked: translates zipfile's errors and reports every byte to the archive's count."""

    def __init__(self, source: ZipSource, member: zipfile.ZipInfo) -> None:
        super().__init__()
        self._source, self._entry, self._done = source, member, 0
        with self._translated():
            self._stream = source.unpack(member)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with self._translated():
            chunk = self._stream.read(len(buffer))
        self._done += len(chunk)
        self._source.count(self._entry, self._done)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if hasattr(self, "_stream"):
            self._stream.close()
        super().close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            NotImplementedError,
            RuntimeError,
        ) as why:
            raise self._source.refusal(f"cannot be unpacked ({why})", self._entry.filename) from why


def _shared_folder(names: list[str]) -> str:
    """``catalog/`` where every file lies in that folder, else nothing."""
    tops = {name.split("/", 1)[0] for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""
