"""``assayer models promote``, ``history`` and ``undo``: which models are in use, how they got there, the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, login_name
from cli.output import progress_bars, say_facts, say_json, say_line, say_rows
from domain.codec import dump
from domain.promotion import ModelKind, Promotion
from domain.settings import load_settings
from jobs.promoted_models import history as all_promotions
from jobs.promoted_models import undo as undo_promotion
from jobs.workspace import Workspace

ByOption = Annotated[str, typer.Option(help="Who does it; the name you are logged in by where it is left out.")]


def promote(
    candidate: Annotated[Path, typer.Argument(help="Folder that training wrote to.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder with realshop/, clothing/, … to measure on beside held-out reviews.")
    ] = None,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put a trained combiner or embedder to use, unless it is worse on held-out examples than the one in use."""
    from index.threads import one_thread_each
    from jobs.promotions import promote as promote_models

    one_thread_each()
    with Workspace(load_settings()) as work, progress_bars() as progress:
        record = promote_models(
            candidate, work, data=data, by=by or login_name(), at=datetime.now(UTC), progress=progress
        )
    if record is None:
        say_json({"promoted": None}) if as_json else say_line("in use already; nothing was changed")
        return
    if as_json:
        say_json({"promoted": dump(record)})
        return
    say_facts("Promoted", _facts(record))
    for comparison in record.comparisons:
        say_line(comparison.sentence)
    if ModelKind.EMBEDDER in record.models:
        say_line("Build the index for it: assayer index build.")
    say_line("A running service must be started again. Go back: assayer models undo.")


def history(as_json: JsonOption = False) -> None:
    """What was promoted and undone, by whom, on what figures."""
    records = all_promotions(load_settings().home)
    if as_json:
        say_json([dump(record) for record in records])
        return
    say_rows(
        ("version", "", "at", "by", "in place of", "models", "figures"),
        (
            (
                *(record.version, record.action, f"{record.at:%Y-%m-%d %H:%M:%S}", record.by, record.former),
                "\n".join(f"{kind} {version}" for kind, version in record.models.items()),
                "\n".join(comparison.sentence for comparison in record.comparisons),
            )
            for record in records
        ),
    )


def undo(by: ByOption = "", as_json: JsonOption = False) -> None:
    """Go back to the models in use before the last promotion."""
    record = undo_promotion(load_settings().home, by=by or login_name(), at=datetime.now(UTC))
    if as_json:
        say_json(dump(record))
        return
    say_facts("Undone", _facts(record))
    if ModelKind.EMBEDDER in record.models:
        say_line("Build the index for it: assayer index build.")
    say_line("A running service must be started again.")


def _facts(record: Promotion) -> dict[str, object]:
    models = {f"{kind} in use": version for kind, version in record.models.items()}
    return {"version": record.version, "in place of": record.former, **models, "by": record.by}
