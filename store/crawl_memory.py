"""What a crawl keeps for as long as its process lives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import RLock

from domain.capture import Capture
from domain.codec import load
from domain.visit import SiteStop, Visit
from store.content import Entry, Key, changes, text_digest
from store.crawl_content import capture_entry, site_stop_entry, visit_entry
from store.interfaces import SaveCount

Table = dict[Key, Entry]


class MemoryCrawlRecords:
    """`CaptureStore` and `SiteMemory` of `store.interfaces`. Threads may share it."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._captures: Table = {}
        self._by_body: dict[str, list[Entry]] = {}
        self._visits: Table = {}
        self._stops: Table = {}

    def save_captures(self, captures: Iterable[Capture]) -> SaveCount:
        """Add, all or none; one whose key is stored already counts as `unchanged`."""
        entries = [capture_entry(capture) for capture in captures]
        with self._lock:
            new = {entry.key for entry in entries} - self._captures.keys()
            count = save(self._captures, entries)
            for key in new:
                entry = self._captures[key]
                self._by_body.setdefault(entry.columns["body_sha256"], []).append(entry)
        return count

    def all_captures(self) -> Iterator[Capture]:
        """All, in an order that says nothing."""
        with self._lock:
            entries = list(self._captures.values())
        for entry in entries:
            yield load(Capture, entry.detail)

    def captures(self, body_sha256: str) -> Sequence[Capture]:
        """All captures of these bytes, oldest first: a listing's are those of its `page_sha256` and its pictures."""
        with self._lock:
            return _oldest_first(self._by_body.get(body_sha256, ()))

    def captures_of(self, url: str) -> Sequence[Capture]:
        """All captures that were asked for at this address, oldest first."""
        wanted = text_digest(url)
        with self._lock:
            return _oldest_first(each for each in self._captures.values() if each.columns["url_sha256"] == wanted)

    def recorded_capture(self, body_sha256: str) -> Capture | None:
        """A capture of these bytes whose WARC record holds them; None when there is none."""
        with self._lock:
            holding = (each for each in self._by_body.get(body_sha256, ()) if each.columns["holds_body"])
            return next((load(Capture, each.detail) for each in holding), None)

    def save_visits(self, visits: Iterable[Visit]) -> SaveCount:
        """Insert or replace by url, all or none."""
        entries = [visit_entry(visit) for visit in visits]
        with self._lock:
            return save(self._visits, entries)

    def visit(self, url: str) -> Visit | None:
        """How a page answered the last time; None when it was never asked for."""
        return self.visits([url]).get(url)

    def visits(self, urls: Iterable[str]) -> Mapping[str, Visit]:
        """Those of these pages that were asked for, by url."""
        with self._lock:
            found = [self._visits.get((text_digest(url),)) for url in urls]
        visits = (load(Visit, each.detail) for each in found if each is not None)
        return {visit.url: visit for visit in visits}

    def visits_of_listing(self, marketplace: str, listing_id: str) -> Sequence[Visit]:
        """The pages that last offered a listing, by url."""
        with self._lock:
            visits = [load(Visit, each.detail) for each in self._visits.values() if _offers(each, listing_id)]
        found = (visit for visit in visits if visit.listing == (marketplace, listing_id))
        return sorted(found, key=lambda visit: visit.url)

    def gone_visits(self) -> Sequence[Visit]:
        """Those of pages that offered a listing and said at their last visit that they are no more, by url."""
        with self._lock:
            visits = [load(Visit, each.detail) for each in self._visits.values()]
        return sorted((visit for visit in visits if visit.gone and visit.listing), key=lambda visit: visit.url)

    def save_site_stop(self, stop: SiteStop) -> None:
        """Insert or replace by host."""
        entry = site_stop_entry(stop)
        with self._lock:
            save(self._stops, [entry])

    def site_stops(self) -> Sequence[SiteStop]:
        """All, those that are over too, by host."""
        with self._lock:
            return [load(SiteStop, self._stops[key].detail) for key in sorted(self._stops)]

    def lift_site_stop(self, host: str) -> bool:
        """Remove one; whether there was one."""
        with self._lock:
            return self._stops.pop((host,), None) is not None


def save(table: Table, entries: Sequence[Entry]) -> SaveCount:
    """Write what is new or changed."""
    known = {entry.key: table[entry.key].digest for entry in entries if entry.key in table}
    work = changes(entries, known)
    table |= work.added | work.updated
    return work.count


def _offers(visit: Entry, listing_id: str) -> bool:
    return visit.columns["listing_id"] == listing_id


def _oldest_first(entries: Iterable[Entry]) -> list[Capture]:
    return sorted((load(Capture, each.detail) for each in entries), key=lambda capture: capture.order)
