from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.promotion import ModelKind
from jobs.paired_bootstrap import Figure, compare

LOSS = Figure(name="loss", larger_is_better=False, tolerated=0.01)
SHARE = Figure(name="share", larger_is_better=True, tolerated=0.01)
values = st.lists(st.floats(-5, 5), min_size=1, max_size=30)


@given(values)
def test_the_same_model_is_never_worse_than_itself(same: list[float]) -> None:
    for figure in (LOSS, SHARE):
        found = compare(ModelKind.COMBINER, figure, "set", np.array(same), np.array(same), ["a"] * len(same))
        assert (found.difference, found.low, found.high, found.worse) == (0.0, 0.0, 0.0, False)


@given(values, st.data())
def test_a_difference_lies_in_its_interval_and_turns_with_its_sides(one: list[float], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.floats(-5, 5), min_size=len(one), max_size=len(one)))
    groups = data.draw(st.lists(st.sampled_from("abc"), min_size=len(one), max_size=len(one)))
    there = compare(ModelKind.COMBINER, LOSS, "set", np.array(one), np.array(other), groups)
    back = compare(ModelKind.COMBINER, LOSS, "set", np.array(other), np.array(one), groups)
    assert there.low <= there.difference <= there.high
    assert there.difference == pytest.approx(np.mean(other) - np.mean(one))
    assert (back.difference, back.low, back.high) == pytest.approx(
        (-there.difference, -there.high, -there.low), abs=1e-9
    )
    assert there.groups == len(set(groups))
    # what is a loss of a loss is a gain of a share
    shared = compare(ModelKind.COMBINER, SHARE, "set", np.array(other), np.array(one), groups)
    assert shared.worse == there.worse


@pytest.mark.parametrize(
    ("shift", "noise", "worse"),
    [
        (0.5, 0.0, True),  # plainly
        (0.005, 0.0, True),  # by little, and surely
        (0.005, 1.0, False),  # by less than matters, and maybe by chance
        (0.02, 1.0, True),  # by what matters, though maybe by chance
        (-0.5, 0.0, False),
    ],
)
def test_what_matters_or_is_sure_speaks_against_a_candidate(shift: float, noise: float, worse: bool) -> None:
    wobble = noise * np.tile([1.0, -1.0], 50)
    in_use, candidate = np.zeros(100), np.full(100, shift) + wobble
    groups = [str(number) for number in range(100)]
    assert compare(ModelKind.COMBINER, LOSS, "set", in_use, candidate, groups).worse == worse
    assert compare(ModelKind.COMBINER, SHARE, "set", in_use, -candidate, groups).worse == worse


def test_groups_are_drawn_together() -> None:
    in_use, candidate = np.zeros(100), np.concatenate([np.full(50, 1.0), np.full(50, -0.9)])
    apart = compare(ModelKind.COMBINER, LOSS, "set", in_use, candidate, [str(number) for number in range(100)])
    together = compare(ModelKind.COMBINER, LOSS, "set", in_use, candidate, ["a"] * 50 + ["b"] * 50)
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_the_sentence_says_both_figures() -> None:
    said = compare(ModelKind.COMBINER, LOSS, "reviews", np.array([0.1]), np.array([0.3]), ["a"]).sentence
    assert "loss is 0.3000, of the one in use 0.1000 (difference +0.2000" in said
    assert "1 examples of reviews" in said
