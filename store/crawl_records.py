"""What a crawl keeps in SQLite or PostgreSQL: captures, visits, and sites that said stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Table, delete

from domain.capture import Capture
from domain.codec import load
from domain.listing import Listing
from domain.visit import SiteStop, Visit
from store.content import Entry, is_storable, listing_entry, text_digest
from store.crawl_content import capture_entry, site_stop_entry, visit_entry
from store.interfaces import SaveCount
from store.rows import PAGE_ROWS, Query, TenantRows
from store.tables import captures as capture_table
from store.tables import listings as listing_table
from store.tables import site_stops as stop_table
from store.tables import visits as visit_table


class SqlCrawlRecords:
    """`CaptureStore` and `SiteMemory` of `store.interfaces`, on one tenant's rows."""

    _rows: TenantRows

    def save_captures(self, captures: Iterable[Capture]) -> SaveCount:
        """Add in one transaction; one whose key is stored already counts as `unchanged`."""
        return self._save(capture_table, [capture_entry(capture) for capture in captures])

    def all_captures(self) -> Iterator[Capture]:
        """All, in an order that says nothing, streamed."""
        for row in self._rows.pages(self._rows.details(capture_table), capture_table):
            yield load(Capture, row.detail)

    def captures(self, body_sha256: str) -> Sequence[Capture]:
        """All captures of these bytes, oldest first: a listing's are those of its `page_sha256` and its pictures."""
        if not is_storable(body_sha256):
            return []
        return self._captures(self._details_of(body_sha256))

    def captures_of(self, url: str) -> Sequence[Capture]:
        """All captures that were asked for at this address, oldest first."""
        query = self._rows.details(capture_table)
        return self._captures(query.where(capture_table.c.url_sha256 == text_digest(url)))

    def _captures(self, query: Query) -> list[Capture]:
        found = [load(Capture, row.detail) for row in self._rows.all(query)]
        return sorted(found, key=lambda capture: capture.order)

    def recorded_capture(self, body_sha256: str) -> Capture | None:
        """A capture of these bytes whose WARC record holds them; None when there is none."""
        if not is_storable(body_sha256):
            return None
        query = self._details_of(body_sha256).where(capture_table.c.holds_body > "").limit(1)
        return next((load(Capture, row.detail) for row in self._rows.all(query)), None)

    def _details_of(self, body_sha256: str) -> Query:
        return self._rows.details(capture_table).where(capture_table.c.body_sha256 == body_sha256)

    def save_crawled(
        self, *, captures: Iterable[Capture] = (), listings: Iterable[Listing] = (), visits: Iterable[Visit] = ()
    ) -> SaveCount:
        """`save_captures`, `save_listings` and `save_visits` in one transaction; counts listings."""
        captured = [capture_entry(capture) for capture in captures]
        offered = [listing_entry(listing) for listing in listings]
        visited = [visit_entry(visit) for visit in visits]
        with self._rows.writing() as connection:
            self._rows.save(connection, capture_table, captured)
            self._rows.save(connection, visit_table, visited)
            return self._rows.save(connection, listing_table, offered)

    def save_visits(self, visits: Iterable[Visit]) -> SaveCount:
        """Insert or replace by url in one transaction."""
        return self._save(visit_table, [visit_entry(visit) for visit in visits])

    def visit(self, url: str) -> Visit | None:
        """How a page answered the last time; None when it was never asked for."""
        return self.visits([url]).get(url)

    def visits(self, urls: Iterable[str]) -> Mapping[str, Visit]:
        """Those of these pages that were asked for, by url."""
        keys = sorted({text_digest(url) for url in urls})
        found: list[Visit] = []
        for start in range(0, len(keys), PAGE_ROWS):
            some = visit_table.c.url_sha256.in_(keys[start : start + PAGE_ROWS])
            found += [load(Visit, row.detail) for row in self._rows.all(self._rows.details(visit_table).where(some))]
        return {visit.url: visit for visit in found}

    def visits_of_listing(self, marketplace: str, listing_id: str) -> Sequence[Visit]:
        """The pages that last offered a listing, by url."""
        if not (marketplace and listing_id and is_storable(marketplace) and is_storable(listing_id)):
            return []
        own = (visit_table.c.marketplace == marketplace, visit_table.c.listing_id == listing_id)
        found = [load(Visit, row.detail) for row in self._rows.all(self._rows.details(visit_table).where(*own))]
        return sorted(found, key=lambda visit: visit.url)

    def gone_visits(self) -> Sequence[Visit]:
        """Those of pages that offered a listing and said at their last visit that they are no more, by url."""
        gone = (visit_table.c.listing_id > "", visit_table.c.detail["status"].as_integer().in_((404, 410)))
        found = [load(Visit, row.detail) for row in self._rows.all(self._rows.details(visit_table).where(*gone))]
        return sorted(found, key=lambda visit: visit.url)

    def save_site_stop(self, stop: SiteStop) -> None:
        """Insert or replace by host."""
        self._save(stop_table, [site_stop_entry(stop)])

    def site_stops(self) -> Sequence[SiteStop]:
        """All, those that are over too, by host."""
        return [load(SiteStop, row.detail) for row in self._rows.all(self._rows.details(stop_table))]

    def lift_site_stop(self, host: str) -> bool:
        """Remove one; whether there was one."""
        with self._rows.writing() as connection:
            found = list(self._rows.values(connection, stop_table, [(host,)], "digest"))
            self._rows.delete(connection, delete(stop_table), found, "host")
            return bool(found)

    def _save(self, table: Table, entries: Sequence[Entry]) -> SaveCount:
        if not entries:
            return SaveCount()
        with self._rows.writing() as connection:
            return self._rows.save(connection, table, entries)
