"""``assayer crawls``: what crawls left, what they gave up, and which sites said stop."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption
from cli.output import say_facts, say_json, say_rows
from domain.codec import dump
from domain.settings import load_settings
from jobs.crawl import CrawlState, dead_letters, list_crawls
from jobs.crawl import replay as replay_crawl
from jobs.site_stops import lift_site_stop, list_site_stops
from jobs.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What crawls left to do, what they gave up, and which sites said stop.",
)

_LONGEST_TARGETS = 100
CrawlArgument = Annotated[str, typer.Argument(help="A crawl's name, as `assayer crawls list` shows it.")]


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Crawls on this machine and how far they are."""
    states = list_crawls(load_settings())
    if as_json:
        say_json([dump(state) for state in states])
        return
    say_rows(("crawl", "targets", "done", "waiting", "given up", "left"), map(_row, states))


def _row(state: CrawlState) -> tuple[object, ...]:
    count = state.counts
    if count is None:
        return (state.crawl, "another process is at it", "", "", "", "")
    waiting = count.waiting + count.taken
    return (state.crawl, " ".join(state.targets)[:_LONGEST_TARGETS], count.done, waiting, count.dead, count.left)


@app.command()
def dead(crawl: CrawlArgument, as_json: JsonOption = False) -> None:
    """What a crawl gave up, and why."""
    letters = dead_letters(load_settings(), crawl)
    if as_json:
        say_json([dump(letter) for letter in letters])
        return
    rows = ((each.died_at.isoformat(timespec="seconds"), each.entry.ask.url, each.reason) for each in letters)
    say_rows(("when (UTC)", "address", "why"), rows)


@app.command()
def replay(crawl: CrawlArgument, as_json: JsonOption = False) -> None:
    """Put what a crawl gave up back; the next `assayer crawl` of its targets asks for it again."""
    count = replay_crawl(load_settings(), crawl)
    if as_json:
        say_json({"replayed": count})
    else:
        say_facts("Put back", {"requests": count})


@app.command()
def sites(as_json: JsonOption = False) -> None:
    """Sites that said stop."""
    with Workspace(load_settings()) as workspace:
        stops = list_site_stops(workspace.records)
    if as_json:
        say_json([dump(stop) for stop in stops])
        return
    rows = (
        (each.host, each.reason, each.stopped_at.isoformat(timespec="minutes"), until)
        for each in stops
        for until in (each.until.isoformat(timespec="minutes") if each.until else "lifted by a person",)
    )
    say_rows(("site", "what it did", "since (UTC)", "until"), rows)


@app.command()
def lift(
    host: Annotated[str, typer.Argument(help="A site, as `assayer crawls sites` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Crawl a site again that said stop. Do this when its operator has agreed."""
    with Workspace(load_settings()) as workspace:
        lift_site_stop(workspace.records, host)
    if as_json:
        say_json({"lifted": host})
    else:
        say_facts("Lifted", {"site": host})
