"""Guard: the seller names a brand only as what the article fits."""

from __future__ import annotations

import re

from domain.assessment import Finding, GuardName
from domain.listing import Listing
from domain.match import Matches
from scoring.context import CatalogView
from scoring.examples import OTHER_HOLDER, copied, example, logo, marked, offer
from scoring.interfaces import Example
from scoring.logos import foreign_logos
from scoring.marks import MAX_FIELD_CHARACTERS, Mention, find_mentions

_UNSEEN = 0.5
"""By half where nobody looked for logos: not having looked is not having found none."""
_COPY_SCORE = 0.5
"""From here on the matcher thinks it more likely than not that the picture is a copy."""
_MOST_SPANS = 20
_DENIED_BEFORE = re.compile(r"\b(?:not|no|nor|non|nicht|kein\w*|pas|não|не|ni)\b[^.,;!?\n]{0,60}$", re.IGNORECASE)
_OWNED_AFTER = re.compile(r"^[^.;!?\n]{0,40}\b(?:trade ?marks?|Marken?|marques?|marcas?)\b", re.IGNORECASE)


class CompatiblePart:
    """Holds when every mention of a mark, all of them plain, says what the article fits, and no picture shows a mark.

    A description may also deny any tie to the mark's owner: *not made by Velmora*, *Velmora is a trademark of …*. A
    mark in a picture says who made the article, whatever the words say, and so does a catalog's own photo.
    """

    name = GuardName.COMPATIBLE_PART

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The mentions; weaker where pictures stayed unread, or logos unsought."""
        mentions = [mention for mention in find_mentions(listing, catalog) if not _is_disclaimed(mention, listing)]
        if not mentions or not all(mention.compatible and not mention.disguised for mention in mentions):
            return None
        if foreign_logos(listing, matches, catalog) or any(photo.score >= _COPY_SCORE for photo in matches.photos):
            return None
        read = matches.images_read / max(matches.images_read, len(listing.images), 1)
        looked = read if matches.logos_sought else 0.0
        names = ", ".join(sorted({mention.mark.text for mention in mentions}))
        return Finding(
            name=self.name,
            strength=_UNSEEN + (1 - _UNSEEN) * looked,
            sentence=f"{names} is named only as what the article fits"
            + (", and no picture shows the mark." if looked == 1 else "; not every picture was searched for the mark."),
            brand=mentions[0].mark.text,
            evidence={
                "spans": [mention.span() for mention in mentions[:_MOST_SPANS]],
                "logos_sought": matches.logos_sought,
                "images_read": matches.images_read,
                "images": len(listing.images),
            },
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """Honest accessories in many languages, searched for marks or not."""
        titles = (
            *("Case for Velmora Harbor", "Strap, fits Velmora bags", "Lining compatible with Velmora totes"),
            *("Innentasche passend für Velmora", "Doublure pour Velmora", "Correa para Velmora", "Fodera per Velmora"),
            *("Чехол для Velmora", "适用于Velmora 包带", "Velmora uyumlu kayış", "Brask için kordon"),
        )
        searched = Matches(images_read=1, logos_sought=True)
        denials = ("Not made by Velmora; made to fit.", "Velmora is a registered trademark of its owner.")
        return (
            *(example(offer(title), searched) for title in titles),
            *(example(offer(titles[0], description=words), searched) for words in denials),
            example(offer("Case for Velmora Harbor")),
        )

    def silent_examples(self) -> tuple[Example, ...]:
        """A claim of origin beside it, a disguise, no mark named, a mark or a catalog photo in the pictures."""
        fits = "Case for Velmora Harbor"
        searched = Matches(images_read=1, logos_sought=True)
        titles = ("Velmora case for Brask", "Case for V3lm0ra", "Harbor tote", "Velmora tote")
        brask = marked(logo(brand="Brask", rights_holder=OTHER_HOLDER))
        return (
            *(example(offer(title), searched) for title in titles),
            example(offer(fits, brand="Velmora"), searched),
            example(offer(fits, description="Not cheap. Genuine Velmora leather."), searched),
            *(example(offer(fits), found) for found in (marked(), brask, copied())),
        )


def _is_disclaimed(mention: Mention, listing: Listing) -> bool:
    """Whether the description names the mark only to say whose it is, or that its owner has no part in this."""
    if mention.field != "description" or mention.disguised:
        return False
    text = listing.description[:MAX_FIELD_CHARACTERS]
    before, after = text[max(0, mention.start - 80) : mention.start], text[mention.end : mention.end + 80]
    return bool(_DENIED_BEFORE.search(before) or _OWNED_AFTER.search(after))
