"""Signal: a rights holder's mark in a picture of a seller without authorization."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from domain.assessment import Finding, SignalName
from domain.codec import dump
from domain.listing import Listing
from domain.match import LogoMatch, Matches
from scoring.context import CatalogView
from scoring.examples import OTHER_HOLDER, copied, example, hidden, logo, marked, offer
from scoring.interfaces import Example
from scoring.logos import foreign_logos, mark_of, place_of, seen

_MOST_OTHERS = 10


class LogoMisuse:
    """Strength is the most probable mark's calibrated probability. Silent for sellers whom its owner authorizes."""

    name = SignalName.LOGO_MISUSE

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The most probable mark of a rights holder that does not authorize the seller; a hidden one is not shown."""
        logos = [logo for logo in foreign_logos(listing, matches, catalog) if not logo.hidden]
        if not logos:
            return None
        found = logos[0]
        return Finding(
            name=self.name,
            strength=found.probability,
            sentence=f"{place_of(found, listing)} shows {mark_of(found)}, by a seller whom its owner does not list: "
            f"{seen(found)}.",
            brand=found.brand or None,
            evidence={**dump(found), "others": _others(logos)},
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """A stranger's, an impostor's, an authorized seller's who shows another's mark, and beside a copied photo."""
        impostor = offer(seller="velmora-dіrect")  # Cyrillic і
        by_id = offer(seller="V. D.", seller_id="velmora-direct")
        anothers = marked(logo(), logo(brand="Brask", rights_holder=OTHER_HOLDER, probability=0.7))
        return (
            *(example(offer(title), marked()) for title in ("Harbor tote, blue", "Velmora tote", "Case for Velmora")),
            example(impostor, marked()),
            example(by_id, anothers),
            example(offer(), marked(photos=copied().photos)),
            example(offer(), marked(logo(text="", text_score=0.0, inliers=0, outline=()))),
        )

    def silent_examples(self) -> tuple[Example, ...]:
        """No mark found, none looked for, one that is hidden, or a seller authorized by id or by name."""
        by_id = offer(seller="V. D.", seller_id="velmora-direct")
        by_name = offer(seller=" LAKESIDE leather")
        return (
            example(offer("Velmora tote"), Matches(images_read=1, logos_sought=True)),
            example(offer("Velmora tote")),
            example(offer(), marked(hidden(), photos=copied().photos)),
            example(by_id, marked()),
            example(by_name, marked()),
        )


def _others(logos: Sequence[LogoMatch]) -> list[JsonValue]:
    """Further marks, for the person who looks; what a notice states is the first."""
    return [
        {
            "brand": other.brand,
            "rights_holder": other.rights_holder,
            "image_sha256": other.image_sha256,
            "logo_sha256": other.logo_sha256,
            "box": [*other.box],
            "probability": other.probability,
        }
        for other in logos[1 : _MOST_OTHERS + 1]
    ]
