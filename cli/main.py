"""The `assayer` command: its groups, and the one place where errors become exit codes."""

from __future__ import annotations

import sys

import typer

from cli.commands import cases, catalog, demo, evaluate, index, listings, models, notices, score, serve, train
from cli.output import people, say_error
from domain.errors import AssayerError

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
    """Entry point. Exit 0 done, 1 failed, 2 bad usage or bad input."""
    try:
        app()
    except AssayerError as error:
        say_error(error, as_json="--json" in sys.argv[1:])
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        people.print("stopped; what was saved stays, run the command again to go on")
        sys.exit(130)
