import pytest

from data_platform.checks import ticker
from data_platform.checks.findings import Subject
from tests.store.lake_rows import HOUR, INSTRUMENT, Row, identity, table_of
from trading_runtime.records.lake_schema import TICKER


def rows() -> list[Row]:
    return [
        {
            "ts_recv": HOUR.start + number,
            "ts_exch": 0,
            "update_id": 10 + number,
            "bid_px": 600_000 + number,
            "bid_qty": 1,
            "ask_px": 600_001 + number,
            "ask_qty": 2,
            "flags": 1,
            **identity(number + 1),
        }
        for number in range(20)
    ]


def found(given: list[Row]) -> dict[str, list[int]]:
    findings = ticker.inspect(table_of(given, TICKER), Subject(HOUR, [INSTRUMENT])).findings
    return {it.rule.name: it.rows.tolist() for it in findings if it.broken}


def test_rows_that_keep_every_promise_break_no_rule() -> None:
    assert found(rows()) == {}


@pytest.mark.parametrize(
    ("rule", "cells"),
    [
        ("px_positive", {"bid_px": 0}),
        ("qty_not_negative", {"ask_qty": -1}),
        ("ticker_not_crossed", {"ask_px": 600_007}),
        ("update_id_not_falling", {"update_id": 3}),
    ],
)
def test_one_wrong_cell_is_found_in_its_row(rule: str, cells: dict[str, int]) -> None:
    given = rows()
    given[7] = {**given[7], **cells}
    assert found(given)[rule] == [7]
