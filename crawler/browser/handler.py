"""Scrapy's way to a browser: scrapy-playwright, behind the guarded proxy, for pages that are asked to be looked at.

The page's own document is asked for plainly, as every page is: judged by robots.txt, redirected within sight, its bytes
and certificate kept. The browser is then given that answer and asks only for what the page needs to be shown, so that
no page is asked for twice, and what is kept as evidence is what the site sent. A look is a request of its own, which
goes through the crawl's middlewares and its site's slot like any other: ``await engine.download_async(look_at(...))``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from playwright.async_api import Browser, BrowserContext, Error, Page
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotSupported
from scrapy.http import HtmlResponse, Response
from scrapy_playwright.handler import Config, ScrapyPlaywrightDownloadHandler  # type: ignore[import-untyped]
from scrapy_playwright.page import PageMethod  # type: ignore[import-untyped]

from crawler.browser.capture import refusal
from crawler.browser.chromium import RunningChromium
from crawler.browser.page import (
    GOTO,
    TOTAL_S,
    Document,
    Look,
    Shown,
    close_popup,
    close_quietly,
    context_options,
)
from crawler.browser.proxy import GuardedProxy
from domain.errors import FetchRefused
from domain.settings import Settings

PAGES_AT_ONCE = 2
"""Most pages that are looked at at once; each takes a core and some 200 MB."""

_ORDER = "assayer_look"
_SHOWN = "assayer_shown"
_AFTER_MS = 1_000
_HANDLER = "crawler.browser.handler.BrowserDownloadHandler"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    document: Document
    screenshots: bool


def browser_settings(settings: Settings) -> dict[str, Any]:
    """Scrapy's settings for a crawl that may look at pages; `DOWNLOAD_HANDLERS` is to be merged."""
    return {
        "DOWNLOAD_HANDLERS": {"http": _HANDLER, "https": _HANDLER},
        "PLAYWRIGHT_BROWSER_TYPE": "chromium",
        "PLAYWRIGHT_BROWSER_PROVIDER": "crawler.browser.handler.GuardedBrowserProvider",
        "PLAYWRIGHT_LAUNCH_OPTIONS": {"settings": settings},  # for our provider, which makes the true ones
        # after a look, scrapy-playwright waits this long for pictures that may never come
        "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": _AFTER_MS,
    }


def look_at(response: Response, *, screenshots: bool = False) -> Request:
    """The request that shows an answer (decompressed HTML) in the browser.

    Its answer has the same URL and status, and as its body the document as it stood once its scripts had run, UTF-8;
    `shown_in` tells the rest. It fails with FetchRefused (AddressRefused, FetchTooLarge) for a page that cannot be
    shown, and with SettingRefused without a Chromium.
    """
    headers = {str(name): str(value) for name, value in response.headers.to_unicode_dict().items()}
    document = Document(url=response.url, status=response.status, headers=headers, body=response.body)
    order = _Order(document=document, screenshots=screenshots)
    return Request(response.url, meta={_ORDER: order, "dont_cache": True}, dont_filter=True)


def shown_in(response: Response) -> Shown:
    """What the browser showed, of the answer to `look_at`."""
    shown = response.meta[_SHOWN]
    assert isinstance(shown, Shown)
    return shown


class GuardedBrowserProvider:
    """Starts Chromium when the first page is looked at, and its proxy before."""

    def __init__(self, config: Config) -> None:
        self.settings: Settings = config.launch_options["settings"]
        self.proxy = GuardedProxy(allow_loopback=self.settings.allow_loopback)
        self._chromium: RunningChromium | None = None

    async def start(self) -> None:
        """As the engine starts: a socket is opened, nothing else."""
        await self.proxy.__aenter__()

    async def launch_browser(self) -> Browser:
        """Also when an earlier one has died."""
        await self._end()
        chromium = RunningChromium(self.settings, proxy_url=self.proxy.url)
        self._chromium = await chromium.__aenter__()
        return chromium.browser

    async def launch_persistent_context(self, context_kwargs: dict[str, Any]) -> BrowserContext:
        """Never: nothing is kept from one page to the next."""
        raise NotSupported("browser contexts that last")

    async def close(self) -> None:
        """End both."""
        await self._end()
        await self.proxy.__aexit__(None, None, None)

    async def _end(self) -> None:
        if self._chromium:
            ending, self._chromium = self._chromium, None
            with suppress(Error):
                await ending.__aexit__(None, None, None)


class BrowserDownloadHandler(ScrapyPlaywrightDownloadHandler):  # type: ignore[misc]
    """Looks at pages where that is asked for; everything else goes Scrapy's own way."""

    _of_crawler: ClassVar[dict[Crawler, BrowserDownloadHandler]] = {}

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pages = asyncio.Semaphore(PAGES_AT_ONCE)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> BrowserDownloadHandler:
        """As Scrapy makes it, for http and again for https: the same one, so that one Chromium runs and not two."""
        if crawler not in cls._of_crawler:
            cls._of_crawler[crawler] = cls(crawler)
        return cls._of_crawler[crawler]

    async def close(self) -> None:
        """End the browser, once."""
        if self._of_crawler.pop(self._crawler, None):
            async with close_quietly():
                await super().close()

    async def download_request(self, request: Request) -> Response:
        """Raises FetchRefused or SettingRefused for a look that comes to nothing."""
        order = request.meta.get(_ORDER)
        if not isinstance(order, _Order):
            plain: Response = await super().download_request(request)
            return plain
        async with self._pages:
            shown = await self._show(order)
        request.meta[_SHOWN] = shown
        return HtmlResponse(
            request.url,
            status=order.document.status,
            headers={"Content-Type": "text/html; charset=utf-8"},
            body=shown.html,
            encoding="utf-8",
            request=request,
            flags=["browser"],
        )

    async def _show(self, order: _Order) -> Shown:
        provider: GuardedBrowserProvider = self.browser_provider
        way_out = provider.proxy.admit()
        url = order.document.url
        look = Look(
            url=url,
            identity=provider.settings.identity,
            max_bytes=provider.settings.max_page_bytes,
            way_out=way_out,
            document=order.document,
            screenshots=order.screenshots,
        )
        seeing = PageMethod(_see, look)
        try:
            async with asyncio.timeout(TOTAL_S):
                await super().download_request(self._request(look, seeing))
        except TimeoutError as error:
            raise FetchRefused(f"not shown within {TOTAL_S:g} s", url=url) from error
        except Error as error:
            if seeing.result is None:  # else it was seen, and only its pictures kept it from being loaded
                raise refusal(look, error) from error
        finally:
            await self._forget(look)
        assert isinstance(seeing.result, Shown)
        return seeing.result

    def _request(self, look: Look, seeing: PageMethod) -> Request:
        provider: GuardedBrowserProvider = self.browser_provider

        async def prepare(page: Page, request: Request) -> None:
            await look.prepare(page)

        meta = {
            "playwright": True,
            # a context of its own, named by its pass: no cookie, no cache, no storage of any other page
            "playwright_context": look.way_out.name,
            "playwright_context_kwargs": context_options(
                proxy_url=provider.proxy.url, way_out=look.way_out, identity=look.identity
            ),
            "playwright_page_init_callback": prepare,
            "playwright_page_event_handlers": {"popup": close_popup},
            "playwright_page_goto_kwargs": dict(GOTO),
            "playwright_page_methods": [seeing],
        }
        return Request(look.url, meta=meta, headers={"User-Agent": look.identity}, dont_filter=True)

    async def _forget(self, look: Look) -> None:
        wrapper = self.context_wrappers.get(look.way_out.name)
        if wrapper:
            async with close_quietly():
                await wrapper.context.close()
        await self.browser_provider.proxy.take_back(look.way_out)


async def _see(page: Page, look: Look) -> Shown:
    # scrapy-playwright only logs it when a page could not be prepared
    if not look.prepared:
        raise FetchRefused("the browser's page could not be prepared", url=look.url)
    return await look.see(page)
