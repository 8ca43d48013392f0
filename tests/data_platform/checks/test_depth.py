import pytest

from data_platform.checks import depth
from data_platform.checks.findings import Subject
from tests.store.lake_rows import HOUR, INSTRUMENT, Row, depth_rows, table_of
from trading_runtime.records.lake_schema import DEPTH, Flag

MESSAGES = 200


def broken(rows: list[Row]) -> dict[str, list[int]]:
    """Give the offending rows of each broken rule that blocks."""
    findings = depth.inspect(table_of(rows, DEPTH), Subject(HOUR, [INSTRUMENT])).findings
    return {it.rule.name: it.rows.tolist() for it in findings if it.rule.blocking and it.broken}


def changed(place: int, **cells: int | str | None) -> list[Row]:
    rows = depth_rows(MESSAGES)
    rows[place] = {**rows[place], **cells}
    return rows


def first_row_of_message(number: int) -> int:
    """Give the row where the message starts; message 0 is the snapshot."""
    rows = depth_rows(MESSAGES)
    starts = [n for n, row in enumerate(rows) if n == 0 or row["seq"] != rows[n - 1]["seq"]]
    return starts[number]


@pytest.mark.parametrize("spot", [True, False])
def test_rows_that_keep_every_promise_break_no_rule(*, spot: bool) -> None:
    assert broken(depth_rows(MESSAGES, spot=spot)) == {}


AT = first_row_of_message(100)
CELLS: tuple[tuple[str, dict[str, int | str | None]], ...] = (
    ("instrument_known", {"instrument_id": "somewhere-usdm:ETHUSDC"}),
    ("instrument_known", {"instrument_rev": 7}),
    ("ts_recv_in_hour", {"ts_recv": HOUR.end}),
    ("ts_recv_in_hour", {"ts_recv": HOUR.start - 1}),
    ("ts_recv_not_falling", {"ts_recv": HOUR.start + 6}),
    ("arrival_order", {"seq": 1}),
    ("flags_known", {"flags": 128}),
    ("side_known", {"side": 2}),
    ("px_positive", {"px": 0}),
    ("px_positive", {"px": -600_000}),
    ("qty_not_negative", {"qty": -1}),
    ("ids_ordered", {"first_id": 10**9}),
)


@pytest.mark.parametrize(("rule", "cells"), CELLS, ids=str)
def test_one_wrong_cell_is_found_in_its_row(rule: str, cells: dict[str, int | str | None]) -> None:
    found = broken(changed(AT, **cells))
    assert AT in found[rule]


def test_a_row_that_differs_from_its_message_is_found() -> None:
    assert broken(changed(AT + 1, ts_exch=1)) == {"message_even": [AT + 1]}


def test_a_changed_sequence_id_breaks_the_chain_at_its_message() -> None:
    rows = depth_rows(MESSAGES)
    for row in rows:
        if row["seq"] == rows[AT]["seq"]:
            row["prev_id"] = 1
    assert broken(rows) == {"chain_whole": [AT]}


@pytest.mark.parametrize("spot", [True, False])
def test_a_missing_message_breaks_the_chain_where_it_is_missing(*, spot: bool) -> None:
    rows = depth_rows(MESSAGES, spot=spot)
    gone = rows[AT]["seq"]
    assert broken([row for row in rows if row["seq"] != gone])["chain_whole"] == [AT]


def test_a_break_that_is_flagged_is_known_and_told_only() -> None:
    rows = depth_rows(MESSAGES)
    gone = rows[AT]["seq"]
    for row in rows[AT:]:
        row["flags"] = int(str(row["flags"])) | Flag.MAYBE_BAD_BOOK
    kept = [row for row in rows if row["seq"] != gone]
    assert broken(kept) == {}
    findings = depth.inspect(table_of(kept, DEPTH), Subject(HOUR, [INSTRUMENT])).findings
    told = next(it for it in findings if it.rule.name == "book_trusted")
    assert (told.rule.blocking, len(told.rows)) == (False, len(kept) - AT)


def test_a_message_that_comes_twice_is_found() -> None:
    rows = depth_rows(MESSAGES)
    twice = [row for row in rows if row["seq"] == rows[AT]["seq"]]
    found = broken([*rows[:AT], *twice, *rows[AT:]])
    assert "level_once" in found
    assert "message_closed" in found


def test_a_level_that_comes_twice_in_a_message_is_found() -> None:
    rows = depth_rows(MESSAGES)
    rows.insert(AT, {**rows[AT], "flags": 0})
    assert broken(rows) == {"level_once": [AT + 1]}


def test_a_message_that_is_not_closed_is_found() -> None:
    rows = depth_rows(MESSAGES)
    place = next(n for n in range(AT, len(rows)) if int(str(rows[n]["flags"])) & Flag.LAST)
    rows[place] = {**rows[place], "flags": 0}
    assert broken(rows) == {"message_closed": [place]}


def test_a_bid_above_the_best_ask_is_found_where_the_book_crosses() -> None:
    rows = depth_rows(MESSAGES)
    place = next(n for n in range(AT, len(rows)) if rows[n]["side"] == 0 and rows[n]["qty"] != 0)
    rows[place] = {**rows[place], "px": 700_000}
    found = broken(rows)
    assert list(found) == ["book_not_crossed"]
    assert found["book_not_crossed"][0] >= place


def test_an_empty_message_keeps_the_chain_whole() -> None:
    rows = depth_rows(MESSAGES)
    empty = {
        **rows[AT],
        "side": 0,
        "px": 0,
        "qty": 0,
        "flags": int(Flag.EMPTY | Flag.LAST),
    }
    gone = rows[AT]["seq"]
    kept = [row for row in rows[AT:] if row["seq"] != gone]
    assert broken([*rows[:AT], empty, *kept]) == {}
    assert "empty_is_empty" in broken([*rows[:AT], {**empty, "qty": 3}, *kept])


def test_a_second_session_starts_cold() -> None:
    rows = depth_rows(MESSAGES)
    skipped = first_row_of_message(110)
    later = [{**row, "session": "s2"} for row in rows[skipped:]]
    assert broken([*rows[:AT], *later]) == {}
