"""What stops everybody: the account's limits, the latch, and the steps of a PanicStop (RSK-3).

It cancels and closes through the desks; it holds no state of theirs.
"""

import msgspec

from trading_runtime.account.reports import AccountReport
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.floor import Floor
from trading_runtime.oms.reports import TableReport
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import PanicStep
from trading_runtime.records.lifecycle import Aim
from trading_runtime.records.units import Lots, Micro, Nanos


class SafetyCarried(msgspec.Struct, frozen=True, array_like=True):
    error_rate: Micro


class Safety:
    """Owned by the engine, which shares its list of desks with it."""

    __slots__ = ("_desks", "_error_rate", "_floor")

    def __init__(self, floor: Floor, desks: list[Desk]) -> None:
        self._floor = floor
        self._desks = desks
        self._error_rate = Micro(0)
        """Of the venue's answers, when the account's limits were last held."""

    def judge(self, at: Nanos, out: list[Output]) -> None:
        """Hold the account's limits, and latch where one of them, or an instrument's, says so."""
        floor = self._floor
        account, answers = floor.account, floor.answers
        answers.roll(at)
        if account.moved or answers.rate != self._error_rate:
            account.moved = False
            self._error_rate = answers.rate
            rate = account.risk_rate
            values = (account.daily_loss, account.drawdown, rate, rate, answers.rate)
            floor.watch.judge(values, out)
        if floor.watch.panic:
            self.latch(floor.watch.panic, out)
        for desk in self._desks:
            desk.lane.shut = floor.watch.refuses or desk.watch.refuses
            if desk.watch.panic:
                self.latch(f"{desk.watch.panic} of {desk.instrument_id}", out)

    def latch(self, reason: str, out: list[Output]) -> None:
        """Begin a PanicStop, unless one is under way; what rests goes with :meth:`make_safe`."""
        if self._floor.panic.trigger(reason, self.open_orders(), self._position(), out):
            for desk in self._desks:
                desk.paused = "panic stop"

    def clear(self, user: str, out: list[Output]) -> None:
        """Open the latch: limits that are still broken are answered anew at the next turn.

        The drawdown counts from here, because a person has accepted it; the day's loss does not.
        Strategies stay paused until they are resumed.
        """
        if self._floor.panic.clear(user, out):
            self._floor.account.restart_peak()
            self._floor.watch.rearm()
            for desk in self._desks:
                desk.watch.rearm()
                desk.say_pause(out)

    def make_safe(self, at: Nanos, out: list[Output]) -> None:
        """Cancel everything, waiting for no token, and find the step of a PanicStop."""
        floor = self._floor
        hold = floor.hold
        for desk in self._desks:
            desk.say_pause(out)
            desk.withdraw(hold, at, out, panic=True)
        panic = floor.panic
        if panic.latched:
            panic.look(self.open_orders(), self._position(), out)
            self.look(at, out)

    def close(self, at: Nanos, out: list[Output]) -> None:
        """Bring positions to nothing where a PanicStop has come to that."""
        panic = self._floor.panic
        if panic.latched and panic.step is PanicStep.CLOSING:
            for desk in self._desks:
                desk.close(at, out)

    def look(self, at: Nanos, out: list[Output]) -> None:
        """See to it that a PanicStop under way goes on, also where nothing else happens."""
        panic = self._floor.panic
        if panic.latched and panic.step is not PanicStep.FLAT:
            self._floor.wake(Nanos(at + self._floor.settings.oms.query_interval_ns), out)

    def on_told(self, told: TableReport | AccountReport, at: Nanos, out: list[Output]) -> None:
        """Hear what the venue tells beside the reports of single orders."""
        del told, at, out

    def on_answer_lost(self, request: str, at: Nanos, out: list[Output]) -> None:
        """Note that ``request``, which may be another's, gets no answer."""
        del request, at, out

    def on_connection_lost(self, at: Nanos, out: list[Output]) -> None:
        """Count a connection to the venue that broke (RSK-4, scenario 1)."""
        del at, out

    def open_orders(self) -> int:
        """How many orders have to end before a PanicStop may close."""
        return sum(
            1
            for desk in self._desks
            for order in desk.table.live.values()
            if not order.ended and order.aim is not Aim.CLOSE
        )

    def carry(self) -> SafetyCarried:
        return SafetyCarried(self._error_rate)

    def restore(self, carried: SafetyCarried) -> None:
        self._error_rate = carried.error_rate

    def _position(self) -> Lots:
        return Lots(sum(abs(desk.ledger.position) for desk in self._desks))
