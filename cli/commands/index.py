"""``assayer index``: the searchable form of the catalogs."""

from __future__ import annotations

import typer

from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json
from domain.settings import load_settings
from index.artifact import Checkpoint, read_checkpoint
from jobs.build_index import build_index
from jobs.workspace import Workspace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Build and inspect the index.")


@app.command()
def build(as_json: JsonOption = False) -> None:
    """Build the index of all imported catalogs, unless it is already there."""
    with Workspace(load_settings()) as work, progress_bars() as progress:
        report = build_index(work.records, work.evidence, work.embedder, work.settings, progress=progress)
    _say("Built" if report.built else "Already built", report.checkpoint, as_json)


@app.command()
def info(as_json: JsonOption = False) -> None:
    """What the index was built from, and with what."""
    _say("Index", read_checkpoint(load_settings().index_dir), as_json)


def _say(title: str, checkpoint: Checkpoint, as_json: bool) -> None:
    facts = {
        "version": checkpoint.version,
        "references": len(checkpoint.references),
        "embedder": checkpoint.embedder,
        "features": checkpoint.features,
        "catalog": checkpoint.catalog_digest[:12],
        "unreadable": len(checkpoint.unreadable),
    }
    if as_json:
        say_json(facts | {"unreadable": list(checkpoint.unreadable)})
    else:
        say_facts(title, facts)
