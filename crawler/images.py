"""Pictures of listings into evidence: as sent, each URL once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from scrapy import Request
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler.middlewares import describe
from crawler.session import Session
from domain.listing import ListingImage, Unreadable

Download = Callable[[Request], Awaitable[Response]]
Store = Callable[[bytes], Awaitable[str]]

# what servers answer in place of a picture, with status 200; everything else is left for decoding to judge
_NO_PICTURES = ("text/", "application/json", "application/xhtml+xml", "application/xml", "application/pdf")


class ImageCapture:
    """Downloads pictures and stores their bytes, broken ones too: what was shown is evidence."""

    def __init__(self, session: Session, download: Download, store: Store) -> None:
        self._session, self._download, self._store = session, download, store
        self._captures: dict[str, asyncio.Task[ListingImage]] = {}

    async def capture(self, urls: Sequence[str]) -> tuple[ListingImage, ...]:
        """One per URL, in their order; beyond the most that are read, one that says so."""
        most = self._session.order.settings.max_listing_images
        images = await asyncio.gather(*(self._once(url) for url in urls[:most]))
        if len(urls) > most:
            images.append(_unreadable(urls[most], f"{len(urls) - most} more pictures; at most {most} are read"))
        return tuple(images)

    async def _once(self, url: str) -> ListingImage:
        if url not in self._captures:
            self._captures[url] = asyncio.create_task(self._capture(url))
        return await self._captures[url]

    async def _capture(self, url: str) -> ListingImage:
        tally = self._session.tally
        try:
            response = await self._download(self._request(url))
        except Exception as error:  # noqa: BLE001 - Scrapy's and Twisted's downloaders raise what they like; each is one picture lost
            reason, status = describe(error), None
        else:
            reason, status = _refusal(response), response.status
            if not reason:
                tally.images += 1
                return ListingImage(source=url, sha256=await self._store(response.body))
        tally.unreadable_images += 1
        self._session.failed(url, "image", reason, status)
        return _unreadable(url, reason)

    def _request(self, url: str) -> Request:
        meta = {
            "download_maxsize": self._session.order.settings.max_image_bytes,
            # a picture that was cut short is evidence still
            "download_fail_on_dataloss": False,
        }
        return Request(url, callback=NO_CALLBACK, meta=meta, headers={"Accept": "image/*,*/*;q=0.5"})


def _refusal(response: Response) -> str:
    if response.status != 200:
        return f"answered {response.status}"
    if not response.body:
        return "answered nothing"
    kind = (response.headers.get("Content-Type") or b"").decode("latin-1").partition(";")[0].strip().lower()
    return f"answered {kind}, not a picture" if kind.startswith(_NO_PICTURES) else ""


def _unreadable(url: str, reason: str) -> ListingImage:
    return ListingImage(source=url, unreadable=Unreadable(what="image", source=url, reason=reason))
