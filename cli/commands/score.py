"""``assayer score``: every listing gets its assessment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from cli.destination import ready_file
from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json
from domain.assessment import Assessment, Band
from domain.codec import digest, dump
from domain.settings import load_settings
from index.threads import one_thread_each
from jobs.draft_notices import open_cases
from jobs.score_listings import ScoreReport, score_listings
from jobs.workspace import Workspace
from takedown.rights import RightsRegister


def score(
    all_: Annotated[
        bool, typer.Option("--all/--new", help="All listings, or those without a current verdict.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write every current assessment there, as JSONL.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score listings against the catalog. The index is built first where it is missing or the catalog has changed."""
    one_thread_each()
    if out:
        ready_file(out)
    with Workspace(load_settings()) as work, progress_bars() as progress:
        scorer = work.scorer(progress)
        wanted = work.records.listings() if all_ else work.records.unscored_listings(digest(dump(scorer.versions)))
        report = score_listings(
            wanted,
            scorer,
            work.evidence,
            work.records,
            total=work.records.count_listings() if all_ else None,
            progress=progress,
        )
        cases = open_cases(work.records, RightsRegister.read(work.records))
        if out:
            with _lines_to(out) as keep:
                for assessment in work.records.assessments():
                    keep(assessment)
    _say(report, len(cases), as_json)


def _say(report: ScoreReport, cases: int, as_json: bool) -> None:
    facts = {
        "scored": report.scored,
        "matched": report.matched,
        **{band.value: report.bands.get(band, 0) for band in Band},
        "with unreadable images": report.without_image_verdict,
        "cases": cases,
    }
    if as_json:
        say_json(facts)
    else:
        say_facts("Scored", facts)


@contextmanager
def _lines_to(path: Path) -> Iterator[Callable[[Assessment], None]]:
    """One JSON object a line; the file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")

    def keep(assessment: Assessment) -> None:
        _write(file, assessment)

    with partial.open("w", encoding="utf-8") as file:
        yield keep
    partial.replace(path)


def _write(file: TextIO, assessment: Assessment) -> None:
    file.write(json.dumps(dump(assessment), ensure_ascii=False) + "\n")
