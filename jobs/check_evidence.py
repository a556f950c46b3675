"""Whether evidence is still what was captured: bytes against their names, WARC records against their digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crawler.capture.warc_ending import OPEN
from crawler.capture.warc_reading import WarcFiles, read_records
from crawler.capture.warc_record import warc_date
from domain.capture import Capture
from domain.errors import EvidenceCorrupt, NotFound
from domain.listing import Listing
from domain.progress import Progress, silent
from jobs.evidence_of_listing import digests_of, evidence_of
from store.interfaces import EvidenceReader, Records


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceProblem:
    """One thing that is missing or changed."""

    what: str
    """``body``, ``headers``, ``certificate``, ``page``, ``picture``, ``record`` or ``file``."""
    name: str
    """SHA-256 of the bytes, or the WARC file and the offset in it."""
    url: str
    """What it was captured from; empty for a file as a whole."""
    reason: str
    """One sentence for a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceReport:
    """What was checked and what was found wrong."""

    captures: int
    blobs: int
    """Different bytes of the evidence store."""
    records: int
    """WARC records."""
    problems: tuple[EvidenceProblem, ...]


def check_evidence(
    records: Records,
    evidence: EvidenceReader,
    crawl_dir: Path,
    *,
    listing: Listing | None = None,
    progress: Progress = silent,
) -> EvidenceReport:
    """Check all that was captured, or what was captured of one listing.

    Without a listing every record of every WARC file under `crawl_dir` is checked too, whoever names it. Raises
    StoreUnavailable: evidence that cannot be reached is not evidence that is missing.
    """
    check = _Check(evidence, WarcFiles(crawl_dir))
    if listing is not None:
        check.listing(listing)
        check.captures(evidence_of(listing, records).captures, progress)
    else:
        for each in records.listings():
            check.listing(each)
        check.captures(records.all_captures(), progress)
        check.files(progress)
    return EvidenceReport(
        captures=check.captured, blobs=len(check.seen), records=check.recorded, problems=tuple(check.problems)
    )


class _Check:
    """One pass; every blob is read once."""

    def __init__(self, evidence: EvidenceReader, files: WarcFiles) -> None:
        self._evidence, self._files = evidence, files
        self.seen: set[bytes] = set()
        self.problems: list[EvidenceProblem] = []
        self.captured = self.recorded = 0

    def listing(self, listing: Listing) -> None:
        for digest in digests_of(listing):
            self._blob("page" if digest == listing.page_sha256 else "picture", digest, listing.url)

    def captures(self, captures: Iterable[Capture], progress: Progress) -> None:
        for capture in captures:
            self.captured += 1
            self._blob("body", capture.body_sha256, capture.url)
            for what, digest in (("headers", capture.headers_sha256), ("certificate", capture.certificate_sha256)):
                if digest:
                    self._blob(what, digest, capture.url)
            if capture.warc:
                self._record(capture)
            progress("captures", self.captured, None)

    def files(self, progress: Progress) -> None:
        """Records that no capture names too: requests, and what was killed before it was told of."""
        paths = self._files.paths
        self.recorded = 0
        told = {problem.name for problem in self.problems if problem.what == "record"}
        for number, (name, path) in enumerate(paths.items()):
            progress("WARC files", number, len(paths))
            with path.open("rb") as file:
                end = 0
                for record in read_records(file):
                    if record is None:
                        if path.suffix != OPEN:  # one that is being written may end in half a record
                            self._wrong("file", name, "", f"no whole record begins at byte {end}")
                        break
                    end = record.end
                    self.recorded += 1
                    place = f"{name}:{record.offset}"
                    if record.problem and place not in told:
                        self._wrong("record", place, record.fields.get("WARC-Target-URI", ""), record.problem)

    def _blob(self, what: str, digest: str, url: str) -> None:
        try:
            key = bytes.fromhex(digest)
        except ValueError:
            self._wrong(what, digest, url, "the records name no SHA-256")
            return
        if key in self.seen:
            return
        self.seen.add(key)
        try:
            self._evidence.read(digest)
        except NotFound:
            self._wrong(what, digest, url, "the evidence store has no such bytes")
        except EvidenceCorrupt as error:
            self._wrong(what, digest, url, error.message)

    def _record(self, capture: Capture) -> None:
        """A capture's own record: there, unharmed, and of the bytes, time and address that the capture says."""
        offset = -1 if capture.warc_offset is None else capture.warc_offset
        name = f"{capture.warc}:{offset}"
        if capture.warc not in self._files.paths:
            self._wrong("record", name, capture.url, "its WARC file is not here")
            return
        record = self._files.record(capture.warc, offset) if offset >= 0 else None
        self.recorded += 1
        if record is None:
            self._wrong("record", name, capture.url, "no whole record is there")
        elif record.problem:
            self._wrong("record", name, capture.url, record.problem)
        else:
            for field, wanted in _told_by(capture).items():
                found = record.fields.get(field, "")
                if found != wanted:
                    self._wrong("record", name, capture.url, f"its {field} is {found!r}, the capture's {wanted!r}")

    def _wrong(self, what: str, name: str, url: str, reason: str) -> None:
        self.problems.append(EvidenceProblem(what=what, name=name, url=url, reason=reason))


def _told_by(capture: Capture) -> dict[str, str]:
    """What its record has to say, word for word."""
    return {
        "WARC-Record-ID": capture.warc_record_id,
        "WARC-Date": warc_date(capture.captured_at),
        "WARC-Payload-Digest": f"sha256:{capture.body_sha256}",
        "WARC-IP-Address": capture.ip_address,
        "WARC-TLS-Certificate-SHA256": capture.certificate_sha256,
    }
