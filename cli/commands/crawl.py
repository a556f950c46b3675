"""``assayer crawl``: offers come in from the web."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.endings import ended_by_sigterm
from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json, say_note, say_rows
from crawler.report import CrawlReport
from domain.codec import dump
from domain.settings import load_settings
from jobs.crawl import crawl as run_crawl
from jobs.crawl import plan
from jobs.find import SearchPlan
from jobs.workspace import Workspace


def crawl(
    targets: Annotated[
        list[str], typer.Argument(help="URLs of marketplaces or shops, a file of them, or a search API: ebay, etsy.")
    ],
    max_pages: Annotated[int, typer.Option(min=1, help="Most pages that are asked for, targets included.")] = 1000,
    max_queries: Annotated[int, typer.Option(min=1, help="Most queries for each search API.")] = 20,
    queries: Annotated[bool, typer.Option("--queries", help="Only print what would be searched for.")] = False,
    marketplace: Annotated[str | None, typer.Option(help="Name of the marketplace; the host when not given.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew; do not go on with an unfinished crawl.")] = False,
    only_new: Annotated[bool, typer.Option("--only-new", help="Pass over offers that were read lately.")] = False,
    screenshots: Annotated[
        bool, typer.Option("--screenshots", help="Keep how each offer's page looks in a browser too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Crawl marketplaces: listings, pages and pictures go to the store as they come.

    A crawl that was stopped, by Ctrl-C or SIGTERM too, goes on where it was when it is run again.
    """
    with Workspace(load_settings()) as workspace:
        if queries:
            _say_queries(plan(workspace.records, targets, workspace.settings, most_queries=max_queries), as_json)
            return
        with ended_by_sigterm(), progress_bars() as progress:
            report = run_crawl(
                workspace.records,
                targets,
                workspace.settings,
                max_pages=max_pages,
                most_queries=max_queries,
                marketplace=marketplace,
                fresh=fresh,
                only_new=only_new,
                screenshots=screenshots,
                progress=progress,
            )
    for warning in report.warnings:
        say_note("yellow", "warning", warning)
    if as_json:
        say_json(dump(report))
    else:
        _say_crawl(report)
    if (report.failures or report.stops) and not report.pages:
        raise typer.Exit(1)  # not one page could be read: wrong address, or the site is down, or said stop


def _say_queries(planned: SearchPlan, as_json: bool) -> None:
    if as_json:
        say_json([dump(each) for each in planned.queries])
        return
    rows = ((each.source, each.query.text or "(by picture)", each.query.reason) for each in planned.queries)
    say_rows(("source", "query", "made from"), rows)


def _say_crawl(report: CrawlReport) -> None:
    for failure in report.failures:
        say_note("yellow", "failed", f"{failure.url}: {failure.reason}")
    for stop in report.stops:
        say_note("yellow", "stopped", f"{stop.host}: {stop.reason}")
    facts: dict[str, object] = {
        "pages": report.pages,
        "listings": report.listings,
        "images": report.images,
        "duplicates": report.duplicates,
        "left alone (robots.txt)": len(report.refused_by_robots),
        "failures": len(report.failures) + report.unnamed_failures,
    }
    rarer = {
        "unchanged pages": report.unchanged_pages,
        "passed over (read lately)": report.passed_over,
        "given up (assayer crawls dead)": report.dead,
        "left (their site said stop)": report.left,
        "waiting (run again to go on)": report.waiting,
    }
    say_facts("Crawled", facts | {name: count for name, count in rarer.items() if count})
