"""The `assayer` command: its groups, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from cli.endings import STOPPED
from cli.on_demand import OnDemand, OnDemandGroup
from cli.output import say_error, say_note
from domain.errors import AssayerError

COMMANDS = {
    "demo": OnDemand(
        "cli.commands.demo:demo",
        "Crawl a marketplace drawn by code, find its counterfeits, draft the notices, and measure it all.",
    ),
    "catalog": OnDemand("cli.commands.catalog:app", "Import and check reference catalogs."),
    "index": OnDemand("cli.commands.index:app", "Build and inspect the index."),
    "crawl": OnDemand(
        "cli.commands.crawl:crawl",
        "Crawl marketplaces: listings, pages and pictures go to the store as they come.",
    ),
    "crawls": OnDemand(
        "cli.commands.crawls:app", "What crawls left to do, what they gave up, and which sites said stop."
    ),
    "listings": OnDemand("cli.commands.listings:app", "Import listings from files."),
    "score": OnDemand("cli.commands.score:score", "Score listings against the catalog."),
    "evaluate": OnDemand(
        "cli.commands.evaluate:app",
        "Precision, recall and calibration of the stored assessments, per violation, with confidence intervals.",
    ),
    "evidence": OnDemand("cli.commands.evidence:app", "Show, check and export what was captured of listings."),
    "cases": OnDemand("cli.commands.cases:app", "Look at cases, and confirm or reject what they hold."),
    "notices": OnDemand("cli.commands.notices:app", "Draft, lint and export notices."),
    "train": OnDemand("cli.commands.train:app", "Train models (pip install 'assayer[train]')."),
    "models": OnDemand("cli.commands.models:app", "Look at models, get, choose and promote them, and set thresholds."),
    "serve": OnDemand(
        "cli.commands.serve:serve", "Score listings over HTTP: POST /v1/score, /livez, /readyz, /docs.json."
    ),
}
"""Every command, in the order of the help; each is imported when it is asked for."""


class _Commands(OnDemandGroup):
    on_demand = COMMANDS


app = typer.Typer(
    name="assayer",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def assayer() -> None:
    """Finds counterfeit listings and carries each one to its removal, with proof."""


def run() -> None:
    """Entry point. Exit 0 done, 1 failed, 2 bad usage or bad input, 130 stopped by Ctrl-C, 143 by SIGTERM."""
    try:
        app()
    except SystemExit as leaving:
        if leaving.code in STOPPED:  # Typer has caught the KeyboardInterrupt
            say_note(
                "yellow", "stopped", f"{STOPPED[leaving.code]}; what was saved stays, run the command again to go on"
            )
        raise
    except AssayerError as error:
        _leave(error)
    except OSError as error:  # a disk that is full, a folder that was taken away: nobody's code is to blame
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        _leave(AssayerError(reason, advice="Check that the path is there, its permissions and the free space."))


def _leave(error: AssayerError) -> NoReturn:
    say_error(error, as_json="--json" in sys.argv[1:])
    sys.exit(error.exit_code)
