"""What the report page shows, ready to be written: no reader, no path, only words, numbers and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.assessment import Band, Versions
from jobs.evaluate import Evaluation


@dataclass(frozen=True, kw_only=True, slots=True)
class FunnelStep:
    """One step of the way from crawled to noticed, in listings."""

    label: str
    count: int
    note: str = ""
    """A few words beside the number, such as ``31 to act on, 12 to look at``."""
    enforce: int | None = None
    """Of a step that counts flagged listings: how many of them are in `enforce`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """What the combiner makes of one feature."""

    feature: str
    weight: float
    """Log-odds of infringement per unit of the feature; above 0 points to infringement."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureView:
    """One picture, small enough to lie in the page."""

    data_uri: str
    """``data:image/webp;base64,…``."""
    width: int
    """Pixels."""
    height: int
    alt: str
    caption: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingView:
    """One signal or guard as a sentence, and what it added."""

    name: str
    is_guard: bool
    sentence: str
    strength: float
    """0 to 1."""
    contribution: float | None
    """Added log-odds of infringement; None where the combiner gave none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingView:
    """One listing with its verdict, its reasons and its pictures."""

    marketplace: str
    listing_id: str
    url: str
    """As captured; a link only where it is http or https."""
    title: str
    seller_name: str
    price: str
    """As shown by the marketplace, or empty."""
    probability: float
    """Of infringement, 0 to 1."""
    band: Band
    findings: tuple[FindingView, ...]
    unreadable: tuple[str, ...] = ()
    """Sentences: what of this listing could not be read, and why."""
    proof: PictureView | None = None
    """Listing and reference side by side with matched points and outline; None without a photo match."""
    marks: tuple[PictureView, ...] = ()
    """Marks found in its pictures, each beside the logo, with the place enlarged and boxed."""
    pictures: tuple[PictureView, ...] = ()
    """Plain pictures, where there is neither a proof picture nor a mark."""
    truth: str = ""
    """What the truth says of it, in words; empty without truth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseView:
    """One seller's listings, a few of them shown."""

    case_id: str
    marketplace: str
    seller_name: str
    rights_holder: str
    noticed: bool
    listing_count: int
    listings: tuple[ListingView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableView:
    """Something that could not be fetched or parsed."""

    listing_id: str
    what: str
    source: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportData:
    """The whole page. Lists are cut to what a person reads; the totals say how many there are."""

    title: str
    made_at: datetime
    """UTC."""
    versions: tuple[Versions, ...]
    """Those that made the assessments; more than one after an update halfway."""
    funnel: Sequence[FunnelStep]
    listing_count: int
    assessed_count: int
    review_count: int
    enforce_count: int
    notice_count: int
    evaluation: Evaluation | None = None
    weights: tuple[Weight, ...] = ()
    cases: tuple[CaseView, ...] = ()
    case_count: int = 0
    false_alarms: tuple[ListingView, ...] = ()
    misses: tuple[ListingView, ...] = ()
    unreadable: tuple[UnreadableView, ...] = ()
    unreadable_count: int = 0
