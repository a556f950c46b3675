"""``assayer demo``: the whole line on the bundled marketplace, then where to look."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.evaluate import say_evaluation, share
from cli.destination import ready_folder
from cli.options import JsonOption
from cli.output import people, progress_bars, say_facts, say_json, say_line
from domain.assessment import Band
from domain.settings import load_settings
from index.threads import one_thread_each
from jobs.demo import DemoReport, run_demo


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("assayer-demo"),
    as_json: JsonOption = False,
) -> None:
    """Crawl a marketplace drawn by code, find its counterfeits, draft the notices, and measure it all."""
    one_thread_each()
    # the demo keeps to its own folder and this machine, whatever the environment says
    settings = load_settings(
        home=out / "data", database_url="", evidence_url="", tenant="default", models_dir=None, allow_loopback=True
    )
    ready_folder(out)
    with progress_bars() as progress:
        report = run_demo(out, settings, datetime.now(UTC).date(), _step, progress)
    if as_json:
        say_json(_facts(report) | {"evaluation": report.evaluation.as_dict()})
        return
    say_facts("Demo", _facts(report))
    say_evaluation(report.evaluation)
    say_line(f"\nOpen {report.report} in a browser; the notices with their proof are in {report.notices}.")


def _facts(report: DemoReport) -> dict[str, object]:
    enforce = report.evaluation.enforce
    bands = report.score.bands
    return {
        "crawled": report.crawl.listings,
        "matched": report.score.matched,
        "flagged": bands.get(Band.REVIEW, 0) + bands.get(Band.ENFORCE, 0),
        "noticed": report.drafts.listings,
        "notices": report.exported,
        "precision": share(enforce.precision),
        "recall": share(enforce.recall),
    }


@contextmanager
def _step(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    people.print(f"[dim]{time.perf_counter() - started:6.1f} s[/dim]  {name}")
