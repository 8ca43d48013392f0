"""The compiled replay against a book of two dictionaries, and its rules about snapshots."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data_platform.checks import depth, kernel
from data_platform.checks.findings import Subject
from tests.store.lake_rows import HOUR, INSTRUMENT, Row, depth_rows, identity, message, table_of
from trading_runtime.records.lake_schema import DEPTH, Flag

Levels = list[tuple[int, int, int]]


def scanned(rows: list[Row]) -> depth.Scanned:
    return depth.scanned(table_of(rows, DEPTH), Subject(HOUR, [INSTRUMENT]))


def crossed(rows: list[Row]) -> list[int]:
    found: list[int] = depth.marked(scanned(rows), kernel.CROSSED).tolist()
    return found


def told(seq: int, first_id: int, last_id: int, levels: Levels) -> list[Row]:
    is_snapshot = first_id == last_id
    ids: Row = {
        "ts_recv": seq,
        "ts_exch": seq,
        "first_id": first_id,
        "last_id": last_id,
        "prev_id": None if is_snapshot else first_id - 1,
        **identity(seq),
    }
    return message(ids, levels, Flag.SNAPSHOT if is_snapshot else 0)


def plainly(snapshot: Levels, deltas: list[Levels]) -> list[tuple[int, int, bool]]:
    """Give best bid, best ask (0 without both) and whether they cross, after each message."""
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    found = []
    for levels in (snapshot, *deltas):
        for side, price, size in levels:
            sides[side][price] = size
        bids = [price for price, size in sides[0].items() if size]
        asks = [price for price, size in sides[1].items() if size]
        both = bool(bids and asks)
        best = (max(bids), min(asks)) if both else (0, 0)
        found.append((*best, both and best[0] >= best[1]))
    return found


LEVEL = st.tuples(st.integers(0, 1), st.integers(1, 30), st.integers(0, 2))


@given(st.lists(LEVEL, min_size=1, max_size=8), st.lists(st.lists(LEVEL, min_size=1, max_size=6)))
@settings(max_examples=150, deadline=None)
def test_the_book_is_that_of_a_plain_search(snapshot: Levels, deltas: list[Levels]) -> None:
    rows = told(1, 10, 10, snapshot)
    for number, levels in enumerate(deltas):
        rows += told(number + 2, 11 + 2 * number, 12 + 2 * number, levels)
    found = scanned(rows)
    ends = np.append(found.starts[1:], len(rows)) - 1
    is_crossed = (found.bits[ends] & kernel.CROSSED) != 0
    got = zip(found.bids.tolist(), found.asks.tolist(), is_crossed.tolist(), strict=True)
    assert list(got) == plainly(snapshot, deltas)


@given(st.lists(st.integers(-(2**40), 2**40)))
@settings(max_examples=150, deadline=None)
def test_ranks_are_those_of_sorted_prices(prices: list[int]) -> None:
    px = np.array(prices, dtype=np.int64)
    rank, different = kernel.ranked(px)
    known, expected = np.unique(px, return_inverse=True)
    assert different.tolist() == known.tolist()
    assert rank.tolist() == expected.tolist()


def test_many_different_prices_outgrow_the_first_table() -> None:
    px = np.arange(20_000, dtype=np.int64)[::-1] * 7919 % 1_000_003
    rank, different = kernel.ranked(px)
    assert (different[rank] == px).all()
    assert (np.diff(different) > 0).all()


def test_a_whole_hour_is_not_crossed() -> None:
    assert crossed(depth_rows(500)) == []


def test_deltas_that_the_snapshot_contains_are_not_applied_again() -> None:
    rows = [
        *told(1, 5, 8, [(0, 200, 1)]),  # ends at the snapshot: dropped
        *told(2, 8, 8, [(0, 90, 1), (1, 110, 1)]),
        *told(3, 9, 12, [(1, 100, 1)]),
    ]
    assert crossed(rows) == []


def test_deltas_held_back_are_applied_after_the_snapshot() -> None:
    rows = [
        *told(1, 5, 8, [(0, 100, 1)]),
        *told(2, 9, 12, [(0, 100, 0), (0, 109, 1)]),
        *told(3, 8, 8, [(0, 100, 1), (1, 105, 1)]),  # joined by the second delta: 109 over 105
    ]
    assert crossed(rows) == [4]


def test_a_snapshot_that_the_deltas_do_not_join_is_passed_over() -> None:
    rows = [
        *told(1, 50, 58, [(0, 100, 1), (1, 101, 1)]),
        *told(2, 8, 8, [(0, 300, 1)]),
        *told(3, 59, 60, [(1, 200, 1)]),
    ]
    assert crossed(rows) == []


def test_a_book_that_the_rows_call_bad_is_not_judged() -> None:
    rows = told(1, 5, 8, [(0, 100, 1), (1, 90, 1)])
    assert crossed(rows) == [1]
    for row in rows:
        row["flags"] = int(str(row["flags"])) | Flag.MAYBE_BAD_BOOK
    assert crossed(rows) == []


def test_before_a_snapshot_no_spread_and_no_missing_level_is_told() -> None:
    rows = [*told(1, 5, 8, [(0, 100, 1), (1, 500, 1)]), *told(2, 9, 12, [(0, 99, 0)])]
    found = scanned(rows)
    assert found.spreads.tolist() == [-1, -1]
    assert len(depth.marked(found, kernel.UNKNOWN_DELETE)) == 0
