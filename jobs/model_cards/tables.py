"""Figures as tables of words: what a card shows of a measurement, and what it says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.model_cards.manifests import Figure, MeasurementFacts

BASELINES = ("pdq", "local_features", "color_histogram", "untrained")
"""Methods that the model stands beside."""
_OWN = "embedding"
"""Begins the names of the model's own methods."""
_BY_EDIT = "copies_by_edit"

_WITHOUT_DECIMALS = 20
"""From here on a number's first decimal tells nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Text in cells; the first column names the rows."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def words(name: str) -> str:
    """A name of the JSON for people."""
    return name.replace("_", " ")


def number(value: float) -> str:
    """Counts and rates without decimals, ratios over one with one, shares with three."""
    if abs(value) <= 1:
        return f"{value:.3f}"
    return f"{value:.1f}" if abs(value) < _WITHOUT_DECIMALS and value % 1 else f"{value:,.0f}"


def figure_text(figure: Figure | None) -> str:
    """``0.912 (0.900 to 0.930)``; without an interval where the number was computed or its interval is not known."""
    if figure is None:
        return ""
    if figure.value is None:
        return "not measured"
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return number(figure.value)
    return f"{number(figure.value)} ({number(figure.low)} to {number(figure.high)})"


def measurement_table(measurement: MeasurementFacts) -> Table:
    """A row for each method, or for each figure where there are more figures than methods."""
    methods = measurement.methods
    figures = tuple(dict.fromkeys(name for measured in methods.values() for name in measured))
    if len(figures) > len(methods):
        rows = tuple((words(name), *(figure_text(methods[method].get(name)) for method in methods)) for name in figures)
        return Table(header=("figure", *map(words, methods)), rows=rows)
    rows = tuple((words(method), *(figure_text(methods[method].get(name)) for name in figures)) for method in methods)
    return Table(header=("method", *map(words, figures)), rows=rows)


def figures_table(figures: Mapping[str, Figure]) -> Table:
    """One row for each figure, with what it was counted on."""
    rows = (
        (words(name), figure_text(figure), "" if figure.total is None else f"{figure.hits:,} of {figure.total:,}")
        for name, figure in figures.items()
    )
    return Table(header=("figure", "value", "counted"), rows=tuple(rows))


def weaknesses(measurements: Mapping[str, MeasurementFacts]) -> tuple[str, ...]:
    """Sentences about what the figures say against the embedder: hard edits, and baselines that are ahead of it."""
    said = [_hardest_edits(measurements[_BY_EDIT].methods.get(_OWN, {}))] if _BY_EDIT in measurements else []
    for name, measurement in measurements.items():
        said.extend(_baselines_ahead(name, measurement))
    return tuple(sentence for sentence in said if sentence)


def _hardest_edits(by_edit: Mapping[str, Figure], most: int = 3) -> str:
    known = sorted((figure.value, edit) for edit, figure in by_edit.items() if figure.value is not None)
    hardest = ", ".join(f"{words(edit)} {figure_text(by_edit[edit])}" for _, edit in known[:most])
    return f"The edits after which it finds the fewest copies first, by embedding alone: {hardest}." if known else ""


def _baselines_ahead(name: str, measurement: MeasurementFacts) -> Sequence[str]:
    own = {method: figures for method, figures in measurement.methods.items() if method.startswith(_OWN)}
    figures = dict.fromkeys(figure for measured in own.values() for figure in measured)
    ahead = []
    for figure in figures:
        best = _best(own, figure)
        other = _best({one: measurement.methods[one] for one in BASELINES if one in measurement.methods}, figure)
        if best and other and other[0] > best[0]:
            there = figure_text(measurement.methods[other[1]][figure])
            here = figure_text(measurement.methods[best[1]][figure])
            ahead.append(f"{words(figure)}, {words(other[1])} {there} against {here}")
    return [f"In `{name}` a baseline is ahead: {'; '.join(ahead)}."] if ahead else []


def _best(methods: Mapping[str, Mapping[str, Figure]], figure: str) -> tuple[float, str] | None:
    known = [
        (value, method)
        for method, measured in methods.items()
        if figure in measured and (value := measured[figure].value) is not None
    ]
    return max(known, default=None)
