"""Records in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, delete, exists, select

from domain.assessment import Assessment, Band
from domain.case import Case
from domain.catalog import Catalog, ReferenceProduct, RightsHolder
from domain.codec import load
from domain.listing import Listing
from domain.negative import Negative
from domain.notice import Notice, NoticeStatus
from domain.review import Review
from store.content import (
    Entry,
    Key,
    assessment_entry,
    case_entry,
    catalog_digest,
    checked_key,
    content_digest,
    demand,
    holder_entry,
    is_storable,
    listing_entry,
    negative_entry,
    new_reviews,
    notice_entry,
    product_entries,
    review_entry,
    text_digest,
)
from store.crawl_records import SqlCrawlRecords
from store.database import open_database
from store.interfaces import Records, SaveCount
from store.rows import PAGE_ROWS, Query, TenantRows
from store.tables import assessments as assessment_table
from store.tables import cases as case_table
from store.tables import listings as listing_table
from store.tables import negatives as negative_table
from store.tables import notices as notice_table
from store.tables import products as product_table
from store.tables import reviews as review_table
from store.tables import rights_holders as holder_table


def open_records(url: str, tenant: str) -> Records:
    """One tenant's records in the database at `url`, which is made and migrated as needed.

    Raises SettingRefused for an impossible URL, BadInput for an impossible tenant, StoreUnavailable when the
    database cannot be reached, RecordsNewer when a newer Assayer has migrated it, NotReady without its driver.
    """
    checked_key(tenant=tenant)
    engine = open_database(url)
    try:
        return SqlRecords(engine, tenant)
    except BaseException:
        engine.dispose()
        raise


class SqlRecords(SqlCrawlRecords):
    """`store.interfaces.Records` on one engine. Threads may share it; processes open their own."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine = engine
        self._rows = TenantRows(engine, tenant)
        self._rows.make_tenant()

    @property
    def tenant(self) -> str:
        """Whose records these are."""
        return self._rows.tenant

    def close(self) -> None:
        """Give connections back."""
        self._engine.dispose()

    def rights_holders(self) -> Sequence[RightsHolder]:
        """All, by name."""
        return [load(RightsHolder, row.detail) for row in self._rows.all(self._rows.details(holder_table))]

    def products(self, rights_holder: str | None = None) -> Sequence[ReferenceProduct]:
        """All, or one rights holder's; by rights holder, then reference id."""
        query = self._rows.details(product_table)
        if rights_holder is not None:
            if not is_storable(rights_holder):
                return []
            query = query.where(product_table.c.rights_holder == rights_holder)
        return [load(ReferenceProduct, row.detail) for row in self._rows.all(query)]

    def catalog_digest(self) -> str:
        """SHA-256 over all catalogs' content: equal content, equal digest, in every implementation."""
        holder, product = holder_table.c, product_table.c
        columns = (holder.rights_holder, holder.digest, product.reference_id, product.digest.label("product_digest"))
        # one statement sees one state, whoever imports meanwhile
        query = select(*columns).select_from(holder_table.outerjoin(product_table)).where(self._rows.of(holder_table))
        rows = self._rows.all(query)
        return catalog_digest(
            {(row.rights_holder,): row.digest for row in rows},
            {(row.rights_holder, row.reference_id): row.product_digest for row in rows if row.reference_id is not None},
        )

    def save_catalog(self, catalog: Catalog) -> SaveCount:
        """`save_catalogs` of one."""
        return self.save_catalogs([catalog])

    def save_catalogs(self, catalogs: Iterable[Catalog]) -> SaveCount:
        """Replace the catalogs of these rights holders, all in one transaction; counts products."""
        entries = [(holder_entry(catalog.rights_holder), product_entries(catalog)) for catalog in catalogs]
        count = SaveCount()
        with self._rows.writing() as connection:
            for holder, products in entries:
                count += self._replace_catalog(connection, holder, products)
        return count

    def _replace_catalog(self, connection: Connection, holder: Entry, products: Sequence[Entry]) -> SaveCount:
        kept = {entry.key for entry in products}
        names = (product_table.c.rights_holder, product_table.c.reference_id)
        self._rows.save(connection, holder_table, [holder])
        count = self._rows.save(connection, product_table, products)
        same_holder = product_table.c.rights_holder == holder.key[0]
        stored = connection.execute(select(*names).where(self._rows.of(product_table), same_holder))
        gone = [key for key in map(tuple, stored) if key not in kept]
        self._rows.delete(connection, delete(product_table), gone, "rights_holder", "reference_id")
        return count

    def listings(self) -> Iterator[Listing]:
        """All, by (marketplace, listing_id), streamed."""
        for row in self._rows.pages(self._rows.details(listing_table), listing_table):
            yield load(Listing, row.detail)

    def listing(self, marketplace: str, listing_id: str) -> Listing:
        """One. Raises NotFound."""
        query = self._rows.details(listing_table)
        return load(Listing, self._rows.one(query, listing_table, (marketplace, listing_id)))

    def listings_of_id(self, listing_id: str) -> Sequence[Listing]:
        """All of this id, by marketplace: for a person who does not say which."""
        if not is_storable(listing_id):
            return []
        query = self._rows.details(listing_table).where(listing_table.c.listing_id == listing_id)
        return [load(Listing, row.detail) for row in self._rows.all(query)]

    def listings_with_ids(self, marketplace: str, listing_ids: Collection[str]) -> Mapping[str, Listing]:
        """Those of one marketplace that are stored, by listing_id, in one query."""
        ids = sorted({listing_id for listing_id in listing_ids if is_storable(listing_id)})
        if not ids or not is_storable(marketplace):
            return {}
        own = (listing_table.c.marketplace == marketplace, listing_table.c.listing_id.in_(ids))
        rows = self._rows.all(self._rows.details(listing_table).where(*own))
        return {row.listing_id: load(Listing, row.detail) for row in rows}

    def listings_of_seller(self, marketplace: str, seller_id: str) -> Sequence[Listing]:
        """All of one seller, by listing_id."""
        if not is_storable(marketplace):
            return []
        own = (listing_table.c.marketplace == marketplace, listing_table.c.seller_sha256 == text_digest(seller_id))
        return [load(Listing, row.detail) for row in self._rows.all(self._rows.details(listing_table).where(*own))]

    def unscored_listings(self, versions_digest: str) -> Iterator[Listing]:
        """Those whose latest content has no assessment by these versions (`domain.codec.digest` of them)."""
        scored = exists().where(_current(), assessment_table.c.versions_digest == versions_digest)
        for row in self._rows.pages(self._rows.details(listing_table).where(~scored), listing_table):
            yield load(Listing, row.detail)

    def count_listings(self) -> int:
        """How many."""
        return self._rows.count(listing_table)

    def save_listings(self, listings: Iterable[Listing]) -> SaveCount:
        """Insert or update by key in one transaction. Changed content voids the old assessment."""
        # all are taken before the lock is: they may come slowly, or from these very records
        entries = [listing_entry(listing) for listing in listings]
        with self._rows.writing() as connection:
            return self._rows.save(connection, listing_table, entries)

    def assessments(self, band: Band | None = None) -> Iterator[Assessment]:
        """The current one of each listing, by (marketplace, listing_id)."""
        query = self._current_assessments()
        if band is not None:
            query = query.where(assessment_table.c.band == band.value)
        for row in self._rows.pages(query, assessment_table):
            yield load(Assessment, row.detail)

    def assessment(self, marketplace: str, listing_id: str) -> Assessment:
        """The current one. Raises NotFound."""
        key = (marketplace, listing_id)
        return load(Assessment, self._rows.one(self._current_assessments(), assessment_table, key))

    def save_assessments(self, assessments: Iterable[Assessment], *, scored: Iterable[Listing] = ()) -> SaveCount:
        """Insert or replace by listing in one transaction; each is tied to its listing's current content.

        Where the content of a `scored` listing has changed since it was read, its assessment is left out.
        Raises NotFound when a listing is not stored.
        """
        verdicts = [((each.marketplace, each.listing_id), each) for each in assessments]
        keys: list[Key] = [key for key, _ in verdicts]
        seen = {listing.key: content_digest(listing) for listing in scored}
        with self._rows.writing() as connection:
            stored = self._rows.values(connection, listing_table, keys, "content_digest")
            demand(keys, stored, "listing")
            valid = [(key, each) for key, each in verdicts if seen.get(key, stored[key]) == stored[key]]
            entries = [assessment_entry(each, stored[key]) for key, each in valid]
            return self._rows.save(connection, assessment_table, entries)

    def _current_assessments(self) -> Query:
        return self._rows.details(assessment_table).join(listing_table, _current())

    def save_cases(self, cases: Iterable[Case]) -> SaveCount:
        """Insert or update by case_id in one transaction."""
        entries = [case_entry(case) for case in cases]
        with self._rows.writing() as connection:
            return self._rows.save(connection, case_table, entries)

    def cases(self) -> Sequence[Case]:
        """All, most listings first, then case_id."""
        found = [load(Case, row.detail) for row in self._rows.all(self._rows.details(case_table))]
        return sorted(found, key=lambda case: (-len(case.listing_ids), case.case_id))

    def case(self, case_id: str) -> Case:
        """One. Raises NotFound."""
        return load(Case, self._rows.one(self._rows.details(case_table), case_table, (case_id,)))

    def delete_cases(self, case_ids: Iterable[str]) -> int:
        """Remove cases (and their draft notices) that no longer hold; how many were removed.

        A case with a notice that is more than a draft stays: it is the record of what was done.
        """
        keys: list[Key] = [(case_id,) for case_id in case_ids]
        drafts = delete(notice_table).where(notice_table.c.status == NoticeStatus.DRAFT.value)
        noticed = exists().where(
            notice_table.c.tenant_id == case_table.c.tenant_id, notice_table.c.case_id == case_table.c.case_id
        )
        with self._rows.writing() as connection:
            before = list(self._rows.values(connection, case_table, keys, "digest"))
            self._rows.delete(connection, drafts, before, "case_id")
            self._rows.delete(connection, delete(case_table).where(~noticed), before, "case_id")
            return len(before) - len(self._rows.values(connection, case_table, before, "digest"))

    def save_notices(self, notices: Iterable[Notice]) -> SaveCount:
        """Insert or update by notice_id in one transaction. Raises NotFound when a case is not stored."""
        entries = [notice_entry(notice) for notice in notices]
        wanted: list[Key] = [(entry.columns["case_id"],) for entry in entries]
        with self._rows.writing() as connection:
            demand(wanted, self._rows.values(connection, case_table, wanted, "digest"), "case")
            return self._rows.save(connection, notice_table, entries)

    def notices(self) -> Sequence[Notice]:
        """All, by notice_id."""
        return [load(Notice, row.detail) for row in self._rows.all(self._rows.details(notice_table))]

    def save_reviews(self, reviews: Iterable[Review]) -> SaveCount:
        """Add in one transaction; a review that says what stands already counts as `unchanged`.

        Raises NotFound when a listing is not stored, BadInput for a review that is no later than the last one of the
        same listing and rights holder and says something else.
        """
        wanted = [(review, review_entry(review)) for review in reviews]
        keys: list[Key] = [entry.key[:2] for _, entry in wanted]
        with self._rows.writing() as connection:
            demand(keys, self._rows.values(connection, listing_table, keys, "digest"), "listing")
            new, unchanged = new_reviews((review for review, _ in wanted), self._reviews_of(connection, keys))
            saved = self._rows.save(connection, review_table, [review_entry(review) for review in new])
            return saved + SaveCount(unchanged=unchanged)

    def _reviews_of(self, connection: Connection, keys: Iterable[Key]) -> list[Review]:
        """Those of the listings with these keys, oldest first."""
        found: list[Review] = []
        for marketplace, group in groupby(sorted(set(keys)), key=lambda key: key[0]):
            ids = [listing_id for _, listing_id in group]
            for start in range(0, len(ids), PAGE_ROWS):
                some = review_table.c.listing_id.in_(ids[start : start + PAGE_ROWS])
                query = self._rows.details(review_table).where(review_table.c.marketplace == marketplace, some)
                found += [load(Review, row.detail) for row in connection.execute(query)]
        return found

    def reviews(self) -> Sequence[Review]:
        """All that were ever made, by (marketplace, listing_id, rights_holder), oldest first."""
        return [load(Review, row.detail) for row in self._rows.all(self._rows.details(review_table))]

    def count_reviews(self) -> int:
        """How many were ever made. As none is ever changed, an equal count means equal reviews."""
        return self._rows.count(review_table)

    def standing_reviews(self) -> Sequence[Review]:
        """Of each listing and rights holder the latest one on the content that the listing has now; in that order."""
        query = self._rows.details(review_table).join(listing_table, _of_current_content(review_table))
        found = [load(Review, row.detail) for row in self._rows.all(query)]
        return list({review.key: review for review in found}.values())

    def save_negatives(self, negatives: Iterable[Negative]) -> SaveCount:
        """Insert or update by key in one transaction. Raises NotFound when a rights holder is not stored."""
        entries = [negative_entry(negative) for negative in negatives]
        holders: list[Key] = [entry.key[:1] for entry in entries]
        with self._rows.writing() as connection:
            demand(holders, self._rows.values(connection, holder_table, holders, "digest"), "rights holder")
            return self._rows.save(connection, negative_table, entries)

    def negatives(self) -> Sequence[Negative]:
        """All, by (rights_holder, sha256)."""
        return [load(Negative, row.detail) for row in self._rows.all(self._rows.details(negative_table))]

    def delete_negatives(self, keys: Iterable[tuple[str, str]]) -> int:
        """Remove those with these keys, in one transaction; how many were removed."""
        wanted: list[Key] = list(keys)
        with self._rows.writing() as connection:
            found = list(self._rows.values(connection, negative_table, wanted, "digest"))
            self._rows.delete(connection, delete(negative_table), found, "rights_holder", "sha256")
            return len(found)


def _current() -> ColumnElement[bool]:
    """An assessment belongs to a listing, and to the content that the listing has now."""
    return _of_current_content(assessment_table)


def _of_current_content(table: Table) -> ColumnElement[bool]:
    shared = ("tenant_id", "marketplace", "listing_id", "content_digest")
    return and_(*(table.c[name] == listing_table.c[name] for name in shared))
