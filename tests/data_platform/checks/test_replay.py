"""The compiled replay against a book of two dictionaries, and its rules about snapshots."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_platform.checks import depth, kernel, replay
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
    rank, different = replay.ranked(px)
    known, expected = np.unique(px, return_inverse=True)
    assert different.tolist() == known.tolist()
    assert rank.tolist() == expected.tolist()


def test_many_different_prices_outgrow_the_first_table() -> None:
    px = np.arange(20_000, dtype=np.int64)[::-1] * 7919 % 1_000_003
    rank, different = replay.ranked(px)
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


SHOWN: Levels = [
    *((0, 100 - n, 10 + n) for n in range(30)),
    *((1, 101 + n, 20 + n) for n in range(30)),
]


def replaced(at_id: int, *, ahead: bool) -> list[Row]:
    """A book, two changes of it, and a snapshot at ``at_id`` that shows it after the first.

    Its rows begin with number 62; ``ahead``: it comes before the second change.
    """
    first = told(2, 11, 12, [(0, 100, 7)])
    second = told(4, 13, 14, [(1, 101, 0)])
    shown = [(side, px, 7 if (side, px) == (0, 100) else qty) for side, px, qty in SHOWN]
    snapshot = told(3 if ahead else 5, at_id, at_id, shown)
    rest = [*snapshot, *second] if ahead else [*second, *snapshot]
    return [*told(1, 10, 10, SHOWN), *first, *rest]


def unlike(rows: list[Row]) -> tuple[int, list[int]]:
    found = scanned(rows)
    return len(found.compared), depth.marked(found, kernel.UNLIKE).tolist()


@pytest.mark.parametrize(("at_id", "ahead"), [(12, True), (12, False), (13, True)])
def test_a_snapshot_in_a_good_book_is_held_against_it(at_id: int, *, ahead: bool) -> None:
    """At its update: before changes that it lacks are applied, or after those that it has."""
    rows = replaced(at_id, ahead=ahead)
    first = next(n for n in range(60, len(rows)) if int(str(rows[n]["flags"])) & Flag.SNAPSHOT)
    assert unlike(rows) == (1, [])
    rows[first + 3]["qty"] = 999
    assert unlike(rows) == (1, [first + 3])
    rows[first + 3]["qty"] = 13
    rows[first + 25]["qty"] = 999  # the twenty-sixth bid: too deep to matter
    assert unlike(rows) == (1, [])
    del rows[first + 4]  # a level that the snapshot has not
    assert unlike(rows) == (1, [first])


def test_a_snapshot_behind_a_break_or_of_another_session_is_not_compared() -> None:
    rows = replaced(12, ahead=True)
    rows[60]["flags"] = int(str(rows[60]["flags"])) | Flag.MAYBE_BAD_BOOK
    assert unlike(rows) == (0, [])
    broken = replaced(12, ahead=True)
    broken[60]["first_id"] = broken[60]["last_id"]
    broken[60]["prev_id"] = 11  # update 11 never came
    assert unlike(broken) == (0, [])
    other: list[Row] = [{**it, "session": "s2"} for it in replaced(12, ahead=True)[61:]]
    assert unlike([*replaced(12, ahead=True)[:61], *other]) == (0, [])


def test_levels_that_only_one_of_two_snapshots_reached_are_not_compared() -> None:
    deep = [(side, px, qty) for side, px, qty in SHOWN if side or px > 95]
    assert unlike([*told(1, 10, 10, deep), *told(2, 10, 10, SHOWN)]) == (1, [])
    assert unlike([*told(1, 10, 10, SHOWN), *told(2, 10, 10, deep)]) == (1, [])


def test_a_book_does_not_outlive_its_grid() -> None:
    rows = told(1, 10, 10, [(0, 100, 1), (1, 101, 1)])
    other = told(2, 10, 10, [(0, 1000, 1), (1, 1010, 1)])
    assert unlike([*rows, *({**it, "instrument_rev": 2} for it in other)]) == (0, [])


def test_a_level_comes_twice_where_a_change_is_old_too() -> None:
    rows = [*told(1, 10, 10, SHOWN), *told(2, 8, 9, [(0, 90, 1), (0, 90, 2)])]
    found = scanned(rows)
    assert depth.marked(found, kernel.LEVEL_TWICE).tolist() == [61]
