"""Guard: the rights holder concerned lists this seller."""

from __future__ import annotations

from domain.assessment import Finding, GuardName
from domain.codec import dump
from domain.listing import Listing
from domain.match import Matches
from scoring.context import CatalogView
from scoring.examples import copied, example, marked, named, offer
from scoring.interfaces import Example
from scoring.marks import find_mentions

_KNOWN_BUSINESS = 0.5
_LOGO_PROBABILITY = 0.5
"""From here on a mark in a picture says whose goods they are."""


class AuthorizedSeller:
    """Holds when every rights holder that the listing concerns authorizes the seller, by id or exact name.

    It holds by half for a seller whom only another rights holder of the catalog authorizes: a known, accountable
    business, whose listing a person should see before anybody acts.
    """

    name = GuardName.AUTHORIZED_SELLER

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The authorization, and the copied photo that it excuses."""
        authorizing = catalog.authorizing(listing.seller)
        if not authorizing:
            return None
        concerned = _concerned(listing, matches, catalog)
        if not concerned:
            return None
        photo = next(iter(matches.photos), None)
        holders = ", ".join(sorted(concerned))
        if concerned <= authorizing:
            strength, sentence = 1.0, f"{listing.seller.name} is on the list of sellers that {holders} authorizes."
        else:
            known = ", ".join(sorted(authorizing))
            strength = _KNOWN_BUSINESS
            sentence = f"{listing.seller.name} is authorized by {known}, not by {holders}: a known business."
        return Finding(
            name=self.name,
            strength=strength,
            sentence=sentence,
            brand=photo.brand if photo else None,
            reference_id=photo.reference_id if photo else None,
            evidence={
                "seller_id": listing.seller.id,
                "seller_name": listing.seller.name,
                "rights_holders": [*sorted(concerned & authorizing)],
                "photo": dump(photo) if photo else None,
            },
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """By id, by name in other capitals, concerned through photo, logo, mark or product name; by half elsewhere."""
        by_id = offer(seller="V. D.", seller_id="velmora-direct")
        by_name = offer("Velmora tote", seller=" LAKESIDE leather")
        elsewhere = offer("Brask chronograph", seller_id="velmora-direct")
        shown = (copied(), marked(), named())
        return (*(example(by_id, one) for one in shown), example(by_name), example(elsewhere))

    def silent_examples(self) -> tuple[Example, ...]:
        """A look-alike of the name, a stranger, and no goods of any rights holder."""
        impostor = offer(seller="velmora-dіrect")  # Cyrillic і
        unrelated = offer("green vase", seller_id="velmora-direct")
        return (example(impostor, copied()), example(unrelated), example(offer(), copied()))


def _concerned(listing: Listing, matches: Matches, catalog: CatalogView) -> frozenset[str]:
    """Rights holders whose photos are copied, whose logos the pictures show, and whose marks stand in title or brand;
    else of the named product.
    """
    shown = {photo.rights_holder for photo in matches.photos}
    shown |= {logo.rights_holder for logo in matches.logos if logo.probability >= _LOGO_PROBABILITY}
    marks = {
        mention.mark.rights_holder
        for mention in find_mentions(listing, catalog)
        if mention.field != "description" and not mention.compatible
    }
    return frozenset(shown | marks or {text.rights_holder for text in matches.texts[:1]})
