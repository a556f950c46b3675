"""When a listing's pictures are searched for logos: only where what is found can change something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.assessment import Assessment, Band
from domain.listing import Listing
from domain.match import Matches
from index.logo_matcher import LogoMatcher
from scoring.context import CatalogView
from store.images import RGB


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoSearch:
    """The logos of one catalog, and who may show them."""

    matcher: LogoMatcher
    catalog: CatalogView
    holders: frozenset[str]
    """Rights holders of whom the index has logos."""

    def may_change(self, listing: Listing, verdict: Assessment) -> bool:
        """Whether a logo could make the verdict another, or give a person a reason to look.

        A notice is already due without it; or whoever's logo it were, its owner authorizes the seller.
        """
        return verdict.band != Band.ENFORCE and not self.holders <= self.catalog.authorizing(listing.seller)

    def search(self, pictures: Sequence[tuple[str, RGB]], matches: Matches) -> Matches:
        """`matches` with the logos that stand in the pictures."""
        return replace(matches, logos=self.matcher.find(pictures), logos_sought=True)
