"""Signal: the replica trade's own words, and marks broken on purpose."""

from __future__ import annotations

import math

from pydantic import JsonValue

from domain.assessment import Finding, SignalName
from domain.listing import Listing
from domain.match import Matches
from scoring.broken_marks import find_broken_marks
from scoring.context import CatalogView
from scoring.examples import example, offer
from scoring.interfaces import Example
from scoring.lexicon import lexicon_version, load_lexicon
from scoring.phrases import find_phrases

_MOST = 0.98
_MOST_SPANS = 20


class CodedLanguage:
    """Terms add up as independent evidence, each term once: 1 - product of (1 - weight)."""

    name = SignalName.CODED_LANGUAGE

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """Lexicon terms that are not denied, and broken marks."""
        phrases = find_phrases(listing, load_lexicon("coded_language"))
        broken = find_broken_marks(listing, catalog)
        weights = {phrase.term.entry.term: phrase.weight for phrase in phrases}
        weights |= {mark.text.casefold(): mark.weight for mark in broken}
        if not weights:
            return None
        found = [(p.weight, p.span()) for p in phrases] + [(b.weight, b.span()) for b in broken]
        spans = [span for _, span in sorted(found, key=lambda pair: -pair[0])]
        evidence: list[JsonValue] = [*spans[:_MOST_SPANS]]
        return Finding(
            name=self.name,
            strength=min(_MOST, 1 - math.prod(1 - weight for weight in weights.values())),
            sentence=f"The {spans[0]['field']} says “{spans[0]['text']}”: {spans[0]['note']}.",
            brand=broken[0].mark.text if broken else None,
            evidence={"spans": evidence, "lexicon": lexicon_version()},
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """Each language, terms in disguise, and broken marks."""
        titles = (
            *("Tote 1:1 mirror quality", "Super clone chronograph", "tote, UA", "AAA tote", "r3plica tote"),
            *(
                "r e p l i c a tote",
                "RЕPLICA tote",
                "Tote high-copy",
                "高仿手袋",
                "Сумка реплика люкс",
                "bolso réplica",
            ),
            *(
                "bolsa primeira linha",
                "çanta replika",
                "حقيبة هاي كوبي",
                "V*lmora tote",
                "Velm🌸ra tote",
                "Vlmora tote",
            ),
            *("No box, replica bag", "Is it real? No, replica."),
        )
        return tuple(example(offer(title)) for title in titles)

    def silent_examples(self) -> tuple[Example, ...]:
        """Denials and innocent meanings."""
        titles = (
            *(
                "Not a replica",
                "no fakes or replicas",
                "We don't sell cheap replicas",
                "100% authentic, not a high copy",
            ),
            *(
                "AAA batteries 24 pack",
                "1:1 scale model car",
                "Under Armour UA Tech tee",
                "bootleg jeans",
                "replica sword",
            ),
            *(
                "不是高仿",
                "это не реплика",
                "no es réplica",
                "não é réplica",
                "replika değildir",
                "ليس تقليد",
                "V* size",
            ),
            *(
                "Velmora tote",
                "Harbor tote, **new**",
                "imitation leather belt",
                "gym reps counter",
                "mirror with quality frame",
            ),
            *(
                "Warning: many AAA replicas and superfakes are sold here",
                "Stay away from superfake and 1:1 clones sold elsewhere",
                "How to spot a fake Velmora super clone - book",
                "Authentic vs replica",
                "Unlike the replicas of others",
                "replica-proof hologram",
                "anti-replica tag",
            ),
        )
        return tuple(example(offer(title)) for title in titles)
