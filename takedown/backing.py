"""Everything a notice stands on, gathered once for lint, letter, e-mail and export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.assessment import Assessment
from domain.case import Case
from domain.catalog import RightsHolder
from domain.errors import NotFound
from domain.listing import Listing
from takedown.rights import Ground, RightsRegister


class CaseRecords(Protocol):
    """The two readers a case needs; `store.interfaces.Records` has both."""

    def listing(self, marketplace: str, listing_id: str) -> Listing:
        """One. Raises NotFound."""

    def assessment(self, marketplace: str, listing_id: str) -> Assessment:
        """The current one. Raises NotFound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backing:
    """One case with its listings and assessments (keyed by listing id) and the rights they touch."""

    case: Case
    rights_holder: RightsHolder
    listings: Mapping[str, Listing]
    assessments: Mapping[str, Assessment]
    register: RightsRegister

    @classmethod
    def read(cls, case: Case, records: CaseRecords, register: RightsRegister) -> Backing:
        """From the store. A listing whose assessment was voided is left to the lint; raises NotFound otherwise."""
        assessments = {}
        for listing_id in case.listing_ids:
            try:
                assessments[listing_id] = records.assessment(case.marketplace, listing_id)
            except NotFound:
                continue
        return cls(
            case=case,
            rights_holder=register.holder(case.rights_holder),
            listings={listing_id: records.listing(case.marketplace, listing_id) for listing_id in case.listing_ids},
            assessments=assessments,
            register=register,
        )

    def grounds(self, listing_id: str) -> tuple[Ground, ...]:
        """The rights that one listing infringes; none without an assessment."""
        assessment = self.assessments.get(listing_id)
        return self.register.grounds(assessment, self.rights_holder.name) if assessment else ()
