"""What a crawl must not go round and round with, nor wait for without end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loopback_site import Answer, Site, links, picture, settings, stored

from crawler.run import crawl
from crawler.session import CrawlOrder
from domain.errors import StoreUnavailable
from domain.visit import SiteStop
from store.records import open_records

if TYPE_CHECKING:
    from conftest import RedisServer


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def many() -> Iterator[Sequence[Site]]:
    sites = [Site() for _ in range(12)]
    yield sites
    for site in sites:
        site.close()


def test_a_page_that_leads_to_a_site_that_said_stop_is_asked_for_once(
    site: Site, elsewhere: Site, tmp_path: Path
) -> None:
    chosen = settings(tmp_path)
    records = open_records(chosen.resolved_database_url, chosen.tenant)
    now = datetime.now(UTC)
    records.save_site_stop(
        SiteStop(host=elsewhere.host, reason="asked us to", stopped_at=now, until=now + timedelta(1))
    )
    records.close()
    site.html("/", links("/out", "/item/A1"))
    site.item("A1")
    site.image("/images/A1.jpg", picture("red"))
    site.pages["/out"] = (302, {"Location": elsewhere.url("/in")}, b"")

    report = crawl([site.url()], chosen)

    assert site.asked.count("/out") == 1
    assert elsewhere.asked == []
    reason = f"leads to {elsewhere.host}, which is left alone: asked us to"
    assert [failure.reason for failure in report.failures] == [reason]
    assert (report.dead, report.waiting, set(stored(chosen))) == (1, 0, {"A1"})


@pytest.mark.parametrize("status", [500, 429])
def test_a_robots_txt_that_lies_elsewhere_and_cannot_be_had_forbids_everything(
    site: Site, tmp_path: Path, status: int
) -> None:
    site.pages["/robots.txt"] = (301, {"Location": "/rules/robots"}, b"")
    site.pages["/rules/robots"] = (status, {}, b"later")
    site.item("A1")
    report = crawl([site.url("/item/A1")], settings(tmp_path))
    assert "/item/A1" not in site.asked
    assert (report.pages, report.saved.added, report.dead) == (0, 0, 1)
    reason = f"robots.txt cannot be read (answered {status}), so nothing may be asked for"
    assert [failure.reason for failure in report.failures] == [reason]


def test_pictures_at_many_hosts_do_not_fill_the_memory_with_their_robots_txt(
    site: Site, many: Sequence[Site], tmp_path: Path
) -> None:
    rules = b"User-agent: *\n" + b"".join(b"Disallow: /no/%d\n" % number for number in range(30_000))
    for host in many:
        host.pages["/robots.txt"] = (200, {"Content-Type": "text/plain"}, rules)
        host.image("/a.jpg", picture("red"))
        host.image("/b.jpg", picture("blue"))
    site.item("A1", image=[host.url("/a.jpg") for host in many], body=links("/item/A2"))
    site.item("A2", image=[host.url("/b.jpg") for host in many])
    report = crawl([site.url("/item/A1")], settings(tmp_path, crawl_concurrency=1))
    assert (report.saved.added, report.images) == (2, 2 * len(many))
    # the largest make room for each other
    assert site.asked.count("/robots.txt") == 1
    assert max(host.asked.count("/robots.txt") for host in many) == 2


def test_a_frontier_that_is_gone_ends_the_crawl(
    site: Site, tmp_path: Path, new_redis: Callable[[], RedisServer]
) -> None:
    redis = new_redis()

    def last() -> Answer:
        redis.stop()
        return 200, {"Content-Type": "text/html"}, b"<html><body>the last page</body></html>"

    site.html("/", links(*(f"/page/{number}" for number in range(30))))
    site.pages["/page/7"] = last
    with pytest.raises(StoreUnavailable, match="Redis at"):
        crawl([site.url()], settings(tmp_path, redis_url=redis.url))


def test_a_crawl_that_cannot_begin_says_why(site: Site, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    name = CrawlOrder(targets=(site.url(),), settings=chosen, max_pages=1).crawl
    (chosen.crawl_dir / name / "half.warc.gz.open").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match=r"WARC files cannot be written .*half\.warc\.gz"):
        crawl([site.url()], chosen)
    assert site.asked == []


def test_a_crawl_whose_last_file_cannot_be_closed_says_so(site: Site, tmp_path: Path) -> None:
    chosen = settings(tmp_path)

    def last() -> Answer:
        for path in chosen.crawl_dir.rglob("*.warc.gz.open"):
            path.unlink()
        return 200, {"Content-Type": "text/html"}, b"<html><body>nothing to keep</body></html>"

    site.item("A1", image=[], body=links("/last"))
    site.pages["/last"] = last
    with pytest.raises(StoreUnavailable, match="WARC files cannot be written"):
        crawl([site.url("/item/A1")], chosen)


def test_a_stop_that_another_crawl_was_told_holds_for_one_that_is_under_way(site: Site, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    said = SiteStop(host=site.host, reason="asked another to", stopped_at=datetime.now(UTC))

    def another_hears() -> Answer:
        records = open_records(chosen.resolved_database_url, chosen.tenant)
        records.save_site_stop(said)
        records.close()
        return 200, {"Content-Type": "text/html"}, b"<html><body>to us it says nothing</body></html>"

    pages = [f"/page/{number}" for number in range(3_000)]
    site.html("/", links(*pages))
    site.otherwise = (200, {"Content-Type": "text/html"}, b"<html><body>one of many</body></html>")
    site.pages["/page/7"] = another_hears
    report = crawl([site.url()], chosen, max_pages=5_000)
    assert report.stops == (said,)
    assert report.left > 0, "all was asked for"
    assert report.waiting == 0
    assert len(set(pages) & set(site.asked)) + report.left == len(pages)


def test_a_stop_that_cannot_be_remembered_ends_the_crawl(site: Site, elsewhere: Site, tmp_path: Path) -> None:
    """Of the other site too, whose pages cannot be done anymore."""
    chosen = settings(tmp_path)
    stopped = threading.Event()

    def stop() -> Answer:
        with closing(sqlite3.connect(chosen.resolved_database_url.removeprefix("sqlite:///"))) as database:
            for table in ("site_stops", "listings"):
                database.execute(f"DROP TABLE {table}")
        stopped.set()
        return 451, {}, b"no"

    def page() -> Answer:
        stopped.wait(30)
        return offer

    site.html("/", links("/item/A1"))
    site.item("A1", image=[])
    offer = site.pages["/item/A1"]
    assert not callable(offer)
    site.pages["/item/A1"] = page
    elsewhere.pages["/"] = stop
    with pytest.raises(StoreUnavailable, match="no such table"):
        crawl([site.url(), elsewhere.url()], chosen)
