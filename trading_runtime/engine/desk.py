"""One instrument's trading: at a turn's end it decides whether to quote, where, and sends it.

Rules:
 * Nothing is quoted while anything holds the desk: a latch, a pause, a book that is not true, cold
   signals. What rests is cancelled then, with that reason.
 * The strategy is asked for the desired state alone. What it raises pauses the desk, never more.
 * Facts are said when something changed, not at each turn.
"""

import msgspec

from trading_runtime.engine.exits import Close, CloseCarried, Hedge
from trading_runtime.engine.floor import Floor
from trading_runtime.engine.lane import Lane, LaneCarried
from trading_runtime.engine.quoter import Quoter, QuoterCarried
from trading_runtime.engine.settings import InstrumentSettings
from trading_runtime.engine.terms import Terms, TermsCarried, finer_by, same_grid
from trading_runtime.errors import Refused
from trading_runtime.market.instrument import Market
from trading_runtime.oms.order import Order
from trading_runtime.oms.reports import (
    Accepted,
    AmendRejected,
    Cancelled,
    Filled,
    OrderReport,
    Rejected,
)
from trading_runtime.records.carried_trading import TradingCarried
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    FundingPaid,
    InventoryChanged,
    ParametersRefused,
    PnlMarked,
    StrategyPaused,
    StrategyResumed,
)
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.lifecycle import Aim, OrderState
from trading_runtime.records.units import MICROS_PER_UNIT, Lots, Micro, Money, Nanos
from trading_runtime.risk.limits import order_limits
from trading_runtime.risk.monitors import WindowCarried, instrument_watch
from trading_runtime.strategy.interface import Strategy

HALF_TICK_MICRO = MICROS_PER_UNIT // 2


class DeskCarried(msgspec.Struct, frozen=True, array_like=True):
    """What the desk itself remembers; ``instrument`` is the revision that its ledger counts in."""

    instrument: Instrument
    lane: LaneCarried
    quoter: QuoterCarried
    broken: tuple[bool, ...]
    held_back: WindowCarried
    rejects: int
    rejected_at: Nanos
    depth_lag_ns: Nanos
    said_pause: str
    marked_at: Nanos
    mark_due: bool
    double_mid: int
    hedge_at: Nanos
    close: CloseCarried
    terms: TermsCarried
    changed: bool
    """The order table has changed since it was last compared with what is wanted."""


class Desk:
    """Owned by the engine; reads its market and changes nothing of it."""

    __slots__ = (
        "_close",
        "_double_mid",
        "_floor",
        "_hedge",
        "_held_back",
        "_mark_due",
        "_marked_at",
        "_rejected_at",
        "_said_pause",
        "_settings",
        "_volatility",
        "depth_lag_ns",
        "instrument_id",
        "lane",
        "ledger",
        "market",
        "paused",
        "quoter",
        "rejects",
        "table",
        "terms",
        "watch",
    )

    def __init__(
        self,
        floor: Floor,
        settings: InstrumentSettings,
        market: Market,
        strategy: Strategy,
        parameters: bytes,
    ) -> None:
        self._floor = floor
        self._settings = settings
        self.market = market
        self.instrument_id = market.instrument.instrument_id
        self.ledger = floor.account.open_ledger(market.scales)
        limits = order_limits(settings.limits, floor.settings.limits, market.scales)
        self.lane = Lane(floor, market, self.ledger, limits)
        self.table = self.lane.table
        self.terms = Terms(market)
        interval = floor.settings.requote_interval_ns
        self.quoter = Quoter(market, self.lane, strategy, parameters, interval)
        hedge = settings.hedge
        self._hedge = None if hedge is None else Hedge(hedge, market, self.lane)
        self._close = Close(
            market, self.lane, settings.limits.slippage_max, floor.settings.close_interval_ns
        )
        self.watch = instrument_watch(self.instrument_id, settings.limits)
        self._held_back = floor.window()
        self.rejects = 0
        """In a row, since the last order that was taken."""
        self._rejected_at = Nanos(0)
        self.depth_lag_ns = Nanos(0)
        """Engine time minus the venue's time of the last delta, the clock offset taken off."""
        self.paused = ""
        """Why it stays paused until an operator resumes it; empty when it does not."""
        self._said_pause = ""
        self._marked_at = Nanos(0)
        self._mark_due = False
        self._double_mid = 0
        self._volatility = Micro(0)
        """As judged in this turn."""

    def mark(self) -> bool:
        """Value the position at the mid; give whether that moved anything."""
        market = self.market
        bid, ask = market.book.bids.best, market.book.asks.best
        if bid + ask == self._double_mid or not market.synced:
            return False
        if not bid or not ask or market.revision != self.lane.revision:
            return False
        self._double_mid = bid + ask
        self.ledger.mark(self._double_mid * HALF_TICK_MICRO)
        return True

    def judge(self, at: Nanos, out: list[Output]) -> None:
        """Hold this instrument's continuous limits (RSK-2)."""
        sent, held_back = self.lane.sent, self._held_back
        sent.roll(at)
        held_back.roll(at)
        if self.rejects and at - self._rejected_at > self._floor.settings.limits.window_ns:
            self.rejects = 0
        self._volatility = volatility = self.market.signals.volatility
        terms, double_mid = self.terms, self._double_mid if self.market.synced else 0
        position = abs(self.ledger.position)
        values = (
            sent.rate,
            held_back.count,
            self.rejects,
            volatility,
            self.depth_lag_ns,
            terms.distance(double_mid, at) if terms.reference else 0,
            position * MICROS_PER_UNIT // self.lane.limits.inventory_max if position else 0,
        )
        self.watch.judge(values, out)

    def turn(self, at: Nanos, out: list[Output]) -> None:
        """Quote, hedge or withdraw."""
        self.say_pause(out)
        reason = self._said_pause or self._why_not()
        if reason:
            self.withdraw(reason, at, out)
            return
        hedge = self._hedge
        if hedge is not None and hedge.due(at):
            self.withdraw("hedging", at, out, hedges=False)
            hedge.act(at, out)
            return
        quoter, lane = self.quoter, self.lane
        before = quoter.wanted
        if quoter.due(at) and not quoter.ask(self._volatility, at, out):
            self.paused = "strategy raised"
            self.say_pause(out)
            self.withdraw(self.paused, at, out)
            return
        fresh = quoter.wanted is not before
        lane.shut = lane.shut or at < self.terms.patient_until
        if fresh or lane.waits or self.table.changed or lane.freed():
            held_back = lane.settle(quoter.wanted, quoter.reason, at, out)
            if fresh and held_back:
                self._held_back.note(held_back, 0)

    def withdraw(
        self, reason: str, at: Nanos, out: list[Output], *, hedges: bool = True, panic: bool = False
    ) -> None:
        """Want no quotes, and cancel what rests."""
        self.quoter.empty(reason, at, out)
        if self.table.live:
            self.lane.withdraw(reason, at, out, hedges=hedges, panic=panic)

    def close(self, at: Nanos, out: list[Output]) -> None:
        """Bring the position to nothing, for a PanicStop."""
        self._close.act(at, out)

    def close_venues(self, position: Lots, at: Nanos, out: list[Output]) -> None:
        """Bring the position that the venue tells of to nothing, for a PanicStop."""
        self._close.act_on(position, self.terms.reference_price(at), at, out)

    def too_small(self, position: Lots, *, exempt: bool) -> bool:
        """Whether the venue takes no order as small as ``position`` (``Close.dust``)."""
        return self._close.dust(position, exempt=exempt)

    @property
    def held(self) -> str:
        """Why nothing is quoted now; empty when it may be."""
        return self._said_pause or self._why_not()

    def say_pause(self, out: list[Output]) -> None:
        """Say that the strategy paused, or runs again, where that is news."""
        floor = self._floor
        pause = floor.hold or self.paused or floor.watch.paused or self.watch.paused
        if pause == self._said_pause:
            return
        if pause:
            out.append(StrategyPaused(instrument_id=self.instrument_id, reason=pause))
        else:
            out.append(
                StrategyResumed(
                    instrument_id=self.instrument_id, reason=f"over: {self._said_pause}"
                )
            )
        self._said_pause = pause

    def resume(self, out: list[Output]) -> None:
        """Lift a pause that stays until someone lifts it."""
        self.paused = ""
        self.rejects = 0
        self.say_pause(out)

    def say_profit(self, at: Nanos, out: list[Output]) -> None:
        """Write profit down after a fill, and every so often."""
        interval = self._floor.settings.mark_interval_ns
        ledger = self.ledger
        if not self._mark_due and (at - self._marked_at < interval or not ledger.mark_micro):
            return
        self._mark_due = False
        self._marked_at = at
        out.append(
            PnlMarked(
                revision=self.lane.revision,
                realized=ledger.day_realized,
                fees=ledger.day_fees,
                funding=ledger.day_funding,
                unrealized=ledger.unrealized,
                equity=self._floor.account.equity_of(self.lane.scales),
                position=ledger.position,
                mark_micro=ledger.mark_micro,
            )
        )

    def on_report(self, order: Order, report: OrderReport, at: Nanos, out: list[Output]) -> None:
        """Merge a report of an order of this desk, and what follows from it."""
        # A second acknowledgement of what the venue has ended since is only late.
        dead = order.ended and not order.venue_order
        fill = self.table.on_report(order, report, at, out)
        answers = self._floor.answers
        match report:
            case Rejected():
                self.rejects += 1
                self._rejected_at = at
                # One that may be tried again came too late for the market: nobody's error.
                answers.note(0 if report.retry else 1, 1)
                wait = self.terms.on_late if report.retry else self.terms.on_refused
                self._floor.wake(wait(at, self.rejects), out)
            case AmendRejected():
                answers.note(1, 1)
            case Accepted():
                self.rejects = 0
                answers.note(0, 1)
                # Proved absent, and yet it was taken: it must not rest uncounted.
                if dead and order.state in (OrderState.REJECTED, OrderState.CANCELLED):
                    self.lane.cancel_stray(order.order, order.revision, out)
            case Cancelled():
                answers.note(0, 1)
            case Filled() if fill is not None:
                self._book(order, fill, out)

    def on_funding(self, amount: Money, out: list[Output]) -> None:
        self.ledger.fund(amount)
        self._floor.account.value()
        self._mark_due = True
        out.append(FundingPaid(revision=self.lane.revision, amount=amount))

    def on_parameters(self, parameters: bytes, out: list[Output]) -> None:
        """Take new parameters for the next turn, or say why not."""
        refusal = self.quoter.activate(parameters)
        if refusal:
            out.append(ParametersRefused(instrument_id=self.instrument_id, reason=refusal))

    def revise(self) -> None:
        """Count on the market's present grid, once no order of the old one is left.

        A venue's reports count on a finer grid at once, and so do our orders then.

        Raises:
            Halt: position or money is no whole number on the new grid.
        """
        scales, old = self.market.scales, self.lane.scales
        revision = scales.instrument.revision
        finer = finer_by(old, scales)
        if same_grid(old.instrument, scales.instrument):
            self.table.relabel(revision)
        elif self._floor.settings.on_venue and finer is not None and finer != (1, 1):
            self.table.recount(revision, *finer)
            self.quoter.recount()
        elif self.table.live:
            return
        elif finer == (1, 1):
            self.table.relabel(revision)
        else:
            self.table.forget_ended()
        self._floor.account.revise(self.ledger, scales)
        self._double_mid = 0
        self._recount(scales)

    def carry(self) -> TradingCarried:
        state = DeskCarried(
            instrument=self.lane.scales.instrument,
            lane=self.lane.carry(),
            quoter=self.quoter.carry(),
            broken=self.watch.carry(),
            held_back=self._held_back.carry(),
            rejects=self.rejects,
            rejected_at=self._rejected_at,
            depth_lag_ns=self.depth_lag_ns,
            said_pause=self._said_pause,
            marked_at=self._marked_at,
            mark_due=self._mark_due,
            double_mid=self._double_mid,
            hedge_at=self._hedge.next_at if self._hedge else Nanos(0),
            close=self._close.carry(),
            terms=self.terms.carry(),
            changed=self.table.changed,
        )
        return TradingCarried(
            instrument_id=self.instrument_id,
            orders=self.table.carry(),
            ledger=self.ledger.carry(),
            parameters=self.quoter.parameters_json,
            strategy=msgspec.msgpack.encode(self.quoter.memory),
            paused=self.paused,
            quoting=msgspec.Raw(msgspec.msgpack.encode(state)),
        )

    def restore(self, carried: TradingCarried) -> None:
        """Take over what was carried.

        Raises:
            Refused: the parameters or the memory are not this strategy's.
        """
        state = msgspec.msgpack.decode(carried.quoting, type=DeskCarried)
        if state.instrument != self.lane.scales.instrument:
            scales = Scales(state.instrument)
            self._floor.account.revise(self.ledger, scales)
            self._recount(scales)
        self.table.restore(carried.orders)
        self.ledger.restore(carried.ledger)
        refusal = self.quoter.activate(carried.parameters)
        if refusal:
            raise Refused(f"{self.instrument_id}: the carried parameters: {refusal}")
        self.quoter.restore(state.quoter, carried.strategy)
        self.lane.restore(state.lane)
        self.watch.restore(state.broken)
        self._held_back.restore(state.held_back)
        self.rejects = state.rejects
        self._rejected_at = state.rejected_at
        self.depth_lag_ns = state.depth_lag_ns
        self.paused = carried.paused
        self._said_pause = state.said_pause
        self._marked_at = state.marked_at
        self._mark_due = state.mark_due
        self._double_mid = state.double_mid
        self.table.changed = state.changed
        self._close.restore(state.close)
        self.terms.restore(state.terms)
        if self._hedge is not None:
            self._hedge.next_at = state.hedge_at
            self._hedge.under_way = self.lane.busy_with(Aim.HEDGE)

    def _recount(self, scales: Scales) -> None:
        """Count limits and commands on the grid of ``scales``, as the ledger does now."""
        limits = order_limits(self._settings.limits, self._floor.settings.limits, scales)
        self.lane.count_on(scales, limits)
        if self._hedge is not None:
            self._hedge.count()

    def _why_not(self) -> str:
        """Say why the market is not to be quoted on; empty when it is."""
        market = self.market
        if market.revision != self.lane.revision:
            return "instrument revised"
        hold = self._floor.venue_hold or self.terms.why_not()
        if hold:
            return hold
        if not market.synced:
            return f"book not in sync: {market.reason.value}"
        if not market.book.best_bid() or not market.book.best_ask():
            return "one side of the book is empty"
        return "" if market.signals.warm else "signals are cold"

    def _book(self, order: Order, fill: Filled, out: list[Output]) -> None:
        self.ledger.book(order.side, fill.price, fill.size, fill.fee, fill.fee_asset)
        account = self._floor.account
        one = account.money_per_tick_lot(self.lane.scales)
        self._floor.traded = Money(self._floor.traded + fill.price * fill.size * one)
        account.value()
        self._mark_due = True
        out.append(
            InventoryChanged(
                revision=self.lane.revision,
                position=self.ledger.position,
                pending_buy=self.table.pending_buy,
                pending_sell=self.table.pending_sell,
            )
        )
