"""One page in the browser: what is set before it, when it counts as shown, and what is kept of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from playwright.async_api import CDPSession, Error, Page, Request, Route
from playwright.async_api import TimeoutError as PlaywrightTimeout

from crawler.browser.passes import Pass
from crawler.browser.proxy import GREETING
from crawler.browser.requests import is_wanted
from crawler.browser.screenshots import VIEWPORT, Screenshots, take_screenshots
from domain.errors import FetchRefused, FetchTooLarge

START_MS = 10_000
"""Longest time until a page's document begins to come."""
QUIET_MS = 8_000
"""Longest time that a page is waited for after that; ready before, once it has asked for nothing for half a second."""
STOP_S = 5.0
"""Longest time that a page's scripts may take to notice that they are over."""
TOTAL_S = 45.0
"""Longest time for one page, screenshots included."""
CLOSE_S = 10.0
"""Longest time that the closing of anything is waited for."""

GOTO: Mapping[str, Any] = MappingProxyType({"wait_until": "commit", "timeout": START_MS})
"""How a page is gone to. Its end is not waited for: one that leads elsewhere while it is read is never read to it."""

_MOST_LED_TO = 5
# fields that belong to how the bytes were sent; the browser gets them as they are
_OF_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "alt-svc"})
_SERIALIZED = """(() => {
    const size = document.documentElement ? document.documentElement.outerHTML.length : 0;
    if (size > %d) return [size, ''];
    const type = document.doctype ? new XMLSerializer().serializeToString(document.doctype) : '';
    return [size, type + (document.documentElement ? document.documentElement.outerHTML : '')];
})()"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A page's HTML that has been asked for already, so that the browser need not ask again."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    """Decompressed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What a page was once its scripts had run."""

    url: str
    """What the address bar said then, which scripts may change within their site; the page came from its own URL."""
    html: bytes
    """The document as it stood, UTF-8."""
    shown_at: datetime
    """UTC."""
    settled: bool
    """Whether the page had become quiet; else it was shown as far as it had come in the time allowed."""
    screenshots: Screenshots | None
    refused: Mapping[str, str]
    """``host:port`` that the page asked for and the address policy refused, to why."""
    not_asked: Mapping[str, int]
    """Requests that were not made, counted by their kind."""
    led_to: tuple[str, ...]
    """Where the page tried to take its visitor, in this window or another, the first few; it was kept where it was."""

    @property
    def html_sha256(self) -> str:
        """Digest of `html`, as the screenshots show it."""
        return hashlib.sha256(self.html).hexdigest()


@dataclass(kw_only=True, eq=False)
class Look:
    """One look at one page."""

    url: str
    """Of the page; after redirects, once those are known."""
    identity: str
    max_bytes: int
    way_out: Pass
    document: Document | None = None
    """None: the browser asks for it."""
    screenshots: bool = False
    prepared: bool = False
    seen: bool = False
    """Whether the page's document was there, so that it could be waited for."""
    not_asked: Counter[str] = field(default_factory=Counter)
    led_to: dict[str, None] = field(default_factory=dict)
    _opened: bool = False

    async def prepare(self, page: Page) -> None:
        """Before the page is asked for: present the pass, and put the gate before its requests."""
        answer = await page.goto(GREETING, timeout=START_MS)
        if answer is None or answer.status != HTTPStatus.OK:
            raise Error("the proxy does not know its pass")
        # of the page, where another gate may stand already; and of its context, for the windows that it opens
        await page.route("**/*", self._gate)
        await page.context.route("**/*", self._gate)
        self.prepared = True

    async def _gate(self, route: Route, request: Request) -> None:
        with suppress(Error):  # the page was closed meanwhile
            await self._decide(route, request)

    async def _decide(self, route: Route, request: Request) -> None:
        main_frame = _is_main_frame(request)
        if main_frame and request.resource_type == "document" and not self._opened:
            self._opened = True
            await self._open(route)
        elif is_wanted(
            request.resource_type, request.url, page_url=self.url, main_frame=main_frame, pictures=self.screenshots
        ):
            await route.continue_()
        else:
            self.not_asked[request.resource_type] += 1
            if main_frame and request.resource_type == "document" and len(self.led_to) < _MOST_LED_TO:
                self.led_to[request.url[:4096]] = None
            # "aborted" leaves the page as it is; after any other reason Chromium would show an error page in its place
            await route.abort("aborted")

    async def _open(self, route: Route) -> None:
        if self.document is None:
            await route.continue_()
            return
        headers = {name: value for name, value in self.document.headers.items() if name.lower() not in _OF_TRANSFER}
        await route.fulfill(status=self.document.status, headers=headers, body=self.document.body)

    async def see(self, page: Page) -> Shown:
        """What the page has become: waited for, brought to a stop, and kept.

        Raises FetchTooLarge for more HTML than allowed, FetchRefused when the browser shows no page, and playwright's
        Error for a page that does not answer.
        """
        self.seen = True
        settled = await _becomes_quiet(page)
        # from here on no script runs: HTML and screenshots are of one state
        session = await self._stop(page)
        shown_at = datetime.now(UTC)
        if not page.url.startswith(("http://", "https://")):
            raise FetchRefused(f"the browser shows {page.url[:100]} in its place", url=self.url)
        html = await self._html(session)
        taken = None
        if self.screenshots:
            taken = await take_screenshots(
                page,
                url=self.url,
                taken_at=shown_at,
                html_sha256=hashlib.sha256(html).hexdigest(),
                identity=self.identity,
            )
        return Shown(
            url=page.url,
            html=html,
            shown_at=shown_at,
            settled=settled,
            screenshots=taken,
            refused=dict(self.way_out.refused),
            not_asked=dict(self.not_asked),
            led_to=tuple(self.led_to),
        )

    async def _stop(self, page: Page) -> CDPSession:
        try:
            async with asyncio.timeout(STOP_S):
                session = await page.context.new_cdp_session(page)
                await session.send("Emulation.setScriptExecutionDisabled", {"value": True})
                await session.send("Page.stopLoading")
                return session
        except TimeoutError as error:
            raise FetchRefused("its scripts never end", url=self.url) from error

    async def _html(self, session: CDPSession) -> bytes:
        """Read in a world of its own, where the page's scripts have replaced nothing."""
        tree = await session.send("Page.getFrameTree")
        world = await session.send("Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"]})
        evaluation = {
            "expression": _SERIALIZED % self.max_bytes,
            "contextId": world["executionContextId"],
            "returnByValue": True,
        }
        size, html = (await session.send("Runtime.evaluate", evaluation))["result"]["value"]
        encoded = str(html).encode("utf-8", "replace")
        if size > self.max_bytes or len(encoded) > self.max_bytes:
            raise FetchTooLarge(f"its scripts made more than {self.max_bytes} bytes of it", url=self.url)
        return encoded


def context_options(*, proxy_url: str, way_out: Pass, identity: str) -> dict[str, Any]:
    """How a page's own browser context is made: it knows nothing, keeps nothing, and may do nothing."""
    width, height = VIEWPORT
    return {
        "proxy": {
            "server": proxy_url,
            "bypass": "<-loopback>",
            "username": way_out.name,
            "password": way_out.secret,
        },
        "user_agent": identity,
        "viewport": {"width": width, "height": height},
        "device_scale_factor": 1,
        "locale": "en-US",
        "timezone_id": "UTC",
        "accept_downloads": False,
        "service_workers": "block",
        "permissions": [],
        "reduced_motion": "reduce",
    }


async def close_popup(popup: Page) -> None:
    """What a page opens in another window is not looked at."""
    async with close_quietly():
        await popup.close()


async def _becomes_quiet(page: Page) -> bool:
    try:
        await page.wait_for_load_state("networkidle", timeout=QUIET_MS)
    except PlaywrightTimeout:
        return False
    return True


def _is_main_frame(request: Request) -> bool:
    try:
        return request.frame.parent_frame is None
    except Error:  # a navigation whose frame is not there yet: that of the page itself
        return request.is_navigation_request()


@asynccontextmanager
async def close_quietly() -> AsyncIterator[None]:
    """Around the closing of what may be closed already, or never be: a browser that hangs says nothing anymore."""
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            yield
