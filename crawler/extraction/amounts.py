"""Amounts of money in visible text: numbers with the signs of currencies, cents in elements of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from crawler.extraction.document import Piece
from domain.prices import CURRENCIES, MOST, amount_in

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
_CENTS = re.compile(r"€?\d{2}")
_EURO_BEFORE_CENTS = re.compile(r"(?<=\d)€(\d{2})(?![\d.,€])")  # 34€90
_CENTS_AT_END = re.compile(r"[.,]\d{1,2}$")
_UNFINISHED = re.compile(r"\d[.,]$")
_WHOLE_AT_END = re.compile(r"(?:^|[^\d.,])\d{1,3}(?:[ .,'’]\d{3})*$")
_POINT_OF_GROUPS = re.compile(r"\d\.\d{3}$")
_UNIT = re.compile(
    r"\s?(?:m[²³23]?|[cdkm]?m|k?g|[mcd]?l|lbs?|oz|inch|in|ft|k?W|m?Ah|V|Hz|[GTM]B|px|dpi|Zoll|cali|days?|dni|Tagen?|jours"
    r"|días|dias|giorni|dagen|dn[íů]|nap|zile|hours?|h|min|Uhr|°\w?)(?!\w)"
)


def joined(pieces: Sequence[Piece]) -> str:
    """The text of a price that is spread over elements: two digits in an element of their own are the cents."""
    text = ""
    owner = -1
    for piece in pieces:
        part = piece.text
        apart = piece.owner != owner
        if text and apart and _CENTS.fullmatch(part) and _WHOLE_AT_END.search(text):
            text += part if part[0] == "€" else ("," if _POINT_OF_GROUPS.search(text) else ".") + part
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
    text = _EURO_BEFORE_CENTS.sub(r",\1€", text[:200])
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
        if not sign and _UNIT.match(text, match.end()):
            continue
        number = match["number"]
        is_plain = _PLAIN.fullmatch(number) or (name.upper() in _OF_THOUSANDTHS and _THOUSANDTHS.fullmatch(number))
        amount = Decimal(number.replace(",", ".")) if is_plain else amount_in(number)
        if amount is not None and 0 < amount < MOST:
            found.append((amount.normalize(), name))
    some_signed = any(name for _, name in found)
    return tuple((amount, name) for amount, name in found if name or not some_signed)


def after_amounts(text: str) -> str:
    """What stands after the last number in a text that is surely an amount: the whole text where there is none."""
    ends = (match.end() for match in _AMOUNT.finditer(text) if _is_of_money(text, match))
    return text[max(ends, default=0) :]


def _is_of_money(text: str, match: re.Match[str]) -> bool:
    before = _SIGN_BEFORE.search(text, max(0, match.start() - 8), match.start())
    return bool(before or _SIGN_AFTER.match(text, match.end()) or _CENTS_AT_END.search(match["number"]))
