import random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.store.lake_rows import depth_rows, table_of
from trading_runtime.records.lake_schema import DEPTH
from trading_runtime.store.merge import in_arrival_order, merge, not_in

ROWS = table_of(depth_rows(60), DEPTH)


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 60))
def test_any_two_overlapping_halves_merge_to_the_whole(seed: int, low: int, high: int) -> None:
    numbers = sorted(set(ROWS.column("seq").to_pylist()))
    cut, end = sorted((numbers[low], numbers[high]))
    seqs = ROWS.column("seq").to_numpy()
    old, new = ROWS.filter(seqs <= end), ROWS.filter(seqs >= cut)
    shuffled = list(range(2))
    random.Random(seed).shuffle(shuffled)  # noqa: S311 -- an order for a test, no secret
    parts = [old, new]
    merged = merge(parts[shuffled[0]], parts[shuffled[1]], "ts_recv")
    assert merged == ROWS


def test_rows_of_one_record_keep_their_order() -> None:
    assert in_arrival_order(ROWS, "ts_recv") == ROWS
    late_first = pa.concat_tables([ROWS.slice(100), ROWS.slice(0, 100)])
    assert in_arrival_order(late_first, "ts_recv").column("seq") == ROWS.column("seq")


def test_rows_that_come_twice_from_the_sources_stay_twice() -> None:
    doubled = pa.concat_tables([ROWS, ROWS])
    assert merge(ROWS.slice(0, 0), doubled, "ts_recv").num_rows == 2 * ROWS.num_rows
    assert not_in(ROWS, doubled).num_rows == 0


def test_equal_numbers_of_two_sessions_are_two_records() -> None:
    other = table_of([{**row, "session": "s2"} for row in depth_rows(60)], DEPTH)
    assert merge(ROWS, other, "ts_recv").num_rows == 2 * ROWS.num_rows
