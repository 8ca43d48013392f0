"""Which entry each record gives: of what, by whom, and the state before and after."""

from collections.abc import Sequence
from typing import get_args

import pytest
from msgspec import inspect

from tests.records.golden.make_golden import Examples
from trading_runtime.audit.relay.projection import Projection, name_of
from trading_runtime.audit.relay.rules import ORDERS, OTHERS
from trading_runtime.audit.relay.state import Memory
from trading_runtime.evidence import canonical
from trading_runtime.evidence.submission import Deed
from trading_runtime.records.commands import CancelOrder, Execution, PlaceOrder
from trading_runtime.records.envelope import Body, Kind, Record, Stamp, encode_body
from trading_runtime.records.event import Event
from trading_runtime.records.facts_trading import (
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderUnknown,
    PanicStep,
    PanicStopCleared,
    PanicStopStepped,
    PanicStopTriggered,
)
from trading_runtime.records.inputs import InstrumentRevised, ParametersActivated, TurnEnded
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lifecycle import OrderState
from trading_runtime.records.observations import KeyUsed, ServiceStarted
from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Revision, Seq, Side, Ticks

ORIGIN = "tapedeck.example/test"
SESSION = "20260101T000000Z-a1"
AT = Nanos(1_767_225_600_000_000_000)
BTC = Instrument(
    revision=Revision(1),
    venue="venue-usdm",
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    tick_size="0.10",
    lot_size="0.001",
    multiplier="1",
    money_scale=8,
)
ORDER = ClientId("tdx1")
PLACED = PlaceOrder(
    order=ORDER,
    revision=Revision(1),
    side=Side.BUY,
    price=Ticks(612_340),
    size=Lots(3),
    execution=Execution.POST_ONLY,
    reduce_only=False,
    reason="grid",
)
ACCEPTED = OrderAccepted(
    order=ORDER, revision=Revision(1), venue_order="77", latency_ns=Nanos(1_500_000)
)


def filled(size: int, remaining: int) -> OrderFilled:
    return OrderFilled(
        order=ORDER,
        revision=Revision(1),
        venue_trade="9",
        side=Side.BUY,
        price=Ticks(612_340),
        size=Lots(size),
        remaining=Lots(remaining),
        fee=Money(1),
        fee_asset="USDT",
        maker=True,
        venue_time=AT,
    )


def deeds(bodies: Sequence[Event], memory: Memory | None = None) -> list[Deed]:
    projection = Projection(memory or Memory(), ORIGIN)
    records = [
        Record(Kind.INPUT, Seq(seq), Stamp(AT, AT), encode_body(body))  # type: ignore[arg-type]
        for seq, body in enumerate(bodies, 1)
    ]
    taken = [projection.take(SESSION, record) for record in records]
    return [deed for deed in taken if deed is not None]


def test_an_orders_life_is_told_with_each_state_before_and_after() -> None:
    cancel = CancelOrder(order=ORDER, revision=Revision(1), reason="moved")
    cancelled = OrderCancelled(
        order=ORDER, revision=Revision(1), filled=Lots(1), latency_ns=Nanos(1)
    )
    life = deeds(
        [InstrumentRevised(instrument=BTC), PLACED, ACCEPTED, filled(1, 2), cancel, cancelled]
    )
    assert {deed.entity_id for deed in life} == {f"order:{ORDER}"}
    states = [
        tuple(state and (state["state"], state["filled"]) for state in pair)
        for pair in ((deed.before_state, deed.after_state) for deed in life)
    ]
    assert states == [
        (None, ("pending_new", "0.000")),
        (("pending_new", "0.000"), ("open", "0.000")),
        (("open", "0.000"), ("partially_filled", "0.001")),
        (("partially_filled", "0.001"), ("pending_cancel", "0.001")),
        (("pending_cancel", "0.001"), ("cancelled", "0.001")),
    ]
    assert life[0].request_data is not None
    assert life[0].request_data["price"] == "61234.0"
    assert life[0].request_data["instrument_id"] == "venue-usdm:BTCUSDT"


def test_an_ended_order_is_forgotten_and_an_open_one_kept_over_sessions() -> None:
    memory = Memory()
    deeds([InstrumentRevised(instrument=BTC), PLACED, ACCEPTED], memory)
    assert set(memory.orders) == {ORDER}
    deeds([InstrumentRevised(instrument=BTC), PLACED, filled(3, 0)], memory)
    assert not memory.orders


def test_a_lost_answer_is_the_state_that_the_engine_gave_it() -> None:
    unknown = OrderUnknown(
        order=ORDER, revision=Revision(1), state=OrderState.UNKNOWN_NEW, reason="time-out"
    )
    last = deeds([InstrumentRevised(instrument=BTC), PLACED, unknown])[-1]
    assert last.after_state is not None
    assert last.after_state["state"] == "unknown_new"


def test_new_parameters_stand_beside_the_old_ones() -> None:
    def activated(parameters: bytes) -> ParametersActivated:
        return ParametersActivated(
            instrument_id="venue-usdm:BTCUSDT", parameters=parameters, user="ada"
        )

    first, second = deeds([activated(b'{"levels":5}'), activated(b'{"levels":7,"skew":0.25}')])
    assert first.before_state is None
    assert second.before_state == {"levels": 5}
    assert second.after_state == {"levels": 7, "skew": "0.25"}
    assert (second.entity_id, second.user_id) == ("parameters:venue-usdm:BTCUSDT", "ada")


def test_a_panic_stop_is_one_story_of_the_account() -> None:
    story = deeds(
        [
            InstrumentRevised(instrument=BTC),
            PanicStopTriggered(reason="daily loss"),
            PanicStopStepped(step=PanicStep.FLAT, open_orders=0, position=Lots(0)),
            PanicStopCleared(user="ada"),
        ]
    )
    assert {deed.entity_id for deed in story} == {"account:venue-usdm"}
    after = [deed.after_state and deed.after_state["panicStop"] for deed in story]
    assert after == ["latched", "flat", "clear"]
    assert story[-1].user_id == "ada"


def test_another_api_key_is_seen_by_its_fingerprint() -> None:
    one, two = (KeyUsed(fingerprint=print_, environment="testnet") for print_ in ("a1", "b2"))
    assert [deed.before_state for deed in deeds([one, two])] == [None, {"fingerprint": "a1"}]


def test_the_same_records_give_the_same_deeds_under_ids_of_their_own() -> None:
    story = [InstrumentRevised(instrument=BTC), PLACED, ACCEPTED, filled(3, 0)]
    assert deeds(story) == deeds(story)
    told = deeds(story)
    assert len({deed.event_id for deed in told}) == len(told)
    assert [deed.trace_id for deed in told] == [f"{SESSION}/{seq}/0" for seq in (2, 3, 4)]


def test_measurements_are_no_entries() -> None:
    assert deeds([TurnEnded(), InstrumentRevised(instrument=BTC)]) == []


def test_the_service_that_says_its_name_is_named() -> None:
    started = ServiceStarted(
        service="watchdog", version="1", git_revision="x", process=1, recovered_from=""
    )
    (deed,) = deeds([started])
    assert deed.service_name == "watchdog"


@pytest.mark.parametrize("event", [*ORDERS, *OTHERS], ids=lambda event: event.__name__)
def test_each_audited_record_gives_an_entry_that_canonical_json_takes(event: type[Event]) -> None:
    assert event in get_args(Body)
    example: Event = Examples().value(inspect.type_info(event))
    (deed,) = deeds([example])
    assert deed.event_type == event.__name__
    assert name_of(encode_body(example)).decode() == event.__name__  # type: ignore[arg-type]
    kind, _, about = deed.entity_id.partition(":")
    assert kind
    assert about
    for state in (deed.before_state, deed.after_state, deed.request_data):
        if state is not None:
            canonical.encode(state)
