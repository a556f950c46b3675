"""What a `logo_misuse` or `altered_logo` finding carries as proof, read back and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from domain import codec
from domain.assessment import Finding, SignalName
from domain.errors import BadInput
from domain.match import Box, LogoAlteration, Point

LOGO_SIGNALS = frozenset((SignalName.LOGO_MISUSE, SignalName.ALTERED_LOGO))
LEAST_STRENGTH = 0.5
"""What is less likely than not is a person's to look at, and no notice states it."""
MAX_CORNERS, MAX_ALTERATIONS, MAX_PIXEL = 16, 16, 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoProof:
    """A mark in a listing picture and the logo that it resembles. Box and outline: pixels of the stored picture."""

    image_sha256: str
    logo_sha256: str
    brand: str
    box: Box
    outline: tuple[Point, ...] = ()
    """The logo picture's corners in the listing picture; empty where its points were not found again."""
    probability: float
    similarity: float
    inliers: int = 0
    text: str = ""
    text_score: float = 0.0
    alterations: tuple[LogoAlteration, ...] = ()
    hidden: bool = False
    """The picture is a copy of a catalog photo that shows the mark, and does not show it."""

    def __post_init__(self) -> None:
        for digest in (self.image_sha256, self.logo_sha256):
            if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                raise ValueError("not a SHA-256 digest of 64 hex digits")
        if len(self.outline) > MAX_CORNERS or len(self.alterations) > MAX_ALTERATIONS:
            raise ValueError(f"more than {MAX_CORNERS} corners or {MAX_ALTERATIONS} alterations")
        numbers = [
            *self.box,
            *(value for corner in self.outline for value in corner),
            self.probability,
            self.similarity,
        ]
        if not all(math.isfinite(value) and abs(value) <= MAX_PIXEL for value in numbers):
            raise ValueError("a coordinate, probability or similarity is no number, or no picture is so large")
        if self.box[0] >= self.box[2] or self.box[1] >= self.box[3]:
            raise ValueError("the box is empty")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability {self.probability} is outside [0, 1]")

    @property
    def differences(self) -> tuple[str, ...]:
        """What differs from the rights holder's own mark, surest first."""
        return tuple(alteration.difference for alteration in self.alterations)


def logo_proof(finding: Finding) -> LogoProof:
    """The proof in a finding's evidence. Raises BadInput naming the key that is missing or wrong."""
    try:
        return codec.load(LogoProof, finding.evidence)
    except BadInput as error:
        raise error.at(field="evidence") from error


def stated_logo(finding: Finding) -> LogoProof | None:
    """The proof of a logo finding that a notice may state: likelier than not, and with evidence that can be read.

    A mark that a picture hides is not used in it: none is stated.
    """
    if finding.name not in LOGO_SIGNALS or finding.strength < LEAST_STRENGTH:
        return None
    try:
        proof = logo_proof(finding)
    except BadInput:
        return None
    return None if proof.hidden else proof
