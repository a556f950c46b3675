"""Signal: a seller without authorization uses a mark, plainly or in disguise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from domain.assessment import Finding, SignalName
from domain.listing import Listing
from domain.match import Matches
from scoring.context import CatalogView
from scoring.examples import example, offer
from scoring.interfaces import Example
from scoring.marks import Mention, find_mentions
from scoring.readings import Disguise

_PLAIN = 0.15
"""Naming the mark is what any honest reseller does."""
_PLAIN_ATTRIBUTE = 0.2
_COMPATIBLE = 0.05
_DISGUISED = {
    Disguise.HIDDEN: 0.95,
    Disguise.HOMOGLYPH: 0.95,
    Disguise.LEET: 0.85,
    Disguise.SPACED: 0.85,
    Disguise.SPLIT: 0.7,
    Disguise.STYLED: 0.6,
    Disguise.DOUBLED: 0.6,
    Disguise.UNDOUBLED: 0.5,
    Disguise.ACCENT: 0.5,
}
"""By how hard it is to write so by accident: doubled letters and accents are also typing errors."""
_MOST = 0.98
_MOST_SPANS = 20


class BrandClaim:
    """The strongest mention decides; a mention that says what an article fits is no claim of origin."""

    name = SignalName.BRAND_CLAIM

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """Mentions of marks whose owners do not authorize the seller."""
        authorizing = catalog.authorizing(listing.seller)
        mentions = [m for m in find_mentions(listing, catalog) if m.mark.rights_holder not in authorizing]
        if not mentions:
            return None
        strongest = max(mentions, key=mention_strength)
        return Finding(
            name=self.name,
            strength=mention_strength(strongest),
            sentence=_sentence(strongest),
            brand=strongest.mark.text,
            evidence={
                "spans": [mention.span() for mention in _strongest_first(mentions)],
                "rights_holder": strongest.mark.rights_holder,
            },
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """One of each way to write the mark."""
        titles = (
            *("Velmora tote", "VELMORA tote", "V e l m o r a tote", "V.e.l.m.o.r.a", "Vel-mora tote", "V3lm0ra tote"),
            *("Vеlmora tote", "Vel\u200bmora tote", "Velmoraa tote", "Vélmorà tote", "Велмора", "𝐕𝐞𝐥𝐦𝐨𝐫𝐚 tote"),
            *("VeIm0ra", "Strap for Velmora bags", "Ox chronograph", "正品Velmora手袋"),
        )
        return (*(example(offer(title)) for title in titles), example(offer(brand="velmora")))

    def silent_examples(self) -> tuple[Example, ...]:
        """Other words around the same letters, an everyday word in lower case, and an authorized seller."""
        titles = ("Velmorana tote", "steak of ox tail", "oxen", "Braskwood", "vel mor", "0x adapter", "Harbor tote")
        authorized = offer("Velmora tote", seller_id="velmora-direct")
        return (*(example(offer(title)) for title in titles), example(authorized))


def mention_strength(mention: Mention) -> float:
    """How far one mention points to infringement, 0 to 1; disguises add up as independent evidence."""
    innocent = math.prod(1 - weight for flag, weight in _DISGUISED.items() if flag in mention.disguise)
    disguised = min(_MOST, 1 - innocent)
    if mention.compatible:
        return max(_COMPATIBLE, disguised / 2)
    return max(_PLAIN_ATTRIBUTE if mention.field == "brand" else _PLAIN, disguised)


def _strongest_first(mentions: Sequence[Mention]) -> list[Mention]:
    return sorted(mentions, key=mention_strength, reverse=True)[:_MOST_SPANS]


def _sentence(mention: Mention) -> str:
    where = "brand attribute" if mention.field == "brand" else mention.field
    mark = mention.mark.text
    if mention.disguised:
        return f"The {where} writes the mark {mark} in disguise, as “{mention.text}”."
    if mention.compatible:
        return f"The {where} names {mark} only as what the article fits, which is no claim of origin."
    return f"The {where} names the mark {mark}, by a seller whom its owner does not list; resellers do so honestly too."
