"""Compares our record with the venue's, and mends ours: orders, then trades, then the account.

Rules:
 * The venue is right about what it shows; but what it does not show is gone only when a question
   about that very order says so.
 * An open order with our prefix and without a record is adopted, and cancelled. A trade of ours
   that nobody booked is booked, once. Orders of other prefixes are never touched.
 * A position or balance is taken over from the venue when it differs twice by the same amount with
   all trades asked for in between: then nothing is on its way any more.
 * A full one holds quoting until it is through; a light one goes on beside it.
"""

import msgspec

from trading_runtime.account.reports import AccountTold
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.errands import Errand, Errands, Kind, pause
from trading_runtime.engine.floor import Floor
from trading_runtime.engine.tally import Drifts, Tally
from trading_runtime.oms import facts
from trading_runtime.oms.order import UNKNOWN, Order
from trading_runtime.oms.reports import OpenOrders, OwnTrades, Stands
from trading_runtime.records.commands import CancelOrder, QueryTrades, QueryVenueOrder, Question
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import ReconcileBegan, Reconciled
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos, Revision

MISSES_MAX = 6
"""Whole answers that left fills missing, until they are given up: eight seconds and more."""
ROUNDS_MAX = 5
"""A light one that finds the account moving each time leaves it to the next."""
TRIES_MAX = 5
"""Of asking for an order by the venue's id, until its trades are taken for somebody else's."""
LATE = NANOS_PER_SECOND
"""A trade this old that nobody told was missed; a younger one is on its way."""


class ReconcileCarried(msgspec.Struct, frozen=True, array_like=True):
    reason: str = ""
    light: bool = False
    again: str = ""
    began_at: Nanos = Nanos(0)
    comparing: bool = False
    rounds: int = 0
    suspected: Drifts = Drifts()
    counts: tuple[int, int, int] = (0, 0, 0)
    errands: tuple[Errand, ...] = ()


class Reconcile:
    """``reason`` is why one is under way, and empty while none is."""

    __slots__ = (
        "_adopted",
        "_again",
        "_began_at",
        "_booked",
        "_comparing",
        "_desks",
        "_drifted",
        "_errands",
        "_floor",
        "_rounds",
        "_suspected",
        "_tally",
        "light",
        "reason",
    )

    def __init__(self, floor: Floor, desks: list[Desk], tally: Tally) -> None:
        self._floor = floor
        self._desks = desks
        self._tally = tally
        self._errands = Errands(floor.settings.oms.request_timeout_ns)
        self.reason = ""
        self.light = False
        """The present one leaves the quotes where they are."""
        self._again = ""
        """Why another light one has to follow."""
        self._began_at = Nanos(0)
        self._comparing = False
        """Orders and trades agree; the account is asked for."""
        self._rounds = 0
        self._suspected = Drifts()
        self._adopted = self._booked = self._drifted = 0

    def begin(self, reason: str, at: Nanos, out: list[Output], *, light: bool) -> None:
        """Begin; a full one supersedes whatever is under way, a light one waits for its end."""
        if light and self.reason:
            self._again = self._again or reason
            return
        if not light:
            out.append(ReconcileBegan(reason=reason))
        self.reason = reason
        self.light = light
        self._again = ""
        self._began_at = at
        self._comparing = False
        self._rounds = 0
        self._suspected = Drifts()
        self._adopted = self._booked = self._drifted = 0
        self._errands.todo = [each for each in self._errands.todo if each.kind is Kind.ORDER]
        for desk in self._desks:
            self._tally.tape(desk, at).misses = 0
            self._errands.add(Kind.OPEN_ORDERS, desk.instrument_id)
            self._errands.add(Kind.TRADES, desk.instrument_id)
            for order in desk.table.live.values():
                if order.state in UNKNOWN:
                    order.asked_at = Nanos(0)

    def look(self, at: Nanos, out: list[Output]) -> Nanos:
        """Ask what is due; give the next moment to look, or 0."""
        for errand in list(self._errands.todo):
            if errand.kind is Kind.ORDER and errand.tries >= TRIES_MAX and not errand.request:
                self._give_up(errand, at)
                self._advance(at, out)
        return self._errands.look(
            at, self._floor.quiet_until, lambda each: self._ask(each, at, out)
        )

    def on_open_orders(self, told: OpenOrders, at: Nanos, out: list[Output]) -> None:
        """Compare the orders of one instrument with ours."""
        errand = self._errands.asked_by(told.request)
        desk = self._desk(told.instrument_id)
        if desk is None:
            return
        asked_at = errand.asked_at if errand is not None else Nanos(0)
        listed: set[str] = set()
        for stands in told.orders:
            order = desk.table.find(stands.order)
            if order is not None:
                listed.add(order.order)
                self._compare(desk, order, stands, asked_at, at, out)
            elif self.owns(stands.order):
                self.adopt(desk, stands, at, out)
        if errand is None:
            return
        for order in list(desk.table.live.values()):
            if order.resting and order.changed_at < asked_at and order.order not in listed:
                out.append(facts.differs(order, "missing", order.state.value, "not open"))
                desk.table.doubt(order, "not among the venue's open orders", at, out)
        self._done(errand, at, out)

    def on_trades(self, told: OwnTrades, at: Nanos, out: list[Output]) -> None:
        """Book what nobody booked; ask for the orders that are not known."""
        errand = self._errands.asked_by(told.request)
        desk = self._desk(told.instrument_id)
        if desk is None:
            return
        tape = self._tally.tape(desk, at)
        known = desk.table.by_venue_order()
        for trade in told.trades:
            if trade.venue_trade in tape.settled:
                continue
            order = known.get(trade.venue_order)
            if order is None:
                tape.wait(trade)
                self._errands.add(Kind.ORDER, desk.instrument_id, trade.venue_order)
                continue
            if trade.venue_trade in order.trades:
                continue
            if at - trade.venue_time > LATE:
                out.append(facts.differs(order, "fill", "not told", trade.venue_trade))
            self._tally.book(desk, order, trade, at, out)
            self._booked += 1
        if errand is None:
            return
        tape.told_page(told.trades)
        last = told.trades[-1].venue_trade if told.trades else errand.about
        if told.more and last:
            errand.about, errand.request, errand.due_at, errand.tries = last, "", at, 0
            return
        tape.told_all(last, errand.asked_at)
        self._done(errand, at, out)

    def on_account(self, told: AccountTold, at: Nanos, out: list[Output]) -> None:
        """Compare positions and balances; take over what differs twice by the same."""
        errand = self._errands.asked_by(told.request)
        if errand is None:
            return
        found = self._tally.drifts(told)
        if not found.count:
            self._done(errand, at, out)
            return
        if found.by() == self._suspected.by():
            self._tally.rebase(found, told, self.reason, out)
            self._drifted += found.count
            self._done(errand, at, out)
            return
        self._suspected = found
        self._rounds += 1
        if self.light and self._rounds > ROUNDS_MAX:
            self._done(errand, at, out)
            return
        self._errands.done(errand)
        self._comparing = False
        for desk in self._desks:
            self._errands.add(Kind.TRADES, desk.instrument_id, due_at=at + pause(self._rounds))

    def on_stands(
        self, desk: Desk, order: Order, told: Stands, at: Nanos, out: list[Output]
    ) -> None:
        """Go on with what waited for this order, which is ours and known by now."""
        errand = self._errands.order(told.venue_order)
        tape = self._tally.tape(desk, at)
        for trade in tape.release(told.venue_order):
            if trade.venue_trade not in order.trades:
                self._tally.book(desk, order, trade, at, out)
                self._booked += 1
        if errand is not None:
            self._done(errand, at, out)

    def on_foreign(self, told: Stands, at: Nanos, out: list[Output]) -> None:
        """Leave the trades of somebody else's order alone for good."""
        errand = self._errands.order(told.venue_order)
        if errand is not None:
            self._give_up(errand, at)
            self._advance(at, out)

    def on_absent(self, venue_order: str, at: Nanos) -> None:
        """Ask for an order again that the venue does not show: it may be late in doing so."""
        errand = self._errands.order(venue_order)
        if errand is not None:
            self._errands.unanswered(errand.request, at)

    def on_unanswered(self, request: str, at: Nanos) -> None:
        """Ask again later, if ``request`` is of ours here."""
        self._errands.unanswered(request, at)

    def owns(self, order: str) -> bool:
        return self._floor.ids.owns(order)

    def adopt(self, desk: Desk, told: Stands, at: Nanos, out: list[Output]) -> None:
        """Take in an order without a record, and cancel it where it rests."""
        order = desk.table.adopt(told, desk.lane.revision, at, out)
        self._adopted += 1
        if not order.ended:
            out.append(
                CancelOrder(
                    order=order.order, revision=order.revision, reason="adopted without a record"
                )
            )
            desk.table.cancel_sent(order, at)
        self.on_stands(desk, order, told, at, out)

    def carry(self) -> ReconcileCarried:
        return ReconcileCarried(
            self.reason,
            self.light,
            self._again,
            self._began_at,
            self._comparing,
            self._rounds,
            self._suspected,
            (self._adopted, self._booked, self._drifted),
            tuple(self._errands.todo),
        )

    def restore(self, carried: ReconcileCarried) -> None:
        self.reason = carried.reason
        self.light = carried.light
        self._again = carried.again
        self._began_at = carried.began_at
        self._comparing = carried.comparing
        self._rounds = carried.rounds
        self._suspected = carried.suspected
        self._adopted, self._booked, self._drifted = carried.counts
        self._errands.todo = list(carried.errands)

    def drop(self) -> None:
        """Forget what was under way: the session that asked is over."""
        self.reason = ""
        self._again = ""
        self._errands.todo = []

    def _compare(
        self,
        desk: Desk,
        order: Order,
        stands: Stands,
        asked_at: Nanos,
        at: Nanos,
        out: list[Output],
    ) -> None:
        """Merge a line of the open orders, and say what differs that was settled when asked."""
        settled = order.changed_at < asked_at
        if order.ended:
            if settled:
                state = order.state.value
                out.append(facts.differs(order, "alive", state, stands.standing.value))
                desk.lane.cancel_stray(order.order, order.revision, out)
            return
        if settled and order.resting and stands.size != order.size:
            out.append(facts.differs(order, "size", str(order.size), str(stands.size)))
        self._tally.report(desk, order, stands, at, out)

    def _ask(self, errand: Errand, at: Nanos, out: list[Output]) -> str:
        floor = self._floor
        desk = self._desk(errand.instrument_id) or self._desks[0]
        revision = desk.lane.revision
        venue = desk.market.instrument.venue
        match errand.kind:
            case Kind.OPEN_ORDERS:
                return floor.ask(Question.OPEN_ORDERS, venue, revision, out)
            case Kind.ACCOUNT:
                return floor.ask(Question.ACCOUNT, venue, Revision(0), out)
            case Kind.TRADES:
                request = floor.name("trades", revision)
                tape = self._tally.tape(desk, at)
                out.append(
                    QueryTrades(
                        request=request,
                        revision=revision,
                        after_trade=errand.about or tape.verified,
                        since=tape.since,
                    )
                )
                return request
            case Kind.ORDER:
                request = floor.name("order", revision)
                out.append(
                    QueryVenueOrder(request=request, revision=revision, venue_order=errand.about)
                )
                return request

    def _done(self, errand: Errand, at: Nanos, out: list[Output]) -> None:
        self._errands.done(errand)
        self._advance(at, out)

    def _advance(self, at: Nanos, out: list[Output]) -> None:
        """Go on to what comes next once nothing is left to be found out."""
        if self._errands.todo or not self.reason:
            return
        if self._comparing:
            self._finish(at, out)
        elif self._fills_are_whole(at, out):
            self._comparing = True
            self._errands.add(Kind.ACCOUNT, "")

    def _fills_are_whole(self, at: Nanos, out: list[Output]) -> bool:
        """Whether no fill is missing; else ask for the trades again, and at last give them up."""
        whole = True
        for desk in self._desks:
            tape = self._tally.tape(desk, at)
            lacking = desk.table.lacking()
            if not lacking:
                tape.misses = 0
                continue
            tape.misses += 1
            if tape.misses <= MISSES_MAX:
                due_at = at + pause(tape.misses)
                self._errands.add(Kind.TRADES, desk.instrument_id, due_at=due_at)
                whole = False
                continue
            for order in lacking:
                ours, venues = str(order.filled), str(order.cumulative)
                out.append(facts.differs(order, "fills in no trade", ours, venues))
                desk.table.write_off(order)
        return whole

    def _finish(self, at: Nanos, out: list[Output]) -> None:
        out.append(
            Reconciled(
                reason=self.reason,
                duration_ns=Nanos(at - self._began_at),
                open_orders=sum(desk.table.open_count() for desk in self._desks),
                adopted=self._adopted,
                trades_booked=self._booked,
                drifted=self._drifted,
            )
        )
        self.reason = ""
        if self._again:
            self.begin(self._again, at, out, light=True)

    def _give_up(self, errand: Errand, at: Nanos) -> None:
        desk = self._desk(errand.instrument_id)
        if desk is not None:
            tape = self._tally.tape(desk, at)
            for trade in tape.release(errand.about):
                tape.settled[trade.venue_trade] = False
        self._errands.done(errand)

    def _desk(self, instrument_id: str) -> Desk | None:
        for desk in self._desks:
            if desk.instrument_id == instrument_id:
                return desk
        return None
