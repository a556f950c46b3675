"""Signal: a listing picture made from a catalog photo."""

from __future__ import annotations

from domain.assessment import Finding, SignalName
from domain.codec import dump
from domain.listing import Listing
from domain.match import Matches, PhotoMatch
from scoring.context import CatalogView
from scoring.examples import copied, example, offer
from scoring.interfaces import Example


class CopiedPhoto:
    """Strength is the matcher's calibrated confidence. Silent for sellers whom the photo's owner authorizes."""

    name = SignalName.COPIED_PHOTO

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The best match of a rights holder that does not authorize the seller."""
        authorizing = catalog.authorizing(listing.seller)
        photo = next((p for p in matches.photos if p.rights_holder not in authorizing), None)
        if photo is None or photo.score <= 0:
            return None
        return Finding(
            name=self.name,
            strength=photo.score,
            sentence=_sentence(photo, catalog),
            brand=photo.brand or None,
            reference_id=photo.reference_id,
            evidence=dump(photo),
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """Copies by strangers, also by one who only looks like an authorized seller."""
        impostor = offer(seller="velmora-dіrect")  # Cyrillic і
        return (example(offer(), copied()), example(impostor, copied()), example(offer(price=None), copied(0.4)))

    def silent_examples(self) -> tuple[Example, ...]:
        """No match, or a seller authorized by id or by name."""
        by_id = offer(seller="V. D.", seller_id="velmora-direct")
        by_name = offer(seller=" LAKESIDE leather")
        return (example(offer()), example(by_id, copied()), example(by_name, copied()))


def _sentence(photo: PhotoMatch, catalog: CatalogView) -> str:
    product = catalog.products.get((photo.rights_holder, photo.reference_id))
    named = f"“{product.title}” ({photo.reference_id})" if product else photo.reference_id
    mirrored = ", mirrored," if photo.mirrored else ""
    return (
        f"A picture of this listing is a copy{mirrored} of {photo.brand or photo.rights_holder}'s catalog photo "
        f"of {named}: {photo.inliers} points agree."
    )
