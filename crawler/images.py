"""Pictures of listings into evidence: as sent, each URL once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from scrapy import Request
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler.capturing import Capturing, visit_to
from crawler.content import why_no_picture
from crawler.headers import plain_headers
from crawler.manners.conditional import canonical_address, conditional_headers, confirms
from crawler.middlewares import describe
from crawler.recording import Recorder
from crawler.session import Session
from domain.capture import Capture, CaptureKind
from domain.errors import AssayerError
from domain.listing import ListingImage, Unreadable
from domain.visit import Visit

Download = Callable[[Request], Awaitable[Response]]

_REMEMBERED = 2_000
"""Pictures that are not asked for again when another listing shows them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture of a listing, and what is to be recorded of how it came."""

    image: ListingImage
    captures: tuple[Capture, ...] = ()
    visits: tuple[Visit, ...] = ()


class ImageCapture:
    """Downloads pictures and stores their bytes, broken ones too: what was shown is evidence."""

    def __init__(self, session: Session, download: Download, capturing: Capturing, recorder: Recorder) -> None:
        self._session, self._download = session, download
        self._capturing, self._recorder = capturing, recorder
        self._captures: OrderedDict[str, asyncio.Task[Picture]] = OrderedDict()

    async def capture(self, urls: Sequence[str]) -> list[Picture]:
        """One per URL, in their order; beyond the most that are read, one that says so. Raises the store's errors."""
        most = self._session.order.settings.max_listing_images
        pictures = await asyncio.gather(*(self._once(url) for url in urls[:most]))
        if len(urls) > most:
            pictures.append(_unreadable(urls[most], f"{len(urls) - most} more pictures; at most {most} are read"))
        return pictures

    async def _once(self, url: str) -> Picture:
        if url not in self._captures:
            self._captures[url] = asyncio.create_task(self._capture(url))
            if len(self._captures) > _REMEMBERED:
                self._captures.popitem(last=False)
        return await self._captures[url]

    async def _capture(self, url: str) -> Picture:
        known = await self._known(url)
        try:
            response = await self._download(self._request(url, known))
        except AssayerError:
            raise
        except Exception as error:  # noqa: BLE001 - Scrapy's and Twisted's downloaders raise what they like; each is one picture lost
            return self._lost(url, describe(error), None)
        if response.status == 304 and known and conditional_headers(known) and confirms(known, plain_headers(response)):
            self._session.tally.images += 1
            return Picture(image=ListingImage(source=url, sha256=known.body_sha256))
        reason = _refusal(response)
        if reason:
            return self._lost(url, reason, response.status)
        return await self._kept(url, response)

    async def _known(self, url: str) -> Visit | None:
        if not self._session.remembers:
            return None
        before = await self._recorder.ask(lambda: self._session.records.visit(canonical_address(url)))
        return before if before and before.body_sha256 else None

    async def _kept(self, url: str, response: Response) -> Picture:
        capture = await self._capturing.capture(response, CaptureKind.IMAGE, asked=url)
        self._session.tally.images += 1
        return Picture(
            image=ListingImage(source=url, sha256=capture.body_sha256),
            captures=(capture,),
            visits=(visit_to(url, response, capture),),
        )

    def _lost(self, url: str, reason: str, status: int | None) -> Picture:
        self._session.tally.unreadable_images += 1
        self._session.failed(url, "image", reason, status)
        return _unreadable(url, reason)

    def _request(self, url: str, known: Visit | None) -> Request:
        meta = {
            "download_maxsize": self._session.order.settings.max_image_bytes,
            # a picture that was cut short is evidence still
            "download_fail_on_dataloss": False,
        }
        headers = {"Accept": "image/*,*/*;q=0.5", **(conditional_headers(known) if known else {})}
        return Request(url, callback=NO_CALLBACK, meta=meta, headers=headers)


def _refusal(response: Response) -> str:
    if response.status != 200:
        return f"answered {response.status}"
    return why_no_picture(response.body)


def _unreadable(url: str, reason: str) -> Picture:
    return Picture(image=ListingImage(source=url, unreadable=Unreadable(what="image", source=url, reason=reason)))
