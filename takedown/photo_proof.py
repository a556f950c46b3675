"""What a `copied_photo` finding carries as proof, read back and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from domain import codec
from domain.assessment import Finding
from domain.errors import BadInput
from domain.match import Point

MAX_POINTS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoProof:
    """A listing picture and the catalog picture it was made from. Points are in pixels of the stored pictures."""

    image_sha256: str
    reference_sha256: str
    outline: tuple[Point, Point, Point, Point]
    """The catalog picture's corners in the listing picture."""
    points: tuple[tuple[Point, Point], ...]
    """(in the catalog picture, in the listing picture)."""
    mirrored: bool
    reference_id: str | None = None
    inliers: int | None = None
    embedding_similarity: float | None = None
    pdq_distance: int | None = None
    color_distance: float | None = None

    def __post_init__(self) -> None:
        for digest in (self.image_sha256, self.reference_sha256):
            if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                raise ValueError("not a SHA-256 digest of 64 hex digits")
        if len(self.points) > MAX_POINTS:
            raise ValueError(f"more than {MAX_POINTS} matched points")
        flat = [*self.outline, *(point for pair in self.points for point in pair)]
        if not all(math.isfinite(value) for point in flat for value in point):
            raise ValueError("a coordinate is not a number")


def photo_proof(finding: Finding) -> PhotoProof:
    """The proof in a finding's evidence. Raises BadInput naming the key that is missing or wrong."""
    try:
        return codec.load(PhotoProof, {"reference_id": finding.reference_id, **finding.evidence})
    except BadInput as error:
        raise error.at(field="evidence") from error
