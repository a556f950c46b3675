"""What a page says of one field, from how many sides, and which of it is taken.

Each statement carries a weight: how often such a place is right about its field when nothing else on the page is known.
Statements that come to the same value support each other when they come from different sources, for one source errs in
one way (a shop's JSON-LD and its microdata are two; two labels in one table are one). The value with the most support
is taken; what supports another one is known, so that a contested price can be left open.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

# Set by hand from what shop platforms write, checked on pages that they were not set on (benchmarks/page_extraction.py)
WEIGHTS = {
    "json-ld": 0.75,
    "microdata": 0.72,
    "rdfa": 0.65,
    "opengraph": 0.6,
    "meta": 0.5,
    "analytics": 0.6,
    "state": 0.5,
    "attribute": 0.4,
    "label": 0.78,
    "named": 0.6,
    "form": 0.45,
    "url": 0.38,
    "visible": 0.8,
}
"""Of a source, where nothing speaks against what it says."""

_SEEN = ("label", "named")
_APART = re.compile(r"[\W_]+")
_LEAST = 0.3
"""What has less support is not taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One place of a page that says something of one field."""

    field: str
    value: str
    """Normalized: what agrees is equal."""
    raw: str
    """As it stands there."""
    where: str
    """Syntax and place, for evidence."""
    source: str
    """Key of `WEIGHTS`; statements of one source do not support each other."""
    weight: float
    currency: str = ""
    """With a price: the code or sign that stands with it."""

    @property
    def key(self) -> str:
        """What is equal for statements that agree: ``1002/710`` and ``1002-710`` are one number."""
        if self.field in ("sku", "mpn", "brand"):
            return _APART.sub("", self.value.casefold()) or self.value
        return self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The value that is taken for a field."""

    value: str
    support: float
    """In [0, 1); 1 would be beyond doubt."""
    others: float
    """The support of the next best value."""
    statements: tuple[Statement, ...]
    """Those for it, the weightiest first."""

    @property
    def best(self) -> Statement:
        """The weightiest statement for it."""
        return self.statements[0]


def said(
    field: str, value: str, raw: str, where: str, source: str, share: float = 1.0, currency: str = ""
) -> Statement:
    """A statement with `share` of the weight of its source."""
    weight = WEIGHTS[source] * share
    return Statement(
        field=field, value=value, raw=raw[:500], where=where, source=source, weight=weight, currency=currency
    )


def decide(statements: Iterable[Statement]) -> Decision | None:
    """The value with the most support; of equals the one said first. None when none has enough."""
    groups: dict[str, list[Statement]] = defaultdict(list)
    for statement in statements:
        groups[statement.key].append(statement)
    ranked = sorted(((_support(group), key) for key, group in groups.items()), key=lambda pair: -pair[0])
    if not ranked or ranked[0][0] < _LEAST:
        return None
    support, key = ranked[0]
    # as readers see it, where they do: 466/7999 rather than 4667999
    statements = tuple(
        sorted(groups[key], key=lambda each: (each.field != "price" and each.source not in _SEEN, -each.weight))
    )
    return Decision(
        value=statements[0].value,
        support=support,
        others=ranked[1][0] if len(ranked) > 1 else 0.0,
        statements=statements,
    )


def _support(group: Sequence[Statement]) -> float:
    """That not all of the independent sources err."""
    strongest: dict[str, float] = {}
    for statement in group:
        strongest[statement.source] = max(strongest.get(statement.source, 0.0), statement.weight)
    return 1 - prod(1 - weight for weight in strongest.values())
