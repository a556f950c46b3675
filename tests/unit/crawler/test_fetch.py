from __future__ import annotations

import datetime
import gzip
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.addresses import Address
from crawler.content import PICTURES
from crawler.fetch import GuardedFetcher
from domain.errors import AddressRefused, FetchRefused, FetchTooLarge
from domain.settings import Settings

LIMIT = 100_000


def fetcher(
    *, names: dict[str, list[str]] | None = None, tls: ssl.SSLContext | None = None, **changes: Any
) -> GuardedFetcher:
    """One that may reach loopback, with a small time limit, and knows `names` only."""

    def resolver(host: str, port: int, timeout_s: float) -> list[Address]:
        if host not in (names or {}):
            raise OSError("no such name")
        return [ip_address(address) for address in (names or {})[host]]

    chosen = {"allow_loopback": True, "fetch_timeout_s": 5.0, "user_agent": "AssayerTest/1"} | changes
    return GuardedFetcher(Settings(**chosen), resolver=resolver, tls=tls)


def test_a_page_as_it_was_sent(server: Any) -> None:
    server.says("/page", b"<p>goods</p>", content_type="Text/HTML; charset=utf-8")
    fetched = fetcher().fetch(server.url("/page"), max_bytes=LIMIT)
    assert (fetched.content, fetched.status, fetched.content_type) == (b"<p>goods</p>", 200, "text/html")
    assert fetched.url == fetched.final_url == server.url("/page")
    assert fetched.fetched_at.tzinfo is datetime.UTC
    assert "user-agent: AssayerTest/1" in server.heads[0].lower().replace("assayertest", "AssayerTest")


def test_sites_see_whom_to_write_to(server: Any) -> None:
    server.says("/", b"goods")
    fetcher(contact="mailto:crawl@assayer.example").fetch(server.url("/"), max_bytes=LIMIT)
    assert "user-agent: AssayerTest/1 (+mailto:crawl@assayer.example)\r\n" in server.heads[0]


def test_the_bytes_say_what_they_are_not_the_server(server: Any) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(20)
    server.says("/photo.gif", picture, content_type="image/gif")
    server.says("/photo.jpg", b"<html>gone</html>", content_type="image/jpeg")
    server.says("/drawing.png", b"<?xml version='1.0'?><svg><script/></svg>", content_type="image/png")
    guarded = fetcher()
    shown = guarded.fetch(server.url("/photo.gif"), max_bytes=LIMIT, expect=PICTURES)
    assert (shown.kind, shown.content_type, shown.content) == ("image/png", "image/gif", picture)
    for path, kind in (("/photo.jpg", "text/html"), ("/drawing.png", r"image/svg\+xml")):
        with pytest.raises(FetchRefused, match=f"is {kind}, which was not asked for"):
            guarded.fetch(server.url(path), max_bytes=LIMIT, expect=PICTURES)


def test_loopback_is_refused_by_default_and_never_connected_to(server: Any) -> None:
    guarded = GuardedFetcher(Settings(allow_loopback=False))
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "127.1"):
        with pytest.raises(AddressRefused):
            guarded.fetch(server.url("/", host), max_bytes=LIMIT)
    assert server.heads == []


@pytest.mark.parametrize(
    "inner", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"]
)
def test_a_name_that_leads_inside_is_refused(inner: str) -> None:
    guarded = fetcher(names={"127.0.0.1.nip.test": ["93.184.216.34", inner]}, allow_loopback=False)
    with pytest.raises(AddressRefused) as refusal:
        guarded.fetch("http://127.0.0.1.nip.test/", max_bytes=LIMIT)
    assert refusal.value.url == "http://127.0.0.1.nip.test/"
    assert refusal.value.reason


def test_names_are_resolved_once_and_the_answer_is_what_is_connected_to(server: Any) -> None:
    server.says("/", b"pinned")
    asked: list[str] = []

    def rebinding(host: str, port: int, timeout_s: float) -> list[Address]:
        asked.append(host)
        return [ip_address("127.0.0.1" if len(asked) == 1 else "10.0.0.1")]

    guarded = GuardedFetcher(Settings(allow_loopback=True), resolver=rebinding)
    assert guarded.fetch(server.url("/", "shop.test"), max_bytes=LIMIT).content == b"pinned"
    assert asked == ["shop.test"]
    assert f"host: shop.test:{server.port}" in server.heads[0].lower()


def test_the_second_address_is_tried_when_the_first_does_not_answer(server: Any) -> None:
    server.says("/", b"here")
    with socket.create_server(("127.0.0.2", 0)) as other:
        closed = other.getsockname()[0]
    guarded = fetcher(names={"shop.test": [closed, "127.0.0.1"]})
    assert guarded.fetch(server.url("/", "shop.test"), max_bytes=LIMIT).content == b"here"


def test_redirects_are_followed_and_each_one_is_checked(server: Any) -> None:
    server.says("/old", status="301 Moved", location="/new")
    server.says("/new", b"moved here")
    server.says("/inside", status="302 Found", location="http://169.254.169.254/latest/meta-data/")
    server.says("/named-inside", status="307 Temporary Redirect", location="http://intranet.test/")
    server.says("/file", status="302 Found", location="file:///etc/passwd")
    guarded = fetcher(names={"intranet.test": ["192.168.0.10"]})
    moved = guarded.fetch(server.url("/old"), max_bytes=LIMIT)
    assert (moved.content, moved.final_url) == (b"moved here", server.url("/new"))
    for path, word in (("/inside", "169.254.169.254"), ("/named-inside", "192.168.0.10"), ("/file", "only http")):
        with pytest.raises(AddressRefused, match=word) as refusal:
            guarded.fetch(server.url(path), max_bytes=LIMIT)
        assert refusal.value.url == server.url(path)
        assert "redirects to" in refusal.value.reason


def test_redirects_are_counted(server: Any) -> None:
    server.says("/round", status="302 Found", location="/round")
    with pytest.raises(FetchRefused, match="more than 3 redirects"):
        fetcher(fetch_max_redirects=3).fetch(server.url("/round"), max_bytes=LIMIT)
    assert len(server.heads) == 4


@pytest.mark.parametrize(
    "status", ["204 No Content", "206 Partial Content", "404 Not Found", "500 Oops", "304 Not Modified"]
)
def test_only_a_whole_answer_is_one(server: Any, status: str) -> None:
    server.says("/gone", b"" if status[0] != "4" else b"<h1>not here</h1>", status=status)
    with pytest.raises(FetchRefused, match=status[:3]):
        fetcher().fetch(server.url("/gone"), max_bytes=LIMIT)


def test_a_body_over_the_limit(server: Any) -> None:
    server.says("/exactly", b"x" * LIMIT)
    server.says("/more", b"x" * (LIMIT + 1))
    guarded = fetcher()
    assert len(guarded.fetch(server.url("/exactly"), max_bytes=LIMIT).content) == LIMIT
    with pytest.raises(FetchTooLarge, match="announces 100001 bytes"):
        guarded.fetch(server.url("/more"), max_bytes=LIMIT)


def test_an_endless_body_ends(server: Any) -> None:
    def endless(connection: socket.socket, path: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.closing.is_set():
            connection.sendall(b"x" * 65536)

    server.answers["/endless"] = endless
    with pytest.raises(FetchTooLarge):
        fetcher().fetch(server.url("/endless"), max_bytes=LIMIT)


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_slow_drip_ends_at_the_deadline(server: Any, part: str) -> None:
    """Each byte comes well within any timeout on one read; all of them together do not."""

    def drip(connection: socket.socket, path: str) -> None:
        start = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n" + (b"\r\n" if part == "body" else b"x: ")
        connection.sendall(start)
        while not server.closing.wait(0.05):
            connection.sendall(b"x")

    server.answers["/drip"] = drip
    started = time.monotonic()
    with pytest.raises(FetchRefused, match=r"within 0\.5 s"):
        fetcher(fetch_timeout_s=0.5).fetch(server.url("/drip"), max_bytes=LIMIT)
    assert time.monotonic() - started < 20  # a thousand drips would take fifty seconds


def test_slow_redirects_share_one_deadline(server: Any) -> None:
    def slowly(connection: socket.socket, path: str) -> None:
        server.closing.wait(0.3)
        connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n")

    server.answers["/again"] = slowly
    with pytest.raises(FetchRefused, match=r"within 0\.5 s"):
        fetcher(fetch_timeout_s=0.5).fetch(server.url("/again"), max_bytes=LIMIT)


def test_a_name_service_that_does_not_answer() -> None:
    def silent(host: str, port: int, timeout_s: float) -> list[Address]:
        assert timeout_s <= 0.5
        raise TimeoutError("no answer")

    with pytest.raises(FetchRefused, match=r"within 0\.5 s"):
        GuardedFetcher(Settings(fetch_timeout_s=0.5), resolver=silent).fetch("http://shop.test/", max_bytes=LIMIT)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("GZIP", gzip.compress),
    ],
)
def test_packed_bodies_are_unpacked(server: Any, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    server.says("/packed", pack(b"goods " * 1000), content_encoding=encoding)
    assert fetcher().fetch(server.url("/packed"), max_bytes=LIMIT).content == b"goods " * 1000


def test_a_gzip_bomb_is_not_unpacked(server: Any) -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(90)) + packer.flush()
    assert len(bomb) < LIMIT
    server.says("/bomb", bomb, content_encoding="gzip")
    with pytest.raises(FetchTooLarge):
        fetcher().fetch(server.url("/bomb"), max_bytes=LIMIT)


@pytest.mark.parametrize(
    ("body", "encoding", "word"),
    [
        (gzip.compress(b"goods " * 1000)[:-20], "gzip", "cut short"),
        (b"not gzip at all", "gzip", "broken"),
        (b"whatever", "br", "not asked for"),
        (b"whatever", "gzip, gzip", "not asked for"),
    ],
)
def test_broken_packing(server: Any, body: bytes, encoding: str, word: str) -> None:
    server.says("/broken", body, content_encoding=encoding)
    with pytest.raises(FetchRefused, match=word):
        fetcher().fetch(server.url("/broken"), max_bytes=LIMIT)


def test_answers_that_are_none(server: Any) -> None:
    server.says("/short", b"abc", content_length="30")
    server.answers["/noise"] = lambda connection, _: connection.sendall(b"\x00\xff noise\r\n\r\n")
    server.answers["/nothing"] = lambda connection, _: None
    server.says("/nowhere", status="302 Found", location="http://[::bad/")
    server.says("/unnamed", status="302 Found", location="http://no-such.test/")
    for path in ("/short", "/noise", "/nothing", "/nowhere", "/unnamed"):
        with pytest.raises(FetchRefused) as refusal:
            fetcher().fetch(server.url(path), max_bytes=LIMIT)
        assert refusal.value.reason


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(FetchRefused, match="no connection"):
        fetcher().fetch(f"http://127.0.0.1:{port}/", max_bytes=LIMIT)


def test_proxies_of_the_environment_are_not_asked(
    server: Any, start_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = start_server()
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url("/"))
    server.says("/direct", b"direct")
    assert fetcher().fetch(server.url("/direct"), max_bytes=LIMIT).content == b"direct"
    assert proxy.heads == []


def certificate(folder: Path, name: str) -> Path:
    """A key and a certificate for `name` that signs itself, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{name}.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_tls_verifies_the_name_though_an_address_is_connected_to(start_server: Any, tmp_path: Path) -> None:
    file = certificate(tmp_path, "shop.test")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    asked_for: list[str | None] = []
    serving.sni_callback = lambda connection, name, context: asked_for.append(name)
    server = start_server(serving)
    server.says("/", b"secured")
    trusting = ssl.create_default_context(cafile=str(file))
    names = {"shop.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
    guarded = fetcher(names=names, tls=trusting)
    assert guarded.fetch(server.url("/", "shop.test"), max_bytes=LIMIT).content == b"secured"
    assert asked_for == ["shop.test"]
    with pytest.raises(FetchRefused, match="certificate"):
        guarded.fetch(server.url("/", "other.test"), max_bytes=LIMIT)
    with pytest.raises(FetchRefused, match="certificate"):
        fetcher(names=names).fetch(server.url("/", "shop.test"), max_bytes=LIMIT)


NOWHERE = fetcher(allow_loopback=False)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{1,30}[/?#].{0,20}", fullmatch=True))
def test_no_text_brings_another_error(text: str) -> None:
    with pytest.raises(FetchRefused):
        NOWHERE.fetch(text, max_bytes=LIMIT)
