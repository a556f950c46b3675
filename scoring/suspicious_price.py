"""Signal: far under what this product sells for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from domain.assessment import Finding, SignalName
from domain.catalog import Money
from domain.listing import Listing
from domain.match import Matches
from scoring.context import CatalogView, ProductKey
from scoring.examples import copied, example, named, offer
from scoring.interfaces import Example
from scoring.resale import MANY_PIECES, resale_phrases, states_used

_HALF_STRENGTH_RATIO = 0.35
"""At this share of the reference price a new article is as likely a bargain as not."""
_STEEPNESS = 4.0
_LEAST = 0.1
"""Weaker is silence: sales of a third off are everywhere."""
_USED_SHARE = 0.4
"""What second-hand goods commonly fetch of the price of new ones; they are compared with that."""
_MANY_FACTOR = 0.85
"""A stock of new pieces that far under price is less likely a bargain: as if the ratio were lower by this."""
_LEAST_TEXT_SCORE = 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What the listing's price is compared with."""

    price: Money
    kind: str
    """``msrp`` or ``minimum_advertised_price``."""


class SuspiciousPrice:
    """Strength = 1 / (1 + (ratio / 0.35)^4), where ratio = price / reference price, corrected for condition and stock.

    New: 0.97 at 15 percent, 0.79 at 25, 0.5 at 35, 0.19 at 50, silent from 61 percent of the reference price.
    Used: as a new one of 2.5 times the price. Another currency than the reference's gives no signal.
    """

    name = SignalName.SUSPICIOUS_PRICE

    def find(self, listing: Listing, matches: Matches, catalog: CatalogView) -> Finding | None:
        """The comparison with the product in the best photo match, else the best text match."""
        key = _product(matches)
        price = listing.price
        if key is None or price is None or price.amount <= 0 or key[0] in catalog.authorizing(listing.seller):
            return None
        reference = _reference(key, price.currency, catalog)
        if reference is None:
            return None
        ratio = float(price.amount / reference.price.amount)
        used = states_used(listing) or bool(resale_phrases(listing))
        strength = price_strength(ratio, used=used, many=(listing.quantity or 1) >= MANY_PIECES)
        if strength < _LEAST:
            return None
        product = catalog.products.get(key)
        return Finding(
            name=self.name,
            strength=strength,
            sentence=_sentence(price, reference, ratio, used=used),
            brand=product.brand if product else None,
            reference_id=key[1],
            evidence={
                "listing_price": str(price.amount),
                "reference_price": str(reference.price.amount),
                "reference_kind": reference.kind,
                "currency": price.currency,
                "ratio": ratio,
                "used": used,
                "quantity": listing.quantity,
            },
        )

    def raised_examples(self) -> tuple[Example, ...]:
        """New far under price, by photo and by name, and used for next to nothing."""
        used = offer("Velmora tote, pre-owned", price="6.00")
        return (example(offer(price="18.00"), copied()), example(offer(price="40.00"), named()), example(used, named()))

    def silent_examples(self) -> tuple[Example, ...]:
        """Fair prices, half price for used, another currency, no price, no product, an authorized seller."""
        used = offer("Velmora tote, worn twice", price="60.00")
        return (
            *(example(offer(price=price), copied()) for price in ("120.00", "80.00", None, "0")),
            *(example(used, copied()), example(offer(price="30.00", condition="used"), named(0.5))),
            *(example(offer(price="18.00", currency="SEK"), copied()), example(offer(price="18.00"))),
            example(offer(price="18.00", seller_id="velmora-direct"), copied()),
        )


def price_strength(ratio: float, *, used: bool = False, many: bool = False) -> float:
    """0 to 1, falling with `ratio` (price / reference price > 0); see `SuspiciousPrice` for the curve."""
    compared = ratio / _USED_SHARE if used else ratio * (_MANY_FACTOR if many else 1.0)
    return 1 / (1 + math.pow(compared / _HALF_STRENGTH_RATIO, _STEEPNESS))


def _product(matches: Matches) -> ProductKey | None:
    for photo in matches.photos[:1]:
        return (photo.rights_holder, photo.reference_id)
    for text in matches.texts[:1]:
        return (text.rights_holder, text.reference_id) if text.score >= _LEAST_TEXT_SCORE else None
    return None


def _reference(key: ProductKey, currency: str, catalog: CatalogView) -> Reference | None:
    """The regular price, else the minimum advertised price, in this currency."""
    product = catalog.products.get(key)
    stated = () if product is None else (
        ("msrp", product.price), ("minimum_advertised_price", product.minimum_advertised_price)
    )  # fmt: skip
    for kind, price in stated:
        if price is not None and price.currency == currency and price.amount > 0:
            return Reference(price=price, kind=kind)
    return None


_KINDS = {
    "msrp": "the regular price",
    "minimum_advertised_price": "the minimum advertised price",
}


def _sentence(price: Money, reference: Reference, ratio: float, *, used: bool) -> str:
    return (
        f"{price.amount} {price.currency} is {ratio:.0%} of {_KINDS[reference.kind]} of "
        f"{reference.price.amount} {reference.price.currency}" + (", even for a used one." if used else ".")
    )
