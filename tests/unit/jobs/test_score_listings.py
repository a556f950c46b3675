from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.assessment import Assessment, Band, GuardName, SignalName
from domain.codec import digest, dump
from domain.errors import NotReady, StoreUnavailable
from domain.listing import Listing
from domain.settings import Settings
from jobs import score_listings as module
from jobs.score_listings import Scorer, score_listings
from jobs.workspace import Workspace
from scoring.combiner import Combiner
from store.interfaces import SaveCount
from store.memory import MemoryRecords

IDS = ["a-copy", "b-copy", "c-authorized", "d-unrelated", "e-pictureless", "f-lost"]


@pytest.fixture(scope="module")
def work(
    tmp_path_factory: pytest.TempPathFactory,
    models_dir: Path,
    shop_in: Callable[..., Any],
    few_distractors: dict[str, Any],
) -> Iterator[Workspace]:
    settings = Settings(home=tmp_path_factory.mktemp("state"), models_dir=models_dir, **few_distractors)
    with Workspace(settings) as opened:
        shop_in(opened.evidence).stock(opened.records)
        yield opened


@pytest.fixture(scope="module")
def scorer(work: Workspace) -> Scorer:
    return work.scorer()


@pytest.fixture
def records(work: Workspace, shop_in: Callable[..., Any]) -> MemoryRecords:
    """Records of their own for each test; evidence, index and models are shared."""
    made = MemoryRecords()
    shop_in(work.evidence).stock(made)
    return made


def stored(records: Any) -> list[dict[str, Any]]:
    return [dump(assessment) for assessment in records.assessments()]


def test_every_listing_is_assessed_for_what_it_is(work: Workspace, scorer: Scorer, records: MemoryRecords) -> None:
    report = score_listings(records.listings(), scorer, work.evidence, records)
    verdicts = {one.listing_id: one for one in records.assessments()}
    assert list(verdicts) == IDS
    for listing_id, reference in (("a-copy", "p1"), ("b-copy", "p2")):
        signal = verdicts[listing_id].signal(SignalName.COPIED_PHOTO)
        assert signal
        assert signal.reference_id == reference
        assert signal.strength > 0.9
        assert verdicts[listing_id].band == Band.ENFORCE
    assert verdicts["c-authorized"].signal(SignalName.COPIED_PHOTO) is None
    assert verdicts["c-authorized"].guard(GuardName.AUTHORIZED_SELLER)
    assert verdicts["d-unrelated"].signals == ()
    assert verdicts["d-unrelated"].band == Band.CLEAR
    for unread in ("e-pictureless", "f-lost"):
        assert [part.what for part in verdicts[unread].unreadable] == ["image"]
        assert verdicts[unread].signal(SignalName.COPIED_PHOTO) is None
        assert verdicts[unread].guard(GuardName.OWN_PHOTO) is None
    assert all(one.versions == scorer.versions for one in verdicts.values())
    assert (report.scored, report.matched, report.without_image_verdict) == (6, 3, 2)
    assert report.saved == SaveCount(added=6)
    assert sum(report.bands.values()) == 6


def test_running_twice_changes_nothing(work: Workspace, scorer: Scorer) -> None:
    records = work.records  # the database that people have
    versions = digest(dump(scorer.versions))
    first = score_listings(records.unscored_listings(versions), scorer, work.evidence, records)
    before = stored(records)
    again = score_listings(records.listings(), scorer, work.evidence, records)
    fresh = score_listings(records.unscored_listings(versions), scorer, work.evidence, records)
    assert first.saved == SaveCount(added=6)
    assert again.saved == SaveCount(unchanged=6)
    assert again.bands == first.bands
    assert fresh.scored == 0
    assert stored(records) == before


class Witness:
    """Writes through, and remembers in which order what was saved."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records, self.batches = records, list[list[str]]()

    def save_assessments(self, assessments: Iterable[Assessment], *, scored: Iterable[Listing] = ()) -> SaveCount:
        made, read = list(assessments), list(scored)
        assert [one.listing_id for one in made] == [one.listing_id for one in read]
        self.batches.append([one.listing_id for one in made])
        return self._records.save_assessments(made, scored=read)


def test_batches_are_saved_in_order_before_anything_is_told(
    work: Workspace, scorer: Scorer, records: MemoryRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    witness, told, kept = Witness(records), list[tuple[str, int, int | None]](), list[str]()

    def progress(stage: str, done: int, total: int | None) -> None:
        assert len(stored(records)) == done == len(kept)
        told.append((stage, done, total))

    def keep(assessment: Assessment) -> None:
        assert records.assessment(assessment.marketplace, assessment.listing_id) == assessment
        kept.append(assessment.listing_id)

    score_listings(records.listings(), scorer, work.evidence, witness, total=6, keep=keep, progress=progress)
    assert witness.batches == [IDS[:4], IDS[4:]]
    assert told == [("score", 4, 6), ("score", 6, 6)]
    assert kept == IDS


def test_nothing_to_score_saves_nothing(work: Workspace, scorer: Scorer, records: MemoryRecords) -> None:
    witness = Witness(records)
    report = score_listings([], scorer, work.evidence, witness)
    assert (report.scored, report.saved, witness.batches) == (0, SaveCount(), [])


def test_a_listing_that_changes_meanwhile_gets_no_verdict(
    work: Workspace, scorer: Scorer, records: MemoryRecords
) -> None:
    changed = replace(records.listing("bazaar", "a-copy"), title="now something else")

    class Interrupting:
        """A crawl saves a new version of the listing while its picture is being read."""

        def read(self, sha256: str) -> bytes:
            records.save_listings([changed])
            return work.evidence.read(sha256)

        def __contains__(self, sha256: str) -> bool:
            return sha256 in work.evidence

    report = score_listings(list(records.listings()), scorer, Interrupting(), records)
    assert report.saved == SaveCount(added=5)
    assert [one.listing_id for one in records.assessments()] == IDS[1:]
    left = list(records.unscored_listings(digest(dump(scorer.versions))))
    assert left == [changed]
    score_listings(left, scorer, work.evidence, records)
    assert [one.listing_id for one in records.assessments()] == IDS


def test_a_run_that_breaks_off_keeps_its_batches_and_is_taken_up_again(
    work: Workspace,
    scorer: Scorer,
    records: MemoryRecords,
    shop_in: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undisturbed = MemoryRecords()
    shop_in(work.evidence).stock(undisturbed)
    score_listings(undisturbed.listings(), scorer, work.evidence, undisturbed)
    monkeypatch.setattr(module, "BATCH", 2)

    class Failing:
        """The disk goes away when the unrelated listing's picture is read."""

        def read(self, sha256: str) -> bytes:
            if sha256 == records.listing("bazaar", "d-unrelated").images[0].sha256:
                raise StoreUnavailable("evidence cannot be reached")
            return work.evidence.read(sha256)

        def __contains__(self, sha256: str) -> bool:
            return True

    with pytest.raises(StoreUnavailable):
        score_listings(list(records.listings()), scorer, Failing(), records)
    assert [one.listing_id for one in records.assessments()] == IDS[:2]
    unscored = records.unscored_listings(digest(dump(scorer.versions)))
    report = score_listings(list(unscored), scorer, work.evidence, records)
    assert report.saved == SaveCount(added=4)
    assert stored(records) == stored(undisturbed)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_however_many_work_the_verdicts_are_the_same(
    work: Workspace, scorer: Scorer, records: MemoryRecords, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: workers)
    score_listings(records.listings(), scorer, work.evidence, records)
    alone = [dump(scorer.score(listing, work.evidence).assessment) for listing in records.listings()]
    assert stored(records) == alone


def test_one_listing_is_scored_like_many(work: Workspace, scorer: Scorer, records: MemoryRecords) -> None:
    score_listings(records.listings(), scorer, work.evidence, records)
    for listing in records.listings():
        alone = scorer.score(listing, work.evidence)
        assert alone.assessment == records.assessment(*listing.key)
        assert alone.matches.images_read == (listing.listing_id not in ("e-pictureless", "f-lost"))


def test_without_a_combiner_there_is_no_scorer(work: Workspace, scorer: Scorer, tmp_path: Path) -> None:
    with pytest.raises(NotReady):
        Scorer(
            scorer.matcher,
            Combiner(tmp_path),
            scorer.catalog,
            work.settings,
            calibration=work.stored_calibration(work.artifact()),
        )
