"""Scrapy's scheduler on a frontier that outlives the process."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from typing import TypeVar

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler

from crawler.frontier.interface import Entry
from crawler.session import Session
from crawler.spiders.listings import ListingSpider
from domain.errors import AssayerError

T = TypeVar("T")

_TICK_S = 0.1
_PATIENCE_S = 900.0
"""What is to be asked for later than this is left for another run."""
_ROOM = 3
"""Entries of one site under way, for each request that may be: some wait for their pages to be read and stored."""
_ROOM_FOR_LONG = 2
"""Entries under way of a site whose pages take long to be read: more would wait, and take the room of other sites."""


class FrontierScheduler(BaseScheduler):
    """Takes from the frontier what may be asked for now.

    What is under way already, such as a redirect, does not go back there.
    """

    def __init__(self, crawler: Crawler, session: Session) -> None:
        self._crawler, self._session = crawler, session
        self._frontier, self._sites = session.frontier, session.sites
        self._most = session.order.settings.crawl_concurrency
        self._ready: deque[Request] = deque()
        self._under_way: Counter[str] = Counter()
        self._closing = False
        self.takes_long: Callable[[str], bool] = lambda host: False
        """Whether the pages of a host take long to be read; said by who reads them."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> FrontierScheduler:
        """As Scrapy makes it."""
        return cls(crawler, crawler.spider.session)  # type: ignore[union-attr]

    def open(self, spider: Spider) -> None:
        """The spider has begun."""
        assert isinstance(spider, ListingSpider), "this project has one spider"
        self._spider = spider
        self._ticking = asyncio.ensure_future(self._tick())

    def close(self, reason: str) -> None:
        """The spider is done; the frontier is closed by who opened it."""
        self._closing = True
        self._ticking.cancel()

    def has_pending_requests(self) -> bool:
        """Whether something is, or will be, to be asked for in this run."""
        return bool(self._ready) or (not self._closing and bool(self._or_end(self._waits)))

    def enqueue_request(self, request: Request) -> bool:
        """A request that the engine goes on with, such as a redirect."""
        self._ready.append(request)
        return True

    def next_request(self) -> Request | None:
        """What is asked for next; None while nothing may be."""
        if self._ready:
            return self._ready.popleft()
        entry = None if self._closing else self._or_end(self._take)
        if entry is None:
            return None
        self._under_way[entry.host] += 1
        return self._spider.request_for(entry)

    def through(self, entry: Entry) -> None:
        """This entry is done with, one way or another; from now on a kill does not make it be asked for again."""
        self._or_end(self._frontier.flush)
        self._under_way[entry.host] -= 1
        if not self._under_way[entry.host]:
            del self._under_way[entry.host]

    def _or_end(self, ask: Callable[[], T]) -> T | None:
        """None when the frontier is gone: that ends the crawl, which would wait for ever otherwise."""
        try:
            return ask()
        except AssayerError as error:
            self._closing = True
            self._spider.end(error)
            return None

    def _take(self) -> Entry | None:
        if self._under_way.total() >= _ROOM * self._most:
            return None
        while entry := self._frontier.take(now=time.time(), avoid=self._avoided()):
            if self._sites.may_ask(entry.host):
                return entry
            self._frontier.release(entry.key)
        return None

    def _avoided(self) -> Collection[str]:
        full = {host for host, count in self._under_way.items() if count >= self._room(host)}
        return full | self._sites.resting()

    def _room(self, host: str) -> int:
        return _ROOM_FOR_LONG if self.takes_long(host) else _ROOM * self._sites.rule(host).concurrency

    def _waits(self) -> bool:
        """Whether something is due soon, or another worker may still find something."""
        due = self._frontier.next_due(avoid=self._sites.resting(at_least_s=_PATIENCE_S))
        if due is not None:
            return due <= time.time() + _PATIENCE_S
        return self._frontier.counts().taken > self._under_way.total()

    async def _tick(self) -> None:
        """Keep and tell what was said so far, and wake the engine when something that had to wait is due."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._or_end(self._frontier.flush)
            self._or_end(self._session.catch_up)
            if not self._ready and (request := self.next_request()):
                assert self._crawler.engine, "Scrapy opens its scheduler with the engine running"
                self._crawler.engine.crawl(request)
