"""``assayer catalog``: what a rights holder brings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.negatives import app as negatives
from cli.options import FetchOption, JsonOption, image_fetcher
from cli.output import progress_bars, say_facts, say_findings, say_json
from domain.codec import dump
from domain.settings import load_settings
from jobs.import_catalog import CatalogReport, check_catalog, import_catalog
from jobs.workspace import Workspace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Import and check reference catalogs.")
app.add_typer(negatives, name="negatives")

PathArgument = Annotated[Path, typer.Argument(help="Folder, ZIP, or feed file (TSV, CSV, XML) beside its images.")]
HolderOption = Annotated[
    str | None, typer.Option("--rights-holder", help="Owner of the catalog; not needed with rights_holders.json.")
]


@app.command("import")
def import_(
    path: PathArgument,
    rights_holder: HolderOption = None,
    fetch_images: FetchOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import a catalog. Bad rows are reported and left out; the good ones are imported."""
    settings = load_settings()
    with Workspace(settings) as work, progress_bars() as progress:
        report = import_catalog(
            path,
            work.records,
            work.evidence,
            settings,
            rights_holder=rights_holder,
            fetch=image_fetcher(settings) if fetch_images else None,
            progress=progress,
        )
    _say("Imported", report, as_json)


@app.command()
def check(
    path: PathArgument,
    rights_holder: HolderOption = None,
    fetch_images: FetchOption = False,
    as_json: JsonOption = False,
) -> None:
    """Validate only: every bad row with its line, field and reason."""
    settings = load_settings()
    with progress_bars() as progress:
        report = check_catalog(
            path,
            settings,
            rights_holder=rights_holder,
            fetch=image_fetcher(settings) if fetch_images else None,
            progress=progress,
        )
    _say("Checked", report, as_json)


def _say(done: str, report: CatalogReport, as_json: bool) -> None:
    if as_json:
        findings = {
            "bad": [error.as_dict() for error in report.bad],
            "warnings": [error.as_dict() for error in report.warnings],
        }
        say_json(
            {
                "rights_holders": list(report.rights_holders),
                "products": report.products,
                "images": report.images,
                "saved": dump(report.saved),
            }
            | findings
        )
    else:
        say_findings(report.bad, report.warnings)
        say_facts(
            done,
            {
                "rights holders": ", ".join(report.rights_holders),
                "products": report.products,
                "images": report.images,
                "refused": len(report.bad),
            },
        )
    if report.bad:
        raise typer.Exit(2)
