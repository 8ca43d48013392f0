"""The market half of the core: inputs in, books moved, facts and requests out.

Each frame is read by its stream's reader and taken by its instrument's market. What cannot be read,
or cannot be right, is quarantined with its bytes and goes no further; when it was, or may have
been, part of a book, that book is not believed until it has been fetched anew.
"""

from typing import NamedTuple

from trading_runtime.core.sources import SOURCES_MAX, AnySource, DepthSource, Line, Roster, Unread
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Halt, Misread
from trading_runtime.market.events import MarketEvent
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.staleness import TIMER, Staleness
from trading_runtime.records.carried import ConnectionCarried, CoreCarried
from trading_runtime.records.carried_market import ChannelCarried, MarketCarried
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import ClockOffsetMoved, Desync, FrameQuarantined
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionLost,
    ConnectionOpened,
    FrameReceived,
    Input,
    InstrumentRevised,
    Purpose,
    RequestFailed,
    TimerFired,
)
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import NANOS_PER_SECOND, Connection, Nanos, Revision, Seq

FRAME_SHOWN_MAX = 4_096
"""Bytes of a quarantined frame that its record repeats; the whole stands in the journal."""
IGNORED_MAX = 64
"""Names of unread streams that are counted by themselves; the rest counts as ``other``."""
ANSWER = Connection(0)
"""Stands for the connection of what came as an answer to a request."""
HARMLESS = frozenset({"unknown_symbol", "venue_error"})
"""Reasons that say of a frame without a known stream that it was no part of a book of ours."""
STATUS_OK = 200
DEPTH_REQUEST = "depth-"
CLOCK_REQUEST = "time-"
SNAPSHOT_TIMER = "snapshot-"
RETRY_DIGITS_MAX = 6
"""Of seconds: over eleven days, more than any venue bans for."""


class IntakeCarried(NamedTuple):
    """What the intake puts into a checkpoint: fields of ``CoreCarried`` by the same names."""

    instruments: tuple[Instrument, ...]
    connections: tuple[ConnectionCarried, ...]
    channels: tuple[ChannelCarried, ...]
    markets: tuple[MarketCarried, ...]
    offsets: tuple[tuple[str, Nanos], ...]


class Intake:
    """All market state of the core.

    ``events`` are what the last input's frames said and the markets took, in order; ``quarantined``
    and ``ignored`` count frames by reason and by what they were called.
    """

    def __init__(self, settings: MarketSettings) -> None:
        self._settings = settings
        self._roster = Roster(settings)
        self.markets = self._roster.markets
        self.events: list[MarketEvent] = []
        self.offsets: dict[str, Nanos] = {}
        """Each venue's clock minus ours, once a time answer has told it."""
        self.quarantined: dict[str, int] = {}
        self.ignored: dict[str, int] = {}
        self._connections: dict[Connection, ConnectionCarried] = {}
        self._lines: dict[Connection, Line] = {}
        self._staleness = Staleness(settings)

    def on_input(self, seq: Seq, at: Nanos, body: Input, out: list[Output]) -> None:
        """Take one input; append what follows from it to ``out``."""
        if self.events:
            self.events = []
        match body:
            case FrameReceived():
                self.on_frame(seq, at, body, out)
            case AnswerReceived():
                self._on_answer(seq, at, body, out)
            case RequestFailed():
                self._on_failed(at, body, out)
            case TimerFired():
                self._on_timer(at, body.timer, out)
            case ConnectionOpened():
                self._on_opened(at, body, out)
            case ConnectionLost():
                self._on_lost(at, body.connection, out)
            case InstrumentRevised():
                self._on_revised(at, body.instrument, out)
            case _:
                pass

    def on_frame(self, seq: Seq, at: Nanos, body: FrameReceived, out: list[Output]) -> None:
        """Take one frame: the way that nearly all inputs go."""
        if self.events:
            self.events = []
        line = self._lines.get(body.connection)
        if line is None:
            if body.connection not in self._connections:
                self._quarantine(seq, body, Misread("unknown_connection", "never opened"), out)
            return
        frame = body.frame
        source = None
        try:
            if len(frame) > self._settings.frame_bytes_max:
                raise Misread("too_large", f"{len(frame)} bytes")  # noqa: TRY301 -- one way out
            name = line.stream_of(frame)
            source = line.sources.get(name)
            if source is None:
                source = self._source(line, name, at, out)
                if source is None:
                    return
            watch = source.watch
            if watch.silent:
                watch.resume(at, out)
            watch.heard_at = at
            event = source.hear(frame, at, out)
            if event is not None:
                self.events.append(event)
        except Misread as error:
            self._quarantine(seq, body, error, out)
            self._distrust(line, source, error, at, out)

    def _distrust(
        self, line: Line, source: AnySource | None, error: Misread, at: Nanos, out: list[Output]
    ) -> None:
        """Stop believing every book that the unreadable frame may have been a part of."""
        if source is not None:
            if isinstance(source, DepthSource):
                source.market.desync(Desync.QUARANTINED, at, out)
        elif error.reason not in HARMLESS:
            for market in line.books():
                market.desync(Desync.QUARANTINED, at, out)

    def _quarantine(
        self, seq: Seq, body: FrameReceived | AnswerReceived, error: Misread, out: list[Output]
    ) -> None:
        self.quarantined[error.reason] = self.quarantined.get(error.reason, 0) + 1
        if isinstance(body, FrameReceived):
            connection, frame = body.connection, body.frame
        else:
            connection, frame = ANSWER, body.body
        quarantined = FrameQuarantined(
            input=seq,
            connection=connection,
            reason=error.reason,
            detail=error.detail,
            frame=frame[:FRAME_SHOWN_MAX],
        )
        out.append(quarantined)

    def _source(self, line: Line, name: bytes, at: Nanos, out: list[Output]) -> AnySource | None:
        """Find out what an unfamiliar stream is; give nothing where it is not to be read.

        Raises:
            Misread: its name cannot be one, or it is of a symbol that is not ours.
        """
        unread = line.unread.get(name)
        if unread is None:
            source = line.open(name, at, out)
            if not isinstance(source, Unread):
                line.sources[name] = source
                return source
            unread = source
            if len(line.unread) >= SOURCES_MAX:
                line.unread.clear()
            line.unread[name] = unread
        called = unread.name
        if called not in self.ignored and len(self.ignored) >= IGNORED_MAX:
            called = "other"
        self.ignored[called] = self.ignored.get(called, 0) + 1
        watch = unread.watch
        if watch is not None:
            if watch.silent:
                watch.resume(at, out)
            watch.heard_at = at
        return None

    def _on_answer(self, seq: Seq, at: Nanos, body: AnswerReceived, out: list[Output]) -> None:
        if body.request.startswith(CLOCK_REQUEST):
            self._on_time(seq, at, body, out)
            return
        market = self._asked_by(body.request)
        if market is None:
            return
        if body.status != STATUS_OK:
            reason = f"status {body.status}"
            market.on_snapshot_failed(reason, _retry_after(body), at, out)
            return
        try:
            if len(body.body) > self._settings.frame_bytes_max:
                raise Misread("too_large", f"{len(body.body)} bytes")  # noqa: TRY301 -- one way out
            codec = VENUES[market.instrument.venue].codec
            snapshot = codec.snapshot(body.body, self._roster.texts[market.revision])
        except Misread as error:
            self._quarantine(seq, body, error, out)
            market.on_snapshot_failed(error.reason, Nanos(0), at, out)
        else:
            self.events = [*market.on_snapshot(snapshot, at, out)]

    def _on_failed(self, at: Nanos, body: RequestFailed, out: list[Output]) -> None:
        market = self._asked_by(body.request)
        if market is not None:
            market.on_snapshot_failed(body.reason, Nanos(0), at, out)

    def _asked_by(self, request: str) -> Market | None:
        """Give the market that a depth request was made for; other requests are not ours."""
        if not request.startswith(DEPTH_REQUEST):
            return None
        revision = request.removeprefix(DEPTH_REQUEST).partition("-")[0]
        return self.markets.get(Revision(int(revision))) if revision.isdecimal() else None

    def _on_time(self, seq: Seq, at: Nanos, body: AnswerReceived, out: list[Output]) -> None:
        """Take ``time-<venue>-<engine time of sending>``: the answer is as old as half its trip."""
        venue, _, sent = body.request.removeprefix(CLOCK_REQUEST).rpartition("-")
        if venue not in VENUES or not sent.isdecimal() or body.status != STATUS_OK:
            return
        round_trip = Nanos(at - int(sent))
        if not 0 <= round_trip <= self._settings.clock_round_trip_max_ns:
            return
        try:
            told = VENUES[venue].codec.server_time(body.body)
        except Misread as error:
            self._quarantine(seq, body, error, out)
            return
        offset = Nanos(told - (at - round_trip // 2))
        if self.offsets.get(venue) != offset:
            self.offsets[venue] = offset
            out.append(ClockOffsetMoved(venue=venue, offset_ns=offset, round_trip_ns=round_trip))

    def _on_timer(self, at: Nanos, timer: str, out: list[Output]) -> None:
        if timer == TIMER:
            for watch in self._staleness.on_timer(at, out):
                market = self._lines[watch.connection].book_of(watch)
                if market is not None and not self._fed_elsewhere(market, watch.connection):
                    market.desync(Desync.SILENT, at, out)
        elif timer.startswith(SNAPSHOT_TIMER):
            for market in self.markets.values():
                if market.snapshot_timer == timer:
                    market.on_snapshot_timer(at, out)

    def _fed_elsewhere(self, market: Market, connection: Connection) -> bool:
        """Say whether another connection, that is not silent, brings this market's depth too."""
        return any(
            line.book_of(watch) is market
            for line in self._lines.values()
            if line.connection != connection
            for watch in line.watches()
            if not watch.silent
        )

    def _on_opened(self, at: Nanos, body: ConnectionOpened, out: list[Output]) -> None:
        if body.connection in self._connections:
            self._on_lost(at, body.connection, out)
        self._connections[body.connection] = ConnectionCarried(
            connection=body.connection,
            venue=body.venue,
            purpose=body.purpose.value,
            channels=body.channels,
        )
        if body.purpose is Purpose.MARKET:
            line = self._add_line(body.connection, body.venue)
            for name in body.channels:
                busy = line.venue.codec.channel(name.encode()).busy
                self._staleness.watch(body.connection, name, at, busy=busy)
            self._staleness.arm(at, out)

    def _add_line(self, connection: Connection, venue: str) -> Line:
        if venue not in VENUES:
            raise Halt(f"no codec for a market connection of {venue}")
        self._lines[connection] = Line(connection, VENUES[venue], self._roster, self._staleness)
        return self._lines[connection]

    def _on_lost(self, at: Nanos, connection: Connection, out: list[Output]) -> None:
        self._connections.pop(connection, None)
        line = self._lines.pop(connection, None)
        if line is None:
            return
        books = line.books()
        self._staleness.drop(connection)
        for market in books:
            if not self._fed_elsewhere(market, connection):
                market.desync(Desync.CONNECTION_LOST, at, out)

    def _on_revised(self, at: Nanos, instrument: Instrument, out: list[Output]) -> None:
        self._roster.revise(instrument, at, out)
        for line in self._lines.values():
            line.forget()

    def carry(self) -> IntakeCarried:
        """Give all of the state, for a checkpoint."""
        return IntakeCarried(
            instruments=tuple(market.instrument for market in self.markets.values()),
            connections=tuple(self._connections.values()),
            channels=tuple(watch.carry() for watch in self._staleness.watches),
            markets=tuple(market.carry() for market in self.markets.values()),
            offsets=tuple(self.offsets.items()),
        )

    def carry_cold(self) -> tuple[MarketCarried, ...]:
        """Give what a new session remembers of each market: its signals, not its book."""
        return tuple(market.cold().carry() for market in self.markets.values())

    def go_on(self, at: Nanos) -> None:
        """Begin a session at ``at`` with the signals of the one before, where they are not old."""
        for market in self.markets.values():
            market.signals.go_on(at)

    def restore(self, carried: CoreCarried | IntakeCarried) -> None:
        """Become what was carried: the same inputs give the same outputs from here on.

        To be called on a new intake. A market that is named but not carried starts cold.
        """
        for instrument in carried.instruments:
            self._roster.add(Scales(instrument))
        for market in carried.markets:
            self.markets[market.revision].restore(market)
        for opened in carried.connections:
            self._connections[opened.connection] = opened
            if opened.purpose == Purpose.MARKET.value:
                self._add_line(opened.connection, opened.venue)
        for channel in carried.channels:
            codec = self._lines[channel.connection].venue.codec
            busy = codec.channel(channel.channel.encode()).busy
            watch = self._staleness.watch(
                channel.connection, channel.channel, channel.heard_at, busy=busy
            )
            watch.restore(channel)
        self.offsets.update(carried.offsets)


def _retry_after(answer: AnswerReceived) -> Nanos:
    """Give the wait that the venue asks for, 0 where it names none."""
    for name, value in answer.headers:
        if name.lower() == "retry-after" and value.isdecimal() and len(value) <= RETRY_DIGITS_MAX:
            return Nanos(int(value) * NANOS_PER_SECOND)
    return Nanos(0)
