"""The crawling process: one order in on standard input, JSON lines out on standard output.

A process of its own, because Twisted's reactor runs once in a process, and because what strange pages do to it must not
happen to the process that asked. It ends when its standard input does, that is, with the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from scrapy.crawler import AsyncCrawlerProcess

from crawler.beginning import begin
from crawler.frontier.opening import open_frontier
from crawler.report import CrawlReport
from crawler.scrapy_settings import scrapy_settings
from crawler.session import CrawlOrder, Session, write_line
from crawler.spiders.listings import ListingSpider
from domain.codec import dump, load
from domain.errors import AssayerError, BadInput, CrawlFailed
from store.evidence import open_evidence
from store.records import open_records

_ORPHANED = 3


def main() -> int:
    """Crawl one order. The exit status: 0 when the report was written, else the error's."""
    try:
        order = load(CrawlOrder, json.loads(sys.stdin.readline()))
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
        report = _crawl(order)
    except AssayerError as error:
        place = error.as_dict() if isinstance(error, BadInput) else {}
        told = {"type": type(error).__name__, "message": error.message, "advice": error.advice}
        write_line({"event": "error", **place, **told})
        return error.exit_code
    write_line({"event": "report", "report": dump(report)})
    return 0


def _crawl(order: CrawlOrder) -> CrawlReport:
    records = open_records(order.settings.resolved_database_url, order.settings.tenant)
    try:
        evidence = open_evidence(order.settings.resolved_evidence_url)
        frontier = open_frontier(order.settings, order.crawl, order.worker)
        try:
            session = begin(order, records, evidence, frontier)
            _run(session)
            session.recall()
            session.progress(at_once=True)
            return session.tally.report(crawl=order.crawl, counts=frontier.counts(), warc=session.warc_files)
        finally:
            frontier.close()
    finally:
        records.close()


def _run(session: Session) -> None:
    process = AsyncCrawlerProcess(scrapy_settings(session.order))
    crawling = process.crawl(ListingSpider, session=session)
    process.start()
    if session.fatal:
        raise session.fatal
    if not crawling.done() or crawling.cancelled() or crawling.exception():
        raise CrawlFailed("the crawl ended before it was done")


def _end_with_parent() -> None:
    """Nothing needs to be tidied up: what is saved is whole, and the rest is found again by the next crawl."""
    while sys.stdin.read(1):
        pass
    os._exit(_ORPHANED)


if __name__ == "__main__":
    status = main()
    # everything is closed and told; the interpreter's own end would wait for threads that only wait themselves
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
