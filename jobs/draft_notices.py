"""From assessments to cases, from cases to drafted and exported notices. Nothing here sends anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from domain.assessment import Band
from domain.case import Case
from domain.errors import AssayerError, NoticeIncomplete, StoreUnavailable
from domain.notice import LintFinding, Notice
from domain.progress import Progress, silent
from domain.settings import Settings
from store.interfaces import EvidenceReader, Records
from takedown.backing import Backing
from takedown.cases import group_cases, without_rights_holder
from takedown.drafting import draft_notice, notice_cases
from takedown.export import ExportedNotice, export_notice
from takedown.lint import lint
from takedown.manifest import MANIFEST, safe_names
from takedown.rights import RightsRegister


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftReport:
    """What drafting did."""

    cases: tuple[Case, ...]
    notices: tuple[Notice, ...]
    findings: tuple[LintFinding, ...]
    """What the notices lack; a notice that is named here is not complete."""
    without_rights_holder: tuple[str, ...]
    """Listing ids in `enforce` for which no one rights holder can be named; a person must look."""

    @property
    def listings(self) -> int:
        """Listings that a notice asks to act on."""
        return sum(len(notice.items) for notice in self.notices)


def open_cases(records: Records, register: RightsRegister) -> tuple[Case, ...]:
    """The cases of all listings in `enforce` that nobody cleared.

    Cases that no longer hold, or hold otherwise, go with their drafts.
    """
    cases = group_cases(records.assessments(Band.ENFORCE), records.listing, register, records.standing_reviews())
    current = {case.case_id: case for case in cases}
    records.delete_cases([old.case_id for old in records.cases() if current.get(old.case_id) != old])
    records.save_cases(cases)
    return cases


def draft_notices(
    records: Records, evidence: EvidenceReader, settings: Settings, *, progress: Progress = silent
) -> DraftReport:
    """One notice per case, several where its listings do not fit one; linted and saved.

    Running it again changes nothing.
    """
    register = RightsRegister.read(records)
    cases = open_cases(records, register)
    reviews = records.standing_reviews()
    notices: list[Notice] = []
    findings: list[LintFinding] = []
    for done, case in enumerate(cases, start=1):
        backing = Backing.read(case, records, register, reviews)
        for notice in _drafted(backing, settings):
            notices.append(notice)
            findings += lint(notice, backing, evidence)
        progress("draft", done, len(cases))
    records.save_notices(notices)
    unnamed = without_rights_holder(records.assessments(Band.ENFORCE), register)
    return DraftReport(
        cases=cases,
        notices=tuple(notices),
        findings=tuple(findings),
        without_rights_holder=tuple(assessment.listing_id for assessment in unnamed),
    )


def _drafted(backing: Backing, settings: Settings) -> Iterator[Notice]:
    for part in notice_cases(backing.case):
        yield draft_notice(
            part, backing.listings, backing.assessments, backing.rights_holder, settings, register=backing.register
        )


def draft_again(records: Records, settings: Settings, case_ids: Iterable[str]) -> tuple[Notice, ...]:
    """The notices of those of the cases that still hold, drafted anew and saved; drafting runs before their lint."""
    register = RightsRegister.read(records)
    wanted = set(case_ids)
    backings = [Backing.read(case, records, register) for case in records.cases() if case.case_id in wanted]
    notices = tuple(notice for backing in backings for notice in _drafted(backing, settings))
    records.save_notices(notices)
    return notices


def lint_notices(records: Records, evidence: EvidenceReader) -> tuple[LintFinding, ...]:
    """What the stored notices lack, as of now."""
    register, reviews = RightsRegister.read(records), records.standing_reviews()
    return tuple(
        finding
        for notice in records.notices()
        for finding in lint(notice, Backing.read(records.case(notice.case_id), records, register, reviews), evidence)
    )


def export_notices(
    records: Records,
    evidence: EvidenceReader,
    folder: Path,
    *,
    prepared_on: date,
    as_draft: bool = False,
    progress: Progress = silent,
) -> tuple[ExportedNotice, ...]:
    """Each stored notice with its proof into a folder of its own.

    With `as_draft`, what is incomplete goes too, marked DRAFT. Without, it stays behind: the complete ones are exported
    first, then NoticeIncomplete is raised for the others, and for those that cannot be exported at all, such as over
    damaged evidence. StoreUnavailable ends it at once: it is no finding about a notice.
    """
    register, reviews = RightsRegister.read(records), records.standing_reviews()
    notices = records.notices()
    exported: list[ExportedNotice] = []
    left_out: list[AssayerError] = []
    for done, notice in enumerate(notices, start=1):
        try:
            backing = Backing.read(records.case(notice.case_id), records, register, reviews)
            exported.append(
                export_notice(
                    notice, backing, evidence=evidence, folder=folder, prepared_on=prepared_on, as_draft=as_draft
                )
            )
        except StoreUnavailable:
            raise
        except AssayerError as error:
            left_out.append(error)
        progress("export", done, len(notices))
    if left_out:
        raise NoticeIncomplete(
            f"{len(exported)} of {len(notices)} notices were exported; left out: {left_out[0]}"
            + (f"; and {len(left_out) - 1} more" if left_out[1:] else ""),
            advice="See what they lack with: assayer notices lint; or export them as drafts, with --as-draft.",
        )
    return tuple(exported)


def outdated_exports(records: Records, folder: Path) -> tuple[Path, ...]:
    """Exported notices in `folder` that are no longer drafted, as their case has changed or gone: not to be sent."""
    current = set(safe_names(notice.notice_id for notice in records.notices()).values())
    exported = (path.parent for path in sorted(folder.glob(f"*/{MANIFEST}")))
    return tuple(path for path in exported if path.name not in current)
