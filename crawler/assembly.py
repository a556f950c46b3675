"""The parts of a crawl, put together when Scrapy's engine is there, and taken apart when it is done."""

from __future__ import annotations

from pathlib import Path

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.capturing import Capturing
from crawler.finding.yields import Yields
from crawler.images import ImageCapture
from crawler.looking import Looking
from crawler.manners.throttle import SITE_STOPPED
from crawler.middlewares import describe
from crawler.outcomes import Outcomes
from crawler.planning import Planning
from crawler.reading import Readers
from crawler.recording import Recorder
from crawler.relistings import NewListings, link_relistings
from crawler.scheduler import FrontierScheduler
from crawler.session import Session
from crawler.spiders.listings import ListingSpider
from crawler.storing import ListingStore
from domain.codec import load
from domain.errors import AssayerError
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
        crawler.signals.connect(assembly.closed, signal=signals.spider_closed)
        crawler.signals.connect(assembly.failed, signal=signals.spider_error)
        crawler.signals.connect(assembly.stopped, signal=SITE_STOPPED)
        return assembly

    def opened(self, spider: Spider) -> None:
        """The engine is there, nothing is asked for yet."""
        assert isinstance(spider, ListingSpider)
        assert self._crawler.engine, "Scrapy opens its spider with the engine running"
        session = self._session
        self._capturing = Capturing(session)
        self._recorder = Recorder(session.records, session.tally, self._capturing.sync)
        self._readers = Readers(session.order.settings)
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

    async def stopped(self, stop: SiteStop) -> None:
        """A site said stop: nothing more is asked of it, and that is remembered."""
        session = self._session
        session.tally.stops.append(stop)
        session.failed(stop.host, "site", f"said stop: {stop.reason}")
        session.frontier.leave(stop.host)
        try:
            await self._recorder.ask(lambda: session.records.save_site_stop(stop))
        except AssayerError as error:
            session.fatal = session.fatal or error

    def failed(self, failure: Failure, response: Response) -> None:
        """An error of ours that nothing else caught: the report tells."""
        self._session.failed(response.url, "page", describe(failure.value or failure), response.status)

    async def closed(self, spider: Spider, reason: str) -> None:
        """Nothing is under way anymore."""
        if self._session.fatal is None:
            try:
                # in this thread, which is the frontier's; nobody else is at work anymore
                link_relistings(self._session.records, NewListings(self._session.frontier))
            except AssayerError as error:
                self._session.fatal = error
        for host, stated in sorted(self._session.sites.watch.reservations.items()):
            self._session.tally.warn(f"{host} states {', '.join(sorted(stated))}")
        self._readers.close()
        self._recorder.close()
        self._session.warc_files = tuple(Path(file).name for file in self._capturing.close())

    def _scheduler(self) -> FrontierScheduler:
        scheduler = self._crawler.engine.scheduler
        assert isinstance(scheduler, FrontierScheduler)
        return scheduler
