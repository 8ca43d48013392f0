"""The continuous limits (RSK-2): each is broken above its trigger until it is at its clear again.

A breach is said once, and so is its end. What follows from those that are broken is up to the
engine: REFUSE places nothing new, PAUSE withdraws the quotes, PANIC_STOP latches.
"""

import msgspec

from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import (
    Limit,
    Response,
    RiskLimitCleared,
    RiskLimitTriggered,
)
from trading_runtime.records.units import MICROS_PER_UNIT, Micro, Nanos
from trading_runtime.risk.limits import AccountLimits, InstrumentLimits, Threshold

SHORT = Threshold(trigger=0, clear=0, response=Response.REFUSE)
"""Anything missing from the least balance is too much."""
NOBODY = ""
"""The instrument of a limit of the whole account."""


class Monitor:
    """One limit with its hysteresis."""

    __slots__ = ("broken", "clear", "limit", "response", "trigger", "unit")

    def __init__(self, limit: Limit, threshold: Threshold, unit: str) -> None:
        self.limit = limit
        self.trigger = threshold.trigger
        self.clear = threshold.clear
        self.response = threshold.response
        self.unit = unit
        self.broken = False


class Watch:
    """The limits of one instrument, or of the account, in a fixed order."""

    __slots__ = ("_instrument_id", "_monitors", "_values", "panic", "paused", "refuses")

    def __init__(self, instrument_id: str, monitors: tuple[Monitor, ...]) -> None:
        self._instrument_id = instrument_id
        self._monitors = monitors
        self._values: tuple[int, ...] = ()
        """Judged last: the same ones again change nothing."""
        self.paused = ""
        """The first broken limit that pauses; empty when none does."""
        self.panic = ""
        self.refuses = False

    def judge(self, values: tuple[int, ...], out: list[Output]) -> None:
        """Hold each limit's value against it, in the order of the monitors."""
        if values == self._values:
            return
        self._values = values
        moved = False
        for monitor, value in zip(self._monitors, values, strict=True):
            if monitor.broken:
                if value <= monitor.clear:
                    monitor.broken = False
                    moved = True
                    out.append(
                        RiskLimitCleared(instrument_id=self._instrument_id, limit=monitor.limit)
                    )
            elif value > monitor.trigger:
                monitor.broken = True
                moved = True
                out.append(
                    RiskLimitTriggered(
                        instrument_id=self._instrument_id,
                        limit=monitor.limit,
                        value=value,
                        threshold=monitor.trigger,
                        unit=monitor.unit,
                        response=monitor.response,
                    )
                )
        if moved:
            self._conclude()

    def rearm(self) -> None:
        """Forget what is broken, so that what is still broken is said and answered again."""
        for monitor in self._monitors:
            monitor.broken = False
        self._values = ()
        self._conclude()

    def carry(self) -> tuple[bool, ...]:
        return tuple(monitor.broken for monitor in self._monitors)

    def restore(self, carried: tuple[bool, ...]) -> None:
        for monitor, broken in zip(self._monitors, carried, strict=True):
            monitor.broken = broken
        self._conclude()

    def _conclude(self) -> None:
        self.paused = self._first(Response.PAUSE)
        self.panic = self._first(Response.PANIC_STOP)
        self.refuses = bool(self._first(Response.REFUSE))

    def _first(self, response: Response) -> str:
        for monitor in self._monitors:
            if monitor.broken and monitor.response is response:
                return monitor.limit.value
        return ""


class WindowCarried(msgspec.Struct, frozen=True, array_like=True):
    ends_at: Nanos
    now: tuple[int, int]
    before: tuple[int, int]


class Window:
    """Counts two kinds of events over the present window and the one before it."""

    __slots__ = (
        "_before",
        "_before_of",
        "_events_min",
        "_now",
        "_now_of",
        "_span",
        "count",
        "ends_at",
        "rate",
    )

    def __init__(self, span: Nanos, events_min: int) -> None:
        self._span = span
        self._events_min = events_min
        self.ends_at = Nanos(0)
        self._now = self._now_of = self._before = self._before_of = 0
        self.count = 0
        """The numerator by itself."""
        self.rate = Micro(0)
        """Numerator over denominator, rounded up; 0 while the denominator is too small."""

    def roll(self, at: Nanos) -> None:
        """Move on to the window that holds ``at``."""
        if at < self.ends_at:
            return
        over = at - self.ends_at
        if over < self._span:
            self._before, self._before_of = self._now, self._now_of
        else:
            self._before = self._before_of = 0
        self._now = self._now_of = 0
        self.ends_at = Nanos(at - over % self._span + self._span)
        self._add_up()

    def note(self, part: int, whole: int) -> None:
        """Count ``part`` of the numerator and ``whole`` of the denominator."""
        self._now += part
        self._now_of += whole
        self._add_up()

    def carry(self) -> WindowCarried:
        return WindowCarried(
            self.ends_at, (self._now, self._now_of), (self._before, self._before_of)
        )

    def restore(self, carried: WindowCarried) -> None:
        self.ends_at = carried.ends_at
        self._now, self._now_of = carried.now
        self._before, self._before_of = carried.before
        self._add_up()

    def _add_up(self) -> None:
        part, whole = self._now + self._before, self._now_of + self._before_of
        self.count = part
        enough = whole >= self._events_min
        self.rate = Micro(-(-part * MICROS_PER_UNIT // whole) if enough else 0)


def instrument_watch(instrument_id: str, limits: InstrumentLimits) -> Watch:
    """Judge one instrument.

    By (cancel rate, orders held back, rejects, volatility, depth lag, reference, position).
    """
    return Watch(
        instrument_id,
        (
            Monitor(Limit.CANCEL_RATE, limits.cancel_rate, "micro"),
            Monitor(Limit.ORDER_RATE, limits.order_rate, "orders"),
            Monitor(Limit.CONSECUTIVE_REJECTS, limits.consecutive_rejects, "rejects"),
            Monitor(Limit.VOLATILITY, limits.volatility, "micro"),
            Monitor(Limit.DEPTH_LAG, limits.depth_lag_ns, "ns"),
            Monitor(Limit.REFERENCE, limits.reference, "micro"),
            Monitor(Limit.POSITION, limits.position, "micro"),
        ),
    )


def account_watch(limits: AccountLimits) -> Watch:
    """Judge the account.

    By (daily loss, drawdown, risk rate, risk rate again, API error rate, notional, messages,
    connections lost, what is missing from the least balance).
    """
    return Watch(
        NOBODY,
        (
            Monitor(Limit.DAILY_LOSS, limits.daily_loss, "micro"),
            Monitor(Limit.DRAWDOWN, limits.drawdown, "micro"),
            Monitor(Limit.RISK_RATE, limits.risk_rate, "micro"),
            Monitor(Limit.RISK_RATE, limits.risk_rate_close, "micro"),
            Monitor(Limit.API_ERROR_RATE, limits.api_error_rate, "micro"),
            Monitor(Limit.NOTIONAL_RATE, limits.notional_rate, "quote"),
            Monitor(Limit.MESSAGE_RATE, limits.message_rate, "messages"),
            Monitor(Limit.CONNECTIONS, limits.connections_lost, "connections"),
            Monitor(Limit.BALANCE, SHORT, "micro"),
        ),
    )
