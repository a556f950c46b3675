"""Everything a notice stands on, gathered once for lint, letter, e-mail and export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from domain.assessment import Assessment
from domain.case import Case
from domain.catalog import RightsHolder
from domain.errors import NotFound
from domain.listing import Listing
from domain.review import Review
from takedown.cases import is_cleared, rejections_by_listing
from takedown.rights import Ground, RightsRegister, ShownMark


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
    cleared: frozenset[str] = field(default_factory=frozenset)
    """Listings that a person decided not to infringe; no notice may name them."""

    @classmethod
    def read(
        cls, case: Case, records: CaseRecords, register: RightsRegister, reviews: Iterable[Review] = ()
    ) -> Backing:
        """From the store, and from the standing `reviews`.

        A listing whose assessment was voided, or that a person cleared, is left to the lint; raises NotFound otherwise.
        """
        rejections = rejections_by_listing(reviews)
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
            cleared=frozenset(
                listing_id
                for listing_id in case.listing_ids
                if is_cleared(rejections, case.marketplace, listing_id, case.rights_holder)
            ),
        )

    def grounds(self, listing_id: str) -> tuple[Ground, ...]:
        """The rights that one listing infringes; none without an assessment."""
        assessment = self.assessments.get(listing_id)
        return self.register.grounds(assessment, self.rights_holder.name) if assessment else ()

    def shown_marks(self, listing_id: str) -> tuple[ShownMark, ...]:
        """The registered marks in one listing's pictures that its notice states; none without an assessment."""
        assessment = self.assessments.get(listing_id)
        return self.register.shown_marks(assessment, self.rights_holder.name) if assessment else ()
