from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment import Assessment, Band, Finding, GuardName, SignalName, Versions
from domain.errors import BadInput
from domain.listing import Unreadable
from jobs.evaluate import Evaluation, ViolationScores, evaluate
from jobs.truth import TruthRow

VERSIONS = Versions(embedder="e", index="i", verifier="v@1", combiner="c", lexicon="l", code="0")


class Verdicts:
    """An `AssessmentReader` of what it is given."""

    def __init__(self, *assessments: Assessment) -> None:
        self._assessments = assessments

    def assessments(self, band: Band | None = None) -> Iterator[Assessment]:
        return (one for one in self._assessments if band in (None, one.band))

    def assessment(self, marketplace: str, listing_id: str) -> Assessment:
        raise NotImplementedError


def verdict(
    listing_id: str,
    probability: float,
    *signals: Finding,
    unreadable: str | None = None,
    marketplace: str = "m",
) -> Assessment:
    return Assessment(
        marketplace=marketplace,
        listing_id=listing_id,
        probability=probability,
        band=Band.ENFORCE if probability >= 0.9 else Band.REVIEW if probability >= 0.5 else Band.CLEAR,
        signals=signals,
        guards=(),
        unreadable=(Unreadable(what=unreadable, source="s", reason="r"),) if unreadable else (),
        versions=VERSIONS,
    )


def copied(strength: float = 0.9, reference_id: str = "R1") -> Finding:
    return Finding(name=SignalName.COPIED_PHOTO, strength=strength, sentence="s", reference_id=reference_id)


def bad(listing_id: str, *edits: str, **more: str) -> TruthRow:
    return TruthRow(
        listing_id=listing_id,
        kind="copied_photo",
        label="infringing",
        violations=("copied_photo",),
        reference_id="R1",
        edits=edits,
        **more,
    )


def good(listing_id: str, kind: str = "unrelated") -> TruthRow:
    return TruthRow(listing_id=listing_id, kind=kind, label="legitimate")


def violation(evaluation: Evaluation, name: str = "copied_photo") -> ViolationScores:
    return next(one for one in evaluation.violations if one.violation == name)


@pytest.fixture
def small() -> Evaluation:
    """Six infringing, four legitimate; worked out by hand below."""
    truth = [
        bad("b1", "crop"), bad("b2", "crop", "flip"), bad("b3", "flip"), bad("b4"), bad("b5"), bad("b6", "crop"),
        good("g1"), good("g2"), good("g3", "own_photo"), good("g4"),
        bad("never scored"),
    ]  # fmt: skip
    return evaluate(
        truth,
        Verdicts(
            verdict("b1", 0.99, copied()),
            verdict("b2", 0.95, copied(reference_id="R2")),
            verdict("b3", 0.7, copied(0.5)),
            verdict("b4", 0.6, copied(0.49)),
            verdict("b5", 0.2),
            verdict("b6", 0.1, unreadable="image"),
            verdict("g1", 0.05),
            verdict("g2", 0.01),
            verdict("g3", 0.92, copied()),
            verdict("g4", 0.5),
            verdict("nobody knows", 0.99, copied()),
        ),
    )


def test_who_is_judged(small: Evaluation) -> None:
    assert (small.judged, small.infringing, small.legitimate) == (10, 6, 4)
    assert (small.without_truth, small.without_assessment, small.left_out) == (1, 1, 0)


def test_beside_an_authorization_a_signal_accuses_nobody() -> None:
    guard = Finding(name=GuardName.AUTHORIZED_SELLER, strength=0.5, sentence="s")
    known = replace(verdict("g1", 0.6, copied()), guards=(guard,))
    scores = violation(evaluate([bad("b1"), good("g1", "authorised")], Verdicts(verdict("b1", 0.9, copied()), known)))
    assert (scores.raised, scores.scores and scores.scores.false_alarms) == (1, 0)


def test_the_bands_are_scored(small: Evaluation) -> None:
    assert (small.enforce.hits, small.enforce.false_alarms, small.enforce.misses) == (2, 1, 4)
    assert small.enforce.precision.value == pytest.approx(2 / 3)
    assert small.enforce.recall.value == pytest.approx(1 / 3)
    assert small.enforce.f1.value == pytest.approx(4 / 9)
    assert (small.review.hits, small.review.false_alarms, small.review.misses) == (4, 2, 2)
    assert small.review.f1.value == pytest.approx(2 / 3)


def test_shares_carry_wilson_intervals(small: Evaluation) -> None:
    # 2 of 3 by Wilson's formula with z = 1.96: (0.2077, 0.9385)
    precision = small.enforce.precision
    assert (precision.low, precision.high) == (pytest.approx(0.2077, abs=1e-4), pytest.approx(0.9385, abs=1e-4))
    assert precision.low is not None
    assert small.enforce.f1.low is not None
    assert small.enforce.f1.value is not None
    assert small.enforce.f1.low < small.enforce.f1.value


def test_probabilities_are_scored(small: Evaluation) -> None:
    # ranked: b1 b2 g3 b3 b4 g4 b5 b6 g1 g2
    assert small.average_precision.value == pytest.approx((1 + 1 + 3 / 4 + 4 / 5 + 5 / 7 + 6 / 8) / 6)
    errors = [0.01, 0.05, 0.92, 0.3, 0.4, 0.5, 0.8, 0.9, 0.05, 0.01]
    assert small.brier.value == pytest.approx(sum(error**2 for error in errors) / 10)
    for number in (small.average_precision, small.brier, small.expected_calibration_error):
        assert number.low is not None
        assert number.high is not None
        assert 0 <= number.low <= number.high <= 1
    assert [point.threshold for point in small.curve][:3] == [0.99, 0.95, 0.92]
    assert small.curve[2].precision == pytest.approx(2 / 3)
    assert sum(one.observed.total for one in small.calibration) == 10


def test_a_signal_is_raised_from_its_strength_on(small: Evaluation) -> None:
    found = violation(small)
    assert found.scores is not None
    assert (found.raised, found.scores.hits, found.scores.false_alarms) == (4, 3, 1)


def test_what_could_not_be_read_is_no_miss(small: Evaluation) -> None:
    found = violation(small)
    assert found.scores is not None
    assert (found.unread, found.scores.misses) == (1, 2)


def test_the_right_product_is_counted_among_the_hits(small: Evaluation) -> None:
    right = violation(small).right_product
    assert right is not None
    assert (right.hits, right.total) == (2, 3)


def test_a_violation_that_the_truth_never_names_is_not_measured(small: Evaluation) -> None:
    found = violation(small, "brand_claim")
    assert not found.labelled
    assert found.scores is None


def test_a_violation_without_a_signal_has_no_recall() -> None:
    row = TruthRow(listing_id="x", kind="logo", label="infringing", violations=("logo_misuse",))
    scores = violation(evaluate([row], Verdicts(verdict("x", 0.9))), "logo_misuse").scores
    assert scores is not None
    assert scores.recall.value == 0


def test_kinds_and_edits(small: Evaluation) -> None:
    kinds = {(one.kind, one.infringing): (one.clear, one.review, one.enforce) for one in small.kinds}
    assert kinds == {
        ("copied_photo", True): (2, 2, 2),
        ("unrelated", False): (2, 1, 0),
        ("own_photo", False): (0, 0, 1),
    }
    edits = {one.edit: (one.recall.hits, one.recall.total, one.unread) for one in small.edits}
    assert edits == {"crop": (2, 2, 1), "flip": (2, 2, 0), "none": (0, 2, 0)}


def test_the_wrong_ones_come_worst_first(small: Evaluation) -> None:
    assert [one.listing_id for one in small.false_alarms] == ["g3", "g4"]
    assert [one.listing_id for one in small.misses] == ["b6", "b5"]
    assert small.false_alarms[0].truth.kind == "own_photo"


def test_the_wrong_ones_are_cut_and_still_counted() -> None:
    rows = [good(str(n)) for n in range(5)]
    evaluation = evaluate(rows, Verdicts(*(verdict(row.listing_id, 0.95) for row in rows)), max_wrong=2)
    assert (evaluation.false_alarm_count, len(evaluation.false_alarms)) == (5, 2)


def test_only_what_is_kept_is_measured() -> None:
    evaluation = evaluate(
        [bad("b1"), bad("b2"), good("g1")],
        Verdicts(verdict("b1", 0.99), verdict("b2", 0.1), verdict("g1", 0.1)),
        keep=lambda row: row.listing_id != "b2",
    )
    assert (evaluation.judged, evaluation.left_out, evaluation.without_truth) == (2, 1, 0)
    assert evaluation.enforce.recall.value == 1


def test_a_marketplace_restricts_both_sides() -> None:
    rows = [bad("1", marketplace="a"), bad("2", marketplace="b"), good("3")]
    verdicts = Verdicts(*(verdict(i, 0.99, marketplace=place) for place in "ab" for i in "123"))
    evaluation = evaluate(rows, verdicts, marketplace="a")
    assert (evaluation.judged, evaluation.without_truth, evaluation.without_assessment) == (2, 1, 0)
    with pytest.raises(BadInput, match="more than one marketplace") as caught:
        evaluate(rows, verdicts)
    assert caught.value.advice


def test_nothing_judged_claims_nothing() -> None:
    evaluation = evaluate([bad("b1")], Verdicts())
    assert evaluation.without_assessment == 1
    assert evaluation.enforce.precision.value is None
    assert evaluation.average_precision.value is None
    assert (evaluation.curve, evaluation.calibration) == ((), ())
    json.dumps(evaluation.as_dict(), allow_nan=False)


def test_the_same_input_gives_the_same_numbers(small: Evaluation) -> None:
    said = json.dumps(small.as_dict(), allow_nan=False)
    rows = [bad("b"), good("g")]
    verdicts = Verdicts(verdict("b", 0.8), verdict("g", 0.3))
    assert evaluate(rows, verdicts) == evaluate(rows, verdicts)
    assert json.loads(said)["enforce"]["precision"]["total"] == 3


@given(
    st.lists(
        st.tuples(st.booleans(), st.none() | st.floats(0, 1), st.none() | st.floats(0, 1), st.booleans()), max_size=30
    )
)
def test_counts_always_add_up(listings: list[tuple[bool, float | None, float | None, bool]]) -> None:
    rows, verdicts = [], []
    for number, (infringing, probability, strength, unreadable) in enumerate(listings):
        name = str(number)
        rows.append(bad(name, "crop") if infringing else good(name))
        if probability is not None:
            signals = () if strength is None else (copied(strength),)
            verdicts.append(verdict(name, probability, *signals, unreadable="image" if unreadable else None))
    e = evaluate(rows, Verdicts(*verdicts), resamples=5)
    assert e.judged + e.without_assessment == len(rows)
    assert e.infringing + e.legitimate == e.judged == sum(one.observed.total for one in e.calibration)
    assert sum(one.clear + one.review + one.enforce for one in e.kinds) == e.judged
    for scores in (e.enforce, e.review):
        assert scores.hits + scores.misses == e.infringing
        assert scores.false_alarms <= e.legitimate
    assert e.review.misses == e.miss_count
    assert e.review.false_alarms == e.false_alarm_count
    found = violation(e)
    if found.scores is not None:
        assert found.scores.hits + found.scores.misses + found.unread == e.infringing
        assert found.scores.hits + found.scores.false_alarms == found.raised
    for estimate in (e.enforce.precision, e.review.recall, e.review.f1):
        if estimate.value is not None:
            assert estimate.low is not None
            assert estimate.high is not None
            assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
