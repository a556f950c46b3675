"""One page as a browser shows it, for a caller that has nothing else to do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from playwright.async_api import BrowserContext, Error

from crawler.addresses import check_url
from crawler.browser.chromium import RunningChromium
from crawler.browser.page import GOTO, TOTAL_S, Look, close_popup, close_quietly, context_options
from crawler.browser.passes import ProxyLimits
from crawler.browser.proxy import ERRAND, GuardedProxy, is_errand, place_of
from crawler.browser.screenshots import Screenshots
from crawler.connection import Resolver, resolve
from domain.errors import AddressRefused, FetchRefused
from domain.settings import Settings

_SAID_BY_PROXY = frozenset({403, 502})


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """A page that the browser asked for itself."""

    html: bytes
    """As it stood once its scripts had run, UTF-8."""
    url: str
    """As asked for."""
    final_url: str
    """After redirects."""
    status: int
    """Of the page's own document."""
    headers: Mapping[str, str]
    """Names in lower case."""
    screenshots: Screenshots
    settled: bool
    """Whether the page had become quiet in the time allowed."""


def capture_page(
    url: str, settings: Settings, *, resolver: Resolver = resolve, limits: ProxyLimits | None = None
) -> Rendered:
    """The page at `url` with its screenshots; robots.txt is the caller's to ask. Starts a browser, and ends it.

    Raises AddressRefused, FetchTooLarge, FetchRefused for everything else that keeps the page from being shown, and
    SettingRefused without a Chromium.
    """
    check_url(url, allow_loopback=settings.allow_loopback)
    return asyncio.run(_capture(url, settings, resolver, limits))


async def _capture(url: str, settings: Settings, resolver: Resolver, limits: ProxyLimits | None) -> Rendered:
    proxy = GuardedProxy(allow_loopback=settings.allow_loopback, resolver=resolver, limits=limits)
    async with proxy, RunningChromium(settings, proxy_url=proxy.url) as chromium:
        way_out = proxy.admit()
        look = Look(
            url=url, identity=settings.identity, max_bytes=settings.max_page_bytes, way_out=way_out, screenshots=True
        )
        options = context_options(proxy_url=proxy.url, way_out=way_out, identity=settings.identity)
        try:
            async with asyncio.timeout(TOTAL_S):
                return await _look(look, await chromium.browser.new_context(**options))
        except TimeoutError as error:
            raise FetchRefused(f"not shown within {TOTAL_S:g} s", url=url) from error
        except Error as error:
            raise refusal(look, error) from error


async def _look(look: Look, context: BrowserContext) -> Rendered:
    try:
        page = await context.new_page()
        page.on("popup", close_popup)
        await look.prepare(page)
        answer = await page.goto(look.url, **GOTO)
        if answer is None:
            raise FetchRefused("no answer", url=look.url)
        # what the proxy said in the site's place is no answer of the site
        place = place_of(answer.url)
        reason = ERRAND if is_errand(place) else look.way_out.why_not(place)
        if answer.status in _SAID_BY_PROXY and reason:
            raise _refused(reason, look, place)
        asked, look.url = look.url, answer.url
        shown = await look.see(page)
        assert shown.screenshots
        return Rendered(
            html=shown.html,
            url=asked,
            final_url=answer.url,
            status=answer.status,
            headers=await answer.all_headers(),
            screenshots=shown.screenshots,
            settled=shown.settled,
        )
    finally:
        async with close_quietly():
            await context.close()


def refusal(look: Look, error: Exception) -> FetchRefused:
    """What kept the browser from showing a page, in our words."""
    if look.document is None and not look.seen:
        # nothing but the page's own document was asked for yet, so what the proxy did not let out was that
        for place, reason in (*look.way_out.refused.items(), *look.way_out.failed.items()):
            return _refused(reason, look, place)
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return FetchRefused(f"the browser could not show it ({first[:200]})", url=look.url)


def _refused(reason: str, look: Look, place: str) -> FetchRefused:
    kind = AddressRefused if place in look.way_out.refused else FetchRefused
    return kind(reason if place == place_of(look.url) else f"redirects to {place}: {reason}", url=look.url)
