"""``assayer listings``: offers come in from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import FetchOption, JsonOption, image_fetcher
from cli.output import progress_bars, say_facts, say_findings, say_json
from domain.codec import dump
from domain.settings import load_settings
from jobs.import_listings import import_listings
from jobs.workspace import Workspace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Import listings from files.")


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="JSONL, CSV or Parquet files.")],
    fetch_images: FetchOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import listings. Bad rows are reported and left out; the good ones are imported."""
    settings = load_settings()
    fetch = image_fetcher(settings) if fetch_images else None
    with Workspace(settings) as work, progress_bars() as progress:
        report = import_listings(files, work.records, work.evidence, settings, fetch=fetch, progress=progress)
    if as_json:
        say_json(
            {
                "listings": report.listings,
                "images": report.images,
                "saved": dump(report.saved),
                "bad": [error.as_dict() for error in report.bad],
            }
        )
    else:
        say_findings(report.bad)
        say_facts("Imported", {"listings": report.listings, "images": report.images, "refused": len(report.bad)})
    if report.bad:
        raise typer.Exit(2)
