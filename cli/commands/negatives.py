"""``assayer catalog negatives``: pictures that are not a rights holder's, whatever they look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption
from cli.output import say_facts, say_findings, say_json, say_line, say_rows
from domain.codec import dump
from domain.settings import load_settings
from jobs.negatives import add_negatives, negative_regions, remove_negatives
from jobs.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Add, list and remove pictures that are not a rights holder's."
)

HolderOption = Annotated[str, typer.Option("--rights-holder", help="Whose they are not.")]


@app.command()
def add(
    rights_holder: HolderOption,
    files: Annotated[list[Path], typer.Argument(help="Pictures: JPEG, PNG, WebP or GIF.")],
    as_json: JsonOption = False,
) -> None:
    """Say of pictures that they are not the rights holder's; it holds from the next scoring on, without training."""
    settings = load_settings()
    with Workspace(settings) as work:
        report = add_negatives(rights_holder, files, work.records, work.evidence, settings)
    if as_json:
        say_json(
            {
                "negatives": [dump(negative) for negative in report.added],
                "saved": dump(report.saved),
                "bad": [error.as_dict() for error in report.bad],
            }
        )
    else:
        say_findings(report.bad)
        say_facts(
            "Added",
            {"added": report.saved.added, "there before": report.saved.unchanged, "refused": len(report.bad)},
        )
    if report.bad:
        raise typer.Exit(2)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """All negatives: pictures handed in, and regions of listings rejected as not_ours."""
    with Workspace(load_settings()) as work:
        names = {negative.key: negative.name for negative in work.records.negatives()}
        regions = negative_regions(work.records)
    rows = [dump(one) | {"name": names.get((one.rights_holder, one.sha256))} for one in regions]
    if as_json:
        say_json(rows)
        return
    say_rows(
        ("picture", "rights holder", "not to be taken for", "part", "from"),
        (
            (
                *(row["sha256"], row["rights_holder"], row["seen_as"]),
                "whole" if row["box"] is None else " ".join(f"{side:.0f}" for side in row["box"]),
                row["name"] or "a rejected listing",
            )
            for row in rows
        ),
    )


@app.command()
def remove(
    rights_holder: HolderOption,
    pictures: Annotated[
        list[str], typer.Argument(help="As `assayer catalog negatives list` prints them, or their first digits.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Take back pictures that were handed in."""
    with Workspace(load_settings()) as work:
        removed = remove_negatives(rights_holder, pictures, work.records)
    if as_json:
        say_json({"removed": removed})
        return
    say_line(f"removed {removed}")
