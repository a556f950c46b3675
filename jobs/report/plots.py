"""Numbers to places on the page: coordinates for the plots, which the templates draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.evaluate import CurvePoint, Evaluation
from scoring.metrics import CalibrationBin

WIDTH, HEIGHT = 400, 360
LEFT, RIGHT, TOP, BOTTOM = 40, 390, 30, 310


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """One grid line each way; both axes run from 0 to 1."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A dot, with its whisker or its words."""

    x: float
    y: float
    label: str
    label_x: float = 0.0
    label_y: float = 0.0
    low: float = 0.0
    high: float = 0.0
    radius: float = 5.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """Coordinates in the drawing's own units."""

    description: str
    """For those who cannot see it."""
    marks: tuple[Mark, ...]
    curve: str = ""
    """SVG path."""
    band: str = ""
    ticks: tuple[Tick, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


@dataclass(frozen=True, kw_only=True, slots=True)
class BarPart:
    """One segment of a bar, in percent of its full length."""

    color: str
    """Class that fills it."""
    start: float
    width: float


def bar_parts(counts: Sequence[tuple[str, int]], total: int) -> tuple[BarPart, ...]:
    """Segments, side by side, of (color, count) each; `total` fills the bar."""
    parts, start = [], 0.0
    for color, count in counts:
        width = 100 * count / total if total else 0.0
        if count:
            parts.append(BarPart(color=color, start=round(start, 3), width=round(width, 3)))
        start += width
    return tuple(parts)


def precision_recall_plot(evaluation: Evaluation) -> Plot | None:
    """None where nothing infringing was judged: there is no curve then."""
    points = sorted(evaluation.curve, key=lambda point: (point.recall, -point.threshold))
    if not points:
        return None
    upper = [(_x(point.recall), _y(point.precision_high)) for point in points]
    lower = [(_x(point.recall), _y(point.precision_low)) for point in points]
    return Plot(
        description=_curve_words(evaluation, points),
        marks=_operating_points(evaluation),
        curve=_path([(_x(point.recall), _y(point.precision)) for point in points]),
        band=_path(upper + lower[::-1]) + "Z",
        ticks=_ticks(),
    )


def calibration_plot(bins: Sequence[CalibrationBin]) -> Plot | None:
    """None without bins."""
    if not bins:
        return None
    most = max(one.observed.total for one in bins)
    marks = tuple(
        Mark(
            x=_x(one.predicted),
            y=_y(one.observed.value),
            low=_y(one.observed.low),
            high=_y(one.observed.high),
            radius=round(3.5 + 5 * math.sqrt(one.observed.total / most), 1),
            label=f"{one.observed.total} listings given {one.predicted:.0%}: {one.observed.value:.0%} infringing",
        )
        for one in bins
    )
    return Plot(description="; ".join(mark.label for mark in marks) + ".", marks=marks, ticks=_ticks())


def _curve_words(evaluation: Evaluation, points: Sequence[CurvePoint]) -> str:
    best = max((point.recall for point in points if point.precision >= 0.98), default=0.0)
    area = evaluation.average_precision.value
    words = f"At 98 % precision, recall reaches {best:.0%}."
    return words if area is None else f"{words} Average precision {area:.3f}."


def _operating_points(evaluation: Evaluation) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    for name, scores in (("enforce", evaluation.enforce), ("review", evaluation.review)):
        if scores.precision.value is None or scores.recall.value is None:
            continue
        x, y = _x(scores.recall.value), _y(scores.precision.value)
        # Both points often lie close together, and labels must not lie on each other
        near = any(abs(mark.x - x) < 70 and abs(mark.label_y - y - 24) < 18 for mark in marks)
        marks.append(Mark(x=x, y=y, label=name, label_x=max(x - 4, LEFT + 60), label_y=y + (44 if near else 24)))
    return tuple(marks)


def _ticks() -> tuple[Tick, ...]:
    return tuple(Tick(x=_x(step / 4), y=_y(step / 4), label=f"{step / 4:g}") for step in range(5))


def _x(value: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * value, 1)


def _y(value: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * value, 1)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
