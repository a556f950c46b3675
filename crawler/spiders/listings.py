"""One spider for all shops and marketplaces: what differs between them is in sources and page objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import scrapy
from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.frontier.interface import Entry
from crawler.outcomes import Outcomes
from crawler.session import Session
from domain.errors import AssayerError


class ListingSpider(scrapy.Spider):
    """Turns entries of the frontier into requests, and answers into outcomes."""

    name = "listings"

    def __init__(self, session: Session, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.session = session

    def open(self, outcomes: Outcomes) -> None:
        """The engine is there now."""
        self._outcomes = outcomes

    async def start(self) -> AsyncIterator[Request]:
        """Nothing: all requests come from the frontier."""
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def request_for(self, entry: Entry) -> Request:
        """The request for an entry, which comes back with the answer."""
        ask = entry.ask
        referer = {"Referer": ask.referer} if ask.referer else {}
        return Request(
            ask.url,
            self.answered,
            errback=self.failed,
            method=ask.method,
            headers={**referer, **ask.headers},
            body=ask.body,
            meta={"entry": entry, "handle_httpstatus_list": [304]},
            # the frontier keeps count of what was asked for; a filter beside it could lose what that lets through
            dont_filter=True,
        )

    async def answered(self, response: Response) -> None:
        """An answer of status 2xx, or 304 to a conditional request."""
        await self._outcomes.answered(response.meta["entry"], response)

    async def failed(self, failure: Failure) -> None:
        """No such answer."""
        request: Request = failure.request  # type: ignore[attr-defined]
        await self._outcomes.failed(request.meta["entry"], request, failure.value or failure)

    def end(self, error: AssayerError) -> None:
        """The crawl cannot go on."""
        if self.session.fatal is None:
            self.session.fatal = error
            assert self.crawler.engine, "only a running crawl can end"
            # not awaited: closing waits for the very request that ends it
            self._ending = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=error.code))
