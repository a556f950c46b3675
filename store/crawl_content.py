"""What is stored of captures, visits and stops: keys of fixed length, as an address may be too long for an index."""

from __future__ import annotations

from domain.capture import Capture
from domain.codec import digest
from domain.errors import BadInput
from domain.visit import SiteStop, Visit
from store.content import Entry, checked_key, instant, is_storable, readable, text_digest


def capture_entry(capture: Capture) -> Entry:
    """A capture by its url, time and kind. Raises BadInput for a url that cannot be stored.

    Its digest is that of its key: what was captured stands, so another value under the same key is no change.
    """
    parts = [_storable(capture.url, "url"), instant(capture.captured_at), capture.kind.value]
    columns = {
        "url_sha256": text_digest(capture.url),
        "body_sha256": _storable(capture.body_sha256, "body_sha256"),
        "holds_body": "" if capture.warc_revisit else _storable(capture.warc, "warc", empty=True),
    }
    capture_id = digest(parts)
    return Entry(key=(capture_id,), digest=capture_id, detail=readable(capture), columns=columns)


def visit_entry(visit: Visit) -> Entry:
    """A visit by its url. Raises BadInput for a url or listing that cannot be stored."""
    detail = readable(visit)
    marketplace, listing_id = ("", "")
    if visit.listing is not None:
        marketplace, listing_id = checked_key(marketplace=visit.listing[0], listing_id=visit.listing[1])
    return Entry(
        key=(text_digest(_storable(visit.url, "url")),),
        digest=digest(detail),
        detail=detail,
        columns={"marketplace": marketplace, "listing_id": listing_id},
    )


def site_stop_entry(stop: SiteStop) -> Entry:
    """A stop by its host."""
    detail = readable(stop)
    return Entry(key=checked_key(host=stop.host), digest=digest(detail), detail=detail)


def _storable(text: str, field: str, *, empty: bool = False) -> str:
    if not (text or empty):
        raise BadInput("is empty, so records could not be told apart", field=field)
    if not is_storable(text):
        raise BadInput("holds a NUL character or half of a surrogate pair", field=field)
    return text
