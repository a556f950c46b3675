"""What is written to WARC files is read back by warcio, names what it holds, and survives a kill at any byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]
from warcio.checker import Checker  # type: ignore[import-untyped]

from crawler.capture.captured import Captured
from crawler.capture.header_block import archived_block, received_block, request_block
from crawler.capture.recorder import CaptureRecorder
from crawler.capture.warc_ending import close_left_open
from crawler.capture.warc_members import read_member, whole_bytes
from crawler.capture.warc_record import target_uri
from crawler.capture.warc_writer import WarcWriter
from domain.capture import Capture, CaptureKind
from domain.errors import BadInput, StoreUnavailable
from store.evidence import MemoryEvidence
from store.memory import MemoryRecords

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
DER = b"0\x82a certificate"


def answer(body: bytes = b"<html>an offer</html>", url: str = "https://shop.example/1", **changed: object) -> Captured:
    one = Captured(
        kind=CaptureKind.PAGE,
        url=url,
        final_url=url,
        body=body,
        received_at=NOW,
        status=200,
        headers=((b"Content-Type", b"Text/HTML; charset=utf-8"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")),
        ip_address="192.0.2.7",
        certificate=DER,
        request_headers=((b"User-Agent", b"Assayer (+mail@example.org)"), (b"Authorization", b"Bearer secret")),
    )
    return replace(one, **changed)  # type: ignore[arg-type]


class Crawl:
    """A crawl's recorder on records in memory."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.records, self.evidence, self.folder = MemoryRecords(), MemoryEvidence(), folder
        self.warc = WarcWriter(folder, "crawl", recorded=self.records.recorded_capture, **options)
        self.recorder = CaptureRecorder(self.evidence, self.warc, "crawl")

    def record(self, one: Captured) -> Capture:
        capture = self.recorder.record(one)
        self.records.save_captures([capture])
        return capture


@pytest.fixture
def crawl(tmp_path: Path) -> Iterator[Crawl]:
    made = Crawl(tmp_path, user_agent="Assayer (+mail@example.org)", operator="mail@example.org")
    yield made
    made.warc.close()


def read(path: Path) -> list[dict[str, Any]]:
    """Every record: its fields, HTTP headers and payload, all digests checked by warcio."""
    found = []
    with path.open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            http = record.http_headers
            fields = dict(record.rec_headers.headers)
            headers = http and [http.protocol, http.statusline, http.headers]
            found.append(fields | {"http": headers, "payload": record.raw_stream.read()})
    return found


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.warc.gz*")
    return path


def test_an_answer_is_read_back_with_all_that_a_court_asks_for(crawl: Crawl) -> None:
    capture = crawl.record(answer())
    crawl.warc.close()
    path = crawl.folder / capture.warc
    info, response, request = read(path)
    assert info["WARC-Type"] == "warcinfo"
    assert b"http-header-user-agent: Assayer (+mail@example.org)\r\n" in info["payload"]
    for line in (b"software: Assayer", b"robots: RFC 9309", b"operator: mail@example.org", b"isPartOf: crawl"):
        assert line + b"\r\n" in info["payload"]
    assert info["WARC-Filename"] == path.name
    digest = sha256(answer().body).hexdigest()
    assert response["WARC-Type"] == "response"
    assert response["WARC-Target-URI"] == "https://shop.example/1"
    assert response["WARC-Date"] == "2026-03-01T12:00:00.000005Z"
    assert response["WARC-IP-Address"] == "192.0.2.7"
    assert response["WARC-Payload-Digest"] == f"sha256:{digest}"
    assert response["WARC-TLS-Certificate-SHA256"] == sha256(DER).hexdigest()
    assert response["WARC-Warcinfo-ID"] == info["WARC-Record-ID"]
    assert response["WARC-Record-ID"] == capture.warc_record_id
    assert response["payload"] == answer().body
    assert response["http"][:2] == ["HTTP/1.1", "200 OK"]
    assert request["WARC-Concurrent-To"] == response["WARC-Record-ID"]
    assert request["http"][:2] == ["GET", "/1 HTTP/1.1"]
    assert ("Host", "shop.example") in request["http"][2]
    assert capture == Capture(
        kind=CaptureKind.PAGE,
        url="https://shop.example/1",
        final_url="https://shop.example/1",
        captured_at=NOW,
        body_sha256=digest,
        size=len(answer().body),
        content_type="text/html",
        status=200,
        headers_sha256=sha256(received_block(answer())).hexdigest(),
        ip_address="192.0.2.7",
        certificate_sha256=sha256(DER).hexdigest(),
        warc=path.name,
        warc_offset=capture.warc_offset,
        warc_record_id=capture.warc_record_id,
        crawl="crawl",
    )
    assert crawl.evidence.read(capture.certificate_sha256) == DER
    assert crawl.evidence.read(capture.headers_sha256) == received_block(answer())


def test_the_offset_is_where_the_record_begins(crawl: Crawl) -> None:
    captures = [crawl.record(answer(b"%d" % number)) for number in range(5)]
    with only_file(crawl.folder).open("rb") as file:
        for number, capture in enumerate(captures):
            assert capture.warc_offset is not None
            found = read_member(file, capture.warc_offset, max_bytes=1 << 20)
            assert found is not None
            record = next(iter(ArchiveIterator(BytesIO(found[0]))))
            assert record.rec_headers.get_header("WARC-Record-ID") == capture.warc_record_id
            assert record.content_stream().read() == b"%d" % number


def test_what_proves_who_asks_is_in_no_file(crawl: Crawl) -> None:
    secret = ((b"authorization", b"hidden"), (b" X-API-Key", b"hidden"), (b"Cookie", b"hidden"), (b"Accept", b"shown"))
    one = answer(request_headers=secret, final_url="https://me:hidden@shop.example/1")
    block = request_block(one)
    assert b"hidden" not in block
    assert b"shown" in block
    assert b"Host: shop.example\r\n" in block


def test_headers_that_speak_of_the_wire_are_renamed_beside_a_decoded_body() -> None:
    wire = ((b"content-encoding", b"gzip"), (b"Transfer-Encoding", b"chunked"), (b"X", b"1"), (b"Content-Length", b"9"))
    block = archived_block(answer(b"decoded body", headers=wire))
    assert block == (
        b"HTTP/1.1 200 OK\r\nX-Archive-Orig-content-encoding: gzip\r\nX-Archive-Orig-Transfer-Encoding: chunked\r\n"
        b"X: 1\r\nX-Archive-Orig-Content-Length: 9\r\nContent-Length: 12\r\n\r\n"
    )
    assert b"gzip" in received_block(answer(headers=wire)).split(b"\r\n")[1]
    plain = ((b"Content-Length", b"12"),)
    assert archived_block(answer(b"decoded body", headers=plain)) == received_block(answer(headers=plain))


def test_the_same_bytes_are_stored_once(crawl: Crawl) -> None:
    first = crawl.record(answer())
    again = crawl.record(answer(url="https://shop.example/2", received_at=NOW + timedelta(hours=1)))
    crawl.warc.close()
    later = Crawl(crawl.folder)
    later.records = crawl.records
    third = WarcWriter(crawl.folder, "later", recorded=crawl.records.recorded_capture)
    place = third.write(answer(url="https://shop.example/3"), body_sha256=first.body_sha256)
    third.close()
    assert (first.warc_revisit, again.warc_revisit, place.revisit) == (False, True, True)
    for name in (again.warc, place.warc):
        (revisit,) = [each for each in read(crawl.folder / name) if each["WARC-Type"] == "revisit"]
        assert revisit["WARC-Profile"] == "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
        assert revisit["WARC-Refers-To"] == first.warc_record_id
        assert revisit["WARC-Refers-To-Target-URI"] == "https://shop.example/1"
        assert revisit["WARC-Refers-To-Date"] == "2026-03-01T12:00:00.000005Z"
        assert revisit["WARC-Payload-Digest"] == f"sha256:{first.body_sha256}"
        assert revisit["payload"] == b""
        assert revisit["http"][1] == "200 OK"
    responses = [each for path in crawl.folder.glob("*.gz") for each in read(path) if each["WARC-Type"] == "response"]
    assert len(responses) == 1


def test_the_same_bytes_are_stored_once_before_the_records_know_of_them(crawl: Crawl) -> None:
    first = crawl.recorder.record(answer())
    again = crawl.recorder.record(answer(url="https://shop.example/2"))
    assert (first.warc_revisit, again.warc_revisit) == (False, True)
    crawl.warc.close()
    assert read(crawl.folder / again.warc)[-2]["WARC-Refers-To"] == first.warc_record_id


def test_a_body_of_nothing_refers_to_nothing(crawl: Crawl) -> None:
    assert not crawl.record(answer(b"")).warc_revisit
    assert not crawl.record(answer(b"", url="https://shop.example/2")).warc_revisit


def test_a_screenshot_is_a_resource_beside_its_page(crawl: Crawl) -> None:
    page = crawl.record(answer())
    shot = answer(
        b"\x89PNG shown",
        kind=CaptureKind.SCREENSHOT,
        status=None,
        headers=(),
        request_headers=None,
        concurrent_to=page.warc_record_id,
    )
    capture = crawl.record(shot)
    crawl.warc.close()
    resource = read(crawl.folder / capture.warc)[-1]
    assert resource["WARC-Type"] == "resource"
    assert resource["Content-Type"] == "image/png"
    assert resource["WARC-Target-URI"] == "urn:screenshot:https://shop.example/1"
    assert resource["WARC-Concurrent-To"] == page.warc_record_id
    assert resource["payload"] == b"\x89PNG shown"
    assert (capture.content_type, capture.status, capture.headers_sha256) == ("image/png", None, "")


def test_warcio_checks_a_file_and_finds_nothing_wrong(crawl: Crawl, capsys: pytest.CaptureFixture[str]) -> None:
    crawl.record(answer())
    crawl.record(answer(url="https://shop.example/2"))
    crawl.record(answer("Ünïcödé".encode(), url="https://shop.example/ü?q=ö"))
    crawl.warc.close()

    class Asked:
        inputs = (str(only_file(crawl.folder)),)
        verbose = True

    assert Checker(Asked()).process_all() == 0
    assert "fail" not in capsys.readouterr().out


names = st.binary(max_size=12)
values = st.binary(max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300) | st.just(b"\r\n\r\nWARC/1.1\r\n"),
    headers=st.lists(st.tuples(names, values), max_size=5),
    sent=st.none() | st.lists(st.tuples(names, values), max_size=3),
    url=st.text(max_size=30).map(lambda text: f"https://shop.example/{text}"),
    status=st.integers(0, 999),
    protocol=st.sampled_from(["HTTP/1.0", "HTTP/1.1", "h2", "", "HTTP/1.1\r\nX: 1"]),
)
def test_whatever_a_server_sends_is_read_back_and_harms_no_other_record(
    tmp_path_factory: pytest.TempPathFactory,
    body: bytes,
    headers: list[tuple[bytes, bytes]],
    sent: list[tuple[bytes, bytes]] | None,
    url: str,
    status: int,
    protocol: str,
) -> None:
    crawl = Crawl(tmp_path_factory.mktemp("warc"))
    hostile = answer(body, url, headers=headers, request_headers=sent, status=status, protocol=protocol)
    capture = crawl.recorder.record(hostile)
    last = crawl.recorder.record(answer(b"the next one"))
    crawl.warc.close()
    found = read(crawl.folder / capture.warc)
    kinds = ["warcinfo", "response", *([] if sent is None else ["request"]), "response", "request"]
    assert [each["WARC-Type"] for each in found] == kinds
    assert found[1]["payload"] == body
    assert found[1]["WARC-Record-ID"] == capture.warc_record_id
    assert found[-2]["WARC-Record-ID"] == last.warc_record_id
    assert found[1]["WARC-Target-URI"] == target_uri(url)
    assert crawl.evidence.read(capture.body_sha256) == body
    assert crawl.evidence.read(capture.headers_sha256) == received_block(hostile)


# Files


def test_a_file_is_open_while_it_is_written_and_the_next_begins_when_it_is_full(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path, max_file_bytes=4000)
    first = crawl.record(answer(os.urandom(1500)))
    assert only_file(tmp_path).name == f"{first.warc}.open"
    captures = [crawl.record(answer(os.urandom(1500))) for _ in range(3)]
    crawl.warc.close()
    crawl.warc.close()
    named = {first.warc, *(capture.warc for capture in captures)}
    assert {path.name for path in tmp_path.iterdir()} == named
    assert len(named) == 2
    assert sum(each["WARC-Type"] == "response" for name in named for each in read(tmp_path / name)) == 4


def test_a_crawl_that_captures_nothing_leaves_no_file(tmp_path: Path) -> None:
    with WarcWriter(tmp_path / "new" / "folder", "crawl", recorded=lambda _: None) as warc:
        warc.sync()
    assert list((tmp_path / "new" / "folder").iterdir()) == []


@pytest.mark.parametrize("crawl", ["", "../up", "a/b", "a b", "*", ".hidden", "x" * 200, "a\n"])
def test_a_crawl_of_an_impossible_name_is_refused(tmp_path: Path, crawl: str) -> None:
    with pytest.raises(BadInput):
        WarcWriter(tmp_path, crawl, recorded=lambda _: None)


def test_a_folder_that_cannot_be_made_is_the_stores_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        WarcWriter(tmp_path / "file" / "warc", "crawl", recorded=lambda _: None)


def test_a_full_disk_leaves_the_file_as_it_was(crawl: Crawl, monkeypatch: pytest.MonkeyPatch) -> None:
    crawl.record(answer(b"one"))

    def full(file: Any, content: bytes) -> None:
        file.write(content[:-5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("crawler.capture.warc_writer._write_all", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            crawl.record(answer(os.urandom(5000)))
    three = crawl.record(answer(b"three"))
    crawl.warc.close()
    payloads = [each["payload"] for each in read(crawl.folder / three.warc) if each["WARC-Type"] == "response"]
    assert payloads == [b"one", b"three"]


def test_the_disk_keeps_a_files_name_before_its_records(crawl: Crawl, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[list[str]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        kept.append(sorted(each.name for each in path.iterdir()) if path.is_dir() else [path.name])
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    captured = crawl.record(answer())
    crawl.warc.sync()
    assert kept == [[f"{captured.warc}.open"]] * 2


def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crawl = Crawl(tmp_path)

    def full(_file: Any, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("crawler.capture.warc_writer._write_all", full)
        with pytest.raises(StoreUnavailable):
            crawl.record(answer())
    assert list(tmp_path.iterdir()) == []
    capture = crawl.record(answer())
    crawl.warc.close()
    assert [each["WARC-Type"] for each in read(tmp_path / capture.warc)] == ["warcinfo", "response", "request"]


def test_threads_write_whole_records(crawl: Crawl) -> None:
    def write(name: int) -> None:
        for number in range(20):
            crawl.record(answer(os.urandom(300), f"https://shop.example/{name}/{number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    crawl.warc.close()
    found = [each for each in read(only_file(crawl.folder)) if each["WARC-Type"] == "response"]
    assert len({each["WARC-Target-URI"] for each in found}) == 80


# After a kill


def _torn_at_every_byte(whole: bytes, last: int) -> Iterator[bytes]:
    for end in range(last, len(whole)):
        yield whole[:end]


def test_a_kill_at_any_byte_of_the_last_record_costs_that_record_alone(tmp_path: Path) -> None:
    crawl = Crawl(tmp_path / "crawl")
    crawl.record(answer(b"one"))
    last = crawl.record(answer(b"two", request_headers=None))
    crawl.warc.close()
    content = (crawl.folder / last.warc).read_bytes()
    assert last.warc_offset is not None
    folder = tmp_path / "torn"
    folder.mkdir()
    for torn in _torn_at_every_byte(content, last.warc_offset):
        (folder / "a.warc.gz.open").write_bytes(torn)
        assert close_left_open(folder) == (folder / "a.warc.gz",)
        assert (folder / "a.warc.gz").read_bytes() == content[: last.warc_offset]
        rest = folder / "a.warc.gz.torn"
        assert (rest.read_bytes() if rest.exists() else b"") == torn[last.warc_offset :]
        rest.unlink(missing_ok=True)
        (folder / "a.warc.gz").unlink()
    (folder / "a.warc.gz.open").write_bytes(content)
    close_left_open(folder)
    assert (folder / "a.warc.gz").read_bytes() == content
    assert [each["payload"] for each in read(folder / "a.warc.gz")][1::2] == [b"one", b"two"]


@pytest.mark.parametrize("tail", [b"", b"\0" * 5000, b"\x1f\x8b", b"no gzip at all", os.urandom(200_000)])
def test_whatever_follows_the_last_whole_record_is_cut(crawl: Crawl, tail: bytes) -> None:
    crawl.record(answer(os.urandom(300_000)))
    crawl.warc.close()
    content = only_file(crawl.folder).read_bytes()
    assert whole_bytes(BytesIO(content + tail)) == len(content)


def test_a_record_that_was_changed_is_not_whole(crawl: Crawl) -> None:
    capture = crawl.record(answer(b"one"))
    crawl.warc.close()
    assert capture.warc_offset is not None
    content = bytearray(only_file(crawl.folder).read_bytes())
    content[capture.warc_offset + 40] ^= 1
    assert read_member(BytesIO(content), capture.warc_offset, max_bytes=1 << 20) is None
    assert whole_bytes(BytesIO(content)) == capture.warc_offset


def test_a_member_larger_than_allowed_is_not_read(crawl: Crawl) -> None:
    capture = crawl.record(answer(bytes(3_000_000)))
    assert capture.warc_offset is not None
    with only_file(crawl.folder).open("rb") as file:
        assert read_member(file, capture.warc_offset, max_bytes=1_000_000) is None
        assert read_member(file, capture.warc_offset, max_bytes=4_000_000) is not None


def test_a_file_that_a_live_process_writes_is_left_alone(crawl: Crawl) -> None:
    first = crawl.record(answer(b"one"))
    with WarcWriter(crawl.folder, "crawl", recorded=lambda _: None) as other:
        assert close_left_open(crawl.folder) == ()
        place = other.write(answer(b"two"), body_sha256=sha256(b"two").hexdigest())
    second = crawl.record(answer(b"three"))
    assert place.warc != first.warc == second.warc
    assert (crawl.folder / f"{first.warc}.open").exists()


def test_a_killed_process_loses_nothing_that_it_told_of(tmp_path: Path) -> None:
    program = """
import os, sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from crawler.capture.captured import Captured
from crawler.capture.warc_writer import WarcWriter
from domain.capture import CaptureKind

warc = WarcWriter(Path(sys.argv[1]), "crawl", recorded=lambda _: None)
while True:
    body = os.urandom(20_000)
    url = f"https://shop.example/{sha256(body).hexdigest()}"
    one = Captured(kind=CaptureKind.PAGE, url=url, final_url=url, body=body, received_at=datetime.now(UTC), status=200)
    place = warc.write(one, body_sha256=sha256(body).hexdigest())
    sys.stdout.write(f"{place.warc} {place.offset} {place.record_id} {sha256(body).hexdigest()}\\n")
    sys.stdout.flush()
"""
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [process.stdout.readline().split() for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    told += [line.split() for line in rest.splitlines() if line.count(" ") == 3 and len(line.split()[3]) == 64]
    assert [path.suffix for path in tmp_path.iterdir()] == [".open"]
    WarcWriter(tmp_path, "crawl", recorded=lambda _: None)
    found = {
        each["WARC-Record-ID"]: each["WARC-Payload-Digest"] for each in read(tmp_path / told[0][0]) if each["http"]
    }
    for _warc, _offset, record_id, digest in told:
        assert found[record_id] == f"sha256:{digest}"


def test_files_of_two_processes_never_share_a_name(tmp_path: Path) -> None:
    writers: list[Callable[[], None]] = []
    for _ in range(3):
        one = WarcWriter(tmp_path, "crawl", recorded=lambda _: None)
        one.write(answer(), body_sha256="0" * 64)
        writers.append(one.close)
    for close in writers:
        close()
    assert len(list(tmp_path.glob("*.warc.gz"))) == 3
