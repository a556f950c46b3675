"""One WARC file of some captures alone, in which every record holds its bytes itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from crawler.capture.warc_reading import StoredRecord, WarcFiles
from crawler.capture.warc_record import Record, new_record_id
from domain.capture import Capture
from domain.errors import EvidenceCorrupt, NotFound
from store.interfaces import EvidenceReader

_MADE_ANEW = frozenset(
    {
        "WARC-Type",
        "WARC-Record-ID",
        "WARC-Date",
        "WARC-Payload-Digest",
        "WARC-Block-Digest",
        "WARC-Profile",
        "WARC-Refers-To",
        "WARC-Refers-To-Target-URI",
        "WARC-Refers-To-Date",
        "Content-Type",
        "Content-Length",
    }
)


def warc_of(captures: Sequence[Capture], files: WarcFiles, evidence: EvidenceReader, now: datetime) -> Iterator[bytes]:
    """Gzip members: a warcinfo, then each capture's record with its request.

    A record that holds its bytes goes over byte by byte, with the warcinfo of its file. A revisit becomes a response
    with the bytes it refers to; its field ``Assayer-Resolved-Revisit`` names the revisit. A capture without a whole
    record that its capture describes is left out.
    """
    lines = "software: Assayer\r\nformat: WARC File Format 1.1\r\ndescription: evidence of one listing, exported\r\n"
    yield Record(
        kind="warcinfo", date=now, content_type="application/warc-fields", fields={}, payload=lines.encode()
    ).member
    told: set[str] = set()
    for capture in captures:
        record = _own(capture, files)
        if record is None:
            continue
        if capture.warc not in told:
            told.add(capture.warc)
            yield files.member(capture.warc, 0)
        request = files.request_of(record, capture.warc)
        if record.kind != "revisit":
            yield files.member(capture.warc, record.offset)
            if request is not None:
                yield files.member(capture.warc, request.offset)
        else:
            yield from _resolved(capture, record, request, evidence)


def _own(capture: Capture, files: WarcFiles) -> StoredRecord | None:
    if not capture.warc or capture.warc_offset is None:
        return None
    record = files.record(capture.warc, capture.warc_offset)
    if record is None or record.problem or record.record_id != capture.warc_record_id:
        return None
    return record if record.payload_sha256 == capture.body_sha256 else None


def _resolved(
    capture: Capture, revisit: StoredRecord, request: StoredRecord | None, evidence: EvidenceReader
) -> Iterator[bytes]:
    try:
        body = evidence.read(capture.body_sha256)
    except (NotFound, EvidenceCorrupt):
        return
    record_id = new_record_id()
    yield Record(
        kind="response",
        date=capture.captured_at,
        content_type=revisit.fields["Content-Type"],
        fields=_kept(revisit) | {"Assayer-Resolved-Revisit": revisit.record_id},
        block=revisit.head,
        payload=body,
        payload_sha256=capture.body_sha256,
        record_id=record_id,
    ).member
    if request is not None:
        yield Record(
            kind="request",
            date=capture.captured_at,
            content_type=request.fields["Content-Type"],
            fields=_kept(request) | {"WARC-Concurrent-To": record_id},
            block=request.head,
            payload=request.payload,
        ).member


def _kept(record: StoredRecord) -> dict[str, str]:
    return {name: value for name, value in record.fields.items() if name not in _MADE_ANEW}
