"""Prices as pages state them, to an amount and a currency, or to nothing: a guessed price would accuse."""

from __future__ import annotations

import re
from decimal import Decimal

from price_parser import Price

from domain.catalog import Money
from domain.prices import CURRENCIES, MOST, amount_in, is_ambiguous

_CODE = re.compile(r"[A-Z]{3}")
_CODE_IN_TEXT = re.compile(r"\b[A-Z]{3}\b")
_PLAIN = re.compile(r"\d+(\.\d+)?")
# without a digit ("free"), below zero, or in the notation of machines
_NO_PRICE = re.compile(r"^\D*$|^[^\d]*[-−]\s*\d|\d[eE][-+]?\d")
_SMALLEST = Decimal("0.0001")

# only signs that mean one currency: "$", "¥" and "kr" do not
_SIGNS = {
    "€": "EUR",
    "euro": "EUR",
    "£": "GBP",
    "US$": "USD",
    "CA$": "CAD",
    "C$": "CAD",
    "AU$": "AUD",
    "A$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "NT$": "TWD",
    "MX$": "MXN",
    "R$": "BRL",
    "CN¥": "CNY",
    "zł": "PLN",
    "Kč": "CZK",
    "₽": "RUB",
    "₹": "INR",
    "₺": "TRY",
    "₩": "KRW",
    "₪": "ILS",
    "฿": "THB",
    "₫": "VND",
    "₴": "UAH",
    "₱": "PHP",
}


def read_price(amount: str, currency: str = "") -> Money | None:
    """The price that `amount` states, in `currency` (a code or sign) or in the one that `amount` names.

    None when either is missing or can be read in two ways (``1.299``, ``$``), and for a price of nothing, which pages
    state when they have none.
    """
    code = read_currency(currency) or read_currency(amount)
    number = _number(amount.strip(), code)
    if code is None or number is None or not _SMALLEST <= number < MOST:
        return None
    return Money(amount=_shortest(number), currency=code)


def read_currency(text: str) -> str | None:
    """The ISO 4217 code of a code or sign; None where a sign means several (``$``)."""
    text = text.strip()
    if _CODE.fullmatch(text.upper()) and text.upper() in CURRENCIES:
        return text.upper()
    # three capitals alone say nothing: "49.00 VAT"
    if named := next((code for code in _CODE_IN_TEXT.findall(text) if code in CURRENCIES), None):
        return str(named)
    return _SIGNS.get(Price.fromstring(text).currency or "")


def _number(text: str, code: str | None) -> Decimal | None:
    if _PLAIN.fullmatch(text):
        return None if is_ambiguous(text, code) else Decimal(text)
    return None if _NO_PRICE.search(text) else amount_in(text)


def _shortest(number: Decimal) -> Decimal:
    """Without zeros that say nothing (``49.0000``), but with both digits of the cents where there are cents."""
    rounded = number.quantize(_SMALLEST).normalize()
    exponent = rounded.as_tuple().exponent
    assert isinstance(exponent, int)  # neither NaN nor infinity comes out of a number that was compared
    return rounded.quantize(Decimal(1) if exponent >= 0 else Decimal("0.01") if exponent == -1 else rounded)
