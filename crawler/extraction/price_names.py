"""What the makers of a page call an element that holds a price: by its class, its id, its tag."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from crawler.extraction.document import Document

_NAMED_PRICE = re.compile(
    r"price|pricing|preis|prix|precio|prezzo|preco|preço|(?:^|[-_\s])(?:cena|cene|ceny|cijena|pris|prijs|hinta|fiyat|kaina|pret"
    r"|amount|money|valor|prc|tsena)(?:[-_\s]|$)|Price\b|Preis\b",
    re.I,
)
_NAMED_OLD = re.compile(
    r"(?:^|[-_\s])(?:old|was|before|rrp|msrp|uvp|statt|srp|retail|crossed|strike\w*|struck|stroke|line-?through|previous"
    r"|prev|original|orig|initial|barr(?:ed|e|ato)?|sbarrat\w*|tachado|ray[eé]|durchgestrichen|preskrt\w*|skrt\w*|org|antes|ancien|vecchio|stara|puvodni)(?:[-_\s]|$)"
    r"|compare-?_?price|(?:full|alt|list)-?_?(?:price|preis)|old-?_?price|list-?_?price|was-?_?price|price-?_?(?:old|was|before|list|rrp|msrp|original|compare|strike)"
    r"|strike-?through|compare-?at|oldprice|OldPrice|listPrice|wasPrice|ldPrice|basisPrice|basis-?price|textStrike",
    re.I,
)
_NAMED_OTHER = re.compile(
    r"sav(?:e|ing|ings)(?:[-_\s]|$)|you-?save|ersparnis|econom|percent|coupon|voucher|shipping|delivery|versand|livraison"
    r"|env[ií]o|postage|instal+ment|monthly|financ|leasing|klarna|affirm|afterpay|raten?(?:[-_\s]|$)|cuota|parcel"
    r"|spl[aá]tk|unit-?_?price|per-?unit|price-?per|grundpreis|pricepum|points|loyalty|reward|subtotal|cart-?total"
    r"|deposit|price-?_?tax|no-?tax|warranty|insurance|protection|price-?range|range-?slider|filter|without-?(?:tax|vat)|ex-?(?:tax|vat)|excl|net-?price|netto"
    r"|bez-?dph|add-?on|trade-?in|bonus|gift-?wrap|installation|swatch|omnibus|lowest|30-?days?(?:[-_\s]|$)"
    r"|bulk|staffel|(?:tier|volume)-?_{0,2}price|(?:quantity|qty)-?_?(?:discount|price)|wholesale|price-?_?(?:unit|net)"
    r"|(?:other|alternative|more)-?_?(?:seller|offer|vendor)|second-?hand|refurb|open-?box|(?:^|[-_\s])(?:used|club|members?|subscri\w*)(?:[-_\s]|$)",
    re.I,
)
_NAMED_OWN = re.compile(
    r"(?:^|[-_\s])(?:sale|current|now|final|special|our|selling|actual|deal|main|big|primary|pdp|product|detail|offer"
    r"|item|buy|akt\w*|promo\w*)(?:[-_\s]|$)",
    re.I,
)
_STRUCK = re.compile(r"line-through")
# "price--has-list-price" is the one that stands beside a former price
_BESIDE_ANOTHER = re.compile(
    r"(?:has|with|without)-?_?(?:list|old|regular|compare|was|strike|special|discount|saving)\w*", re.I
)


class PriceNames(NamedTuple):
    """What the names in and around an element call it."""

    price: bool
    old: bool
    """A former price."""
    other: bool
    """The price of something else: of shipping, per unit, without tax."""
    own: bool
    """The price of the page's own product."""


def names_around(document: Document, place: int, digits: int) -> PriceNames:
    """What the makers of the page call an element, those around it, and those in it that hold the digits."""
    named = old = other = own = False
    around = document.ancestors(place, 4)
    inside = [each for each in document.ancestors(digits, 8) if each > place]
    for distance, each in enumerate([*inside, *around]):
        element = document.elements[each]
        if element.tag in ("del", "s", "strike") or _STRUCK.search((element.get("style") or "")[:300]):
            old = True
        if (style := element.get("itemprop")) and style in ("price", "lowPrice"):
            named = own = True
        names = document.names[each]
        if not names or (document.heading >= 0 and each <= document.heading < document.end[each]):
            continue
        said = _meaning(names)
        near = distance < len(inside) + 3
        named |= said.price and near
        old |= said.old and (near or said.price)
        other |= said.other
        own |= said.own and said.price
    return PriceNames(named, old, other, own)


@lru_cache(8_192)
def _meaning(names: str) -> PriceNames:
    names = _BESIDE_ANOTHER.sub("", names)
    return PriceNames(
        price=bool(_NAMED_PRICE.search(names)),
        old=bool(_NAMED_OLD.search(names)),
        other=bool(_NAMED_OTHER.search(names)),
        own=bool(_NAMED_OWN.search(names)),
    )
