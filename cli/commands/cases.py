"""``assayer cases``: what was found, seller by seller."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption
from cli.output import say_facts, say_json, say_rows
from domain.codec import dump
from domain.settings import load_settings
from jobs.workspace import Workspace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at cases.")


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """All cases, most listings first."""
    with Workspace(load_settings()) as work:
        cases = work.records.cases()
    if as_json:
        say_json([dump(case) for case in cases])
        return
    say_rows(
        ("case", "marketplace", "seller", "rights holder", "listings", "status"),
        ((c.case_id, c.marketplace, c.seller_name, c.rights_holder, len(c.listing_ids), c.status) for c in cases),
    )


@app.command()
def show(
    case_id: Annotated[str, typer.Argument(help="As `assayer cases list` prints it.")], as_json: JsonOption = False
) -> None:
    """One case with its listings' verdicts and reasons."""
    with Workspace(load_settings()) as work:
        case = work.records.case(case_id)
        verdicts = [work.records.assessment(case.marketplace, listing_id) for listing_id in case.listing_ids]
    if as_json:
        say_json(dump(case) | {"assessments": [dump(verdict) for verdict in verdicts]})
        return
    say_facts(f"Case {case.case_id}", {"seller": case.seller_name, "rights holder": case.rights_holder})
    say_rows(
        ("listing", "probability", "reasons"),
        (
            (v.listing_id, f"{v.probability:.3f}", "\n".join(finding.sentence for finding in (*v.signals, *v.guards)))
            for v in verdicts
        ),
    )
