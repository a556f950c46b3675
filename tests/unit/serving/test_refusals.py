"""Everything that can be wrong with a request, each a typed problem; none a 500."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from PIL import Image

from crawler.fetch import GuardedFetcher
from domain.settings import Settings
from jobs.score_listings import Scorer
from serving.bodies import ScoreRequest, SentFile
from serving.listings import picture_contents, read_listing, score_contents
from serving.problems import ListingRefused

MULTIPART = "multipart/form-data; boundary=cut"


def check(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"urn:assayer:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem.get("field") == field
    return problem


def part(name: str, content: bytes, *, more: str = "") -> bytes:
    return f'--cut\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "address-refused"),
        ("http://10.0.0.7/a.jpg", "address-refused"),
        ("http://[fd00::1]/a.jpg", "address-refused"),
        ("http://[fe80::1]/a.jpg", "address-refused"),
        ("http://2130706433/a.jpg", "address-refused"),
        ("http://user@93.184.216.34/a.jpg", "address-refused"),
        ("http://93.184.216.34:22/a.jpg", "address-refused"),
    ],
)
def test_addresses_that_may_not_be_fetched(service: Any, listing: dict[str, Any], url: str, code: str) -> None:
    check(service.score(listing | {"images": [url]}), 422, code, "images[0]")


def test_loopback_is_refused_unless_it_is_allowed(empty_service: Any, service: Any, listing: dict[str, Any]) -> None:
    with_loopback = listing | {"images": ["http://localhost:1234/a.jpg", "http://127.0.0.1:1234/a.jpg"]}
    check(service.score(with_loopback), 422, "fetch-refused", "images[0]")
    # not ready comes first there: nothing is fetched for a verdict that nobody can give
    check(empty_service.score(with_loopback), 503, "not-ready")


def test_a_redirect_to_a_refused_address(service: Any, listing: dict[str, Any], pictures: Any) -> None:
    pictures.redirects["/away.jpg"] = "http://10.1.2.3/secret"
    problem = check(
        service.score(listing | {"images": [pictures.url("/away.jpg")]}), 422, "address-refused", "images[0]"
    )
    assert "10.1.2.3" not in problem["detail"]


def test_pictures_that_cannot_be_fetched(
    service: Any, listing: dict[str, Any], pictures: Any, draw: Callable[..., bytes]
) -> None:
    good = pictures.put("/good.jpg", draw(1))
    gone = pictures.url("/gone.jpg")
    check(service.score(listing | {"images": [good, good, gone]}), 422, "fetch-refused", "images[2]")
    large = pictures.put("/large.jpg", bytes(700_000))
    check(service.score(listing | {"images": [good, large]}), 413, "fetch-too-large", "images[1]")


def test_pictures_behind_urls_are_bounded_together(
    service: Any, listing: dict[str, Any], pictures: Any, draw: Callable[..., bytes]
) -> None:
    padded = [draw(seed).ljust(550_000, b"\0") for seed in range(4)]
    urls = [pictures.put(f"/{at}.jpg", content) for at, content in enumerate(padded)]
    assert service.score(listing | {"images": urls[:3]}).status_code == 200
    answer = service.score(listing | {"images": urls})
    assert (answer.status_code, answer.json()["code"]) == (413, "fetch-too-large")


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"GIF89a", b"\xff\xd8\xff\xe0broken"],
    ids=["empty", "page", "cut short", "no picture"],
)
def test_broken_pictures(service: Any, listing: dict[str, Any], draw: Callable[..., bytes], content: bytes) -> None:
    check(service.send(listing, ("a.jpg", draw(1)), ("b.jpg", content)), 422, "image-refused", "images[1]")


def test_broken_pictures_behind_urls(
    service: Any, listing: dict[str, Any], draw: Callable[..., bytes], pictures: Any
) -> None:
    url = pictures.put("/cut.jpg", draw(1)[:-3000])
    check(service.score(listing | {"images": [url]}), 422, "image-refused", "images[0]")


def test_a_picture_of_too_many_pixels(service: Any, listing: dict[str, Any]) -> None:
    stream = io.BytesIO()
    Image.new("1", (5_000, 5_000)).save(stream, "PNG")
    check(service.send(listing, ("wide.png", stream.getvalue())), 422, "image-refused", "images[0]")


def test_pictures_of_too_many_pixels_together(models_dir: Path, tmp_path: Path, listing: dict[str, Any]) -> None:
    settings = Settings(home=tmp_path, models_dir=models_dir, max_listing_pixels=1_000)
    request = read_listing(
        ScoreRequest(
            listing=json.dumps(listing).encode(),
            files=tuple(SentFile(label=f"{shade}.png", content=solid_png(30, 20, shade)) for shade in (1, 1, 2)),
        ),
        settings,
    )
    contents = picture_contents(request, GuardedFetcher(settings), settings)
    with pytest.raises(ListingRefused) as refused:
        score_contents(cast(Scorer, None), request, contents, settings)  # refused before anything is scored
    assert (refused.value.error.code, refused.value.field) == ("image-refused", "images[2]")
    assert "the pictures before it leave 400 pixels" in str(refused.value.error)


def solid_png(width: int, height: int, shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (width, height), shade).save(stream, "PNG")
    return stream.getvalue()


def test_a_refused_request_leaves_no_fetch_behind(pictures: Any, listing: dict[str, Any]) -> None:
    settings = Settings(allow_loopback=True, fetch_timeout_s=1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        never = f"http://127.0.0.1:{silent.getsockname()[1]}/a.jpg"
        urls = [pictures.url("/gone.jpg"), *(f"{never}?{at}" for at in range(12))]
        sent = ScoreRequest(listing=json.dumps(listing | {"images": urls}).encode(), files=None)
        with pytest.raises(ListingRefused) as refused:
            picture_contents(read_listing(sent, settings), GuardedFetcher(settings), settings)
    assert refused.value.field == "images[0]"
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("fetch_")] == []


def test_a_file_of_too_many_bytes(service: Any, listing: dict[str, Any]) -> None:
    check(service.send(listing, ("a.jpg", bytes(700_000))), 413, "body-too-large", "images[0]")


def test_more_pictures_than_are_read(service: Any, listing: dict[str, Any], draw: Callable[..., bytes]) -> None:
    urls = [f"https://example.com/{at}.jpg" for at in range(5)]
    check(service.score(listing | {"images": urls}), 400, "bad-input", "images")
    for count in (5, 6, 40):
        files = [(f"{at}.jpg", b"x") for at in range(count)]
        check(service.send(listing, *files), 400, "bad-input", "images")


def test_files_and_names_must_agree(service: Any, listing: dict[str, Any], draw: Callable[..., bytes]) -> None:
    check(service.send(listing | {"images": ["a.jpg", "b.jpg"]}, ("a.jpg", draw(1))), 400, "bad-input", "images")


def test_paths_in_json_are_not_read(service: Any, listing: dict[str, Any]) -> None:
    for path in ("images/a.jpg", "/etc/passwd", "file:///etc/passwd", "ftp://example.com/a.jpg", "data:image/png,x"):
        check(service.score(listing | {"images": [path]}), 400, "bad-input", "images[0]")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "listing"),
        (b"{", "listing"),
        (b"[]", "listing"),
        (b"null", "listing"),
        (b"\xff\xfe", "listing"),
        (b'{"a": NaN}', "listing"),
        (b'{"title": 1, "title": 2}', "listing"),
        (b"[" * 200_000, "listing"),
        (b"{}", "marketplace"),
    ],
)
def test_malformed_json(service: Any, body: bytes, field: str) -> None:
    answer = service.client.post("/v1/score", content=body, headers={"content-type": "application/json"})
    check(answer, 400, "bad-input", field)


def test_every_wrong_field_is_named(service: Any, listing: dict[str, Any]) -> None:
    wrong = listing | {"url": "no", "seller": {"name": 1}, "images": ["https://example.com/a.jpg", 7]}
    problem = check(service.score(wrong), 400, "bad-input", "url")
    assert [fault["field"] for fault in problem["errors"]] == ["url", "seller.id", "seller.name", "images[1]"]


def test_other_content_types(service: Any, listing: dict[str, Any]) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/vnd.bentoml+pickle", "json", ""):
        answer = service.client.post("/v1/score", content=b"{}", headers={"content-type": kind})
        check(answer, 415, "unsupported-media-type", "Content-Type")
        assert "application/json" in answer.headers["accept-post"]
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = service.client.post("/v1/score", content=b"{}", headers=headers)
    check(answer, 415, "unsupported-media-type", "Content-Encoding")


def test_other_methods_and_paths(service: Any) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = service.client.request(method, "/v1/score")
        check(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == "POST"
    check(service.client.post("/readyz"), 405, "method-not-allowed")
    for path in ("/", "/v1", "/v1/score/x", "/static_content/../etc/passwd"):
        check(service.client.get(path), 404, "no-such-path")


@pytest.mark.parametrize("kind", ["application/json", MULTIPART])
def test_a_body_over_the_limit(service: Any, kind: str) -> None:
    too_many = service.settings.max_body_bytes + 1
    answer = service.client.post("/v1/score", content=b" " * too_many, headers={"content-type": kind})
    check(answer, 413, "body-too-large", "body")


@pytest.mark.parametrize(("kind", "limit"), [("application/json", 1_000_000), (MULTIPART, 2_000_000)])
def test_a_body_over_the_limit_without_a_length_is_refused_while_it_streams(
    service: Any, kind: str, limit: int
) -> None:
    """The answer comes although the body never ends."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST /v1/score HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        opening = part("images", b"", more='; filename="a.jpg"')
        connection.sendall(f"{len(opening):x}\r\n".encode() + opening + b"\r\n")
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        for _ in range(limit // 65_536 + 1):
            connection.sendall(chunk)
        with connection.makefile("rb") as answers:
            assert answers.readline().startswith(b"HTTP/1.1 413 ")
            while answers.readline().strip():
                pass
            assert b"body-too-large" in answers.read(100)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "listing"),
        (b"--cut", "listing"),
        (b"no boundary at all", "body"),
        (b"--cut\r\nX: y\r\n\r\nz\r\n--cut--\r\n", "body"),
        (part("listing", b"{}") + part("listing", b"{}") + b"--cut--\r\n", "listing"),
        (part("images", b"x", more='; filename="a.jpg"') + b"--cut--\r\n", "listing"),
        (part("listing", b"{}") + part("images", b"text") + b"--cut--\r\n", "images[0]"),
        (part("listing", b"{}") + part("secret", b"text") + b"--cut--\r\n", "secret"),
        (part("listing", b'{"title": "\xe9"}') + b"--cut--\r\n", "listing"),
        (b"".join(part("listing", b"{}") for _ in range(50)) + b"--cut--\r\n", "body"),
        (part("listing", b" " * 1_200_000) + b"--cut--\r\n", "body"),
    ],
)
def test_malformed_multipart(service: Any, body: bytes, field: str) -> None:
    answer = service.client.post("/v1/score", content=body, headers={"content-type": MULTIPART})
    check(answer, 400, "bad-input", field)


def test_multipart_without_a_boundary_or_with_another_charset(service: Any, listing: dict[str, Any]) -> None:
    answer = service.client.post("/v1/score", content=b"x", headers={"content-type": "multipart/form-data"})
    check(answer, 400, "bad-input", "body")
    words = listing | {"title": "Brennvale 手袋 – ü"}
    body = part("listing", json.dumps(words, ensure_ascii=False).encode()) + b"--cut--\r\n"
    for charset in ("", "; charset=utf-16", "; charset=utf-8"):
        answer = service.client.post("/v1/score", content=body, headers={"content-type": MULTIPART + charset})
        assert answer.status_code == 200
        assert answer.json() == service.score(words).json()


@pytest.mark.parametrize("more", ['; foo="bar', '; charset="utf-16', "; charset=utf-16; charset=cp037"])
def test_what_else_the_content_type_says_changes_nothing(service: Any, listing: dict[str, Any], more: str) -> None:
    words = listing | {"title": "Brennvale 手袋"}
    body = part("listing", json.dumps(words, ensure_ascii=False).encode()) + b"--cut--\r\n"
    answer = service.client.post("/v1/score", content=body, headers={"content-type": MULTIPART + more})
    assert answer.json() == service.score(words).json()


@pytest.mark.parametrize("boundary", ["", '"', '""', "é", "x" * 71, '"a\\"b"'])
def test_an_impossible_boundary(service: Any, boundary: str) -> None:
    kind = f"multipart/form-data; boundary={boundary}".encode("latin-1")
    answer = service.client.post("/v1/score", content=b"x", headers=[(b"content-type", kind)])
    check(answer, 400, "bad-input", "body")


def test_a_slow_body_does_not_keep_others_waiting(
    service: Any, listing: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # the other's body comes within that on a busy machine too
    monkeypatch.setattr("serving.bodies.BODY_TIMEOUT_S", 1.0)
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST /v1/score HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
        connection.sendall(head.encode() + b"\r\n{")
        assert service.score(listing).status_code == 200
        assert connection.recv(65_536).startswith(b"HTTP/1.1 408 ")


def test_too_many_at_once_are_told_to_come_again(
    service: Any, listing: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.app.MOST_AT_ONCE", 0)
    answer = service.score(listing)
    check(answer, 503, "service-busy")
    assert answer.headers["retry-after"] == "1"
    assert service.client.get("/livez").status_code == 200


def test_what_was_not_foreseen_does_not_leak(
    service: Any, listing: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("serving.app.read_listing", fail)
    answer = service.score(listing)
    check(answer, 500, "internal")
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text
