import pytest

from data_platform.checks import trades
from data_platform.checks.findings import Subject
from tests.store.lake_rows import HOUR, INSTRUMENT, Row, table_of, trade_rows
from trading_runtime.records.lake_schema import TRADES, Flag

AT = 50


def found(rows: list[Row]) -> dict[str, list[int]]:
    findings = trades.inspect(table_of(rows, TRADES), Subject(HOUR, [INSTRUMENT])).findings
    return {it.rule.name: it.rows.tolist() for it in findings if it.broken}


def changed(**cells: int | str) -> list[Row]:
    rows = trade_rows(100)
    rows[AT] = {**rows[AT], **cells}
    return rows


def test_rows_that_keep_every_promise_break_no_rule() -> None:
    assert found(trade_rows(100)) == {}


CELLS: tuple[tuple[str, dict[str, int | str]], ...] = (
    ("instrument_known", {"instrument_id": "somewhere-usdm:ETHUSDC"}),
    ("ts_recv_in_hour", {"ts_recv": HOUR.end}),
    ("px_positive", {"px": 0}),
    ("qty_positive", {"qty": 0}),
    ("trade_id_rising", {"trade_id": 5_000 + AT - 1}),
    ("trade_id_positive", {"trade_id": 0}),
    ("flags_known", {"flags": 129}),
)


@pytest.mark.parametrize(("rule", "cells"), CELLS, ids=str)
def test_one_wrong_cell_is_found_in_its_row(rule: str, cells: dict[str, int | str]) -> None:
    assert found(changed(**cells))[rule] == [AT]


def test_a_trade_off_the_market_may_have_no_price() -> None:
    flags = int(Flag.LAST | Flag.OFF_MARKET)
    assert found(changed(px=0, qty=0, flags=flags)) == {}


def test_a_left_out_trade_is_told_and_does_not_block() -> None:
    rows = trade_rows(100)
    del rows[AT]
    findings = trades.inspect(table_of(rows, TRADES), Subject(HOUR, [INSTRUMENT])).findings
    told = {it.rule.name: it for it in findings if it.broken}
    assert list(told) == ["trade_ids_whole"]
    assert not told["trade_ids_whole"].rule.blocking
