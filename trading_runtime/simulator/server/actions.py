"""What can be asked of the venue, whether it comes in by REST or the WebSocket API."""

from collections.abc import Callable
from enum import Enum

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    CancelOrder,
    OrderView,
    Side,
    StpMode,
    SymbolRules,
    TimeInForce,
    VenueError,
    Window,
)
from trading_runtime.simulator.server.parameters import Parameters
from trading_runtime.simulator.server.venue import Venue

ROWS_MAX = 1000
BAD_SIDE = (-1117, "Invalid side.")
BAD_TYPE = (-1116, "Invalid orderType.")
BAD_TIME_IN_FORCE = (-1115, "Invalid timeInForce.")
BAD_SYMBOL = (-1121, "Invalid symbol.")
BAD_STP = (-1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.")


class Security(Enum):
    """What a request must carry: nothing, a known API key, or a signature by it."""

    OPEN = "none"
    KEY = "key"
    SIGNED = "signed"


class Call:
    """One request that has passed the gate. ``account`` is 0 where the request names no key."""

    __slots__ = ("account", "now_ns", "owner", "parameters", "venue")

    def __init__(
        self, venue: Venue, parameters: Parameters, owner: str, account: AccountNumber, now_ns: int
    ) -> None:
        self.venue = venue
        self.parameters = parameters
        self.owner = owner
        self.account = account
        self.now_ns = now_ns

    @property
    def now_ms(self) -> int:
        return self.now_ns // NANOS_PER_MILLI

    def count_order(self) -> None:
        """Count one order against the account's limits."""
        self.venue.usage.count_order(self.owner, self.now_ms)

    def known_symbol(self) -> str:
        """Give the symbol named, which must exist."""
        symbol = self.parameters.symbol()
        if symbol not in self.venue.scales:
            raise VenueError(*BAD_SYMBOL)
        return symbol

    def maybe_symbol(self) -> str | None:
        """Give the symbol named, which must exist, or None."""
        return None if "symbol" not in self.parameters.sent else self.known_symbol()

    def rules(self) -> list[SymbolRules]:
        """Give the symbols that ``symbol`` or ``symbols`` names, all where neither is sent."""
        one = self.maybe_symbol()
        if one is not None:
            return [self.venue.exchange.rules(one)]
        several = self.parameters.maybe("symbols")
        if several is None:
            return list(self.venue.exchange.symbols())
        try:
            names = msgspec.json.decode(several, type=list[str])
        except msgspec.DecodeError:
            raise VenueError(
                -1100,
                "Illegal characters found in parameter 'symbols'; "
                'legal range is \'^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$\'.',
            ) from None
        if any(name not in self.venue.scales for name in names):
            raise VenueError(*BAD_SYMBOL)
        return [self.venue.exchange.rules(name) for name in names]


class Action(msgspec.Struct, frozen=True):
    """``weight`` counts against the address; ``orders`` says that the account's order counts show.

    ``free`` requests cost no weight when they succeed. ``weigh`` replaces ``weight`` where it
    depends on the parameters.
    """

    run: Callable[[Call], object]
    security: Security
    weight: int
    orders: bool = False
    free: bool = False
    weigh: Callable[[Parameters], int] | None = None


def opened(run: Callable[[Call], object], weight: int) -> Action:
    """An action that needs no key."""
    return Action(run, Security.OPEN, weight)


def signed(run: Callable[[Call], object], weight: int) -> Action:
    """An action that must be signed."""
    return Action(run, Security.SIGNED, weight)


def ping(_: Call) -> object:
    """Answer that we are there."""
    return {}


def server_time(call: Call) -> object:
    """Say what time it is here, in milliseconds."""
    return {"serverTime": call.now_ms}


def order_limits(call: Call) -> object:
    """How many orders the account has sent."""
    return call.venue.usage.order_blocks(call.owner, call.now_ms)


def side(parameters: Parameters) -> Side:
    return parameters.one_of("side", Side, BAD_SIDE)


def time_in_force(parameters: Parameters) -> TimeInForce | None:
    return parameters.word("timeInForce", TimeInForce, BAD_TIME_IN_FORCE)


def stp_mode(parameters: Parameters) -> StpMode | None:
    return parameters.word("selfTradePreventionMode", StpMode, BAD_STP)


def named(parameters: Parameters) -> tuple[int | None, str | None]:
    """Give the order's id and client id, one of which must have been sent."""
    order_id = parameters.whole("orderId")
    client_id = parameters.client_id("origClientOrderId")
    if order_id is None and client_id is None:
        raise VenueError(
            -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        )
    return order_id, client_id


def found_order(call: Call) -> OrderView:
    """Give the order that a query names."""
    symbol = call.known_symbol()
    order_id, client_id = named(call.parameters)
    return call.venue.exchange.query(call.account, symbol, order_id, client_id)


def canceled_order(call: Call) -> OrderView:
    """Cancel the order that a usdm request names."""
    symbol = call.known_symbol()
    order_id, client_id = named(call.parameters)
    cancel = CancelOrder(symbol=symbol, order_id=order_id, client_id=client_id)
    return call.venue.exchange.cancel(call.account, cancel, call.now_ns)


def window(parameters: Parameters, from_name: str) -> Window:
    """Read which part of a history is asked for; times come in milliseconds."""
    start, end = parameters.whole("startTime"), parameters.whole("endTime")
    if start is not None and end is not None and start > end:
        raise VenueError(-1127, "More than 24 hours between startTime and endTime.")
    return Window(
        from_id=parameters.whole(from_name),
        start_ns=None if start is None else start * NANOS_PER_MILLI,
        end_ns=None if end is None else (end + 1) * NANOS_PER_MILLI - 1,
        limit=rows(parameters, 500),
    )


def rows(parameters: Parameters, otherwise: int) -> int:
    """Read how many rows are wanted, at most a thousand."""
    return min(parameters.whole_or("limit", otherwise), ROWS_MAX)
