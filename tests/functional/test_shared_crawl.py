"""Two crawls of the same site, each in processes of its own, share a frontier; one is killed: nothing lost or twice."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from generated_site import ERRORS, GOOD, MALFORMED, Fate, GeneratedShop, asked_again
from generated_site_server import GeneratedSite
from killed_crawl import StartedCrawl, command_line, wait_until
from loopback_site import Site, links, settings

from crawler.frontier.stored import identifier
from crawler.manners.canonical import canonical_address
from crawler.run import crawl
from domain.catalog import Money
from domain.listing import Listing
from store.evidence import open_evidence
from store.records import open_records

LEASE_S = 3
AT_ONCE = 24
"""Pages of one site that a worker has under way at most: 8 requests, and others whose answers are read or stored."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the crawling process by /proc")


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """What two workers did, one of them until it was killed."""

    shop: GeneratedShop
    site_url: str
    home: Path
    again: Counter[str]
    """Addresses to how often more than once they were answered for good."""
    held: frozenset[bytes]
    """Identifiers of what the killed worker had under way."""
    stored_at_kill: int
    report: dict[str, Any]
    """Of the one that lived."""
    listings: list[Listing]


def stored(home: Path) -> list[Listing]:
    records = open_records(f"sqlite:///{home / 'assayer.db'}", "default")
    try:
        return list(records.listings())
    finally:
        records.close()


def taken_by(redis: Any) -> dict[int, frozenset[bytes]]:
    """Process id of each worker that has something under way, to the identifiers of that."""
    keys = {
        int(name[1]): key for key in redis.scan_iter(match="assayer:*:held:*") if (name := re.search(rb"-(\d+)\.", key))
    }
    return {process: frozenset(redis.smembers(key)) for process, key in keys.items()}


def stopped_and_killed(crawl: StartedCrawl, redis: Any) -> frozenset[bytes]:
    """What the worker had under way at the moment when it died."""
    command, *others = crawl.processes()
    [crawling] = [process for process in others if b"\0crawler\0" in command_line(process)]
    os.kill(crawling, signal.SIGSTOP)  # what it holds is read while it does nothing
    held = taken_by(redis)[command]
    crawl.kill()
    return held


@pytest.fixture(scope="module")
def crawled(new_redis: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    from redis import Redis

    server = new_redis()
    home, folder = tmp_path_factory.mktemp("shared") / "home", tmp_path_factory.mktemp("site")
    shop = GeneratedShop(seed=11, items=240, per_category=80, per_page=20, latency_s=0.05, slow_s=0.2)
    shared = {"redis_url": server.url, "crawl_lease_s": LEASE_S}
    with GeneratedSite(shop, folder) as site, Redis.from_url(server.url) as redis:
        workers = []
        try:
            for _ in range(2):
                workers.append(StartedCrawl(f"{site.base_url}/", home, max_pages=shop.most_pages, settings=shared))
            dying, living = workers
            wait_until(lambda: len(taken_by(redis)) == 2 or not dying.running, "one worker does all the work")
            assert dying.running, "one worker has nothing to do"
            before = site.asked
            wait_until(lambda: site.asked >= before + 20, "nothing goes on")
            held = stopped_and_killed(dying, redis)
            stored_at_kill = len(stored(home))
            report = living.report()
        finally:
            for worker in workers:
                worker.close()
        return Crawled(
            shop=shop,
            site_url=site.base_url,
            home=home,
            again=asked_again(site.requests),
            held=held,
            stored_at_kill=stored_at_kill,
            report=report,
            listings=stored(home),
        )


def test_every_good_page_is_a_listing_exactly_once(crawled: Crawled) -> None:
    assert sorted(listing.listing_id for listing in crawled.listings) == sorted(crawled.shop.good)
    assert crawled.stored_at_kill < len(crawled.listings), "killed when all the work was done"
    evidence = open_evidence(str(crawled.home / "evidence"))
    for listing in crawled.listings:
        number = int(listing.listing_id[1:])
        assert listing.price == Money(amount=Decimal(crawled.shop.price(number)), currency="EUR")
        assert crawled.shop.title(number).encode() in evidence.read(listing.page_sha256 or "")


def test_only_what_the_killed_worker_had_under_way_is_asked_for_again(crawled: Crawled) -> None:
    assert 0 < len(crawled.held) <= AT_ONCE

    def keys(address: str) -> set[bytes]:
        """Where a redirect led, it is asked for on behalf of the item."""
        kind, _, rest = address.strip("/").partition("/")
        paths = {address, f"/item/{rest.partition('/')[0]}"} if kind in ("goods", "moved") else {address}
        return {identifier(canonical_address(crawled.site_url + path)) for path in paths}

    # the front page is read before and after what its site publishes for programs
    again = {address: count for address, count in crawled.again.items() if address != "/"}
    assert {address for address in again if not keys(address) & crawled.held} == set()
    assert max(again.values(), default=0) <= 1


def test_the_worker_that_lived_did_the_rest_and_says_what_was_given_up(crawled: Crawled) -> None:
    report = crawled.report
    assert report["pages"] > 0
    assert (report["waiting"], report["left"]) == (0, 0)
    planted = crawled.shop.paths(*(set(ERRORS + MALFORMED) - GOOD))
    told = {urlsplit(failure["url"]).path for failure in report["failures"]}
    assert planted <= told
    assert report["dead"] >= len(crawled.shop.paths(Fate.NOT_FOUND, Fate.GONE, Fate.BROKEN))


def test_a_shared_crawl_that_is_done_is_begun_anew_by_a_person_alone(
    redis_url: str, site: Site, tmp_path: Path
) -> None:
    site.html("/", links("/item/A1"))
    site.item("A1", image=[])
    chosen = settings(tmp_path, redis_url=redis_url)
    first = crawl([site.url()], chosen)
    assert (first.saved.added, first.warnings) == (1, ())
    again = crawl([site.url()], chosen)
    assert (again.pages, again.failures) == (0, ())
    [warning] = again.warnings
    assert "--fresh" in warning
    anew = crawl([site.url()], chosen, fresh=True)
    assert (anew.listings, anew.warnings) == (1, ())
