"""Signal: a rights holder's mark that was changed, in a picture of a seller without authorization."""

from __future__ import annotations

from domain.assessment import Finding, SignalName
from domain.codec import dump
from domain.listing import Listing
from domain.match import Alteration, LogoMatch, Matches
from scoring.context import CatalogView
from scoring.examples import altered, copied, example, hidden, logo, marked, offer
from scoring.interfaces import Example
from scoring.logos import foreign_logos, mark_of, place_of

ON_THE_GOODS = frozenset((Alteration.LETTER_CHANGED,))
"""Alterations that no camera brings about. A mirror, a hand before the mark, a bent surface, poor focus and colored
light alter how genuine marks look, and genuine goods carry their mark in many colors."""

SEEN_OTHERWISE = 0.3
"""Of its confidence, what any other alteration counts, for a camera may have brought it about: of the first three found
on drawn marketplaces, two were on honest sellers' photographs, seen from the side or half in shade."""


class AlteredLogo:
    """Strength is the mark's calibrated probability times what the likeliest alteration is worth."""

    name = SignalName.ALTERED_LOGO

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The surest altered mark of a rights holder that does not authorize the seller."""
        found = max(foreign_logos(listing, matches, catalog), key=_strength, default=None)
        if found is None or _strength(found) <= 0:
            return None
        differences = "; ".join(alteration.difference for alteration in found.alterations if alteration.confidence > 0)
        return Finding(
            name=self.name,
            strength=_strength(found),
            sentence=f"{place_of(found, listing)} {_state(found)} {differences}.",
            brand=found.brand or None,
            evidence=dump(found),
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """Each way to alter a mark, the altered one beside a surer plain one, and one hidden in a copied photo."""
        kinds = tuple(example(offer(), marked(altered(kind))) for kind in Alteration)
        beside = marked(logo(probability=0.99), altered(Alteration.COVERED, probability=0.6))
        return (*kinds, example(offer(), beside), example(offer(), marked(hidden(), photos=copied().photos)))

    def silent_examples(self) -> tuple[Example, ...]:
        """A mark as the rights holder's own, no mark, and a seller whom its owner authorizes."""
        by_id = offer(seller="V. D.", seller_id="velmora-direct")
        return (example(offer(), marked()), example(offer()), example(by_id, marked(altered(Alteration.RECOLORED))))


def altered_on_the_goods(finding: Finding) -> bool:
    """Whether the surest alteration that a finding names is one of `ON_THE_GOODS`."""
    alterations = finding.evidence.get("alterations")
    surest = alterations[0] if isinstance(alterations, list) and alterations else None
    return isinstance(surest, dict) and surest.get("kind") in ON_THE_GOODS


def _state(logo: LogoMatch) -> str:
    """What became of the mark in the picture, up to the differences; a hidden one only the catalog's photo shows."""
    if logo.hidden:
        return f"is a copy of the catalog's photo in which {mark_of(logo)} is hidden: it"
    return f"shows {mark_of(logo)} altered:"


def _strength(logo: LogoMatch) -> float:
    """A changed letter, and a mark hidden in a copy, count by their full confidence."""
    worth = (
        alteration.confidence * (1.0 if logo.hidden or alteration.kind in ON_THE_GOODS else SEEN_OTHERWISE)
        for alteration in logo.alterations
    )
    return logo.probability * max(worth, default=0.0)
