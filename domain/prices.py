"""What holds for prices wherever they stand: which currencies there are, and which numbers name no one amount."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from price_parser import Price

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

MOST = Decimal(10) ** 12
"""Every amount lies under this."""
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_MAX_TEXT = 200


def is_ambiguous(number: str, currency: str | None) -> bool:
    """Whether a plain number such as ``1.299`` can be read two ways in this currency (a code, or None: unknown).

    Three digits after the point are thousands in one country's habit and decimals in another's; a wrong guess would
    accuse somebody.
    """
    return len(number.partition(".")[2]) == 3 and (currency or "").upper() not in _THREE_DECIMALS


def amount_in(text: str) -> Decimal | None:
    """The first number in `text` as people write prices (``US $1,299.00``, ``1.299,00 €``), or None."""
    try:
        amount: Decimal | None = Price.fromstring(text[:_MAX_TEXT]).amount
    except InvalidOperation:
        return None
    return amount
