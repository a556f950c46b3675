"""Global Trade Item Numbers, the numbers of bar codes (GS1 General Specifications, section 7.9: check digits)."""

from __future__ import annotations

import re

GTIN_LENGTHS = (8, 12, 13, 14)
"""Digits, the check digit among them."""

_BETWEEN_DIGITS = re.compile(r"[\s-]")
_LONGEST = 30


def check_digit(digits: str) -> int:
    """The last digit of the GTIN that begins with `digits`, which are all of its others."""
    return -sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits))) % 10


def valid_gtin(text: str) -> str:
    """The digits of a GTIN-8, -12, -13 or -14 whose check digit holds; else empty. Zeros alone are none."""
    digits = _BETWEEN_DIGITS.sub("", text[:_LONGEST])
    if not digits.isascii() or not digits.isdigit() or len(digits) not in GTIN_LENGTHS or not int(digits):
        return ""
    return digits if check_digit(digits[:-1]) == int(digits[-1]) else ""
