"""What proves to a search API who asks, added to a request on its way out and kept nowhere."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler.frontier.interface import Entry
from crawler.headers import plain_headers
from crawler.session import Session
from crawler.sources.interface import Answer, Ask

_REFUSED = 401


class ApiAccess:
    """A downloader middleware. Tokens are got when they are first needed, and anew when one is refused."""

    def __init__(self, crawler: Crawler, session: Session) -> None:
        self._crawler, self._session = crawler, session
        self._login = asyncio.Lock()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ApiAccess:
        """As Scrapy makes it."""
        return cls(crawler, crawler.spider.session)  # type: ignore[union-attr]

    async def process_request(self, request: Request) -> None:
        """Raises SettingRefused without keys, CrawlFailed when a token is refused."""
        entry = request.meta.get("entry")
        if not isinstance(entry, Entry) or entry.ask.source not in self._session.searches:
            return
        source = entry.ask.source
        async with self._login:
            if ask := self._session.credentials.login(source):
                await self._get_token(source, ask)
        # a redirect would carry what proves who asks to another place, a cache would write it down
        request.meta["dont_redirect"] = request.meta["dont_cache"] = True
        for name, value in self._session.credentials.headers(source).items():
            request.headers[name] = value

    def process_response(self, request: Request, response: Response) -> Response:
        """The same answer."""
        entry = request.meta.get("entry")
        if isinstance(entry, Entry) and entry.ask.source in self._session.searches and response.status == _REFUSED:
            shown = request.headers.get("Authorization")
            self._session.credentials.forget(entry.ask.source, refused=shown.decode("latin-1") if shown else "")
        return response

    async def _get_token(self, source: str, ask: Ask) -> None:
        assert self._crawler.engine, "a request is on its way"
        request = Request(
            ask.url,
            NO_CALLBACK,
            method=ask.method,
            headers=dict(ask.headers),
            body=ask.body,
            meta={"dont_redirect": True, "dont_cache": True, "handle_httpstatus_all": True},
            dont_filter=True,
        )
        response = await self._crawler.engine.download_async(request)
        answer = Answer(
            url=response.url,
            asked=(ask.url,),
            status=response.status,
            headers=plain_headers(response),
            body=response.body,
            received_at=datetime.now(UTC),
            marketplace=source,
        )
        self._session.credentials.accept(source, answer)
