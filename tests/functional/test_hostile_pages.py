"""What no crawl may stumble over: each hostile site is bounded and reported, and its sound items are captured.

All sites of `hostile_cases` are crawled at once, by the process that users get; what is found of each is a test.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hostile_cases import CASES
from hostile_site import HostileSite, item, whole
from killed_crawl import StartedCrawl, command_line, descendants, wait_until

from crawler.addresses import why_refused
from crawler.report import CrawlFailure, CrawlReport
from crawler.run import crawl
from domain.listing import Listing
from domain.settings import Settings
from store.records import open_records

MOST_MEMORY = 1_000_000_000
"""Bytes that the crawling process may take at its peak: 16 of the largest pages, twice, and what it is made of."""


@dataclass(kw_only=True)
class PeakMemory:
    """The most resident bytes that any crawling process of ours had; the kernel remembers a process's peak."""

    peak: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.done.wait(0.1):
            for process_id in descendants(os.getpid()):
                if b"\0crawler\0" in command_line(process_id):
                    self.peak = max(self.peak, _peak_bytes(process_id))


def _peak_bytes(process_id: int) -> int:
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """What the crawl of all sites gave."""

    sites: Mapping[str, HostileSite]
    report: CrawlReport
    listings: Mapping[str, list[Listing]]
    """By host."""
    peak_bytes: int
    reached_inside: bool
    """Whether something connected to an inner address of this machine."""

    def failures(self, name: str) -> list[CrawlFailure]:
        """Of one site: its host stands in its addresses, and in those that its redirects lead to."""
        return [failure for failure in self.report.failures if self.sites[name].host in failure.url]


def settings(home: Path, **changes: Any) -> Settings:
    chosen: dict[str, Any] = {
        "home": home,
        "allow_loopback": True,
        "contact": "mailto:crawl@assayer.example",
        "crawl_delay_s": 0,
        "crawl_retries": 1,
        "page_timeout_s": 5.0,
    }
    return Settings(**chosen | changes)


def stored(chosen: Settings) -> dict[str, list[Listing]]:
    records = open_records(chosen.resolved_database_url, chosen.tenant)
    by_host: dict[str, list[Listing]] = {}
    try:
        for listing in records.listings():
            by_host.setdefault(urlsplit(listing.url).netloc, []).append(listing)
    finally:
        records.close()
    return by_host


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    chosen = settings(tmp_path_factory.mktemp("hostile") / "home")
    sites = {name: HostileSite() for name in CASES}
    memory = PeakMemory()
    watching = threading.Thread(target=memory.watch)
    inner = _listening_inside()
    try:
        for name, case in CASES.items():
            case.build(sites[name])
        if inner:
            address, port = inner.getsockname()[:2]
            target = f"http://{address}:{port}/"
            sites["redirect_to_a_private_address"].page(
                "/inner", status="302 Found", headers={"Location": target}, link=True
            )
            sites["picture_on_a_private_address"].page("/inner", item("I", image=[target]), link=True)
        watching.start()
        report = crawl([site.url for site in sites.values()], chosen, max_pages=5_000)
        yield Crawled(
            sites=sites,
            report=report,
            listings=stored(chosen),
            peak_bytes=memory.peak,
            reached_inside=bool(inner and _was_reached(inner)),
        )
    finally:
        memory.done.set()
        if watching.ident:
            watching.join()
        for site in sites.values():
            site.close()
        if inner:
            inner.close()


def _listening_inside() -> socket.socket | None:
    """A socket on a private address of this machine, where it has one."""
    try:
        address = str(socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)[0][4][0])
        if ip_address(address).is_loopback or why_refused(ip_address(address)) is None:
            return None
        return socket.create_server((address, 0))
    except OSError:
        return None


def _was_reached(listening: socket.socket) -> bool:
    listening.setblocking(False)
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_sound_items_are_captured_whatever_stands_beside_them(name: str, crawled: Crawled) -> None:
    case, site = CASES[name], crawled.sites[name]
    found = {listing.listing_id for listing in crawled.listings.get(site.host, [])}
    failures = crawled.failures(name)
    if case.or_none and not found:
        assert [failure for failure in failures if re.search(case.reported, failure.reason)], failures
        return
    assert site.sound <= found, failures
    assert case.also <= found, failures


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.reported and not case.or_none])
def test_what_cannot_be_read_is_reported(name: str, crawled: Crawled) -> None:
    failures = crawled.failures(name)
    assert [failure for failure in failures if re.search(CASES[name].reported, failure.reason)], failures


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.or_none])
def test_every_hostile_page_was_asked_for_or_is_named(name: str, crawled: Crawled) -> None:
    """Otherwise a case would pass because nobody looked at it."""
    site = crawled.sites[name]
    named = {urlsplit(failure.url).path for failure in crawled.failures(name)}
    assert {urlsplit(link).path for link in site.links} <= named | {urlsplit(path).path for path in site.asked}


@pytest.mark.parametrize("name", CASES)
def test_what_is_stored_is_bounded(name: str, crawled: Crawled) -> None:
    for listing in crawled.listings.get(crawled.sites[name].host, []):
        assert len(listing.listing_id.encode()) <= 512
        assert len(listing.title) <= 1_000
        assert len(listing.description) <= 20_000
        assert len(listing.price_raw) + len(listing.brand) + len(listing.category) + len(listing.mpn) <= 5_000
        assert len(listing.seller.id) + len(listing.seller.name) <= 5_000
        assert len(listing.images) <= 21
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", listing.title + listing.listing_id)
        assert urlsplit(listing.url).netloc == crawled.sites[name].host
        if listing.price:
            assert listing.price.amount.is_finite()
            assert abs(listing.price.amount.adjusted()) < 30


def test_every_failure_says_why_in_a_sentence(crawled: Crawled) -> None:
    for failure in crawled.report.failures:
        assert failure.reason.strip()
        assert "Traceback" not in failure.reason
        assert len(failure.reason) < 1_000


def test_nothing_inside_was_reached(crawled: Crawled) -> None:
    assert not crawled.reached_inside


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's peak from /proc")
def test_memory_is_bounded(crawled: Crawled) -> None:
    assert 50_000_000 < crawled.peak_bytes < MOST_MEMORY


def only(crawled: Crawled, name: str, listing_id: str) -> Listing:
    [listing] = [each for each in crawled.listings[crawled.sites[name].host] if each.listing_id == listing_id]
    return listing


def test_encodings_are_read_as_they_are(crawled: Crawled) -> None:
    assert only(crawled, "text_in_other_encodings", "H").title == "Tasche Größe"
    assert only(crawled, "text_in_other_encodings", "I").title == "かばん"
    utf_7 = [each.title for each in crawled.listings[crawled.sites["text_in_other_encodings"].host]]
    assert not [title for title in utf_7 if "<script>" in title]


def test_prices_that_are_none_are_none(crawled: Crawled) -> None:
    listings = crawled.listings[crawled.sites["prices_that_are_none"].host]
    priced = {listing.listing_id for listing in listings if listing.price} - crawled.sites["prices_that_are_none"].sound
    assert not priced


def test_the_reversed_title_stays_to_be_seen(crawled: Crawled) -> None:
    title = only(crawled, "controls_and_reversed_text_in_the_title", "H").title
    assert "\u202egpj.exe" in title
    assert "\x1b" not in title


def test_pictures_beyond_the_most_are_named(crawled: Crawled) -> None:
    images = only(crawled, "item_of_100_000_pictures", "H").images
    assert len(images) == 21
    assert images[20].unreadable
    assert "more pictures; at most 20 are read" in images[20].unreadable.reason


def test_a_picture_of_another_kind_is_kept_as_it_came(crawled: Crawled) -> None:
    [image] = only(crawled, "png_that_says_it_is_a_gif", "H").images
    assert image.sha256


def linking(*targets: str) -> bytes:
    return whole("<h1>More</h1>" + "".join(f'<a href="{target}">more</a>' for target in targets))


def next_page(target: str) -> bytes:
    return linking(f"/list?page={int(target.rpartition('=')[2] or 1) + 1}")


def calendar(target: str) -> bytes:
    year, month = map(int, re.findall(r"\d+", target)[:2])
    return linking(*(f"/list/{year + step}/{number}" for step in (-1, 0, 1) for number in range(1, month + 13)))


def ever_deeper(target: str) -> bytes:
    return linking(f"{target}/deeper", f"{target}/../deeper/./{len(target)}", f"{target}?{'a=1&' * len(target)}")


def sessions(target: str) -> bytes:
    return linking(*(f"/list?session={abs(hash((target, number)))}" for number in range(50)))


def a_hundred_thousand_links(target: str) -> bytes:
    return linking(*(f"/to/{number}" for number in range(100_000)))


def always_elsewhere(target: str) -> bytes:
    return whole(status="302 Found", headers={"Location": f"{target}x"}) if len(target) < 100 else linking(f"{target}x")


MOST_PAGES = 40


@pytest.mark.parametrize(
    ("first", "page"),
    [
        ("/list?page=1", next_page),
        ("/list/2024/5", calendar),
        ("/list", ever_deeper),
        ("/list?session=0", sessions),
        ("/list", a_hundred_thousand_links),
        ("/list", always_elsewhere),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_goes_on_for_ever_ends_at_the_page_limit(first: str, page: Callable[[str], bytes], tmp_path: Path) -> None:
    site = HostileSite()
    try:
        site.links.append(first)
        nothing = site.otherwise
        site.otherwise = lambda target: page(target) if target.startswith("/list") else nothing(target)
        chosen = settings(tmp_path / "home")
        report = crawl([site.url], chosen, max_pages=MOST_PAGES)
        followed = [target for target in site.asked if target.startswith(("/list", "/to"))]
        assert 1 <= len(set(followed)) <= MOST_PAGES * (chosen.fetch_max_redirects + 1)
        assert report.pages <= MOST_PAGES
        assert site.sound <= {listing.listing_id for listing in stored(chosen)[site.host]}
    finally:
        site.close()


def ask_for_an_eternity_between_requests(site: HostileSite) -> None:
    site.page("/robots.txt", "User-agent: *\nCrawl-delay: 99999999\n", content_type="text/plain")


def ask_to_come_back_in_an_eternity(site: HostileSite) -> None:
    late = {"Retry-After": "99999999999999999999"}
    site.page("/busy", link=True, status="503 Service Unavailable", headers=late)


def ask_to_come_back_in_a_century(site: HostileSite) -> None:
    late = {"Retry-After": "Fri, 31 Dec 2125 23:59:59 GMT"}
    site.page("/busy", link=True, status="429 Too Many Requests", headers=late)


@pytest.mark.parametrize(
    "wait",
    [ask_for_an_eternity_between_requests, ask_to_come_back_in_an_eternity, ask_to_come_back_in_a_century],
    ids=lambda wait: wait.__name__,
)
def test_a_site_cannot_make_a_crawl_wait_for_ever(wait: Callable[[HostileSite], None], tmp_path: Path) -> None:
    """It is left alone, or asked all the same; either way the crawl ends and says what it left."""
    site = HostileSite()
    try:
        wait(site)
        running = StartedCrawl(site.url, tmp_path / "home", max_pages=50, settings={"crawl_retries": 1})
        try:
            wait_until(lambda: not running.running, "the crawl still waits for a site that tells it to")
            report = running.report()
        finally:
            running.close()
        found = {listing.listing_id for listing in stored(settings(tmp_path / "home")).get(site.host, [])}
        left = report.get("waiting", 0) + report.get("left", 0) + len(report["failures"])
        assert site.sound <= found or left
    finally:
        site.close()
