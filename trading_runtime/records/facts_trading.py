"""What the engine decided and what became of it: quotes, orders, fills, risk, account."""

from enum import Enum

from trading_runtime.records.event import Event
from trading_runtime.records.lifecycle import Happening, OrderState
from trading_runtime.records.units import (
    ClientId,
    Level,
    Lots,
    Micro,
    Module,
    Money,
    Nanos,
    Revision,
    Side,
    Ticks,
)


class QuotesDecided(Event, frozen=True, kw_only=True, tag=True):
    """The desired quotes changed, with all that explains them (LOG-4).

    ``bid`` and ``ask`` are the innermost desired prices, 0 where that side is empty;
    ``spread_ticks`` is their distance, 0 unless both are there.
    """

    module = Module.STRATEGY
    level = Level.INFO

    revision: Revision
    bid: Ticks
    ask: Ticks
    spread_ticks: Ticks
    bid_levels: int
    ask_levels: int
    fair_micro: int
    """The price that the quotes stand around, in millionths of a tick."""
    imbalance: Micro
    volatility: Micro
    """Ticks per square root of a second, in millionths (``market.signals``)."""
    trend: Micro
    """Ticks per second, in millionths (``market.signals``)."""
    inventory: Lots
    effective_inventory: Lots
    reason: str


class StrategyPaused(Event, frozen=True, kw_only=True, tag=True):
    module = Module.STRATEGY
    level = Level.WARN

    instrument_id: str
    reason: str


class StrategyResumed(Event, frozen=True, kw_only=True, tag=True):
    module = Module.STRATEGY
    level = Level.INFO

    instrument_id: str
    reason: str


class StrategyRaised(Event, frozen=True, kw_only=True, tag=True):
    """The user's class raised; its instrument is paused and its orders are cancelled."""

    module = Module.STRATEGY
    level = Level.ERROR

    instrument_id: str
    exception: str
    where: str


class HedgeDecided(Event, frozen=True, kw_only=True, tag=True):
    """Inventory left its band: an aggressive order brings it back (STR-3)."""

    module = Module.STRATEGY
    level = Level.INFO

    revision: Revision
    side: Side
    price: Ticks
    size: Lots
    inventory: Lots
    band: Lots


class ParametersRefused(Event, frozen=True, kw_only=True, tag=True):
    module = Module.AUDIT
    level = Level.WARN

    instrument_id: str
    reason: str


class Throttle(Enum):
    """What our own rate of messages is held to (OMS-3)."""

    ORDERS = "orders_per_second"
    CANCELS = "cancels_per_second"
    OPEN_ORDERS = "open_orders"


class OrderAccepted(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.INFO

    order: ClientId
    revision: Revision
    venue_order: str
    latency_ns: Nanos


class OrderRejected(Event, frozen=True, kw_only=True, tag=True):
    """``code`` and ``reason`` are the venue's own; ``retry`` says whether a new try makes sense."""

    module = Module.OMS
    level = Level.WARN

    order: ClientId
    revision: Revision
    code: int
    reason: str
    retry: bool


class OrderFilled(Event, frozen=True, kw_only=True, tag=True):
    """One execution; an order filled in three parts has three. ``remaining`` is after it."""

    module = Module.OMS
    level = Level.INFO

    order: ClientId
    revision: Revision
    venue_trade: str
    side: Side
    price: Ticks
    size: Lots
    remaining: Lots
    fee: Money
    fee_asset: str
    maker: bool
    venue_time: Nanos


class OrderAmended(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.INFO

    order: ClientId
    revision: Revision
    size: Lots
    latency_ns: Nanos


class OrderCancelled(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.INFO

    order: ClientId
    revision: Revision
    filled: Lots
    latency_ns: Nanos


class OrderExpired(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.INFO

    order: ClientId
    revision: Revision
    filled: Lots
    reason: str


class OrderUnknown(Event, frozen=True, kw_only=True, tag=True):
    """The answer was lost: the order counts at full size until a query proves its fate."""

    module = Module.OMS
    level = Level.WARN

    order: ClientId
    revision: Revision
    state: OrderState
    reason: str


class CancelRefused(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.WARN

    order: ClientId
    revision: Revision
    code: int
    reason: str


class AmendRefused(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.WARN

    order: ClientId
    revision: Revision
    code: int
    reason: str


class FillsDisagree(Event, frozen=True, kw_only=True, tag=True):
    """The venue's cumulative size is not what the fills sum to.

    ``cumulative`` above ``booked``: fills are missing; they count as pending and are asked for.
    Below: a fill beyond the cumulative size came; it is not booked.
    """

    module = Module.OMS
    level = Level.ERROR

    order: ClientId
    revision: Revision
    booked: Lots
    cumulative: Lots


class ThrottleReached(Event, frozen=True, kw_only=True, tag=True):
    """Actions wait for a token, or for the open-order cap; said once until none waits."""

    module = Module.OMS
    level = Level.WARN

    instrument_id: str
    throttle: Throttle
    waiting: int


class TransitionImpossible(Event, frozen=True, kw_only=True, tag=True):
    """The venue told of something that cannot happen in this state: an alarm, nothing changes."""

    module = Module.OMS
    level = Level.ERROR

    order: ClientId
    state: OrderState
    happening: Happening


class ForeignOrderSeen(Event, frozen=True, kw_only=True, tag=True):
    """A report of an order that is not ours; it is never touched."""

    module = Module.OMS
    level = Level.WARN

    order: ClientId
    happening: Happening


class Limit(Enum):
    """What an intent or the account can break (RSK-1, RSK-2)."""

    INVENTORY = "max_inventory"
    ORDER_SIZE = "order_size"
    PRICE_BAND = "price_band"
    OPEN_ORDERS = "open_orders"
    LEVERAGE = "leverage"
    REDUCE_ONLY = "reduce_only"
    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    CANCEL_RATE = "cancel_rate"
    ORDER_RATE = "order_rate"
    API_ERROR_RATE = "api_error_rate"
    VOLATILITY = "volatility_panic"
    RISK_RATE = "risk_rate_limit"
    DEPTH_LAG = "depth_lag"
    CONSECUTIVE_REJECTS = "consecutive_rejects"
    ORDER_GRID = "order_grid"
    NOTIONAL_MIN = "notional_min"
    SELF_TRADE = "self_trade"
    REFERENCE = "reference_price"
    NOTIONAL_RATE = "notional_per_interval"
    MESSAGE_RATE = "messages_per_interval"
    CONNECTIONS = "connections_lost"
    POSITION = "position_twice_over"
    BALANCE = "balance_low"


class Response(Enum):
    """What a broken limit leads to (RSK-3)."""

    REFUSE = "refuse"
    PAUSE = "pause"
    PANIC_STOP = "panic_stop"


class IntentRefused(Event, frozen=True, kw_only=True, tag=True):
    """The gate did not let this order through; ``value`` and ``threshold`` are in ``unit``."""

    module = Module.RISK
    level = Level.WARN

    revision: Revision
    side: Side
    price: Ticks
    size: Lots
    limit: Limit
    value: int
    threshold: int
    unit: str


class RiskLimitTriggered(Event, frozen=True, kw_only=True, tag=True):
    """A continuous limit is broken; said once until it holds again."""

    module = Module.RISK
    level = Level.ERROR

    instrument_id: str
    limit: Limit
    value: int
    threshold: int
    unit: str
    response: Response


class RiskLimitCleared(Event, frozen=True, kw_only=True, tag=True):
    module = Module.RISK
    level = Level.WARN

    instrument_id: str
    limit: Limit


class PanicStopTriggered(Event, frozen=True, kw_only=True, tag=True):
    """Latched: nothing is placed but what closes, until an authorised person clears it."""

    module = Module.RISK
    level = Level.CRITICAL

    reason: str


class PanicStep(Enum):
    """The steps of PanicStop, in their order."""

    LATCHED = "latched"
    CANCELLING = "cancelling"
    VERIFYING = "verifying"
    """Nothing of ours is known to rest: the venue is asked what does, and what is held."""
    CLOSING = "closing"
    FLAT = "flat"


class PanicStopStepped(Event, frozen=True, kw_only=True, tag=True):
    module = Module.RISK
    level = Level.CRITICAL

    step: PanicStep
    open_orders: int
    position: Lots


class PanicStopCleared(Event, frozen=True, kw_only=True, tag=True):
    module = Module.RISK
    level = Level.WARN

    user: str


class InventoryChanged(Event, frozen=True, kw_only=True, tag=True):
    """After a fill: the position, and with it all that is pending on each side."""

    module = Module.RISK
    level = Level.INFO

    revision: Revision
    position: Lots
    pending_buy: Lots
    pending_sell: Lots


class PnlMarked(Event, frozen=True, kw_only=True, tag=True):
    """Profit since the day's start, average cost method; all in quote money.

    ``equity`` = starting balance + realized - fees + funding + unrealized, over all days.
    """

    module = Module.RISK
    level = Level.INFO

    revision: Revision
    realized: Money
    fees: Money
    funding: Money
    unrealized: Money
    equity: Money
    position: Lots
    mark_micro: int
    """The price that the position was marked at, in millionths of a tick."""


class AccountMarked(Event, frozen=True, kw_only=True, tag=True):
    """The whole account, in the account's money: what the limits of RSK-2 are held against."""

    module = Module.RISK
    level = Level.INFO

    equity: Money
    day_start_equity: Money
    peak_equity: Money
    daily_loss: Micro
    """Of the day's first equity; 0 in profit."""
    drawdown: Micro
    """Of the highest equity ever."""
    risk_rate: Micro
    """Maintenance margin over equity."""


class FundingPaid(Event, frozen=True, kw_only=True, tag=True):
    module = Module.RISK
    level = Level.INFO

    revision: Revision
    amount: Money
    """Positive when received."""


class DayRolled(Event, frozen=True, kw_only=True, tag=True):
    """A new trading day: its loss counts from ``equity`` (in the account's money).

    ``day`` is ``YYYY-MM-DD`` at the business offset from UTC.
    """

    module = Module.RISK
    level = Level.INFO

    day: str
    equity: Money


TradingFact = (
    QuotesDecided
    | StrategyPaused
    | StrategyResumed
    | StrategyRaised
    | HedgeDecided
    | ParametersRefused
    | OrderAccepted
    | OrderRejected
    | OrderFilled
    | OrderAmended
    | OrderCancelled
    | OrderExpired
    | OrderUnknown
    | CancelRefused
    | AmendRefused
    | FillsDisagree
    | ThrottleReached
    | TransitionImpossible
    | ForeignOrderSeen
    | IntentRefused
    | RiskLimitTriggered
    | RiskLimitCleared
    | PanicStopTriggered
    | PanicStopStepped
    | PanicStopCleared
    | InventoryChanged
    | PnlMarked
    | AccountMarked
    | FundingPaid
    | DayRolled
)
