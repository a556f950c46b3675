"""`assayer crawl`, `crawls` and `evidence`, as users type them, on a real site on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from killed_crawl import REPOSITORY, descendants, is_running, wait_until
from loopback_site import Answer, Site, links, picture, settings, stored
from warcio.archiveiterator import ArchiveIterator

from domain.codec import dump
from domain.listing import Listing

HOME_PAGE = {"/", "/robots.txt", "/sitemap.xml"}


class Shell:
    """The command line with its home folder, allowed to crawl loopback."""

    def __init__(self, command_line: Any, folder: Path) -> None:
        self.home = folder / "home"
        self._assayer = command_line(self.home)

    def __call__(self, *arguments: object, code: int = 0, **chosen: object) -> Any:
        """What it says to machines."""
        return self.run(*arguments, "--json", code=code, **chosen).json

    def run(self, *arguments: object, code: int = 0, **chosen: object) -> Any:
        named = {"allow_loopback": "true"} | {name: str(value) for name, value in chosen.items()}
        return self._assayer(*arguments, code=code, **named)


@pytest.fixture
def assayer(command_line: Callable[[Path], Any], tmp_path: Path) -> Shell:
    return Shell(command_line, tmp_path)


def page_of(site: Site, path: str) -> Answer:
    page = site.pages[path]
    assert not callable(page)
    return page


def test_what_was_given_up_is_shown_and_put_back(site: Site, assayer: Shell) -> None:
    site.html("/", links("/item/A1", "/item/A2", "/item/A3"))
    for name in ("A1", "A2", "A3"):
        site.item(name, image=[])
    whole = page_of(site, "/item/A2")
    site.html("/item/A2", "broken", status=500)
    site.html("/item/A3", "not here", status=404)
    report = assayer("crawl", site.url(), crawl_retries=1)
    assert (report["saved"]["added"], report["dead"], report["waiting"]) == (1, 2, 0)
    assert site.asked.count("/item/A2") == 2

    [state] = assayer("crawls", "list")
    assert (state["crawl"], state["targets"]) == (report["crawl"], [site.url()])
    assert (state["counts"]["dead"], state["counts"]["waiting"]) == (2, 0)
    letters = {letter["entry"]["ask"]["url"]: letter for letter in assayer("crawls", "dead", state["crawl"])}
    assert {url: (letter["reason"], letter["status"]) for url, letter in letters.items()} == {
        site.url("/item/A2"): ("answered 500", 500),
        site.url("/item/A3"): ("answered 404", 404),
    }
    in_words = assayer.run("crawls", "dead", state["crawl"]).out
    assert f"{site.url('/item/A2')}  answered 500" in in_words
    assert site.url() in assayer.run("crawls", "list").out

    assert assayer("crawls", "replay", state["crawl"]) == {"replayed": 2}
    assert assayer("crawls", "dead", state["crawl"]) == []
    site.pages["/item/A2"] = whole
    site.forget()
    mended = assayer("crawl", site.url(), crawl_retries=1)
    assert (mended["resumed"], mended["saved"]["added"], mended["dead"]) == (True, 1, 1)
    assert [failure["url"] for failure in mended["failures"]] == [site.url("/item/A3")]
    assert set(site.asked) == {"/robots.txt", "/item/A2", "/item/A3"}
    [left] = assayer("crawls", "dead", state["crawl"])
    assert left["entry"]["ask"]["url"] == site.url("/item/A3")


def test_a_crawl_that_is_not_there(assayer: Shell) -> None:
    assert assayer("crawls", "list") == []
    for name in ("0123456789ab", "../../elsewhere"):
        for command in ("dead", "replay"):
            assert assayer("crawls", command, name, code=1)["error"]["code"] == "not-found"
    assert assayer("crawls", "lift", "shop.example", code=1)["error"]["code"] == "not-found"


def refuse_all(site: Site) -> None:
    site.otherwise = (403, {}, b"no")


def challenge(site: Site) -> None:
    site.pages["/item/0"] = (403, {"cf-mitigated": "challenge", "Content-Type": "text/html"}, b"<h1>Just a moment</h1>")


def legal(site: Site) -> None:
    site.html("/item/0", "seized", status=451)
    site.html("/item/1", "seized", status=451)


def robots(site: Site) -> None:
    site.pages["/robots.txt"] = (200, {}, b"User-agent: Assayer\nDisallow: /\n\nUser-agent: *\nDisallow:\n")


def later(site: Site) -> None:
    site.pages["/item/0"] = (429, {"Retry-After": "86400"}, b"later")


@pytest.mark.parametrize(
    ("say", "reason", "asked", "lasting"),
    [
        (refuse_all, "refused 3 pages in a row (403)", 3, timedelta(hours=1)),
        (challenge, "asked whether a person is reading (Cloudflare)", 2, None),
        (legal, "answered 451, unavailable for legal reasons", 3, None),
        (robots, "its robots.txt forbids all pages", 1, timedelta(days=1)),
        (later, "answered 429 and asked to be left alone for 24.0 hours", 2, timedelta(days=1)),
    ],
)
def test_a_site_that_says_stop_is_left_alone_until_a_person_lifts_it(
    site: Site, assayer: Shell, say: Callable[[Site], None], reason: str, asked: int, lasting: timedelta | None
) -> None:
    say(site)
    targets = [site.url(f"/item/{number}") for number in range(6)]
    # one after the other, so that nothing is under way when the site says it
    report = assayer("crawl", *targets, code=1, crawl_concurrency=1)
    assert len(site.asked) == asked, site.asked
    [stop] = report["stops"]
    assert (stop["host"], stop["reason"]) == (site.host, reason)
    until = datetime.fromisoformat(stop["until"]) if stop["until"] else None
    assert (until - datetime.fromisoformat(stop["stopped_at"]) if until else None) == lasting
    assert report["left"] > 0
    assert assayer("crawls", "sites") == [stop]
    assert reason in assayer.run("crawls", "sites").out

    site.pages.clear()
    site.otherwise = (404, {}, b"not here")
    for number in range(6):
        site.item(str(number), image=[])
    site.forget()
    again = assayer("crawl", *targets, code=1)
    assert again["stops"] == [stop]
    assert reason in assayer.run("crawl", *targets, code=1).err
    assert site.asked == []

    assert assayer("crawls", "lift", site.host) == {"lifted": site.host}
    assert assayer("crawls", "sites") == []
    lifted = assayer("crawl", *targets)
    assert (lifted["saved"]["added"], lifted["stops"]) == (6, [])


def test_a_site_that_seizes_its_front_page_is_left_alone(site: Site, assayer: Shell) -> None:
    site.html("/", "seized", status=451)
    report = assayer("crawl", site.url(), code=1)
    assert site.asked == ["/robots.txt", "/"]
    assert [stop["reason"] for stop in report["stops"]] == ["answered 451, unavailable for legal reasons"]


def window(site: Site, folder: Path, opens: datetime) -> Path:
    file = folder / "sites.toml"
    closes = opens + timedelta(hours=2)
    file.write_text(f'["{site.host}"]\nwindow = "{opens:%H:%M}-{closes:%H:%M}"\n')
    return file


def test_outside_its_window_a_site_waits_for_another_run(site: Site, assayer: Shell, tmp_path: Path) -> None:
    site.html("/", links("/item/A1"))
    site.item("A1", image=[])
    closed = window(site, tmp_path, datetime.now(UTC) + timedelta(hours=3))
    report = assayer("crawl", site.url(), crawl_sites_file=closed)
    assert site.asked == []
    assert (report["waiting"], report["pages"], report["failures"], report["stops"]) == (1, 0, [], [])
    assert "waiting (run again to go on)" in assayer.run("crawl", site.url(), crawl_sites_file=closed).out
    assert assayer("crawls", "list")[0]["counts"]["waiting"] == 1
    opened = window(site, tmp_path, datetime.now(UTC) - timedelta(hours=1))
    report = assayer("crawl", site.url(), crawl_sites_file=opened)
    assert (report["resumed"], report["saved"]["added"], report["waiting"]) == (True, 1, 0)


@pytest.mark.parametrize(
    ("text", "line", "field", "reason"),
    [
        ('["shop.example"]\ndelay_s = -1\n', 2, "shop.example.delay_s", "number of seconds"),
        ('["shop.example"]\nconcurrency = 2\nwindow = "25:00-26:00"\n', 3, "shop.example.window", "25:00"),
        ('["shop.example"]\n\nspeed = 3\n', 3, "shop.example.speed", "is no field"),
        ('["shop.example"\ndelay_s = 1\n', 1, None, ""),
    ],
)
def test_a_bad_sites_file_is_refused_with_its_place(
    site: Site, assayer: Shell, tmp_path: Path, text: str, line: int, field: str | None, reason: str
) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(text)
    error = assayer("crawl", site.url(), code=2, crawl_sites_file=file)["error"]
    assert (error["file"], error["line"], error["field"]) == (str(file), line, field)
    assert reason in error["reason"]
    assert f"{file}:{line}: " in assayer.run("crawl", site.url(), code=2, crawl_sites_file=file).err
    assert site.asked == []


def test_targets_stand_in_a_file(site: Site, assayer: Shell, tmp_path: Path) -> None:
    for name in ("A1", "A2"):
        site.item(name, image=[])
    file = tmp_path / "targets.txt"
    file.write_text(f"# bags\n\n{site.url('/item/A1')}\n  {site.url('/item/A2')}  \n", "utf-8")
    assert assayer("crawl", file)["saved"]["added"] == 2
    site.forget()
    for text, line, reason in (
        (f"# bags\n{site.url('/item/A1')}\n{site.url('/item/A2')} bag\n", 3, "more than one address"),
        (f"\n{site.url('/item/A1')}\nftp://shop.example/bags\n", 3, "ftp"),
        ("http://[broken\n", 1, ""),
    ):
        file.write_text(text, "utf-8")
        error = assayer("crawl", file, code=2)["error"]
        assert (error["file"], error["line"]) == (str(file), line), error
        assert reason in error["reason"]
    file.write_text("# nothing\n")
    assert assayer("crawl", file, code=2)["error"]["file"] == str(file)
    file.write_bytes(b"http://shop.example/\xff\n")
    assert "UTF-8" in assayer("crawl", file, code=2)["error"]["reason"]
    assert site.asked == []


@pytest.fixture
def crawled(site: Site, assayer: Shell) -> Listing:
    """A listing with two pictures, beside another one."""
    site.html("/", links("/item/A1", "/item/A2"))
    site.item("A1", image=["/images/A1.jpg", "/images/A1-back.jpg"])
    site.item("A2")
    for name, color in (("A1", "red"), ("A1-back", "green"), ("A2", "blue")):
        site.image(f"/images/{name}.jpg", picture(color))
    assert assayer("crawl", site.url())["saved"]["added"] == 2
    return stored(settings(assayer.home.parent))["A1"]


def test_evidence_of_a_crawled_listing_is_shown(site: Site, assayer: Shell, crawled: Listing) -> None:
    shown = assayer("evidence", "show", "A1")
    assert shown["listing"] == dump(crawled)
    assert shown["uncaptured"] == []
    captures = {capture["url"]: capture for capture in shown["captures"]}
    paths = ("/item/A1", "/images/A1.jpg", "/images/A1-back.jpg")
    assert set(captures) == {site.url(path) for path in paths}
    for path in paths:
        capture = captures[site.url(path)]
        body = page_of(site, path)[2]
        assert (capture["body_sha256"], capture["size"]) == (sha256(body).hexdigest(), len(body))
        assert (capture["status"], capture["ip_address"]) == (200, "127.0.0.1")
        assert capture["kind"] == ("page" if path == "/item/A1" else "image")
        assert capture["certificate_sha256"] == ""
        assert datetime.fromisoformat(capture["captured_at"]).utcoffset() == timedelta()
        assert (assayer.home / "crawls/default" / capture["crawl"] / capture["warc"]).is_file()
    in_words = assayer.run("evidence", "show", "A1").out
    assert all(digest in in_words for digest in (crawled.page_sha256, *(image.sha256 for image in crawled.images)))
    assert assayer("evidence", "show", "A3", code=1)["error"]["code"] == "not-found"


def test_a_flipped_bit_of_evidence_is_found(assayer: Shell, crawled: Listing) -> None:
    whole = assayer("evidence", "verify")
    assert (whole["problems"], whole["captures"]) == ([], 5)
    digest = crawled.images[0].sha256
    [blob] = [path for path in (assayer.home / "evidence").rglob(str(digest)) if path.is_file()]
    flip(blob, 9)
    for listing in ((), ("A1",)):
        problems = assayer("evidence", "verify", *listing, code=1)["problems"]
        assert [(problem["what"], problem["name"]) for problem in problems] == [("picture", digest)]
    assert assayer("evidence", "verify", "A2")["problems"] == []
    assert str(digest) in assayer.run("evidence", "verify", code=1).err
    flip(blob, 9)
    assert assayer("evidence", "verify")["problems"] == []

    [warc] = (assayer.home / "crawls").rglob("*.warc.gz")
    flip(warc, warc.stat().st_size // 2)
    problems = assayer("evidence", "verify", code=1)["problems"]
    assert problems
    assert {problem["what"] for problem in problems} <= {"record", "file"}
    assert all(problem["name"].startswith(warc.name) for problem in problems)


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


def test_exported_evidence_is_read_without_assayer(
    site: Site, assayer: Shell, crawled: Listing, tmp_path: Path
) -> None:
    out = tmp_path / "evidence of A1"
    report = assayer("evidence", "export", "A1", "--out", out)
    assert (report["captures"], report["problems"]) == (3, [])
    answers, kinds = {}, set()
    with (out / "evidence.warc.gz").open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            kinds.add(record.rec_type)
            if record.rec_type == "response":
                url = record.rec_headers.get_header("WARC-Target-URI")
                assert record.rec_headers.get_header("WARC-IP-Address") == "127.0.0.1"
                assert record.http_headers.get_statuscode() == "200"
                answers[url] = record.content_stream().read()
    assert kinds >= {"warcinfo", "response", "request"}
    paths = ("/item/A1", "/images/A1.jpg", "/images/A1-back.jpg")
    assert answers == {site.url(path): page_of(site, path)[2] for path in paths}
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["listing"]["listing_id"] == "A1"
    assert {capture["url"] for capture in manifest["captures"]} == set(answers)
    for line in (out / "SHA256SUMS").read_text().splitlines():
        digest, _, name = line.partition("  ")
        assert sha256((out / name).read_bytes()).hexdigest() == digest
    assert assayer("evidence", "export", "A1", "--out", out, code=2)["error"]["file"] == str(out)


class Started:
    """`assayer crawl` in a process of its own."""

    def __init__(self, target: str, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAYER_")}
        named = {"ASSAYER_HOME": str(home), "ASSAYER_ALLOW_LOOPBACK": "true", "PYTHONPATH": str(REPOSITORY)}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli", "crawl", target],
            env=kept | named,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def terminate(self, then: Callable[[], object]) -> tuple[int, str]:
        """How it ended, and what it said, once all that it started is gone too; `then` comes after the signal."""
        others = descendants(self.process.pid)
        assert others
        self.process.send_signal(signal.SIGTERM)
        then()
        _, err = self.process.communicate(timeout=120)
        wait_until(lambda: not any(map(is_running, others)), "what the crawl started goes on")
        return self.process.returncode, err.decode()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], Started]]:
    running: list[Started] = []

    def start(target: str) -> Started:
        running.append(Started(target, tmp_path / "home"))
        return running[-1]

    yield start
    for each in running:
        each.close()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the crawling process by /proc")
@pytest.mark.parametrize("answers", ["at last", "never"])
def test_sigterm_ends_it_in_order_and_the_next_run_goes_on(
    site: Site, assayer: Shell, started: Callable[[str], Started], answers: str
) -> None:
    names = [f"A{number}" for number in range(40)]
    site.html("/", links(*(f"/item/{name}" for name in names)))
    released, chosen = threading.Event(), settings(assayer.home.parent)
    under_way: set[str] = set()

    def held(name: str, page: Answer) -> Callable[[], Answer]:
        def answer() -> Answer:
            # what is asked for once the others are released is not answered
            if released.is_set():
                site.closing.wait(60)
            else:
                under_way.add(name)
                released.wait(60)
            return page

        return answer

    for name in names:
        site.item(name, image=[])
    for name in names[10:]:
        site.pages[f"/item/{name}"] = held(name, page_of(site, f"/item/{name}"))
    crawl = started(site.url())
    wait_until(lambda: bool(under_way), "nothing is under way")
    wait_until(lambda: len(stored(chosen)) >= 10, "what was answered is not stored")
    before_it_is_told = set(under_way)
    code, err = crawl.terminate(released.set if answers == "at last" else lambda: None)
    assert code == 143
    assert "stopped" in err
    assert "Traceback" not in err
    kept = set(stored(chosen))
    assert 10 <= len(kept) < 40
    if answers == "at last":
        assert before_it_is_told <= kept

    released.set()
    for name in names:
        site.item(name, image=[])
    site.forget()
    report = assayer("crawl", site.url())
    assert report["resumed"]
    assert sorted(path.removeprefix("/item/") for path in site.asked if path not in HOME_PAGE) == sorted(
        set(names) - kept
    )
    assert report["saved"] == {"added": 40 - len(kept), "updated": 0, "unchanged": 0}
    assert set(stored(chosen)) == set(names)
