"""Prices as feeds and marketplaces write them, to money or to a reason why not."""

from __future__ import annotations

import re
from decimal import Decimal

from price_parser import Price

from domain.catalog import Money
from domain.errors import BadInput

CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905  # a list of 155 quoted codes reads worse
)
"""ISO 4217, the codes of circulating money (no metals, funds, or test codes)."""

_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_MOST = Decimal(10) ** 12
_FEED_PRICE = re.compile(r"(-?)([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([A-Za-z]{3})")
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.([0-9]{1,12}))?")
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
        return feed_price(price)
    amount = _amount(price, currency) if isinstance(price, str) else Decimal(price)
    if not currency:
        raise BadInput("a price without a currency", field="currency")
    if amount == 0:
        raise BadInput("0 is not a price", field="price")
    return _money(amount, currency)


def _amount(text: str, currency: str) -> Decimal:
    text = text.strip()
    if found := _PLAIN.fullmatch(text):
        # 1.299 may be a price in German or a rounded one; a wrong guess would accuse somebody
        if len(found.group(1) or "") == 3 and currency.upper() not in _THREE_DECIMALS:
            raise BadInput(f'"{text}" can be read two ways', field="price")
        return Decimal(text)
    if len(_NUMBERS.findall(text)) != 1 or re.search(r"[-−–]\s*\D{0,3}\d", text):
        raise BadInput(f'"{text[:60]}" is not one price', field="price")
    amount = Price.fromstring(text[:200]).amount
    if amount is None:
        raise BadInput(f'"{text[:60]}" is not a price', field="price")
    return Decimal(amount)


def _money(amount: Decimal, currency: str) -> Money:
    if currency.upper() not in CURRENCIES:
        raise BadInput(f'"{currency[:10]}" is not an ISO 4217 currency code', field="currency")
    if not amount.is_finite() or not 0 <= amount < _MOST:
        raise BadInput("a price is at least 0 and under a million million", field="price")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -12:
        amount = round(amount, 12)
    return Money(amount=amount + 0, currency=currency.upper())
