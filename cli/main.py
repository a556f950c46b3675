"""The `assayer` command: its groups, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from cli.commands import cases, catalog, demo, evaluate, index, listings, models, notices, score, serve, train
from cli.output import say_error, say_note
from domain.errors import AssayerError

_INTERRUPTED = 130

app = typer.Typer(
    name="assayer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Finds counterfeit listings and carries each one to its removal, with proof.",
)
app.command("demo")(demo.demo)
app.add_typer(catalog.app, name="catalog")
app.add_typer(index.app, name="index")
app.command("crawl")(listings.crawl)
app.add_typer(listings.app, name="listings")
app.command("score")(score.score)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(cases.app, name="cases")
app.add_typer(notices.app, name="notices")
app.add_typer(train.app, name="train")
app.add_typer(models.app, name="models")
app.command("serve")(serve.serve)


def run() -> None:
    """Entry point. Exit 0 done, 1 failed, 2 bad usage or bad input, 130 stopped by Ctrl-C."""
    try:
        app()
    except SystemExit as leaving:
        if leaving.code == _INTERRUPTED:  # Typer has caught the KeyboardInterrupt
            say_note("yellow", "stopped", "by hand; what was saved stays, run the command again to go on")
        raise
    except AssayerError as error:
        _leave(error)
    except OSError as error:  # a disk that is full, a folder that was taken away: nobody's code is to blame
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        _leave(AssayerError(reason, advice="Check that the path is there, its permissions and the free space."))


def _leave(error: AssayerError) -> NoReturn:
    say_error(error, as_json="--json" in sys.argv[1:])
    sys.exit(error.exit_code)
