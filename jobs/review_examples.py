"""Reviews as examples: what the combiner learns from them, what is kept back to measure on, and what pictures teach."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from domain.assessment import GuardName
from domain.codec import digest, dump
from domain.review import Decision, RejectionReason, Review
from jobs.learning_sets import product_titles
from jobs.review_cases import latest_reviews
from jobs.train_classifier import Examples
from scoring.features import FEATURE_NAMES
from store.interfaces import Records

SOURCE = "reviews"
HELD_OUT_SHARE = 4
"""Of so many groups, one is kept back."""
STATED_GUARDS = {RejectionReason.AUTHORIZED: GuardName.AUTHORIZED_SELLER}
"""What a reason states that no catalog said: with it, the review does not teach that its signals are worth nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupedReview:
    """A review with what may not stand on both sides of a split."""

    review: Review
    group: str
    """The product that it names (color variants together), else its case."""

    @property
    def held_out(self) -> bool:
        """Whether it only measures. It hangs on the group alone, so that no later review moves it."""
        return hashlib.sha256(self.group.casefold().encode()).digest()[0] % HELD_OUT_SHARE == 0


def grouped_reviews(records: Records) -> list[GroupedReview]:
    """The last decision on each content, of all listings."""
    titles = product_titles(records)

    def group(review: Review) -> str:
        if not review.product:
            return f"case {review.case_id}"
        return f"{review.rights_holder}/{titles.get(review.product, review.product)}"

    return [GroupedReview(review=review, group=group(review)) for review in latest_reviews(records)]


def training_reviews(records: Records) -> list[GroupedReview]:
    """Those that may train."""
    return [one for one in grouped_reviews(records) if not one.held_out]


def held_out_reviews(records: Records) -> list[GroupedReview]:
    """Those that only measure."""
    return [one for one in grouped_reviews(records) if one.held_out]


def reviews_digest(reviews: Iterable[GroupedReview]) -> str:
    """12 hex digits that change with what is learned from."""
    return digest(sorted(digest(dump(one.review)) for one in reviews))[:12]


def review_examples(reviews: Iterable[GroupedReview]) -> Examples:
    """Strengths as they were seen, by what this version calls them; confirmed listings infringe, rejected ones do not.

    Findings that this version no longer makes are left out; those that it has come to make since are 0: not found.
    """
    kept = list(reviews)
    rows = [_strengths(one.review) for one in kept]
    return Examples(
        source=SOURCE,
        features=np.asarray(rows, np.float32).reshape(-1, len(FEATURE_NAMES)),
        infringing=np.asarray([one.review.decision == Decision.CONFIRMED for one in kept], bool),
        groups=tuple(f"{SOURCE}/{one.group}" for one in kept),
    )


def _strengths(review: Review) -> list[float]:
    stated = STATED_GUARDS.get(review.reason) if review.reason else None
    seen = {**review.strengths, **({stated.value: 1.0} if stated else {})}
    return [seen.get(name, 0.0) for name in FEATURE_NAMES]
