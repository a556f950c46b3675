"""``assayer index``: the searchable form of the catalogs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import typer

from cli.commands.calibrate import calibration_facts
from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json
from domain.settings import load_settings
from index.artifact import Checkpoint, read_checkpoint
from index.threads import one_thread_each
from jobs.build_index import build_index
from jobs.workspace import Workspace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Build and inspect the index.")


@app.command()
def build(as_json: JsonOption = False) -> None:
    """Build the index of all imported catalogs and set its thresholds, unless both are already there."""
    # pictures are embedded one after the other
    with Workspace(load_settings(), embedder_threads=0) as work, progress_bars() as progress:
        report = build_index(work.records, work.evidence, work.embedder, work.settings, progress=progress)
        one_thread_each()
        calibration = work.calibration(work.stored_artifact(), progress)
    _say("Built" if report.built else "Already built", report.checkpoint, as_json, calibration_facts(calibration))


@app.command()
def info(as_json: JsonOption = False) -> None:
    """What the index was built from, and with what."""
    _say("Index", read_checkpoint(load_settings().index_dir), as_json)


def _logo_facts(checkpoint: Checkpoint) -> dict[str, object]:
    """Nothing of a catalog without logos."""
    logos = checkpoint.logos
    if not logos:
        return {}
    folder = load_settings().index_dir / checkpoint.version
    files = [folder / name for name, _ in checkpoint.files if name.startswith("logos/")]
    return {
        "logo brands": len({(logo.rights_holder, logo.brand) for logo in logos}),
        "logo pictures": len({(logo.rights_holder, logo.brand, logo.sha256) for logo in logos}),
        "logo variants": len(logos),
        "logo bytes": sum(path.stat().st_size for path in files if path.is_file()),
    }


def _say(title: str, checkpoint: Checkpoint, as_json: bool, more: Mapping[str, object] = MappingProxyType({})) -> None:
    facts: dict[str, object] = {
        "version": checkpoint.version,
        "references": len(checkpoint.references),
        **_logo_facts(checkpoint),
        "embedder": checkpoint.embedder,
        "features": checkpoint.features,
        "catalog": checkpoint.catalog_digest[:12],
        "unreadable": len(checkpoint.unreadable),
        **more,
    }
    if as_json:
        say_json(facts | {"unreadable": list(checkpoint.unreadable)})
    else:
        say_facts(title, facts)
