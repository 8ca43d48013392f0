"""Orders as their log lines tell of them, with one thing wrong at a time."""

import msgspec
import pyarrow as pa
import pytest

from data_platform.checks import orders
from data_platform.checks.findings import Subject
from tests.store.lake_rows import HOUR

Cells = dict[str, object]


def line(second: int, event: str, order: str, **cells: object) -> Cells:
    return {
        "ts": f"2025-11-19T14:00:{second:02d}.000000Z",
        "event": event,
        "session": "s1",
        "orderId": order,
        **cells,
    }


def placed(second: int, order: str, side: str = "buy") -> Cells:
    return line(
        second, "PlaceOrder", order, side=side, execution="post_only", price=60_000.1, qty=0.3
    )


def fill(second: int, order: str, trade: str, qty: float, remaining: float) -> Cells:
    amounts = {"price": 60_000.1, "qty": qty, "remaining": remaining, "fee": 3.6}
    return line(second, "OrderFilled", order, side="buy", venue_trade=trade, maker=True, **amounts)


def life() -> list[Cells]:
    """One order filled in two parts, another that is cancelled."""
    return [
        placed(1, "a"),
        line(2, "OrderAccepted", "a", venue_order="V1", latency_ms=1.5),
        fill(3, "a", "T1", 0.1, 0.2),
        placed(4, "b", "sell"),
        line(5, "OrderAccepted", "b", venue_order="V2", latency_ms=1.5),
        fill(6, "a", "T2", 0.2, 0.0),
        line(7, "CancelOrder", "b"),
        line(8, "OrderCancelled", "b", latency_ms=2.0),
    ]


def found(lines: list[Cells]) -> dict[str, list[int]]:
    texts = [msgspec.json.encode(it).decode() for it in lines]
    rows = pa.table({"seq": list(range(len(texts))), "line": texts})
    findings = orders.inspect(rows, Subject(HOUR, ())).findings
    return {it.rule.name: it.rows.tolist() for it in findings if it.broken}


def test_a_legal_life_breaks_no_rule() -> None:
    assert found(life()) == {}


CHANGES: tuple[tuple[str, int, Cells], ...] = (
    ("client_id_once", 3, {"orderId": "a"}),
    ("venue_order_one_to_one", 4, {"venue_order": "V1"}),
    ("transitions_legal", 7, {"event": "AmendOrder"}),
    ("fills_within_order", 5, {"qty": 0.9}),
    ("remaining_agrees", 2, {"remaining": 0.1}),
    ("fill_once", 5, {"venue_trade": "T1"}),
    ("fill_side", 2, {"side": "sell"}),
    ("fill_at_limit_or_better", 2, {"price": 60_000.2}),
    ("amounts_positive", 2, {"qty": -0.1}),
    ("amounts_positive", 0, {"price": 0}),
    ("answer_after_send", 1, {"ts": "2025-11-19T14:00:00.000000Z"}),
    ("answer_after_send", 1, {"latency_ms": -1}),
    ("fee_sane", 2, {"fee": 3_600}),
    ("maker_made", 2, {"maker": False}),
    ("no_oms_alarm", 7, {"event": "FillsDisagree"}),
)


@pytest.mark.parametrize(("rule", "row", "cells"), CHANGES, ids=str)
def test_one_wrong_thing_is_found_in_its_line(rule: str, row: int, cells: Cells) -> None:
    lines = life()
    lines[row] = {**lines[row], **cells}
    assert row in found(lines)[rule]


def test_each_rule_has_a_change_that_breaks_it() -> None:
    known = {it.name for it in (*orders.ROW_RULES, orders.FEE)}
    assert {rule for rule, _, _ in CHANGES} == known


def test_an_order_of_an_earlier_hour_is_followed_without_its_placing() -> None:
    assert found(life()[1:]) == {}
