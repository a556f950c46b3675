"""The price that a reader sees, and which of the prices on a page is the product's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from crawler.extraction.amounts import after_amounts, joined, money_in
from crawler.extraction.cards import is_on_card, leads_away
from crawler.extraction.document import Document, Piece
from crawler.extraction.evidence import Statement, said
from crawler.extraction.lexicon import LEXICON
from crawler.extraction.price_names import names_around
from crawler.extraction.text import clean

_MOST_CANDIDATES = 400
_LONGEST = 60
_LONGEST_WORDS = 25
_MOST_PIECES = 12
_MOST_NUMBERS = 5_000
_BESIDE = 4
_LARGEST_CUT = Decimal("0.3")
_HIGHEST = 5
"""Elements around the digits that may still be the price's own."""

_RANGE = frozenset("-–—~〜")
"""What stands between the ends of a range of prices, of which the chosen variant has its own."""
_DIGIT = re.compile(r"\d")
_DIGIT_OF_AMOUNT = re.compile(r"\d(?![\d.,]*\s?%)")
_PER_UNIT = re.compile(
    r"(?:/|\bper\b|\bpro\b|\bje\b)\s?\d*\s?(?:kg|g|ml|cl|l|lb|oz|m[²2]?|mo|yr|ltr|stk|pcs?|pieces?|(?:kilo)?gramm?s?"
    r"|lit(?:er|re)s?|met(?:er|re)s?|units?|sheet)\b|\d\s?x\s",
    re.I,
)
# what one of several costs: "2+ £165.00", "3-5 $85.45", "6 o más 33,50€", "3 или более: 6 100 грн."
_SEVERAL = re.compile(
    r"^\D{0,30}\b\d{1,4}\s?(?:\+|[-–]\s?\d{1,4}\s|(?:or|o|ou|oder|lub|of|nebo)\s(?:m[oáae]|plus|wi[ęe]c|v[íi]c)\w*"
    r"|[^\W\d]{1,12}(?:\s[^\W\d]{1,12}){0,2}:)",
    re.I,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenPrice:
    """A price that stands on the page."""

    amount: Decimal
    currency: str
    raw: str
    place: int
    score: float
    old: bool
    """Struck through, or called the former price."""
    another: bool
    """Said to be the price of something else: of shipping, of a rate, of one of several."""
    where: str


def visible_prices(document: Document, buy: Sequence[int]) -> list[SeenPrice]:
    """The prices on the page, in order. `buy` are the places of controls that buy its product."""
    found: dict[int, SeenPrice] = {}
    tried = 0
    pieces = document.pieces
    for order, piece in enumerate(pieces):
        if len(found) >= _MOST_CANDIDATES or tried >= _MOST_NUMBERS:
            break
        if len(piece.text) > 2 * _LONGEST or document.aside[piece.owner] or not _DIGIT.search(piece.text):
            continue
        tried += 1
        read = _price_element(document, piece)
        if read and read[0] not in found:
            place, amount, currency, raw = read
            names = names_around(document, place, piece.owner)
            if not currency and not names.price:
                continue
            before, after = _words_before(document, order, place), _words_after(document, order, place)
            score = _position(document, piece.owner, buy)
            score += 3.0 * names.price + 1.5 * bool(currency) + 1.0 * names.own - 4.0 * names.other
            old = names.old or bool(LEXICON.old_price.find(f"{before} {raw}"))
            another = _is_said_of_another(before, raw, after)
            score -= 3.0 * another + 1.5 * bool({before, after} & _RANGE)
            found[place] = SeenPrice(
                amount=amount,
                currency=currency,
                raw=raw,
                place=place,
                score=score,
                old=old,
                another=another,
                where=_path(document, place),
            )
    return _repeated(list(found.values()))


def price_statements(prices: Sequence[SeenPrice]) -> Iterator[Statement]:
    """What the visible prices say, those that are surely another's left out."""
    current = [price for price in prices if not price.old and price.score > 2]
    # a lone price that is called old is no former one: there is no other
    best = max((price.score for price in current if not price.another), default=0.0)
    current += [
        replace(price, score=price.score - 1) for price in prices if price.old and price.score > max(5, best + 3)
    ]
    ranked = sorted(current, key=lambda price: -price.score)
    for rank, price in enumerate(ranked[:5]):
        # the first of a page is its own; what follows is there to support what structured data says
        share = min(1.0, price.score / 8) * (1.0 if rank == 0 or price.amount == ranked[0].amount else 0.5)
        yield said("price", f"{price.amount:f}", price.raw, price.where, "visible", share, price.currency)


def _price_element(document: Document, piece: Piece) -> tuple[int, Decimal, str, str] | None:
    """The largest element around the digits that states one amount and little else: place, amount, currency, text."""
    best = None
    for place in document.ancestors(piece.owner, _HIGHEST):
        if place <= document.heading < document.end[place] and best:
            break
        inside = document.inside(place, _MOST_PIECES + 1)
        if len(inside) > _MOST_PIECES:
            break
        text = joined(inside)
        if len(text) > _LONGEST:
            break
        if best and len(text) > len(best[3]) + _LONGEST_WORDS:
            break
        amounts = money_in(text)
        if len({amount for amount, _ in amounts}) != 1:
            if amounts:
                # a note in an element of its own: 128,000원 <span>(32,000원 할인)</span>
                alone = money_in(piece.text) if place == piece.owner else ()
                return (place, *alone[0], piece.text) if len(alone) == 1 else best
            continue
        amount = amounts[0][0]
        if not _shares_digits(piece.text, amount):
            break
        best = (place, amount, next((sign for _, sign in amounts if sign), ""), text)
    return best


def _shares_digits(text: str, amount: Decimal) -> bool:
    """Whether the digits of a text are some of the amount's, not of a name beside it."""
    own = "".join(sign for sign in text if sign.isdigit())
    wanted = f"{amount:f}".replace(".", "")
    # the cents may stand alone, and end in a zero
    return own in wanted or own in f"{amount:.2f}".replace(".", "") or wanted.strip("0") in own


def _position(document: Document, place: int, buy: Sequence[int]) -> float:
    """Near the heading, after it rather than before, near what buys; in no link to another page."""
    score = 0.0
    if document.heading >= 0:
        distance = place - document.heading
        if distance > 0:
            score += 2.0 * max(0.0, 1 - distance / 600) + 1.0 * max(0.0, 1 - distance / 80)
        else:
            score += max(0.0, 1 + distance / 60)
    if buy:
        score += 1.5 * max(0.0, 1 - min(abs(place - each) for each in buy) / 200)
    if leads_away(document, place):
        score -= 6.0
    elif is_on_card(document, place):
        score -= 5.0
    return score


def _words_before(document: Document, order: int, place: int) -> str:
    """The short text right before a price, which says what price it is."""
    while order > 0 and document.pieces[order].owner >= place:
        order -= 1
    piece = document.pieces[order]
    near = document.ancestors(place, 3)[-1]
    if piece.owner < near or len(piece.text) > 60:
        return ""
    # what stands before another amount was said of that one
    return after_amounts(piece.text)


def _words_after(document: Document, order: int, place: int) -> str:
    """The text right after a price; none where it announces or has an amount of its own, of which it is said then."""
    around = max(document.parent[place], 0)
    end = document.end[place]
    while order < len(document.pieces) and place <= document.pieces[order].owner < end:
        order += 1
    after = document.pieces[order : order + 1]
    if not after or not around <= after[0].owner < document.end[around]:
        return ""
    text = after[0].text
    return "" if text.endswith(":") or any(sign for _, sign in money_in(text)) else text[:40]


def _is_said_of_another(before: str, raw: str, after: str) -> bool:
    """Whether the words around an amount say that it is none of the product: of shipping, of a rate, per kilogram."""
    last = max((match.end() for match in _DIGIT_OF_AMOUNT.finditer(raw)), default=0)
    if LEXICON.saved.match(raw[last:]):
        return True
    # a price that is followed by "free shipping", or by what it saves, is a price
    rest = LEXICON.after_price.sub("", f"{raw[last:]} {after}")
    around = f"{before} {raw[:last]}{rest[:30]}"
    announced = LEXICON.announced_price.find(f"{before} {raw}")
    return bool(announced or LEXICON.other_price.find(around) or _PER_UNIT.search(around) or _SEVERAL.search(raw))


def _path(document: Document, place: int) -> str:
    """A short name of the element: ``css span.price-now``."""
    element = document.elements[place]
    names = ".".join(clean(element.get("class") or "", 60).split()[:2])
    own = clean(element.get("id") or "", 40)
    return f"css {element.tag}" + (f"#{own}" if own else "") + (f".{names}" if names else "")


def _is_reduced(price: SeenPrice, beside: SeenPrice) -> bool:
    """Whether right beside a price stands a somewhat lower one, which is what it is sold for now."""
    near = abs(price.place - beside.place) <= _BESIDE and not beside.old and beside.score > price.score - 1
    return near and _LARGEST_CUT * price.amount <= beside.amount < price.amount


def _repeated(prices: list[SeenPrice]) -> list[SeenPrice]:
    """Prices of one kind that stand many times are those of a list; an amount that stands twice is the page's own."""
    kinds = Counter(price.where for price in prices)
    different: dict[str, set[Decimal]] = {}
    for price in prices:
        different.setdefault(price.where, set()).add(price.amount)
    amounts = Counter(price.amount for price in prices if not price.old)
    found = []
    for order, price in enumerate(prices):
        listed = kinds[price.where] >= 4 and len(different[price.where]) >= 3
        change = -2.0 * listed + 0.5 * min(2, amounts[price.amount] - 1)
        change -= 1.5 * any(_is_reduced(price, other) for other in prices[max(0, order - 1) : order + 2])
        found.append(replace(price, score=price.score + change))
    return found
