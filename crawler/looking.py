"""Pages in a browser: those that say nothing without their scripts, and how an offer's page looked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.http import Response

from crawler.browser.chromium import is_sandboxed, why_no_browser
from crawler.browser.scripted import looks_scripted
from crawler.capture.captured import Captured
from crawler.capturing import Capturing
from crawler.manners.canonical import host_of
from crawler.middlewares import describe
from crawler.session import Session
from crawler.sources.interface import Answer, Ask
from domain.capture import Capture, CaptureKind
from domain.errors import AssayerError, FetchRefused

if TYPE_CHECKING:
    from crawler.browser.page import Shown

Download = Callable[[Request], Awaitable[Response]]

_NO_SANDBOX = "Chromium runs as root and therefore without its sandbox: crawl as another user"
_PAGES = ("text/html", "application/xhtml+xml", "")


class CannotShow(Exception):
    """A page that a browser should show and cannot; the message says why."""


class Looking:
    """Has pages shown in Chromium, where there is one. Lives on the event loop."""

    def __init__(self, session: Session, download: Download, capturing: Capturing) -> None:
        self._session, self._download, self._capturing = session, download, capturing
        self._possible = why_no_browser(session.order.settings) is None

    async def scripted(self, response: Response, answer: Answer) -> Shown | None:
        """What a page is once its scripts have run, where its site is named for that or it says nothing without.

        None for other pages. Raises CannotShow.
        """
        if answer.content_type not in _PAGES:
            return None
        named = self._session.sites.rule(host_of(response.url)).browser
        if not named and not looks_scripted(answer):
            return None
        return await self._look(response, screenshots=named or self._session.order.screenshots)

    async def pictures(self, response: Response) -> Shown | None:
        """How an offer's page looks, where that was ordered; that it cannot be shown is a failure of its own."""
        if not self._session.order.screenshots:
            return None
        try:
            return await self._look(response, screenshots=True)
        except CannotShow as error:
            self._session.failed(response.url, "page", str(error), response.status)
            return None

    async def keep(self, shown: Shown, page: Capture) -> list[Capture]:
        """The document as it stood, and the screenshots, which name its digest, into evidence."""
        kept = [(CaptureKind.RENDERED, shown.html, shown.shown_at)]
        if shown.screenshots:
            at = shown.screenshots.taken_at
            kept += [(CaptureKind.SCREENSHOT, shown.screenshots.full, at)]
            # a time of its own: captures are told apart by it
            kept += [(CaptureKind.SCREENSHOT, shown.screenshots.viewport, at + timedelta(microseconds=1))]
        return [
            await self._capturing.record(
                Captured(
                    kind=kind,
                    url=page.url,
                    final_url=page.final_url,
                    body=body,
                    received_at=at,
                    concurrent_to=page.warc_record_id,
                )
            )
            for kind, body, at in kept
        ]

    async def _look(self, response: Response, *, screenshots: bool) -> Shown:
        if not self._possible:
            raise CannotShow(f"needs a browser: {why_no_browser(self._session.order.settings)}")
        from crawler.browser.handler import look_at, shown_in  # needs the extra `browser`

        if not is_sandboxed():
            self._session.tally.warn(_NO_SANDBOX)
        try:
            return shown_in(await self._download(look_at(response, screenshots=screenshots)))
        except FetchRefused as error:
            raise CannotShow(f"cannot be shown in a browser: {error.reason}") from error
        except AssayerError:
            raise
        except Exception as error:  # a browser that does not start, or dies: the plain answer is there still
            raise CannotShow(f"cannot be shown in a browser: {describe(error)}") from error


def led_to(shown: Shown, ask: Ask, page: str) -> tuple[Ask, ...]:
    """Where a page's scripts wanted to take its visitor, on the page's own host."""
    urls = [url for url in shown.led_to if url.startswith(("http://", "https://")) and host_of(url) == host_of(page)]
    return tuple(Ask(url=url, depth=ask.depth + 1, referer=page) for url in urls)
