"""``assayer cases``: what was found, seller by seller."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import JsonOption, login_name
from cli.output import say_facts, say_json, say_rows
from domain.codec import dump
from domain.review import Decision, RejectionReason, Review
from domain.settings import load_settings
from jobs.review_cases import ReviewReport, review_listings
from jobs.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at cases, and confirm or reject what they hold."
)


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


CaseArgument = Annotated[str, typer.Argument(help="As `assayer cases list` prints it.")]
ListingsArgument = Annotated[
    list[str] | None, typer.Argument(help="Listings of the case; all of them where none is named.")
]
NoteOption = Annotated[str, typer.Option(help="What a colleague should know; kept with the decision.")]
ReviewerOption = Annotated[str, typer.Option(help="Who decides; the name you are logged in by where it is left out.")]


@app.command()
def confirm(
    case_id: CaseArgument,
    listing_ids: ListingsArgument = None,
    note: NoteOption = "",
    reviewer: ReviewerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say that listings of a case infringe. A rejection of theirs no longer stands."""
    _review(Decision.CONFIRMED, None, case_id, listing_ids, note, reviewer, as_json)


@app.command()
def reject(
    case_id: CaseArgument,
    reason: Annotated[RejectionReason, typer.Option(help="Why they do not infringe.")],
    listing_ids: ListingsArgument = None,
    note: NoteOption = "",
    reviewer: ReviewerOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say that listings of a case do not infringe: they leave it and its drafts, as long as their content stays."""
    _review(Decision.REJECTED, reason, case_id, listing_ids, note, reviewer, as_json)


@app.command()
def reviews(as_json: JsonOption = False) -> None:
    """All decisions that were ever made, oldest first for each listing, and which of them stand."""
    with Workspace(load_settings()) as work:
        made = work.records.reviews()
        standing = set(map(_instant, work.records.standing_reviews()))
    if as_json:
        say_json([dump(one) | {"stands": _instant(one) in standing} for one in made])
        return
    say_rows(
        ("listing", "case", "decision", "reason", "by", "at", "", "note"),
        (
            (
                *(one.listing_id, one.case_id, one.decision, one.reason or "", one.reviewer),
                *(f"{one.decided_at:%Y-%m-%d %H:%M:%S}", "stands" if _instant(one) in standing else "", one.note),
            )
            for one in made
        ),
    )


def _review(
    decision: Decision,
    reason: RejectionReason | None,
    case_id: str,
    listing_ids: list[str] | None,
    note: str,
    reviewer: str,
    as_json: bool,
) -> None:
    settings = load_settings()
    with Workspace(settings) as work:
        report = review_listings(
            case_id,
            work.records,
            settings,
            decision=decision,
            reason=reason,
            listing_ids=listing_ids or (),
            note=note,
            reviewer=reviewer or login_name(),
        )
    _say(report, decision, as_json)


def _instant(review: Review) -> tuple[object, ...]:
    return (*review.key, review.decided_at)


def _say(report: ReviewReport, decision: Decision, as_json: bool) -> None:
    facts: dict[str, object] = {
        "listings": [review.listing_id for review in report.reviews],
        "decision": decision,
        "added": report.saved.added,
        "unchanged": report.saved.unchanged,
        "left in the case": len(report.case.listing_ids) if report.case else 0,
        "drafts made anew": len(report.notices),
    }
    if as_json:
        say_json(facts | {"case": dump(report.case) if report.case else None})
        return
    say_facts("Decided", facts | {"listings": ", ".join(review.listing_id for review in report.reviews)})
