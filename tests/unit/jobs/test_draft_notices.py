from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.assessment import Assessment, Band
from domain.catalog import Catalog
from domain.codec import dump
from domain.errors import NoticeIncomplete, StoreUnavailable
from domain.settings import Settings
from jobs.draft_notices import draft_notices, export_notices, lint_notices, open_cases
from jobs.score_listings import score_listings
from jobs.workspace import Workspace
from store.evidence import MemoryEvidence
from store.interfaces import Records
from store.memory import MemoryRecords
from takedown.rights import RightsRegister

SETTINGS = Settings(notifier_name="Ada Legal", notifier_email="ada@velmora.example")
PREPARED_ON = date(2026, 1, 15)


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
        score_listings(opened.records.listings(), opened.scorer(), opened.evidence, opened.records)
        yield opened


@pytest.fixture
def records(work: Workspace) -> Records:
    """A copy of what was scored, for each test to change."""
    made = MemoryRecords()
    holder = work.records.rights_holders()[0]
    made.save_catalog(Catalog(rights_holder=holder, products=tuple(work.records.products())))
    made.save_listings(work.records.listings())
    made.save_assessments(work.records.assessments())
    return made


def everything(records: Records) -> list[Any]:
    return [dump(one) for one in (*records.cases(), *records.notices())]


def lower(records: Records, listing_id: str) -> Assessment:
    """The listing turns out to be harmless."""
    was = records.assessment("bazaar", listing_id)
    now = replace(was, band=Band.CLEAR, probability=0.01)
    records.save_assessments([now])
    return was


def test_infringing_listings_become_one_notice_per_case(work: Workspace, records: Records) -> None:
    told: list[tuple[str, int, int | None]] = []
    report = draft_notices(records, work.evidence, SETTINGS, progress=lambda *step: told.append(step))
    (case,) = report.cases
    (notice,) = report.notices
    assert (case.seller_id, case.rights_holder, set(case.listing_ids)) == (
        "bargain-9",
        "Velmora Ltd",
        {"a-copy", "b-copy"},
    )
    assert notice.case_id == case.case_id
    assert {item.listing_id for item in notice.items} == {"a-copy", "b-copy"}
    assert (notice.notifier_name, notice.notifier_email) == ("Ada Legal", "ada@velmora.example")
    assert report.listings == 2
    assert report.without_rights_holder == ()
    assert told == [("draft", 1, 1)]
    assert list(records.cases()) == [case]
    assert list(records.notices()) == [notice]


def test_running_twice_changes_nothing(work: Workspace, records: Records) -> None:
    first = draft_notices(records, work.evidence, SETTINGS)
    before = everything(records)
    assert draft_notices(records, work.evidence, SETTINGS) == first
    assert everything(records) == before


def test_stored_notices_are_linted_as_they_are_now(work: Workspace, records: Records) -> None:
    report = draft_notices(records, work.evidence, SETTINGS)
    assert lint_notices(records, work.evidence) == report.findings
    lower(records, "b-copy")
    later = {finding.reason for finding in lint_notices(records, work.evidence)}
    assert later - {finding.reason for finding in report.findings}


def test_a_case_that_changes_goes_with_its_draft(work: Workspace, records: Records) -> None:
    draft_notices(records, work.evidence, SETTINGS)
    lower(records, "b-copy")
    (case,) = open_cases(records, RightsRegister.read(records))
    assert case.listing_ids == ("a-copy",)
    assert list(records.notices()) == []
    (notice,) = draft_notices(records, work.evidence, SETTINGS).notices
    assert [item.listing_id for item in notice.items] == ["a-copy"]
    assert list(records.notices()) == [notice]


def test_a_case_that_no_longer_holds_is_gone(work: Workspace, records: Records) -> None:
    draft_notices(records, work.evidence, SETTINGS)
    for listing_id in ("a-copy", "b-copy"):
        lower(records, listing_id)
    report = draft_notices(records, work.evidence, SETTINGS)
    assert (report.cases, report.notices) == ((), ())
    assert everything(records) == []


def test_a_case_that_stays_keeps_its_draft(work: Workspace, records: Records) -> None:
    (notice,) = draft_notices(records, work.evidence, SETTINGS).notices
    open_cases(records, RightsRegister.read(records))
    assert list(records.notices()) == [notice]


def test_an_infringement_of_nobody_named_is_left_to_a_person(work: Workspace, records: Records) -> None:
    was = records.assessment("bazaar", "a-copy")
    nameless = tuple(replace(one, brand=None, reference_id=None, evidence={}) for one in was.signals)
    records.save_assessments([replace(was, signals=nameless)])
    report = draft_notices(records, work.evidence, SETTINGS)
    assert report.without_rights_holder == ("a-copy",)
    assert [case.listing_ids for case in report.cases] == [("b-copy",)]


def test_drafts_are_exported_with_their_proof(work: Workspace, records: Records, tmp_path: Path) -> None:
    draft_notices(records, work.evidence, SETTINGS)
    told: list[tuple[str, int, int | None]] = []
    exported = export_notices(
        records,
        work.evidence,
        tmp_path,
        prepared_on=PREPARED_ON,
        as_draft=True,
        progress=lambda *step: told.append(step),
    )
    assert len(exported) == 1
    assert told == [("export", 1, 1)]
    assert any(path.suffix == ".pdf" for path in tmp_path.rglob("*"))
    assert any(path.suffix == ".jpg" for path in tmp_path.rglob("*"))


def test_what_is_incomplete_leaves_only_as_a_draft(work: Workspace, records: Records, tmp_path: Path) -> None:
    anonymous = Settings(notifier_name="", notifier_email="not an address")
    report = draft_notices(records, work.evidence, anonymous)
    assert report.findings
    with pytest.raises(NoticeIncomplete):
        export_notices(records, work.evidence, tmp_path, prepared_on=PREPARED_ON)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_case_of_more_listings_than_fit_one_notice_gets_several(
    work: Workspace, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = draft_notices(records, work.evidence, SETTINGS).notices
    monkeypatch.setattr("takedown.drafting.MAX_ITEMS", 1)
    monkeypatch.setattr("takedown.lint.MAX_ITEMS", 1)
    assert any(one.field == "items" for one in lint_notices(records, work.evidence))
    records.delete_cases([whole.case_id])
    report = draft_notices(records, work.evidence, SETTINGS)
    assert [len(notice.items) for notice in report.notices] == [1, 1]
    assert [notice.items[0] for notice in report.notices] == list(whole.items)
    assert len({whole.notice_id, *(notice.notice_id for notice in report.notices)}) == 3
    assert {notice.case_id for notice in records.notices()} == {case.case_id for case in report.cases}
    assert not any(one.field == "items" for one in lint_notices(records, work.evidence))
    before = everything(records)
    draft_notices(records, work.evidence, SETTINGS)
    assert everything(records) == before


def test_damaged_evidence_keeps_its_own_notice_back_and_no_other(
    work: Workspace, records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("takedown.drafting.MAX_ITEMS", 1)
    damaged, whole = draft_notices(records, work.evidence, SETTINGS).notices
    evidence = MemoryEvidence()
    for item in (damaged.items[0], whole.items[0]):
        for image in records.listing("bazaar", item.listing_id).images:
            evidence.write(work.evidence.read(str(image.sha256)))
    for product in records.products():
        for reference in product.images:
            evidence.write(work.evidence.read(reference.sha256))
    digest = str(records.listing("bazaar", damaged.items[0].listing_id).images[0].sha256)
    evidence._contents[digest] += b"!"
    found = [one for one in lint_notices(records, evidence) if "is damaged" in one.reason]
    assert [(one.notice_id, one.reason) for one in found] == [(damaged.notice_id, f"evidence {digest} is damaged")]
    with pytest.raises(NoticeIncomplete, match=f"hashes to|{digest}"):
        export_notices(records, evidence, tmp_path, prepared_on=PREPARED_ON, as_draft=True)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == [whole.notice_id]


def test_an_evidence_store_out_of_reach_ends_an_export(work: Workspace, records: Records, tmp_path: Path) -> None:
    class Gone(MemoryEvidence):
        def read(self, sha256: str) -> bytes:
            raise StoreUnavailable("evidence cannot be reached")

    draft_notices(records, work.evidence, SETTINGS)
    with pytest.raises(StoreUnavailable):
        export_notices(records, Gone(), tmp_path, prepared_on=PREPARED_ON, as_draft=True)


def test_nothing_drafted_exports_nothing(work: Workspace, records: Records, tmp_path: Path) -> None:
    assert export_notices(records, work.evidence, tmp_path, prepared_on=PREPARED_ON) == ()
