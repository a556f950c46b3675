from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.assessment import SignalName
from domain.codec import digest, dump
from domain.errors import BadInput, NotFound
from domain.match import Box
from domain.negative import NegativeRegion
from domain.review import Decision, RejectionReason, Review, SeenAs, SeenRegion
from domain.settings import Settings
from index.negative_bank import NO_NEGATIVES
from jobs.draft_notices import open_cases
from jobs.negatives import add_negatives, negative_regions, negatives_state, remove_negatives
from jobs.review_cases import review_listings
from jobs.score_listings import score_listings
from jobs.workspace import Workspace
from store.interfaces import SaveCount
from takedown.rights import RightsRegister

HOLDER = "Velmora Ltd"


@pytest.fixture
def work(
    tmp_path: Path, models_dir: Path, shop_in: Callable[..., Any], few_distractors: dict[str, Any]
) -> Iterator[Workspace]:
    """Scored, and its cases opened."""
    settings = Settings(home=tmp_path / "state", models_dir=models_dir, **few_distractors)
    with Workspace(settings) as opened:
        shop_in(opened.evidence).stock(opened.records)
        again(opened)
        yield opened


def again(work: Workspace) -> None:
    """Score what these versions have not scored, as the command does."""
    scorer = work.scorer()
    score_listings(work.records.unscored_listings(digest(dump(scorer.versions))), scorer, work.evidence, work.records)
    open_cases(work.records, RightsRegister.read(work.records))


def reject(work: Workspace, reason: RejectionReason, *listing_ids: str) -> None:
    (case,) = work.records.cases()
    decided = {"decision": Decision.REJECTED, "reason": reason, "reviewer": "ann", "listing_ids": listing_ids}
    review_listings(case.case_id, work.records, work.settings, **decided)  # type: ignore[arg-type]


def copied(work: Workspace, listing_id: str) -> bool:
    return work.records.assessment("bazaar", listing_id).signal(SignalName.COPIED_PHOTO) is not None


def test_a_picture_rejected_as_not_ours_is_found_nowhere_from_the_next_scoring_on(
    work: Workspace, shop_in: Callable[..., Any], draw: Callable[..., Any]
) -> None:
    shop = shop_in(work.evidence)
    near = np.ascontiguousarray(draw(1)[42:438, 33:338])
    work.records.save_listings([shop.listing("g-twin", near, title="Velmora Harbor Tote 1", seller="other-1")])
    again(work)
    assert copied(work, "g-twin")
    assert work.negatives() is NO_NEGATIVES
    (case,) = (case for case in work.records.cases() if case.seller_id == "bargain-9")
    review_listings(
        case.case_id,
        work.records,
        work.settings,
        decision=Decision.REJECTED,
        reason=RejectionReason.NOT_OURS,
        reviewer="ann",
        listing_ids=["a-copy"],
    )
    again(work)
    assert not copied(work, "g-twin")
    assert not copied(work, "a-copy")
    assert copied(work, "b-copy")
    assert {i for case in work.records.cases() for i in case.listing_ids} == {"b-copy"}
    bank = work.negatives()
    assert work.records.assessment("bazaar", "g-twin").versions.negatives == bank.version != ""


@pytest.mark.parametrize("reason", [reason for reason in RejectionReason if reason != RejectionReason.NOT_OURS])
def test_only_what_is_not_theirs_becomes_a_negative(work: Workspace, reason: RejectionReason) -> None:
    reject(work, reason)
    assert negative_regions(work.records) == ()


def test_a_changed_decision_takes_the_negative_back_and_changed_content_does_not(work: Workspace) -> None:
    listing = work.records.listing("bazaar", "a-copy")
    reject(work, RejectionReason.NOT_OURS, "a-copy")
    (region,) = negative_regions(work.records)
    sha256 = listing.images[0].sha256
    assert region == NegativeRegion(rights_holder=HOLDER, seen_as=SeenAs.COPY, sha256=str(sha256))
    work.records.save_listings([replace(listing, title="Something else")])
    assert negative_regions(work.records) == (region,)
    work.records.save_listings([listing])
    state = negatives_state(work.records)
    reject(work, RejectionReason.GENUINE_RESALE, "a-copy")
    assert negative_regions(work.records) == ()
    assert negatives_state(work.records) != state


def test_of_a_mark_its_box_is_the_negative(work: Workspace) -> None:
    reject(work, RejectionReason.NOT_OURS, "a-copy")
    (review,) = work.records.reviews()
    box: Box = (1.0, 2.0, 30.0, 40.0)
    mark = SeenRegion(seen_as=SeenAs.MARK, image_sha256="e" * 64, reference_sha256="f" * 64, box=box)
    later: Review = replace(
        review, regions=(mark,), note="by its label", decided_at=review.decided_at.replace(year=2100)
    )
    work.records.save_reviews([later])
    wanted = NegativeRegion(rights_holder=HOLDER, seen_as=SeenAs.MARK, sha256="e" * 64, box=box)
    assert negative_regions(work.records) == (wanted,)


def test_pictures_are_handed_in_once_and_taken_back(
    work: Workspace, tmp_path: Path, jpeg: Callable[..., bytes], draw: Callable[..., Any]
) -> None:
    paths = [tmp_path / "theirs.jpg", tmp_path / "same.jpg", tmp_path / "other.jpg"]
    for path, seed in zip(paths, (5, 5, 6), strict=True):
        path.write_bytes(jpeg(draw(seed)))
    report = add_negatives(HOLDER, paths, work.records, work.evidence, work.settings)
    assert (report.saved, report.bad) == (SaveCount(added=2), ())
    assert [negative.name for negative in report.added] == ["theirs.jpg", "other.jpg"]
    assert add_negatives(HOLDER, paths, work.records, work.evidence, work.settings).saved == SaveCount(unchanged=2)
    first, second = (negative.sha256 for negative in report.added)
    whole = {(region.sha256, region.seen_as, region.box) for region in negative_regions(work.records)}
    assert whole == {(sha256, seen_as, None) for sha256 in (first, second) for seen_as in SeenAs}
    assert work.negatives().holds(HOLDER, SeenAs.MARK)
    assert remove_negatives(HOLDER, [first[:8].upper()], work.records) == 1
    assert [negative.sha256 for negative in work.records.negatives()] == [second]


def test_what_is_no_picture_is_refused_by_name_and_the_others_are_kept(
    work: Workspace, tmp_path: Path, jpeg: Callable[..., bytes], draw: Callable[..., Any]
) -> None:
    good, text, gone = tmp_path / "good.jpg", tmp_path / "page.jpg", tmp_path / "gone.jpg"
    good.write_bytes(jpeg(draw(5)))
    text.write_bytes(b"<html>404</html>")
    report = add_negatives(HOLDER, [text, gone, good, tmp_path], work.records, work.evidence, work.settings)
    assert report.saved == SaveCount(added=1)
    assert [error.file for error in report.bad] == [str(text), str(gone), str(tmp_path)]


def test_a_stranger_has_no_negatives(work: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        add_negatives("Nobody", [tmp_path / "x.jpg"], work.records, work.evidence, work.settings)
    assert refusal.value.field == "rights_holder"


@pytest.mark.parametrize(("given", "error"), [("0" * 64, NotFound), ("00", BadInput), ("", BadInput)])
def test_what_was_not_handed_in_cannot_be_removed_and_nothing_is(
    work: Workspace,
    tmp_path: Path,
    jpeg: Callable[..., bytes],
    draw: Callable[..., Any],
    given: str,
    error: type[Exception],
) -> None:
    path = tmp_path / "theirs.jpg"
    path.write_bytes(jpeg(draw(5)))
    (negative,) = add_negatives(HOLDER, [path], work.records, work.evidence, work.settings).added
    with pytest.raises(error):
        remove_negatives(HOLDER, [negative.sha256, given], work.records)
    assert work.records.negatives() == [negative]


def test_a_kept_bank_is_used_until_the_negatives_change(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    reject(work, RejectionReason.NOT_OURS, "a-copy")
    made = work.negatives()

    def refuse(*_: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr("jobs.negatives.build_negative_bank", refuse)
        assert work.negatives().version == made.version
        reject(work, RejectionReason.NOT_OURS, "b-copy")
        with pytest.raises(AssertionError):
            work.negatives()
    assert work.negatives().version != made.version
