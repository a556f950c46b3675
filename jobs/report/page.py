"""The report page written: one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from domain.errors import BadInput
from jobs.estimates import Estimate
from jobs.evaluate import Evaluation, KindCount, Scores
from jobs.report import words
from jobs.report.data import FunnelStep, ReportData
from jobs.report.plots import BarPart, bar_parts, calibration_plot, precision_recall_plot


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bar:
    label: str
    count: int
    note: str
    parts: tuple[BarPart, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _KindRow:
    kind: KindCount
    parts: tuple[BarPart, ...]


def write_report(path: Path, data: ReportData) -> Path:
    """Write the page to `path`, replacing what stands there in one step; gives the path back.

    Folders are made as needed. Raises BadInput when the place cannot be written.
    """
    _write_atomically(path, render_report(data).encode())
    return path


def render_report(data: ReportData) -> str:
    """The whole page as HTML."""
    environment = _environment()
    style = _source(environment, "style.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    evaluation = data.evaluation
    return environment.get_template("page.html.j2").render(
        data=data,
        evaluation=evaluation,
        lede=_lede(data),
        style=Markup(style),  # noqa: S704 - our own file, nothing from outside
        style_hash=f"sha256-{digest}",
        funnel=_funnel(data.funnel),
        largest_weight=max((abs(one.weight) for one in data.weights), default=0.0) or 1.0,
        **(_measured(evaluation) if evaluation else {}),
    )


def _lede(data: ReportData) -> str:
    """The whole report in one breath."""
    sentences = [f"Of {words.counted(data.listing_count, 'listing')}, {_acted_on(data.enforce_count)}."]
    if data.review_count:
        verb = "needs" if data.review_count == 1 else "need"
        sentences.append(f"Another {words.thousands(data.review_count)} {verb} a person’s eye.")
    unassessed = data.listing_count - data.assessed_count
    if unassessed > 0:
        verb = "has" if unassessed == 1 else "have"
        sentences.append(f"{words.thousands(unassessed)} {verb} no verdict yet.")
    if data.notice_count:
        verb = "is" if data.notice_count == 1 else "are"
        sentences.append(
            f"{words.counted(data.notice_count, 'notice')} {verb} drafted with proof; nothing has been sent."
        )
    return " ".join(sentences)


def _acted_on(count: int) -> str:
    if not count:
        return "none is sure enough to act on"
    return f"{words.thousands(count)} {'is' if count == 1 else 'are'} sure enough to act on"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("jobs.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": words.counted,
        "day": words.day,
        "decimal": words.decimal,
        "decimal_interval": words.decimal_interval,
        "interval": words.interval,
        "minute": words.minute,
        "percent": words.percent,
        "percent_figure": words.percent_figure,
        "shorten": words.shorten,
        "signed": words.signed,
        "thousands": words.thousands,
        "words": words.words,
    }
    environment.tests["web"] = words.is_web
    return environment


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _funnel(steps: Sequence[FunnelStep]) -> tuple[_Bar, ...]:
    widest = max((step.count for step in steps), default=0)
    return tuple(
        _Bar(label=step.label, count=step.count, note=step.note, parts=bar_parts(_colors(step), widest))
        for step in steps
    )


def _colors(step: FunnelStep) -> list[tuple[str, int]]:
    if step.enforce is None:
        return [("f-ink", step.count)]
    return [("f-red", step.enforce), ("f-ochre", step.count - step.enforce)]


def _measured(evaluation: Evaluation) -> dict[str, Any]:
    """What the page says where there is a truth."""
    return {
        "headlines": _headlines(evaluation.enforce),
        "figures": _figures(evaluation),
        "curve": precision_recall_plot(evaluation),
        "calibration": calibration_plot(evaluation.calibration),
        "kinds": tuple(_kind_row(kind) for kind in evaluation.kinds),
        "not_counted": _not_counted(evaluation),
        "in_review": evaluation.enforce.misses - evaluation.miss_count,
    }


def _headlines(enforce: Scores) -> tuple[tuple[str, Estimate, str], ...]:
    return (
        ("Precision in enforce", enforce.precision, "of the listings to act on truly infringe"),
        ("Recall in enforce", enforce.recall, "of the infringing listings are among them"),
    )


def _figures(evaluation: Evaluation) -> tuple[tuple[str, str, str], ...]:
    """(name, number, interval) of what stands below the two large numbers."""
    shares = (
        ("F1 in enforce", evaluation.enforce.f1),
        ("Precision from review on", evaluation.review.precision),
        ("Recall from review on", evaluation.review.recall),
    )
    numbers = (
        ("Average precision", evaluation.average_precision),
        ("Brier score (0 is best)", evaluation.brier),
        ("Calibration error (0 is best)", evaluation.expected_calibration_error),
    )
    return (
        *((name, words.percent(one.value), words.interval(one)) for name, one in shares),
        *((name, words.decimal(one.value), words.decimal_interval(one)) for name, one in numbers),
    )


def _kind_row(kind: KindCount) -> _KindRow:
    colored = [("f-grey", kind.clear), ("f-ochre", kind.review), ("f-red", kind.enforce)]
    parts = bar_parts(colored, kind.clear + kind.review + kind.enforce)
    return _KindRow(kind=kind, parts=parts)


def _not_counted(evaluation: Evaluation) -> str:
    """What these numbers leave out, in words; empty where nothing is."""
    reasons = (
        (evaluation.without_assessment, "without a verdict"),
        (evaluation.without_truth, "that the truth does not name"),
        (evaluation.left_out, "of the truth that were not asked for"),
    )
    return ", ".join(f"{words.counted(count, 'listing')} {reason}" for count, reason in reasons if count)


def _write_atomically(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error})"
        raise BadInput(reason, file=str(path), advice="Give a file in a folder that you may write to.") from error
