"""``assayer models pull`` and ``use``: another embedder than the embedded one.

Nothing that computes is imported before a name was found and its weights lie on this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json, say_line, say_note
from domain.codec import dump
from domain.errors import BadInput
from domain.settings import load_settings
from jobs.embedders import use_embedder
from jobs.promoted_models import models_in_use
from jobs.pull_model import UNKNOWN_LICENSE, PullReport, pull_checkpoint, pull_pretrained


def pull(
    name: Annotated[str, typer.Argument(help="NAME/TAG of open_clip, such as ViT-B-32/laion2b_s34b_b79k.")] = "",
    checkpoint: Annotated[
        Path | None, typer.Option(help="A local file of weights instead; NAME/TAG is then what the result is called.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="The checkpoint's architecture: open_clip's name, or a configuration (*.json).")
    ] = "",
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the weights; without it only this machine's cache is read.")
    ] = False,
    license_name: Annotated[str, typer.Option("--license", help="License of the weights, where you know it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Export an open_clip model to ONNX, compare it with PyTorch, and keep it beside the embedded embedder."""
    home = load_settings().home
    with progress_bars() as progress:
        if checkpoint:
            if not model or download:
                raise BadInput(
                    "a checkpoint needs its architecture and no download",
                    field="--checkpoint",
                    advice="Write: assayer models pull --checkpoint FILE --model NAME.",
                )
            report = pull_checkpoint(checkpoint, model, home, name=name, license_name=license_name, progress=progress)
        elif name and not model:
            report = pull_pretrained(name, home, download=download, license_name=license_name, progress=progress)
        else:
            raise BadInput(
                "neither NAME/TAG nor a checkpoint with its architecture is given",
                field="NAME/TAG",
                advice="Write: assayer models pull NAME/TAG, or: assayer models pull --checkpoint FILE --model NAME.",
            )
    _say(report, as_json)


def use(
    name: Annotated[str, typer.Argument(help="NAME/TAG as `assayer models list` prints it, or embedded.")],
    as_json: JsonOption = False,
) -> None:
    """Choose the embedder. The index has to be built again for it; verifier and combiner stay."""
    settings = load_settings()
    chosen = use_embedder(settings.home, models_in_use(settings), name)
    if as_json:
        say_json(dump(chosen))
        return
    say_facts("In use", {"embedder": chosen.name, "version": chosen.version})
    say_line("Build the index for it: assayer index build. A running service must be started again.")


def _say(report: PullReport, as_json: bool) -> None:
    if as_json:
        say_json(dump(report))
        return
    if report.license == UNKNOWN_LICENSE:
        say_note("yellow", "license", f"of {report.name} is not known; find it before you use the weights")
    say_facts(
        "Pulled",
        {
            "version": report.version,
            "folder": report.folder,
            "license": report.license,
            "reads words": "yes" if report.reads_words else "no",
            "differs from PyTorch by": f"{max(v for k, v in report.parity.items() if k != 'tolerance'):.1e}",
        },
    )
    say_line(f"Use it: assayer models use {report.name}, then: assayer index build.")
