"""What the core found out about the venue, the account and how well the two records agree."""

from trading_runtime.records.event import Event
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


class ReconcileBegan(Event, frozen=True, kw_only=True, tag=True):
    """Orders, trades and account are being compared with the venue's; nothing is quoted yet."""

    module = Module.OMS
    level = Level.INFO

    reason: str


class Reconciled(Event, frozen=True, kw_only=True, tag=True):
    """Our record and the venue's agree, after what was adopted, booked and re-based."""

    module = Module.OMS
    level = Level.INFO

    reason: str
    duration_ns: Nanos
    open_orders: int
    adopted: int
    trades_booked: int
    drifted: int
    """Positions or balances that had to be re-based."""


class OrderAdopted(Event, frozen=True, kw_only=True, tag=True):
    """An order with our prefix that no record of ours knew; it is ours from here on."""

    module = Module.OMS
    level = Level.WARN

    order: ClientId
    revision: Revision
    venue_order: str
    side: Side
    price: Ticks
    size: Lots
    filled: Lots


class OrderDiffers(Event, frozen=True, kw_only=True, tag=True):
    """One difference between our table and the venue's (OMS-4)."""

    module = Module.OMS
    level = Level.WARN

    order: ClientId
    revision: Revision
    difference: str
    ours: str
    venues: str


class PositionDrifted(Event, frozen=True, kw_only=True, tag=True):
    """The venue's position is not what our fills come to; ours is re-based on the venue's."""

    module = Module.RISK
    level = Level.ERROR

    revision: Revision
    ours: Lots
    venues: Lots
    reason: str


class BalanceChanged(Event, frozen=True, kw_only=True, tag=True):
    """A balance as the venue tells it, in 10 ** -8 of the asset."""

    module = Module.OMS
    level = Level.DEBUG

    venue: str
    asset: str
    free: Money
    locked: Money
    reason: str


class BalanceDrifted(Event, frozen=True, kw_only=True, tag=True):
    """A balance moved without a fill, fee or funding of ours: a transfer, or somebody's trade."""

    module = Module.RISK
    level = Level.ERROR

    venue: str
    asset: str
    expected: Money
    told: Money
    reason: str


class RateLimited(Event, frozen=True, kw_only=True, tag=True):
    """The venue turned us away; no new order is sent until ``until``, and fewer after that."""

    module = Module.OMS
    level = Level.ERROR

    venue: str
    barred: str
    retry_after_ns: Nanos
    until: Nanos
    strikes: int
    """In a row: with each the rate is lowered further, until trading stops."""


class RateLimitLifted(Event, frozen=True, kw_only=True, tag=True):
    module = Module.OMS
    level = Level.INFO

    venue: str


class BudgetShort(Event, frozen=True, kw_only=True, tag=True):
    """Most of one of the venue's limits is used; new orders wait, cancels do not."""

    module = Module.OMS
    level = Level.WARN

    venue: str
    kind: str
    window_ns: Nanos
    used: int
    limit: int


class StartGateHeld(Event, frozen=True, kw_only=True, tag=True):
    """Quoting does not begin because of this; said once, until it changes."""

    module = Module.RISK
    level = Level.WARN

    instrument_id: str
    check: str
    found: str
    wanted: str


class StartGatePassed(Event, frozen=True, kw_only=True, tag=True):
    module = Module.RISK
    level = Level.INFO

    instrument_id: str


class ReferenceMarked(Event, frozen=True, kw_only=True, tag=True):
    """The venue's own mark and index price, 0 where it has none, and the next funding's rate."""

    module = Module.MARKETDATA
    level = Level.DEBUG

    revision: Revision
    mark: Ticks
    index: Ticks
    funding_rate: Micro


class TradingStatusChanged(Event, frozen=True, kw_only=True, tag=True):
    """Whether the venue takes orders in this market: open, cancel only or halted."""

    module = Module.RISK
    level = Level.WARN

    instrument_id: str
    status: str


class AccountStreamEnded(Event, frozen=True, kw_only=True, tag=True):
    """What happens to our orders is not told any more: no quotes until it is, and reconciled."""

    module = Module.OMS
    level = Level.ERROR

    venue: str
    reason: str


class QuotingHeld(Event, frozen=True, kw_only=True, tag=True):
    """Nothing is quoted for this reason of the venue's side: a lost line, reconciliation, a limit.

    An empty ``reason`` says that nothing holds it any more.
    """

    module = Module.STRATEGY
    level = Level.WARN

    reason: str


VenueFact = (
    ReconcileBegan
    | Reconciled
    | OrderAdopted
    | OrderDiffers
    | PositionDrifted
    | BalanceChanged
    | BalanceDrifted
    | RateLimited
    | RateLimitLifted
    | BudgetShort
    | StartGateHeld
    | StartGatePassed
    | ReferenceMarked
    | TradingStatusChanged
    | AccountStreamEnded
    | QuotingHeld
)
