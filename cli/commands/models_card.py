"""``assayer models card``: what a model is, how it was made and how good it is, written beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.destination import ready_folder
from cli.options import JsonOption
from cli.output import say_json, say_line
from domain.errors import BadInput
from domain.settings import load_settings
from jobs.model_cards.render import write_cards
from jobs.workspace import Workspace


def card(
    models: Annotated[Path | None, typer.Option(help="Folder of models; the ones in use by default.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the cards of the models in a folder, from their manifests and evaluation.json."""
    if models is None:
        with Workspace(load_settings()) as work:
            models = work.models_dir
    elif not models.is_dir():
        raise BadInput(
            "no such folder", file=str(models), advice="Name the folder that holds the models: --models DIR."
        )
    written = write_cards(ready_folder(models))
    if as_json:
        say_json({"written": [str(path) for path in written]})
        return
    for path in written:
        say_line(f"wrote {path}")
