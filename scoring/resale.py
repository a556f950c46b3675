"""Whether the seller offers a thing of their own, second hand."""

from __future__ import annotations

import math
import re

from domain.listing import Listing
from scoring.lexicon import load_lexicon
from scoring.phrases import Phrase, find_phrases

_USED = re.compile(
    r"\b(used|pre-?owned|pre-?loved|second.?hand|refurbished|open.?box|worn|vintage|gebraucht|occasion|usad[oa]|usato"
    r"|segunda|ikinci el|for parts)\b|二手|中古|б/у|مستعمل|usedcondition",
    re.IGNORECASE,
)
MANY_PIECES = 5
"""From here on nobody sells what they have worn."""


def states_used(listing: Listing) -> bool:
    """Whether the condition attribute says used."""
    return bool(_USED.search(listing.condition))


def resale_phrases(listing: Listing) -> list[Phrase]:
    """Words of a private resale; none when there are too many pieces for one."""
    if (listing.quantity or 1) >= MANY_PIECES:
        return []
    return find_phrases(listing, load_lexicon("resale"))


def resale_strength(phrases: list[Phrase]) -> float:
    """0 to 1 (1 = surely a resale): the phrases as independent evidence."""
    return 1 - math.prod(1 - weight for weight in {p.term.entry.term: p.weight for p in phrases}.values())
