"""What a reconciliation has to find out: questions that are asked until they are answered.

Each is under way at most once, and asked again, with a growing pause, when its answer is lost, late
or says nothing.
"""

from collections.abc import Callable
from enum import Enum

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI, Nanos

PAUSE_FIRST = 250 * NANOS_PER_MILLI
ORDERS_AT_ONCE = 5
"""Of single orders: somebody else's busy day on this account must not use up our limits."""
PAUSE_DOUBLINGS_MAX = 5
"""Eight seconds: longer than that only keeps a desk from quoting."""


class Kind(Enum):
    OPEN_ORDERS = "open_orders"
    TRADES = "trades"
    ORDER = "order"
    """One by the venue's id, which is all that a trade tells of it."""
    ACCOUNT = "account"


class Errand(msgspec.Struct, array_like=True):
    """``about``: the trade after which trades are asked for, or the order's id at the venue."""

    kind: Kind
    instrument_id: str
    about: str = ""
    request: str = ""
    """Under which it is asked now; empty while it is not."""
    asked_at: Nanos = Nanos(0)
    due_at: Nanos = Nanos(0)
    """When it is asked, or asked again."""
    tries: int = 0


class Errands:
    """In the order in which they were added."""

    __slots__ = ("_timeout_ns", "todo")

    def __init__(self, timeout_ns: Nanos) -> None:
        self._timeout_ns = timeout_ns
        self.todo: list[Errand] = []

    def add(self, kind: Kind, instrument_id: str, about: str = "", due_at: int = 0) -> None:
        """Add what is not there yet."""
        for each in self.todo:
            if (each.kind, each.instrument_id) == (kind, instrument_id) and (
                kind is not Kind.ORDER or each.about == about
            ):
                return
        self.todo.append(Errand(kind, instrument_id, about, due_at=Nanos(due_at)))

    def asked_by(self, request: str) -> Errand | None:
        """Give the errand whose present question is ``request``."""
        if request:
            for each in self.todo:
                if each.request == request:
                    return each
        return None

    def order(self, venue_order: str) -> Errand | None:
        """Give the errand that asks for an order by the venue's id."""
        for each in self.todo:
            if each.kind is Kind.ORDER and each.about == venue_order:
                return each
        return None

    def done(self, errand: Errand) -> None:
        self.todo.remove(errand)

    def unanswered(self, request: str, at: Nanos) -> None:
        """Ask again after a pause, if ``request`` is one of these."""
        errand = self.asked_by(request)
        if errand is not None:
            errand.request = ""
            errand.due_at = Nanos(at + pause(errand.tries))

    def look(self, at: Nanos, quiet_until: Nanos, ask: Callable[[Errand], str]) -> Nanos:
        """Ask what is due; give the next moment to look, or 0."""
        next_at = orders = 0
        for errand in self.todo:
            if errand.kind is Kind.ORDER:
                orders += 1
                if orders > ORDERS_AT_ONCE:
                    continue
            due = max(errand.due_at, quiet_until)
            if at >= due:
                errand.request = ask(errand)
                errand.asked_at = at
                errand.tries += 1
                errand.due_at = due = Nanos(at + self._timeout_ns + pause(errand.tries))
            next_at = min(next_at, due) if next_at else due
        return Nanos(next_at)


def pause(tries: int) -> Nanos:
    """Give how long to wait after so many tries."""
    return Nanos(PAUSE_FIRST << min(max(tries - 1, 0), PAUSE_DOUBLINGS_MAX))
