"""What has to be true before the first quote on a venue; and what is asked until it is told."""

import msgspec
import pytest

from tests.engine.world import INSTRUMENT, PegParameters, of, settings
from tests.risk.venue import VenueWorld, on_venue
from trading_runtime.account.reports import (
    Barred,
    BarredTold,
    FeesTold,
    InstrumentTold,
    PermissionsTold,
    TermsTold,
    Trading,
)
from trading_runtime.oms.reports import Rejected
from trading_runtime.records.commands import (
    AskVenue,
    CancelOrder,
    PlaceOrder,
    Question,
    ReviseInstrument,
)
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import (
    ReferenceMarked,
    StartGateHeld,
    StartGatePassed,
    TradingStatusChanged,
)
from trading_runtime.records.units import NANOS_PER_SECOND, Micro, Nanos, Revision, Side, Ticks


def asked(out: list[Output], question: Question) -> list[AskVenue]:
    return [each for each in of(out, AskVenue) if each.question is question]


def held(out: list[Output]) -> list[tuple[str, str]]:
    """Give (check, found) of what held quoting, what was merely not told yet left out."""
    return [(each.check, each.found) for each in of(out, StartGateHeld) if each.check != "answers"]


def test_all_is_asked_and_then_quoted() -> None:
    world = VenueWorld()
    world.book(1000, 1002)
    out = world.open_line()
    assert len(of(out, StartGatePassed)) == 1
    assert [each.check for each in of(out, StartGateHeld)] == ["answers"]
    assert len(world.quotes()) == 2
    assert {each.question for each in of(out, AskVenue)} == set(Question)


def test_nothing_is_quoted_before_everything_is_told() -> None:
    silent = set(Question) - {Question.REFERENCE, Question.CLOCK}
    for question in sorted(silent, key=lambda each: each.value):
        world = VenueWorld()
        world.mute = lambda each, muted=question: (
            isinstance(each, AskVenue) and each.question is muted
        )
        world.book(1000, 1002)
        world.open_line()
        assert world.quotes() == [], question


def test_a_market_without_a_reference_price_is_not_waited_for() -> None:
    world = VenueWorld()
    world.mute = lambda each: isinstance(each, AskVenue) and each.question is Question.REFERENCE
    world.book(1000, 1002)
    world.open_line()
    assert len(world.quotes()) == 2


def test_an_installation_that_cannot_tell_permissions_is_not_asked() -> None:
    world = VenueWorld(on_venue(permissions_told=False))
    world.book(1000, 1002)
    out = world.open_line()
    assert asked(out, Question.PERMISSIONS) == []
    assert len(world.quotes()) == 2


@pytest.mark.parametrize(
    ("name", "told", "check"),
    [
        ("permissions", PermissionsTold(INSTRUMENT.venue, True, True), "permissions"),
        ("permissions", PermissionsTold(INSTRUMENT.venue, False, False), "permissions"),
        ("terms", TermsTold(INSTRUMENT.instrument_id, False, 5), "position mode"),
        ("terms", TermsTold(INSTRUMENT.instrument_id, True, 21), "leverage"),
        ("trading", Trading.CANCEL_ONLY, "status"),
        ("offset_ns", Nanos(-1_000_000_001), "clock"),
    ],
)
def test_what_is_not_as_it_has_to_be_holds_all_quotes(name: str, told: object, check: str) -> None:
    world = VenueWorld()
    setattr(world, name, told)
    world.book(1000, 1002)
    out = world.open_line()
    assert [each for each, _ in held(out)] == [check]
    assert world.quotes() == []
    assert of(out, StartGatePassed) == []


class Promising(PegParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    spread_min_ppm: int = 0


@pytest.mark.parametrize(("promised", "quotes"), [(399, 0), (400, 2), (0, 2)])
def test_a_promised_spread_has_to_pay_both_sides_fees(promised: int, quotes: int) -> None:
    world = VenueWorld(parameters=b'{"spread_min_ppm": %d}' % promised, grown=Promising)
    world.book(1000, 1002)
    world.open_line()
    assert len(world.quotes()) == quotes


def test_a_question_that_is_lost_is_asked_again_ever_later_and_named() -> None:
    world = VenueWorld()
    world.mute = lambda each: isinstance(each, AskVenue) and each.question is Question.FEES
    world.book(1000, 1002)
    out = world.open_line()
    waits: list[int] = []
    last = world.at
    for _ in range(4):
        request = asked(out, Question.FEES)[-1].request
        world.fails(request)
        out = []
        while not asked(out, Question.FEES):
            out = world.settle(world.timer(NANOS_PER_SECOND) + world.turn())
        waits.append(round((world.at - last) / NANOS_PER_SECOND))
        last = world.at
    assert waits == [2, 4, 8, 16]
    world.tell(TermsTold(INSTRUMENT.instrument_id, True, 5))
    world.mute = lambda _: False
    world.settle(out)
    assert len(world.quotes()) == 2


def test_a_venue_that_wants_quiet_is_not_asked() -> None:
    world = VenueWorld()
    world.mute = lambda each: isinstance(each, AskVenue) and each.question is Question.FEES
    world.book(1000, 1002)
    request = asked(world.open_line(), Question.FEES)[-1].request
    wait = Nanos(60 * NANOS_PER_SECOND)
    world.tell(BarredTold(request, INSTRUMENT.venue, Barred.TOO_MANY, wait))
    out = world.timer(59 * NANOS_PER_SECOND) + world.turn()
    assert of(out, AskVenue) == []
    out = world.timer(2 * NANOS_PER_SECOND) + world.turn()
    assert len(asked(out, Question.FEES)) == 1


def quoting(world: VenueWorld) -> VenueWorld:
    world.book(1000, 1002)
    world.open_line()
    assert len(world.quotes()) == 2
    return world


def test_a_market_that_only_cancels_is_withdrawn_from_and_quoted_again_when_it_opens() -> None:
    world = quoting(VenueWorld())
    out = world.tell(InstrumentTold(INSTRUMENT, Trading.CANCEL_ONLY))
    assert [each.status for each in of(out, TradingStatusChanged)] == ["cancel_only"]
    out = world.settle(world.turn())
    assert {each.reason for each in of(out, CancelOrder)} == {"instrument is cancel_only"}
    assert world.quotes() == []
    world.tell(InstrumentTold(INSTRUMENT, Trading.OPEN))
    world.settle(world.turn())
    assert len(world.quotes()) == 2


def test_a_refused_order_lets_the_filters_be_asked_once() -> None:
    world = VenueWorld()
    world.book(1000, 1002)
    world.mute = lambda each: isinstance(each, PlaceOrder)
    out = world.open_line()
    first = of(out, PlaceOrder)[0]
    world.at = Nanos(world.at + 20 * NANOS_PER_SECOND)
    world.tell(Rejected(first.order, -2010, "would take", True, world.at))
    assert asked(world.turn(), Question.INSTRUMENT) == []
    second = of(out, PlaceOrder)[1]
    out = world.tell(Rejected(second.order, -1013, "PRICE_FILTER", False, world.at))
    out = world.settle(out + world.turn())
    assert len(asked(out, Question.INSTRUMENT)) == 1
    assert asked(world.turn(after_ns=20 * NANOS_PER_SECOND), Question.INSTRUMENT) == []


def test_another_filter_is_another_revision_asked_for_once() -> None:
    world = quoting(VenueWorld())
    finer = msgspec.structs.replace(INSTRUMENT, price_step=5, notional_min="10")
    out = world.tell(InstrumentTold(finer, Trading.OPEN))
    revised = of(out, ReviseInstrument)[0].instrument
    assert revised == msgspec.structs.replace(finer, revision=Revision(2))
    assert of(world.tell(InstrumentTold(finer, Trading.OPEN)), ReviseInstrument) == []
    world.restart()
    assert of(world.tell(InstrumentTold(finer, Trading.OPEN)), ReviseInstrument) == []
    out = world.tell(InstrumentTold(INSTRUMENT, Trading.OPEN))
    assert of(out, ReviseInstrument)[0].instrument.revision == 3


def test_quotes_follow_a_coarser_grid_of_orders() -> None:
    coarse = msgspec.structs.replace(INSTRUMENT, price_step=5, size_step=4, notional_min="0.7")
    world = VenueWorld(parameters=b'{"levels": 3, "size": 9}', instrument=coarse)
    world.told = coarse
    world.book(1001, 1004)
    world.open_line()
    # 1001, 1000 and 999 are 1000 and 995 on that grid; sizes at one price add up before rounding.
    assert world.quotes() == [
        (Side.BUY, 1000, 16),
        (Side.BUY, 995, 8),
        (Side.SELL, 1005, 16),
        (Side.SELL, 1010, 8),
    ]


def test_a_quote_below_the_least_notional_is_left_out() -> None:
    strict = msgspec.structs.replace(INSTRUMENT, notional_min="1.0005")
    world = VenueWorld(instrument=strict)
    world.told = strict
    world.book(1000, 1002)
    world.open_line()
    assert world.quotes() == [(Side.SELL, 1002, 10)]


def test_a_reference_price_too_far_away_pauses_until_it_is_near() -> None:
    far = {"trigger": 10_000, "clear": 5_000, "response": "pause"}
    world = VenueWorld(on_venue(limits={"reference": msgspec.convert(far, limit_kind())}))
    world.reference = (Ticks(1012), Ticks(0))
    world.book(1000, 1002)
    out = world.open_line()
    assert [each.mark for each in of(out, ReferenceMarked)] == [1012]
    assert world.quotes() == []
    world.reference = (Ticks(0), Ticks(1003))
    world.settle(world.timer(10 * NANOS_PER_SECOND) + world.turn())
    assert len(world.quotes()) == 2


def limit_kind() -> type[msgspec.Struct]:
    return type(settings().instruments[INSTRUMENT.instrument_id].limits.depth_lag_ns)


def test_a_new_session_asks_anew() -> None:
    world = quoting(VenueWorld())
    world.restart()
    world.engine.open_session("nonce002", world.at, [])
    world.fees = FeesTold(INSTRUMENT.instrument_id, Micro(300), Micro(500))
    out = world.open_line()
    assert len(asked(out, Question.FEES)) == 1
    assert len(of(out, StartGatePassed)) == 1
    assert len(world.quotes()) == 2
