"""The standard analyses, over lines as scribe writes them, wherever they stand."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.data_platform.recorded import fill, opened, placed, write_logs
from tests.store.search.lines import HOUR, entries, line, sealed
from trading_runtime.cli import main as cli
from trading_runtime.errors import Refused
from trading_runtime.records.commands import CancelOrder
from trading_runtime.records.event import Event
from trading_runtime.records.facts_trading import (
    CancelRefused,
    IntentRefused,
    Limit,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    RiskLimitCleared,
    RiskLimitTriggered,
)
from trading_runtime.records.units import ClientId, Lots, Module, Nanos, Revision, Side, Ticks
from trading_runtime.store.search import analyses
from trading_runtime.store.search.query import Query

MARKET = "somewhere-usdm:BTCUSDC"
R1 = Revision(1)
Row = dict[str, object]


def run(data: Path, name: str) -> list[Row]:
    analysis = analyses.named(name)
    lines = entries(data, analyses.query_of(analysis, Query()))
    done = analyses.run(analysis, lines)
    return [dict(zip(done.columns, row, strict=True)) for row in done.rows]


def accepted(number: int, latency_us: int) -> OrderAccepted:
    return OrderAccepted(
        order=ClientId(f"o{number}"),
        revision=R1,
        venue_order=f"v{number}",
        latency_ns=Nanos(latency_us * 1_000),
    )


def rejected(order: str, code: int) -> OrderRejected:
    return OrderRejected(
        order=ClientId(order), revision=R1, code=code, reason="would take", retry=True
    )


def refused() -> IntentRefused:
    return IntentRefused(
        revision=R1,
        side=Side.SELL,
        price=Ticks(600_200),
        size=Lots(100),
        limit=Limit.INVENTORY,
        value=380,
        threshold=300,
        unit="lots",
    )


def test_each_analysis_says_what_it_is_for_and_names_events_that_exist() -> None:
    declared = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
    assert set(analyses.known()) == {"latency", "rejects", "risk", "wrong_orders"}
    for it in analyses.known().values():
        assert it.purpose.endswith(".")
        assert all(f"\n## {event}\n" in declared for event in it.events)
    with pytest.raises(Refused, match="latency, rejects, risk, wrong_orders"):
        analyses.named("love")


def test_answers_ten_times_slower_than_usual_are_named(tmp_path: Path) -> None:
    usual = [accepted(it, 2_000 + it) for it in range(30)]
    write_logs(tmp_path, (opened(), *usual, accepted(77, 90_000), accepted(78, 19_000)))
    (slow,) = run(tmp_path, "latency")
    assert slow["order_id"] == "o77"
    assert (slow["event"], slow["instrument_id"]) == ("OrderAccepted", MARKET)
    assert slow["latency_ms"] == Decimal(90)
    assert slow["answers_in_hour"] == 32
    assert slow["trace_id"] == "s1/32/0"


def test_few_answers_have_no_anomaly(tmp_path: Path) -> None:
    write_logs(tmp_path, (*(accepted(it, 2_000) for it in range(10)), accepted(11, 90_000)))
    assert run(tmp_path, "latency") == []


def test_rejections_are_counted_by_minute_and_cause(tmp_path: Path) -> None:
    events: tuple[Event, ...] = (
        *(rejected(f"o{it}", -5022) for it in range(3)),
        rejected("o9", -2010),
        refused(),
        CancelRefused(order=ClientId("o1"), revision=R1, code=-2011, reason="unknown order"),
    )
    write_logs(tmp_path, events)
    told = [(it["minute"], it["event"], it["code"], it["lines"]) for it in run(tmp_path, "rejects")]
    minute = "2025-11-19T14:00:00.000000Z"
    assert told == [
        (minute, "OrderRejected", "-5022", 3),
        (minute, "CancelRefused", "-2011", 1),
        (minute, "IntentRefused", "max_inventory", 1),
        (minute, "OrderRejected", "-2010", 1),
    ]


def test_a_limit_is_told_with_how_long_it_lasted(tmp_path: Path) -> None:
    def triggered(limit: Limit) -> RiskLimitTriggered:
        return RiskLimitTriggered(
            instrument_id=MARKET,
            limit=limit,
            value=9,
            threshold=5,
            unit="count",
            response="pause",
        )

    cleared = RiskLimitCleared(instrument_id=MARKET, limit=Limit.ORDER_RATE)
    write_logs(tmp_path, (triggered(Limit.ORDER_RATE), triggered(Limit.DRAWDOWN), cleared))
    told = [(it["event"], it["what"], it["lasted_s"]) for it in run(tmp_path, "risk")]
    assert told == [
        ("RiskLimitTriggered", "order_rate", 2.0),
        ("RiskLimitTriggered", "drawdown", None),
        ("RiskLimitCleared", "order_rate", None),
    ]


def test_a_panic_stop_is_told_once_though_two_streams_have_it(tmp_path: Path) -> None:
    for module in (Module.RISK, Module.AUDIT):
        told = line(1, HOUR.start, "PanicStopTriggered", module.value, reason="drawdown")
        sealed(tmp_path, [told], module=module)
    (stop,) = run(tmp_path, "risk")
    assert (stop["event"], stop["what"]) == ("PanicStopTriggered", "drawdown")


def test_wrong_orders_are_counted_against_those_that_were_placed(tmp_path: Path) -> None:
    def cancelled(order: str) -> OrderCancelled:
        return OrderCancelled(
            order=ClientId(order), revision=R1, filled=Lots(0), latency_ns=Nanos(10**6)
        )

    events: tuple[Event, ...] = (
        *(placed(it, Side.BUY) for it in ("a", "b", "c", "d")),
        rejected("a", -5022),
        fill("b", Side.BUY, 600_000, 100),
        CancelOrder(order=ClientId("c"), revision=R1, reason="moved"),
        cancelled("c"),
        refused(),
        CancelRefused(order=ClientId("b"), revision=R1, code=-2011, reason="unknown order"),
    )
    write_logs(tmp_path, events)
    (told,) = run(tmp_path, "wrong_orders")
    assert told == {
        "hour": "2025-11-19T14:00:00.000000Z",
        "instrument_id": MARKET,
        "placed": 4,
        "refused_by_risk": 1,
        "rejected_by_venue": 1,
        "too_late": 1,
        "unknown_fate": 0,
        "impossible": 0,
        "withdrawn_at_once": 0,
        "wrong_percent": 40.0,
    }


def test_an_order_that_is_withdrawn_at_once_was_wrong(tmp_path: Path) -> None:
    lines = [
        line(1, HOUR.start, "PlaceOrder", orderId="a", instrument_id=MARKET),
        line(2, HOUR.start, "PlaceOrder", orderId="b", instrument_id=MARKET),
        line(3, HOUR.start + 50 * 10**6, "OrderCancelled", orderId="a", instrument_id=MARKET),
        line(4, HOUR.start + 500 * 10**6, "OrderCancelled", orderId="b", instrument_id=MARKET),
    ]
    sealed(tmp_path, lines)
    assert run(tmp_path, "wrong_orders")[0]["withdrawn_at_once"] == 1


def test_the_command_runs_an_analysis_and_lists_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_logs(tmp_path, (rejected("a", -5022),))
    words = ["search", "--data", str(tmp_path), "--analysis"]
    assert cli.main([*words, "rejects", "--json"]) == 0
    assert [it["lines"] for it in json.loads(capfd.readouterr().out)] == [1]
    assert cli.main([*words, "rejects"]) == 0
    assert "would take" in capfd.readouterr().out
    assert cli.main([*words, "?"]) == 0
    assert capfd.readouterr().out.startswith("latency")
