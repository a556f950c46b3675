"""What the rest of the house asks of the store. Every implementation faces tests/contract."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.assessment import Assessment, Band
from domain.capture import Capture
from domain.case import Case
from domain.catalog import Catalog, ReferenceProduct, RightsHolder
from domain.listing import Listing
from domain.negative import Negative
from domain.notice import Notice
from domain.review import Review
from domain.visit import SiteStop, Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class SaveCount:
    """What a save did. Saving the same again counts as `unchanged`."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: SaveCount) -> SaveCount:
        return SaveCount(
            added=self.added + other.added,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
        )


class CatalogReader(Protocol):
    """Reads catalogs of one tenant."""

    def rights_holders(self) -> Sequence[RightsHolder]:
        """All, by name."""

    def products(self, rights_holder: str | None = None) -> Sequence[ReferenceProduct]:
        """All, or one rights holder's; by rights holder, then reference id."""

    def catalog_digest(self) -> str:
        """SHA-256 over all catalogs' content: equal content, equal digest, in every implementation."""


class CatalogWriter(Protocol):
    """Writes catalogs of one tenant."""

    def save_catalog(self, catalog: Catalog) -> SaveCount:
        """`save_catalogs` of one."""

    def save_catalogs(self, catalogs: Iterable[Catalog]) -> SaveCount:
        """Replace the catalogs of these rights holders, all in one transaction; counts products."""


class ListingReader(Protocol):
    """Reads listings of one tenant."""

    def listings(self) -> Iterator[Listing]:
        """All, by (marketplace, listing_id), streamed."""

    def listing(self, marketplace: str, listing_id: str) -> Listing:
        """One. Raises NotFound."""

    def listings_of_id(self, listing_id: str) -> Sequence[Listing]:
        """All of this id, by marketplace: for a person who does not say which."""

    def listings_with_ids(self, marketplace: str, listing_ids: Collection[str]) -> Mapping[str, Listing]:
        """Those of one marketplace that are stored, by listing_id, in one query."""

    def listings_of_seller(self, marketplace: str, seller_id: str) -> Sequence[Listing]:
        """All of one seller, by listing_id."""

    def unscored_listings(self, versions_digest: str) -> Iterator[Listing]:
        """Those whose latest content has no assessment by these versions (`domain.codec.digest` of them)."""

    def count_listings(self) -> int:
        """How many."""


class ListingWriter(Protocol):
    """Writes listings of one tenant."""

    def save_listings(self, listings: Iterable[Listing]) -> SaveCount:
        """Insert or update by key in one transaction. Changed content voids the old assessment."""


class AssessmentReader(Protocol):
    """Reads assessments of one tenant."""

    def assessments(self, band: Band | None = None) -> Iterator[Assessment]:
        """The current one of each listing, by (marketplace, listing_id)."""

    def assessment(self, marketplace: str, listing_id: str) -> Assessment:
        """The current one. Raises NotFound."""


class AssessmentWriter(Protocol):
    """Writes assessments of one tenant."""

    def save_assessments(self, assessments: Iterable[Assessment], *, scored: Iterable[Listing] = ()) -> SaveCount:
        """Insert or replace by listing in one transaction; each is tied to its listing's current content.

        Hand in the listings that were `scored`, as they were read: where the stored content has changed since,
        the assessment is left out and not counted, so that a verdict never stands on content it has not seen.
        Raises NotFound when a listing is not stored.
        """


class CaseStore(Protocol):
    """Cases and notices of one tenant."""

    def save_cases(self, cases: Iterable[Case]) -> SaveCount:
        """Insert or update by case_id in one transaction."""

    def cases(self) -> Sequence[Case]:
        """All, most listings first, then case_id."""

    def case(self, case_id: str) -> Case:
        """One. Raises NotFound."""

    def delete_cases(self, case_ids: Iterable[str]) -> int:
        """Remove cases (and their draft notices) that no longer hold; how many were removed."""

    def save_notices(self, notices: Iterable[Notice]) -> SaveCount:
        """Insert or update by notice_id in one transaction. Raises NotFound when a case is not stored."""

    def notices(self) -> Sequence[Notice]:
        """All, by notice_id."""


class ReviewStore(Protocol):
    """What people decided, of one tenant. Nothing is written over: a changed decision is another review."""

    def save_reviews(self, reviews: Iterable[Review]) -> SaveCount:
        """Add in one transaction; a review that says what stands already counts as `unchanged`.

        Raises NotFound when a listing is not stored, BadInput for a review that is no later than the last one of the
        same listing and rights holder and says something else.
        """

    def reviews(self) -> Sequence[Review]:
        """All that were ever made, by (marketplace, listing_id, rights_holder), oldest first."""

    def count_reviews(self) -> int:
        """How many were ever made. As none is ever changed, an equal count means equal reviews."""

    def standing_reviews(self) -> Sequence[Review]:
        """Of each listing and rights holder the latest one on the content that the listing has now; in that order."""


class NegativeStore(Protocol):
    """Pictures that rights holders of one tenant handed in as not theirs."""

    def save_negatives(self, negatives: Iterable[Negative]) -> SaveCount:
        """Insert or update by key in one transaction. Raises NotFound when a rights holder is not stored."""

    def negatives(self) -> Sequence[Negative]:
        """All, by (rights_holder, sha256)."""

    def delete_negatives(self, keys: Iterable[tuple[str, str]]) -> int:
        """Remove those with these keys, in one transaction; how many were removed."""


class CaptureStore(Protocol):
    """What was captured from the web, of one tenant. Captures are added, never changed or removed."""

    def save_captures(self, captures: Iterable[Capture]) -> SaveCount:
        """Add in one transaction; one whose key is stored already counts as `unchanged`."""

    def all_captures(self) -> Iterator[Capture]:
        """All, in an order that says nothing, streamed."""

    def captures(self, body_sha256: str) -> Sequence[Capture]:
        """All captures of these bytes, oldest first: a listing's are those of its `page_sha256` and its pictures."""

    def captures_of(self, url: str) -> Sequence[Capture]:
        """All captures that were asked for at this address, oldest first."""

    def recorded_capture(self, body_sha256: str) -> Capture | None:
        """A capture of these bytes whose WARC record holds them; None when there is none."""


class CrawlWriter(Protocol):
    """Writes what a crawl found, of one tenant."""

    def save_crawled(
        self, *, captures: Iterable[Capture] = (), listings: Iterable[Listing] = (), visits: Iterable[Visit] = ()
    ) -> SaveCount:
        """`save_captures`, `save_listings` and `save_visits` in one transaction; counts listings."""


class SiteMemory(Protocol):
    """What is remembered of pages and sites between crawls, of one tenant."""

    def save_visits(self, visits: Iterable[Visit]) -> SaveCount:
        """Insert or replace by url in one transaction."""

    def visit(self, url: str) -> Visit | None:
        """How a page answered the last time; None when it was never asked for."""

    def visits(self, urls: Iterable[str]) -> Mapping[str, Visit]:
        """Those of these pages that were asked for, by url."""

    def visits_of_listing(self, marketplace: str, listing_id: str) -> Sequence[Visit]:
        """The pages that last offered a listing, by url."""

    def gone_visits(self) -> Sequence[Visit]:
        """Those of pages that offered a listing and said at their last visit that they are no more, by url."""

    def save_site_stop(self, stop: SiteStop) -> None:
        """Insert or replace by host."""

    def site_stops(self) -> Sequence[SiteStop]:
        """All, those that are over too, by host."""

    def lift_site_stop(self, host: str) -> bool:
        """Remove one; whether there was one."""


class Records(
    CatalogReader,
    CatalogWriter,
    ListingReader,
    ListingWriter,
    AssessmentReader,
    AssessmentWriter,
    CaseStore,
    ReviewStore,
    NegativeStore,
    CaptureStore,
    CrawlWriter,
    SiteMemory,
    Protocol,
):
    """Everything, of one tenant. No method can see or touch another tenant's records."""

    @property
    def tenant(self) -> str:
        """Whose records these are."""

    def close(self) -> None:
        """Give connections back."""


class EvidenceReader(Protocol):
    """Reads content-addressed bytes."""

    def read(self, sha256: str) -> bytes:
        """The bytes. Raises NotFound, or EvidenceCorrupt when they do not hash to their name."""

    def __contains__(self, sha256: str) -> bool: ...


class EvidenceWriter(Protocol):
    """Writes content-addressed bytes."""

    def write(self, content: bytes) -> str:
        """Store once, atomically; the SHA-256 as 64 hex digits."""


class Evidence(EvidenceReader, EvidenceWriter, Protocol):
    """Both."""
