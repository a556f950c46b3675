"""What a command says: tables and progress for people, JSON for machines, errors with what to do next."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from domain.errors import AssayerError, BadInput
from domain.progress import Progress

_MOST_FINDINGS = 50

_UNLIMITED = 10_000
_CONTROL = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
# the last two: what turns the direction of a text, so that it reads as another

people = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and errors go here, so that standard output stays clean for results."""
results = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _UNLIMITED)
"""In a file or pipe nothing is folded, so that an id stays in one piece."""


def say_json(data: object) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def say_line(text: str) -> None:
    """One line on standard output."""
    results.print(_harmless(text))


def say_note(style: str, word: str, text: str) -> None:
    """One line on standard error, led by a colored word."""
    people.print(f"[{style}]{word}[/{style}] {_harmless(text)}")


def _harmless(value: object) -> str:
    """Text from outside may not color, move or end anything: neither Rich's markup nor a terminal's controls."""
    return escape(str(value).translate(_CONTROL))


def say_facts(title: str, facts: Mapping[str, object]) -> None:
    """A small two-column table."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(f"[dim]{_harmless(name)}[/dim]", _harmless(value))
    results.print(table)


def say_rows(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table with a header; the first column stays in one piece, to be copied."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(_harmless(value) for value in row))
    results.print(table)


def say_findings(bad: Iterable[BadInput], warnings: Iterable[BadInput] = ()) -> None:
    """Each bad row with its place and reason; the first `_MOST_FINDINGS`, then how many more."""
    for style, word, found in (("red", "refused", list(bad)), ("yellow", "warning", list(warnings))):
        for error in found[:_MOST_FINDINGS]:
            say_note(style, word, str(error))
        if len(found) > _MOST_FINDINGS:
            say_note(style, word, f"and {len(found) - _MOST_FINDINGS} more; --json lists all")


def say_error(error: AssayerError, *, as_json: bool) -> None:
    """What went wrong and what to do next."""
    if as_json:
        place = error.as_dict() if isinstance(error, BadInput) else {"code": error.code}
        say_json({"error": place | {"message": error.message, "advice": error.advice}})
        return
    say_note("red", "error", error.message)
    if error.advice:
        people.print(f"      {_harmless(error.advice)}")


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A bar per stage, on a terminal only."""
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=people, transient=True, disable=not people.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
