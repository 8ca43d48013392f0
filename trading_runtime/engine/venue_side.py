"""The venue's side of the engine: its lines, its limits, its record beside ours.

Rules:
 * Nothing is quoted while the orders line or the account's stream is down, while a full
   reconciliation is under way, while the venue bars us, or while the start gate is shut.
 * A line that is lost takes every answer with it; a line that is opened begins a reconciliation.
 * Everything is asked on engine time, by one timer, until it is answered.
"""

import msgspec

from trading_runtime.account.reports import (
    AccountReport,
    AccountTold,
    BarredTold,
    LimitsTold,
    StreamEnded,
)
from trading_runtime.engine.budget import Budget, BudgetCarried
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.floor import Floor
from trading_runtime.engine.reconcile import Reconcile, ReconcileCarried
from trading_runtime.engine.start_gate import StartGate
from trading_runtime.engine.tally import Tally, TallyCarried
from trading_runtime.oms.order import PENDING, Order
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Filled,
    OpenOrders,
    OrderReport,
    OwnTrades,
    Standing,
    Stands,
    TableReport,
)
from trading_runtime.records.commands import ArmDeadMan, AskVenue, Question, ReopenAccountLine
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import AccountStreamEnded, QuotingHeld
from trading_runtime.records.inputs import Purpose
from trading_runtime.records.lifecycle import OrderState
from trading_runtime.records.units import NANOS_PER_SECOND, Money, Nanos, Revision

UNREADABLE = "unreadable"
"""Why a stream ends in the core's own judgement: the line is up, and one frame's sense is lost."""
TRADING_REASONS = frozenset({"", "ORDER", "FUNDING_FEE"})
"""Why a stream tells of balances that our own trading has moved."""
CLOCK_PAUSE = NANOS_PER_SECOND
"""The clock is not asked for more often than this, whatever fails."""


class VenueCarried(msgspec.Struct, frozen=True, array_like=True):
    orders_up: bool = False
    stream_up: bool = False
    begun: bool = False
    clock_at: Nanos = Nanos(0)
    arm_at: Nanos = Nanos(0)
    compare_at: Nanos = Nanos(0)
    fills_at: Nanos = Nanos(0)
    own_hold: str = ""
    shut: bool = False
    budget: BudgetCarried = BudgetCarried()
    tally: TallyCarried = TallyCarried()
    reconcile: ReconcileCarried = ReconcileCarried()


class VenueSide:
    """Owned by the engine, which shares its list of desks with it."""

    __slots__ = (
        "_arm_at",
        "_begun",
        "_budget",
        "_clock_at",
        "_compare_at",
        "_desks",
        "_fills_at",
        "_floor",
        "_gate",
        "_orders_up",
        "_own_hold",
        "_reconcile",
        "_seen",
        "_shut",
        "_stream_up",
        "_tally",
    )

    def __init__(self, floor: Floor, desks: list[Desk], gate: StartGate) -> None:
        self._floor = floor
        self._desks = desks
        self._gate = gate
        self._budget = Budget()
        self._tally = Tally(floor, desks)
        self._reconcile = Reconcile(floor, desks, self._tally)
        self._orders_up = False
        self._stream_up = False
        self._begun = False
        """This session has had its lines, and asked its first questions."""
        self._clock_at = self._arm_at = self._compare_at = Nanos(0)
        """When the clock is asked for, the dead-man switch armed, the records compared next."""
        self._fills_at = Nanos(0)
        """When missing fills are asked for; 0 while none is missing."""
        self._seen = 0
        """How many desks the start gate has seen."""
        self._own_hold = "orders line down"
        self._shut = False
        """The venue's limits leave no room for new orders."""

    @property
    def begun(self) -> bool:
        """Whether this session has had its lines, so that anything can be asked."""
        return self._begun

    def open_session(self) -> None:
        """Forget the lines and questions of the session before; what is known of orders stays."""
        self._orders_up = self._stream_up = self._begun = False
        self._clock_at = self._arm_at = self._compare_at = self._fills_at = Nanos(0)
        self._reconcile.drop()
        self._floor.line_down = True
        self._rehold()
        self._floor.venue_hold = ""

    def on_turn(self, at: Nanos, out: list[Output]) -> None:
        """Say what holds quoting where that is news; called before the desks quote."""
        if len(self._desks) != self._seen or any(desk.rejects for desk in self._desks):
            self._seen = len(self._desks)
            self._gate.look(at, out)
        hold = self._own_hold or self._gate.hold
        floor = self._floor
        if hold != floor.venue_hold:
            floor.venue_hold = hold
            out.append(QuotingHeld(reason=hold))
        if self._shut:
            for desk in self._desks:
                desk.lane.shut = True

    def on_line(self, purpose: Purpose, at: Nanos, out: list[Output], *, opened: bool) -> None:
        """Take note of a line that carries requests, or what happens to the account."""
        stream = Purpose.USER if self._floor.settings.account_line else Purpose.ORDERS
        renewed = self._orders_up and self._stream_up
        if purpose is Purpose.ORDERS:
            self._orders_up = opened
            self._floor.line_down = not opened
        if purpose is stream:
            self._stream_up = opened
        if purpose not in (Purpose.ORDERS, stream):
            return
        if not opened and purpose is Purpose.ORDERS:
            self._lose_answers(at, out)
        if opened and self._orders_up and self._stream_up:
            self._begin(at, out)
            # One that takes the place of another has missed nothing; it is looked at all the same.
            self._reconcile.begin(f"{purpose.value} line opened", at, out, light=renewed)
        self._rehold()

    def look(self, at: Nanos, out: list[Output]) -> Nanos:
        """Do what is due by time; give the next moment to look, or 0."""
        due = [self._budget.look(at, out), self._look_fills(at, out)]
        self._heed_budget(at)
        if self._begun:
            due.append(self._look_clock(at, out))
            due.append(self._look_dead_man(at, out))
            due.append(self._look_compare(at, out))
            due.append(self._reconcile.look(at, out))
        self._rehold()
        return min((each for each in due if each), default=Nanos(0))

    def report(
        self, desk: Desk, order: Order, report: OrderReport, at: Nanos, out: list[Output]
    ) -> None:
        """Merge a report of an order that is known here."""
        self._tally.report(desk, order, report, at, out)
        if isinstance(report, Stands):
            alive = report.standing is Standing.OPEN
            if alive and order.state in (OrderState.CANCELLED, OrderState.REJECTED):
                desk.lane.cancel_stray(order.order, order.revision, out)
            self._reconcile.on_stands(desk, order, report, at, out)
        if order.cumulative > order.filled and not self._fills_at:
            self._fills_at = Nanos(at + self._floor.settings.oms.fill_grace_ns)
            self._floor.wake(self._fills_at, out)

    def on_stranger(self, report: OrderReport, at: Nanos, out: list[Output]) -> bool:
        """Make what can be made of a report of an order that no record knows.

        Gives whether the order is ours.
        """
        reconcile = self._reconcile
        own = reconcile.owns(report.order)
        if isinstance(report, Stands):
            desk = next((d for d in self._desks if d.instrument_id == report.instrument_id), None)
            if own and desk is not None:
                reconcile.adopt(desk, report, at, out)
            else:
                reconcile.on_foreign(report, at, out)
        elif isinstance(report, Absent):
            reconcile.on_absent(report.order, at)
        elif isinstance(report, Filled) or (own and isinstance(report, Accepted)):
            reason = "an order without a record" if own else "somebody else's fill"
            reconcile.begin(reason, at, out, light=True)
        self._rehold()
        return own

    def on_told(self, told: TableReport | AccountReport, at: Nanos, out: list[Output]) -> None:
        """Take what the venue tells beside the reports of single orders."""
        match told:
            case OpenOrders():
                self._reconcile.on_open_orders(told, at, out)
            case OwnTrades():
                self._reconcile.on_trades(told, at, out)
            case AccountTold():
                self._on_account(told, at, out)
            case LimitsTold():
                self._budget.on_limits(told, at, out)
                self._heed_budget(at)
            case BarredTold():
                self._on_barred(told, at, out)
            case StreamEnded():
                self._on_stream_ended(told, at, out)
            case _:
                pass
        self._rehold()

    def on_funded(self, desk: Desk, amount: Money, out: list[Output]) -> None:
        self._tally.on_funded(desk, amount, out)

    def on_unanswered(self, request: str, at: Nanos) -> None:
        """Ask again later, if ``request`` is a question of the reconciliation."""
        self._reconcile.on_unanswered(request, at)

    def hurry_clock(self, at: Nanos) -> None:
        """Ask for the venue's clock soon: it did not believe a time of ours."""
        self._clock_at = Nanos(min(self._clock_at, at + CLOCK_PAUSE))

    def reconcile(self, reason: str, at: Nanos, out: list[Output], *, light: bool) -> None:
        """Compare the records, where there are lines to do it by."""
        if self._begun:
            self._reconcile.begin(reason, at, out, light=light)
            self._rehold()

    def resume(self) -> None:
        """Let trading that strikes had stopped begin with a clean record."""
        self._budget.forgive()

    def carry(self) -> VenueCarried:
        return VenueCarried(
            self._orders_up,
            self._stream_up,
            self._begun,
            self._clock_at,
            self._arm_at,
            self._compare_at,
            self._fills_at,
            self._own_hold,
            self._shut,
            self._budget.carry(),
            self._tally.carry(),
            self._reconcile.carry(),
        )

    def restore(self, carried: VenueCarried) -> None:
        self._orders_up = carried.orders_up
        self._stream_up = carried.stream_up
        self._begun = carried.begun
        self._clock_at = carried.clock_at
        self._arm_at = carried.arm_at
        self._compare_at = carried.compare_at
        self._fills_at = carried.fills_at
        self._own_hold = carried.own_hold
        self._shut = carried.shut
        self._budget.restore(carried.budget)
        self._tally.restore(carried.tally)
        self._reconcile.restore(carried.reconcile)
        self._floor.orders.slow(self._budget.halvings)

    def _begin(self, at: Nanos, out: list[Output]) -> None:
        """Let everything that is asked by time begin, once in a session."""
        if self._begun:
            return
        self._begun = True
        interval = self._floor.settings.oms.reconcile_interval_ns
        self._compare_at = Nanos(at + interval)
        self._gate.begin(at, out)

    def _lose_answers(self, at: Nanos, out: list[Output]) -> None:
        for desk in self._desks:
            for order in list(desk.table.live.values()):
                if order.state in PENDING:
                    desk.table.on_answer_lost(order, "the orders line was lost", at, out)

    def _look_fills(self, at: Nanos, out: list[Output]) -> Nanos:
        """Ask for fills that the venue counts and did not tell in time."""
        if not self._fills_at or at < self._fills_at:
            return self._fills_at
        self._fills_at = Nanos(0)
        if any(desk.table.lacking() for desk in self._desks):
            self.reconcile("fills are missing", at, out, light=True)
        return Nanos(0)

    def _look_clock(self, at: Nanos, out: list[Output]) -> Nanos:
        if at >= max(self._clock_at, self._floor.quiet_until):
            self._clock_at = Nanos(at + self._floor.settings.oms.clock_interval_ns)
            venue = self._desks[0].market.instrument.venue
            out.append(
                AskVenue(
                    request=f"time-{venue}-{at}",
                    venue=venue,
                    question=Question.CLOCK,
                    revision=Revision(0),
                )
            )
        return Nanos(max(self._clock_at, self._floor.quiet_until))

    def _look_dead_man(self, at: Nanos, out: list[Output]) -> Nanos:
        """Put off the moment at which the venue cancels for us, each third of its countdown."""
        countdown = self._floor.settings.dead_man_ns
        if not countdown or self._floor.stopped:
            return Nanos(0)
        if at >= max(self._arm_at, self._floor.quiet_until):
            self._arm_at = Nanos(at + countdown // 3)
            for desk in self._desks:
                revision = desk.lane.revision
                out.append(
                    ArmDeadMan(
                        request=self._floor.name("deadman", revision),
                        revision=revision,
                        countdown_ns=countdown,
                    )
                )
        return Nanos(max(self._arm_at, self._floor.quiet_until))

    def _look_compare(self, at: Nanos, out: list[Output]) -> Nanos:
        if at >= self._compare_at:
            interval = self._floor.settings.oms.reconcile_interval_ns
            self._compare_at = Nanos(at + interval)
            if not self._reconcile.reason and self._orders_up and self._stream_up:
                self._reconcile.begin("periodic", at, out, light=True)
        return self._compare_at

    def _on_account(self, told: AccountTold, at: Nanos, out: list[Output]) -> None:
        self._tally.on_account(told, out)
        self._reconcile.on_account(told, at, out)
        if told.reason not in TRADING_REASONS:
            self.reconcile(f"the account moved: {told.reason}", at, out, light=True)

    def _on_barred(self, told: BarredTold, at: Nanos, out: list[Output]) -> None:
        self._budget.on_barred(told, at, out)
        self._heed_budget(at)
        if self._budget.persists:
            for desk in self._desks:
                if not desk.paused:
                    desk.paused = "the venue's rate limit persists"
                    desk.say_pause(out)

    def _on_stream_ended(self, told: StreamEnded, at: Nanos, out: list[Output]) -> None:
        """Wait for the stream's line to be opened anew, unless only a frame of it was lost."""
        out.append(AccountStreamEnded(venue=told.venue, reason=told.reason))
        if told.reason == UNREADABLE:
            self.reconcile("the account's stream was unreadable", at, out, light=False)
        else:
            self._stream_up = False
            out.append(ReopenAccountLine(venue=told.venue))

    def _heed_budget(self, at: Nanos) -> None:
        budget, floor = self._budget, self._floor
        floor.quiet_until = budget.until if budget.barred else Nanos(0)
        floor.orders.slow(budget.halvings)
        self._shut = budget.barred or at < budget.short_until

    def _rehold(self) -> None:
        """Find what of the venue's side, the gate left out, holds quoting."""
        reconcile = self._reconcile
        if not self._orders_up:
            self._own_hold = "orders line down"
        elif not self._stream_up:
            self._own_hold = "account stream down"
        elif reconcile.reason and not reconcile.light:
            self._own_hold = f"reconciling: {reconcile.reason}"
        elif self._budget.barred:
            self._own_hold = "rate limited"
        else:
            self._own_hold = ""
