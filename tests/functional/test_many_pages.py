"""A crawl of hundreds of pages with everything that goes wrong on the web, killed twice: nothing lost, nothing twice.

`benchmarks/crawl_ten_thousand.py` is the same with 10,000 items.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from generated_site import ERRORS, GOOD, MALFORMED, Asked, Fate, GeneratedShop, address_of, asked_again
from generated_site_server import GeneratedSite
from killed_crawl import StartedCrawl, wait_until

from domain.catalog import Money
from domain.listing import Listing
from domain.settings import Settings
from jobs.crawl import dead_letters
from store.evidence import open_evidence
from store.records import open_records

KILLS = 2
IN_FLIGHT = 50
"""Requests that may be asked for again after a kill: 24 pages under way, read or stored, a picture of each, and the
front page, which is read twice."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the crawling process by /proc")


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """What two kills and three runs gave."""

    shop: GeneratedShop
    site_url: str
    home: Path
    requests: list[Asked]
    killed_at: list[int]
    """Requests that the site had seen at each kill."""
    stored_at: list[int]
    """Listings that were stored after each kill."""
    report: dict[str, Any]
    listings: list[Listing]


def stored(home: Path) -> list[Listing]:
    records = open_records(f"sqlite:///{home / 'assayer.db'}", "default")
    try:
        return list(records.listings())
    finally:
        records.close()


def until(crawl: StartedCrawl, site: GeneratedSite, wanted: int) -> None:
    wait_until(lambda: site.asked >= wanted or not crawl.running, f"the crawl did not get to {wanted} requests")


def killed_crawl(home: Path, folder: Path) -> Crawled:
    shop = GeneratedShop(seed=7, items=400, per_category=100, per_page=20, pictures=True, latency_s=0.005, slow_s=0.2)
    chosen = random.Random(7)
    moments = sorted([chosen.uniform(0.1, 0.45), chosen.uniform(0.5, 0.85)])
    killed_at, stored_at = [], []
    with GeneratedSite(shop, folder) as site:
        target = f"{site.base_url}/"
        for moment in moments:
            wanted = round(moment * 2 * shop.items)  # each has a page and a picture
            crawl = StartedCrawl(target, home, max_pages=shop.most_pages)
            try:
                until(crawl, site, wanted)
                assert crawl.running, "the crawl ended before it was to be killed"
                crawl.kill()
            finally:
                crawl.close()
            killed_at.append(site.asked)
            stored_at.append(len(stored(home)))
        last = StartedCrawl(target, home, max_pages=shop.most_pages)
        try:
            report = last.report()
        finally:
            last.close()
        return Crawled(
            shop=shop,
            site_url=site.base_url,
            home=home,
            requests=site.requests,
            killed_at=killed_at,
            stored_at=stored_at,
            report=report,
            listings=stored(home),
        )


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    return killed_crawl(tmp_path_factory.mktemp("many") / "home", tmp_path_factory.mktemp("site"))


def test_every_good_page_is_a_listing_exactly_once(crawled: Crawled) -> None:
    ids = sorted(listing.listing_id for listing in crawled.listings)
    assert ids == sorted(crawled.shop.good)
    assert all(0 < count < len(ids) for count in crawled.stored_at), "killed before or after all the work"


def test_listings_are_what_the_pages_said(crawled: Crawled) -> None:
    shop, evidence = crawled.shop, open_evidence(str(crawled.home / "evidence"))
    for listing in crawled.listings:
        number = int(listing.listing_id[1:])
        assert listing.title == shop.title(number)
        assert listing.price == Money(amount=Decimal(shop.price(number)), currency="EUR")
        assert listing.url == crawled.site_url + (
            f"/goods/{number}" if shop.fate(number) in (Fate.MOVED, Fate.MOVED_OFTEN) else f"/item/{number}"
        )
        assert listing.page_sha256
        assert shop.title(number).encode() in evidence.read(listing.page_sha256)
        [image] = listing.images
        assert evidence.read(image.sha256 or "") == shop.reply(f"/images/{number}", 0).body


def test_what_was_done_before_a_kill_is_not_done_again(crawled: Crawled) -> None:
    again = asked_again(crawled.requests)
    assert sum(again.values()) <= KILLS * IN_FLIGHT, again.most_common(5)
    assert max(again.values(), default=0) <= KILLS


def test_the_last_run_says_that_it_went_on_and_that_nothing_waits(crawled: Crawled) -> None:
    assert crawled.report["resumed"] is True
    assert crawled.report["waiting"] == 0


def test_planted_errors_are_given_up_and_reported(crawled: Crawled) -> None:
    """Those met before a kill too: what the killed process knew of them it must have kept."""
    shop = crawled.shop
    planted = shop.paths(*(set(ERRORS + MALFORMED) - GOOD))
    given_up = dead_letters(Settings(home=crawled.home), crawled.report["crawl"])
    told = {urlsplit(failure["url"]).path for failure in crawled.report["failures"]}
    told |= {urlsplit(letter.entry.ask.url).path for letter in given_up}
    assert planted <= told
    lost = told & {urlsplit(listing.url).path for listing in crawled.listings}
    assert not lost, "a page that came in the end is no failure"


def test_passing_errors_are_tried_again_and_lasting_ones_not_for_ever(crawled: Crawled) -> None:
    asked = [address_of(request.target) for request in crawled.requests]
    for path in crawled.shop.paths(Fate.BROKEN, Fate.TOO_SHORT):
        assert 1 < asked.count(path) <= 4 * (KILLS + 1)
    for path in crawled.shop.paths(Fate.NOT_FOUND, Fate.GONE):
        assert asked.count(path) <= 1 + KILLS


def test_the_site_is_asked_only_for_what_it_allows(crawled: Crawled) -> None:
    assert not [request for request in crawled.requests if request.target.startswith("/private")]
    assert [request for request in crawled.requests if request.target == "/robots.txt"]
