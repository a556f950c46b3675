"""``assayer models``: the group; each command is a module of its own, imported when it is asked for."""

from __future__ import annotations

import typer

from cli.on_demand import OnDemand, OnDemandGroup

COMMANDS = {
    "list": OnDemand(
        "cli.commands.models_list:list_",
        "The embedders that can be used, the models in use with their versions, and the combiner's weights.",
    ),
    "pull": OnDemand(
        "cli.commands.models_pull:pull",
        "Export an open_clip model to ONNX, compare it with PyTorch, and keep it beside the embedded embedder.",
    ),
    "use": OnDemand("cli.commands.models_pull:use", "Choose the embedder."),
    "promote": OnDemand(
        "cli.commands.models_promote:promote",
        "Put a trained combiner or embedder to use, unless it is worse on held-out examples than the one in use.",
    ),
    "history": OnDemand(
        "cli.commands.models_promote:history", "What was promoted and undone, by whom, on what figures."
    ),
    "undo": OnDemand("cli.commands.models_promote:undo", "Go back to the models in use before the last promotion."),
    "calibrate": OnDemand(
        "cli.commands.calibrate:calibrate",
        "Set the thresholds of the index for a wanted rate of false matches; the index is built first where needed.",
    ),
    "card": OnDemand(
        "cli.commands.models_card:card",
        "Write the cards of the models in a folder, from their manifests and evaluation.json.",
    ),
}
"""Every command, in the order of the help."""


class _Commands(OnDemandGroup):
    on_demand = COMMANDS


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, cls=_Commands)


@app.callback()
def models() -> None:
    """Look at models, get, choose and promote them, and set thresholds."""
