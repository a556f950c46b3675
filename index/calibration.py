"""Thresholds of one catalog's index, set for a wanted rate of false matches, and stored beside that index.

The rate is per picture: the share of pictures that have nothing to do with the catalog, yet match anything in it. A
threshold is set by the split-conformal rule: the largest score against the whole catalog of each of n pictures that
are in no catalog, sorted, and of these the ceil((n + 1)(1 - rate))-th smallest. A further picture that is exchangeable
with those n scores higher with a probability of at most `rate`, whatever the distribution and the model are. From
Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005, and Angelopoulos and Bates, "Conformal
Prediction: A Gentle Introduction", 2023, section 1.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pydantic import TypeAdapter

from domain.codec import canonical_json, digest, dump, load
from domain.errors import BadInput, NotReady
from index.artifact import write_beside

FORMAT = 1
LIKELY_COPY = 0.5
"""Confidence under which no pair is a match, however it is calibrated: it is more likely no copy than one."""

_FILE = "calibration.json"
_MOST_BYTES = 100_000
_STEPS = 1_000_000
"""Thresholds are given to six decimals, as confidences are."""
_ADVICE = "Set the thresholds: assayer models calibrate."


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """From where on a score is a match. Each holds for the wanted rate by itself."""

    copy: float
    """The verifier's confidence, 0.5 to a little over 1, from which a pair is a match. Over 1: nothing is one."""
    copy_similarity: float | None
    """Normalized cosine in the copy space from which the embedding alone calls two pictures copies. None: the catalog
    has no photographs."""
    mark_similarity: float | None
    """Normalized cosine in the mark space from which a picture bears a logo. None: the embedder has no mark space, or
    the catalog no logos."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What thresholds were set with, and for."""

    format: int
    embedder: str
    """``name@sha256``, the latter's first 12 digits."""
    verifier: str
    """``name@sha256``, likewise."""
    index: str
    """Version of the index; it covers the catalog."""
    false_match_rate: float
    """That was wanted, over 0 and under 1."""
    distractors: int
    """Pictures that set the thresholds."""
    background: int
    """Pictures that similarities are normalized with; 0: they are plain cosines."""
    thresholds: Thresholds

    @property
    def version(self) -> str:
        """12 hex digits."""
        return digest(dump(self))[:12]


def distractors_needed(rate: float) -> int:
    """The fewest pictures by which `rate` can be held. Raises BadInput when it is no rate."""
    if not 0 < rate < 1:
        raise BadInput(f"{rate} is no rate; it lies between 0 and 1", field="false-match-rate")
    return math.ceil(1 / _exact(rate) - 1)


def conformal_threshold(scores: Sequence[float], rate: float) -> float:
    """The smallest number of six decimals over the ceil((n + 1)(1 - rate))-th smallest of n scores.

    A match is what reaches it, so a further exchangeable score does with a probability of at most `rate`.
    Raises BadInput where n is too small for the rate; it says how many are needed.
    """
    needed = distractors_needed(rate)
    if len(scores) < needed:
        raise BadInput(
            f"a rate of {rate:g} needs at least {needed} distractors; there are {len(scores)}",
            field="false-match-rate",
            advice="Add pictures that show nothing of the catalog (assayer models calibrate --distractors DIR), "
            "or raise ASSAYER_DRAWN_DISTRACTORS or the rate.",
        )
    rank = math.ceil((len(scores) + 1) * (1 - _exact(rate)))
    return _just_over(sorted(scores)[rank - 1])


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Beside the files of its index in `folder`, atomically. Raises NotReady when that index is no longer there."""
    write_beside(folder, calibration.index, _FILE, canonical_json(dump(calibration)))


def calibration_digest(folder: Path, index: str) -> str:
    """SHA-256 of what is stored for that index in `folder`, fitting or not: whether it has changed. Empty: nothing."""
    try:
        return hashlib.sha256((folder / index / _FILE).read_bytes()).hexdigest()
    except (OSError, ValueError):
        return ""


def read_calibration(folder: Path, *, index: str, embedder: str, verifier: str) -> Calibration:
    """The calibration of that index in `folder`. Raises NotReady: none, broken, or made for other models."""
    calibration = _read(folder / index / _FILE)
    for what, made_for, used in (
        ("index", calibration.index, index),
        ("embedder", calibration.embedder, embedder),
        ("verifier", calibration.verifier, verifier),
    ):
        if made_for != used:
            raise NotReady(f"the thresholds were set for the {what} {made_for}; in use is {used}", advice=_ADVICE)
    return calibration


def _read(path: Path) -> Calibration:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
        calibration = load(Calibration, TypeAdapter(dict[str, object]).validate_json(content))
    except FileNotFoundError as error:
        raise NotReady("no thresholds are set for this index", advice=_ADVICE) from error
    except OSError as error:
        raise NotReady(f"{_FILE} cannot be read ({error.strerror})", advice=_ADVICE) from error
    except (BadInput, ValueError) as error:
        raise NotReady(f"{_FILE} is broken ({error})", advice=_ADVICE) from error
    if calibration.format != FORMAT:
        raise NotReady(f"{_FILE} has format {calibration.format}; this release reads {FORMAT}", advice=_ADVICE)
    if not calibration.thresholds.copy >= LIKELY_COPY:
        raise NotReady(f"{_FILE} is broken (copy: {calibration.thresholds.copy})", advice=_ADVICE)
    return calibration


def _exact(rate: float) -> Fraction:
    """0.01 as it is written: in binary it is a little more, and 100 * (1 - 0.01) must not become 100."""
    return Fraction(str(rate))


def _just_over(score: float) -> float:
    if not math.isfinite(score):
        return score
    steps = math.floor(score * _STEPS) + 1
    return (steps if steps / _STEPS > score else steps + 1) / _STEPS
