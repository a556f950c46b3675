"""Numbers of bar codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gtin import valid_gtin


@pytest.mark.parametrize("length", [8, 12, 13, 14])
@given(data=st.data())
def test_gtins_pass_by_their_check_digit_alone(length: int, data: st.DataObject) -> None:
    digits = data.draw(
        st.text("0123456789", min_size=length - 1, max_size=length - 1).filter(lambda text: int(text) > 0)
    )
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    right = -total % 10
    assert valid_gtin(f"{digits}{right}") == f"{digits}{right}"
    assert valid_gtin(f"{digits}{(right + 1) % 10}") == ""
