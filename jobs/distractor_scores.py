"""What pictures that are in no catalog score against one: verified, and by embedding in each space."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.errors import ImageRefused
from domain.settings import Settings
from index.artifact import IndexArtifact
from index.embedder import Embedder, Space
from index.matcher import Matcher
from index.preprocessing import query_views
from index.text import TextMatcher
from index.verification import Verifier
from jobs.distractors import Distractor
from store.images import RGB, decode_image

Vectors = Mapping[Space, NDArray[np.float32]]
"""(n, d) float32 of unit length for each space."""

_DIGITS = 6
"""Of a confidence, as in `domain.match.PhotoMatch.score`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one picture gave."""

    name: str
    drawn: bool
    sha256: str
    vectors: Vectors
    """Of its query views."""
    confidence: float
    """The verifier's largest, of any reference, rounded as in a match; 0 where nothing aligns."""
    reference_id: str
    """Which reference that was, or empty."""


class DistractorScorer:
    """Looks at pictures as a listing's are looked at. Safe to share between threads."""

    def __init__(
        self,
        artifact: IndexArtifact,
        embedder: Embedder,
        verifier: Verifier,
        settings: Settings,
    ) -> None:
        """The index's logos count where they were embedded."""
        self._artifact, self._embedder, self._settings = artifact, embedder, settings
        self._matcher = Matcher(artifact, embedder, verifier, TextMatcher([]))
        references: dict[Space, NDArray[np.float32]] = {}
        if artifact.references:
            references["copy"] = artifact.arrays.embeddings
        if artifact.logos.arrays.vectors.size:
            references["mark"] = artifact.logos.vectors
        self.references: Vectors = references
        """What a picture is compared with; a space without anything to compare with is left out."""

    def look(self, picture: Distractor) -> Look | ImageRefused:
        """Its vectors, and the best of everything that aligns, whichever of twins a listing's words would choose."""
        try:
            sha256, rgb = self._decoded(picture)
        except ImageRefused as error:
            return error
        views = query_views(rgb, self._embedder.size)
        confidence, reference_id = self._verified(rgb)
        return Look(
            name=picture.name,
            drawn=picture.drawn,
            sha256=sha256,
            vectors={space: self._embedder.embed(views, space) for space in self.references},
            confidence=confidence,
            reference_id=reference_id,
        )

    def _decoded(self, picture: Distractor) -> tuple[str, RGB]:
        content = picture.read()
        try:
            rgb = decode_image(
                content, max_bytes=self._settings.max_image_bytes, max_pixels=self._settings.max_image_pixels
            )
        except ImageRefused as error:
            raise ImageRefused(error.reason, file=picture.name) from error
        return hashlib.sha256(content).hexdigest(), rgb

    def _verified(self, rgb: RGB) -> tuple[float, str]:
        found = [one for group in self._matcher.candidates(rgb) for one in group] if self._artifact.references else []
        if not found:
            return 0.0, ""
        best = max(found, key=lambda candidate: candidate.confidence)
        return round(best.confidence, _DIGITS), self._artifact.references[best.number].reference_id
