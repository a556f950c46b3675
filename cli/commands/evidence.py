"""``assayer evidence``: what was captured of a listing, whether it is still whole, and how it leaves the house."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json, say_note, say_rows
from domain.capture import Capture
from domain.codec import dump
from domain.settings import load_settings
from jobs.check_evidence import EvidenceProblem, check_evidence
from jobs.evidence_of_listing import evidence_of, named_listing
from jobs.export_evidence import export_evidence
from jobs.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Show, check and export what was captured of listings."
)

ListingArgument = Annotated[str, typer.Argument(metavar="LISTING_ID", help="As the marketplace names it.")]
MarketplaceOption = Annotated[
    str | None, typer.Option(help="Which marketplace; needed where several have a listing of this id.")
]


@app.command()
def show(listing_id: ListingArgument, marketplace: MarketplaceOption = None, as_json: JsonOption = False) -> None:
    """What was captured of a listing: each page, picture and screenshot, when and from where."""
    with Workspace(load_settings()) as work:
        found = evidence_of(named_listing(listing_id, marketplace, work.records), work.records)
    if as_json:
        say_json(
            {
                "listing": dump(found.listing),
                "captures": [dump(capture) for capture in found.captures],
                "uncaptured": found.uncaptured,
            }
        )
        return
    say_facts(
        f"Evidence of {found.listing.listing_id}",
        {"marketplace": found.listing.marketplace, "title": found.listing.title, "address": found.listing.url},
    )
    say_rows(
        ("captured at (UTC)", "kind", "status", "bytes", "IP address", "SHA-256", "certificate", "WARC", "address"),
        map(_row, found.captures),
    )
    for digest in found.uncaptured:
        say_note("yellow", "no capture", f"of {digest}: it was imported, or crawled before captures were kept")


@app.command()
def verify(
    listing_id: Annotated[
        str | None, typer.Argument(metavar="[LISTING_ID]", help="One listing; everything where none is named.")
    ] = None,
    marketplace: MarketplaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that all bytes still hash to their names and all WARC records to their digests. Exit 1 when not."""
    settings = load_settings()
    with Workspace(settings) as work, progress_bars() as progress:
        listing = named_listing(listing_id, marketplace, work.records) if listing_id is not None else None
        report = check_evidence(work.records, work.evidence, settings.crawl_dir, listing=listing, progress=progress)
    facts = {"captures": report.captures, "different bytes": report.blobs, "WARC records": report.records}
    if as_json:
        say_json(dump(report))
    else:
        _say_problems(report.problems)
        say_facts("Checked", facts | {"missing or changed": len(report.problems)})
    if report.problems:
        raise typer.Exit(1)


@app.command()
def export(
    listing_id: ListingArgument,
    out: Annotated[Path, typer.Option(help="New folder; a new ZIP file where the name ends in .zip.")],
    marketplace: MarketplaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all evidence of a listing with a manifest that can be checked without Assayer. Exit 1 when some is gone."""
    settings = load_settings()
    with Workspace(settings) as work:
        listing = named_listing(listing_id, marketplace, work.records)
        report = export_evidence(listing, work.records, work.evidence, settings.crawl_dir, out)
    if as_json:
        say_json(dump(report))
    else:
        _say_problems(report.problems)
        say_facts("Exported", {"captures": report.captures, "files": report.files, "to": report.path})
    if report.problems:
        raise typer.Exit(1)


def _row(capture: Capture) -> tuple[object, ...]:
    warc = f"{capture.warc}:{capture.warc_offset}" if capture.warc else ""
    return (
        f"{capture.captured_at:%Y-%m-%d %H:%M:%S}",
        capture.kind,
        capture.status or "",
        capture.size,
        capture.ip_address,
        capture.body_sha256,
        capture.certificate_sha256,
        warc,
        capture.url if capture.url == capture.final_url else f"{capture.url} -> {capture.final_url}",
    )


def _say_problems(problems: tuple[EvidenceProblem, ...]) -> None:
    for problem in problems:
        say_note("red", problem.what, f"{problem.name}: {problem.reason} ({problem.url})")
