"""What stops everybody: the account's limits, the latch, and the steps of a PanicStop (RSK-3).

It cancels and closes through the desks; it holds no state of theirs.
"""

from decimal import Decimal

import msgspec

from trading_runtime.account.equity import ratio
from trading_runtime.account.reports import (
    AccountReport,
    AccountTold,
    BarredTold,
    FeesTold,
    InstrumentTold,
    ReferenceTold,
    TermsTold,
)
from trading_runtime.engine.desk import Desk
from trading_runtime.engine.floor import Floor
from trading_runtime.engine.proof import Proof, ProofCarried
from trading_runtime.engine.terms import InstrumentReport
from trading_runtime.oms.order import UNKNOWN, Order
from trading_runtime.oms.reports import OpenOrders, TableReport, Unanswered
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import PanicStep
from trading_runtime.records.lifecycle import Aim
from trading_runtime.records.units import (
    NANOS_PER_SECOND,
    Lots,
    Micro,
    Money,
    Nanos,
    Revision,
)
from trading_runtime.risk.monitors import WindowCarried

PROOF_AGE_MAX_NS = 5 * NANOS_PER_SECOND
"""What the venue has shown is asked anew after so long, where nothing came of it."""
BALANCE_DECIMALS = 8
"""Venues tell balances in 10 ** -8 of an asset."""


class SafetyCarried(msgspec.Struct, frozen=True, array_like=True):
    traded: WindowCarried
    messages: WindowCarried
    drops: WindowCarried
    margin_rate: Micro
    short: Micro
    proof: ProofCarried


class Safety:
    """Owned by the engine, which shares its list of desks with it."""

    __slots__ = (
        "_balance_min",
        "_desks",
        "_drops",
        "_floor",
        "_margin_rate",
        "_messages",
        "_proof",
        "_ratios",
        "_short",
        "_traded",
        "_whole",
    )

    def __init__(self, floor: Floor, desks: list[Desk]) -> None:
        self._floor = floor
        self._desks = desks
        settings = floor.settings
        self._whole = 10**settings.account.money_scale
        least = Decimal(settings.limits.balance_min) * 10**BALANCE_DECIMALS
        self._balance_min = int(least)
        self._ratios = (Micro(0), Micro(0), Micro(0))
        """Daily loss, drawdown and risk rate as the account stood when it last moved."""
        self._traded = floor.window()
        self._messages = floor.window()
        self._drops = floor.window()
        self._margin_rate = Micro(0)
        """Maintenance margin over margin balance as the venue told it last; 0 before."""
        self._short = Micro(0)
        """What is missing from the least balance, as a share of it."""
        self._proof = Proof(floor, desks)

    def judge(self, at: Nanos, out: list[Output]) -> None:
        """Hold the account's limits, and latch where one of them, or an instrument's, says so."""
        floor = self._floor
        account, answers, watch = floor.account, floor.answers, floor.watch
        traded, messages, drops = self._traded, self._messages, self._drops
        # All of one span, and each turn rolls them together.
        if at >= answers.ends_at:
            for window in (answers, traded, messages, drops):
                window.roll(at)
        if floor.messages:
            messages.note(floor.messages, 0)
            floor.messages = 0
        if floor.traded:
            traded.note(floor.traded, 0)
            floor.traded = Money(0)
        if account.moved:
            account.moved = False
            # The venue's own margin where it is told; ours goes on while it is not.
            rate = max(account.risk_rate, self._margin_rate)
            self._ratios = (account.daily_loss, account.drawdown, rate)
        loss, drawdown, rate = self._ratios
        bought = traded.count // self._whole if traded.count else 0
        flow = (answers.rate, bought, messages.count, drops.count, self._short)
        watch.judge((loss, drawdown, rate, rate, *flow), out)
        if watch.panic:
            self.latch(watch.panic, out)
        for desk in self._desks:
            desk.lane.shut = watch.refuses or desk.watch.refuses
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
            if floor.settings.on_venue:
                self._find_step(at, out)
            else:
                panic.look(self.open_orders(), self._position(), out)
            self.look(at, out)

    def close(self, at: Nanos, out: list[Output]) -> None:
        """Bring positions to nothing where a PanicStop has come to that."""
        panic = self._floor.panic
        if not panic.latched or panic.step is not PanicStep.CLOSING:
            return
        if not self._floor.settings.on_venue:
            for desk in self._desks:
                desk.close(at, out)
        elif self._proof.complete and at >= self._floor.quiet_until:
            for desk in self._desks:
                position = self._proof.position(desk)
                if position:
                    desk.close_venues(position, at, out)

    def look(self, at: Nanos, out: list[Output]) -> None:
        """See to it that a PanicStop under way goes on, also where nothing else happens."""
        panic, settings = self._floor.panic, self._floor.settings
        if panic.latched and panic.step is not PanicStep.FLAT:
            venue = settings.on_venue
            pause = settings.close_interval_ns if venue else settings.oms.query_interval_ns
            self._floor.wake(Nanos(at + pause), out)

    def on_told(self, told: TableReport | AccountReport, at: Nanos, out: list[Output]) -> None:
        """Hear what the venue tells beside the reports of single orders."""
        match told:
            case OpenOrders():
                self._proof.on_orders(told, at, out)
            case AccountTold():
                self._on_account(told)
                self._proof.on_account(told)
            case TermsTold() | FeesTold() | InstrumentTold() | ReferenceTold():
                self._on_terms(told, at, out)
            case Unanswered() | BarredTold():
                self._proof.on_lost(told.request, at)
            case _:
                pass

    def on_answer_lost(self, request: str, at: Nanos, out: list[Output]) -> None:
        """Note that ``request``, which may be another's, gets no answer."""
        del out
        self._proof.on_lost(request, at)

    def on_connection_lost(self, at: Nanos, out: list[Output]) -> None:
        """Count a connection to the venue that broke (RSK-4, scenario 1)."""
        del out
        self._drops.roll(at)
        self._drops.note(1, 1)

    def open_orders(self) -> int:
        """How many orders have to end before a PanicStop may close."""
        return sum(
            1
            for desk in self._desks
            for order in desk.table.live.values()
            if not order.ended and order.aim is not Aim.CLOSE
        )

    def carry(self) -> SafetyCarried:
        return SafetyCarried(
            self._traded.carry(),
            self._messages.carry(),
            self._drops.carry(),
            self._margin_rate,
            self._short,
            self._proof.carry(),
        )

    def restore(self, carried: SafetyCarried) -> None:
        self._traded.restore(carried.traded)
        self._messages.restore(carried.messages)
        self._drops.restore(carried.drops)
        self._margin_rate = carried.margin_rate
        self._short = carried.short
        self._proof.restore(carried.proof)

    def _find_step(self, at: Nanos, out: list[Output]) -> None:
        """Find the step of a PanicStop from what is known to rest, and then from the venue's proof.

        An order whose fate is unknown holds nothing up once the venue shows that it does not rest;
        but nothing is flat before it is known to have ended.
        """
        panic, proof = self._floor.panic, self._proof
        orders = [o for desk in self._desks for o in desk.table.live.values() if not o.ended]
        known = [order for order in orders if self._is_known(order, at)]
        if known:
            proof.void()
            quoting = any(order.aim is not Aim.CLOSE for order in known)
            step = PanicStep.CANCELLING if quoting else PanicStep.CLOSING
        else:
            if not proof.holds() or at - proof.asked_at >= PROOF_AGE_MAX_NS:
                if panic.step is PanicStep.FLAT and proof.holds():
                    return
                proof.void()
            proof.ask(at, out)
            step = self._step_proved(orders)
        panic.go(step, len(orders), self._position_proved(), out)

    def _step_proved(self, orders: list[Order]) -> PanicStep:
        if not self._proof.complete:
            return PanicStep.VERIFYING
        if self._position_proved():
            return PanicStep.CLOSING
        return PanicStep.VERIFYING if orders else PanicStep.FLAT

    def _is_known(self, order: Order, at: Nanos) -> bool:
        """Whether an answer about this order is still to be expected, or it is known to rest."""
        if order.state in UNKNOWN:
            return False
        if order.aim is Aim.CLOSE or not order.cancelling:
            return True
        return at - order.changed_at < self._floor.settings.panic_ask_interval_ns

    def _on_account(self, told: AccountTold) -> None:
        """Take the venue's own margin, and what is free of the account's asset."""
        if told.margin_balance > 0:
            self._margin_rate = ratio(told.maintenance_margin, told.margin_balance)
            self._floor.account.moved = True
        asset = self._floor.settings.account.quote_asset
        free = next((each.free for each in told.balances if each.asset == asset), None)
        if free is None and told.whole:
            free = Money(0)
        if free is not None and self._balance_min:
            self._short = ratio(self._balance_min - free, self._balance_min)

    def _on_terms(self, told: InstrumentReport, at: Nanos, out: list[Output]) -> None:
        if isinstance(told, InstrumentTold):
            instrument_id = told.instrument.instrument_id
        else:
            instrument_id = told.instrument_id
        latest = max((desk.terms.newest() for desk in self._desks), default=Revision(0))
        for desk in self._desks:
            if desk.instrument_id == instrument_id:
                desk.terms.on_told(told, latest, at, out)

    def _position(self) -> Lots:
        return Lots(sum(abs(desk.ledger.position) for desk in self._desks))

    def _position_proved(self) -> Lots:
        """Add up what the venue holds, dust left out; before it has told, what we hold."""
        if not self._proof.complete:
            return self._position()
        return Lots(sum(abs(self._proof.position(desk)) for desk in self._desks))
