"""From an offer to a stored listing: its identity, its evidence, its record, in that order.

A listing is saved as soon as its evidence is, so that a killed crawl keeps what it had, and points to nothing that is
not there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crawler.identity import Identities
from crawler.images import ImageCapture
from crawler.recording import Kept, Recorder
from crawler.session import Session
from crawler.sources.interface import Offer
from domain.capture import Capture
from domain.errors import BadInput
from domain.listing import Listing
from domain.visit import Visit

Visited = Callable[[Listing], Visit]


class ListingStore:
    """Stores offers. Lives on the event loop; disk and database wait in threads, so that downloads do not."""

    def __init__(self, session: Session, recorder: Recorder, images: ImageCapture) -> None:
        self._session, self._recorder, self._images = session, recorder, images
        self._identities = Identities(session.records, began=session.began)

    async def store(self, offer: Offer, page: Capture, visited: Visited | None = None) -> Listing | None:
        """Store one that was captured with `page`; None when this crawl has met it, or it cannot be stored.

        `visited` makes what is remembered of a page that makes one offer, so that it is asked for again only when it
        has changed.
        A listing that cannot be stored is a failure of its own. Raises the store's errors when the store is gone.
        """
        listing = await self._recorder.ask(lambda: self._identities.settle(offer.listing))
        if listing is None:
            await self._met(offer, visited)
            return None
        try:
            whole = await self._whole(listing, offer, page, visited)
        except BaseException as error:
            self._identities.lost(listing)
            if isinstance(error, BadInput):
                self._session.failed(listing.url, "listing", error.message)
                return None
            raise
        self._identities.stored(whole)
        return whole

    async def _met(self, offer: Offer, visited: Visited | None) -> None:
        """Another address of a listing: remembered as that, so that a run for new ones only passes it over."""
        self._session.tally.duplicates += 1
        if visited:
            key = await self._recorder.ask(lambda: self._identities.met_as(offer.listing))
            again = replace(offer.listing, marketplace=key[0], listing_id=key[1])
            await self._recorder.save(Kept(visits=(_whole_next_time(visited(again)),)))

    async def _whole(self, listing: Listing, offer: Offer, page: Capture, visited: Visited | None) -> Listing:
        pictures = await self._images.capture(offer.image_urls)
        whole = replace(
            listing,
            page_sha256=page.body_sha256,
            images=tuple(picture.image for picture in pictures),
            captured_at=page.captured_at,
        )
        captures = (page, *(capture for picture in pictures for capture in picture.captures))
        visits = [visit for picture in pictures for visit in picture.visits]
        if visited:
            visits.append(_whole_next_time(visited(whole)) if _misses_pictures(whole) else visited(whole))
        await self._recorder.save(Kept(captures=captures, visits=tuple(visits), listings=(whole,)))
        return whole


def _misses_pictures(listing: Listing) -> bool:
    return any(image.unreadable for image in listing.images)


def _whole_next_time(visit: Visit) -> Visit:
    """Without what confirms it, so that it is asked for whole: with its pictures, and whatever it offers by then."""
    return replace(visit, etag="", last_modified="")
