"""The private half of the core: frames and answers about our orders to what they tell.

It knows which connections carry them, gives each message to its venue's reader, and quarantines
what cannot be read. A session has one account: an answer whose name tells no instrument is of the
venue whose private connection is open, or else of the first market's.
"""

from collections.abc import Iterable

from trading_runtime.account.reports import BarredTold, LimitsTold, StreamEnded
from trading_runtime.core.venues.registry import VENUES, PrivateReader
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.core.venues.told import Told
from trading_runtime.errors import Halt, Misread
from trading_runtime.oms.reports import Unanswered
from trading_runtime.records.carried import ConnectionCarried, PrivateCarried
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import FrameQuarantined
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionOpened,
    FrameReceived,
    Purpose,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import Connection, Seq

ANSWER = Connection(0)
"""Stands for the connection of what came as an answer to a request."""
SHOWN_MAX = 4_096
"""Bytes of a quarantined message that its record repeats; the whole stands in the journal."""
UNREADABLE = "unreadable"
MARKET_WORDS = frozenset({"depth", "time"})
"""How the requests begin that the intake understands."""


class PrivateIntake:
    """The readers of private messages, and the connections that bring them.

    ``lines`` names the private connections that are open.
    """

    def __init__(self) -> None:
        self.lines: dict[Connection, str] = {}
        """The venue of each orders' and account's connection."""
        self._serves: dict[Connection, tuple[Purpose, tuple[str, ...]]] = {}
        """What each connection is for, and its channels."""
        self._symbols: dict[str, dict[str, Symbol]] = {}
        self._codecs: dict[str, PrivateReader] = {}
        self._first = ""
        """The venue of the first market."""

    def on_opened(self, body: ConnectionOpened) -> None:
        """Take up a connection; raise :exc:`Halt` where its venue has no codec."""
        self._open(body.connection, body.venue, (body.purpose, body.channels))

    def on_lost(self, connection: Connection) -> Purpose | None:
        """Give what the lost connection was for.

        None where it was never opened, and where a newer one took its place before.
        """
        self.lines.pop(connection, None)
        served = self._serves.pop(connection, None)
        if served is None or served in self._serves.values():
            return None
        return served[0]

    def revise(self, scales: Iterable[Scales]) -> None:
        """Read from here on by ``scales``: those of all our markets."""
        for symbols in self._symbols.values():
            symbols.clear()
        self._first = ""
        for each in scales:
            instrument = each.instrument
            self._first = self._first or instrument.venue
            self._of(instrument.venue)
            self._symbols[instrument.venue][instrument.symbol] = Symbol(each)

    def on_frame(self, seq: Seq, body: FrameReceived, out: list[Output]) -> list[Told]:
        """Give what a private frame tells; after one that cannot be read, none is believed."""
        venue = self.lines[body.connection]
        try:
            return self._of(venue).frame(body.frame)
        except Misread as error:
            out.append(_quarantined(seq, body.connection, body.frame, error))
            return [StreamEnded(venue, UNREADABLE)]

    def on_answer(self, seq: Seq, body: AnswerReceived, out: list[Output]) -> list[Told]:
        """Give what an answer over HTTP tells; where it cannot be read, the fate is unknown.

        Of requests for books and times, only what concerns the venue's limits, and only while we
        trade there.
        """
        word = body.request.partition("-")[0]
        if word in MARKET_WORDS and not self.lines:
            return []
        codec = self._asked(body.request)
        if codec is None:
            return []
        try:
            told = codec.answer(body.request, body.status, body.headers, body.body)
        except Misread as error:
            out.append(_quarantined(seq, ANSWER, body.body, error))
            return [Unanswered(body.request, 0, f"{UNREADABLE}: {error.reason}", known=False)]
        if word in MARKET_WORDS:
            return [each for each in told if isinstance(each, LimitsTold | BarredTold)]
        return told

    def carry(self) -> tuple[PrivateCarried, ...]:
        carried = [codec.carry() for codec in self._codecs.values()]
        return tuple(each for each in carried if each.limits or each.one_way)

    def restore(
        self, connections: Iterable[ConnectionCarried], private: Iterable[PrivateCarried]
    ) -> None:
        for opened in connections:
            serves = (Purpose(opened.purpose), opened.channels)
            self._open(opened.connection, opened.venue, serves)
        for carried in private:
            self._of(carried.venue).restore(carried)

    def _open(
        self, connection: Connection, venue: str, serves: tuple[Purpose, tuple[str, ...]]
    ) -> None:
        purpose = serves[0]
        if purpose is Purpose.PAPER:
            return
        self._serves[connection] = serves
        if purpose in (Purpose.ORDERS, Purpose.USER):
            self._of(venue)
            self.lines[connection] = venue

    def _of(self, venue: str) -> PrivateReader:
        if venue not in self._codecs:
            if venue not in VENUES:
                raise Halt(f"no codec for the private messages of {venue}")
            symbols = self._symbols.setdefault(venue, {})
            self._codecs[venue] = VENUES[venue].private(symbols)
        return self._codecs[venue]

    def _asked(self, request: str) -> PrivateReader | None:
        """Give the reader of the venue that ``request`` went to."""
        revision = request.partition("-")[2].partition("-")[0]
        for venue, symbols in self._symbols.items():
            for symbol in symbols.values():
                if str(symbol.instrument.revision) == revision:
                    return self._of(venue)
        for venue in self.lines.values():
            return self._of(venue)
        return self._of(self._first) if self._first else None


def _quarantined(seq: Seq, connection: Connection, data: bytes, error: Misread) -> FrameQuarantined:
    return FrameQuarantined(
        input=seq,
        connection=connection,
        reason=error.reason,
        detail=error.detail,
        frame=data[:SHOWN_MAX],
    )
