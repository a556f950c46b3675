"""``assayer models calibrate``: thresholds for a wanted rate of false matches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_findings, say_json, say_note, say_rows
from domain.codec import dump
from domain.settings import load_settings
from index.calibration import Calibration
from index.threads import one_thread_each
from jobs.calibrate import CalibrationReport
from jobs.workspace import Workspace


def calibrate(
    false_match_rate: Annotated[
        float | None,
        typer.Option(help="Share of unrelated pictures that may match the catalog; ASSAYER_FALSE_MATCH_RATE."),
    ] = None,
    distractors: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures that show nothing of the catalog; ASSAYER_DISTRACTORS_DIR."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Set the thresholds of the index for a wanted rate of false matches; the index is built first where needed."""
    one_thread_each()
    with Workspace(load_settings()) as work, progress_bars() as progress:
        report = work.calibrate(
            work.artifact(progress), false_match_rate=false_match_rate, distractors=distractors, progress=progress
        )
    if as_json:
        say_json(_as_dict(report))
    else:
        _say(report)


def calibration_facts(calibration: Calibration) -> Mapping[str, object]:
    """What a person asks for first; a threshold that does not apply is left out."""
    thresholds = {
        "match from": calibration.thresholds.copy,
        "copy similarity from": calibration.thresholds.copy_similarity,
        "mark similarity from": calibration.thresholds.mark_similarity,
    }
    return {
        "calibration": calibration.version,
        "false-match rate": calibration.false_match_rate,
        "distractors": calibration.distractors,
        "background": calibration.background,
        **{name: value for name, value in thresholds.items() if value is not None},
    }


def _as_dict(report: CalibrationReport) -> dict[str, object]:
    return {
        "version": report.calibration.version,
        **dump(report.calibration),
        "refused": [error.as_dict() for error in report.refused],
        "resembling": [dump(one) for one in report.resembling],
    }


def _say(report: CalibrationReport) -> None:
    say_findings(report.refused)
    say_facts("Calibrated", calibration_facts(report.calibration))
    if report.resembling:
        say_note("yellow", "look", "these distractors look like copies; where they are, take them out of the folder")
        say_rows(
            ("distractor", "reference", "confidence"),
            ((one.name, one.reference_id, f"{one.confidence:.3f}") for one in report.resembling),
        )
