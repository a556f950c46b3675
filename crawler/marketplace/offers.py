"""What sellers write under what they sell: each kind of offer in words, price and truth."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from decimal import Decimal

from crawler.marketplace.disguise import broken, disguise
from crawler.marketplace.drawing.design import Family
from crawler.marketplace.goods import GOODS
from crawler.marketplace.model import InventedProduct
from crawler.marketplace.phrases import (
    BROKEN_MARK_REMARKS,
    CLEARANCE_STORIES,
    DENIALS,
    FILLERS,
    PLAIN_CLAIMS,
    REMARKS,
    REPLICA_SLANG,
    RESALE_STORIES,
    UNBRANDED_ADJECTIVES,
)

BRAND_CLAIM, CODED_LANGUAGE, SUSPICIOUS_PRICE = "brand_claim", "coded_language", "suspicious_price"
COPIED_PHOTO, CONFUSING_SELLER_NAME = "copied_photo", "confusing_seller_name"
FAR_TOO_LOW = (0.12, 0.40)
"""Share of the regular price at which an infringing listing's price counts as a violation."""
ORDINARY = (0.76, 1.08)
"""Share at which it does not; nothing infringing lies between the two."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """The written half of a listing."""

    title: str
    description: str
    price: Decimal
    brand: str | None
    condition: str
    quantity: int
    violations: tuple[str, ...] = ()


def infringing_wording(product: InventedProduct, wanted: frozenset[str], stream: random.Random) -> Wording:
    """Text and price that show exactly the violations in `wanted` (photo and seller name are not its business).

    A claim with CODED_LANGUAGE may be one broken mark; a claim without is plain or disguised.
    """
    mark, slang = "", ""
    if CODED_LANGUAGE in wanted:
        slang = stream.choice(REPLICA_SLANG)
    if BRAND_CLAIM in wanted:
        manner = stream.random()
        mark = product.brand if manner < 0.45 else disguise(product.brand, stream)
        if slang and manner > 0.75:
            mark, slang = broken(product.brand, stream), slang if manner > 0.9 else ""
    in_title = stream.random() < 0.65
    title = _product_title(product, mark if in_title else "", stream)
    sentences = _copied_description(product, stream)
    if mark and not in_title:
        remarks = BROKEN_MARK_REMARKS if any(knocked in mark for knocked in "*_#") else PLAIN_CLAIMS
        sentences.append(stream.choice(remarks).format(mark=mark))
    if slang and stream.random() < 0.55:
        title = stream.choice((f"{title} {slang}", f"{slang} {title}", f"{title} - {slang}"))
    elif slang:
        sentences.append(f"{slang[:1].upper()}{slang[1:]}.")
    stream.shuffle(sentences)
    share = stream.uniform(*(FAR_TOO_LOW if SUSPICIOUS_PRICE in wanted else ORDINARY))
    return Wording(
        title=title,
        description=" ".join(sentences),
        price=_price(product.price.amount * Decimal(share), stream),
        brand=_brand_field(product.brand if mark == product.brand else None, stream),
        condition=stream.choice(("new", "new", "new", "")) if SUSPICIOUS_PRICE in wanted else _any_condition(stream),
        quantity=_quantity(stream),
        violations=tuple(v for v in (BRAND_CLAIM, CODED_LANGUAGE, SUSPICIOUS_PRICE) if v in wanted),
    )


def honest_wording(kind: str, product: InventedProduct, stream: random.Random) -> Wording:
    """True words about a genuine product: ``authorised``, ``resale``, ``own_photo``, ``clearance``, ``disclaimer``."""
    named = stream.random() < 0.75
    title = _product_title(product, product.brand if named else "", stream)
    sentences = stream.sample(REMARKS, k=stream.choice((1, 2)))
    if kind == "authorised":
        sentences = _copied_description(product, stream)
    elif kind in ("resale", "disclaimer"):
        sentences.append(stream.choice(RESALE_STORIES))
    elif kind == "clearance":
        sentences.append(stream.choice(CLEARANCE_STORIES))
    if kind != "authorised" and stream.random() < 0.45:
        sentences.append(product.description)
    if kind == "disclaimer":
        sentences.append(stream.choice(DENIALS))
    stream.shuffle(sentences)
    shares = {"authorised": (0.8, 1.05), "clearance": (0.16, 0.42), "own_photo": (0.45, 1.02)}
    return Wording(
        title=title,
        description=" ".join(sentences),
        price=_price(product.price.amount * Decimal(stream.uniform(*shares.get(kind, (0.3, 0.9)))), stream),
        brand=_brand_field(product.brand if named or stream.random() < 0.5 else None, stream),
        condition=_honest_condition(kind, stream),
        quantity=1 if kind in ("resale", "disclaimer") and stream.random() < 0.4 else _quantity(stream),
    )


def unrelated_wording(family: Family, form: int, color: str, stream: random.Random) -> Wording:
    """Unbranded goods that resemble nothing in a catalog but by kind."""
    noun, adjective = GOODS[family].nouns[form], stream.choice(UNBRANDED_ADJECTIVES)
    title = stream.choice((f"{adjective} {color} {noun}", f"{noun} {color}", f"{color} {noun}, {adjective}"))
    low, high = GOODS[family].price_range
    return Wording(
        title=_dressed(title, stream),
        description=" ".join(stream.sample((*REMARKS, *GOODS[family].features), k=stream.choice((2, 3)))),
        price=_price(Decimal(stream.uniform(low * 0.3, low + (high - low) * 0.35)), stream),
        brand=stream.choice((None, None, "Unbranded", "no brand")),
        condition=_any_condition(stream),
        quantity=_quantity(stream),
    )


def accessory_wording(product: InventedProduct, stream: random.Random) -> Wording:
    """Honest goods made to go with a brand's product; the mark says what they fit."""
    goods = GOODS[product.design.family]
    target = stream.choice((f"{product.brand} {product.line}", f"{product.brand} {product.noun}"))
    title = stream.choice(goods.accessories).format(target)
    sentences = [*stream.sample(REMARKS, k=2), f"Not made by {product.brand}; made to fit."]
    return Wording(
        title=_dressed(title, stream),
        description=" ".join(sentences),
        price=_price(Decimal(stream.uniform(5, 48)), stream),
        brand=stream.choice((None, "Unbranded", "handmade")),
        condition="new",
        quantity=_quantity(stream),
    )


def _product_title(product: InventedProduct, mark: str, stream: random.Random) -> str:
    line, noun, color = product.line, product.noun, product.color
    if mark:
        forms = (
            f"{mark} {line} {noun} {color}",
            f"{line} {noun} by {mark}",
            f"{color} {mark} {noun}",
            f"{mark} {noun} {line}",
            f"{line} {mark} {noun} in {color}",
        )
    else:
        forms = (f"{line} {noun} {color}", f"{color} {noun}", f"{noun} {line}", f"{line} {noun}", f"{noun} in {color}")
    return _dressed(stream.choice(forms), stream)


def _dressed(title: str, stream: random.Random) -> str:
    """With nothing, one or two of the phrases that everybody adds."""
    fillers = stream.sample(FILLERS, k=stream.choice((0, 0, 1, 1, 2)))
    dressed = ", ".join((title, *fillers)) if stream.random() < 0.5 else " ".join((title, *fillers))
    headline = re.sub(r"(?<!\S)[a-z]", lambda first: first.group().upper(), dressed)
    return stream.choice((dressed, dressed[:1].upper() + dressed[1:], headline))


def _copied_description(product: InventedProduct, stream: random.Random) -> list[str]:
    if stream.random() < 0.5:
        return [product.description, *stream.sample(REMARKS, k=stream.choice((0, 1)))]
    return list(stream.sample(REMARKS, k=stream.choice((1, 2))))


def _brand_field(brand: str | None, stream: random.Random) -> str | None:
    if brand is not None and stream.random() < 0.6:
        return brand
    return stream.choice((None, None, "", "Unbranded")) or None


def _any_condition(stream: random.Random) -> str:
    return stream.choice(("new", "new", "new", "used", ""))


def _honest_condition(kind: str, stream: random.Random) -> str:
    if kind in ("resale", "disclaimer"):
        return stream.choice(("used", "used", "used", "new", ""))
    return stream.choice(("new", "new", "refurbished", "")) if kind == "clearance" else _any_condition(stream)


def _quantity(stream: random.Random) -> int:
    return stream.choice((1, 1, 1, 1, 2, 3, 5, 8, 10, 20, 25, 50, 100, 200, 500, 999))


def _price(amount: Decimal, stream: random.Random) -> Decimal:
    if amount > 15 and stream.random() < 0.5:
        return amount.quantize(Decimal(1)) - stream.choice(
            (Decimal("0.01"), Decimal("0.05"), Decimal("0.10"), Decimal(0))
        )
    return max(amount, Decimal(1)).quantize(Decimal("0.01"))
