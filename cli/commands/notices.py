"""``assayer notices``: drafted, linted, exported with proof. Nothing is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.destination import ready_folder
from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json, say_note
from domain.codec import dump
from domain.notice import LintFinding
from domain.settings import load_settings
from jobs.draft_notices import draft_notices, export_notices, lint_notices, outdated_exports
from jobs.workspace import Workspace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Draft, lint and export notices.")


@app.command()
def draft(as_json: JsonOption = False) -> None:
    """One notice for each case, from the listings in `enforce`."""
    with Workspace(load_settings()) as work, progress_bars() as progress:
        report = draft_notices(work.records, work.evidence, work.settings, progress=progress)
    if as_json:
        say_json(dump(report))
        return
    _say_findings(report.findings)
    facts = {
        "cases": len(report.cases),
        "notices": len(report.notices),
        "listings": report.listings,
        "incomplete notices": len({finding.notice_id for finding in report.findings}),
        "listings without a rights holder": len(report.without_rights_holder),
    }
    say_facts("Drafted", facts)


@app.command()
def lint(as_json: JsonOption = False) -> None:
    """What the drafted notices lack; exit 1 when they lack something."""
    with Workspace(load_settings()) as work:
        findings = lint_notices(work.records, work.evidence)
    if as_json:
        say_json([dump(finding) for finding in findings])
    else:
        _say_findings(findings)
        say_facts("Lint", {"findings": len(findings)})
    if findings:
        raise typer.Exit(1)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="Folder; each notice gets one of its own in it.")] = Path("notices"),
    as_draft: Annotated[bool, typer.Option("--as-draft", help="Also what is incomplete, marked DRAFT.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Notice, letter, e-mail and proof into a folder, with a SHA-256 manifest."""
    with Workspace(load_settings()) as work, progress_bars() as progress:
        for outdated in outdated_exports(work.records, ready_folder(out)):
            say_note("yellow", "outdated", f"{outdated}: its case has changed or gone; do not send it")
        exported = export_notices(
            work.records,
            work.evidence,
            out,
            prepared_on=datetime.now(UTC).date(),
            as_draft=as_draft,
            progress=progress,
        )
    if as_json:
        say_json([dump(notice) for notice in exported])
    else:
        say_facts("Exported", {"notices": len(exported), "folder": out})


def _say_findings(findings: tuple[LintFinding, ...]) -> None:
    for finding in findings:
        say_note("yellow", "lacks", f"{finding.notice_id}: {finding.field} {finding.reason}")
