"""Requests per second of our crawl beside a bare Scrapy spider that extracts nothing and stores nothing.

    nice -n 10 python benchmarks/crawl_throughput.py

Ours is `assayer crawl` as a user gets it: extraction, evidence, WARC, records. The bare spider follows the same links
of the same generated shop with Scrapy's own scheduler and filter; both obey robots.txt and have the same concurrency.
They take turns, each turn a new home and a new server. The rate is that between the first and the last request in the
server's log; beside it stands the rate over the whole life of the process. Only ratios of one run of this command mean
something: what else the machine does reaches both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "fixtures"))

from generated_site import GeneratedShop
from generated_site_server import GeneratedSite
from killed_crawl import REPOSITORY, StartedCrawl

CONCURRENCY, SITE_CONCURRENCY = 16, 8
"""Requests under way at once, of all sites and to one, for both."""

_SCRAPY_SETTINGS = {
    "USER_AGENT": "Bare/1 (+mailto:crawl@assayer.example)",
    "CONCURRENT_REQUESTS": CONCURRENCY,
    "CONCURRENT_REQUESTS_PER_DOMAIN": SITE_CONCURRENCY,
    "DOWNLOAD_DELAY": 0,
    "ROBOTSTXT_OBEY": True,
    "COOKIES_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "LOG_LEVEL": "ERROR",
    "LOGSTATS_INTERVAL": 0,
}

_BARE = """
import json, sys
import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.linkextractors import LinkExtractor

class BareSpider(scrapy.Spider):
    name = "bare"
    links = LinkExtractor(process_value=lambda url: url.partition("?utm_")[0].partition("?gclid")[0])

    async def start(self):
        yield scrapy.Request(sys.argv[1])

    def parse(self, response):
        for link in self.links.extract_links(response):
            yield response.follow(link)
        if self.pictures and (image := response.css("main img::attr(src)").get()):
            yield response.follow(image, lambda _: None)

process = AsyncCrawlerProcess(json.loads(sys.argv[2]))
process.crawl(BareSpider, pictures=sys.argv[3] == "pictures")
process.start()
"""

Crawl = Callable[[GeneratedSite, Path], None]


def main() -> None:
    arguments = _arguments()
    figures: dict[str, object] = {
        "items": arguments.items,
        "turns": arguments.turns,
        "page_bytes": arguments.page_bytes,
    }
    for name, latency_ms, pictures in (
        ("0 ms", 0.0, False),
        ("50 ms", 50.0, False),
        ("0 ms, a picture each", 0.0, True),
        ("50 ms, a picture each", 50.0, True),
    ):
        if arguments.only and name not in arguments.only:
            continue
        shop = GeneratedShop(
            items=arguments.items,
            faults=False,
            pictures=pictures,
            page_bytes=arguments.page_bytes,
            latency_s=latency_ms / 1_000,
        )
        figures[name] = _compared(shop, arguments)
        print(f"{name} done", file=sys.stderr, flush=True)
    print(json.dumps(figures, indent=1))


def _compared(shop: GeneratedShop, arguments: argparse.Namespace) -> dict[str, object]:
    """Ours and the bare one in turns; who begins changes with each turn."""
    ways: dict[str, Crawl] = {"ours": lambda site, place: _ours(site, place, arguments.profile), "bare": _bare}
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for turn in range(arguments.turns):
        for name in sorted(ways, reverse=bool(turn % 2)):
            turns[name].append(_turn(shop, ways[name]))
    rates = {name: [one["requests_per_second"] for one in measured] for name, measured in turns.items()}
    ratios = [ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True)]
    return {
        "ratio_of_medians": round(statistics.median(rates["ours"]) / statistics.median(rates["bare"]), 3),
        "ratio_by_turn": {"least": round(min(ratios), 3), "most": round(max(ratios), 3)},
        **turns,
    }


def _turn(shop: GeneratedShop, crawl: Crawl) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with GeneratedSite(shop, place) as site:
            started = time.perf_counter()
            crawl(site, place)
            seconds = time.perf_counter() - started
            requests = site.requests
    between = requests[-1].at - requests[0].at
    return {
        "requests": len(requests),
        "requests_per_second": round((len(requests) - 1) / between, 1),
        "with_process_start": round(len(requests) / seconds, 1),
    }


def _ours(site: GeneratedSite, place: Path, profile: Path | None) -> None:
    settings = {"crawl_concurrency": CONCURRENCY, "crawl_site_concurrency": SITE_CONCURRENCY}
    python = _profiling(place, profile) if profile else sys.executable
    target, home = f"{site.base_url}/", place / "home"
    crawl = StartedCrawl(target, home, max_pages=site.shop.most_pages, settings=settings, python=python)
    try:
        report = crawl.report()
    finally:
        crawl.close()
    stored = sum(report["saved"].values())
    if stored != site.shop.items:
        raise SystemExit(f"{stored} listings of {site.shop.items}: a crawl that loses pages is not measured")


def _profiling(place: Path, profile: Path) -> str:
    """A stand-in for Python by which the crawling process runs under cProfile, and the command as it is."""
    script = place / "python"
    command = f"import sys; sys.executable = {str(script)!r}; from cli.main import run; run()"
    # a crawling process ends without the interpreter's own end, at which cProfile would write
    profiled = (
        "import cProfile; from crawler.__main__ import main; profile = cProfile.Profile(); "
        f"profile.runcall(main); profile.dump_stats({str(profile.resolve())!r})"
    )
    script.write_text(
        "#!/bin/sh\n"
        f'[ "$3" = crawler ] && exec {sys.executable} -P -c "{profiled}"\n'
        f'shift 3\nexec {sys.executable} -P -c "{command}" "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


def _bare(site: GeneratedSite, place: Path) -> None:
    url = f"{site.base_url}/"
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            _BARE,
            url,
            json.dumps(_SCRAPY_SETTINGS),
            "pictures" if site.shop.pictures else "",
        ],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"the bare spider ended with {done.returncode}: {done.stderr[-2_000:]}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--page-bytes", type=int, default=6_000)
    parser.add_argument("--only", nargs="+", metavar="NAME", help='Such as "50 ms".')
    parser.add_argument("--profile", type=Path, help="File for the last crawling process's cProfile statistics.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
