"""``assayer listings`` and ``assayer crawl``: offers come in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import FetchOption, JsonOption, image_fetcher
from cli.output import progress_bars, say_facts, say_findings, say_json, say_note
from crawler.report import CrawlReport
from crawler.run import crawl as run_crawl
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


def crawl(
    targets: Annotated[list[str], typer.Argument(help="Marketplace or web-shop URLs.")],
    max_pages: Annotated[int, typer.Option(min=1, help="Most pages that are fetched.")] = 1000,
    marketplace: Annotated[str | None, typer.Option(help="Name of the marketplace; the host when not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Crawl marketplaces: listings, pages and pictures go to the store as they come."""
    with progress_bars() as progress:
        report = run_crawl(targets, load_settings(), max_pages=max_pages, marketplace=marketplace, progress=progress)
    if as_json:
        say_json(dump(report))
    else:
        _say_crawl(report)
    if report.failures and not report.pages:
        raise typer.Exit(1)  # not one page could be read: wrong address, or the site is down


def _say_crawl(report: CrawlReport) -> None:
    for failure in report.failures:
        say_note("yellow", "failed", f"{failure.url}: {failure.reason}")
    say_facts(
        "Crawled",
        {
            "pages": report.pages,
            "listings": report.listings,
            "images": report.images,
            "duplicates": report.duplicates,
            "left alone (robots.txt)": len(report.refused_by_robots),
            "failures": len(report.failures),
        },
    )
