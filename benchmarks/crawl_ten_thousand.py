"""A crawl of 10,000 generated pages with faults, killed twice, and one left alone: what is lost, twice, or piles up.

    nice -n 10 python benchmarks/crawl_ten_thousand.py

2 % of the items answer errors (half of them in passing), 1 % each are moved, slow, and malformed; see
tests/fixtures/generated_site.py for what a good page is. The crawls run in processes of their own; SIGKILL
goes to the command and to the crawling process, at moments that the seed decides. A second crawl, of a new home, is
left alone, and the memory of its processes watched. Times and bytes depend on the machine; the counts do not.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from domain.settings import Settings
from jobs.crawl import dead_letters
from store.records import open_records

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "fixtures"))

from generated_site import ERRORS, GOOD, MALFORMED, Fate, GeneratedShop, asked_again
from generated_site_server import GeneratedSite
from killed_crawl import MemoryWatch, StartedCrawl, wait_until

_MOST_RUNS = 5
"""Runs after the last kill until the report says that nothing waits."""
_MEGABYTE = 1e6


def main() -> None:
    arguments = _arguments()
    shop = GeneratedShop(
        seed=arguments.seed, items=arguments.items, pictures=arguments.pictures, latency_s=arguments.latency_ms / 1_000
    )
    figures: dict[str, object] = {"items": shop.items, "good": len(shop.good), "seed": shop.seed}
    for name, crawl in (("killed", _killed), ("undisturbed", _undisturbed)):
        if name in arguments.crawls:
            with tempfile.TemporaryDirectory() as place:
                figures[name] = crawl(shop, Path(place), arguments)
            print(f"{name} crawl done", file=sys.stderr, flush=True)
    print(json.dumps(figures, indent=1))


def _killed(shop: GeneratedShop, place: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """SIGKILL at random moments of the whole, then again until nothing waits."""
    chosen = random.Random(shop.seed)
    whole = shop.items * (2 if shop.pictures else 1)
    moments = sorted(round(chosen.uniform(0.05, 0.9) * whole) for _ in range(arguments.kills))
    home, killed_at, stored_at, started = place / "home", [], [], time.monotonic()
    with GeneratedSite(shop, place) as site:
        for moment in moments:
            before = site.asked
            crawl = StartedCrawl(f"{site.base_url}/", home, max_pages=shop.most_pages)
            try:
                _wait_for_requests(crawl, site, max(moment, before + 1))
                if crawl.running:
                    crawl.kill()
                    killed_at.append(site.asked)
                    stored_at.append(_count(home))
            finally:
                crawl.close()
        reports = _until_done(f"{site.base_url}/", home, shop)
        return {
            "killed_at_requests": killed_at,
            "listings_stored_at_kills": stored_at,
            "runs": len(killed_at) + len(reports),
            "seconds": round(time.monotonic() - started, 1),
            **_outcome(shop, site, home, reports),
        }


def _undisturbed(shop: GeneratedShop, place: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """One run, its memory watched."""
    home = place / "home"
    with GeneratedSite(shop, place) as site:
        started = time.monotonic()
        crawl = StartedCrawl(f"{site.base_url}/", home, max_pages=shop.most_pages)
        watch = MemoryWatch(crawl=crawl, asked=lambda: site.asked)
        try:
            report = crawl.report()
        finally:
            watch.close()
            crawl.close()
        seconds = time.monotonic() - started
        requests = site.requests
        return {
            "seconds": round(seconds, 1),
            "requests_per_second": round(len(requests) / (requests[-1].at - requests[0].at), 1),
            "memory_of_the_crawling_process": _memory(watch.crawling),
            "memory_of_all_its_processes": _memory(_together(watch)),
            **_outcome(shop, site, home, [report]),
        }


def _wait_for_requests(crawl: StartedCrawl, site: GeneratedSite, wanted: int) -> None:
    while site.asked < wanted and crawl.running:
        asked = site.asked
        wait_until(
            lambda asked=asked: site.asked > asked or not crawl.running,  # type: ignore[misc]
            f"no request after the first {asked}",
        )


def _until_done(target: str, home: Path, shop: GeneratedShop) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    while len(reports) < _MOST_RUNS and (not reports or reports[-1].get("waiting", 0)):
        crawl = StartedCrawl(target, home, max_pages=shop.most_pages)
        try:
            reports.append(crawl.report())
        finally:
            crawl.close()
    return reports


def _outcome(shop: GeneratedShop, site: GeneratedSite, home: Path, reports: list[dict[str, Any]]) -> dict[str, object]:
    ids = _stored(home)
    counts = Counter(listing_id.partition("~")[0] for listing_id in ids)  # a second one bears its address's mark
    once = sum(1 for listing_id in shop.good if counts[listing_id] == 1)
    again = asked_again(site.requests)
    told = {urlsplit(failure["url"]).path for report in reports for failure in report["failures"]}
    given_up = dead_letters(Settings(home=home), reports[-1]["crawl"])
    told |= {urlsplit(letter.entry.ask.url).path for letter in given_up}
    lasting = shop.paths(*(set(ERRORS) - GOOD))
    malformed = shop.paths(*MALFORMED)
    passing = shop.paths(Fate.FAILS_ONCE, Fate.FAILS_TWICE, Fate.BUSY_ONCE)
    return {
        "good_pages_listed_exactly_once": f"{once} of {len(shop.good)} ({once / len(shop.good):.2%})",
        "good_pages_lost": len(shop.good - set(counts)),
        "good_pages_listed_twice": sum(1 for listing_id in shop.good if counts[listing_id] > 1),
        "listings_of_pages_that_are_not_good": len(set(counts) - shop.good),
        "requests": len(site.requests),
        "answers_fetched_again": sum(again.values()),
        "lasting_errors_reported": f"{len(lasting & told)} of {len(lasting)}",
        "malformed_pages_reported": f"{len(malformed & told)} of {len(malformed)}",
        "passing_errors_reported_as_failures": f"{len(passing & told)} of {len(passing)}",
        "other_failures_reported": len(told - lasting - malformed - passing),
    }


def _memory(samples: list[tuple[int, int]]) -> dict[str, object]:
    """Peaks, and how memory grows with requests over the last two thirds of them."""
    requests, resident = np.array(samples, np.float64).T
    later = requests >= requests.max() / 3
    slope = np.polyfit(requests[later], resident[later], 1)[0] if len(set(requests[later])) > 1 else float("nan")
    early = resident[requests <= max(requests.max() / 5, requests[0])].max()
    return {
        "peak_megabytes": round(resident.max() / _MEGABYTE, 1),
        "peak_megabytes_at_a_fifth": round(early / _MEGABYTE, 1),
        "peak_to_peak_at_a_fifth": round(resident.max() / early, 3),
        "kilobytes_per_1000_requests_over_the_last_two_thirds": round(slope * 1_000 / 1e3, 1),
        "samples": len(samples),
    }


def _together(watch: MemoryWatch) -> list[tuple[int, int]]:
    pairs = zip(watch.crawling, watch.readers, strict=True)
    return [(requests, crawling + readers) for (requests, crawling), (_, readers) in pairs]


def _stored(home: Path) -> list[str]:
    records = open_records(f"sqlite:///{home / 'assayer.db'}", "default")
    try:
        return [listing.listing_id for listing in records.listings()]
    finally:
        records.close()


def _count(home: Path) -> int:
    return len(_stored(home)) if (home / "assayer.db").exists() else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="Before every answer.")
    parser.add_argument("--pictures", action="store_true", help="Each item has one.")
    parser.add_argument(
        "--crawls", nargs="+", choices=["killed", "undisturbed"], default=["killed", "undisturbed"], metavar="CRAWL"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
