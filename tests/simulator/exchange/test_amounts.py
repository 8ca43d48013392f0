"""Decimal text to units and back without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.records.exact import NotDecimal, OffGrid
from trading_runtime.simulator.exchange.amounts import short_text, text, units


@given(st.integers(0, 10**24))
def test_there_and_back(amount: int) -> None:
    assert units(text(amount)) == amount == units(short_text(amount))


@pytest.mark.parametrize(
    ("amount", "full", "short"),
    [(0, "0.00000000", "0"), (10**7, "0.10000000", "0.1"), (-(10**9), "-10.00000000", "-10")],
)
def test_both_forms(amount: int, full: str, short: str) -> None:
    assert (text(amount), short_text(amount)) == (full, short)


def test_what_is_no_decimal_or_too_fine_is_refused() -> None:
    for wrong in ("", "-1", "1e3", " 1", ".5", "1.", "1_0"):
        with pytest.raises(NotDecimal):
            units(wrong)
    with pytest.raises(OffGrid):
        units("0.123456789")
    assert units("0.1234567800") == 12345678
