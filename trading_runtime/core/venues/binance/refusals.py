"""Errors to what they tell of the order whose request was refused."""

from collections.abc import Mapping
from typing import NamedTuple

from trading_runtime.account.reports import Barred, BarredTold
from trading_runtime.core.venues.binance.answers import OrderName
from trading_runtime.core.venues.binance.faults import Fate, fate
from trading_runtime.core.venues.told import Told
from trading_runtime.oms.reports import (
    Absent,
    AmendRejected,
    Cancelled,
    CancelRejected,
    Rejected,
    Unanswered,
)
from trading_runtime.records.units import Lots, Nanos

REASON_MAX = 200
NO_TIME = Nanos(0)
"""Errors do not say when they happened."""
BARRED = {
    Fate.TOO_MANY: Barred.TOO_MANY,
    Fate.BANNED: Barred.BANNED,
    Fate.FIREWALL: Barred.FIREWALL,
}
OPEN_ENDED = frozenset({Fate.UNKNOWN, Fate.DUPLICATE})
"""Only asking can tell what is there; a duplicate is there, and was placed before."""


class Refusal(NamedTuple):
    """An error as it was answered to ``request``; ``name`` is None where that is no order's."""

    request: str
    name: OrderName | None
    status: int
    code: int
    message: str
    wait: Nanos


def refused(refusal: Refusal, venue: str, table: Mapping[int, Fate]) -> list[Told]:
    """Give what an error tells."""
    request, name, status, code, message, wait = refusal
    meaning = fate(table, status, code, message)
    reason = message[:REASON_MAX]
    if meaning in BARRED:
        return [BarredTold(request, venue, BARRED[meaning], wait)]
    if meaning in (Fate.NOT_DONE, Fate.CLOCK):
        return [Unanswered(request, code, reason, known=True, clock=meaning is Fate.CLOCK)]
    if name is None or name.what == "query":
        return [_asked(refusal, meaning)]
    return [_ordered(refusal, name, meaning)]


def _ordered(refusal: Refusal, name: OrderName, meaning: Fate) -> Told:
    """Give what the refusal of an order, of a cancel or of an amendment tells."""
    code, reason = refusal.code, refusal.message[:REASON_MAX]
    # An amendment of what has ended meanwhile would, if it were called refused, leave it standing.
    gone = name.what == "amend" and meaning is Fate.ABSENT
    if meaning in OPEN_ENDED or gone:
        return Unanswered(refusal.request, code, reason, known=False)
    if name.what == "":
        return Rejected(name.order, code, reason, meaning is Fate.RETRY, NO_TIME)
    answer = CancelRejected if name.what == "cancel" else AmendRejected
    return answer(name.order, code, reason, NO_TIME)


def _asked(refusal: Refusal, meaning: Fate) -> Told:
    """Give what the refusal of a mere question tells: nothing was changed by it in any case."""
    if refusal.name is not None and meaning is Fate.ABSENT:
        return Absent(refusal.name.order, NO_TIME)
    if refusal.name is not None and meaning is Fate.ARCHIVED:
        return Cancelled(refusal.name.order, Lots(0), NO_TIME)
    return Unanswered(refusal.request, refusal.code, refusal.message[:REASON_MAX], known=True)
