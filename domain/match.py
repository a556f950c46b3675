"""A match ties a listing's picture or words to a reference product."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.listing import Unreadable

Point = tuple[float, float]
"""(x, y) in pixels of the stored image, origin top left."""
Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels of the stored image."""


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


class Alteration(StrEnum):
    """How a mark was changed, as counterfeiters do who fear to be found."""

    STRETCHED = "stretched"
    MIRRORED = "mirrored"
    RECOLORED = "recolored"
    LETTER_CHANGED = "letter_changed"
    COVERED = "covered"
    BLURRED = "blurred"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoAlteration:
    """One way in which a mark differs from the rights holder's."""

    kind: Alteration
    confidence: float
    """0 to 1 (1 = certainly altered so)."""
    difference: str
    """What differs, as the end of a sentence for a person: ``reads “Adibas”, not “Adidas”``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoMatch:
    """A rights holder's mark in a listing picture, with what each eye saw."""

    image_sha256: str
    rights_holder: str
    brand: str
    logo_sha256: str
    """Evidence digest of the logo picture that resembles it most."""
    box: Box
    outline: tuple[Point, ...]
    """The logo picture's corners mapped into the listing picture, where local features lie so; else empty."""
    probability: float
    """Calibrated, 0 to 1 (1 = certainly this brand's mark)."""
    similarity: float
    """Cosine of mark embeddings, -1 to 1."""
    inliers: int
    """Geometrically consistent local-feature pairs."""
    text: str = ""
    """Words read in the box that resemble the brand's; empty: none."""
    text_score: float = 0.0
    """How much they resemble them, 0 to 1."""
    alterations: tuple[LogoAlteration, ...] = ()
    """Most confident first; empty: looks as the rights holder's own."""
    hidden: bool = False
    """The mark is hidden in this picture; what was seen is the catalog photo's that it was copied from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """Everything found for one listing. Empty tuples mean looked and found nothing."""

    photos: tuple[PhotoMatch, ...] = ()
    """Best first; at most one per listing picture and reference product."""
    texts: tuple[TextMatch, ...] = ()
    """Best first."""
    logos: tuple[LogoMatch, ...] = ()
    """Most probable first; at most one per listing picture and brand."""
    logos_sought: bool = False
    """Whether logos were looked for. Where they could not change the verdict they are not, and `logos` is empty."""
    images_read: int = 0
    """Listing pictures that were decoded and searched. 0: there is no image verdict."""
    unreadable: tuple[Unreadable, ...] = ()
    """What could not be read, and why; never counted as *none found*."""
