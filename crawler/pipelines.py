"""From a captured offer to a stored listing: its identity, its evidence, its record, in that order.

A listing is saved as soon as its evidence is, so that a killed crawl keeps what it had, and points to nothing that is
not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.identity import Identities
from crawler.images import ImageCapture
from crawler.items import CapturedOffer
from crawler.middlewares import describe
from crawler.session import Session
from domain.errors import AssayerError, BadInput

T = TypeVar("T")
U = TypeVar("U")

_EVIDENCE_WRITERS = 4


class ListingPipeline:
    """Stores what the spider captures. Disk and database wait in threads, so that downloads do not."""

    def __init__(self, crawler: Crawler, session: Session) -> None:
        self._crawler, self._session = crawler, session
        self._identities = Identities(session.records)
        # one thread: who comes first decides who is who, and the database takes one writer anyway
        self._recording = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._storing = ThreadPoolExecutor(_EVIDENCE_WRITERS, thread_name_prefix="evidence")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ListingPipeline:
        """As Scrapy makes it."""
        session = crawler.spider.session  # type: ignore[union-attr]
        pipeline = cls(crawler, session)
        crawler.signals.connect(pipeline.item_error, signal=signals.item_error)
        crawler.signals.connect(pipeline.spider_error, signal=signals.spider_error)
        return pipeline

    def open_spider(self) -> None:
        """The engine is there now."""
        engine = self._crawler.engine
        assert engine is not None, "Scrapy opens pipelines with its engine running"
        self._images = ImageCapture(self._session, engine.download_async, self._store)

    def close_spider(self) -> None:
        """Nothing is under way anymore."""
        self._recording.shutdown()
        self._storing.shutdown()

    async def process_item(self, item: CapturedOffer) -> CapturedOffer:
        """Store one. A store that is gone ends the crawl; a listing that cannot be stored is a failure of its own."""
        url = item.offer.listing.url
        try:
            await self._save(item)
        except BadInput as error:
            self._session.failed(url, "listing", error.message)
        except AssayerError as error:
            await self._end(error)
        return item

    def item_error(self, item: CapturedOffer, response: Response, failure: Failure) -> None:
        """An error of ours: the crawl goes on, the report tells."""
        self._session.failed(item.offer.listing.url, "listing", describe(failure.value or failure))

    def spider_error(self, failure: Failure, response: Response) -> None:
        """An error of ours on one page: the crawl goes on, the report tells."""
        self._session.failed(response.url, "page", describe(failure.value or failure), response.status)

    async def _save(self, item: CapturedOffer) -> None:
        listing = await self._recorded(self._identities.settle, item.offer.listing)
        if listing is None:
            self._session.tally.duplicates += 1
            return
        page, images = await asyncio.gather(self._store(item.page), self._images.capture(item.offer.image_urls))
        whole = replace(listing, page_sha256=page, images=images, captured_at=item.captured_at)
        # not "+= await": that would add to what stood there before the wait
        count = await self._recorded(self._session.records.save_listings, [whole])
        self._session.tally.saved += count
        self._session.progress()

    async def _end(self, error: AssayerError) -> None:
        if self._session.fatal is None:
            self._session.fatal = error
            engine = self._crawler.engine
            assert engine is not None
            # not awaited: closing waits for this very item
            self._closing = asyncio.ensure_future(engine.close_spider_async(reason=error.code))

    async def _store(self, content: bytes) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._storing, self._session.evidence.write, content)

    async def _recorded(self, work: Callable[[T], U], argument: T) -> U:
        return await asyncio.get_running_loop().run_in_executor(self._recording, work, argument)
