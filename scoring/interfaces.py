"""What every signal and guard looks like from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from domain.assessment import Finding, GuardName, SignalName
from domain.listing import Listing
from domain.match import Matches
from scoring.context import CatalogView


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One listing with what was found for it, and the catalog it is read against."""

    listing: Listing
    catalog: CatalogView
    matches: Matches = field(default_factory=Matches)


class Detector(Protocol):
    """A signal or a guard: looks at one listing, says what it found or nothing. Pure."""

    @property
    def name(self) -> SignalName | GuardName:
        """What it finds."""

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The finding with its strength, sentence and evidence; None when there is nothing to say."""

    def raised_examples(self) -> tuple[Example, ...]:
        """Listings for which it must speak."""

    def silent_examples(self) -> tuple[Example, ...]:
        """Listings, close to the above, for which it must not."""
