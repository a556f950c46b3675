from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.price import read_price
from domain.catalog import Money


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("12.50", "EUR", ("12.50", "EUR")),
        ("12.5", "eur", ("12.50", "EUR")),
        ("49.0000", "USD", ("49", "USD")),
        ("1299", "JPY", ("1299", "JPY")),
        ("1.299,00 €", "", ("1299", "EUR")),
        ("26,00 €", "EUR", ("26", "EUR")),
        ("$1,299.95", "USD", ("1299.95", "USD")),
        ("US $49.90", "", None),
        ("US$49.90", "", ("49.90", "USD")),
        ("49.90 CAD", "", ("49.90", "CAD")),
        ("£12", "", ("12", "GBP")),
        ("0.305", "KWD", ("0.305", "KWD")),
        ("1 499,90 zł", "", ("1499.90", "PLN")),
        # capitals that are no currency
        ("49.00 VAT", "", None),
        ("NEW 49.00 EUR", "", ("49", "EUR")),
        ("49.00 €, VAT included", "", ("49", "EUR")),
        ("49.00", "XYZ", None),
        # two readings
        ("1.299", "EUR", None),
        ("12.50", "", None),
        ("$12.50", "$", None),
        ("¥1200", "", None),
        # none
        ("", "EUR", None),
        ("free", "EUR", None),
        ("Price on request", "EUR", None),
        ("0.00", "EUR", None),
        ("-5", "EUR", None),
        ("1e400", "EUR", None),
        ("NaN", "EUR", None),
        ("9" * 40, "EUR", None),
        ("0.00001", "EUR", None),
    ],
)
def test_prices(amount: str, currency: str, expected: tuple[str, str] | None) -> None:
    money = read_price(amount, currency)
    assert money == (expected and Money(amount=Decimal(expected[0]), currency=expected[1]))
    if money and expected:
        assert str(money.amount) == expected[0]


@given(st.integers(1, 10**9), st.sampled_from(["EUR", "USD", "GBP"]))
def test_cents_survive_as_markup_writes_them(cents: int, currency: str) -> None:
    amount = Decimal(cents) / 100
    assert read_price(f"{amount:.2f}", currency) == Money(amount=amount, currency=currency)
    assert read_price(f"{amount:,.2f}", currency) == Money(amount=amount, currency=currency)


@given(st.text(max_size=60), st.text(max_size=10))
def test_no_text_brings_an_error_or_a_senseless_price(amount: str, currency: str) -> None:
    money = read_price(amount, currency)
    if money:
        assert 0 < money.amount < 10**12
        assert len(money.currency) == 3
        assert money.currency.isascii()
        assert money.currency.isupper()
