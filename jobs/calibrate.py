"""Set the thresholds of an index for a wanted rate of false matches, by pictures that are in no catalog."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from domain.errors import BadInput, ImageRefused
from domain.progress import Progress, silent
from domain.settings import Settings
from index.artifact import IndexArtifact
from index.background import load_background
from index.calibration import FORMAT, LIKELY_COPY, Calibration, Thresholds, conformal_threshold, distractors_needed
from index.embedder import Embedder, Space
from index.score_normalization import ScoreNormalization
from index.verification import Verifier
from jobs.distractor_scores import DistractorScorer, Look, Vectors
from jobs.distractors import Distractor, distractors_in, drawn_distractors

_MOST_NAMED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Resemblance:
    """A distractor that the verifier takes for a copy: it is in the catalog after all, or why a threshold is high."""

    name: str
    reference_id: str
    confidence: float
    """The verifier's, 0.5 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationReport:
    """What a calibration did."""

    calibration: Calibration
    refused: tuple[BadInput, ...]
    """Pictures that were left out, each with its reason: unreadable, given twice, or the catalog's own."""
    resembling: tuple[Resemblance, ...]
    """Most confident first, at most 20."""


def calibrate(
    artifact: IndexArtifact,
    embedder: Embedder,
    verifier: Verifier,
    settings: Settings,
    *,
    background: Path,
    false_match_rate: float | None = None,
    distractors: Path | None = None,
    progress: Progress = silent,
) -> CalibrationReport:
    """Thresholds for `artifact`, not stored yet. Where rate or folder are None, the settings' are taken.

    The drawn pictures and the folder's set the thresholds; similarities are normalized with the vectors in the file
    `background`, which may be missing.
    Raises BadInput: too few pictures for the rate (it says how many are needed), or no such folder.
    """
    rate = settings.false_match_rate if false_match_rate is None else false_match_rate
    folder = distractors or settings.distractors_dir
    distractors_needed(rate)  # refuses what is no rate
    refused: list[BadInput] = []
    scorer = DistractorScorer(artifact, embedder, verifier, settings)
    looks: list[Look] = []
    dimensions = {space: embedder.dimensions(space) for space in scorer.references}
    vectors = load_background(background, embedder=embedder.version, dimensions=dimensions)
    if scorer.references:
        pictures = [*drawn_distractors(settings), *(distractors_in(folder, settings) if folder else ())]
        conformal_threshold([0.0] * len(pictures), rate)  # too few are refused before the work, not only after it
        known = {one.sha256 for one in artifact.references} | {one.sha256 for one in artifact.logos.references}
        looks = list(_distinct(_side_by_side(scorer, pictures, progress), known, refused))
    calibration = Calibration(
        format=FORMAT,
        embedder=embedder.version,
        verifier=verifier.version,
        index=artifact.checkpoint.version,
        false_match_rate=rate,
        distractors=len(looks),
        background=max((len(each) for each in vectors.values()), default=0),
        thresholds=_thresholds(scorer.references, looks, vectors, rate),
    )
    return CalibrationReport(calibration=calibration, refused=tuple(refused), resembling=_resembling(looks))


def _thresholds(references: Vectors, looks: Sequence[Look], background: Vectors, rate: float) -> Thresholds:
    """Of a catalog of words alone, which no picture can match, the floor."""

    def similarity(space: Space) -> float | None:
        if space not in references:
            return None
        normalization = ScoreNormalization(background[space])
        return _threshold(
            looks, [normalization.largest(look.vectors[space], references[space]) for look in looks], rate
        )

    confident = _threshold(looks, [look.confidence for look in looks], rate) if "copy" in references else LIKELY_COPY
    return Thresholds(
        copy=max(LIKELY_COPY, confident), copy_similarity=similarity("copy"), mark_similarity=similarity("mark")
    )


def _threshold(looks: Sequence[Look], scores: Sequence[float], rate: float) -> float:
    """That of all pictures, and no lower than that of the drawn or of the user's where those are enough by themselves.

    So the rate holds for pictures like either kind, and not just for a mixture of both that nobody will ever see.
    """
    drawn = [score for look, score in zip(looks, scores, strict=True) if look.drawn]
    own = [score for look, score in zip(looks, scores, strict=True) if not look.drawn]
    enough = [part for part in (drawn, own) if len(part) >= distractors_needed(rate)]
    return max(conformal_threshold(part, rate) for part in (scores, *enough))


def _resembling(looks: Iterable[Look]) -> tuple[Resemblance, ...]:
    alike = sorted((look for look in looks if look.confidence >= LIKELY_COPY), key=lambda look: -look.confidence)
    return tuple(
        Resemblance(name=look.name, reference_id=look.reference_id, confidence=look.confidence)
        for look in alike[:_MOST_NAMED]
    )


def _distinct(looks: Iterable[Look | ImageRefused], known: set[str], refused: list[BadInput]) -> Iterator[Look]:
    """Each picture once, the catalog's own never: such would not be exchangeable with the pictures to come."""
    seen: set[str] = set()
    for look in looks:
        if isinstance(look, ImageRefused):
            refused.append(look)
        elif look.sha256 in known:
            refused.append(BadInput("is a picture of the catalog", file=look.name))
        elif look.sha256 in seen:
            refused.append(BadInput("is the same picture as one before it", file=look.name))
        else:
            seen.add(look.sha256)
            yield look


def _side_by_side(
    scorer: DistractorScorer, pictures: Sequence[Distractor], progress: Progress
) -> Iterator[Look | ImageRefused]:
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for done, look in enumerate(pool.map(scorer.look, pictures), start=1):
            yield look
            progress("distractors", done, len(pictures))
    finally:
        pool.shutdown(cancel_futures=True)  # who stops it by hand does not wait for the rest
