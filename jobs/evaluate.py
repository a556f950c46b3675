"""How right the stored verdicts are, measured against the truth of the listings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.assessment import Assessment, Band, GuardName, SignalName
from domain.codec import dump
from domain.errors import BadInput
from jobs.estimates import Estimate, f1, resampled, share
from jobs.truth import TruthRow
from scoring import metrics
from store.interfaces import AssessmentReader

_READS = {
    str(SignalName.COPIED_PHOTO): "image",
    str(SignalName.LOGO_MISUSE): "image",
    str(SignalName.ALTERED_LOGO): "image",
    str(SignalName.SUSPICIOUS_PRICE): "price",
}
"""What a signal has to read; where that was unreadable, its silence is no verdict."""
_Rows = dict[tuple[str | None, str], TruthRow | None]
"""None: a row that was not asked for."""
_MOST_CURVE_POINTS = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """What one yes-or-no decision got right and wrong."""

    hits: int
    false_alarms: int
    misses: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class ViolationScores:
    """One violation, found by the signal of its name."""

    violation: str
    labelled: bool
    """False: the truth never names it, so `scores` measures nothing and is None."""
    raised: int
    """Judged listings with the signal at or over the asked strength, of sellers whom nobody authorizes."""
    scores: Scores | None
    unread: int = 0
    """Violating listings without the signal whose picture (or price) could not be read: no verdict, not a miss."""
    right_product: Estimate | None = None
    """Of the copied photo's hits: how many name the product that the truth names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KindCount:
    """Where the listings of one kind ended up."""

    kind: str
    infringing: bool
    clear: int
    review: int
    enforce: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EditRecall:
    """How many of the copied pictures with this edit were found."""

    edit: str
    """``none`` for a picture taken as it is."""
    recall: Estimate
    unread: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """Precision and recall when every listing at or over `threshold` is flagged."""

    threshold: float
    recall: float
    precision: float
    precision_low: float
    precision_high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongVerdict:
    """One listing that was judged against its truth."""

    marketplace: str
    listing_id: str
    probability: float
    band: Band
    truth: TruthRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Every number of the evaluation. Intervals are of 95 %."""

    judged: int
    """Listings with a truth and an assessment: what every number below is made of."""
    infringing: int
    """Of those judged."""
    legitimate: int
    without_truth: int
    """Assessments of listings that the truth does not name."""
    without_assessment: int
    """Listings of the truth without a verdict: never imported, or failed. Counted here, never as a score."""
    left_out: int
    """Rows of the truth that were not asked for, such as those that trained the combiner."""
    strength: float
    """From which strength a raised signal counts as raised."""
    enforce: Scores
    """Flagged = in `enforce`."""
    review: Scores
    """Flagged = in `review` or `enforce`."""
    average_precision: Estimate
    brier: Estimate
    expected_calibration_error: Estimate
    curve: tuple[CurvePoint, ...]
    calibration: tuple[metrics.CalibrationBin, ...]
    violations: tuple[ViolationScores, ...]
    kinds: tuple[KindCount, ...]
    edits: tuple[EditRecall, ...]
    false_alarm_count: int
    false_alarms: tuple[WrongVerdict, ...]
    """Legitimate, yet in `review` or `enforce`: highest probability first, cut to what was asked for."""
    miss_count: int
    misses: tuple[WrongVerdict, ...]
    """Infringing, yet `clear`: lowest probability first, cut likewise."""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return dump(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judged:
    """What is kept of one judged listing."""

    row: TruthRow
    wrong: WrongVerdict
    """Wrong or not: what the report says of it when it is."""
    raised: frozenset[str]
    unread: frozenset[str]
    named_product: str | None


def evaluate(
    truth: Iterable[TruthRow],
    assessments: AssessmentReader,
    *,
    marketplace: str | None = None,
    keep: Callable[[TruthRow], bool] | None = None,
    strength: float = 0.5,
    max_wrong: int = 1000,
    resamples: int = 400,
) -> Evaluation:
    """Hold the current assessment of each listing against its row of the truth.

    `marketplace` restricts both sides; `keep` names the rows to measure on (those that trained nothing); `resamples` is
    how often listings are drawn anew for the intervals of what is no share.
    Raises BadInput when a row without marketplace meets the same listing id on two marketplaces.
    """
    rows = _rows_by_key(truth, marketplace, keep)
    met: set[tuple[str | None, str]] = set()
    judged: list[_Judged] = []
    without_truth = 0
    for assessment in assessments.assessments():
        if marketplace is not None and assessment.marketplace != marketplace:
            continue
        key = _key_in(rows, assessment)
        if key is None:
            without_truth += 1
            continue
        if key in met:
            raise BadInput(
                f"{assessment.listing_id} is a listing on more than one marketplace",
                field="marketplace",
                advice="Name the marketplace, or give each row of the truth its own.",
            )
        met.add(key)
        if (row := rows[key]) is not None:
            judged.append(_judge(row, assessment, strength))
    kept = sum(row is not None for row in rows.values())
    return _evaluation(
        judged,
        without_truth=without_truth,
        without_assessment=kept - len(judged),
        left_out=len(rows) - kept,
        strength=strength,
        max_wrong=max_wrong,
        resamples=resamples,
    )


def _rows_by_key(truth: Iterable[TruthRow], marketplace: str | None, keep: Callable[[TruthRow], bool] | None) -> _Rows:
    return {
        (row.marketplace, row.listing_id): row if keep is None or keep(row) else None
        for row in truth
        if marketplace is None or row.marketplace in (None, marketplace)
    }


def _key_in(rows: _Rows, assessment: Assessment) -> tuple[str | None, str] | None:
    """The key that the truth has the listing under; its own marketplace before any."""
    keys = ((place, assessment.listing_id) for place in (assessment.marketplace, None))
    return next((key for key in keys if key in rows), None)


def _judge(row: TruthRow, assessment: Assessment, strength: float) -> _Judged:
    copied = assessment.signal(SignalName.COPIED_PHOTO)
    # beside this guard, even where it holds by half, a signal is shown but accuses nobody: no notice is drafted
    accusing = () if assessment.guard(GuardName.AUTHORIZED_SELLER) else assessment.signals
    return _Judged(
        row=row,
        wrong=WrongVerdict(
            marketplace=assessment.marketplace,
            listing_id=assessment.listing_id,
            probability=assessment.probability,
            band=assessment.band,
            truth=row,
        ),
        raised=frozenset(str(signal.name) for signal in accusing if signal.strength >= strength),
        unread=frozenset(unreadable.what for unreadable in assessment.unreadable),
        named_product=copied.reference_id if copied else None,
    )


def _evaluation(
    judged: list[_Judged],
    *,
    without_truth: int,
    without_assessment: int,
    left_out: int,
    strength: float,
    max_wrong: int,
    resamples: int,
) -> Evaluation:
    labels = np.array([one.row.infringing for one in judged], dtype=np.bool_)
    probabilities = np.array([one.wrong.probability for one in judged], dtype=np.float64)
    false_alarms = [one.wrong for one in judged if not one.row.infringing and one.wrong.band is not Band.CLEAR]
    misses = [one.wrong for one in judged if one.row.infringing and one.wrong.band is Band.CLEAR]
    return Evaluation(
        judged=len(judged),
        infringing=int(labels.sum()),
        legitimate=int((~labels).sum()),
        without_truth=without_truth,
        without_assessment=without_assessment,
        left_out=left_out,
        strength=strength,
        enforce=_scores((one.row.infringing, one.wrong.band is Band.ENFORCE) for one in judged),
        review=_scores((one.row.infringing, one.wrong.band is not Band.CLEAR) for one in judged),
        average_precision=resampled(metrics.average_precision, probabilities, labels, resamples=resamples),
        brier=resampled(metrics.brier_score, probabilities, labels, resamples=resamples),
        expected_calibration_error=resampled(
            metrics.expected_calibration_error, probabilities, labels, resamples=resamples
        ),
        curve=_curve(probabilities, labels),
        calibration=tuple(metrics.calibration_bins(probabilities, labels)) if judged else (),
        violations=tuple(_violation(name, judged) for name in _violation_names(judged)),
        kinds=_kinds(judged),
        edits=_edits(judged),
        false_alarm_count=len(false_alarms),
        false_alarms=tuple(
            sorted(false_alarms, key=lambda w: (-w.probability, w.marketplace, w.listing_id))[:max_wrong]
        ),
        miss_count=len(misses),
        misses=tuple(sorted(misses, key=lambda w: (w.probability, w.marketplace, w.listing_id))[:max_wrong]),
    )


def _curve(probabilities: metrics.Floats, labels: metrics.Labels) -> tuple[CurvePoint, ...]:
    if not labels.any():
        return ()
    curve = metrics.precision_recall_curve(probabilities, labels)
    # Evenly picked over the points, both ends kept: more than a plot can show helps nobody
    picked = np.unique(np.linspace(0, curve.recall.size - 1, _MOST_CURVE_POINTS).round().astype(np.int64))
    return tuple(
        CurvePoint(
            threshold=float(curve.thresholds[i]),
            recall=float(curve.recall[i]),
            precision=float(curve.precision[i]),
            precision_low=float(curve.precision_low[i]),
            precision_high=float(curve.precision_high[i]),
        )
        for i in picked
    )


def _scores(verdicts: Iterable[tuple[bool, bool]]) -> Scores:
    """From (is so, was said) of each listing."""
    counts = Counter(verdicts)
    hits, false_alarms, misses = counts[True, True], counts[False, True], counts[True, False]
    return Scores(
        hits=hits,
        false_alarms=false_alarms,
        misses=misses,
        precision=share(hits, hits + false_alarms),
        recall=share(hits, hits + misses),
        f1=f1(hits, false_alarms, misses),
    )


def _violation_names(judged: list[_Judged]) -> list[str]:
    """Every signal there is, then what else the truth asks for: no signal finds it, and the recall says so."""
    known = [str(name) for name in SignalName]
    return known + sorted({name for one in judged for name in one.row.violations} - set(known))


def _unread(one: _Judged, violation: str) -> bool:
    """The signal is silent because there was nothing it could read."""
    return violation not in one.raised and _READS.get(violation) in one.unread


def _violation(name: str, judged: list[_Judged]) -> ViolationScores:
    violating = [one for one in judged if name in one.row.violations]
    hits = [one for one in violating if name in one.raised]
    named = [one for one in hits if one.row.reference_id is not None]
    right = sum(one.named_product == one.row.reference_id for one in named)
    return ViolationScores(
        violation=name,
        labelled=bool(violating),
        raised=sum(name in one.raised for one in judged),
        scores=_scores((name in one.row.violations, name in one.raised) for one in judged if not _unread(one, name))
        if violating
        else None,
        unread=sum(_unread(one, name) for one in violating),
        right_product=share(right, len(named)) if name == SignalName.COPIED_PHOTO and violating else None,
    )


def _kinds(judged: list[_Judged]) -> tuple[KindCount, ...]:
    counts = Counter((not one.row.infringing, one.row.kind, one.wrong.band) for one in judged)
    return tuple(
        KindCount(
            kind=kind,
            infringing=not legitimate,
            clear=counts[legitimate, kind, Band.CLEAR],
            review=counts[legitimate, kind, Band.REVIEW],
            enforce=counts[legitimate, kind, Band.ENFORCE],
        )
        for legitimate, kind in sorted({key[:2] for key in counts})
    )


def _edits(judged: list[_Judged]) -> tuple[EditRecall, ...]:
    name = str(SignalName.COPIED_PHOTO)
    copied = [one for one in judged if name in one.row.violations]
    by_edit: dict[str, list[_Judged]] = {}
    for one in copied:
        for edit in set(one.row.edits) or {"none"}:
            by_edit.setdefault(edit, []).append(one)
    return tuple(
        EditRecall(
            edit=edit,
            recall=share(sum(name in one.raised for one in ones), sum(not _unread(one, name) for one in ones)),
            unread=sum(_unread(one, name) for one in ones),
        )
        for edit, ones in sorted(by_edit.items())
    )
