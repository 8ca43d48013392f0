"""The account's own trades of one instrument: which of them are settled, and from where to ask.

Trades are asked for after ``verified``, which stays one whole answer behind: so each trade is seen
twice, and one that the venue shows late is not missed. What is settled (booked, or known for
foreign) since then is kept by id, because the order that it belongs to may be forgotten.
"""

import msgspec

from trading_runtime.oms.reports import OwnTrade
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

BACK = Nanos(60 * NANOS_PER_SECOND)
"""How far behind our clock a trade of now may stand on the venue's."""


class Tape(msgspec.Struct, array_like=True):
    instrument_id: str
    since: Nanos
    """Where no trade is verified: ask from this moment on."""
    verified: str = ""
    latest: str = ""
    """The last one of the last whole answer."""
    settled: dict[str, bool] = {}
    """Trades by id; whether it was ours."""
    waiting: list[OwnTrade] = []
    """Of orders that are not known yet."""
    misses: int = 0
    """Whole answers in a row that left fills missing."""
    newest: tuple[Nanos, int, str] = (Nanos(0), 0, "")
    """The youngest trade that is booked: by its time, and then by its id, which counts up."""
    unordered: bool = False
    """Trades were booked out of their order: until all is closed our profit from what is closed
    already is not the venue's."""
    rebased: bool = False
    """The position was taken from the venue; what was paid for it we do not know."""

    def book(self, trade: str, venue_time: Nanos) -> None:
        """Take note that a trade was booked."""
        self.settled[trade] = True
        key = (venue_time, len(trade), trade)
        if key < self.newest:
            self.unordered = True
        else:
            self.newest = key

    def wait(self, trade: OwnTrade) -> None:
        if all(each.venue_trade != trade.venue_trade for each in self.waiting):
            self.waiting.append(trade)

    def release(self, venue_order: str) -> list[OwnTrade]:
        """Give the trades that waited for an order, and wait for it no more."""
        released = [each for each in self.waiting if each.venue_order == venue_order]
        self.waiting = [each for each in self.waiting if each.venue_order != venue_order]
        return released

    def told_page(self, trades: tuple[OwnTrade, ...]) -> None:
        """Take note of one page of an answer."""
        told = [each.venue_trade for each in trades]
        if self.latest in told:
            for trade in told[: told.index(self.latest) + 1]:
                self.settled.pop(trade, None)

    def told_all(self, last: str, asked_at: Nanos) -> None:
        """Take note of an answer's end: ``last`` is its last trade, if it told any."""
        if last:
            self.verified, self.latest = self.latest, last
        elif not self.verified:
            self.since = Nanos(max(self.since, asked_at - BACK))
