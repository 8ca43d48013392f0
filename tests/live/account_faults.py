"""Faults of the account, the rules of its market, clocks and our own process."""

import signal
import time
from decimal import Decimal

from tests.app.sessions import tapedeck
from tests.live.ordeal import STEADY_S, SYMBOL, Ordeal
from tests.live.venue import until
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.facts_market import ClockOffsetMoved, FrameQuarantined
from trading_runtime.records.facts_trading import ForeignOrderSeen, OrderFilled, OrderRejected
from trading_runtime.records.facts_venue import (
    AccountStreamEnded,
    BalanceChanged,
    BalanceDrifted,
    PositionDrifted,
    QuotingHeld,
    ReconcileBegan,
    Reconciled,
    StartGateHeld,
    TradingStatusChanged,
)
from trading_runtime.records.inputs import ConnectionLost, InstrumentRevised, Stalled, TurnEnded
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND

LIMITS = {"market": "usdm", "symbol": SYMBOL}


def listen_key_expired(it: Ordeal) -> None:
    """Fault 26: quotes go with the turn, and what was missed is fetched."""
    it.inflict("refuse_connections", connection="user", seconds=it.rng.uniform(0.5, 1.5))
    it.inflict("listen_key_expired")
    ended = it.hears(AccountStreamEnded)
    held = it.hears(QuotingHeld, lambda fact: bool(fact.reason), begin=ended)
    assert len(it.heard(TurnEnded, ended, held)) <= 1, "not in the turn that told of it"
    it.no_order(held, it.compared(held))


def user_stream_lost(it: Ordeal) -> None:
    """Fault 26: a fill while nobody listens is booked on return."""
    it.inflict("refuse_connections", connection="user", seconds=1.5)
    it.inflict("disconnect", connection="user")
    trade = it.is_filled()
    lost = it.hears(ConnectionLost)
    held = it.hears(QuotingHeld, lambda fact: bool(fact.reason), begin=lost)
    it.no_order(held, it.compared(held))
    it.books(trade)


def malformed_user(it: Ordeal) -> None:
    """Fault 15: an event of the account that cannot be read stops quoting until all is compared."""
    it.inflict("malformed", stream="user*", how=it.rng.choice(("truncated", "garbage")), count=1)
    trade = it.is_filled()
    torn = it.hears(FrameQuarantined)
    began = it.hears(ReconcileBegan, begin=torn)
    it.no_order(began, it.hears(Reconciled, begin=began))
    it.books(trade)


def skewed_clock(it: Ordeal) -> None:
    """Fault 29: the offset is found; beyond its limit nothing is quoted."""
    skew_ms = it.rng.choice((1_200, -1_200, -6_000, 6_000))
    it.tell("clock", skew_ms=skew_ms)
    it.hears(
        ClockOffsetMoved, lambda fact: abs(fact.offset_ns) > abs(skew_ms) * NANOS_PER_MILLI * 0.9
    )
    it.hears(StartGateHeld, lambda fact: fact.check == "clock")
    until("quotes are pulled", STEADY_S, lambda: not it.open_own())
    it.tell("clock", skew_ms=0)


def slightly_skewed_clock(it: Ordeal) -> None:
    """Fault 29: within its limit an offset is allowed for, and quoting goes on."""
    skew_ms = it.rng.choice((-600, 600))
    it.tell("clock", skew_ms=skew_ms)
    found = it.hears(
        ClockOffsetMoved, lambda fact: abs(fact.offset_ns) > abs(skew_ms) * NANOS_PER_MILLI * 0.9
    )
    it.hears(PlaceOrder, begin=found)
    assert not it.heard(StartGateHeld)
    it.tell("clock", skew_ms=0)
    it.hears(
        ClockOffsetMoved, lambda fact: abs(fact.offset_ns) < 100 * NANOS_PER_MILLI, begin=found + 1
    )


def another_tick(it: Ordeal) -> None:
    """Fault 30: quotes move to the new grid, without a storm of refusals."""
    tick = it.rng.choice(("0.50", "1.00", "0.20"))
    it.tell("filters", **LIMITS, tick=tick)
    revised = it.hears(InstrumentRevised)
    it.hears(PlaceOrder, begin=revised)

    def conforms() -> bool:
        prices = [Decimal(str(row["price"])) for row in it.venue.open_orders()]
        return bool(prices) and all(price % Decimal(tick) == 0 for price in prices)

    until("all prices on the new grid", STEADY_S, conforms)
    settled = it.story.read()
    it.goes_on(30)
    # What only came too late for the market is none of the grid's.
    refused = [fact for fact in it.heard(OrderRejected, settled) if not fact.retry]
    assert not refused, refused
    it.tell("filters", **LIMITS, tick="0.10")
    it.hears(InstrumentRevised, begin=settled)


def cancel_only(it: Ordeal) -> None:
    """Fault 30: nothing is placed while nothing is taken."""
    status = it.rng.choice(("CANCEL_ONLY", "HALT"))
    it.tell("filters", **LIMITS, status=status)
    said = it.hears(TradingStatusChanged)
    it.goes_on(30)
    it.no_order(said + 1, it.story.read())
    if status == "CANCEL_ONLY":
        until("quotes are pulled", STEADY_S, lambda: not it.open_own())
    it.tell("filters", **LIMITS, status="TRADING")
    it.hears(PlaceOrder, begin=said)


def money_withdrawn(it: Ordeal) -> None:
    """Fault 32: said at once by the stream's own reason; a drift where positions allow to tell."""
    it.tell("balance", market="usdm", asset="USDT", change=f"-{it.rng.randint(100, 2_000)}")
    it.hears(BalanceChanged, lambda fact: fact.reason == "WITHDRAW")
    until(
        "a drift, or a position",
        STEADY_S,
        lambda: bool(it.heard(BalanceDrifted) or it.heard(OrderFilled, 0)),
    )


def foreign_order(it: Ordeal) -> None:
    """Fault 32: what a person rests there by hand is seen, and left alone."""
    prices: list[Decimal] = []

    def rests() -> bool:
        # Between a cancel and its next order nothing may rest for a moment.
        prices[:] = [Decimal(str(row["price"])) for row in it.venue.open_orders()]
        return bool(prices)

    until("orders at the venue", STEADY_S, rests)
    price = str((min(prices) * Decimal("0.97")).quantize(Decimal(1)))
    name = f"by-hand-{it.rng.randint(1, 10**6)}"
    it.tell("order", **LIMITS, side="BUY", quantity="0.005", price=price, client_id=name)
    it.hears(ForeignOrderSeen)
    it.inflict("disconnect", connection="ws_api")
    it.compared(it.begin)
    assert name in [row["client_id"] for row in it.venue.open_orders()]


def foreign_trade(it: Ordeal) -> None:
    """Fault 32: a position that somebody else made is taken over, and said."""
    side = it.rng.choice(("BUY", "SELL"))
    it.tell("order", **LIMITS, side=side, type="MARKET", quantity="0.003")
    it.hears(PositionDrifted)


def liquidation(it: Ordeal) -> None:
    """Fault 32: what the venue closes is closed here too."""

    def liquidates() -> None:
        while Decimal(it.venue.position()) == 0:
            it.is_filled()
        it.tell("liquidate", symbol=SYMBOL)

    # Between the two a fill on the other side may leave nothing to close.
    it.provokes(liquidates, PositionDrifted, try_s=STEADY_S / 4)


def stalled_process(it: Ordeal) -> None:
    """Fault 35: after a stop nothing that was decided before it is sent, and it is said."""
    it.trader.process.send_signal(signal.SIGSTOP)
    over = time.monotonic() + 1.5
    until("the venue goes on without it", STEADY_S, lambda: time.monotonic() > over)
    it.trader.process.send_signal(signal.SIGCONT)
    stalled = it.hears(Stalled)
    fact = it.at(stalled).body
    assert isinstance(fact, Stalled)
    assert fact.lag_ns >= NANOS_PER_SECOND


def second_instance(it: Ordeal) -> None:
    """The line below the table: one account and one folder have one runtime."""
    where = ("--settings", it.trader.settings, "--venue-url", it.venue.url)
    for data in (it.trader.data, it.trader.data.parent / "elsewhere"):
        second = tapedeck("run", "--data", data, *where, "--keys", it.venue.keys)
        assert second.returncode == 2, second.stdout + second.stderr
        assert "another" in second.stderr
    assert it.trader.process.poll() is None


ACCOUNT_FAULTS = (
    listen_key_expired,
    user_stream_lost,
    malformed_user,
    skewed_clock,
    slightly_skewed_clock,
    another_tick,
    cancel_only,
    money_withdrawn,
    foreign_order,
    foreign_trade,
    liquidation,
    stalled_process,
    second_instance,
)
