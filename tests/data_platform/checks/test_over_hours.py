"""The last book of an hour against the first of the next, over published files."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from data_platform.assets.ticks import checkpoints
from data_platform.checks import over_hours
from data_platform.checks.place import Place
from data_platform.checks.settings import Thresholds
from tests.store.lake_rows import HOUR, Row, depth_rows, table_of
from trading_runtime.records.lake_schema import CHECKPOINTS, DEPTH, SIDE_BID, Flag, Table
from trading_runtime.store import parquet
from trading_runtime.store.hours import Hour, hour_at

SECOND = 10**9
NEXT = hour_at(HOUR.end)
VENUE = "somewhere-usdm/BTCUSDC"
Change = Callable[[list[Row]], None]


def write(lake: Path, table: Table, hour: Hour, rows: pa.Table) -> None:
    below = f"{VENUE}/{hour.day.replace('-', '/')}/{hour.of_day:02d}/{table.published}.parquet"
    (lake / below).parent.mkdir(parents=True, exist_ok=True)
    parquet.write(lake / below, rows, table, {})


@pytest.fixture(scope="module")
def recorded() -> tuple[list[Row], list[Row]]:
    """Give the depth of two hours: one snapshot at their beginning, and changes."""
    rows = depth_rows(1_200, step_ns=6 * SECOND)
    first = [it for it in rows if int(str(it["ts_recv"])) < HOUR.end]
    second = [it for it in rows if HOUR.end <= int(str(it["ts_recv"])) < NEXT.end]
    assert len(second) > 100
    return first, second


def kept(lake: Path, first: list[Row], second: list[Row], *, book: bool = True) -> Place:
    """Write both hours with their checkpoints, and give the place of the second one."""
    table = table_of(first, DEPTH)
    minutes = frozenset(range(60))
    write(lake, DEPTH, HOUR, table)
    write(lake, CHECKPOINTS, HOUR, checkpoints.checkpoints(table, HOUR, minutes, None))
    place = Place(lake, lake / f"{VENUE}/{HOUR.day.replace('-', '/')}/{HOUR.of_day:02d}", HOUR)
    write(lake, DEPTH, NEXT, table_of(second, DEPTH))
    if book:
        carried = checkpoints.carried_over(place.file(DEPTH), place.file(CHECKPOINTS), NEXT)
        assert carried is not None
        write(lake, CHECKPOINTS, NEXT, checkpoints.checkpoint(carried, NEXT.start))
    return place.at(NEXT)


def told(place: Place) -> dict[str, list[int]]:
    rows = parquet.read(place.file(DEPTH))
    found = over_hours.inspect(place, place.at(HOUR), rows, Thresholds())
    return {it.dataset.rpartition("/")[2]: it.finding.rows.tolist() for it in found}


def changed(place: Place, table: Table, row: int, column: str, value: int) -> None:
    rows = parquet.read(place.file(table)).to_pylist()
    rows[row] = {**rows[row], column: value}
    schema = parquet.arrow_schema(table)
    write(place.lake, table, place.hour, pa.Table.from_pylist(rows, schema=schema))


def test_a_book_goes_over_and_a_level_that_changed_is_named(
    tmp_path: Path, recorded: tuple[list[Row], list[Row]]
) -> None:
    place = kept(tmp_path, *recorded)
    assert told(place) == {"checkpoint.parquet": []}
    changed(place, CHECKPOINTS, 2, "qty", 987_654)
    assert told(place) == {"checkpoint.parquet": [2]}


def test_a_row_that_changed_before_the_hour_ended_shows_in_the_next_ones_book(
    tmp_path: Path, recorded: tuple[list[Row], list[Row]]
) -> None:
    place = kept(tmp_path, *recorded)
    best = parquet.read(place.file(CHECKPOINTS)).to_pylist()[0]
    assert best["side"] == SIDE_BID
    last = place.at(HOUR)
    rows = parquet.read(last.file(DEPTH)).to_pylist()
    # The last change of the best bid, if it came in the last minute; else one is made of another.
    row = max(n for n, it in enumerate(rows) if it["side"] == SIDE_BID)
    rows[row] = {**rows[row], "px": best["px"], "qty": 987_654}
    write(last.lake, DEPTH, HOUR, table_of(rows, DEPTH))
    named = told(place)["checkpoint.parquet"]
    assert 0 in named


def shown_by(first: list[Row], second: list[Row]) -> list[Row]:
    """Begin the second hour with a snapshot of the book that the first one ends with."""
    book: dict[tuple[int, int], int] = {}
    for it in first:
        book[int(str(it["side"])), int(str(it["px"]))] = int(str(it["qty"]))
    last = first[-1]
    ids: Row = {"first_id": last["last_id"], "prev_id": None, "seq": int(str(last["seq"])) + 1}
    levels: list[Row] = [
        {**last, **ids, "ts_recv": HOUR.end, "side": side, "px": px, "qty": qty, "flags": 2}
        for (side, px), qty in sorted(book.items())
        if qty
    ]
    levels[-1]["flags"] = int(Flag.SNAPSHOT | Flag.LAST)
    return [*levels, *({**it, "seq": int(str(it["seq"])) + 1} for it in second)]


def test_without_a_checkpoint_the_next_snapshot_is_held_against_the_book(
    tmp_path: Path, recorded: tuple[list[Row], list[Row]]
) -> None:
    first, second = recorded
    place = kept(tmp_path, first, shown_by(first, second), book=False)
    assert told(place) == {"depth.parquet": []}
    changed(place, DEPTH, 3, "qty", 987_654)
    assert told(place) == {"depth.parquet": [3]}


def test_over_a_break_or_another_session_nothing_is_asked(
    tmp_path: Path, recorded: tuple[list[Row], list[Row]]
) -> None:
    first, second = recorded
    assert told(kept(tmp_path / "none", first, second, book=False)) == {}
    other: list[Row] = [{**it, "session": "s2"} for it in shown_by(first, second)]
    assert told(kept(tmp_path / "other", first, other, book=False)) == {}
    broken: list[Row] = [
        {**it, "flags": int(str(it["flags"])) | Flag.MAYBE_BAD_BOOK}
        if it["seq"] == first[-1]["seq"]
        else it
        for it in first
    ]
    after = shown_by(first, second)
    assert told(kept(tmp_path / "broken", broken, after, book=False)) == {}
