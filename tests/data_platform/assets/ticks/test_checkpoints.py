"""Checkpoints against a book kept in a dictionary."""

from collections.abc import Sequence

import pytest

from data_platform.assets.ticks.checkpoints import (
    Carried,
    checkpoints,
    depth_of,
    is_followed,
    step,
)
from tests.store.lake_rows import HOUR, Row, depth_rows, identity, message, table_of
from trading_runtime.records.lake_schema import CHECKPOINT_LEVELS, DEPTH, Flag
from trading_runtime.store.hours import MINUTE_NS
from trading_runtime.store.lake.books import UNCUT

ALL = frozenset(range(60))
Side = list[tuple[int, int]]


def made(
    rows: Sequence[Row], seen: frozenset[int] = ALL, carried: Carried | None = None
) -> list[dict[str, object]]:
    return checkpoints(table_of(rows, DEPTH), HOUR, seen, carried).to_pylist()


def at_minute(rows: Sequence[Row], minute: int) -> tuple[Side, Side]:
    """Replay rows in a dictionary: good for rows with one snapshot first and no break."""
    book: dict[tuple[int, int], int] = {}
    for row in rows:
        side, px, qty, at = (int(str(row[it])) for it in ("side", "px", "qty", "ts_recv"))
        if at < HOUR.start + minute * MINUTE_NS:
            book.pop((side, px), None)
            if qty:
                book[side, px] = qty
    bids = sorted(((px, qty) for (side, px), qty in book.items() if side == 0), reverse=True)
    return bids, sorted((px, qty) for (side, px), qty in book.items() if side == 1)


def told_at(rows: list[dict[str, object]], minute: int) -> tuple[Side, Side]:
    own = [it for it in rows if it["ts"] == HOUR.start + minute * MINUTE_NS]
    for side in (0, 1):
        levels = [it["level"] for it in own if it["side"] == side]
        assert levels == list(range(len(levels)))
    bids = [(int(str(it["px"])), int(str(it["qty"]))) for it in own if it["side"] == 0]
    asks = [(int(str(it["px"])), int(str(it["qty"]))) for it in own if it["side"] == 1]
    return bids, asks


def minutes_told(rows: list[dict[str, object]]) -> list[int]:
    return sorted({(int(str(it["ts"])) - HOUR.start) // MINUTE_NS for it in rows})


@pytest.mark.parametrize("seed", range(4))
def test_each_checkpoint_is_the_book_of_all_rows_before_it(seed: int) -> None:
    rows = depth_rows(900, seed=seed, step_ns=4 * 10**9, spot=seed % 2 == 1)
    rows = [row for row in rows if int(str(row["ts_recv"])) < HOUR.end]
    found = made(rows)
    assert minutes_told(found) == list(range(1, 60))
    for minute in range(1, 60):
        assert told_at(found, minute) == at_minute(rows, minute)


def test_a_minute_that_was_not_recorded_has_no_checkpoint_at_its_end() -> None:
    rows = depth_rows(900, step_ns=4 * 10**9)
    assert minutes_told(made(rows, seen=frozenset({0, 1, 3}))) == [1, 2, 4]


def test_before_a_snapshot_and_behind_a_break_there_is_none() -> None:
    rows = depth_rows(900, step_ns=4 * 10**9)
    is_first = [row["flags"] is not None and int(str(row["flags"])) & Flag.SNAPSHOT for row in rows]
    without = [row for row, is_one in zip(rows, is_first, strict=True) if not is_one]
    assert made(without) == []
    broken = [
        {**row, "flags": int(str(row["flags"])) | Flag.MAYBE_BAD_BOOK}
        if int(str(row["ts_recv"])) > HOUR.start + 3 * MINUTE_NS
        else row
        for row in rows
    ]
    assert minutes_told(made(broken)) == [1, 2, 3]


def test_a_new_session_begins_without_a_book() -> None:
    rows = [
        {**row, "session": "s2"} if int(str(row["ts_recv"])) > HOUR.start + 3 * MINUTE_NS else row
        for row in depth_rows(900, step_ns=4 * 10**9)
    ]
    assert minutes_told(made(rows)) == [1, 2, 3]


def test_a_snapshot_takes_with_it_the_changes_of_the_minute_before_that_it_lacks() -> None:
    ids: list[tuple[int, int, list[tuple[int, int, int]]]] = [
        (11, 12, [(0, 100, 5)]),
        (13, 14, [(1, 110, 7)]),
    ]
    rows: list[Row] = []
    for seq, (first, last, levels) in enumerate(ids, start=1):
        row: Row = {
            "ts_recv": HOUR.start + MINUTE_NS - 10 + seq,
            "ts_exch": 0,
            "first_id": first,
            "last_id": last,
            "prev_id": None,
            **identity(seq),
        }
        rows += message(row, levels)
    snapshot: Row = {
        "ts_recv": HOUR.start + MINUTE_NS + 5,
        "ts_exch": 0,
        "first_id": 12,
        "last_id": 12,
        "prev_id": None,
        **identity(3),
    }
    rows += message(snapshot, [(0, 100, 6), (1, 110, 1)], Flag.SNAPSHOT)
    found = made(rows)
    assert minutes_told(found) == list(range(2, 60))
    assert told_at(found, 2) == ([(100, 6)], [(110, 7)])
    assert {it["last_id"] for it in found} == {14}


def test_deeper_levels_than_are_kept_are_told_to_be_cut() -> None:
    row: Row = {
        "ts_recv": HOUR.start + 5,
        "ts_exch": 0,
        "first_id": 1,
        "last_id": 1,
        "prev_id": None,
        **identity(1),
    }
    levels = [(0, 5_000 - n, 1) for n in range(CHECKPOINT_LEVELS + 1)] + [(1, 6_000, 1)]
    found = made(message(row, levels, Flag.SNAPSHOT), seen=frozenset({0}))
    bids = [it for it in found if it["side"] == 0]
    asks = [it for it in found if it["side"] == 1]
    assert len(bids) == CHECKPOINT_LEVELS
    assert {it["flags"] for it in bids} == {int(Flag.CUT)}
    assert {it["flags"] for it in asks} == {0}


def test_a_carried_book_goes_on_where_the_ids_follow_it() -> None:
    rows = depth_rows(900, step_ns=4 * 10**9)
    place = next(
        n for n, row in enumerate(rows) if int(str(row["ts_recv"])) >= HOUR.start + 5 * MINUTE_NS
    )
    depth = depth_of(table_of(rows[:place], DEPTH))
    carried = step(depth, 0, place, None, HOUR.start + 5 * MINUTE_NS)
    assert carried is not None
    assert (carried.known.bid_min, carried.known.ask_max) == UNCUT
    later = [{**row, "ts_recv": int(str(row["ts_recv"])) - 5 * MINUTE_NS} for row in rows[place:]]
    assert is_followed(table_of(later, DEPTH), carried)
    found = made(later, carried=carried)
    assert told_at(found, 0) == at_minute(rows, 5)
    assert told_at(found, 3) == at_minute(rows, 8)
    gap = later[next(n for n, row in enumerate(later) if n and row["seq"] != later[0]["seq"]) :]
    assert not is_followed(table_of(gap, DEPTH), carried)
    other = [{**row, "session": "s2"} for row in later]
    assert not is_followed(table_of(other, DEPTH), carried)
