import random

from hypothesis import given, settings
from hypothesis import strategies as st

from data_platform.checks.messages import messages_of
from data_platform.checks.replay import Replay, Sides
from tests.store.lake_rows import Row, depth_rows, identity, message, table_of
from trading_runtime.records.lake_schema import DEPTH, Flag


def crossed(rows: list[Row]) -> list[int]:
    table = table_of(rows, DEPTH)
    found: list[int] = Replay(table, messages_of(table)).crossed().tolist()
    return found


def told(seq: int, first_id: int, last_id: int, levels: list[tuple[int, int, int]]) -> list[Row]:
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


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 30), st.integers(0, 2)), max_size=200))
@settings(max_examples=200, deadline=None)
def test_the_best_of_the_book_is_that_of_a_plain_search(
    updates: list[tuple[int, int, int]],
) -> None:
    sides, plain = Sides(), ({}, {})
    for side, price, size in updates:
        sides.apply(side, price, size)
        plain[side][price] = size
        bids = [it for it, left in plain[0].items() if left]
        asks = [it for it, left in plain[1].items() if left]
        assert sides.is_crossed() == bool(bids and asks and max(bids) >= min(asks))


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


def test_levels_that_come_and_go_leave_no_heap_behind() -> None:
    sides, rng = Sides(), random.Random(1)  # noqa: S311 -- prices for a test, no secret
    for _ in range(20_000):
        price = rng.randrange(1, 1000)
        sides.apply(0, price, 1)
        sides.apply(0, price, 0)
        sides.is_crossed()
    assert len(sides._heaps[0]) < 200  # noqa: SLF001 -- the bound is the promise
