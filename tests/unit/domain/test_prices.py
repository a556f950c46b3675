"""The rules that every reader of prices shares."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.price import read_price
from domain.errors import BadInput
from domain.prices import CURRENCIES, MOST, amount_in, is_ambiguous
from jobs.intake.price import offer_price


@pytest.mark.parametrize(
    ("number", "currency", "ambiguous"),
    [
        ("1.299", "USD", True),
        ("1.299", None, True),
        ("1.299", "KWD", False),
        ("1.299", "kwd", False),
        ("1.29", "USD", False),
        ("1.2990", "USD", False),
        ("1299", "USD", False),
    ],
)
def test_three_digits_after_the_point_are_read_two_ways(number: str, currency: str | None, ambiguous: bool) -> None:
    assert is_ambiguous(number, currency) == ambiguous


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_pages_and_files_refuse_the_same_numbers(currency: str) -> None:
    def from_file(text: str) -> Decimal | None:
        try:
            return offer_price(text, currency).amount
        except BadInput:
            return None

    for text in ("1.299", "1.29", "0", f"{MOST}", f"{MOST - 1}"):
        page = read_price(text, currency)
        assert (page.amount if page else None) == from_file(text)


@given(st.text(max_size=300))
def test_any_text_has_an_amount_or_none(text: str) -> None:
    amount = amount_in(text)
    assert amount is None or amount.is_finite()
