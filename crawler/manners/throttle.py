"""How fast each site is asked, in Scrapy's downloader slots: AutoThrottle, never under what a rule or a site asks for.

Each site has a slot of its own (see `crawler.manners.middlewares.SiteGate`), by the name of its host.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

from scrapy import Request, signals
from scrapy.core.downloader import Downloader, Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from crawler.manners.site_rules import SiteRule
from crawler.manners.stops import SiteWatch
from domain.visit import SiteStop

SITE_STOPPED = object()
"""Signal, with ``stop``: a site said stop. Sent once for each stop, before the answer that made it goes on."""

SITE_PAUSED = object()
"""Signal, with ``host`` and ``until`` (UTC): a site wants to be left alone for a short while."""

_JITTER = 0.5
_REFUSALS = frozenset({401, 403, 405, 429, 451, 503})
_VERDICT_S = 0.5
"""Plenty for a look at an answer, on a machine that is busy with other things too."""


class SiteStopped(IgnoreRequest):
    """A request that was not made, because its site said stop."""


class Sites(Protocol):
    """What the manners of a crawl are made of; the spider has it as ``session.sites``."""

    @property
    def watch(self) -> SiteWatch:
        """What the sites said so far."""

    def rule(self, host: str) -> SiteRule:
        """What holds for a host."""


def sites_of(crawler: Crawler) -> Sites:
    """The sites of the crawl that a part of Scrapy is made for."""
    sites: Sites = crawler.spider.session.sites  # type: ignore[union-attr]
    return sites


class CountingDownloader(Downloader):
    """Scrapy's, which counts a request as under way from the moment when its turn has come.

    Scrapy 2.19 counts it on the next turn of the event loop, when it begins: of requests whose turn comes before that,
    any number goes out at once. That is so without a delay, and where a busy machine takes longer than the delay.
    """

    def _wait_for_download(
        self, slot: Slot, request: Request, queue_dfd: Deferred[Response]
    ) -> Coroutine[Any, Any, None]:
        slot.transferring.add(request)
        return super()._wait_for_download(slot, request, queue_dfd)


class SiteThrottle(AutoThrottle):
    """AutoThrottle for slots that have rules. It replaces Scrapy's own; ``AUTOTHROTTLE_ENABLED`` must be set."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._hosts: dict[Slot, str] = {}
        crawler.signals.connect(self._reached_downloader, signal=signals.request_reached_downloader)
        crawler.signals.connect(self._site_stopped, signal=SITE_STOPPED)
        crawler.signals.connect(self._site_paused, signal=SITE_PAUSED)

    def _reached_downloader(self, request: Request) -> None:
        """Before a request is queued in its slot: give a new slot its rule, and each slot its least delay."""
        host = request.meta[Downloader.DOWNLOAD_SLOT]
        slot = self._slot(host)
        if slot is None:
            return
        if slot not in self._hosts:
            # Scrapy drops slots that are idle, so what is not there anymore is forgotten here too
            self._hosts = {other: name for name, other in self._downloader.slots.items()}
            rule = sites_of(self.crawler).rule(host)
            slot.delay, slot.concurrency = rule.delay_s, rule.concurrency
        self._keep_least(host, slot)

    def _adjust_delay(self, slot: Slot, latency: float, response: Response) -> None:
        host = self._hosts[slot]
        rule = sites_of(self.crawler).rule(host)
        if rule.adaptive:
            super()._adjust_delay(slot, latency, response)
        else:
            slot.delay = rule.delay_s
        self._keep_least(host, slot)
        if response.status in _REFUSALS:
            # Scrapy sends the next request before this answer is looked at: hold it until it is known what follows
            slot.delay, slot.lastseen = max(slot.delay, _VERDICT_S), max(slot.lastseen, time.monotonic())

    def _keep_least(self, host: str, slot: Slot) -> None:
        """The delay is at least the least, and so is the shortest that its random variation makes of it."""
        rule, watch = sites_of(self.crawler).rule(host), sites_of(self.crawler).watch
        slowed = watch.slowed_s(host) if rule.adaptive else 0.0
        least = max(rule.least_delay_s, watch.wished_delay_s(host), slowed)
        slot.delay = max(slot.delay, least)
        slot.jitter = min(_JITTER, 1 - least / slot.delay) if slot.delay else 0.0

    def _site_stopped(self, stop: SiteStop) -> None:
        """What waits in the slot is not sent anymore."""
        slot = self._slot(stop.host)
        while slot and slot.queue:
            _, waiting = slot.queue.popleft()
            waiting.errback(Failure(SiteStopped(stop.reason)))  # type: ignore[no-untyped-call]

    def _site_paused(self, host: str, until: datetime) -> None:
        """The slot counts the time to the next request from the end of the pause."""
        slot = self._slot(host)
        if slot and sites_of(self.crawler).rule(host).adaptive:
            slot.lastseen = time.monotonic() + max(0.0, (until - datetime.now(UTC)).total_seconds())

    def _slot(self, host: str) -> Slot | None:
        return self._downloader.slots.get(host)

    @property
    def _downloader(self) -> Downloader:
        assert self.crawler.engine, "Scrapy downloads with its engine running"
        return self.crawler.engine.downloader
