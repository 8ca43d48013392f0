"""What differs between the two markets in asking them: paths, page sizes and weights."""

from typing import NamedTuple


class Ask(NamedTuple):
    """A path and what the venue counts for it (documents of mid 2026)."""

    path: str
    weight: int


class Paths(NamedTuple):
    """One market's; orders are placed, cancelled and asked for by different verbs of ``order``."""

    order: str
    query_weight: int
    amend: Ask
    amend_method: str
    """Over the socket."""
    depth: Ask
    depth_levels: int
    time: Ask
    account: Ask
    open_orders: Ask
    fees: Ask
    instrument: Ask
    reference: Ask
    terms: Ask
    trades: Ask


PERMISSIONS = Ask("/sapi/v1/account/apiRestrictions", 1)
LISTEN_KEY = Ask("/fapi/v1/listenKey", 1)
DEAD_MAN = Ask("/fapi/v1/countdownCancelAll", 10)
SUBSCRIBE = Ask("userDataStream.subscribe.signature", 2)
TRADES_MAX = 1_000
"""Of one answer, on both markets."""

SPOT = Paths(
    order="/api/v3/order",
    query_weight=4,
    amend=Ask("/api/v3/order/amend/keepPriority", 4),
    amend_method="order.amend.keepPriority",
    depth=Ask("/api/v3/depth", 250),
    depth_levels=5_000,
    time=Ask("/api/v3/time", 1),
    account=Ask("/api/v3/account", 20),
    open_orders=Ask("/api/v3/openOrders", 6),
    fees=Ask("/api/v3/account/commission", 20),
    instrument=Ask("/api/v3/exchangeInfo", 20),
    # Without marks and indexes the last trade's price, which every environment tells, has to do: it
    # comes another way than the books that it is held against.
    reference=Ask("/api/v3/ticker/price", 2),
    # This market has neither leverage nor a position mode: that it answers is all there is to know.
    terms=Ask("/api/v3/ping", 1),
    trades=Ask("/api/v3/myTrades", 20),
)
USDM = Paths(
    order="/fapi/v1/order",
    query_weight=1,
    amend=Ask("/fapi/v1/order", 1),
    amend_method="order.modify",
    depth=Ask("/fapi/v1/depth", 20),
    depth_levels=1_000,
    time=Ask("/fapi/v1/time", 1),
    account=Ask("/fapi/v3/account", 5),
    open_orders=Ask("/fapi/v1/openOrders", 1),
    fees=Ask("/fapi/v1/commissionRate", 20),
    instrument=Ask("/fapi/v1/exchangeInfo", 1),
    reference=Ask("/fapi/v1/premiumIndex", 1),
    # The older form of the answer names the leverage with the position mode; the newer does not.
    terms=Ask("/fapi/v2/positionRisk", 5),
    trades=Ask("/fapi/v1/userTrades", 5),
)
