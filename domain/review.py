"""What a person decided about a listing of a case, and what that person saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.match import Box

MAX_NOTE = 2000
"""Most characters of a note."""
MAX_REVIEWER = 200
"""Most characters of a reviewer's name."""


class Decision(StrEnum):
    """What a review says."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class RejectionReason(StrEnum):
    """Why a listing does not infringe."""

    NOT_OURS = "not_ours"
    """What the pictures show is not the rights holder's."""
    AUTHORIZED = "authorized"
    """The seller may sell; the catalog does not say so yet."""
    GENUINE_RESALE = "genuine_resale"
    """The genuine goods, sold on."""
    COMPATIBLE_PART = "compatible_part"
    """A part or accessory that names the brand it fits."""
    OTHER = "other"


ABOUT_THE_RIGHTS_HOLDER = frozenset((RejectionReason.NOT_OURS, RejectionReason.AUTHORIZED))
"""Reasons that hold between the listing and this rights holder; the others clear the listing for everybody."""


class SeenAs(StrEnum):
    """What a region of a picture was taken for; the values are the embedder's spaces."""

    COPY = "copy"
    """A copy of a catalog photo."""
    MARK = "mark"
    """A rights holder's mark."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenRegion:
    """A part of a listing picture with the reference that it was taken for."""

    seen_as: SeenAs
    image_sha256: str
    """Evidence digest of the listing picture."""
    reference_sha256: str
    """Evidence digest of the catalog photo or logo."""
    box: Box | None = None
    """In the listing picture; None: the whole of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """One decision about one listing and one rights holder. A changed decision is another review; none is written over.

    It holds what was seen, so that what is learned from it does not depend on running those models again.
    """

    marketplace: str
    listing_id: str
    rights_holder: str
    case_id: str
    decision: Decision
    reason: RejectionReason | None = None
    """Set exactly where the decision is `REJECTED`."""
    decided_at: datetime
    """UTC; of two reviews of the same content, the later one stands."""
    reviewer: str
    note: str = ""
    content_digest: str
    """Of the listing as it was reviewed: the review stands for that content alone, as an assessment does."""
    versions_digest: str
    """`domain.codec.digest` of the assessment's versions."""
    probability: float
    """The assessment's, 0 to 1 (1 = certainly infringing)."""
    strengths: Mapping[str, float] = field(default_factory=dict)
    """Strength of each signal and guard that was found, 0 to 1, by name."""
    product: str = ""
    """Reference id of the product that the findings name first; empty: none."""
    regions: tuple[SeenRegion, ...] = ()
    """What the pictures were taken for, by the findings that named this rights holder."""

    def __post_init__(self) -> None:
        if (self.decision == Decision.REJECTED) != (self.reason is not None):
            raise ValueError("a rejection has a reason, a confirmation has none")
        if self.decided_at.utcoffset() is None:
            raise ValueError("decided_at has no time zone")
        if any(not 0.0 <= strength <= 1.0 for strength in self.strengths.values()):
            raise ValueError("a strength is outside [0, 1]")

    @property
    def key(self) -> tuple[str, str, str]:
        """(marketplace, listing_id, rights_holder): what was decided about."""
        return (self.marketplace, self.listing_id, self.rights_holder)

    def says_what(self, other: Review) -> bool:
        """Whether both say the same of the same content, whoever said it and when."""
        return _said(self) == _said(other)

    def clears(self, rights_holder: str) -> bool:
        """Whether no case of this rights holder may hold the listing."""
        return self.reason is not None and (
            self.rights_holder == rights_holder or self.reason not in ABOUT_THE_RIGHTS_HOLDER
        )


def _said(review: Review) -> tuple[object, ...]:
    return (*review.key, review.content_digest, review.decision, review.reason, review.note)
