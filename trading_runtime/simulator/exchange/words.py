"""The vocabulary of the simulated venue: what is asked of it, what it answers, what happened.

Every price, quantity and amount here is an integer count of 10^-8 (``UNIT``) of its asset, so that
``"61800.20"`` is 6_180_020_000_000; ``amounts.units`` and ``amounts.text`` convert. Only the three
requests carry decimal text, as it stood on the wire: whether it fits is for the venue to judge.
Times are UTC nanoseconds. Enum values are the venue's own words as they go on the wire.
"""

from enum import Enum
from typing import NewType

import msgspec

from trading_runtime.errors import Refused

UNIT = 10**8
PPM = 1_000_000

AccountNumber = NewType("AccountNumber", int)


class MarketKind(Enum):
    SPOT = "spot"
    USDM = "usdm"


class SymbolStatus(Enum):
    TRADING = "TRADING"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"


class Side(Enum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(Enum):
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"


class TimeInForce(Enum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class OrderStatus(Enum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class ExecutionType(Enum):
    """``TRADE_PREVENTION`` and ``REPLACED`` are spot's, ``AMENDMENT`` and ``CALCULATED`` usdm's."""

    NEW = "NEW"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    TRADE = "TRADE"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"
    AMENDMENT = "AMENDMENT"
    CALCULATED = "CALCULATED"


class StpMode(Enum):
    """Self-trade prevention: what the *taker* asks for when it would meet its own account."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


class ReplaceMode(Enum):
    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


class CancelRestriction(Enum):
    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


class Reason(Enum):
    """Why balances changed: the ``m`` of ACCOUNT_UPDATE; spot shows it by the kind of event."""

    ORDER = "ORDER"
    DEPOSIT = "DEPOSIT"
    WITHDRAW = "WITHDRAW"
    FUNDING_FEE = "FUNDING_FEE"


class VenueError(Refused):
    """The venue's refusal with its own code and message; nothing was changed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class SymbolRules(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol's filters and fees. ``0`` in a maximum or a multiplier switches that rule off.

    Multipliers are of PERCENT_PRICE(_BY_SIDE) in ppm of the reference price (spot: last trade,
    usdm: mark price); a bid must lie in [down, up], and so must an ask. Fees and
    ``maintenance_ppm`` are ppm of the traded or held notional, ``max_leverage`` is for usdm.
    """

    symbol: str
    base: str
    quote: str
    status: SymbolStatus
    tick: int
    lot: int
    min_price: int
    max_price: int
    min_quantity: int
    max_quantity: int
    market_max_quantity: int
    min_notional: int
    max_notional: int
    max_orders: int
    max_amends: int
    bid_up_ppm: int
    bid_down_ppm: int
    ask_up_ppm: int
    ask_down_ppm: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    default_stp: StpMode
    maintenance_ppm: int
    max_leverage: int
    funding_interval_ns: int


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A request to place; decimals as text from the wire, ``None`` where the field was not sent."""

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None = None
    price: str | None = None
    quantity: str | None = None
    quote_quantity: str | None = None
    client_id: str | None = None
    reduce_only: bool = False
    stp_mode: StpMode | None = None


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Names an order by either id or both. ``new_client_id`` becomes spot's ``c`` of the report."""

    symbol: str
    order_id: int | None = None
    client_id: str | None = None
    new_client_id: str | None = None
    restriction: CancelRestriction | None = None


class AmendOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Spot amend keep priority: ``quantity`` must lie between the executed and the present one."""

    symbol: str
    quantity: str
    order_id: int | None = None
    client_id: str | None = None
    new_client_id: str | None = None


class ModifyOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Usdm modify: new price and quantity; the order goes to the back of its new queue."""

    symbol: str
    side: Side
    price: str
    quantity: str
    order_id: int | None = None
    client_id: str | None = None


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list of orders or trades is asked for.

    Ids from ``from_id`` on, the oldest
    first; with a time window, the oldest in it; with neither, the newest ``limit``.
    Both ends are inclusive.
    """

    from_id: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    order_id: int | None = None
    """Of trades alone: only this order's."""
    limit: int = 500


class TradeView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One side's part in one trade. ``realised`` (usdm) is before the fee."""

    trade_id: int
    symbol: str
    order_id: int
    client_id: str
    side: Side
    price: int
    quantity: int
    quote: int
    fee: int
    fee_asset: str
    maker: bool
    realised: int
    time_ns: int


class OrderView(msgspec.Struct, kw_only=True, gc=False):
    """An order as it stood at one moment; the receiver owns its copy and must not change it.

    ``price`` is 0 for a market order. ``quote`` is the cumulative quote amount. ``working_ns`` is
    when it was admitted. ``fills`` are the trades made as taker by the call that
    returned this view, and empty everywhere else. ``prevented_*`` are set when self-trade
    prevention ended it, else -1 and 0. ``expiry`` is usdm's ``er`` code ("0": none, "1":
    self-trade, "2": rest of IOC or FOK, "4": reduce-only without position, "5": liquidation, "9":
    rest of a market order). ``cancel_client_id`` is the cancel's own id on spot, else "".
    """

    account: AccountNumber
    symbol: str
    order_id: int
    client_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: int
    quantity: int
    quote_quantity: int
    executed: int
    quote: int
    status: OrderStatus
    reduce_only: bool
    stp_mode: StpMode
    created_ns: int
    updated_ns: int
    working_ns: int
    prevented_match_id: int
    prevented_quantity: int
    amends: int
    expiry: str
    cancel_client_id: str
    fills: tuple[TradeView, ...]

    @property
    def remaining(self) -> int:
        return self.quantity - self.executed

    @property
    def open(self) -> bool:
        return self.status is OrderStatus.NEW or self.status is OrderStatus.PARTIALLY_FILLED


class BalanceView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``wallet`` is all there is: free + locked on spot, the wallet balance on usdm.

    On usdm ``free`` is what new orders may use (with unrealised PnL), ``locked`` the initial margin
    of positions and orders. ``change`` is what the event that carries it did to ``wallet`` other
    than by trading (deposit, funding), else 0.
    """

    asset: str
    wallet: int
    free: int
    locked: int
    change: int


class PositionView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One-way cross position. ``quantity`` is signed; ``realised`` accumulates, before fees."""

    symbol: str
    quantity: int
    entry_price: int
    break_even_price: int
    mark_price: int
    liquidation_price: int
    unrealised: int
    realised: int
    notional: int
    leverage: int
    position_margin: int
    order_margin: int
    maintenance_margin: int
    updated_ns: int


class Replaced(msgspec.Struct, frozen=True, kw_only=True):
    """Of cancelReplace: both parts; ``placed`` is ``None`` when it was not attempted."""

    canceled: OrderView | VenueError
    placed: OrderView | VenueError | None


class DepthView(msgspec.Struct, frozen=True, kw_only=True):
    """Best level first; each level is (price, quantity). Answers REST depth."""

    symbol: str
    last_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class MarkView(msgspec.Struct, frozen=True, kw_only=True):
    """For the mark price stream and premiumIndex; ``mark`` is 0 until one is known."""

    symbol: str
    mark: int
    funding_rate: int
    next_funding_ns: int


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For executionReport and ORDER_TRADE_UPDATE. ``order`` is a copy as of this execution.

    Spot's ``c`` and ``C``: on CANCELED ``order.cancel_client_id`` and ``order.client_id``, on
    REPLACED ``order.client_id`` and ``previous_client_id`` (an amended order gets a new client id),
    else ``order.client_id`` and "".
    """

    order: OrderView
    execution: ExecutionType
    trade: TradeView | None
    execution_id: int
    previous_client_id: str
    time_ns: int


class BalancesChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For outboundAccountPosition, balanceUpdate and ACCOUNT_UPDATE: what changed, and no more.

    Comes once per call and account, after the call's ``OrderChanged``. Spot also sends it when only
    locks changed. ``positions`` is usdm's.
    """

    account: AccountNumber
    reason: Reason
    balances: tuple[BalanceView, ...]
    positions: tuple[PositionView, ...]
    time_ns: int


class LeverageChanged(msgspec.Struct, frozen=True, kw_only=True):
    """For ACCOUNT_CONFIG_UPDATE."""

    account: AccountNumber
    symbol: str
    leverage: int
    time_ns: int


class LevelsChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """New total quantities of the levels that one call changed; 0 deletes a level.

    Spot: ``first_id == previous_id + 1``. Usdm: only ``previous_id`` chains (its ``pu``), ids skip.
    To merge several into one frame: first ``first_id`` and ``previous_id``, last ``last_id``.
    """

    symbol: str
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    first_id: int
    last_id: int
    previous_id: int
    time_ns: int


class TouchChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Best bid and offer after a call that changed them; 0 where a side is empty."""

    symbol: str
    update_id: int
    bid_price: int
    bid_quantity: int
    ask_price: int
    ask_quantity: int
    time_ns: int


class Printed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One public trade. Ids count 1, 2, 3, … per symbol."""

    symbol: str
    trade_id: int
    price: int
    quantity: int
    buyer_is_maker: bool
    time_ns: int


class Liquidated(msgspec.Struct, frozen=True, kw_only=True):
    """For the public forceOrder stream; ``order`` as it ended."""

    order: OrderView
    time_ns: int


class SymbolRevised(msgspec.Struct, frozen=True, kw_only=True):
    rules: SymbolRules
    time_ns: int


Event = (
    OrderChanged
    | BalancesChanged
    | LeverageChanged
    | LevelsChanged
    | TouchChanged
    | Printed
    | Liquidated
    | SymbolRevised
)
