"""A listing's evidence as files that anybody can check without Assayer."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from crawler.capture.warc_reading import WarcFiles
from domain.codec import dump
from domain.errors import BadInput, EvidenceCorrupt, NotFound
from domain.listing import Listing
from jobs.check_evidence import EvidenceProblem, check_evidence
from jobs.evidence_of_listing import ListingEvidence, digests_of, evidence_of
from jobs.evidence_warc import warc_of
from store.interfaces import EvidenceReader, Records

FORMAT = "assayer-evidence/1"
"""Changes when a reader of the manifest has to."""

_PICTURES = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG\r\n\x1a\n", ".png"), (b"GIF8", ".gif"))
_TEXTS = {"text/html": ".html.txt", "application/xhtml+xml": ".html.txt", "application/json": ".json"}

_README = """Evidence of listing {listing_id} on {marketplace}
{address}

manifest.json     what was captured: when (UTC), from which address and IP address, over which certificate,
                  each with the SHA-256 of its bytes and the files here that hold them
listing.json      what was read in the pages: title, seller, price, and where each stood
bodies/           what the servers answered: pages, pictures, and screenshots of how a browser showed them.
                  Pages end in .txt, so that opening one shows its source and runs nothing of it
headers/          status line and headers of each answer
certificates/     the servers' TLS certificates, DER
evidence.warc.gz  the same answers and the requests that led to them, as records of the WARC standard (ISO 28500)
SHA256SUMS        the SHA-256 of every file here

How to check it, without Assayer:

  sha256sum --check SHA256SUMS                                     every file is as it was exported
  warcio check evidence.warc.gz                                    every record hashes to its digests
  openssl x509 -inform der -in certificates/NAME.der -noout -text  who the server was

The name of a file in bodies, headers and certificates is the SHA-256 of its bytes. warcio is free software (pip
install warcio). Replay tools such as pywb or ReplayWeb.page show evidence.warc.gz as pages.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportReport:
    """What was exported."""

    path: Path
    captures: int
    files: int
    problems: tuple[EvidenceProblem, ...]
    """What is missing or changed, and so is left out; the manifest says so too."""


def export_evidence(
    listing: Listing,
    records: Records,
    evidence: EvidenceReader,
    crawl_dir: Path,
    out: Path,
    *,
    now: datetime | None = None,
) -> ExportReport:
    """Write all evidence of a listing to the new folder `out`, or to the new file where it ends in ``.zip``.

    It is there whole or not at all. Raises BadInput when something is there already.
    """
    if out.exists():
        raise BadInput("is there already", file=str(out), advice="Give a name that is free.")
    out.parent.mkdir(parents=True, exist_ok=True)
    problems = check_evidence(records, evidence, crawl_dir, listing=listing).problems
    found = evidence_of(listing, records)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".evidence-") as scratch:
        folder = Path(scratch) / out.name.removesuffix(".zip")
        folder.mkdir()
        export = _Export(folder, evidence)
        export.write(found, WarcFiles(crawl_dir), problems, now or datetime.now(UTC))
        if out.suffix == ".zip":
            packed = shutil.make_archive(str(Path(scratch) / "packed"), "zip", root_dir=scratch, base_dir=folder.name)
            Path(packed).rename(out)
        else:
            folder.rename(out)
    return ExportReport(path=out, captures=len(found.captures), files=len(export.digests), problems=problems)


class _Export:
    """The files of one export, and the digest of each."""

    def __init__(self, folder: Path, evidence: EvidenceReader) -> None:
        self._folder, self._evidence = folder, evidence
        self.digests: dict[str, str] = {}
        self._held: dict[tuple[str, str], str] = {}

    def write(
        self, found: ListingEvidence, files: WarcFiles, problems: tuple[EvidenceProblem, ...], now: datetime
    ) -> None:
        captures = []
        for capture in found.captures:
            held = {
                "body": self._kept("bodies", capture.body_sha256, capture.content_type),
                "headers": self._kept("headers", capture.headers_sha256, ending=".txt"),
                "certificate": self._kept("certificates", capture.certificate_sha256, ending=".der"),
            }
            captures.append(dump(capture) | {"files": {name: path for name, path in held.items() if path}})
        uncaptured = [{"sha256": digest, "file": self._kept("bodies", digest)} for digest in found.uncaptured]
        listing = found.listing
        self._put("listing.json", [_json(dump(listing))])
        self._put("evidence.warc.gz", warc_of(found.captures, files, self._evidence, now))
        about = {"listing_id": listing.listing_id, "marketplace": listing.marketplace, "address": listing.url}
        self._put("README.txt", [_README.format(**{name: _one_line(text) for name, text in about.items()}).encode()])
        manifest = {
            "format": FORMAT,
            "exported_at": now.astimezone(UTC).isoformat(),
            "listing": {
                "marketplace": listing.marketplace,
                "listing_id": listing.listing_id,
                "url": listing.url,
                "title": listing.title,
                "sha256": list(digests_of(listing)),
            },
            "captures": captures,
            "uncaptured": uncaptured,
            "problems": [dump(problem) for problem in problems],
            "files": dict(sorted(self.digests.items())),
        }
        self._put("manifest.json", [_json(manifest)])
        sums = "".join(f"{digest}  {path}\n" for path, digest in sorted(self.digests.items()))
        (self._folder / "SHA256SUMS").write_text(sums)

    def _kept(self, folder: str, digest: str, content_type: str = "", *, ending: str = "") -> str | None:
        """The file that holds these bytes; None where there are none, or not those that were captured."""
        if (folder, digest) in self._held:
            return self._held[folder, digest]
        try:
            content = self._evidence.read(digest) if digest else None
        except (NotFound, EvidenceCorrupt):
            return None  # named among the problems
        if content is None:
            return None
        path = f"{folder}/{digest}{ending or _ending(content, content_type)}"
        self._held[folder, digest] = self._put(path, [content])
        return path

    def _put(self, path: str, parts: Iterable[bytes]) -> str:
        file = self._folder / path
        file.parent.mkdir(exist_ok=True)
        made = sha256()
        with file.open("xb") as out:
            for part in parts:
                made.update(part)
                out.write(part)
        self.digests[path] = made.hexdigest()
        return path


def _ending(content: bytes, content_type: str) -> str:
    """By the bytes for a picture; else by what the server said, and nothing that a double click would run."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ".webp"
    drawn: Iterator[str] = (ending for start, ending in _PICTURES if content.startswith(start))
    return next(drawn, _TEXTS.get(content_type, ".bin"))


def _json(data: Any) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace")


def _one_line(text: str) -> str:
    return " ".join(text.split())
