"""Request weights by address and orders by account, counted in the venue's own fixed windows.

A minute's weight over the limit is refused with 429 until the minute ends; an address that keeps
coming is banned (418). A successful spot order or cancel costs no weight (since 2026-04-02): it is
charged before it runs and refunded after. A fill gives its order's count back (spot).
"""

import msgspec

from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.server.refusals import TOO_MANY, Throttled
from trading_runtime.simulator.server.settings import DAY_MS, MINUTE_MS, Limits

TEN_SECONDS_MS = 10_000
FIVE_MINUTES_MS = 300_000
TOO_MUCH = -1003
RAW_REQUESTS_5M = 300_000
"""As published since April 2026. Clients with a closed list of kinds know no CONNECTIONS here."""


class Window:
    """Counts in windows of ``span_ms`` that start at multiples of it."""

    __slots__ = ("count", "limit", "span_ms", "start_ms")

    def __init__(self, span_ms: int, limit: int) -> None:
        self.span_ms = span_ms
        self.limit = limit
        self.start_ms = 0
        self.count = 0

    def at(self, now_ms: int) -> int:
        """Give the count of the window that ``now_ms`` lies in."""
        start = now_ms - now_ms % self.span_ms
        if start != self.start_ms:
            self.start_ms, self.count = start, 0
        return self.count

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.span_ms


class Address:
    """What one client address has used."""

    __slots__ = ("banned_until_ms", "connections", "refusals", "weight")

    def __init__(self, limits: Limits) -> None:
        self.weight = Window(MINUTE_MS, limits.weight_minute)
        self.refusals = Window(MINUTE_MS, limits.refusals_max)
        self.connections = Window(FIVE_MINUTES_MS, limits.connections_5m)
        self.banned_until_ms = 0


class OrderCounts:
    """How many orders one account has sent."""

    __slots__ = ("long", "short")

    def __init__(self, kind: MarketKind, limits: Limits) -> None:
        self.short = Window(TEN_SECONDS_MS, limits.orders_10s)
        self.long = Window(DAY_MS if kind is MarketKind.SPOT else MINUTE_MS, limits.orders_long)


class Usage:
    """The limits of one market, and who has used how much of them."""

    __slots__ = ("_addresses", "_kind", "_long", "_orders", "limits")

    def __init__(self, kind: MarketKind, limits: Limits) -> None:
        self._kind = kind
        self._addresses: dict[str, Address] = {}
        self._orders: dict[str, OrderCounts] = {}
        self._long = "DAY" if kind is MarketKind.SPOT else "MINUTE"
        self.limits = limits

    def set_limits(self, limits: Limits) -> None:
        """Take other limits and forget what was counted and who was banned."""
        self.limits = limits
        self._addresses.clear()
        self._orders.clear()

    def _address(self, address: str) -> Address:
        found = self._addresses.get(address)
        if found is None:
            found = self._addresses[address] = Address(self.limits)
        return found

    def orders(self, owner: str) -> OrderCounts:
        """Give the order counts of the account ``owner``."""
        found = self._orders.get(owner)
        if found is None:
            found = self._orders[owner] = OrderCounts(self._kind, self.limits)
        return found

    def charge(self, address: str, weight: int, now_ms: int) -> None:
        """Count ``weight`` against ``address``; raise :exc:`Throttled` where it is too much."""
        used = self._address(address)
        if now_ms < used.banned_until_ms:
            raise self._banned(used)
        if used.weight.at(now_ms) + weight <= used.weight.limit:
            used.weight.count += weight
            return
        used.refusals.at(now_ms)
        used.refusals.count += 1
        if used.refusals.count > used.refusals.limit:
            used.banned_until_ms = now_ms + self.limits.ban_s * 1000
            raise self._banned(used)
        raise Throttled(
            TOO_MUCH,
            f"Too much request weight used; current limit is {used.weight.limit} request weight "
            "per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.",
            429,
            used.weight.end_ms,
        )

    def refund(self, address: str, weight: int) -> None:
        """Take back what a successful order was charged."""
        used = self._address(address).weight
        used.count = max(0, used.count - weight)

    def connect(self, address: str, now_ms: int) -> bool:
        """Count a new connection; say whether it may stay."""
        opened = self._address(address).connections
        opened.at(now_ms)
        opened.count += 1
        return opened.count <= opened.limit

    def count_order(self, owner: str, now_ms: int) -> None:
        """Count one order of ``owner``; raise :exc:`Throttled` where it is one too many."""
        counts = self.orders(owner)
        for window, name in ((counts.short, "10 SECOND"), (counts.long, f"1 {self._long}")):
            if window.at(now_ms) >= window.limit:
                raise Throttled(
                    TOO_MANY,
                    f"Too many new orders; current limit is {window.limit} orders per {name}.",
                    429,
                    window.end_ms,
                )
        counts.short.count += 1
        counts.long.count += 1

    def give_back(self, owner: str) -> None:
        """An order of ``owner`` has met its first fill: it no longer counts as unfilled."""
        counts = self.orders(owner)
        counts.short.count = max(0, counts.short.count - 1)
        counts.long.count = max(0, counts.long.count - 1)

    def headers(self, address: str, owner: str | None, now_ms: int) -> dict[str, str]:
        """Give the ``X-MBX-…`` headers of a REST answer; order counts where ``owner`` is given."""
        weight = str(self._address(address).weight.at(now_ms))
        found = {"X-MBX-USED-WEIGHT": weight, "X-MBX-USED-WEIGHT-1M": weight}
        if owner is not None:
            counts = self.orders(owner)
            found["X-MBX-ORDER-COUNT-10S"] = str(counts.short.at(now_ms))
            found[f"X-MBX-ORDER-COUNT-1{self._long[0]}"] = str(counts.long.at(now_ms))
        return found

    def blocks(self, address: str, owner: str | None, now_ms: int) -> bytes:
        """Encode the ``rateLimits`` of a WebSocket API answer."""
        weight = self._address(address).weight
        parts = []
        if owner is not None:
            counts = self.orders(owner)
            parts.append(_block("ORDERS", "SECOND", 10, counts.short, now_ms))
            parts.append(_block("ORDERS", self._long, 1, counts.long, now_ms))
        parts.append(_block("REQUEST_WEIGHT", "MINUTE", 1, weight, now_ms))
        return f"[{','.join(parts)}]".encode()

    def order_blocks(self, owner: str, now_ms: int) -> list[dict[str, object]]:
        """Answer ``rateLimit/order``: usdm leaves the counts out."""
        counts = self.orders(owner)
        found = []
        for window, interval, number in (
            (counts.short, "SECOND", 10),
            (counts.long, self._long, 1),
        ):
            block: dict[str, object] = {
                "rateLimitType": "ORDERS",
                "interval": interval,
                "intervalNum": number,
                "limit": window.limit,
            }
            if self._kind is MarketKind.SPOT:
                block["count"] = window.at(now_ms)
            found.append(block)
        return found

    def published(self) -> list[dict[str, object]]:
        """Give the ``rateLimits`` of exchangeInfo."""
        rows: list[tuple[str, str, int, int]] = [
            ("REQUEST_WEIGHT", "MINUTE", 1, self.limits.weight_minute),
            ("ORDERS", "SECOND", 10, self.limits.orders_10s),
            ("ORDERS", self._long, 1, self.limits.orders_long),
        ]
        if self._kind is MarketKind.SPOT:
            rows.append(("RAW_REQUESTS", "MINUTE", 5, RAW_REQUESTS_5M))
        return [
            msgspec.structs.asdict(RateLimit(kind, interval, number, limit))
            for kind, interval, number, limit in rows
        ]

    def _banned(self, used: Address) -> Throttled:
        return Throttled(
            TOO_MUCH,
            f"Way too much request weight used; IP banned until {used.banned_until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
            418,
            used.banned_until_ms,
        )


class RateLimit(msgspec.Struct, frozen=True):
    """One row of exchangeInfo's ``rateLimits``, in the venue's words."""

    rateLimitType: str  # noqa: N815 -- the venue's word
    interval: str
    intervalNum: int  # noqa: N815 -- the venue's word
    limit: int


def _block(kind: str, interval: str, number: int, window: Window, now_ms: int) -> str:
    return (
        f'{{"rateLimitType":"{kind}","interval":"{interval}","intervalNum":{number},'
        f'"limit":{window.limit},"count":{window.at(now_ms)}}}'
    )
