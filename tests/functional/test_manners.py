"""What a site sees of a crawl: real requests over loopback, by Scrapy in a process of its own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from domain.codec import dump
from domain.settings import Settings
from domain.visit import SiteStop

REPOSITORY = Path(__file__).resolve().parents[2]
OWN_CLOCK_S = 0.1
"""How far the moments at which the server hears may be nearer to each other than those at which it was asked."""

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Asked:
    path: str
    at: float
    headers: dict[str, str]


@dataclass
class Host:
    """Answers what the test put down, and remembers when it was asked."""

    answers: dict[str, Answer | Callable[[], Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    def __post_init__(self) -> None:
        host, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with lock:
                    host.asked.append(Asked(self.path, time.monotonic(), dict(self.headers.items())))
                    host.under_way += 1
                    host.most_under_way = max(host.most_under_way, host.under_way)
                missing = (404, {}, b"") if self.path == "/robots.txt" else (200, {}, b"here")
                answer = host.answers.get(self.path, missing)
                status, headers, body = answer() if callable(answer) else answer
                with lock:
                    host.under_way -= 1
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.name = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def urls(self, count: int) -> list[str]:
        return [f"http://{self.name}/{number}" for number in range(count)]

    @property
    def pages(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path != "/robots.txt"]

    @property
    def gaps(self) -> list[float]:
        return [later.at - earlier.at for earlier, later in itertools.pairwise(self.pages)]

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def start_host() -> Iterator[Callable[[], Host]]:
    running: list[Host] = []

    def start() -> Host:
        running.append(Host())
        return running[-1]

    yield start
    for host in running:
        host.close()


@pytest.fixture
def host(start_host: Callable[[], Host]) -> Host:
    return start_host()


def crawl(
    urls: list[str], *, stops: list[SiteStop] | None = None, complains: bool = False, **settings: Any
) -> list[dict[str, Any]]:
    """Everything that the crawl said, in order."""
    chosen = Settings(**{"allow_loopback": True} | settings)
    order = {"urls": urls, "settings": dump(chosen), "stops": [dump(stop) for stop in stops or []]}
    done = subprocess.run(
        [sys.executable, "-P", str(REPOSITORY / "tests/fixtures/manners_crawl.py")],
        input=json.dumps(order) + "\n",
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY,
        check=True,
    )
    assert bool(done.stderr) == complains, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def sites_file(tmp_path: Path, host: Host, rule: str) -> Path:
    file = tmp_path / "sites.toml"
    file.write_text(f'["{host.name}"]\n{rule}\n')
    return file


def of(kind: str, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in said if event["event"] == kind]


def test_every_request_says_who_makes_it(host: Host) -> None:
    host.answers["/0"] = (302, {"Location": "/1"}, b"")
    crawl(host.urls(1), contact="crawler@brand.example", user_agent="BrandWatch/2")
    assert [asked.path for asked in host.asked] == ["/robots.txt", "/0", "/1"]
    for asked in host.asked:
        assert asked.headers["User-Agent"] == "BrandWatch/2 (+crawler@brand.example)"
        assert asked.headers["From"] == "crawler@brand.example"


def test_a_host_that_is_not_ours_is_not_asked_without_a_contact(host: Host) -> None:
    [said] = crawl(host.urls(1), allow_loopback=False)
    assert (said["error"], said["reason"]) == ("NoContact", "ASSAYER_CONTACT is not set")
    assert host.asked == []


def test_the_delay_of_a_rule_is_never_gone_under(host: Host, tmp_path: Path) -> None:
    rule = sites_file(tmp_path, host, "delay_s = 0.5\nconcurrency = 8")
    said = crawl(host.urls(6), crawl_sites_file=rule)
    assert len(of("answer", said)) == 6
    assert min(host.gaps) >= 0.5 - OWN_CLOCK_S


def test_a_site_that_answers_slowly_is_asked_slowly(host: Host, tmp_path: Path) -> None:
    def slowly() -> Answer:
        time.sleep(0.8)
        return (200, {}, b"here")

    host.answers = {f"/{number}": slowly for number in range(10)}
    rule = sites_file(tmp_path, host, "delay_s = 0.01\nconcurrency = 4")
    crawl(host.urls(10), crawl_sites_file=rule)
    # two under way at a time is a request each 0.4 s, or half of that by chance
    assert min(host.gaps[5:]) >= 0.2 - OWN_CLOCK_S


def test_a_crawl_delay_is_never_gone_under(host: Host) -> None:
    host.answers["/robots.txt"] = (200, {}, b"User-agent: Assayer\nCrawl-delay: 0.4\nDisallow: /3")
    said = crawl(host.urls(5))
    assert sorted(asked.path for asked in host.pages) == ["/0", "/1", "/2", "/4"]
    assert min(host.gaps) >= 0.4 - OWN_CLOCK_S
    assert [failure["reason"] for failure in of("failure", said)] == ["Forbidden by robots.txt"]


def test_concurrency_is_each_sites_own(start_host: Callable[[], Host], tmp_path: Path) -> None:
    one, other = start_host(), start_host()
    together = threading.Barrier(2)

    def with_another() -> Answer:
        together.wait(30)  # two at once, or it breaks
        return (200, {}, b"here")

    def slowly() -> Answer:
        time.sleep(0.05)  # long enough to be seen beside another
        return (200, {}, b"here")

    for number in range(6):
        one.answers[f"/{number}"] = slowly
        other.answers[f"/{number}"] = with_another
    rules = sites_file(tmp_path, one, f'concurrency = 1\n["{other.name}"]\nconcurrency = 2')
    said = crawl(one.urls(6) + other.urls(6), crawl_sites_file=rules)
    assert len(of("answer", said)) == 12
    assert (one.most_under_way, other.most_under_way) == (1, 2)


def test_a_site_that_refuses_is_left_alone(host: Host, tmp_path: Path) -> None:
    for number in range(40):
        host.answers[f"/{number}"] = (403, {}, b"no")
    rule = sites_file(tmp_path, host, "concurrency = 1")
    said = crawl(host.urls(40), crawl_sites_file=rule)
    [stop] = of("stop", said)
    assert (stop["host"], stop["reason"]) == (host.name, "refused 3 pages in a row (403)")
    assert len(host.pages) == 3
    failures = of("failure", said)
    assert len(failures) == 40
    assert [failure["error"] for failure in failures].count("SiteStopped") == 37


def test_a_challenge_ends_it_and_what_is_queued_is_not_sent(host: Host, tmp_path: Path) -> None:
    host.answers["/0"] = (403, {"cf-mitigated": "challenge"}, b"")
    rule = sites_file(tmp_path, host, "concurrency = 4\ndelay_s = 0.3")
    said = crawl(host.urls(4), crawl_sites_file=rule)
    assert len(host.pages) == 1
    [stop] = of("stop", said)
    assert stop["until"] is None


def test_a_robots_txt_that_forbids_all_is_a_stop(host: Host) -> None:
    host.answers["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /")
    said = crawl(host.urls(3))
    [stop] = of("stop", said)
    assert stop["reason"] == "its robots.txt forbids all pages"
    assert host.pages == []


def test_a_robots_txt_that_cannot_be_had_lets_nothing_out(host: Host) -> None:
    host.answers["/robots.txt"] = (200, {"Content-Length": "nonsense"}, b"")
    said = crawl(host.urls(4), complains=True)
    reason = "robots.txt could not be asked for, so nothing else may"
    assert [failure["reason"] for failure in of("failure", said)] == [reason] * 4
    assert host.pages == []


def test_a_site_that_was_stopped_is_not_even_asked_for_its_robots_txt(host: Host) -> None:
    now = datetime.now(UTC)
    stop = SiteStop(host=host.name, reason="asked to", stopped_at=now, until=now + timedelta(hours=1))
    [said] = crawl(host.urls(1), stops=[stop])
    assert (said["error"], said["reason"]) == ("SiteStopped", "asked to")
    assert host.asked == []


def test_outside_its_window_a_site_is_not_asked(host: Host, tmp_path: Path) -> None:
    soon, later = (f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}" for hours in (3, 4))
    [said] = crawl(host.urls(1), crawl_sites_file=sites_file(tmp_path, host, f'window = "{soon}-{later}"'))
    assert said["error"] == "OutsideWindow"
    assert host.asked == []


def test_retry_after_is_waited_for_by_what_is_queued_too(host: Host, tmp_path: Path) -> None:
    host.answers["/0"] = (429, {"Retry-After": "2"}, b"")
    # no delay of its own, so that the pause alone is what is waited for
    rule = sites_file(tmp_path, host, "concurrency = 1\ndelay_s = 0")
    said = crawl(host.urls(3), crawl_sites_file=rule)
    assert [event["event"] for event in said] == ["pause", "failure", "answer", "answer"]
    first, second, third = (asked.at for asked in host.pages)
    assert second - first >= 2 - OWN_CLOCK_S
    assert third - second >= 1 - OWN_CLOCK_S, "it said that we are too fast"
