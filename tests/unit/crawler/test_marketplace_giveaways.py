"""Nothing beside the violations themselves may tell honest from infringing listings: the combiner trains on this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from crawler.marketplace import generate_marketplace
from crawler.marketplace.model import OfferedListing

SEEDS = range(200, 210)
BOUND = 0.62
"""Best balanced accuracy of one split on one field; 0.5 is chance, realshop's quantity alone reaches about 0.9."""
Row = tuple[OfferedListing, bool]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    markets = [generate_marketplace(seed) for seed in SEEDS]
    return [(x, t.label == "infringing") for m in markets for x, t in zip(m.listings, m.truths, strict=True)]


def best_threshold(values: list[float], labels: list[bool]) -> float:
    """Balanced accuracy of the best single threshold, in either direction."""
    positives, negatives = sum(labels), len(labels) - sum(labels)
    below: Counter[bool] = Counter()
    best, ordered = 0.5, sorted(zip(values, labels, strict=True))
    for position, (value, label) in enumerate(ordered):
        below[label] += 1
        if position + 1 == len(ordered) or ordered[position + 1][0] != value:
            score = (below[True] / positives + 1 - below[False] / negatives) / 2
            best = max(best, score, 1 - score)
    return best


def best_grouping(values: list[str], labels: list[bool]) -> float:
    """Balanced accuracy when each value is given the side on which it is more common."""
    positives, negatives = sum(labels), len(labels) - sum(labels)
    counts = Counter(zip(values, labels, strict=True))
    return sum(max(counts[v, True] / positives, counts[v, False] / negatives) for v in set(values)) / 2


NUMBERS: dict[str, Callable[[OfferedListing], float]] = {
    "quantity": lambda x: x.quantity,
    "feedback score": lambda x: x.seller.feedback_score or 0,
    "feedback percent": lambda x: x.seller.feedback_percent or 0,
    "title length": lambda x: len(x.title),
    "description length": lambda x: len(x.description),
    "price": lambda x: float(x.price),
    "listing id": lambda x: int(x.listing_id),
    "seller id": lambda x: int(x.seller.id[1:]),
    "seller name length": lambda x: len(x.seller.name),
}
WORDS: dict[str, Callable[[OfferedListing], str]] = {
    "location": lambda x: x.seller.location,
    "condition": lambda x: x.condition,
    "category": lambda x: x.category,
    "page style": lambda x: x.style.value,
    "currency": lambda x: x.currency,
    "images": lambda x: str(len(x.images)),
    "seller name's case": lambda x: str(x.seller.name.islower()),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_tells_them_apart(rows: list[Row], name: str) -> None:
    assert best_threshold([NUMBERS[name](x) for x, _ in rows], [label for _, label in rows]) < BOUND


@pytest.mark.parametrize("name", WORDS)
def test_no_word_tells_them_apart(rows: list[Row], name: str) -> None:
    assert best_grouping([WORDS[name](x) for x, _ in rows], [label for _, label in rows]) < BOUND


def test_the_measures_find_a_giveaway_when_there_is_one(rows: list[Row]) -> None:
    labels = [label for _, label in rows]
    assert best_threshold([float(label) for label in labels], labels) == 1.0
    assert best_threshold([-float(label) for label in labels], labels) == 1.0
    assert best_grouping([str(label) for label in labels], labels) == 1.0


def test_many_sellers_sell_both(rows: list[Row]) -> None:
    sides: dict[tuple[str, str], set[bool]] = {}
    for listing, label in rows:
        sides.setdefault((listing.seller.id, listing.seller.name), set()).add(label)
    assert sum(len(labels) == 2 for labels in sides.values()) > len(sides) / 4
