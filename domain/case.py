"""A case groups one seller's infringing listings on one marketplace for one rights holder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    NOTICED = "noticed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Listings of one seller that infringe one rights holder's rights."""

    case_id: str
    """Stable: derived from marketplace, seller and rights holder, so that scoring twice opens one case."""
    marketplace: str
    seller_id: str
    seller_name: str
    rights_holder: str
    listing_ids: tuple[str, ...]
    """Highest probability first."""
    status: CaseStatus = CaseStatus.OPEN
