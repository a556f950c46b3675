"""Records and evidence read into what the report page shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol, TypeVar

from domain.assessment import Assessment, Band, Versions
from domain.case import Case
from domain.errors import NotFound
from domain.listing import Unreadable
from domain.notice import Notice
from domain.progress import Progress, silent
from jobs.evaluate import Evaluation, WrongVerdict
from jobs.report.data import CaseView, FunnelStep, ListingView, ReportData, UnreadableView, Weight
from jobs.report.listings import ListingViews
from store.interfaces import AssessmentReader, CatalogReader, EvidenceReader, ListingReader

T = TypeVar("T")
Key = tuple[str, str]
"""(marketplace, listing id)."""


class ReportReader(CatalogReader, ListingReader, AssessmentReader, Protocol):
    """What a report reads; every `Records` is one."""

    def cases(self) -> Sequence[Case]:
        """All, most listings first, then case_id."""

    def notices(self) -> Sequence[Notice]:
        """All, by notice_id."""


def build_report(
    records: ReportReader,
    evidence: EvidenceReader,
    evaluation: Evaluation | None,
    *,
    title: str,
    made_at: datetime | None = None,
    weights: Mapping[str, float] | None = None,
    crawled: int | None = None,
    notes: Mapping[str, str] | None = None,
    max_cases: int = 6,
    max_listings_per_case: int = 2,
    max_wrong: int = 10,
    max_unreadable: int = 50,
    progress: Progress = silent,
) -> ReportData:
    """Everything the page shows, pictures included.

    `weights` are the combiner's (feature to weight). `crawled` is how many listings the crawl met, duplicates
    included, where that is known; else those stored. `notes` adds words to a step of the funnel, by its label.
    """
    census = _Census.take(records, max_unreadable)
    cases, notices = records.cases(), records.notices()
    views = ListingViews(records, evidence)
    wrong = _wrong(evaluation, max_wrong)
    steps = _Steps(progress, total=len(cases[:max_cases]) + len(wrong[0]) + len(wrong[1]))
    noticed = {notice.case_id for notice in notices}
    return ReportData(
        title=title,
        made_at=made_at or datetime.now(UTC),
        versions=tuple(census.versions),
        funnel=_funnel(census, cases, notices, crawled, notes or {}),
        listing_count=census.listings,
        assessed_count=census.assessed,
        review_count=census.bands[Band.REVIEW],
        enforce_count=census.bands[Band.ENFORCE],
        notice_count=len(notices),
        evaluation=evaluation,
        weights=tuple(
            Weight(feature=feature, weight=weight)
            for feature, weight in sorted((weights or {}).items(), key=lambda item: (-item[1], item[0]))
        ),
        cases=tuple(
            _case(case, records, views, case.case_id in noticed, max_listings_per_case)
            for case in steps.over(cases[:max_cases])
        ),
        case_count=len(cases),
        false_alarms=tuple(_wrong_view(one, records, views) for one in steps.over(wrong[0])),
        misses=tuple(_wrong_view(one, records, views) for one in steps.over(wrong[1])),
        unreadable=tuple(census.unreadable),
        unreadable_count=census.unreadable_count,
    )


@dataclass(kw_only=True, slots=True)
class _Census:
    """What one pass over the assessments and one over the listings counts."""

    listings: int = 0
    read: int = 0
    """Listings with at least one picture that was read."""
    assessed: int = 0
    matched: int = 0
    bands: dict[Band, int] = field(default_factory=lambda: dict.fromkeys(Band, 0))
    versions: dict[Versions, None] = field(default_factory=dict)
    unreadable: list[UnreadableView] = field(default_factory=list)
    unreadable_count: int = 0

    @classmethod
    def take(cls, records: ReportReader, max_unreadable: int) -> _Census:
        census = cls()
        said: dict[Key, frozenset[tuple[str, str]]] = {}
        for assessment in records.assessments():
            census._meet(assessment)
            if assessment.unreadable:
                said[assessment.marketplace, assessment.listing_id] = frozenset(
                    (one.what, one.source) for one in assessment.unreadable
                )
                census._note(assessment.listing_id, assessment.unreadable, max_unreadable)
        for listing in records.listings():
            unread = said.get(listing.key, frozenset())
            census.listings += 1
            census.read += any(
                image.sha256 is not None and ("image", image.source) not in unread for image in listing.images
            )
            lost = (image.unreadable for image in listing.images if image.unreadable is not None)
            census._note(
                listing.listing_id, [one for one in lost if (one.what, one.source) not in unread], max_unreadable
            )
        return census

    def _meet(self, assessment: Assessment) -> None:
        self.assessed += 1
        self.bands[assessment.band] += 1
        self.versions[assessment.versions] = None
        findings = (*assessment.signals, *assessment.guards)
        self.matched += any(finding.reference_id or finding.brand for finding in findings)

    def _note(self, listing_id: str, unreadable: Iterable[Unreadable], most: int) -> None:
        for one in unreadable:
            self.unreadable_count += 1
            if len(self.unreadable) < most:
                self.unreadable.append(
                    UnreadableView(listing_id=listing_id, what=one.what, source=one.source, reason=one.reason)
                )


def _funnel(
    census: _Census, cases: Sequence[Case], notices: Sequence[Notice], crawled: int | None, notes: Mapping[str, str]
) -> tuple[FunnelStep, ...]:
    in_cases = {(case.marketplace, listing_id) for case in cases for listing_id in case.listing_ids}
    noticed = {(notice.marketplace, item.listing_id) for notice in notices for item in notice.items}
    review, enforce = census.bands[Band.REVIEW], census.bands[Band.ENFORCE]
    sellers = len({(case.marketplace, case.seller_id) for case in cases})
    steps = (
        ("Crawled", census.listings if crawled is None else crawled, ""),
        ("Read", census.read, "at least one picture was read"),
        ("Matched", census.matched, "a picture, a product or a mark of a catalog was recognized"),
        ("Flagged", review + enforce, f"{enforce} to act on, {review} for a person to look at"),
        ("In cases", len(in_cases), f"{_many(len(cases), 'case')} of {_many(sellers, 'seller')}"),
        ("Noticed", len(noticed), f"in {_many(len(notices), 'drafted notice')}, none sent"),
    )
    return tuple(
        FunnelStep(
            label=label,
            count=count,
            note="; ".join(part for part in (note, notes.get(label, "")) if part),
            enforce=enforce if label == "Flagged" else None,
        )
        for label, count, note in steps
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _wrong(evaluation: Evaluation | None, most: int) -> tuple[tuple[WrongVerdict, ...], tuple[WrongVerdict, ...]]:
    if evaluation is None:
        return (), ()
    return evaluation.false_alarms[:most], evaluation.misses[:most]


@dataclass(slots=True)
class _Steps:
    """Tells how many of the shown cases and listings are drawn."""

    progress: Progress
    total: int
    done: int = 0

    def over(self, items: Iterable[T]) -> Iterator[T]:
        for item in items:
            yield item
            self.done += 1
            self.progress("report", self.done, self.total)


def _case(case: Case, records: ReportReader, views: ListingViews, noticed: bool, most: int) -> CaseView:
    return CaseView(
        case_id=case.case_id,
        marketplace=case.marketplace,
        seller_name=case.seller_name,
        rights_holder=case.rights_holder,
        noticed=noticed,
        listing_count=len(case.listing_ids),
        listings=tuple(islice(_case_listings(case, records, views), most)),
    )


def _case_listings(case: Case, records: ReportReader, views: ListingViews) -> Iterator[ListingView]:
    for listing_id in case.listing_ids:
        # A listing that changed since the case was made has no verdict any more, and none is shown
        with suppress(NotFound):
            yield views.view(
                records.listing(case.marketplace, listing_id), records.assessment(case.marketplace, listing_id)
            )


def _wrong_view(wrong: WrongVerdict, records: ReportReader, views: ListingViews) -> ListingView:
    key = (wrong.marketplace, wrong.listing_id)
    return views.view(records.listing(*key), records.assessment(*key), truth=wrong.truth)
