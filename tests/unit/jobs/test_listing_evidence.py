"""Evidence of a listing is found, checked against what may have happened to it, and exported whole."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]
from warcio.checker import Checker  # type: ignore[import-untyped]

from cli.main import app
from crawler.capture.captured import Captured
from crawler.capture.recorder import CaptureRecorder
from crawler.capture.warc_record import Record, warc_date
from crawler.capture.warc_writer import WarcWriter
from domain.capture import Capture, CaptureKind
from domain.errors import BadInput, NotFound
from domain.listing import Listing, ListingImage, Seller
from domain.settings import Settings
from domain.visit import Visit
from jobs.check_evidence import EvidenceReport, check_evidence
from jobs.evidence_of_listing import evidence_of, named_listing
from jobs.export_evidence import export_evidence
from store.evidence import FolderEvidence
from store.interfaces import Records
from store.records import open_records

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE, PICTURE, SHOT = b"<html>a bag</html>", b"\xff\xd8\xff a picture", b"\x89PNG\r\n\x1a\n a screenshot"
DER = b"0\x82a certificate"
URL = "https://shop.example/bag"


@dataclass(frozen=True, kw_only=True)
class House:
    """What a crawl of one listing leaves: two visits to its page, its picture, a screenshot."""

    records: Records
    evidence: FolderEvidence
    home: Path
    crawl_dir: Path
    captures: tuple[Capture, ...]
    listing: Listing

    def blob(self, digest: str) -> Path:
        return self.home / "evidence" / digest[:2] / digest[2:4] / digest

    def check(self, listing: Listing | None = None) -> EvidenceReport:
        return check_evidence(self.records, self.evidence, self.crawl_dir, listing=listing)


def answer(
    body: bytes, url: str, minutes: int = 0, kind: CaptureKind = CaptureKind.PAGE, **changed: object
) -> Captured:
    html = "text/html" if kind is CaptureKind.PAGE else "image/jpeg"
    one = Captured(
        kind=kind,
        url=url,
        final_url=url,
        body=body,
        received_at=NOW + timedelta(minutes=minutes),
        status=200,
        headers=((b"Content-Type", html.encode()), (b"Content-Encoding", b"gzip")),
        ip_address="192.0.2.7",
        certificate=DER,
        request_headers=((b"User-Agent", b"Assayer"), (b"Authorization", b"hidden")),
    )
    return replace(one, **changed)  # type: ignore[arg-type]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings(home=tmp_path)
    records = open_records(settings.resolved_database_url, settings.tenant)
    evidence = FolderEvidence(tmp_path / "evidence")
    with WarcWriter(settings.crawl_dir / "c1", "c1", recorded=records.recorded_capture) as warc:
        recorder = CaptureRecorder(evidence, warc, "c1")
        page = recorder.record(answer(PAGE, URL))
        again = recorder.record(answer(PAGE, f"{URL}?ref=2", minutes=60))
        picture = recorder.record(answer(PICTURE, f"{URL}/1.jpg", 1, CaptureKind.IMAGE))
        elsewhere = recorder.record(answer(PICTURE, "https://other.example/1.jpg", 2, CaptureKind.IMAGE))
        shown = answer(
            SHOT,
            URL,
            3,
            CaptureKind.SCREENSHOT,
            status=None,
            request_headers=None,
            concurrent_to=page.warc_record_id,
        )
        shot = recorder.record(shown)
    captures = (page, again, picture, elsewhere, shot)
    records.save_captures(captures)
    listing = Listing(
        marketplace="shop.example",
        listing_id="bag",
        url=URL,
        title="A bag",
        seller=Seller(id="s", name="s"),
        page_sha256=page.body_sha256,
        images=(ListingImage(source="bag/1.jpg", sha256=picture.body_sha256),),
        captured_at=NOW,
    )
    records.save_listings([listing])
    made = House(
        records=records,
        evidence=evidence,
        home=tmp_path,
        crawl_dir=settings.crawl_dir,
        captures=captures,
        listing=listing,
    )
    yield made
    records.close()


# What there is


def test_the_evidence_of_a_listing_is_its_pages_its_pictures_and_its_screenshots(house: House) -> None:
    page, again, picture, _elsewhere, shot = house.captures
    found = evidence_of(house.listing, house.records)
    assert found.captures == (page, picture, shot, again)
    assert found.uncaptured == ()


def test_a_page_that_offered_a_listing_counts_by_its_visit(house: House) -> None:
    seen = replace(house.captures[0], url="https://shop.example/p/9", body_sha256="9" * 64)
    house.records.save_captures([seen])
    assert seen not in evidence_of(house.listing, house.records).captures
    visit = Visit(url=seen.url, visited_at=NOW, status=200, listing=house.listing.key)
    house.records.save_visits([visit])
    assert seen in evidence_of(house.listing, house.records).captures


def test_bytes_that_no_capture_has_are_named(house: House) -> None:
    imported = replace(house.listing, images=(ListingImage(source="x.jpg", sha256="7" * 64),))
    assert evidence_of(imported, house.records).uncaptured == ("7" * 64,)


def test_a_listing_is_named_by_its_id_where_that_is_enough(house: House) -> None:
    assert named_listing("bag", None, house.records) == house.listing
    assert named_listing("bag", "shop.example", house.records) == house.listing
    house.records.save_listings([replace(house.listing, marketplace="other.example")])
    with pytest.raises(BadInput, match=r"other\.example, shop\.example"):
        named_listing("bag", None, house.records)
    for missing in (("none", None), ("bag", "nowhere")):
        with pytest.raises(NotFound):
            named_listing(*missing, house.records)


# Whether it is whole


def test_untouched_evidence_is_whole(house: House) -> None:
    everything = house.check()
    assert everything.problems == ()
    assert everything.captures == 5
    assert everything.records == 10  # the warcinfo, five captures, and the requests of the four that are no screenshot
    one = house.check(house.listing)
    assert (one.captures, one.problems) == (4, ())
    assert everything.blobs == one.blobs == 6  # page, picture, screenshot, certificate, and two forms of headers


def _remove_page(house: House) -> None:
    house.blob(house.captures[0].body_sha256).unlink()


def _change_picture(house: House) -> None:
    house.blob(house.captures[2].body_sha256).write_bytes(b"another picture")


def _remove_headers(house: House) -> None:
    house.blob(house.captures[0].headers_sha256).unlink()


def _remove_certificate(house: House) -> None:
    house.blob(house.captures[0].certificate_sha256).unlink()


def _remove_warc(house: House) -> None:
    (house.crawl_dir / "c1" / house.captures[0].warc).unlink()


def _change_a_byte_of_the_page(house: House) -> None:
    path = house.crawl_dir / "c1" / house.captures[0].warc
    content = bytearray(path.read_bytes())
    content[(house.captures[0].warc_offset or 0) + 60] ^= 1
    path.write_bytes(content)


def _forge_the_page(house: House) -> None:
    """Another body, with a checksum and digests that fit it."""
    path, capture = house.crawl_dir / "c1" / house.captures[0].warc, house.captures[0]
    start = capture.warc_offset or 0
    forged = Record(
        kind="response",
        date=capture.captured_at,
        content_type="application/http;msgtype=response",
        fields={"WARC-IP-Address": capture.ip_address, "WARC-TLS-Certificate-SHA256": capture.certificate_sha256},
        block=b"HTTP/1.1 200 OK\r\n\r\n",
        payload=b"forged",
        payload_sha256=sha256(b"forged").hexdigest(),
        record_id=capture.warc_record_id,
    ).member
    path.write_bytes(path.read_bytes()[:start] + forged)


def _lie_about_digests(house: House) -> None:
    """Other bytes under the digests of the true ones."""
    path, capture = house.crawl_dir / "c1" / house.captures[0].warc, house.captures[0]
    forged = Record(
        kind="response",
        date=capture.captured_at,
        content_type="application/http;msgtype=response",
        fields={"WARC-IP-Address": capture.ip_address, "WARC-TLS-Certificate-SHA256": capture.certificate_sha256},
        block=b"HTTP/1.1 200 OK\r\n\r\n",
        payload=b"forged",
        payload_sha256=capture.body_sha256,
        record_id=capture.warc_record_id,
    ).member
    path.write_bytes(path.read_bytes()[: capture.warc_offset] + forged)


HARM: dict[str, tuple[Callable[[House], None], str, str]] = {
    "page gone": (_remove_page, "page", "no such bytes"),
    "picture changed": (_change_picture, "picture", "hashes to"),
    "headers gone": (_remove_headers, "headers", "no such bytes"),
    "certificate gone": (_remove_certificate, "certificate", "no such bytes"),
    "WARC gone": (_remove_warc, "record", "WARC file is not here"),
    "WARC byte": (_change_a_byte_of_the_page, "record", "no whole record"),
    "WARC forged": (_forge_the_page, "record", "WARC-Payload-Digest is"),
    "WARC lies": (_lie_about_digests, "record", "do not hash|does not hash"),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_missing_or_changed_is_found(house: House, harm: str, whole: bool) -> None:
    act, what, reason = HARM[harm]
    act(house)
    problems = house.check(None if whole else house.listing).problems
    assert any(problem.what == what and re.search(reason, problem.reason) for problem in problems), problems


@pytest.mark.parametrize("field", ["captured_at", "ip_address", "certificate_sha256", "warc_record_id"])
def test_records_that_say_other_than_the_warc_are_found(house: House, field: str) -> None:
    lies = {
        "captured_at": NOW - timedelta(days=30),
        "ip_address": "192.0.2.99",
        "certificate_sha256": house.captures[0].body_sha256,
        "warc_record_id": "<urn:uuid:00000000-0000-0000-0000-000000000000>",
    }
    lie = replace(house.captures[0], url="https://shop.example/lie", **{field: lies[field]})  # type: ignore[arg-type]
    house.records.save_captures([lie])
    (problem,) = house.check().problems
    assert problem.url == "https://shop.example/lie"


def test_a_record_that_no_capture_names_is_checked_too(house: House) -> None:
    path = house.crawl_dir / "c1" / house.captures[0].warc
    stray = Record(
        kind="response",
        date=NOW,
        content_type="application/http;msgtype=response",
        fields={"WARC-Target-URI": "https://shop.example/stray"},
        block=b"HTTP/1.1 200 OK\r\n\r\n",
        payload=b"changed",
        payload_sha256="0" * 64,
    ).member
    path.write_bytes(path.read_bytes() + stray)
    (problem,) = house.check().problems
    assert (problem.what, problem.url) == ("record", "https://shop.example/stray")
    path.write_bytes(path.read_bytes()[:-3])
    (problem,) = house.check().problems
    assert problem.what == "file"
    path.rename(path.with_name(f"{path.name}.open"))  # as one that is being written
    assert house.check().problems == ()


# Export


def _records(path: Path) -> list[tuple[dict[str, str], bytes]]:
    with path.open("rb") as file:
        return [
            (dict(record.rec_headers.headers), record.raw_stream.read())
            for record in ArchiveIterator(file, check_digests="raise")
        ]


def test_an_export_can_be_checked_without_assayer(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    out = house.home / "out" / "bag"
    report = export_evidence(house.listing, house.records, house.evidence, house.crawl_dir, out, now=NOW)
    assert (report.captures, report.problems) == (4, ())
    sums = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(sums, cwd=out, capture_output=True, text=True, check=True)
    present = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert {line.split(":")[0] for line in done.stdout.splitlines()} == present - {"SHA256SUMS"}
    assert report.files == len(present) - 1
    page, again, picture, _elsewhere, shot = house.captures
    assert (out / "bodies" / f"{page.body_sha256}.html.txt").read_bytes() == PAGE
    assert (out / "bodies" / f"{picture.body_sha256}.jpg").read_bytes() == PICTURE
    assert (out / "bodies" / f"{shot.body_sha256}.png").read_bytes() == SHOT
    assert (out / "certificates" / f"{page.certificate_sha256}.der").read_bytes() == DER
    assert b"Content-Encoding: gzip" in (out / "headers" / f"{page.headers_sha256}.txt").read_bytes()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["format"] == "assayer-evidence/1"
    assert [each["url"] for each in manifest["captures"]] == [page.url, picture.url, shot.url, again.url]
    for each in manifest["captures"]:
        assert sha256((out / each["files"]["body"]).read_bytes()).hexdigest() == each["body_sha256"]
        assert (each["ip_address"], each["certificate_sha256"]) == ("192.0.2.7", sha256(DER).hexdigest())
    assert "hidden" not in "".join(path.read_text("latin-1") for path in out.rglob("*.txt"))

    class Asked:
        inputs = (str(out / "evidence.warc.gz"),)
        verbose = False

    assert Checker(Asked()).process_all() == 0
    capsys.readouterr()


def test_every_record_of_an_exported_warc_holds_its_bytes(house: House) -> None:
    out = house.home / "bag"
    export_evidence(house.listing, house.records, house.evidence, house.crawl_dir, out, now=NOW)
    found = _records(out / "evidence.warc.gz")
    kinds = [fields["WARC-Type"] for fields, _ in found]
    page, again, picture, _elsewhere, shot = house.captures
    assert again.warc_revisit
    assert kinds.count("revisit") == 0
    bodies = {
        (fields["WARC-Target-URI"], fields["WARC-Date"]): body
        for fields, body in found
        if fields["WARC-Type"] in ("response", "resource")
    }
    assert bodies == {
        (page.url, warc_date(page.captured_at)): PAGE,
        (again.url, warc_date(again.captured_at)): PAGE,
        (picture.url, warc_date(picture.captured_at)): PICTURE,
        (f"urn:screenshot:{shot.url}", warc_date(shot.captured_at)): SHOT,
    }
    resolved = next(fields for fields, _ in found if "Assayer-Resolved-Revisit" in fields)
    assert resolved["Assayer-Resolved-Revisit"] == again.warc_record_id
    assert resolved["WARC-IP-Address"] == "192.0.2.7"
    assert not any(name.startswith(("WARC-Refers-To", "WARC-Profile")) for name in resolved)
    names = [fields["WARC-Record-ID"] for fields, _ in found]
    assert len(names) == len(set(names))
    for fields, _ in found:
        for name in ("WARC-Concurrent-To", "WARC-Warcinfo-ID"):
            assert fields.get(name, names[0]) in names
    assert kinds.count("request") == 3


def test_an_export_says_what_is_gone(house: House) -> None:
    _change_picture(house)
    _remove_headers(house)
    out = house.home / "bag"
    report = export_evidence(house.listing, house.records, house.evidence, house.crawl_dir, out, now=NOW)
    assert {problem.what for problem in report.problems} == {"picture", "headers"}
    manifest = json.loads((out / "manifest.json").read_text())
    assert {problem["what"] for problem in manifest["problems"]} == {"picture", "headers"}
    assert not list(out.rglob(f"{house.captures[2].body_sha256}*"))
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=out, check=True)


def test_an_export_without_its_warc_files_still_has_the_bytes(house: House) -> None:
    _remove_warc(house)
    out = house.home / "bag"
    report = export_evidence(house.listing, house.records, house.evidence, house.crawl_dir, out, now=NOW)
    assert {problem.reason for problem in report.problems} == {"its WARC file is not here"}
    assert len(list((out / "bodies").iterdir())) == 3
    assert [fields["WARC-Type"] for fields, _ in _records(out / "evidence.warc.gz")] == ["warcinfo"]


def test_an_export_is_a_zip_where_its_name_says_so_and_never_replaces_anything(house: House) -> None:
    out = house.home / "bag.zip"
    export_evidence(house.listing, house.records, house.evidence, house.crawl_dir, out, now=NOW)
    with zipfile.ZipFile(out) as packed:
        assert packed.testzip() is None
        assert {"bag/manifest.json", "bag/SHA256SUMS", "bag/evidence.warc.gz"} <= set(packed.namelist())
    with pytest.raises(BadInput, match="there already"):
        export_evidence(house.listing, house.records, house.evidence, house.crawl_dir, out, now=NOW)
    assert not list(house.home.glob(".evidence-*"))


# The command


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv("ASSAYER_HOME", str(house.home))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["evidence", *arguments])
        return done.exit_code, done.stdout

    return run


def test_the_command_shows_checks_and_exports(house: House, run: Callable[..., tuple[int, str]]) -> None:
    code, said = run("show", "bag", "--json")
    assert code == 0
    assert [each["body_sha256"] for each in json.loads(said)["captures"]] == [
        each.body_sha256 for each in evidence_of(house.listing, house.records).captures
    ]
    code, said = run("show", "bag", "--marketplace", "shop.example")
    assert code == 0
    for capture in evidence_of(house.listing, house.records).captures:
        assert capture.body_sha256 in said
        assert f"{capture.captured_at:%Y-%m-%d %H:%M:%S}" in said
    assert run("verify")[0] == 0
    assert run("verify", "bag")[0] == 0
    assert run("export", "bag", "--out", str(house.home / "out"))[0] == 0
    _remove_page(house)
    code, said = run("verify", "bag", "--json")
    assert code == 1
    assert [problem["what"] for problem in json.loads(said)["problems"]] == ["page"]
    assert run("verify")[0] == 1
    assert run("export", "bag", "--out", str(house.home / "again"))[0] == 1
