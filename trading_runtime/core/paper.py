"""A venue on paper: our orders against the recorded flow of a real one.

It is stepped by the core's own inputs and does no I/O. A command arrives ``entry_latency_ns``
after it was given; what came of it, and every fill, is reported ``answer_latency_ns`` after it
happened, in that order. Reports leave as frames of the paper connection (JSON of ``oms.reports``),
which the shell appends as inputs. Where our orders stand is kept by ``core.paper_queue``.

What this leaves out, so that its profits are not believed too much:
 * The flow reacts to nothing that we do: what our orders take stays displayed, and nobody follows,
   fades or undercuts them.
 * Who cancels stands before us as likely as behind us; hidden and iceberg orders do not exist.
 * The market is seen when its message came to us; a venue's own delay to us is not added.
 * No self-trade prevention, balance, margin, funding, rate limit, minimum size or price filter.
"""

from collections import deque
from enum import IntEnum
from typing import Annotated, NamedTuple, assert_never

import msgspec

from trading_runtime.core.paper_queue import NOT_KNOWN, Fill, PaperQueue, Resting
from trading_runtime.errors import Halt
from trading_runtime.market.events import DepthChanged, MarketEvent, TickerChanged
from trading_runtime.market.instrument import Market
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Amended,
    AmendRejected,
    Cancelled,
    CancelRejected,
    Expired,
    Filled,
    OrderReport,
    Rejected,
)
from trading_runtime.records.carried_paper import (
    PaperArrivalCarried,
    PaperCarried,
    PaperCommand,
    PaperMarketCarried,
    PaperReportCarried,
)
from trading_runtime.records.commands import (
    AmendOrder,
    CancelOrder,
    Execution,
    PaperFrame,
    PlaceOrder,
    QueryOrder,
    SetTimer,
)
from trading_runtime.records.envelope import Output
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import (
    MICROS_PER_UNIT,
    NANOS_PER_MILLI,
    ClientId,
    Connection,
    Lots,
    Money,
    Nanos,
    Revision,
    Side,
    Ticks,
)

TIMER = "paper"
NEVER = Nanos(2**63 - 1)
ENDED_MAX = 256
"""Orders whose end is kept for queries, which come within seconds of it."""

NotNegative = Annotated[Nanos, msgspec.Meta(ge=0)]
_encode = msgspec.json.Encoder().encode


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fees are parts per million of what is traded, in quote money; negative is a rebate."""

    entry_latency_ns: NotNegative = Nanos(5 * NANOS_PER_MILLI)
    """From the decision to the venue."""
    answer_latency_ns: NotNegative = Nanos(5 * NANOS_PER_MILLI)
    """From the venue back to us."""
    maker_fee_ppm: int = 200
    taker_fee_ppm: int = 500


class Code(IntEnum):
    """Why this venue refuses; the text in the report says the same."""

    WOULD_TAKE = 1
    NO_SUCH_ORDER = 2
    NOT_SMALLER = 3
    NOTHING_TO_REDUCE = 4
    NO_SUCH_INSTRUMENT = 5


class Made(NamedTuple):
    """One execution of an order, before it has a number and a fee."""

    order: ClientId
    side: Side
    price: Ticks
    size: Lots
    cumulative: Lots


class Pit:
    """One instrument: the real market, our orders in it and what we hold."""

    __slots__ = ("market", "position", "queue", "scales", "shown_at")

    def __init__(self, market: Market) -> None:
        self.market = market
        self.scales = market.scales
        self.queue = PaperQueue()
        self.position = 0
        self.shown_at = Nanos(0)
        """The venue's time of the last book that was seen."""


def recount(position: int, old: Scales, new: Scales) -> int:
    """Give ``position`` in the new lots, less what is no whole one."""
    units = abs(position) * old.lot.step_units * 10**new.lot.scale
    lots: int = units // (new.lot.step_units * 10**old.lot.scale)
    return lots if position >= 0 else -lots


class PaperVenue:
    """Reads the markets that it is told of and changes none of them."""

    def __init__(self, settings: PaperSettings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection
        self._pits: dict[Revision, Pit] = {}
        self._arrivals: deque[PaperArrivalCarried] = deque()
        self._reports: deque[PaperReportCarried] = deque()
        self._ended: dict[ClientId, bytes] = {}
        self._counter = 0
        self._timer_at = Nanos(0)
        self.due = Nanos(0)
        """Before this moment a call of :meth:`wake` would do nothing."""

    def revise(self, market: Market, at: Nanos) -> None:
        """Take up ``market``, or its new grid: what rested on the old one is ended by the venue."""
        pit = Pit(market)
        for revision, old in list(self._pits.items()):
            if old.market is not market:
                continue
            if revision == market.revision:
                return
            for resting in old.queue.orders.values():
                ended = Expired(resting.order, resting.filled, "instrument revised", at)
                self._end(resting.order, ended, at)
            pit.position = recount(old.position, old.scales, pit.scales)
            del self._pits[revision]
        self._pits[market.revision] = pit

    def command(self, command: PaperCommand, at: Nanos) -> None:
        """Send ``command`` on its way."""
        arrival = PaperArrivalCarried(
            at=Nanos(at + self._settings.entry_latency_ns), command=command
        )
        self._arrivals.append(arrival)
        self.due = Nanos(0)

    def on_event(self, event: MarketEvent, at: Nanos) -> None:
        """Take what the market accepted; to be called once it stands in the market's book."""
        if self._arrivals and self._arrivals[0].at <= at:
            self._arrive(at)
        # Most messages are tickers, and the queues follow the book.
        if isinstance(event, TickerChanged):
            return
        pit = self._pits.get(event.revision)
        if pit is None:
            return
        queue = pit.queue
        fills: list[Fill] = []
        if isinstance(event, DepthChanged):
            if pit.market.synced:
                pit.shown_at = event.venue_time
                fills = queue.on_book(pit.market.book)
        elif queue.orders and event.is_market:
            side = queue.bids if event.buyer_is_maker else queue.asks
            fills = side.on_trade(event, pit.shown_at)
        for resting, size, cumulative in fills:
            made = Made(resting.order, resting.side, resting.price, size, cumulative)
            report = self._filled(pit, made, at, maker=True)
            if cumulative < resting.size:
                self._report(report, at)
            else:
                queue.remove(resting)
                self._end(resting.order, report, at)

    def wake(self, at: Nanos, out: list[Output]) -> None:
        """Let arrive and append what is due; ask to be woken for the next if that has changed."""
        arrivals, reports = self._arrivals, self._reports
        if arrivals and arrivals[0].at <= at:
            self._arrive(at)
        while reports and reports[0].at <= at:
            frame = reports.popleft().frame
            out.append(PaperFrame(connection=self._connection, frame=frame))
        if not (arrivals or reports):
            self.due = NEVER
            return
        due = arrivals[0].at if arrivals else reports[0].at
        if reports and reports[0].at < due:
            due = reports[0].at
        self.due = due
        if due != self._timer_at:
            self._timer_at = due
            out.append(SetTimer(timer=TIMER, at=due))

    def carry(self) -> PaperCarried:
        return PaperCarried(
            counter=self._counter,
            timer_at=self._timer_at,
            arrivals=tuple(self._arrivals),
            reports=tuple(self._reports),
            markets=tuple(
                PaperMarketCarried(
                    revision=revision,
                    shown_at=pit.shown_at,
                    position=Lots(pit.position),
                    levels=pit.queue.carry(),
                )
                for revision, pit in self._pits.items()
            ),
            ended=tuple(self._ended.items()),
        )

    def restore(self, carried: PaperCarried) -> None:
        """Go on from ``carried``; each of its markets must have been taken up before.

        Raises:
            Halt: one was not, so its orders would be lost.
        """
        self._counter = carried.counter
        self._timer_at = carried.timer_at
        self._arrivals = deque(carried.arrivals)
        self._reports = deque(carried.reports)
        self._ended = dict(carried.ended)
        for market in carried.markets:
            pit = self._pits.get(market.revision)
            if pit is None:
                raise Halt(f"paper orders are carried for the unknown revision {market.revision}")
            pit.position, pit.shown_at = market.position, market.shown_at
            pit.queue = PaperQueue()
            pit.queue.restore(market.levels)

    def _arrive(self, at: Nanos) -> None:
        """Let each command that is due by ``at`` happen at the moment of its arrival."""
        arrivals = self._arrivals
        while arrivals and arrivals[0].at <= at:
            arrival = arrivals.popleft()
            command = arrival.command
            match command:
                case PlaceOrder():
                    self._place(command, arrival.at)
                case AmendOrder():
                    self._amend(command, arrival.at)
                case CancelOrder():
                    self._cancel(command, arrival.at)
                case QueryOrder():
                    self._answer(command, arrival.at)
                case _:
                    assert_never(command)

    def _place(self, command: PlaceOrder, at: Nanos) -> None:
        pit = self._pits.get(command.revision)
        if pit is None:
            self._reject(command.order, Code.NO_SUCH_INSTRUMENT, "no such instrument", at)
            return
        reducible = max(0, -command.side.sign * pit.position)
        if command.reduce_only and not reducible:
            self._reject(command.order, Code.NOTHING_TO_REDUCE, "nothing to reduce", at)
        elif command.execution is Execution.IMMEDIATE:
            self._accept(command.order, at)
            self._take(pit, command, reducible if command.reduce_only else command.size, at)
        else:
            self._rest(pit, command, at)

    def _rest(self, pit: Pit, command: PlaceOrder, at: Nanos) -> None:
        market, side = pit.market, command.side
        opposite = market.book.best_ask() if side is Side.BUY else market.book.best_bid()
        if opposite and side.sign * (opposite - command.price) <= 0:
            self._reject(command.order, Code.WOULD_TAKE, "post-only order would take", at)
            return
        venue_order = self._accept(command.order, at)
        resting = Resting(command.order, venue_order, side, command.price, command.size)
        resting.joined = pit.shown_at
        displayed = market.book.size_at(side, command.price) if market.synced else NOT_KNOWN
        pit.queue.add(resting, displayed)

    def _take(self, pit: Pit, command: PlaceOrder, most: int, at: Nanos) -> None:
        """Take from the displayed book up to the order's price; the rest expires."""
        sign = command.side.sign
        done, most = 0, min(most, command.size)
        for price, shown in pit.market.book.levels(command.side.opposite):
            size = min(shown, most - done)
            if size <= 0 or sign * (price - command.price) > 0:
                break
            done += size
            made = Made(command.order, command.side, price, Lots(size), Lots(done))
            report = self._filled(pit, made, at, maker=False)
            if done < command.size:
                self._report(report, at)
            else:
                self._end(command.order, report, at)
        if done < command.size:
            expired = Expired(command.order, Lots(done), "nothing left to take", at)
            self._end(command.order, expired, at)

    def _amend(self, command: AmendOrder, at: Nanos) -> None:
        pit, resting = self._find(command)
        if pit is None or resting is None:
            refused = AmendRejected(command.order, Code.NO_SUCH_ORDER, "no such order", at)
            self._report(refused, at)
        elif command.size >= resting.size:
            reason = f"{command.size} lots are not below {resting.size}"
            self._report(AmendRejected(command.order, Code.NOT_SMALLER, reason, at), at)
        elif command.size <= resting.filled:
            # Nothing would be left of it: venues end it.
            pit.queue.remove(resting)
            self._end(command.order, Cancelled(command.order, resting.filled, at), at)
        else:
            resting.size = command.size
            self._report(Amended(command.order, command.size, at), at)

    def _cancel(self, command: CancelOrder, at: Nanos) -> None:
        pit, resting = self._find(command)
        if pit is None or resting is None:
            refused = CancelRejected(command.order, Code.NO_SUCH_ORDER, "no such order", at)
            self._report(refused, at)
        else:
            pit.queue.remove(resting)
            self._end(command.order, Cancelled(command.order, resting.filled, at), at)

    def _answer(self, command: QueryOrder, at: Nanos) -> None:
        """Tell a resting order's acceptance again, or the last that was told of an ended one."""
        _, resting = self._find(command)
        if resting is not None:
            self._report(Accepted(command.order, resting.venue_order, at), at)
        elif command.order in self._ended:
            self._send(self._ended[command.order], at)
        else:
            self._report(Absent(command.order, at), at)

    def _find(
        self, command: AmendOrder | CancelOrder | QueryOrder
    ) -> tuple[Pit, Resting] | tuple[None, None]:
        pit = self._pits.get(command.revision)
        if pit is None or command.order not in pit.queue.orders:
            return None, None
        return pit, pit.queue.orders[command.order]

    def _filled(self, pit: Pit, made: Made, at: Nanos, *, maker: bool) -> Filled:
        """Book the fill and its fee, which is rounded up to the money unit, against us."""
        order, side, price, size, cumulative = made
        pit.position += side.sign * size
        scales = pit.scales
        ppm = self._settings.maker_fee_ppm if maker else self._settings.taker_fee_ppm
        fee = Money(-(-scales.notional(price, size) * ppm // MICROS_PER_UNIT))
        asset = scales.instrument.quote_asset
        trade = f"P{self._count()}"
        return Filled(order, trade, price, size, cumulative, fee, asset, maker, at)

    def _accept(self, order: ClientId, at: Nanos) -> str:
        venue_order = f"V{self._count()}"
        self._report(Accepted(order, venue_order, at), at)
        return venue_order

    def _reject(self, order: ClientId, code: Code, reason: str, at: Nanos) -> None:
        retry = code is Code.WOULD_TAKE
        self._end(order, Rejected(order, code, reason, retry, at), at)

    def _count(self) -> int:
        self._counter += 1
        return self._counter

    def _end(self, order: ClientId, report: OrderReport, at: Nanos) -> None:
        """Report the last that happens to ``order``, and keep it for queries."""
        ended = self._ended
        ended[order] = _encode(report)
        if len(ended) > ENDED_MAX:
            del ended[next(iter(ended))]
        self._send(ended[order], at)

    def _report(self, report: OrderReport, at: Nanos) -> None:
        self._send(_encode(report), at)

    def _send(self, frame: bytes, at: Nanos) -> None:
        due = Nanos(at + self._settings.answer_latency_ns)
        self._reports.append(PaperReportCarried(at=due, frame=frame))
        self.due = Nanos(0)
