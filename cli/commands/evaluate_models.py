"""``assayer evaluate models``: how good the image model is, beside baselines measured in the same run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.destination import ready_file
from cli.options import JsonOption
from cli.output import progress_bars, say_json, say_line, say_note, say_rows
from domain.settings import load_settings
from index.threads import one_thread_each
from index.verification import load_verifier
from jobs.embedders import MODEL_FILE, embedder_path
from jobs.estimates import Estimate
from jobs.evaluate_models.figures import Measurement, ModelReport
from jobs.evaluate_models.run import SUBJECTS, evaluate_models, subjects
from jobs.model_cards.tables import number
from jobs.workspace import Workspace

DEFAULT_DATA = Path("..") / "shared" / "data"
"""Where the pictures lie beside a checkout; ``ASSAYER_TEST_DATA`` names another place."""


def models(
    data: Annotated[
        Path | None, typer.Option(help="Folder with realshop/, marks/, car_logos/, clothing/ and grocery/.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Folder of an embedder; the one in use by default.")] = None,
    only: Annotated[str, typer.Option(help="Some of the subjects, parted by commas.")] = ",".join(SUBJECTS),
    out: Annotated[Path | None, typer.Option(help="Write the JSON to this file, too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What the image model finds among pictures that trained nothing, with 95 % intervals, beside baselines."""
    one_thread_each()
    chosen, settings = subjects(only), load_settings()
    file = ready_file(out) if out else None
    with Workspace(settings) as work, progress_bars() as progress:
        path = model / MODEL_FILE if model else embedder_path(settings.home, work.models_dir)
        own_verifier = path.parent / "verifier.json"
        report = evaluate_models(
            data or Path(os.environ.get("ASSAYER_TEST_DATA") or DEFAULT_DATA),
            path,
            load_verifier(own_verifier) if own_verifier.is_file() else work.verifier,
            settings,
            only=chosen,
            models_dir=work.models_dir,
            progress=progress,
        )
    if file:
        file.write_text(json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if as_json:
        say_json(report.as_dict())
    else:
        say_report(report)


def say_report(report: ModelReport) -> None:
    """A table for each measurement: a row for each method, a column for each figure."""
    say_line("  ".join(f"{kind} {version}" for kind, version in report.models.items()))
    for measurement in report.measurements:
        say_line("")
        say_line(f"{measurement.name}: {measurement.about}")
        if measurement.counts:
            say_line(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in measurement.counts.items()))
        say_rows(*_table(measurement))
        for note in measurement.notes:
            say_line(f"  {note}")
    for left in report.left_out:
        say_note("yellow", "left out", f"{left.measurement}{f', {left.method}' if left.method else ''}: {left.reason}")


def _table(measurement: Measurement) -> tuple[list[str], list[list[str]]]:
    figures = list(dict.fromkeys(name for method in measurement.methods.values() for name in method))
    rows = [
        [method, *(_figure(measured, name) for name in figures)] for method, measured in measurement.methods.items()
    ]
    return ["method", *(name.replace("_", " ") for name in figures)], rows


def _figure(measured: Mapping[str, Estimate], name: str) -> str:
    """``0.912 [0.90, 0.93]``; counts and speeds without decimals, what is computed without an interval."""
    estimate = measured.get(name)
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    value, low, high = (number(one) for one in (estimate.value, estimate.low, estimate.high))
    return value if estimate.low == estimate.high else f"{value} [{low}, {high}]"
