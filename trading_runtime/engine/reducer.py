"""The reducer: what the core has decoded comes in, commands and facts go out.

It reads books and never changes them; it owns orders, ledgers, limits and the latch. Everything it
knows it can carry into a checkpoint, and go on from there to the same bytes. Orders are placed only
at the end of a turn; cancels may go out at once.
"""

import msgspec

from trading_runtime.account.reports import AccountReport, BarredTold
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.floor import TIMER, Floor, FloorCarried
from trading_runtime.engine.safety import Safety, SafetyCarried
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.engine.start_gate import StartGate, StartGateCarried
from trading_runtime.engine.venue_side import VenueCarried, VenueSide
from trading_runtime.errors import Refused
from trading_runtime.market.instrument import Market
from trading_runtime.oms.order import PENDING, Order
from trading_runtime.oms.orders import HAPPENINGS
from trading_runtime.oms.reports import Funded, OrderReport, TableReport, Unanswered
from trading_runtime.records.carried_trading import TradingCarried
from trading_runtime.records.commands import QUERY_REQUEST
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    ForeignOrderSeen,
    ParametersRefused,
    StrategyPaused,
)
from trading_runtime.records.inputs import Action, OperatorCommanded, ParametersActivated, Purpose
from trading_runtime.records.units import NANOS_PER_MILLI, ClientId, Nanos, Revision, Seq
from trading_runtime.strategy.interface import Strategy


class EngineCarried(msgspec.Struct, frozen=True, array_like=True):
    """What all desks share, as it stands in a checkpoint."""

    floor: FloorCarried
    safety: SafetyCarried
    gate: StartGateCarried
    marked_at: Nanos
    fenced: str = ""
    venue: VenueCarried = VenueCarried()


class Engine:
    """One account's trading over all its instruments, in the order in which they were added."""

    def __init__(self, settings: EngineSettings) -> None:
        """Raise :exc:`~trading_runtime.errors.Refused` where a setting cannot be."""
        self._settings = settings
        self._floor = Floor(settings)
        self.desks: list[Desk] = []
        self._carried: dict[str, TradingCarried] = {}
        """Restored state of instruments that have not been added yet."""
        self._safety = Safety(self._floor, self.desks)
        self._gate = StartGate(self._floor, self.desks)
        self._venue: VenueSide | None = None
        """The venue that orders go to; on paper there is none."""
        if settings.on_venue:
            self._venue = VenueSide(self._floor, self.desks, self._gate)
        self._fenced = ""
        """Why this session may send nothing any more; empty while it may."""
        self._marked_at = Nanos(0)

    def add(self, market: Market, strategy: Strategy, parameters: bytes) -> None:
        """Trade ``market`` by ``strategy``, with its ``parameters`` as JSON.

        Raises:
            Refused: no limits are set for it, its parameters or its money do not fit, or it is of
                another venue than the ones before.
        """
        instrument_id = market.instrument.instrument_id
        venue = market.instrument.venue
        if self._venue and any(desk.market.instrument.venue != venue for desk in self.desks):
            raise Refused(f"{instrument_id}: one session trades on one venue")
        if instrument_id not in self._settings.instruments:
            raise Refused(f"no limits are set for {instrument_id}")
        settings = self._settings.instruments[instrument_id]
        desk = Desk(self._floor, settings, market, strategy, parameters)
        desk.table.asks_fills = self._venue is None
        self.desks.append(desk)
        if instrument_id in self._carried:
            desk.restore(self._carried.pop(instrument_id))
            self._floor.account.add_up()

    def open_session(self, nonce: str, at: Nanos, out: list[Output]) -> None:
        """Begin a session, after any restore: new client ids, and no answer comes to old requests.

        What stopped the last session is over; a latch and a pause are not.
        """
        self._floor.ids.open_session(nonce)
        self._floor.stopped = False
        self._floor.failed = False
        self._floor.timer_at = Nanos(0)
        self._fenced = ""
        if self._venue is not None:
            self._venue.open_session()
        for desk in self.desks:
            for order in desk.table.live.values():
                if order.state in PENDING:
                    desk.table.on_answer_lost(order, "the session ended", at, out)
        self._look(at, out)

    @property
    def holding(self) -> str:
        """Why no strategy runs at all; empty when each may."""
        return self._fenced or self._floor.hold or self._floor.venue_hold

    @property
    def latched(self) -> str:
        """Why a PanicStop is latched; empty when none is."""
        return self._floor.panic.reason

    def on_turn_ended(self, seq: Seq, at: Nanos, out: list[Output]) -> None:
        """Value, judge, and then quote: the one place where orders are placed."""
        floor = self._floor
        floor.ids.begin(seq)
        account = floor.account
        account.roll(at, out)
        moved = False
        for desk in self.desks:
            if desk.market.revision != desk.lane.revision:
                desk.revise()
            if desk.mark():
                moved = True
            desk.judge(at, out)
        if moved:
            account.value()
        self._safety.judge(at, out)
        if self._venue is not None:
            self._venue.on_turn(at, out)
        if self._fenced:
            return
        if floor.hold:
            self._safety.make_safe(at, out)
            self._safety.close(at, out)
        else:
            for desk in self.desks:
                desk.turn(at, out)
        if not floor.failed:
            self._say_profit(at, out)

    def on_told(
        self,
        told: OrderReport | TableReport | AccountReport | Funded,
        at: Nanos,
        out: list[Output],
    ) -> None:
        """Take what the venue has told, by whichever way. A turn's end has to follow."""
        for desk in self.desks:
            if desk.market.revision != desk.lane.revision:
                # What is told counts on the new grid already.
                desk.revise()
        if isinstance(told, OrderReport):
            self.on_report(told, at, out)
            return
        if isinstance(told, Funded):
            self.on_funding(told, out)
            return
        if isinstance(told, Unanswered):
            reason = f"{told.code}: {told.reason}"
            self._lose(told.request, reason, at, out, executed=not told.known)
            if told.clock and self._venue is not None:
                self._venue.hurry_clock(at)
        elif isinstance(told, BarredTold):
            self._lose(told.request, told.barred.value, at, out, executed=False)
        if self._venue is not None:
            self._venue.on_told(told, at, out)
        self._safety.on_told(told, at, out)
        self._gate.on_told(told, at, out)
        self._look(at, out)

    def on_report(self, report: OrderReport, at: Nanos, out: list[Output]) -> None:
        """Merge what the venue tells of an order, from whichever source."""
        venue = self._venue
        for desk in self.desks:
            order = desk.table.find(report.order)
            if order is None:
                continue
            if venue is None:
                desk.on_report(order, report, at, out)
            else:
                venue.report(desk, order, report, at, out)
            if order.doubtful:
                self._look(at, out)
            return
        if venue is not None:
            own = venue.on_stranger(report, at, out)
            self._look(at, out)
            if own:
                return
        out.append(ForeignOrderSeen(order=report.order, happening=HAPPENINGS[type(report)]))

    def on_request_failed(
        self, request: str, reason: str, at: Nanos, out: list[Output], *, sent: bool = True
    ) -> None:
        """Note that a request of ours (``records.commands.order_request``) gets no answer.

        Where it was not ``sent``, it certainly did nothing.
        """
        if sent:
            self._lose(request, reason, at, out, executed=True)
        else:
            self._lose(request, f"not sent: {reason}", at, out, executed=False, counts=False)
        self._safety.on_answer_lost(request, at, out)
        self._gate.on_answer_lost(request, at, out)
        self._look(at, out)

    def on_connection(
        self, purpose: Purpose, at: Nanos, out: list[Output], *, opened: bool
    ) -> None:
        """Note that a connection to the venue is up, or lost. A turn's end has to follow."""
        if not opened:
            self._safety.on_connection_lost(at, out)
        if self._venue is not None:
            self._venue.on_line(purpose, at, out, opened=opened)
        self._look(at, out)

    def on_clock(self, offset_ns: Nanos, out: list[Output]) -> None:
        """Take note of how far the venue's clock is from ours. A turn's end has to follow."""
        self._gate.on_clock(offset_ns, out)

    def on_stalled(self, lag_ns: Nanos, at: Nanos, out: list[Output]) -> None:
        """Compare the records after a standstill: answers may have been missed in it."""
        if self._venue is not None:
            reason = f"the loop stood still for {lag_ns // NANOS_PER_MILLI} ms"
            self._venue.reconcile(reason, at, out, light=True)
            self._look(at, out)

    def on_lease_lost(self, reason: str, at: Nanos, out: list[Output]) -> None:
        """Send nothing any more, not even cancels: that is the watchdog's from here on."""
        del at
        self._fenced = f"lease lost: {reason}"
        for desk in self.desks:
            desk.paused = self._fenced
            desk.say_pause(out)

    def on_watchdog_fired(self, reason: str, at: Nanos, out: list[Output]) -> None:
        """Quote nothing until a person resumes: the watchdog cancelled all of the last session."""
        for desk in self.desks:
            desk.paused = f"watchdog fired: {reason}"
            desk.say_pause(out)
            desk.withdraw(desk.paused, at, out)

    def on_funding(self, report: Funded, out: list[Output]) -> None:
        for desk in self.desks:
            if desk.instrument_id != report.instrument_id:
                continue
            if self._venue is None:
                desk.on_funding(report.amount, out)
            else:
                self._venue.on_funded(desk, report.amount, out)

    def on_lag(self, revision: Revision, lag_ns: Nanos) -> None:
        """Note how old the last delta was, the venue's clock offset taken off."""
        for desk in self.desks:
            if desk.market.revision == revision:
                desk.depth_lag_ns = lag_ns

    def on_timer(self, timer: str, at: Nanos, out: list[Output]) -> None:
        """Look after late answers and a PanicStop under way. A turn's end has to follow."""
        if timer == TIMER:
            self._floor.timer_at = Nanos(0)
            self._look(at, out)

    def on_parameters(self, body: ParametersActivated, at: Nanos, out: list[Output]) -> None:
        """Take new parameters for the next turn, or say why not."""
        del at
        for desk in self.desks:
            if desk.instrument_id == body.instrument_id:
                desk.on_parameters(body.parameters, out)
                return
        out.append(
            ParametersRefused(instrument_id=body.instrument_id, reason="it is not traded here")
        )

    def on_journal_failed(self, at: Nanos, out: list[Output]) -> None:
        """Cancel all; from here on only cancels and a PanicStop's closing orders go out."""
        self._floor.failed = True
        self._safety.make_safe(at, out)

    def on_operator(self, body: OperatorCommanded, at: Nanos, out: list[Output]) -> None:
        """Do what a person commands; the input itself is the record of it."""
        match body.action:
            case Action.PAUSE | Action.CANCEL_ALL:
                for desk in self.desks:
                    desk.paused = f"{body.action.value}: {body.reason}"
                    desk.say_pause(out)
                    desk.withdraw(desk.paused, at, out)
            case Action.RESUME:
                self._resume(out)
            case Action.PANIC_STOP:
                self._safety.latch(f"{body.user}: {body.reason}", out)
                self._safety.make_safe(at, out)
            case Action.CLEAR_PANIC:
                self._safety.clear(body.user, out)
            case Action.STOP:
                self._floor.stopped = True
                self._safety.make_safe(at, out)
            case Action.SYNC:
                if self._venue is not None:
                    self._venue.reconcile(f"{body.user}: {body.reason}", at, out, light=True)
                    self._look(at, out)

    def carry(self) -> tuple[tuple[TradingCarried, ...], msgspec.Raw]:
        """Give all that is known: each instrument's, and what they share."""
        shared = EngineCarried(
            floor=self._floor.carry(),
            safety=self._safety.carry(),
            gate=self._gate.carry(),
            marked_at=self._marked_at,
            fenced=self._fenced,
            venue=VenueCarried() if self._venue is None else self._venue.carry(),
        )
        trading = tuple(desk.carry() for desk in self.desks)
        # What is carried for an instrument that never came back is carried on.
        return (*trading, *self._carried.values()), msgspec.Raw(msgspec.msgpack.encode(shared))

    def restore(self, trading: tuple[TradingCarried, ...], risk: msgspec.Raw) -> None:
        """Become what was carried; instruments may be added before or after.

        Raises:
            Refused: the carried state is not of this strategy or these limits.
        """
        shared = msgspec.msgpack.decode(risk, type=EngineCarried)
        self._carried = {each.instrument_id: each for each in trading}
        for desk in self.desks:
            if desk.instrument_id in self._carried:
                desk.restore(self._carried.pop(desk.instrument_id))
        self._floor.restore(shared.floor)
        self._safety.restore(shared.safety)
        self._gate.restore(shared.gate)
        self._marked_at = shared.marked_at
        self._fenced = shared.fenced
        if self._venue is not None:
            self._venue.restore(shared.venue)

    def _find(self, name: ClientId) -> tuple[Desk, Order] | None:
        for desk in self.desks:
            order = desk.table.find(name)
            if order is not None:
                return desk, order
        return None

    def _lose(
        self,
        request: str,
        reason: str,
        at: Nanos,
        out: list[Output],
        *,
        executed: bool,
        counts: bool = True,
    ) -> None:
        """Note a request without an answer that tells its fate, ``executed`` or certainly not."""
        name, _, rest = request.partition("-")
        found = self._find(ClientId(name))
        if found is None:
            if self._venue is not None:
                self._venue.on_unanswered(request, at)
            return
        desk, order = found
        if counts:
            self._floor.answers.note(1, 1)
        # A query that failed is asked again by the timer; it changed nothing.
        if rest.startswith(QUERY_REQUEST):
            return
        if executed:
            desk.table.on_answer_lost(order, reason, at, out)
        else:
            desk.table.on_not_executed(order, request, reason, at, out)

    def _resume(self, out: list[Output]) -> None:
        hold = self._fenced or self._floor.hold
        if self._venue is not None:
            self._venue.resume()
        for desk in self.desks:
            if hold:
                out.append(StrategyPaused(instrument_id=desk.instrument_id, reason=hold))
            else:
                desk.resume(out)

    def _look(self, at: Nanos, out: list[Output]) -> None:
        """Ask for what is in doubt, and set the timer for what is due next."""
        if self._fenced:
            return
        venue = self._venue
        if venue is None or venue.begun:
            quiet_until = self._floor.quiet_until
            due = [desk.table.overdue(at, quiet_until, out) for desk in self.desks]
            if venue is not None:
                due.append(venue.look(at, out))
                self._gate.look(at, out)
            next_at = min((each for each in due if each), default=None)
            if next_at is not None:
                self._floor.wake(next_at, out)
        self._safety.look(at, out)

    def open_orders(self) -> int:
        """How many orders have to end before a PanicStop may close."""
        return self._safety.open_orders()

    def _say_profit(self, at: Nanos, out: list[Output]) -> None:
        for desk in self.desks:
            desk.say_profit(at, out)
        if at - self._marked_at >= self._settings.mark_interval_ns:
            self._marked_at = at
            out.append(self._floor.account.marked())
