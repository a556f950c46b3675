"""A person's decisions about the listings of a case, and what follows from them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue, TypeAdapter, ValidationError

from domain.assessment import Assessment
from domain.case import Case
from domain.codec import digest, dump
from domain.errors import BadInput, NotFound
from domain.match import Box
from domain.notice import Notice
from domain.review import MAX_NOTE, MAX_REVIEWER, Decision, RejectionReason, Review, SeenAs, SeenRegion
from domain.settings import Settings
from jobs.draft_notices import draft_again, open_cases
from store.content import content_digest
from store.interfaces import Records, SaveCount
from takedown.rights import RightsRegister

_MOST_REGIONS = 50
_BOX = TypeAdapter(Box)
_SHA256 = 64
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewReport:
    """What a decision did."""

    reviews: tuple[Review, ...]
    """One for each listing that was decided on, saved or as it stood already."""
    saved: SaveCount
    case: Case | None
    """As it is now; None where no listing is left in it."""
    notices: tuple[Notice, ...]
    """Drafts of the case, made anew where there were any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verdict:
    """What is said of every listing alike."""

    decision: Decision
    reason: RejectionReason | None
    reviewer: str
    note: str
    decided_at: datetime


def review_listings(
    case_id: str,
    records: Records,
    settings: Settings,
    *,
    decision: Decision,
    reviewer: str,
    reason: RejectionReason | None = None,
    listing_ids: Sequence[str] = (),
    note: str = "",
    now: datetime | None = None,
) -> ReviewReport:
    """Save one review for each of `listing_ids`, or for all of the case, then make cases and drafts agree with them.

    The reviews are committed before anything else changes: whoever drafts, lints or exports from then on leaves a
    rejected listing out, also when this is killed. Running it again changes nothing.
    Raises NotFound (no such case, no current assessment) or BadInput naming the field.
    """
    _check(decision, reason, reviewer, note)
    case = _case_in_view(case_id, records)
    wanted = _wanted(case, listing_ids, records)
    register = RightsRegister.read(records)
    verdict = _Verdict(
        decision=decision,
        reason=reason,
        reviewer=reviewer.strip(),
        note=note,
        decided_at=_later_than_all(now or datetime.now(UTC), case, wanted, records),
    )
    reviews = [_review(case, listing_id, verdict, records, register) for listing_id in wanted]
    saved = records.save_reviews(reviews)
    before = {notice.case_id for notice in records.notices()}
    cases = open_cases(records, register)
    notices = draft_again(records, settings, {case_id} & before)
    return ReviewReport(
        reviews=tuple(reviews),
        saved=saved,
        case=next((one for one in cases if one.case_id == case_id), None),
        notices=notices,
    )


def _check(decision: Decision, reason: RejectionReason | None, reviewer: str, note: str) -> None:
    if (decision == Decision.REJECTED) != (reason is not None):
        raise BadInput("a rejection has a reason, a confirmation has none", field="reason")
    if not reviewer.strip() or len(reviewer) > MAX_REVIEWER:
        raise BadInput(f"needs a name of at most {MAX_REVIEWER} characters", field="reviewer")
    if len(note) > MAX_NOTE:
        raise BadInput(f"has {len(note)} characters; at most {MAX_NOTE} are kept", field="note")


def _case_in_view(case_id: str, records: Records) -> Case:
    """The case as it is stored, or as its reviews remember it: one whose last listing was rejected is gone.

    Raises NotFound.
    """
    try:
        return records.case(case_id)
    except NotFound:
        decided = [review for review in records.standing_reviews() if review.case_id == case_id]
        if not decided:
            raise
    first = decided[0]
    seller = records.listing(first.marketplace, first.listing_id).seller
    return Case(
        case_id=case_id,
        marketplace=first.marketplace,
        seller_id=seller.id,
        seller_name=seller.name,
        rights_holder=first.rights_holder,
        listing_ids=tuple(review.listing_id for review in decided),
    )


def _wanted(case: Case, listing_ids: Sequence[str], records: Records) -> tuple[str, ...]:
    """Each once. Raises BadInput for one that is not, and never was, in the case."""
    if not listing_ids:
        return case.listing_ids
    reviewed = {review.listing_id for review in records.standing_reviews() if review.case_id == case.case_id}
    for listing_id in listing_ids:
        if listing_id not in case.listing_ids and listing_id not in reviewed:
            raise BadInput(
                f"{listing_id!r} is not a listing of case {case.case_id}",
                field="listing_id",
                advice=f"See its listings: assayer cases show {case.case_id}.",
            )
    return tuple(dict.fromkeys(listing_ids))


def _later_than_all(now: datetime, case: Case, wanted: Iterable[str], records: Records) -> datetime:
    """Now, or just after the last decision on any of these, where a clock was set back meanwhile."""
    about = {(case.marketplace, listing_id, case.rights_holder) for listing_id in wanted}
    return max([now, *(review.decided_at + _TICK for review in records.reviews() if review.key in about)])


def _review(case: Case, listing_id: str, verdict: _Verdict, records: Records, register: RightsRegister) -> Review:
    # before its assessment: where the content changes in between, the review stands for what it was made of
    listing = records.listing(case.marketplace, listing_id)
    try:
        assessment = records.assessment(case.marketplace, listing_id)
    except NotFound as error:
        raise NotFound(f"listing {listing_id} has no current assessment", advice="Score it: assayer score.") from error
    findings = register.findings_for(assessment, case.rights_holder)
    return Review(
        marketplace=case.marketplace,
        listing_id=listing_id,
        rights_holder=case.rights_holder,
        case_id=case.case_id,
        decision=verdict.decision,
        reason=verdict.reason,
        decided_at=verdict.decided_at,
        reviewer=verdict.reviewer,
        note=verdict.note,
        content_digest=content_digest(listing),
        versions_digest=digest(dump(assessment)["versions"]),
        probability=assessment.probability,
        strengths={finding.name.value: finding.strength for finding in (*assessment.signals, *assessment.guards)},
        product=next((finding.reference_id for finding in findings if finding.reference_id), ""),
        regions=seen_regions(assessment, case.rights_holder, register),
    )


def latest_reviews(records: Records) -> list[Review]:
    """What was last decided of each content that a listing ever had: content that is gone teaches on."""
    return list({(review.key, review.content_digest): review for review in records.reviews()}.values())


def seen_regions(assessment: Assessment, rights_holder: str, register: RightsRegister) -> tuple[SeenRegion, ...]:
    """What the pictures were taken for by the findings that name this rights holder, each region once.

    Evidence that does not read as a match is no region: it was nothing a person could look at either. Nor is the patch
    that hides a mark: it looks like no mark.
    """
    found: dict[SeenRegion, None] = {}
    for finding in assessment.signals:
        others = finding.evidence.get("others")
        further = [other for other in others if isinstance(other, dict)] if isinstance(others, list) else []
        if register.holder_of(finding) == rights_holder:
            found |= dict.fromkeys(_regions(finding.evidence))
        for other in further:
            if other.get("rights_holder") == rights_holder:
                found |= dict.fromkeys(_regions(other))
    return tuple(found)[:_MOST_REGIONS]


def _regions(evidence: Mapping[str, JsonValue]) -> Iterator[SeenRegion]:
    image, photo, logo = (evidence.get(name) for name in ("image_sha256", "reference_sha256", "logo_sha256"))
    if not _is_digest(image) or evidence.get("hidden") is True:
        return
    if _is_digest(photo):
        yield SeenRegion(seen_as=SeenAs.COPY, image_sha256=str(image), reference_sha256=str(photo))
    if _is_digest(logo):
        try:
            box = _BOX.validate_python(evidence.get("box"))
        except ValidationError:
            return
        yield SeenRegion(seen_as=SeenAs.MARK, image_sha256=str(image), reference_sha256=str(logo), box=box)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == _SHA256 and set(value) <= set("0123456789abcdef")
