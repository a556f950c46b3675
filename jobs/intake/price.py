"""Prices as feeds and marketplaces write them, to money or to a reason why not."""

from __future__ import annotations

import re
from decimal import Decimal

from domain.catalog import Money
from domain.errors import BadInput
from domain.prices import CURRENCIES, MOST, amount_in, is_ambiguous

_FEED_PRICE = re.compile(r"(-?)([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([A-Za-z]{3})")
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?")
_NUMBERS = re.compile(r"\d(?:[\d.,'’\s]*\d)?")


def feed_price(text: str) -> Money:
    """A price in Google's form, ``59.00 USD``. Raises BadInput with the field ``price``."""
    found = _FEED_PRICE.fullmatch(text.strip())
    if not found:
        raise BadInput(f'"{text[:60]}" is not a price such as "59.00 USD"', field="price")
    sign, digits, currency = found.groups()
    if sign:
        raise BadInput(f'"{text[:60]}" is negative', field="price")
    return _money(Decimal(digits), currency)


def offer_price(price: int | Decimal | str, currency: str) -> Money:
    """A price as a marketplace shows it, such as ``8.53`` or ``US $1,299.00``, in the currency given beside it.

    Raises BadInput when it names no one amount: "free", two numbers, a number that could be read two ways.
    """
    if isinstance(price, str) and (found := _FEED_PRICE.fullmatch(price.strip())):
        if currency and found.group(3).upper() != currency.upper():
            raise BadInput(f'"{price[:60]}" stands beside the currency {currency[:10]}', field="price")
        _refuse_ambiguous(found.group(2), found.group(3))
        return _above_nothing(feed_price(price))
    amount = _amount(price, currency) if isinstance(price, str) else Decimal(price)
    if not currency:
        raise BadInput("a price without a currency", field="currency")
    return _above_nothing(_money(amount, currency))


def _refuse_ambiguous(number: str, currency: str) -> None:
    if is_ambiguous(number, currency):
        raise BadInput(f'"{number}" can be read two ways', field="price")


def _above_nothing(money: Money) -> Money:
    if money.amount == 0:  # looked at last: rounding makes a 0 of 1e-14
        raise BadInput("0 is not a price", field="price")
    return money


def _amount(text: str, currency: str) -> Decimal:
    text = text.strip()
    if _PLAIN.fullmatch(text):
        _refuse_ambiguous(text, currency)
        return Decimal(text)
    if len(_NUMBERS.findall(text)) != 1 or re.search(r"[-−–]\s*\D{0,3}\d", text):
        raise BadInput(f'"{text[:60]}" is not one price', field="price")
    if (amount := amount_in(text)) is None:
        raise BadInput(f'"{text[:60]}" is not a price', field="price")
    return amount


def _money(amount: Decimal, currency: str) -> Money:
    if currency.upper() not in CURRENCIES:
        raise BadInput(f'"{currency[:10]}" is not an ISO 4217 currency code', field="currency")
    if not amount.is_finite() or not 0 <= amount < MOST:
        raise BadInput("a price is at least 0 and under a million million", field="price")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -12:
        amount = round(amount, 12)
    return Money(amount=amount + 0, currency=currency.upper())
