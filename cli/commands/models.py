"""``assayer models``: what is in use."""

from __future__ import annotations

import typer

from cli.commands.calibrate import calibrate
from cli.options import JsonOption
from cli.output import say_facts, say_json
from domain.settings import load_settings
from index.verification import load_verifier
from jobs.workspace import Workspace
from scoring.combiner import Combiner

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at models, and set thresholds.")


@app.callback()
def models() -> None:
    """Look at models, and set thresholds."""


app.command()(calibrate)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """The models in use, with their versions and the combiner's weights."""
    with Workspace(load_settings()) as work:
        combiner = Combiner(work.models_dir)
        facts: dict[str, object] = {
            "folder": str(work.models_dir),
            "embedder": work.embedder.version,
            "verifier": load_verifier(work.models_dir / "verifier.json").version,
            "combiner": combiner.version,
            "review from": combiner.manifest.thresholds.review,
            "enforce from": combiner.manifest.thresholds.enforce,
        }
        weights = combiner.manifest.weights
    if as_json:
        say_json(facts | {"weights": weights, "intercept": combiner.manifest.intercept})
        return
    say_facts("Models", facts)
    say_facts("Weights, log-odds per unit of strength", {name: f"{weight:+.2f}" for name, weight in weights.items()})
