"""How much of the venue's rate limits is used, from answers; told only when it matters.

Each answer over the socket names them all, and each over HTTP some by its headers: that would be a
record for every order. So a limit is told when it is first heard of, and whenever its use has
crossed a tenth of it since it was last told.
"""

from collections.abc import Iterable

from trading_runtime.account.reports import LimitTold
from trading_runtime.core.venues.binance.wire_private import RateLimitWire
from trading_runtime.records.carried import LimitCarried
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

KINDS = {"REQUEST_WEIGHT": "requests", "ORDERS": "orders"}
INTERVALS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
LETTERS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
HEADERS = (("x-mbx-used-weight-", "requests"), ("x-mbx-order-count-", "orders"))
DIGITS_MAX = 9
PARTS = 10

Limits = tuple[LimitCarried, ...]


class Meter:
    """What was last told of each limit."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[tuple[str, int], tuple[int, int]] = {}
        """By kind and window: the limit, and how many tenths of it were used."""

    def on_answer(self, wires: list[RateLimitWire]) -> tuple[LimitTold, ...]:
        """Take the limits of an answer over the socket; give those that have to be told."""
        news: tuple[LimitTold, ...] = ()
        for wire in wires:
            kind = KINDS.get(wire.rate_limit_type)
            if kind is not None and wire.interval in INTERVALS:
                window = INTERVALS[wire.interval] * wire.interval_num
                told = self._note(kind, window, wire.count, wire.limit)
                if told is not None:
                    news += (told,)
        return news

    def on_headers(self, headers: Iterable[tuple[str, str]]) -> tuple[LimitTold, ...]:
        """Take an HTTP answer's headers; they name the use, and not the limit."""
        news: tuple[LimitTold, ...] = ()
        for name, value in headers:
            lower = name.lower()
            for prefix, kind in HEADERS:
                window = _window(lower.removeprefix(prefix)) if lower.startswith(prefix) else 0
                if window and value.isdecimal() and len(value) <= DIGITS_MAX:
                    told = self._note(kind, window, int(value), 0)
                    if told is not None:
                        news += (told,)
        return news

    def _note(self, kind: str, window: int, used: int, limit: int) -> LimitTold | None:
        key = (kind, window)
        told = self._told.get(key)
        if told is not None and not limit:
            limit = told[0]
        now = (limit, used * PARTS // limit if limit > 0 else 0)
        if now == told:
            return None
        self._told[key] = now
        return LimitTold(kind, Nanos(window * NANOS_PER_SECOND), used, limit)

    def carry(self) -> Limits:
        return tuple(
            LimitCarried(kind=kind, window_s=window, limit=limit, tenths=tenths)
            for (kind, window), (limit, tenths) in self._told.items()
        )

    def restore(self, carried: Iterable[LimitCarried]) -> None:
        for each in carried:
            self._told[each.kind, each.window_s] = (each.limit, each.tenths)


def _window(text: str) -> int:
    """Read ``1m`` as 60 seconds; 0 where it is no span."""
    count, letter = text[:-1], text[-1:]
    if count.isdecimal() and len(count) <= DIGITS_MAX and letter in LETTERS:
        return int(count) * LETTERS[letter]
    return 0
