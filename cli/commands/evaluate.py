"""``assayer evaluate``: verdicts held against the truth, and a page that shows right and wrong.

Its subcommands measure what verdicts rest on; each is imported when it is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.destination import ready_file
from cli.on_demand import OnDemand, OnDemandGroup
from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json, say_line, say_rows
from domain.settings import load_settings
from jobs.estimates import Estimate
from jobs.evaluate import Evaluation
from jobs.evaluate import evaluate as run_evaluate
from jobs.learning_sets import product_titles, trains
from jobs.report.build import build_report
from jobs.report.page import write_report
from jobs.truth import TruthRow, read_truth
from jobs.workspace import Workspace
from scoring.combiner import Combiner

COMMANDS = {
    "models": OnDemand(
        "cli.commands.evaluate_models:models",
        "What the image model finds among pictures that trained nothing, with 95 % intervals, beside baselines.",
    )
}
"""Every subcommand."""


class _Commands(OnDemandGroup):
    on_demand = COMMANDS


app = typer.Typer(rich_markup_mode=None, cls=_Commands)


@app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    truth: Annotated[Path | None, typer.Option(help="truth.jsonl: what each listing really is. Needed.")] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only the half, split by product, that trained nothing.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Where the page goes; in the home folder by default.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Precision, recall and calibration of the stored assessments, per violation, with confidence intervals."""
    if context.invoked_subcommand:
        return
    if truth is None:
        raise typer.BadParameter("is needed: what each listing really is", param_hint="'--truth'")
    settings = load_settings()
    page = ready_file(report or settings.home / "report.html")
    with Workspace(settings) as work, progress_bars() as progress:
        titles = product_titles(work.records)

        def measures(row: TruthRow) -> bool:
            return not trains(row, titles)

        evaluation = run_evaluate(read_truth(truth), work.records, keep=measures if held_out else None)
        data = build_report(
            work.records,
            work.evidence,
            evaluation,
            title="Evaluation",
            weights=Combiner(work.models_dir).manifest.weights,
            progress=progress,
        )
    write_report(page, data)
    if as_json:
        say_json(evaluation.as_dict() | {"report": str(page)})
        return
    say_evaluation(evaluation)
    say_line(f"report  {page}")


def say_evaluation(evaluation: Evaluation) -> None:
    """The figures a person asks for first."""
    say_facts(
        "Evaluation",
        {
            "judged": f"{evaluation.judged} ({evaluation.infringing} infringing)",
            "without verdict": evaluation.without_assessment,
            "enforce: precision": share(evaluation.enforce.precision),
            "enforce: recall": share(evaluation.enforce.recall),
            "review and enforce: precision": share(evaluation.review.precision),
            "review and enforce: recall": share(evaluation.review.recall),
        },
    )
    say_rows(
        ("violation", "precision", "recall", "right product named"),
        (
            (
                violation.violation,
                share(violation.scores.precision),
                share(violation.scores.recall),
                share(violation.right_product) if violation.right_product else "",
            )
            for violation in evaluation.violations
            if violation.scores
        ),
    )


def share(estimate: Estimate) -> str:
    """A number with its 95 % interval, as text."""
    if estimate.value is None:
        return "not measured"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
