"""How an event becomes a line: exact numbers, named units, plain text."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_runtime.records.commands import Execution, PlaceOrder
from trading_runtime.records.event import Event
from trading_runtime.records.facts_market import FrameQuarantined
from trading_runtime.records.facts_trading import (
    OrderFilled,
    PanicStep,
    PanicStopStepped,
    PnlMarked,
    QuotesDecided,
)
from trading_runtime.records.inputs import ConnectionOpened, InstrumentRevised, Purpose, TurnEnded
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.observations import ServiceStopped
from trading_runtime.records.projection import LogGap, events, hour_text, kind_of, slots, writer
from trading_runtime.records.units import (
    ClientId,
    Connection,
    Lots,
    Micro,
    Module,
    Money,
    Nanos,
    Revision,
    Seq,
    Side,
    Ticks,
)

AT = Nanos(1_723_118_400_123_456_789)
SESSION = "20240808T120000-aa"
INSTRUMENT = Instrument(
    revision=Revision(1),
    venue="exchange-spot",
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    tick_size="0.05",
    lot_size="0.001",
    multiplier="1",
    money_scale=8,
)
SCALES = {Revision(1): Scales(INSTRUMENT)}


def line(body: Event, at: Nanos = AT) -> dict[str, object]:
    written = writer(type(body), body.module, SESSION, SCALES)(at, Seq(42), body)
    found: dict[str, object] = json.loads(written, parse_float=Decimal)
    return found


def order(price: int = 1_236_004, size: int = 1500, reason: str = "grid") -> PlaceOrder:
    return PlaceOrder(
        order=ClientId("td1a"),
        revision=Revision(1),
        side=Side.BUY,
        price=Ticks(price),
        size=Lots(size),
        execution=Execution.POST_ONLY,
        reduce_only=False,
        reason=reason,
    )


def test_a_line_has_the_fixed_fields_around_the_events_own() -> None:
    assert line(order()) == {
        "ts": "2024-08-08T12:00:00.123456Z",
        "module": "oms",
        "level": "INFO",
        "event": "PlaceOrder",
        "symbol": "BTCUSDT",
        "instrument_id": "exchange-spot:BTCUSDT",
        "orderId": "td1a",
        "side": "buy",
        "execution": "post_only",
        "reduce_only": False,
        "reason": "grid",
        "price": Decimal("61800.20"),
        "qty": Decimal("1.500"),
        "session": SESSION,
        "seq": 42,
    }
    assert list(line(order()))[:4] == ["ts", "module", "level", "event"]
    assert list(line(order()))[-2:] == ["session", "seq"]


@given(st.integers(min_value=-(2**62), max_value=2**62))
def test_numbers_are_exact_on_their_grid(count: int) -> None:
    written = line(order(price=count, size=count))
    assert written["price"] == Decimal(count) * Decimal("0.05")
    assert written["qty"] == Decimal(count) * Decimal("0.001")


def test_a_fill_has_money_by_its_scale_and_a_moment_in_utc() -> None:
    body = OrderFilled(
        order=ClientId("td1a"),
        revision=Revision(1),
        venue_trade="t9",
        side=Side.SELL,
        price=Ticks(20),
        size=Lots(3),
        remaining=Lots(0),
        fee=Money(-12_345),
        fee_asset="USDT",
        maker=True,
        venue_time=Nanos(0),
    )
    written = line(body)
    assert written["fee"] == Decimal("-0.00012345")
    assert written["venue_time"] is None
    later = msgspec.structs.replace(body, venue_time=Nanos(AT + 1))
    assert line(later)["venue_time"] == "2024-08-08T12:00:00.123456790Z"


def test_ratios_have_six_decimals_and_millionths_of_a_tick_are_a_price() -> None:
    body = QuotesDecided(
        revision=Revision(1),
        bid=Ticks(100),
        ask=Ticks(104),
        spread_ticks=Ticks(4),
        bid_levels=3,
        ask_levels=3,
        fair_micro=102_500_001,
        imbalance=Micro(-1),
        volatility=Micro(1_500_000),
        trend=Micro(0),
        inventory=Lots(-2),
        effective_inventory=Lots(7),
        reason="moved",
    )
    written = line(body)
    assert written["spread_ticks"] == 4
    assert written["fair"] == Decimal("5.12500005")
    assert written["imbalance"] == Decimal("-0.000001")
    assert written["volatility"] == Decimal("1.5")
    assert written["inventory"] == Decimal("-0.002")
    assert "fair_micro" not in written


def test_without_a_revision_sizes_stay_counts_and_say_so() -> None:
    written = line(PanicStopStepped(step=PanicStep.FLAT, open_orders=0, position=Lots(5)))
    assert written["position_lots"] == 5
    assert "position" not in written


def test_a_revision_that_nobody_introduced_is_named_unknown() -> None:
    written = line(msgspec.structs.replace(order(price=7), revision=Revision(9)))
    assert (written["symbol"], written["price"]) == ("unknown", 7)


def test_a_revision_is_looked_up_when_a_line_is_written() -> None:
    scales: dict[Revision, Scales] = {}
    write = writer(PlaceOrder, Module.OMS, SESSION, scales)
    assert b'"unknown"' in write(AT, Seq(1), order())
    scales |= SCALES
    assert b'"symbol":"BTCUSDT"' in write(AT, Seq(2), order())


def test_a_span_is_in_milliseconds() -> None:
    body = ServiceStopped(service="runtime", reason="asked", uptime_ns=Nanos(1_234_567))
    assert line(body)["uptime_ms"] == Decimal("1.234567")


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (b'{"a":1}', '{"a":1}'),
        ("caf\u00e9 \U0001d11e".encode(), "caf\u00e9 \U0001d11e"),
        (b"\xff\xfe", "base64://4="),
        (b"base64:x", "base64:YmFzZTY0Ong="),
        (b"", ""),
    ],
)
def test_bytes_are_text_or_base64_and_never_ambiguous(frame: bytes, text: str) -> None:
    body = FrameQuarantined(
        input=Seq(1), connection=Connection(1), reason="malformed", detail="", frame=frame
    )
    assert line(body)["frame"] == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_one_line_of_ascii(text: str) -> None:
    body = order(reason=text)
    written = writer(PlaceOrder, Module.OMS, SESSION, SCALES)(AT, Seq(1), body)
    assert written.isascii()
    assert written.index(b"\n") == len(written) - 1
    assert json.loads(written)["reason"] == text


@given(st.integers(min_value=0, max_value=4_102_444_800_000_000_000))
def test_time_is_iso_8601_in_utc_with_microseconds(at: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at // 1000)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    assert line(TurnEnded(), Nanos(at))["ts"] == text
    assert hour_text(at) == text[:13]


def test_an_instrument_is_written_flat() -> None:
    written = line(InstrumentRevised(instrument=INSTRUMENT))
    assert written["symbol"] == "BTCUSDT"
    assert written["instrument_id"] == "exchange-spot:BTCUSDT"
    assert written["tick_size"] == "0.05"
    assert written["revision"] == 1


def test_lists_of_text_stay_lists() -> None:
    body = ConnectionOpened(
        connection=Connection(1), venue="v", purpose=Purpose.MARKET, channels=("a", "b")
    )
    assert line(body)["channels"] == ["a", "b"]


def test_every_event_has_keys_that_differ() -> None:
    fixed = ["ts", "module", "level", "event", "session", "seq"]
    for event in events():
        keys = fixed + [slot.key for slot in slots(event)]
        assert len(set(keys)) == len(keys), event


def test_who_makes_an_event_is_said() -> None:
    assert kind_of(TurnEnded) == "input"
    assert kind_of(PnlMarked) == "output"
    assert kind_of(ServiceStopped) == "observation"
    assert kind_of(LogGap) == "line"
