"""Levels are read quickly where that is safe, and always as the strict way would read them."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.core.venues.counts import LOTS_MAX, TICKS_MAX, Counts
from trading_runtime.core.venues.levels import Both, LevelReader
from trading_runtime.errors import Misread
from trading_runtime.records.exact import Grid
from trading_runtime.records.units import Lots, Ticks

GRIDS = [("0.10", "0.001"), ("0.01", "0.00000001"), ("1", "1"), ("0.25", "0.1"), ("10", "5")]


def reader(tick: str, lot: str) -> LevelReader:
    ticks = Counts[Ticks](Grid(tick), TICKS_MAX, "off_tick", "zero_price")
    return LevelReader(
        Grid(tick), Grid(lot), ticks, Counts[Lots](Grid(lot), LOTS_MAX, "off_lot", "")
    )


def counted(tick: str, lot: str, bids: bytes, asks: bytes) -> Both | str:
    """What plain counting makes of it, or the name of what it raises."""
    ticks, lots = Grid(tick), Grid(lot)
    try:
        sides = msgspec.json.decode(b"[%b,%b]" % (bids, asks), type=tuple[Pairs, Pairs])
        both = [[(ticks.count(price), lots.count(size)) for price, size in side] for side in sides]
    except ValueError:
        return "refused"
    flat = [level for side in both for level in side]
    if any(not 0 < price <= TICKS_MAX or size > LOTS_MAX for price, size in flat):
        return "refused"
    return both[0], both[1]  # type: ignore[return-value]


Pairs = list[tuple[str, str]]


def read(tick: str, lot: str, bids: bytes, asks: bytes) -> Both | str:
    try:
        return reader(tick, lot).read(msgspec.Raw(bids), msgspec.Raw(asks))
    except (Misread, msgspec.DecodeError):
        return "refused"


@pytest.mark.parametrize(
    "pair",
    [
        '["58710.20","0.014"]',
        '["58710.2","0"]',
        '["58710.25","0.014"]',
        '["58710.2000000000001","0.014"]',
        '["58710.20","0.0140000000000000001"]',
        '["58710.20","123456789012.345"]',
        '["58710.20","1234567890123.345"]',
        '["58710.20","-0"]',
        '["58710.20","-1"]',
        '["-58710.20","1"]',
        '["0.00","1"]',
        '["0","1"]',
        '["1.","1"]',
        '[".5","1"]',
        '["","1"]',
        '["1e3","1"]',
        '["1E3","1"]',
        '["007","010"]',
        '[" 1","1"]',
        '["1 ","1"]',
        '["1", "1"]',
        '["1" ,"1"]',
        '[58710,"1"]',
        '["58710",1]',
        "[58710,1]",
        '["nan","1"]',
        '["Infinity","1"]',
        '["null","true"]',
        "[null,null]",
        '["1","2","3"]',
        '["1"]',
        '["\\u0031","1"]',
        '{"1":"2"}',
        '"12"',
    ],
)
@pytest.mark.parametrize(("tick", "lot"), GRIDS)
def test_odd_levels_are_read_as_the_strict_way_reads_them(tick: str, lot: str, pair: str) -> None:
    for bids, asks in ((f"[{pair}]", "[]"), ("[]", f"[{pair},{pair}]"), (f"[{pair}]", pair)):
        expected = counted(tick, lot, bids.encode(), asks.encode())
        assert read(tick, lot, bids.encode(), asks.encode()) == expected


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ('["58710.25","1"]', "off_tick"),
        ('["58710.2","0.0001"]', "off_lot"),
        ('["0.0","1"]', "zero_price"),
        ('["1.0","-1"]', "not_decimal"),
        ('["9999999999999.0","1"]', "too_large"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(pair: str, reason: str) -> None:
    with pytest.raises(Misread) as raised:
        reader("0.10", "0.001").read(msgspec.Raw(f"[{pair}]".encode()), msgspec.Raw(b"[]"))
    assert raised.value.reason == reason


NUMBERS = st.one_of(
    st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,4})?", fullmatch=True),
    st.from_regex(r"[0-9]{1,21}(\.[0-9]{0,19})?", fullmatch=True),
    st.from_regex(r"[-+]?[0-9.eE_ ]{0,18}", fullmatch=True),
)
SIDE = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4)


@given(st.sampled_from(GRIDS), SIDE, SIDE, st.booleans())
def test_both_ways_read_the_same(
    grid: tuple[str, str],
    bids: Pairs,
    asks: Pairs,
    spaced: bool,  # noqa: FBT001 -- drawn
) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    sides = [json.dumps(side, separators=separators).encode() for side in (bids, asks)]
    assert read(*grid, *sides) == counted(*grid, *sides)


EXACT = st.tuples(st.integers(1, 2**40), st.integers(0, 2**59))


@given(st.sampled_from(GRIDS), st.lists(EXACT, max_size=6), st.lists(EXACT, max_size=6))
def test_every_count_comes_back(
    grid: tuple[str, str], bids: list[tuple[int, int]], asks: list[tuple[int, int]]
) -> None:
    tick, lot = Grid(grid[0]), Grid(grid[1])
    sides = [
        json.dumps(
            [[tick.text(price), lot.text(size)] for price, size in side], separators=(",", ":")
        ).encode()
        for side in (bids, asks)
    ]
    assert read(*grid, *sides) == (bids, asks)
