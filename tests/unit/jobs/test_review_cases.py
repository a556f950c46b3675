from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.assessment import Assessment, Finding, SignalName
from domain.catalog import Catalog
from domain.codec import digest, dump
from domain.errors import BadInput, NotFound, NoticeIncomplete
from domain.review import MAX_NOTE, Decision, RejectionReason, Review, SeenAs, SeenRegion
from domain.settings import Settings
from jobs.draft_notices import draft_notices, export_notices, lint_notices, open_cases
from jobs.review_cases import ReviewReport, review_listings, seen_regions
from jobs.score_listings import score_listings
from jobs.workspace import Workspace
from store.content import content_digest
from store.interfaces import Records, SaveCount
from store.memory import MemoryRecords
from takedown.rights import RightsRegister

SETTINGS = Settings(notifier_name="Ada Legal", notifier_email="ada@velmora.example")
NOT_OURS = {"decision": Decision.REJECTED, "reason": RejectionReason.NOT_OURS}
CONFIRMED = {"decision": Decision.CONFIRMED}


@pytest.fixture(scope="module")
def work(
    tmp_path_factory: pytest.TempPathFactory,
    models_dir: Path,
    shop_in: Callable[..., Any],
    few_distractors: dict[str, Any],
) -> Iterator[Workspace]:
    settings = Settings(home=tmp_path_factory.mktemp("reviewed"), models_dir=models_dir, **few_distractors)
    with Workspace(settings) as opened:
        shop_in(opened.evidence).stock(opened.records)
        score_listings(opened.records.listings(), opened.scorer(), opened.evidence, opened.records)
        yield opened


@pytest.fixture
def records(work: Workspace) -> Records:
    """A copy of what was scored, with one case of two listings and its draft."""
    made = MemoryRecords()
    holder = work.records.rights_holders()[0]
    made.save_catalog(Catalog(rights_holder=holder, products=tuple(work.records.products())))
    made.save_listings(work.records.listings())
    made.save_assessments(work.records.assessments())
    draft_notices(made, work.evidence, SETTINGS)
    return made


@pytest.fixture
def case_id(records: Records) -> str:
    (case,) = records.cases()
    assert set(case.listing_ids) == {"a-copy", "b-copy"}
    return case.case_id


@pytest.fixture
def decide(records: Records, case_id: str) -> Callable[..., ReviewReport]:
    def call(*listing_ids: str, **said: Any) -> ReviewReport:
        given: dict[str, Any] = {"reviewer": "ann", "listing_ids": listing_ids} | said
        return review_listings(given.pop("case_id", case_id), records, SETTINGS, **given)

    return call


def noticed(records: Records) -> set[str]:
    return {item.listing_id for notice in records.notices() for item in notice.items}


def everything(records: Records) -> list[Any]:
    return [dump(one) for one in (*records.cases(), *records.notices(), *records.reviews())]


def test_a_rejected_listing_leaves_its_case_and_its_draft_at_once(
    records: Records, decide: Callable[..., ReviewReport]
) -> None:
    report = decide("a-copy", **NOT_OURS, note="sold by our licensee")
    assert report.saved == SaveCount(added=1)
    assert report.case is not None
    assert report.case.listing_ids == ("b-copy",)
    assert noticed(records) == {"b-copy"}
    assert [notice.items for notice in report.notices] == [notice.items for notice in records.notices()]
    assert records.standing_reviews() == list(report.reviews)


def test_a_case_without_a_listing_left_is_gone(records: Records, decide: Callable[..., ReviewReport]) -> None:
    report = decide(**NOT_OURS)
    assert report.case is None
    assert (list(records.cases()), list(records.notices()), report.notices) == ([], [], ())


def test_no_draft_is_made_where_there_was_none(records: Records, decide: Callable[..., ReviewReport]) -> None:
    records.delete_cases([case.case_id for case in records.cases()])
    open_cases(records, RightsRegister.read(records))
    assert decide("a-copy", **NOT_OURS).notices == ()
    assert list(records.notices()) == []


@pytest.mark.parametrize("listing_ids", [(), ("a-copy",), ("b-copy", "a-copy", "b-copy")])
@pytest.mark.parametrize(
    "said", [NOT_OURS, CONFIRMED, {"decision": Decision.REJECTED, "reason": RejectionReason.OTHER}]
)
def test_deciding_the_same_again_changes_nothing(
    records: Records, decide: Callable[..., ReviewReport], listing_ids: tuple[str, ...], said: dict[str, Any]
) -> None:
    first = decide(*listing_ids, **said)
    before = everything(records)
    again = decide(*listing_ids, **said, now=datetime(2050, 1, 1, tzinfo=UTC))
    assert again.saved == SaveCount(unchanged=len(first.reviews))
    assert everything(records) == before


def test_a_rejected_listing_stays_out_however_it_is_scored_and_drafted_again(
    work: Workspace, records: Records, decide: Callable[..., ReviewReport]
) -> None:
    decide("a-copy", **NOT_OURS)
    score_listings(records.listings(), work.scorer(), work.evidence, records)
    was = records.assessment("bazaar", "a-copy")
    records.save_assessments([replace(was, probability=1.0, versions=replace(was.versions, code="9"))])
    report = draft_notices(records, work.evidence, SETTINGS)
    assert {listing_id for case in report.cases for listing_id in case.listing_ids} == {"b-copy"}
    assert noticed(records) == {"b-copy"}


def test_changed_content_is_judged_anew(work: Workspace, records: Records, decide: Callable[..., ReviewReport]) -> None:
    decide("a-copy", **NOT_OURS)
    changed = replace(records.listing("bazaar", "a-copy"), description="Now with free shipping.")
    records.save_listings([changed])
    records.save_assessments([work.records.assessment("bazaar", "a-copy")])
    (case,) = open_cases(records, RightsRegister.read(records))
    assert set(case.listing_ids) == {"a-copy", "b-copy"}


def test_a_changed_mind_brings_the_listing_back_and_both_decisions_are_kept(
    records: Records, decide: Callable[..., ReviewReport]
) -> None:
    early = datetime(2020, 1, 1, tzinfo=UTC)
    for said in (NOT_OURS, CONFIRMED, NOT_OURS, CONFIRMED):  # by a clock that stands still
        report = decide(**said, now=early)
    assert report.case is not None
    assert set(report.case.listing_ids) == {"a-copy", "b-copy"}
    assert [review.decision for review in records.reviews()] == [Decision.REJECTED, Decision.CONFIRMED] * 4
    assert {review.decision for review in records.standing_reviews()} == {Decision.CONFIRMED}


def test_a_draft_that_a_killed_rejection_left_does_not_pass_and_is_not_exported(
    work: Workspace, records: Records, case_id: str, tmp_path: Path
) -> None:
    assert not any(found.field.endswith("review") for found in lint_notices(records, work.evidence))
    review = review_of(records, case_id, "a-copy", RejectionReason.GENUINE_RESALE)
    records.save_reviews([review])  # and here the process died
    assert "a-copy" in noticed(records)
    complaints = [found for found in lint_notices(records, work.evidence) if "does not infringe" in found.reason]
    assert len(complaints) == 1
    with pytest.raises(NoticeIncomplete, match="does not infringe"):
        export_notices(records, work.evidence, tmp_path, prepared_on=date(2026, 1, 15))
    assert list(tmp_path.iterdir()) == []


def review_of(records: Records, case_id: str, listing_id: str, reason: RejectionReason) -> Review:
    listing = records.listing("bazaar", listing_id)
    return Review(
        marketplace="bazaar",
        listing_id=listing_id,
        rights_holder="Velmora Ltd",
        case_id=case_id,
        decision=Decision.REJECTED,
        reason=reason,
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
        reviewer="ann",
        content_digest=content_digest(listing),
        versions_digest="0" * 64,
        probability=0.9,
    )


@pytest.mark.parametrize("reason", RejectionReason)
def test_what_is_about_one_rights_holder_clears_nobody_else(
    records: Records, case_id: str, reason: RejectionReason
) -> None:
    review = replace(review_of(records, case_id, "a-copy", reason), rights_holder="Somebody Else")
    records.save_reviews([review])
    (case,) = open_cases(records, RightsRegister.read(records))
    stays = reason in (RejectionReason.NOT_OURS, RejectionReason.AUTHORIZED)
    assert ("a-copy" in case.listing_ids) == stays


def test_a_review_holds_what_was_seen(records: Records, decide: Callable[..., ReviewReport]) -> None:
    (review,) = decide("a-copy", **NOT_OURS, reviewer=" ann ", note="n").reviews
    seen = records.assessment("bazaar", "a-copy")
    assert review.strengths == {finding.name: finding.strength for finding in (*seen.signals, *seen.guards)}
    assert review.probability == seen.probability
    assert review.versions_digest == digest(dump(seen.versions))
    assert review.content_digest == content_digest(records.listing("bazaar", "a-copy"))
    assert (review.reviewer, review.note, review.product) == ("ann", "n", "p1")
    (region,) = review.regions
    assert region.seen_as == SeenAs.COPY
    assert region.image_sha256 == records.listing("bazaar", "a-copy").images[0].sha256
    assert region.reference_sha256 == records.products()[1].images[0].sha256
    assert region.box is None


def test_marks_are_seen_with_their_boxes_and_what_is_no_match_is_not(records: Records) -> None:
    image, logo, other = "a" * 64, "b" * 64, "c" * 64
    stated = {"image_sha256": image, "rights_holder": "Velmora Ltd", "brand": "Velmora"}
    also: list[Any] = [
        stated | {"logo_sha256": other, "box": [5, 6, 7, 8.5]},
        stated | {"logo_sha256": other, "box": [5, 6, 7, 8.5]},
        stated | {"rights_holder": "Somebody Else", "logo_sha256": other, "box": [0, 0, 1, 1]},
        stated | {"logo_sha256": "../../etc", "box": [0, 0, 1, 1]},
        stated | {"logo_sha256": logo, "box": [0, 0, "wide"]},
        "nonsense",
    ]
    evidence: dict[str, Any] = stated | {"logo_sha256": logo, "box": [1.0, 2.0, 3.0, 4.0], "others": also}
    finding = Finding(name=SignalName.LOGO_MISUSE, strength=0.9, sentence="Seen.", brand="Velmora", evidence=evidence)
    seen = replace(records.assessment("bazaar", "a-copy"), signals=(finding,))
    found = seen_regions(seen, "Velmora Ltd", RightsRegister.read(records))
    assert found == (
        SeenRegion(seen_as=SeenAs.MARK, image_sha256=image, reference_sha256=logo, box=(1.0, 2.0, 3.0, 4.0)),
        SeenRegion(seen_as=SeenAs.MARK, image_sha256=image, reference_sha256=other, box=(5.0, 6.0, 7.0, 8.5)),
    )


def test_the_patch_that_hides_a_mark_is_no_region_of_it(records: Records) -> None:
    mark = {"image_sha256": "a" * 64, "rights_holder": "Velmora Ltd", "logo_sha256": "b" * 64, "box": [1, 2, 3, 4]}
    seen = records.assessment("bazaar", "a-copy")
    for hidden, regions in ((True, 0), (False, 1)):
        finding = Finding(
            name=SignalName.ALTERED_LOGO, strength=0.9, sentence="Seen.", evidence=mark | {"hidden": hidden}
        )
        told = seen_regions(replace(seen, signals=(finding,)), "Velmora Ltd", RightsRegister.read(records))
        assert len(told) == regions


@pytest.mark.parametrize(
    ("said", "error", "field"),
    [
        ({"case_id": "0" * 24} | NOT_OURS, NotFound, None),
        ({"listing_ids": ("d-unrelated",)} | NOT_OURS, BadInput, "listing_id"),
        ({"listing_ids": ("a-copy", "nowhere")} | CONFIRMED, BadInput, "listing_id"),
        ({"decision": Decision.REJECTED}, BadInput, "reason"),
        ({"decision": Decision.CONFIRMED, "reason": RejectionReason.OTHER}, BadInput, "reason"),
        ({"note": "n" * (MAX_NOTE + 1)} | CONFIRMED, BadInput, "note"),
        ({"reviewer": "  "} | CONFIRMED, BadInput, "reviewer"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_nothing_changes(
    records: Records,
    decide: Callable[..., ReviewReport],
    said: dict[str, Any],
    error: type[Exception],
    field: str | None,
) -> None:
    before = everything(records)
    with pytest.raises(error) as refusal:
        decide(**said)
    assert getattr(refusal.value, "field", None) == field
    assert everything(records) == before


def test_a_listing_that_changed_since_it_was_scored_has_to_be_scored_again(
    records: Records, decide: Callable[..., ReviewReport]
) -> None:
    records.save_listings([replace(records.listing("bazaar", "a-copy"), title="Other")])
    with pytest.raises(NotFound, match="a-copy") as refusal:
        decide("a-copy", **CONFIRMED)
    assert "score" in refusal.value.advice
    assert records.reviews() == []


def test_an_assessment_is_not_what_decides(records: Records, decide: Callable[..., ReviewReport]) -> None:
    seen: Assessment = records.assessment("bazaar", "a-copy")
    decide("a-copy", **NOT_OURS)
    assert records.assessment("bazaar", "a-copy") == seen
