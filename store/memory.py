"""Records that live as long as their process: for training on generated data, and for tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from domain.assessment import Assessment, Band
from domain.capture import Capture
from domain.case import Case
from domain.catalog import Catalog, ReferenceProduct, RightsHolder
from domain.codec import load
from domain.errors import NotFound
from domain.listing import Listing
from domain.negative import Negative
from domain.notice import Notice, NoticeStatus
from domain.review import Review
from domain.visit import Visit
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
    listing_entry,
    negative_entry,
    new_reviews,
    notice_entry,
    product_entries,
    review_entry,
    text_digest,
)
from store.crawl_content import capture_entry
from store.crawl_memory import MemoryCrawlRecords, Table, save
from store.interfaces import SaveCount


class MemoryRecords(MemoryCrawlRecords):
    """`store.interfaces.Records` of one tenant, gone with the process. Threads may share it.

    Values are kept as the databases keep them, so that they come back in the same form.
    """

    def __init__(self, tenant: str = "default") -> None:
        checked_key(tenant=tenant)
        super().__init__()
        self._tenant = tenant
        self._holders: Table = {}
        self._products: Table = {}
        self._listings: Table = {}
        self._assessments: Table = {}
        self._cases: Table = {}
        self._notices: Table = {}
        self._reviews: Table = {}
        self._negatives: Table = {}

    @property
    def tenant(self) -> str:
        """Whose records these are."""
        return self._tenant

    def close(self) -> None:
        """Nothing to give back."""

    def rights_holders(self) -> Sequence[RightsHolder]:
        """All, by name."""
        return [load(RightsHolder, entry.detail) for entry in self._sorted(self._holders)]

    def products(self, rights_holder: str | None = None) -> Sequence[ReferenceProduct]:
        """All, or one rights holder's; by rights holder, then reference id."""
        found = self._sorted(self._products)
        return [load(ReferenceProduct, each.detail) for each in found if rights_holder in (None, each.key[0])]

    def catalog_digest(self) -> str:
        """SHA-256 over all catalogs' content: equal content, equal digest, in every implementation."""
        with self._lock:
            return catalog_digest(_digests(self._holders), _digests(self._products))

    def save_catalog(self, catalog: Catalog) -> SaveCount:
        """`save_catalogs` of one."""
        return self.save_catalogs([catalog])

    def save_catalogs(self, catalogs: Iterable[Catalog]) -> SaveCount:
        """Replace the catalogs of these rights holders, all at once; counts products."""
        entries = [(holder_entry(catalog.rights_holder), product_entries(catalog)) for catalog in catalogs]
        count = SaveCount()
        with self._lock:
            for holder, products in entries:
                kept = {entry.key for entry in products}
                save(self._holders, [holder])
                count += save(self._products, products)
                for key in [key for key in self._products if key[0] == holder.key[0] and key not in kept]:
                    del self._products[key]
        return count

    def listings(self) -> Iterator[Listing]:
        """All, by (marketplace, listing_id)."""
        for entry in self._sorted(self._listings):
            yield load(Listing, entry.detail)

    def listing(self, marketplace: str, listing_id: str) -> Listing:
        """One. Raises NotFound."""
        key = (marketplace, listing_id)
        with self._lock:
            demand([key], self._listings, "listing")
            return load(Listing, self._listings[key].detail)

    def listings_of_id(self, listing_id: str) -> Sequence[Listing]:
        """All of this id, by marketplace: for a person who does not say which."""
        return [load(Listing, entry.detail) for entry in self._sorted(self._listings) if entry.key[1] == listing_id]

    def listings_with_ids(self, marketplace: str, listing_ids: Collection[str]) -> Mapping[str, Listing]:
        """Those of one marketplace that are stored, by listing_id."""
        with self._lock:
            found = {each: self._listings.get((marketplace, each)) for each in listing_ids}
        return {each: load(Listing, entry.detail) for each, entry in found.items() if entry}

    def listings_of_seller(self, marketplace: str, seller_id: str) -> Sequence[Listing]:
        """All of one seller, by listing_id."""
        seller = text_digest(seller_id)
        with self._lock:
            own = [each for each in self._listings.values() if each.columns["seller_sha256"] == seller]
        found = (load(Listing, each.detail) for each in own if each.key[0] == marketplace)
        return sorted(found, key=lambda listing: listing.listing_id)

    def unscored_listings(self, versions_digest: str) -> Iterator[Listing]:
        """Those whose latest content has no assessment by these versions (`domain.codec.digest` of them)."""
        with self._lock:
            scored = {each.key for each in self._current() if each.columns["versions_digest"] == versions_digest}
            waiting = [entry for entry in self._sorted(self._listings) if entry.key not in scored]
        for entry in waiting:
            yield load(Listing, entry.detail)

    def count_listings(self) -> int:
        """How many."""
        return len(self._listings)

    def save_crawled(
        self, *, captures: Iterable[Capture] = (), listings: Iterable[Listing] = (), visits: Iterable[Visit] = ()
    ) -> SaveCount:
        """`save_captures`, `save_listings` and `save_visits`, all or none; counts listings."""
        # what cannot be stored is found before anything is
        whole = list(captures), list(visits), [listing_entry(listing) for listing in listings]
        for capture in whole[0]:
            capture_entry(capture)
        with self._lock:
            self.save_visits(whole[1])
            self.save_captures(whole[0])
            return save(self._listings, whole[2])

    def save_listings(self, listings: Iterable[Listing]) -> SaveCount:
        """Insert or update by key, all or none. Changed content voids the old assessment."""
        entries = [listing_entry(listing) for listing in listings]
        with self._lock:
            return save(self._listings, entries)

    def assessments(self, band: Band | None = None) -> Iterator[Assessment]:
        """The current one of each listing, by (marketplace, listing_id)."""
        for entry in self._current():
            if band is None or entry.columns["band"] == band.value:
                yield load(Assessment, entry.detail)

    def assessment(self, marketplace: str, listing_id: str) -> Assessment:
        """The current one. Raises NotFound."""
        key = (marketplace, listing_id)
        current = self._assessments.get(key)
        if current is None or not self._stands(current):
            raise NotFound(f"no assessment {'/'.join(key)} is stored")
        return load(Assessment, current.detail)

    def save_assessments(self, assessments: Iterable[Assessment], *, scored: Iterable[Listing] = ()) -> SaveCount:
        """Insert or replace by listing, all or none; each is tied to its listing's current content.

        Where the content of a `scored` listing has changed since it was read, its assessment is left out.
        Raises NotFound when a listing is not stored.
        """
        verdicts = [((each.marketplace, each.listing_id), each) for each in assessments]
        seen = {listing.key: content_digest(listing) for listing in scored}
        with self._lock:
            demand((key for key, _ in verdicts), self._listings, "listing")
            stored = {key: self._listings[key].columns["content_digest"] for key, _ in verdicts}
            valid = [(key, each) for key, each in verdicts if seen.get(key, stored[key]) == stored[key]]
            return save(self._assessments, [assessment_entry(each, stored[key]) for key, each in valid])

    def save_cases(self, cases: Iterable[Case]) -> SaveCount:
        """Insert or update by case_id, all or none."""
        entries = [case_entry(case) for case in cases]
        with self._lock:
            return save(self._cases, entries)

    def cases(self) -> Sequence[Case]:
        """All, most listings first, then case_id."""
        found = [load(Case, entry.detail) for entry in self._sorted(self._cases)]
        return sorted(found, key=lambda case: (-len(case.listing_ids), case.case_id))

    def case(self, case_id: str) -> Case:
        """One. Raises NotFound."""
        with self._lock:
            demand([(case_id,)], self._cases, "case")
            return load(Case, self._cases[(case_id,)].detail)

    def delete_cases(self, case_ids: Iterable[str]) -> int:
        """Remove cases (and their draft notices) that no longer hold; how many were removed.

        A case with a notice that is more than a draft stays: it is the record of what was done.
        """
        with self._lock:
            doomed = {case_id for case_id in case_ids if (case_id,) in self._cases}
            notices = {key: each for key, each in self._notices.items() if each.columns["case_id"] in doomed}
            drafts = {key for key, each in notices.items() if each.columns["status"] == NoticeStatus.DRAFT.value}
            doomed -= {each.columns["case_id"] for key, each in notices.items() if key not in drafts}
            for key in drafts:
                del self._notices[key]
            for case_id in doomed:
                del self._cases[(case_id,)]
            return len(doomed)

    def save_notices(self, notices: Iterable[Notice]) -> SaveCount:
        """Insert or update by notice_id, all or none. Raises NotFound when a case is not stored."""
        entries = [notice_entry(notice) for notice in notices]
        with self._lock:
            demand(((entry.columns["case_id"],) for entry in entries), self._cases, "case")
            return save(self._notices, entries)

    def notices(self) -> Sequence[Notice]:
        """All, by notice_id."""
        return [load(Notice, entry.detail) for entry in self._sorted(self._notices)]

    def save_reviews(self, reviews: Iterable[Review]) -> SaveCount:
        """Add, all or none; a review that says what stands already counts as `unchanged`.

        Raises NotFound when a listing is not stored, BadInput for a review that is no later than the last one of the
        same listing and rights holder and says something else.
        """
        wanted = [(review, review_entry(review)) for review in reviews]
        with self._lock:
            demand((entry.key[:2] for _, entry in wanted), self._listings, "listing")
            new, unchanged = new_reviews((review for review, _ in wanted), self.reviews())
            return save(self._reviews, [review_entry(review) for review in new]) + SaveCount(unchanged=unchanged)

    def reviews(self) -> Sequence[Review]:
        """All that were ever made, by (marketplace, listing_id, rights_holder), oldest first."""
        return [load(Review, entry.detail) for entry in self._sorted(self._reviews)]

    def count_reviews(self) -> int:
        """How many were ever made. As none is ever changed, an equal count means equal reviews."""
        return len(self._reviews)

    def standing_reviews(self) -> Sequence[Review]:
        """Of each listing and rights holder the latest one on the content that the listing has now; in that order."""
        with self._lock:
            of_now = [entry for entry in self._sorted(self._reviews) if self._stands(entry)]
        latest = {entry.key[:3]: entry for entry in of_now}
        return [load(Review, entry.detail) for entry in latest.values()]

    def save_negatives(self, negatives: Iterable[Negative]) -> SaveCount:
        """Insert or update by key, all or none. Raises NotFound when a rights holder is not stored."""
        entries = [negative_entry(negative) for negative in negatives]
        with self._lock:
            demand((entry.key[:1] for entry in entries), self._holders, "rights holder")
            return save(self._negatives, entries)

    def negatives(self) -> Sequence[Negative]:
        """All, by (rights_holder, sha256)."""
        return [load(Negative, entry.detail) for entry in self._sorted(self._negatives)]

    def delete_negatives(self, keys: Iterable[tuple[str, str]]) -> int:
        """Remove those with these keys, all at once; how many were removed."""
        with self._lock:
            found = {key for key in keys if key in self._negatives}
            for key in found:
                del self._negatives[key]
            return len(found)

    def _sorted(self, table: Table) -> list[Entry]:
        """A snapshot by key: saving while it is walked through does not disturb it."""
        with self._lock:
            return [table[key] for key in sorted(table)]

    def _stands(self, entry: Entry) -> bool:
        """Whether the listing of an assessment or review still has the content it was made of."""
        return entry.columns["content_digest"] == self._listings[entry.key[:2]].columns["content_digest"]

    def _current(self) -> list[Entry]:
        with self._lock:
            return [entry for entry in self._sorted(self._assessments) if self._stands(entry)]


def _digests(table: Table) -> dict[Key, str]:
    return {key: entry.digest for key, entry in table.items()}
