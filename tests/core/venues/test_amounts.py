"""Amounts are exact where their unit can hold them, and rounded the named way where not."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.core.venues.amounts import units_down, units_up
from trading_runtime.errors import Misread


@given(
    st.integers(-(10**18), 10**18),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_amounts_are_what_decimal_arithmetic_makes_of_them(
    digits: int, decimals: int, scale: int
) -> None:
    value = Decimal(digits).scaleb(-decimals)
    text = f"{value:f}"
    shifted = value.scaleb(scale)
    assert units_down(text, scale) == int(shifted.to_integral_value(ROUND_FLOOR))
    assert units_up(text, scale) == int(shifted.to_integral_value(ROUND_CEILING))


@pytest.mark.parametrize("text", ["", "-", "1e5", " 1", "1_0", "+1", ".5", "1.2.3", "²", "9" * 39])
def test_what_is_no_amount_is_misread(text: str) -> None:
    with pytest.raises(Misread):
        units_down(text, 8)
