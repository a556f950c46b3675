"""Guard: the rights holder concerned lists this seller."""

from __future__ import annotations

from domain.assessment import Finding, GuardName
from domain.codec import dump
from domain.listing import Listing
from domain.match import Matches
from scoring.context import CatalogView
from scoring.examples import copied, example, named, offer
from scoring.interfaces import Example
from scoring.marks import find_mentions


class AuthorizedSeller:
    """Holds only when every rights holder that the listing concerns authorizes the seller, by id or exact name."""

    name = GuardName.AUTHORIZED_SELLER

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The authorization, and the copied photo that it excuses."""
        authorizing = catalog.authorizing(listing.seller)
        if not authorizing:
            return None
        concerned = _concerned(listing, matches, catalog)
        if not concerned or not concerned <= authorizing:
            return None
        photo = next(iter(matches.photos), None)
        holders = ", ".join(sorted(concerned))
        return Finding(
            name=self.name,
            strength=1.0,
            sentence=f"{listing.seller.name} is on the list of sellers that {holders} authorizes.",
            brand=photo.brand if photo else None,
            reference_id=photo.reference_id if photo else None,
            evidence={
                "seller_id": listing.seller.id,
                "seller_name": listing.seller.name,
                "rights_holders": [*sorted(concerned)],
                "photo": dump(photo) if photo else None,
            },
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """By id, by name in other capitals, concerned through photo, mark or product name."""
        by_id = offer(seller="V. D.", seller_id="velmora-direct")
        by_name = offer("Velmora tote", seller=" LAKESIDE leather")
        return (example(by_id, copied()), example(by_name), example(by_id, named()))

    def silent_examples(self) -> tuple[Example, ...]:
        """A look-alike of the name, another rights holder's goods, and no goods of the rights holder at all."""
        impostor = offer(seller="velmora-dіrect")  # Cyrillic і
        elsewhere = offer("Brask chronograph", seller_id="velmora-direct")
        unrelated = offer("green vase", seller_id="velmora-direct")
        return (example(impostor, copied()), example(elsewhere), example(unrelated), example(offer(), copied()))


def _concerned(listing: Listing, matches: Matches, catalog: CatalogView) -> frozenset[str]:
    """Rights holders whose photos are copied, and whose marks stand in title or brand; else of the named product."""
    photos = {photo.rights_holder for photo in matches.photos[:1]}
    marks = {
        mention.mark.rights_holder
        for mention in find_mentions(listing, catalog)
        if mention.field != "description" and not mention.compatible
    }
    return frozenset(photos | marks or {text.rights_holder for text in matches.texts[:1]})
