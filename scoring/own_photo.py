"""Guard: the seller took the pictures, as people do who sell a thing of their own."""

from __future__ import annotations

from domain.assessment import Finding, GuardName
from domain.listing import Listing
from domain.match import Matches
from scoring.context import CatalogView
from scoring.examples import copied, example, offer
from scoring.interfaces import Example
from scoring.resale import resale_phrases, resale_strength, states_used

_UNKNOWN_PICTURE = 0.5
"""No copy of the catalog, which also holds for pictures stolen elsewhere."""
_SINGLE_PIECE = 0.15
_SECOND_HAND = 0.3
_COPY_SCORE = 0.5
"""From here on the matcher thinks it more likely than not that the picture is a copy."""


class OwnPhoto:
    """Holds when pictures were read and none is a copy of a catalog photo; signs of a resale strengthen it."""

    name = GuardName.OWN_PHOTO

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """Weaker by as much as the nearest match is likely a copy, and where pictures stayed unread."""
        likeliest = max((photo.score for photo in matches.photos), default=0.0)
        if matches.images_read == 0 or likeliest >= _COPY_SCORE or not catalog.products:
            return None  # beside a catalog of logos alone, that no photo was copied says nothing
        phrases = resale_phrases(listing)
        second_hand = max(resale_strength(phrases), 1.0 if states_used(listing) else 0.0)
        single = listing.quantity == 1
        strength = _UNKNOWN_PICTURE + _SINGLE_PIECE * single + _SECOND_HAND * second_hand
        read = matches.images_read / max(matches.images_read, len(listing.images))
        return Finding(
            name=self.name,
            strength=strength * (1 - likeliest) * read,
            sentence=_sentence(matches.images_read, single=single, second_hand=second_hand > 0),
            evidence={
                "images_read": matches.images_read,
                "images": len(listing.images),
                "likeliest_copy": likeliest,
                "single_piece": single,
                "condition": listing.condition,
                "second_hand": second_hand,
                "spans": [phrase.span() for phrase in phrases],
            },
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """Unknown pictures, with and without signs of a resale."""
        return (example(offer()), example(offer("Velmora tote, worn twice")), example(offer(condition="used")))

    def silent_examples(self) -> tuple[Example, ...]:
        """A copy, and a listing whose pictures could not be read."""
        return (example(offer(), copied()), example(offer("Velmora tote, worn twice"), Matches(images_read=0)))


def _sentence(images_read: int, *, single: bool, second_hand: bool) -> str:
    pictures = "The picture is" if images_read == 1 else f"The {images_read} pictures are"
    signs = [sign for sign, holds in (("a single piece", single), ("offered as second hand", second_hand)) if holds]
    return f"{pictures} no copy of any catalog photo" + (f"; {' '.join(signs)}." if signs else ".")
