"""Decimal text and counts of a step: exact both ways, or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.records.exact import Grid, NotDecimal, OffGrid, scaled_text

STEPS = st.builds(scaled_text, st.integers(1, 10**9), st.integers(0, 18))
COUNTS = st.integers(0, 10**9)


@given(STEPS, COUNTS)
def test_text_of_a_count_counts_back(step: str, count: int) -> None:
    grid = Grid(step)
    assert grid.count(grid.text(count)) == count


@given(STEPS, COUNTS)
def test_text_is_what_decimal_arithmetic_says(step: str, count: int) -> None:
    grid = Grid(step)
    assert Decimal(grid.text(count)) == Decimal(step) * count == grid.decimal(count)


@given(STEPS, COUNTS, st.integers(0, 5))
def test_trailing_zeros_change_nothing(step: str, count: int, zeros: int) -> None:
    grid = Grid(step)
    text = grid.text(count)
    text += "." * (zeros > 0 and "." not in text) + "0" * zeros
    fraction = text.partition(".")[2]
    if len(fraction) <= 18:
        assert grid.count(text) == count


@given(st.integers(1, 10**12), st.integers(0, 12), st.integers(0, 10**12), st.integers(0, 12))
def test_what_is_no_whole_multiple_is_refused(
    step_units: int, step_scale: int, units: int, scale: int
) -> None:
    step, text = scaled_text(step_units, step_scale), scaled_text(units, scale)
    count = Decimal(text) / Decimal(step)
    whole = (Decimal(units) * 10**step_scale) % (Decimal(step_units) * 10**scale) == 0
    if whole:
        assert Grid(step).count(text) == count
    else:
        with pytest.raises(OffGrid):
            Grid(step).count(text)


@given(st.text(max_size=30))
def test_whatever_is_counted_is_plain_decimal_text(text: str) -> None:
    try:
        count = Grid("0.01").count(text)
    except (NotDecimal, OffGrid):
        return
    assert text.isascii()
    assert Decimal(text) == Decimal(count) / 100


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1e5", "1_000", " 1", "1 ", "1.", ".5", "NaN", "Infinity", "٣", "1,5", "1\n"],
)
def test_anything_but_plain_decimal_text_is_refused(text: str) -> None:
    with pytest.raises(NotDecimal):
        Grid("0.5").count(text)


@pytest.mark.parametrize("step", ["0", "0.00", "-0.1", "1e-8", "", "abc"])
def test_a_step_is_positive_decimal_text(step: str) -> None:
    with pytest.raises(NotDecimal):
        Grid(step)


def test_an_overlong_price_is_cut_in_the_message() -> None:
    with pytest.raises(NotDecimal) as refused:
        Grid("1").count("x" * 10_000)
    assert len(str(refused.value)) < 100


@given(st.integers(-(10**20), 10**20), st.integers(0, 18))
def test_scaled_text_is_exact_with_its_sign(units: int, scale: int) -> None:
    text = scaled_text(units, scale)
    assert Decimal(text) == Decimal(units).scaleb(-scale)
    assert len(text.partition(".")[2]) == scale
