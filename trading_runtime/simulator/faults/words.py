"""The faults that can be ordered, one struct each; ``kind`` in JSON names the struct.

A fault ends after ``count`` hits, or ``seconds`` after it was ordered, whichever comes first; with
neither it stays until it is cleared. The first ``skip`` matches pass, and of the others each is hit
with the chance ``share`` (drawn from the simulator's seed). ``route`` and ``stream`` are patterns
with ``*``:

 * a route is ``POST /api/v3/order`` or, of the WebSocket API, ``WS order.place``;
 * a stream is ``btcusdt@depth@100ms``, and an event of an account ``user<number>@<event>``;
 * a connection is a ``stream`` (market data), a ``user`` stream (usdm's private one) or ``ws_api``.
"""

from typing import Annotated, Literal

import msgspec

from trading_runtime.simulator.exchange.words import PPM, MarketKind

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Status = Annotated[int, msgspec.Meta(ge=400, le=599)]

DEPTH = "*@depth*"
USER = "user*"
ANY = "*"
PLACES = "POST|WS */order|*/batchOrders|order.place"
"""Alternatives of each of the two words of a route are separated by ``|``."""
ORDER_ENTRY = (
    "POST|PUT|DELETE|WS */order|*/order/cancelReplace|*/order/amend/*|*/batchOrders|*/openOrders"
    "|*/allOpenOrders|order.place|order.cancel|order.modify|order.cancelReplace|order.amend.*"
    "|openOrders.cancelAll"
)
MARKET_DATA = "GET|WS */depth|*/trades|*/aggTrades|*/ticker/*|*/klines|*/premiumIndex|depth"
SNAPSHOTS = "GET|WS */depth|depth"


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """``market`` absent means both."""

    market: MarketKind | None = None
    count: Count | None = None
    seconds: Seconds | None = None
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    share: Share = 1.0


class Gap(Fault, frozen=True, kw_only=True, tag="gap"):
    """Frames are not sent: ids skip."""

    stream: str = DEPTH


class DroppedUserEvent(Fault, frozen=True, kw_only=True, tag="dropped_user_event"):
    """An account's events are not sent, while its stream stays healthy."""

    stream: str = USER


class Silent(Fault, frozen=True, kw_only=True, tag="silent"):
    """A channel says nothing, while pings of its connection are answered."""

    stream: str = DEPTH


class Duplicate(Fault, frozen=True, kw_only=True, tag="duplicate"):
    """Frames are sent twice."""

    stream: str = DEPTH


class Late(Fault, frozen=True, kw_only=True, tag="late"):
    """Frames are sent in time, and once more ``delay_ms`` later, among newer ones."""

    stream: str = DEPTH
    delay_ms: Millis = 500


class Reorder(Fault, frozen=True, kw_only=True, tag="reorder"):
    """A frame is sent after the one that follows it."""

    stream: str = DEPTH


class Lag(Fault, frozen=True, kw_only=True, tag="lag"):
    """Frames are sent ``delay_ms`` late, in their order."""

    stream: str = ANY
    delay_ms: Millis = 500


class Malformed(Fault, frozen=True, kw_only=True, tag="malformed"):
    """Frames are not what they should be (``damage``)."""

    stream: str = DEPTH
    how: Literal["truncated", "garbage", "empty", "unknown_event", "wrong_type", "extra_field"] = (
        "truncated"
    )


class AbsurdLevels(Fault, frozen=True, kw_only=True, tag="absurd_levels"):
    """Book changes carry prices that cannot be (``damage``)."""

    stream: str = DEPTH
    how: Literal["crossed", "locked", "zero", "negative", "not_a_number", "absurd"] = "crossed"


class DoubleFill(Fault, frozen=True, kw_only=True, tag="double_fill"):
    """Executions are pushed twice.

    ``filled_again`` hits only the last of an order, and the second one then says that it is an
    execution of its own, of the same trade.
    """

    stream: str = USER
    how: Literal["same", "filled_again"] = "same"


class Slow(Fault, frozen=True, kw_only=True, tag="slow"):
    """Requests wait before they are acted on: ``delay_ms``, or if ``noisy`` that in the mean."""

    route: str = ANY + " " + ANY
    delay_ms: Millis = 500
    noisy: bool = False


class RefusedStatus(Fault, frozen=True, kw_only=True, tag="status"):
    """Requests are answered with an HTTP status; ``acted``: after all has been done as asked.

    Without a ``code`` the body is a web server's HTML page, as from a gateway.
    """

    route: str = ANY + " " + ANY
    status: Status = 503
    code: int | None = None
    message: str = ""
    retry_after_s: int | None = None
    acted: bool = False


class LostAnswer(Fault, frozen=True, kw_only=True, tag="lost_answer"):
    """Requests are not answered, whether they were acted on or not."""

    route: str = ORDER_ENTRY
    acted: bool = True
    how: Literal["hang", "close"] = "hang"


class Reject(Fault, frozen=True, kw_only=True, tag="reject"):
    """Requests are refused with a code, and not acted on."""

    route: str = PLACES
    code: int = -2010
    message: str = "Account has insufficient balance for requested action."


class StaleSnapshot(Fault, frozen=True, kw_only=True, tag="stale_snapshot"):
    """Depth is answered as it stood when the fault was ordered."""


class FailedSnapshot(Fault, frozen=True, kw_only=True, tag="failed_snapshot"):
    """Depth is answered with an HTTP status."""

    route: str = SNAPSHOTS
    status: Status = 503


class Maintenance(Fault, frozen=True, kw_only=True, tag="maintenance"):
    """The venue, or its order entry alone, or its market data alone, is down."""

    down: Literal["all", "orders", "data"] = "all"


class RefuseConnections(Fault, frozen=True, kw_only=True, tag="refuse_connections"):
    """New connections are refused."""

    connection: str = ANY


class Disconnect(Fault, frozen=True, kw_only=True, tag="disconnect"):
    """Connections are reset, at once and without a close frame."""

    connection: str = ANY


class HalfOpen(Fault, frozen=True, kw_only=True, tag="half_open"):
    """Connections are neither read nor written any more, and stay open."""

    connection: str = ANY


class ServerShutdown(Fault, frozen=True, kw_only=True, tag="server_shutdown"):
    """Connections are told ``serverShutdown``; they are cut ``delay_ms`` later."""

    connection: str = ANY
    delay_ms: Millis = 10_000


class ListenKeyExpired(Fault, frozen=True, kw_only=True, tag="listen_key_expired"):
    """All listen keys expire at once."""


class EventStreamTerminated(Fault, frozen=True, kw_only=True, tag="event_stream_terminated"):
    """All user data subscriptions of the WebSocket API end at once."""


class PartialFill(Fault, frozen=True, kw_only=True, tag="partial_fill"):
    """Somebody takes ``part_ppm`` of the open order of ``account`` that trades first."""

    symbol: str
    account: int = 1
    part_ppm: Annotated[int, msgspec.Meta(ge=1, le=PPM)] = PPM // 2


PushFault = (
    Gap
    | DroppedUserEvent
    | Silent
    | Duplicate
    | Late
    | Reorder
    | Lag
    | Malformed
    | AbsurdLevels
    | DoubleFill
)
RequestFault = Slow | RefusedStatus | LostAnswer | Reject | FailedSnapshot
StateFault = StaleSnapshot | Maintenance | RefuseConnections
Act = (
    Disconnect | HalfOpen | ServerShutdown | ListenKeyExpired | EventStreamTerminated | PartialFill
)
"""What is done once, when it is ordered."""
Lasting = PushFault | RequestFault | StateFault
AnyFault = Lasting | Act
