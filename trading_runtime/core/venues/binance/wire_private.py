"""The venue's words about orders, each as little as is needed of it; what is new is skipped.

Events and answers of both markets; where they differ in a field, both stand here. Field names of
answers are the venue's in snake case.
"""

import msgspec

from trading_runtime.core.venues.binance.wire import Id, Millis

TRADE_NONE = -1


class ExecutionReport(msgspec.Struct, gc=False, tag_field="e", tag="executionReport"):
    """Of the spot market; ``C`` is our order's id where ``c`` is that of its cancel."""

    s: str
    c: str
    x: str
    X: str
    i: Id
    q: str
    z: str
    l: str  # noqa: E741 -- the venue's own word
    L: str
    T: Millis
    t: int
    m: bool
    n: str | None = None
    N: str | None = None
    C: str = ""
    f: str = ""
    r: str = ""


class BalanceWire(msgspec.Struct, gc=False):
    a: str
    f: str
    l: str  # noqa: E741 -- the venue's own word


class OutboundAccountPosition(
    msgspec.Struct, gc=False, tag_field="e", tag="outboundAccountPosition"
):
    u: Millis
    B: list[BalanceWire]


class BalanceUpdate(msgspec.Struct, gc=False, tag_field="e", tag="balanceUpdate"):
    """A deposit, a withdrawal or a transfer; only the change is told."""

    T: Millis


class ExternalLockUpdate(msgspec.Struct, gc=False, tag_field="e", tag="externalLockUpdate"):
    T: Millis


class EventStreamTerminated(msgspec.Struct, gc=False, tag_field="e", tag="eventStreamTerminated"):
    pass


SpotEvent = (
    ExecutionReport
    | OutboundAccountPosition
    | BalanceUpdate
    | ExternalLockUpdate
    | EventStreamTerminated
)


class WrappedEvent(msgspec.Struct, gc=False):
    """How the spot market sends its events."""

    event: SpotEvent


class OrderWire(msgspec.Struct, gc=False):
    """The order of a futures order update."""

    s: str
    c: str
    x: str
    X: str
    i: Id
    q: str
    z: str
    l: str  # noqa: E741 -- the venue's own word
    L: str
    T: Millis
    t: int
    m: bool
    n: str | None = None
    N: str | None = None
    C: str = ""
    f: str = ""
    r: str = ""


class OrderTradeUpdate(msgspec.Struct, gc=False, tag_field="e", tag="ORDER_TRADE_UPDATE"):
    o: OrderWire


class WalletWire(msgspec.Struct, gc=False):
    a: str
    wb: str
    bc: str = "0"


class PositionWire(msgspec.Struct, gc=False):
    s: str
    pa: str
    ps: str = "BOTH"


class AccountWire(msgspec.Struct, gc=False):
    m: str
    B: list[WalletWire] = []
    P: list[PositionWire] = []


class AccountUpdate(msgspec.Struct, gc=False, tag_field="e", tag="ACCOUNT_UPDATE"):
    T: Millis
    a: AccountWire


class LeverageWire(msgspec.Struct, gc=False):
    s: str
    l: int  # noqa: E741 -- the venue's own word


class AccountConfigUpdate(msgspec.Struct, gc=False, tag_field="e", tag="ACCOUNT_CONFIG_UPDATE"):
    ac: LeverageWire | None = None


class MarginCall(msgspec.Struct, gc=False, tag_field="e", tag="MARGIN_CALL"):
    E: Millis


class ListenKeyExpired(msgspec.Struct, gc=False, tag_field="e", tag="listenKeyExpired"):
    pass


UsdmEvent = OrderTradeUpdate | AccountUpdate | AccountConfigUpdate | MarginCall | ListenKeyExpired


class StreamedEvent(msgspec.Struct, gc=False):
    """A futures event over a combined connection."""

    data: UsdmEvent


class Named(msgspec.Struct, gc=False):
    e: str = ""


class AnyFrame(msgspec.Struct, gc=False):
    """Enough of any frame to say what it is."""

    id: str | int | None = None
    e: str = ""
    event: Named | None = None
    data: Named | None = None
    status: int = 0


class FillWire(msgspec.Struct, gc=False, rename="camel"):
    price: str
    qty: str
    commission: str
    commission_asset: str
    trade_id: int


class AmendedWire(msgspec.Struct, gc=False, rename="camel"):
    symbol: str
    qty: str
    executed_qty: str
    status: str


class OrderBody(msgspec.Struct, gc=False, rename="camel"):
    """An order in an answer; which fields stand there hangs on what was asked."""

    symbol: str = ""
    order_id: Id = 0
    client_order_id: str = ""
    status: str = ""
    side: str = ""
    price: str = "0"
    orig_qty: str = ""
    executed_qty: str = ""
    reduce_only: bool = False
    time_in_force: str = ""
    transact_time: Millis = 0
    update_time: Millis = 0
    fills: list[FillWire] = []
    amended_order: AmendedWire | None = None


class ErrorData(msgspec.Struct, gc=False, rename="camel"):
    server_time: Millis = 0
    retry_after: Millis = 0


class ErrorWire(msgspec.Struct, gc=False):
    code: int
    msg: str = ""
    data: ErrorData | None = None


class RateLimitWire(msgspec.Struct, gc=False, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int = 0


class SocketAnswer(msgspec.Struct, gc=False, rename="camel"):
    id: str | int | None
    status: int
    result: OrderBody | None = None
    error: ErrorWire | None = None
    rate_limits: list[RateLimitWire] = []
