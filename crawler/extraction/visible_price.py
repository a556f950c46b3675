"""The price that a reader sees, and which of the prices on a page is the product's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from crawler.extraction.document import Document, Piece
from crawler.extraction.evidence import Statement, said
from crawler.extraction.lexicon import LEXICON
from crawler.extraction.text import clean
from domain.prices import CURRENCIES, MOST, amount_in

_MOST_CANDIDATES = 400
_LONGEST = 60
_LONGEST_WORDS = 25
_MOST_PIECES = 12
_MOST_NUMBERS = 5_000
_BESIDE = 4
_LARGEST_CUT = Decimal("0.3")
_MOST_IN_CARD = 40
_HIGHEST = 5
"""Elements around the digits that may still be the price's own."""

_SIGN = (
    r"US ?\$|[A-Z]{1,2}\$|[$€£¥￥₹₽₺₩₪฿₫₴₱₦₸₡₲₼₾]|\b(?:"
    + "|".join(sorted(CURRENCIES))
    + r"|EURO|Euros?|eur|euro|Eur|kr|Kr|KR|zł|ZŁ|Kč|kč|KČ|Ft|FT|lei|Lei|LEI|лв|руб|грн|RM|Rs|Rp|TL|kn|Kn|KN|din|Din"
    r"|Fr|SFr|Bs|KD|BD|JD|DT|GBP|р|ден|ر\.س|د\.إ)\b\.?|円|元|원|บาท|,-|,–|\.–|\.-"
)
_NUMBER = (
    r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d{1,2})?(?!\d)"  # as in India
    r"|\d{1,3}(?:[ .,'’]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+[.,]\d+|[.,]\d{2}(?!\d)|\d+"
)
_AMOUNT = re.compile(rf"(?P<number>{_NUMBER})(?P<share>\s?%)?")
# most prices are written so; the library, which reads the others, takes its time
_PLAIN = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,2})?")
# dinars and rials of a thousand parts: 34.500 is no 34500
_OF_THOUSANDTHS = frozenset({"KWD", "BHD", "OMR", "JOD", "TND", "LYD", "IQD", "KD", "BD", "JD", "DT"})
_THOUSANDTHS = re.compile(r"[0-9]{1,6}[.,][0-9]{3}")
_SIGN_BEFORE = re.compile(rf"(?P<sign>{_SIGN})\s{{0,2}}$")
_SIGN_AFTER = re.compile(rf"\s{{0,2}}(?P<sign>{_SIGN})")
_CENTS = re.compile(r"\d{2}")
_UNFINISHED = re.compile(r"\d[.,]$")
_WHOLE_AT_END = re.compile(r"(?:^|[^\d.,])\d{1,3}(?:[ .,'’]\d{3})*$")
_POINT_OF_GROUPS = re.compile(r"\d\.\d{3}$")
_DIGIT = re.compile(r"\d")

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
    r"|bez-?dph|add-?on|trade-?in|bonus|gift-?wrap|installation|swatch",
    re.I,
)
_NAMED_OWN = re.compile(
    r"(?:^|[-_\s])(?:sale|current|now|final|special|our|selling|actual|deal|main|big|primary|pdp|product|detail|offer"
    r"|item|buy|akt\w*|promo\w*)(?:[-_\s]|$)",
    re.I,
)
_NAMED_TITLE = re.compile(
    r"(?:^|[-_\s])(?:name|title|titel|titulo|nazev|nazov|nome|nom)(?:[-_\s]|$)|(?:product|item)-?_?(?:name|title)", re.I
)
_LAST_WORDS = re.compile(r"^.*\d\S*")
_PER_UNIT = re.compile(r"/\s?\d*\s?(?:kg|g|ml|cl|l|lb|oz|m[²2]?|mo|yr|ltr|stk|pcs?|pieces?)\b|\d\s?x\s", re.I)
_STRUCK = re.compile(r"line-through")


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
            named, old, other, own = _called(document, place)
            if not currency and not named:
                continue
            before = _words_before(document, order, place)
            score = _position(document, piece.owner, buy)
            score += 3.0 * named + 1.5 * bool(currency) + 1.0 * own - 4.0 * other
            old = old or bool(LEXICON.old_price.find(f"{before} {raw}"))
            around = f"{before} {raw} {_words_after(document, order)}"
            score -= 3.0 * bool(LEXICON.other_price.find(around) or _PER_UNIT.search(around))
            found[place] = SeenPrice(
                amount=amount,
                currency=currency,
                raw=raw,
                place=place,
                score=score,
                old=old,
                where=_path(document, place),
            )
    return _repeated(list(found.values()))


def price_statements(prices: Sequence[SeenPrice]) -> Iterator[Statement]:
    """What the visible prices say, those that are surely another's left out."""
    current = [price for price in prices if not price.old and price.score > 2]
    # a lone price that is called old is no former one: there is no other
    best = max((price.score for price in current), default=0.0)
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
                break
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


def joined(pieces: Sequence[Piece]) -> str:
    """The text of a price that is spread over elements: two digits in an element of their own are the cents."""
    text = ""
    owner = -1
    for piece in pieces:
        part = piece.text
        apart = piece.owner != owner
        if text and apart and _CENTS.fullmatch(part) and _WHOLE_AT_END.search(text):
            text += ("," if _POINT_OF_GROUPS.search(text) else ".") + part
        elif text and (part[0] in ".," or _UNFINISHED.search(text)):
            text += part
        else:
            text = f"{text} {part}" if text else part
        owner = piece.owner
    return text


@lru_cache(4_096)
def money_in(text: str) -> tuple[tuple[Decimal, str], ...]:
    """Amounts with their signs (``€``, ``USD``, ``,-``). Where some bear a sign, only those."""
    found = []
    text = text[:200]
    at = 0
    while match := _AMOUNT.search(text, at):
        start, at = match.span()
        before = _SIGN_BEFORE.search(text, max(0, start - 8), start)
        if not before and start and (text[start - 1].isalnum() or text[start - 1] in "-.,"):
            # the digits belong to a word, what follows after a blank does not
            blank = text.find(" ", start, at)
            at = blank if blank >= 0 else at
            continue
        if match["share"]:
            continue
        sign = before or _SIGN_AFTER.match(text, match.end())
        name = sign["sign"].strip() if sign else ""
        number = match["number"]
        is_plain = _PLAIN.fullmatch(number) or (name.upper() in _OF_THOUSANDTHS and _THOUSANDTHS.fullmatch(number))
        amount = Decimal(number.replace(",", ".")) if is_plain else amount_in(number)
        if amount is not None and 0 < amount < MOST:
            found.append((amount.normalize(), name))
    some_signed = any(name for _, name in found)
    return tuple((amount, name) for amount, name in found if name or not some_signed)


def _called(document: Document, place: int) -> tuple[bool, bool, bool, bool]:
    """What the makers of the page call the element: a price, a former one, something else's, this product's own."""
    named = old = other = own = False
    around = document.ancestors(place, 4)
    # what stands inside counts where the element has only that one thing
    inside = [each for each in range(place + 1, min(document.end[place], place + 5)) if document.inside(each, 1)]
    for distance, each in enumerate([*inside, *around]):
        element = document.elements[each]
        if element.tag in ("del", "s", "strike") or _STRUCK.search((element.get("style") or "")[:300]):
            old = True
        if (style := element.get("itemprop")) and style in ("price", "lowPrice"):
            named = own = True
        names = document.names[each]
        if not names or (document.heading >= 0 and each <= document.heading < document.end[each]):
            continue
        said_price, said_old, said_other, said_own = _meaning(names)
        near = distance < len(inside) + 3
        named |= said_price and near
        old |= said_old and (near or said_price)
        other |= said_other
        own |= said_own and said_price
    return named, old, other, own


@lru_cache(8_192)
def _meaning(names: str) -> tuple[bool, bool, bool, bool]:
    return (
        bool(_NAMED_PRICE.search(names)),
        bool(_NAMED_OLD.search(names)),
        bool(_NAMED_OTHER.search(names)),
        bool(_NAMED_OWN.search(names)),
    )


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
    if _leads_away(document, place):
        score -= 6.0
    elif _is_on_card(document, place):
        score -= 5.0
    return score


def _leads_away(document: Document, place: int) -> bool:
    """Whether it stands in a link to another page, as the prices on cards do."""
    return any(_is_link_away(document, each) for each in document.ancestors(place, 6))


def _is_link_away(document: Document, place: int) -> bool:
    element = document.elements[place]
    link: str | None = element.get("href") if element.tag == "a" else None
    if not link or link.startswith(("#", "javascript:")):
        return False
    try:
        return bool(urlsplit(urljoin(document.url, link[:2_000])).path != urlsplit(document.url).path)
    except ValueError:
        return True


def _is_on_card(document: Document, place: int) -> bool:
    """Whether it stands beside the name or picture of another page's product, linked to that page."""
    for each in document.ancestors(place, 4):
        last = document.end[each]
        if last - each > _MOST_IN_CARD or each <= document.heading < last:
            return False
        if any(_is_link_away(document, i) and _is_of_card(document, i) for i in range(each, place)):
            return True
    return False


def _is_of_card(document: Document, link: int) -> bool:
    """Whether the link holds a picture, or is a heading or called a name."""
    if any(document.elements[each].tag == "img" for each in range(link, min(document.end[link], link + 6))):
        return True
    around = (*document.ancestors(link, 1), *range(link + 1, min(document.end[link], link + 3)))
    return any(
        document.elements[each].tag in ("h2", "h3", "h4", "h5", "h6") or _NAMED_TITLE.search(document.names[each])
        for each in around
    )


def _words_before(document: Document, order: int, place: int) -> str:
    """The short text right before a price, which says what price it is."""
    while order > 0 and document.pieces[order].owner >= place:
        order -= 1
    piece = document.pieces[order]
    near = document.ancestors(place, 3)[-1]
    if piece.owner < near or len(piece.text) > 60:
        return ""
    # what stands before another number was said of that one
    return _LAST_WORDS.sub("", piece.text)


def _words_after(document: Document, order: int) -> str:
    after = document.pieces[order + 1 : order + 2]
    around = max(document.parent[document.pieces[order].owner], 0)
    return after[0].text[:20] if after and around <= after[0].owner < document.end[around] else ""


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
