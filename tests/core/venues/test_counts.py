"""Texts to counts: the same as the strict reader's, quicker, and bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.core.venues.counts import LOTS_MAX, REMEMBERED_MAX, Counts
from trading_runtime.errors import Misread
from trading_runtime.records.exact import Grid
from trading_runtime.records.units import Lots

STEPS = ["0.10", "0.001", "0.00000001", "1", "5", "0.25", "100"]


def counts(step: str) -> Counts[Lots]:
    return Counts(Grid(step), LOTS_MAX, "off_tick", "")


@pytest.mark.parametrize(
    ("step", "text", "count"),
    [
        ("0.10", "61800.20", 618_002),
        ("0.10", "61800.2", 618_002),
        ("0.001", "0.014", 14),
        ("0.00000001", "61737.63000000", 6_173_763_000_000),
        ("5", "35", 7),
        ("5", "35.000", 7),
        ("0.25", "1.75", 7),
        ("100", "1200.00", 12),
        ("1", "0.00000000", 0),
        ("1", "007", 7),
    ],
)
def test_a_count_of_steps(step: str, text: str, count: int) -> None:
    assert counts(step)[text] == count
    assert counts(step)[text] == Grid(step).count(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_decimal"),
        (".", "not_decimal"),
        ("1.", "not_decimal"),
        (".5", "not_decimal"),
        ("-1.0", "not_decimal"),
        ("-0.0", "not_decimal"),
        ("+1.0", "not_decimal"),
        (" 1.0", "not_decimal"),
        ("1.0\n", "not_decimal"),
        ("1_0.0", "not_decimal"),
        ("1e3", "not_decimal"),
        ("NaN", "not_decimal"),
        ("Infinity", "not_decimal"),
        ("1.0.0", "not_decimal"),
        ("\u0661.0", "not_decimal"),
        ("\u00b2.0", "not_decimal"),
        ("0" * 50 + ".0", "not_decimal"),
        ("1." + "0" * 40, "not_decimal"),
        ("1.05", "off_tick"),
        ("99999999999999999999.0", "too_large"),
    ],
)
def test_what_is_no_count_is_misread_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(Misread) as raised:
        counts("0.10")[text]
    assert raised.value.reason == reason


def test_zero_is_refused_only_where_it_must_be() -> None:
    assert counts("0.1")["0.0"] == 0
    with pytest.raises(Misread, match="zero_price"):
        Counts(Grid("0.1"), LOTS_MAX, "off_tick", "zero_price")["0.00"]


def test_what_is_remembered_is_bounded() -> None:
    remembered = counts("0.1")
    for number in range(REMEMBERED_MAX + 10):
        assert remembered[f"{number}.0"] == 10 * number
    assert len(remembered) <= REMEMBERED_MAX
    assert remembered["7.0"] == 70


NUMBERS = st.from_regex(r"[0-9]{1,21}(\.[0-9]{0,19})?", fullmatch=True)
TEXTS = st.one_of(NUMBERS, st.text(max_size=12), st.decimals().map(str))


@given(st.sampled_from(STEPS), TEXTS)
def test_each_text_is_read_as_the_strict_reader_reads_it(step: str, text: str) -> None:
    try:
        expected: int | None = Grid(step).count(text)
    except ValueError:
        expected = None
    try:
        counted: int | None = counts(step)[text]
    except Misread as error:
        counted = expected if error.reason == "too_large" and (expected or 0) > LOTS_MAX else None
    assert counted == expected
