"""The parts of a crawl, put together when Scrapy's engine is there, and taken apart when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.capturing import Capturing
from crawler.finding.yields import Yields
from crawler.hearing import Hearing
from crawler.images import ImageCapture
from crawler.looking import Looking
from crawler.manners.throttle import SITE_STOPPED
from crawler.middlewares import describe
from crawler.outcomes import Outcomes
from crawler.planning import Planning
from crawler.reading import Readers
from crawler.recording import Recorder
from crawler.relistings import link_relistings
from crawler.scheduler import FrontierScheduler
from crawler.session import Session
from crawler.spiders.listings import ListingSpider
from crawler.storing import ListingStore
from domain.codec import load
from domain.errors import AssayerError, CrawlFailed
from domain.visit import SiteStop


class Assembly:
    """A Scrapy extension."""

    def __init__(self, crawler: Crawler, session: Session) -> None:
        self._crawler, self._session = crawler, session

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Assembly:
        """As Scrapy makes it."""
        assembly = cls(crawler, crawler.spider.session)  # type: ignore[union-attr]
        crawler.signals.connect(assembly.opened, signal=signals.spider_opened)
        crawler.signals.connect(assembly.failed, signal=signals.spider_error)
        crawler.signals.connect(assembly.stopped, signal=SITE_STOPPED)
        return assembly

    def opened(self, spider: Spider) -> None:
        """The engine is there, nothing is asked for yet. Raises CloseSpider where the crawl cannot begin."""
        with self._heard():
            self._begin(spider)
        if self._session.fatal:
            raise CloseSpider(self._session.fatal.code)
        self._crawler.signals.connect(self.closed, signal=signals.spider_closed)

    def _begin(self, spider: Spider) -> None:
        assert isinstance(spider, ListingSpider)
        assert self._crawler.engine, "Scrapy opens its spider with the engine running"
        session = self._session
        self._capturing = Capturing(session)
        self._recorder = Recorder(session.records, session.tally, self._capturing.sync)
        self._readers = Readers(session.order.settings)
        self._scheduler().takes_long = self._readers.takes_long
        self._hearing = Hearing(session.records, self._recorder, session.sites.watch, heard=self._tell, end=spider.end)
        images = ImageCapture(session, self._crawler.engine.download_async, self._capturing, self._recorder)
        spider.open(
            Outcomes(
                session,
                readers=self._readers,
                capturing=self._capturing,
                recorder=self._recorder,
                listings=ListingStore(session, self._recorder, images),
                planning=Planning(session, self._recorder, self._readers, load(Yields, dict(session.order.yields))),
                looking=Looking(session, self._crawler.engine.download_async, self._capturing),
                sites=session.sites,
                end=spider.end,
                through=self._scheduler().through,
            )
        )

    async def _tell(self, stop: SiteStop) -> None:
        await self._crawler.signals.send_catch_log_async(SITE_STOPPED, stop=stop, stored=True)

    async def stopped(self, stop: SiteStop, stored: bool = False) -> None:
        """A site said stop: nothing more is asked of it, and that is remembered, unless it is `stored`."""
        session = self._session
        session.tally.stops.append(stop)
        session.failed(stop.host, "site", f"said stop: {stop.reason}")
        try:
            session.frontier.leave(stop.host)
            if not stored:
                await self._recorder.ask(lambda: session.records.save_site_stop(stop))
        except AssayerError as error:
            assert isinstance(self._crawler.spider, ListingSpider), "this project has one spider"
            self._crawler.spider.end(error)

    def failed(self, failure: Failure, response: Response) -> None:
        """An error of ours that nothing else caught: the report tells."""
        self._session.failed(response.url, "page", describe(failure.value or failure), response.status)

    async def closed(self, spider: Spider, reason: str) -> None:
        """Nothing is under way anymore."""
        if self._session.fatal is None:
            with self._heard():
                # in this thread; nobody else is at work anymore
                link_relistings(self._session.records, since=self._session.began)
        for host, stated in sorted(self._session.sites.watch.reservations.items()):
            self._session.tally.warn(f"{host} states {', '.join(sorted(stated))}")
        self._hearing.close()
        self._readers.close()
        self._recorder.close()
        with self._heard():
            self._session.warc_files = tuple(Path(file).name for file in self._capturing.close())

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """What a part fails at ends the crawl. Scrapy would log it and go on, and the crawl would seem to be done."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - nobody else hears of it
            ended = error if isinstance(error, AssayerError) else CrawlFailed(describe(error))
            self._session.fatal = self._session.fatal or ended

    def _scheduler(self) -> FrontierScheduler:
        scheduler = self._crawler.engine.scheduler
        assert isinstance(scheduler, FrontierScheduler)
        return scheduler
