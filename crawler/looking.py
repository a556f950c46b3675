"""Pages in a browser: those that say nothing without their scripts, and how an offer's page looked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.http import Response

from crawler.browser.chromium import why_no_browser
from crawler.browser.scripted import looks_scripted
from crawler.capture.captured import Captured
from crawler.capturing import Capturing
from crawler.manners.canonical import host_of
from crawler.session import Session
from crawler.sources.interface import Answer
from domain.capture import Capture, CaptureKind
from domain.errors import FetchRefused

if TYPE_CHECKING:
    from crawler.browser.page import Shown

Download = Callable[[Request], Awaitable[Response]]


class Looking:
    """Has pages shown in Chromium, where there is one. Lives on the event loop."""

    def __init__(self, session: Session, download: Download, capturing: Capturing) -> None:
        self._session, self._download, self._capturing = session, download, capturing
        self._possible = why_no_browser(session.order.settings) is None

    async def scripted(self, response: Response, answer: Answer) -> Shown | None:
        """What a page is once its scripts have run, where its site is named for that or it says nothing without.

        None for other pages, and for one that cannot be shown, which is a failure of its own.
        """
        named = self._session.sites.rule(host_of(response.url)).browser
        if not named and not looks_scripted(answer):
            return None
        return await self._look(response, screenshots=named or self._session.order.screenshots)

    async def pictures(self, response: Response) -> Shown | None:
        """How an offer's page looks, where that was ordered."""
        return await self._look(response, screenshots=True) if self._session.order.screenshots else None

    async def keep(self, shown: Shown, page: Capture, *, rendered: bool) -> list[Capture]:
        """Screenshots into evidence, and the document as it stood where an offer was read from it."""
        kept = [(CaptureKind.RENDERED, shown.html, shown.shown_at)] if rendered else []
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

    async def _look(self, response: Response, *, screenshots: bool) -> Shown | None:
        if not self._possible:
            reason = why_no_browser(self._session.order.settings)
            self._session.failed(response.url, "page", f"needs a browser: {reason}", response.status)
            return None
        from crawler.browser.handler import look_at, shown_in  # needs the extra `browser`

        try:
            return shown_in(await self._download(look_at(response, screenshots=screenshots)))
        except FetchRefused as error:
            self._session.failed(response.url, "page", f"cannot be shown in a browser: {error.reason}", response.status)
            return None
