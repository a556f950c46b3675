"""Prices: one amount in one currency, or a reason why not; never a guess."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import Money
from domain.errors import BadInput
from domain.prices import CURRENCIES
from jobs.intake.price import feed_price, offer_price


@pytest.mark.parametrize(
    ("price", "currency", "amount"),
    [
        (Decimal("8.53"), "USD", "8.53"),
        (100, "JPY", "100"),
        (Decimal("1.299"), "USD", "1.299"),
        ("8.53", "USD", "8.53"),
        ("US $1,299.00", "USD", "1299.00"),
        ("1.299,00 €", "EUR", "1299.00"),
        ("1 299,00 kr", "SEK", "1299.00"),
        ("59.00 USD", "", "59.00"),
        ("59.00 usd", "USD", "59.00"),
        ("1.250", "KWD", "1.250"),
        ("8.529999", "USD", "8.529999"),
        ("￥1,200", "JPY", "1200"),
        (Decimal("1E+3"), "USD", "1000"),
    ],
)
def test_a_price_as_shown(price: int | Decimal | str, currency: str, amount: str) -> None:
    money = offer_price(price, currency)
    assert str(money.amount) == amount
    assert money.currency == (currency or "USD")


@pytest.mark.parametrize(
    ("price", "currency", "field"),
    [
        ("free", "USD", "price"),
        ("", "USD", "price"),
        ("8 - 12", "USD", "price"),
        ("$8.00-$12.00", "USD", "price"),
        ("-5", "USD", "price"),
        ("−5", "USD", "price"),
        ("2 for 5", "USD", "price"),
        ("1.299", "USD", "price"),
        ("1.299 EUR", "", "price"),
        ("0", "USD", "price"),
        (0, "USD", "price"),
        ("0.00 USD", "USD", "price"),
        (Decimal("1E-14"), "USD", "price"),
        (-1, "USD", "price"),
        (Decimal("1E+900000"), "USD", "price"),
        ("59.00 EUR", "USD", "price"),
        ("8.53", "", "currency"),
        (8, "", "currency"),
        (8, "XYZ", "currency"),
        ("1e5", "USD", "price"),
    ],
)
def test_what_is_no_one_price(price: int | Decimal | str, currency: str, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        offer_price(price, currency)
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["-5.00 USD", "free", "5.00", "USD 5.00", "5,00 USD", "5.00 ABC", ""])
def test_what_is_no_feed_price(text: str) -> None:
    with pytest.raises(BadInput):
        feed_price(text)


@given(st.decimals(min_value=0, max_value=999_999, places=2), st.sampled_from(sorted(CURRENCIES)))
def test_googles_form_round_trips(amount: Decimal, currency: str) -> None:
    assert feed_price(f"{amount} {currency}") == Money(amount=amount, currency=currency)


@given(st.one_of(st.text(max_size=40), st.from_regex(r"[-+$€ 0-9.,]{1,20}", fullmatch=True)), st.text(max_size=4))
def test_any_text_is_money_or_bad_input(text: str, currency: str) -> None:
    for money in (lambda: feed_price(text), lambda: offer_price(text, currency), lambda: offer_price(text, "USD")):
        try:
            found = money()
        except BadInput:
            continue
        assert found.amount >= 0
        assert found.amount.is_finite()
        assert found.currency in CURRENCIES


@given(st.one_of(st.decimals(allow_nan=False, allow_infinity=False), st.integers()))
def test_any_number_is_money_or_bad_input(number: Decimal | int) -> None:
    try:
        found = offer_price(number, "USD")
    except BadInput:
        return
    assert 0 < found.amount < 10**12
