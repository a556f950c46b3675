"""A match ties a listing's picture or words to a reference product."""

from __future__ import annotations

from dataclasses import dataclass

from domain.listing import Unreadable

Point = tuple[float, float]
"""(x, y) in pixels of the stored image, origin top left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoMatch:
    """A listing picture that was made from a catalog picture, with what proves it."""

    image_sha256: str
    reference_id: str
    reference_sha256: str
    rights_holder: str
    brand: str
    score: float
    """Calibrated confidence that the picture is an edited copy, 0 to 1 (1 = certainly a copy)."""
    mirrored: bool
    outline: tuple[Point, ...]
    """The reference picture's four corners mapped into the listing picture, clockwise from its top left."""
    points: tuple[tuple[Point, Point], ...]
    """Matched points (in the reference picture, in the listing picture); at most 60, spread over the overlap."""
    inliers: int
    """Geometrically consistent local-feature pairs."""
    embedding_similarity: float
    """Cosine of the best view, -1 to 1."""
    pdq_distance: int
    """Hamming distance of the PDQ hashes, 0 to 256; the smaller of upright and mirrored."""
    color_distance: float
    """Mean RGB distance of aligned pixels, 0 to 441.7, after fitting brightness, contrast and saturation;
    0 = the same color."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextMatch:
    """A listing's words that name a reference product."""

    reference_id: str
    rights_holder: str
    brand: str
    score: float
    """Share of the product title's information (idf-weighted words) found in the listing's title, 0 to 1."""
    color_named: bool = False
    """Whether the listing's title also names the product's color: it tells variants apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """Everything found for one listing. Empty tuples mean looked and found nothing."""

    photos: tuple[PhotoMatch, ...] = ()
    """Best first; at most one per listing picture and reference product."""
    texts: tuple[TextMatch, ...] = ()
    """Best first."""
    images_read: int = 0
    """Listing pictures that were decoded and searched. 0: there is no image verdict."""
    unreadable: tuple[Unreadable, ...] = ()
    """What could not be read, and why; never counted as *none found*."""
