"""The limits of RSK-1 and RSK-2 as settings; what is not set is never broken.

Sizes are decimal text in the base asset, because a person sets them; they are counted in lots,
rounded down, once the instrument is known. Ratios are millionths.
"""

from decimal import ROUND_CEILING, Decimal

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.exact import DECIMAL_TEXT
from trading_runtime.records.facts_trading import Response
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import MICROS_PER_UNIT, Lots, Micro, Nanos


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Broken above ``trigger``, whole again at or below ``clear``; in between it stays."""

    trigger: int
    clear: int
    response: Response

    def __post_init__(self) -> None:
        if self.clear > self.trigger:
            raise ValueError(f"clears at {self.clear}, above its trigger {self.trigger}")


NEVER = 2**62
OFF = Threshold(trigger=NEVER, clear=NEVER, response=Response.PAUSE)
TWICE_OVER = Threshold(
    trigger=2 * MICROS_PER_UNIT, clear=MICROS_PER_UNIT, response=Response.PANIC_STOP
)
"""The gate lets no order lead there: whoever did, it was none of our quotes."""


class InstrumentLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one instrument is held to."""

    inventory_max: str
    """On either side of flat, with all that is pending."""
    order_size_max: str
    price_band: Micro
    """The greatest distance of a price from the mid, as a share of the mid."""
    open_orders_max: int
    slippage_max: Micro
    """How far beyond the best opposite price an order that closes may go, as a share of it."""
    cancel_rate: Threshold
    """Cancels over new orders in the window, in millionths."""
    order_rate: Threshold
    """New orders in the window that the throttles held back, a count."""
    consecutive_rejects: Threshold
    """A count; forgotten when none has come for a whole window."""
    volatility: Threshold
    """Ticks per square root of a second, in millionths."""
    depth_lag_ns: Threshold
    reference: Threshold = OFF
    """The mid's distance from the venue's mark (else index) price, as a share of that price."""
    position: Threshold = TWICE_OVER
    """The position over ``inventory_max``, in millionths."""

    def __post_init__(self) -> None:
        for name in ("inventory_max", "order_size_max"):
            text = {"inventory_max": self.inventory_max, "order_size_max": self.order_size_max}[
                name
            ]
            if not DECIMAL_TEXT.fullmatch(text):
                raise ValueError(f"{name} {text!r} is not a plain decimal number")
        if min(self.price_band, self.slippage_max, self.open_orders_max) < 0:
            raise ValueError("a limit is negative")


class AccountLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the account is held to over all instruments."""

    leverage_max: Micro
    """Notional of all positions and of what is about to be pending, over equity."""
    daily_loss: Threshold
    """Of the day's first equity (MaxDailyLossPercent)."""
    drawdown: Threshold
    """Of the highest equity."""
    risk_rate: Threshold
    """Maintenance margin over equity: the first step, which pauses (RSK-5)."""
    risk_rate_close: Threshold
    """The second step, which closes all (RiskRateLimit)."""
    notional_rate: Threshold = OFF
    """What was bought and sold in the window, in whole units of the account's asset."""
    message_rate: Threshold = OFF
    """Orders, amendments and cancels in the window, a count."""
    connections_lost: Threshold = OFF
    """Connections to the venue that broke in the window, a count (RSK-4)."""
    balance_min: str = "0"
    """With less of the account's asset free nothing new is placed; decimal text."""
    venue_leverage_max: int = 20
    """The greatest leverage that an instrument may be set to at the venue."""
    clock_offset_max_ns: Nanos = Nanos(1_000_000_000)
    """Between the venue's clock and ours, either way."""
    api_error_rate: Threshold
    """Rejects, refusals and lost answers over all answers in the window, in millionths."""
    window_ns: Nanos
    """Rates count events of the present window and the one before it."""
    window_events_min: int
    """With fewer events a rate says nothing, and counts as 0."""

    def __post_init__(self) -> None:
        if self.window_ns <= 0 or self.window_events_min <= 0:
            raise ValueError("window_ns and window_events_min are positive")
        if not DECIMAL_TEXT.fullmatch(self.balance_min):
            raise ValueError(f"balance_min {self.balance_min!r} is not a plain decimal number")
        if self.venue_leverage_max < 1 or self.clock_offset_max_ns < 0:
            raise ValueError("venue_leverage_max is at least 1, clock_offset_max_ns not negative")


class OrderLimits(msgspec.Struct, frozen=True, gc=False):
    """The pre-trade limits of one instrument, counted on its grid: what the gate reads.

    The last three are the venue's own filters (``records.instruments``); ``notional_min`` counts
    one tick times one lot.
    """

    inventory_max: Lots
    order_size_max: Lots
    price_band: Micro
    open_orders_max: int
    leverage_max: Micro
    price_step: int = 1
    size_step: int = 1
    notional_min: int = 0


def order_limits(
    instrument: InstrumentLimits, account: AccountLimits, scales: Scales
) -> OrderLimits:
    """Count the limits in lots; raise :exc:`Refused` where one is below a single lot."""
    return OrderLimits(
        in_lots("inventory_max", instrument.inventory_max, scales),
        in_lots("order_size_max", instrument.order_size_max, scales),
        instrument.price_band,
        instrument.open_orders_max,
        account.leverage_max,
        scales.instrument.price_step,
        scales.instrument.size_step,
        in_tick_lots(scales.instrument),
    )


def in_tick_lots(instrument: Instrument) -> int:
    """Count the least notional of an order in ticks times lots, rounded up."""
    one = Decimal(instrument.tick_size) * Decimal(instrument.lot_size)
    least = Decimal(instrument.notional_min) / (one * Decimal(instrument.multiplier))
    return int(least.to_integral_value(ROUND_CEILING))


def in_lots(name: str, text: str, scales: Scales) -> Lots:
    """Count decimal ``text`` in lots, rounded down; raise :exc:`Refused` below one lot."""
    lots = int(Decimal(text) // Decimal(scales.instrument.lot_size))
    if lots < 1:
        raise Refused(f"{name} {text} is less than one lot of {scales.instrument.lot_size}")
    return Lots(lots)
