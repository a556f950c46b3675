"""WARC files of one process: written whole record by whole record, and put right after a kill."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO

from crawler.capture.captured import Captured
from crawler.capture.header_block import archived_block, request_block
from crawler.capture.warc_ending import OPEN, close_left_open, finish
from crawler.capture.warc_record import REVISIT_PROFILE, Record, new_record_id, target_uri, warc_date
from domain.capture import Capture, CaptureKind
from domain.errors import BadInput, StoreUnavailable
from store.folders import keep_names

MAX_FILE_BYTES = 1_000_000_000
"""A file that has grown past this is closed, as the standard's annex advises (1 GB)."""

_MADE_HERE = (CaptureKind.SCREENSHOT, CaptureKind.RENDERED)
"""What no server sent; written as resource records."""
_REMEMBERED = 100_000
_CRAWL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True, slots=True)
class WarcPlace:
    """Where a record is."""

    warc: str
    """The file's name once it is closed."""
    offset: int
    record_id: str
    revisit: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Earlier:
    """The record that holds bytes which came again."""

    uri: str
    date: str
    record_id: str


class WarcWriter:
    """Writes the WARC files of one crawl in one process. Threads may share it.

    What a write returned for outlives the process; after `sync` it outlives a power cut. Raises StoreUnavailable
    where the disk is full or cannot be written; then the file is as it was before.
    """

    def __init__(
        self,
        folder: Path,
        crawl: str,
        *,
        recorded: Callable[[str], Capture | None],
        software: str = "Assayer",
        user_agent: str = "",
        operator: str = "",
        robots: str = "RFC 9309",
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        """`recorded` gives an earlier capture whose record holds these bytes (`CaptureStore.recorded_capture`).

        Files that killed processes left in `folder` are put right first. Raises BadInput for an impossible name of a
        crawl.
        """
        if not _CRAWL_NAME.fullmatch(crawl):
            raise BadInput("letters, digits, dots, hyphens and underscores alone name a crawl", field="crawl")
        self._folder, self._crawl, self._recorded = folder, crawl, recorded
        self._info = {
            "software": software,
            "format": "WARC File Format 1.1",
            "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
            "robots": robots,
            "http-header-user-agent": user_agent,
            "operator": operator,
            "isPartOf": crawl,
        }
        self._max_file_bytes = max_file_bytes
        self._lock = Lock()
        self._file: BinaryIO | None = None
        self._path = folder
        self._end = self._serial = 0
        self._info_id = ""
        self._own: OrderedDict[str, _Earlier] = OrderedDict()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            close_left_open(folder)
        except OSError as error:
            raise _unavailable(error) from error

    def __enter__(self) -> WarcWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, answer: Captured, *, body_sha256: str, certificate_sha256: str = "") -> WarcPlace:
        """Record an answer and its request, or a screenshot. Bytes that a record holds already are referred to."""
        with self._lock:
            try:
                if self._file is None:
                    self._open()
                return self._write(answer, body_sha256, certificate_sha256)
            except OSError as error:
                raise _unavailable(error) from error

    def sync(self) -> None:
        """Have the disk keep what was written: before records point to it."""
        with self._lock:
            if self._file is not None:
                try:
                    os.fsync(self._file.fileno())
                except OSError as error:
                    raise _unavailable(error) from error

    def close(self) -> None:
        """End the file that is being written; the next write begins another one."""
        with self._lock:
            try:
                self._close()
            except OSError as error:
                raise _unavailable(error) from error

    def _write(self, answer: Captured, body_sha256: str, certificate_sha256: str) -> WarcPlace:
        earlier = self._earlier(answer, body_sha256)
        main = self._record(answer, earlier, body_sha256, certificate_sha256)
        place = WarcPlace(
            warc=self._path.name.removesuffix(OPEN),
            offset=self._end,
            record_id=main.record_id,
            revisit=earlier is not None,
        )
        self._append(main.member + self._request(answer, main))
        if earlier is None and main.kind == "response":
            self._remember(body_sha256, main)
        if self._end >= self._max_file_bytes:
            self._close()
        return place

    def _record(self, answer: Captured, earlier: _Earlier | None, body_sha256: str, certificate_sha256: str) -> Record:
        made_here = answer.kind in _MADE_HERE
        fields = {
            "WARC-Target-URI": target_uri(f"urn:{answer.kind}:{answer.final_url}" if made_here else answer.final_url),
            "WARC-IP-Address": answer.ip_address,
            "WARC-TLS-Certificate-SHA256": certificate_sha256,
            "WARC-Warcinfo-ID": self._info_id,
            "WARC-Concurrent-To": answer.concurrent_to,
        }
        if earlier is not None:
            fields |= {
                "WARC-Profile": REVISIT_PROFILE,
                "WARC-Refers-To": earlier.record_id,
                "WARC-Refers-To-Target-URI": earlier.uri,
                "WARC-Refers-To-Date": earlier.date,
            }
        return Record(
            kind="resource" if made_here else "revisit" if earlier else "response",
            date=answer.received_at,
            content_type=answer.content_type if made_here else "application/http;msgtype=response",
            fields=fields,
            block=b"" if made_here else archived_block(answer),
            payload=answer.body,
            payload_sha256=body_sha256,
            record_id=new_record_id(),
            is_picture=answer.kind in (CaptureKind.IMAGE, CaptureKind.SCREENSHOT),
        )

    def _request(self, answer: Captured, main: Record) -> bytes:
        """The request's member; nothing where it is not known."""
        if answer.request_headers is None:
            return b""
        shared = ("WARC-Target-URI", "WARC-IP-Address", "WARC-Warcinfo-ID")
        return Record(
            kind="request",
            date=answer.received_at,
            content_type="application/http;msgtype=request",
            fields={**{name: main.fields[name] for name in shared}, "WARC-Concurrent-To": main.record_id},
            block=request_block(answer),
            payload=answer.request_body,
        ).member

    def _earlier(self, answer: Captured, body_sha256: str) -> _Earlier | None:
        if answer.kind in _MADE_HERE or not answer.body:
            return None
        own = self._own.get(body_sha256)
        if own is not None:
            return own
        known = self._recorded(body_sha256)
        if known is None or known.status is None:
            return None
        return _Earlier(
            uri=target_uri(known.final_url), date=warc_date(known.captured_at), record_id=known.warc_record_id
        )

    def _remember(self, body_sha256: str, record: Record) -> None:
        """The store learns of captures in groups, so the same bytes may come again before it knows them."""
        self._own[body_sha256] = _Earlier(
            uri=record.fields["WARC-Target-URI"], date=warc_date(record.date), record_id=record.record_id
        )
        if len(self._own) > _REMEMBERED:
            self._own.popitem(last=False)

    def _append(self, members: bytes) -> None:
        assert self._file is not None
        try:
            _write_all(self._file, members)
        except OSError:
            self._file.truncate(self._end)  # half a record would make those after it unreadable
            self._file.seek(self._end)
            raise
        self._end += len(members)

    def _open(self) -> None:
        self._serial += 1
        now = datetime.now(UTC)
        name = f"{self._crawl}-{now:%Y%m%d%H%M%S}-{secrets.token_hex(4)}-{self._serial:05}.warc.gz"
        fresh = self._folder / f".{name}.new"
        file = fresh.open("xb", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until the process ends: what is locked is not torn
        self._path = fresh.rename(self._folder / f"{name}{OPEN}")
        self._file, self._end = file, 0
        self._info_id = new_record_id()
        lines = "".join(f"{key}: {' '.join(value.split())}\r\n" for key, value in self._info.items() if value)
        info = Record(
            kind="warcinfo",
            date=now,
            content_type="application/warc-fields",
            fields={"WARC-Filename": name},
            payload=lines.encode(),
            record_id=self._info_id,
        )
        try:
            keep_names(self._folder)
            self._append(info.member)
        except OSError:
            self._file = None
            with file:
                self._path.unlink()
            raise

    def _close(self) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        with file:
            os.fsync(file.fileno())
            finish(self._path)


def _write_all(file: BinaryIO, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


def _unavailable(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"WARC files cannot be written ({error})", advice="Check the crawl folder, its permissions and the free space."
    )
