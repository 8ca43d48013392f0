"""The limits of RSK-1 and RSK-2 as settings: none has a default.

Sizes are decimal text in the base asset, because a person sets them; they are counted in lots,
rounded down, once the instrument is known. Ratios are millionths.
"""

from decimal import Decimal

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.exact import DECIMAL_TEXT
from trading_runtime.records.facts_trading import Response
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Lots, Micro, Nanos


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Broken above ``trigger``, whole again at or below ``clear``; in between it stays."""

    trigger: int
    clear: int
    response: Response

    def __post_init__(self) -> None:
        if self.clear > self.trigger:
            raise ValueError(f"clears at {self.clear}, above its trigger {self.trigger}")


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
    api_error_rate: Threshold
    """Rejects, refusals and lost answers over all answers in the window, in millionths."""
    window_ns: Nanos
    """Rates count events of the present window and the one before it."""
    window_events_min: int
    """With fewer events a rate says nothing, and counts as 0."""

    def __post_init__(self) -> None:
        if self.window_ns <= 0 or self.window_events_min <= 0:
            raise ValueError("window_ns and window_events_min are positive")


class OrderLimits(msgspec.Struct, frozen=True, gc=False):
    """The pre-trade limits of one instrument, counted on its grid: what the gate reads."""

    inventory_max: Lots
    order_size_max: Lots
    price_band: Micro
    open_orders_max: int
    leverage_max: Micro


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
    )


def in_lots(name: str, text: str, scales: Scales) -> Lots:
    """Count decimal ``text`` in lots, rounded down; raise :exc:`Refused` below one lot."""
    lots = int(Decimal(text) // Decimal(scales.instrument.lot_size))
    if lots < 1:
        raise Refused(f"{name} {text} is less than one lot of {scales.instrument.lot_size}")
    return Lots(lots)
