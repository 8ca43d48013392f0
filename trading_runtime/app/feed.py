"""A recorded capture as if it came live: same journal, same core, the recorder's clock.

Frames that the recorder received within one span of each other would have been readable together,
so they are one turn. A timer fires at its moment, between the frames around it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from trading_runtime.app.opening import NOTHING_CARRIED, PAPER_CONNECTION, Plan, open_session
from trading_runtime.app.session import Session
from trading_runtime.app.tally import Tally
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Refused
from trading_runtime.gateway.capture import Capture, CaptureLine, LineKind
from trading_runtime.records.commands import Command
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.inputs import (
    Action,
    AnswerReceived,
    ConnectionOpened,
    FrameReceived,
    OperatorCommanded,
    Purpose,
)
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.observations import ServiceStopped
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Connection, Nanos

MARKET_CONNECTION = Connection(PAPER_CONNECTION + 1)
TURN_SPAN_NS = NANOS_PER_MILLI // 5
"""What arrives while one frame is being worked on is readable together: a few times that work."""
WIND_DOWN_NS = 2 * NANOS_PER_SECOND
"""After the last line: for the cancels, and the paper venue's answers to them."""
STATUS_OK = 200


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """How a feed went: which session it is now, and what the capture held."""

    session: str
    tally: Tally
    warning: str


def feed(planned: Plan, data: Path, paths: Sequence[Path]) -> Fed:
    """Play the capture's files into a new session of ``data``; it is closed when this returns."""
    capture = Capture(paths)
    lines = iter(capture)
    first = next(lines, None)
    if first is None:
        raise Refused(f"{', '.join(map(str, paths))}: no line in it")
    start = stamp_of(first.at_ns)
    session = open_session(planned, data, start, NOTHING_CARRIED, nowhere)
    connect_market(session, planned.instruments[0], start)
    tally = Tally(planned.instruments[0], session.core)
    player = Player(session, tally, start)
    try:
        player.take(first)
        player.play(lines)
        player.wind_down()
    finally:
        session.close(player.stamp)
    return Fed(session=session.journal.session, tally=tally, warning=capture.warning())


def connect_market(session: Session, instrument: Instrument, start: Stamp) -> None:
    """Open the one connection that the capture's frames come by."""
    channels = VENUES[instrument.venue].channels(instrument.symbol)
    opened = ConnectionOpened(
        connection=MARKET_CONNECTION,
        venue=instrument.venue,
        purpose=Purpose.MARKET,
        channels=tuple(channel.name for channel in channels),
    )
    session.take(start, opened)


def nowhere(command: Command, stamp: Stamp) -> None:
    """A recording answers what it answers; nothing can be asked of it."""
    del command, stamp


def stamp_of(at: int) -> Stamp:
    return Stamp(Nanos(at), Nanos(at))


class Player:
    """Gives a session what its capture holds, in turns; ``stamp`` never falls."""

    def __init__(self, session: Session, tally: Tally, start: Stamp) -> None:
        self.stamp = start
        self._session = session
        self._tally = tally
        self._start = start
        self._turn_at: int = start.at
        self._open = False
        """Whether something has been taken since the last turn ended."""

    def play(self, lines: Iterable[CaptureLine]) -> None:
        for line in lines:
            if line.at_ns - self._turn_at > TURN_SPAN_NS:
                self._end_turn()
                self._fire_until(line.at_ns)
                self._turn_at = line.at_ns
            self.take(line)
        self._end_turn()

    def take(self, line: CaptureLine) -> None:
        """Take one line, at its time or, where the recorder's clock went back, at the last one."""
        at = max(self.stamp.at, line.at_ns)
        self.stamp = Stamp(Nanos(at), Nanos(line.at_ns))
        kind = line.kind
        if kind is LineKind.FRAME:
            body = FrameReceived(connection=MARKET_CONNECTION, frame=line.payload)
            self._session.take(self.stamp, body)
        elif kind is LineKind.SNAPSHOT and line.symbol in {"", self._tally.symbol}:
            self._session.take(self.stamp, self._snapshot(line.payload))
        else:
            return
        self._open = True
        self._tally.note(line)

    def wind_down(self) -> None:
        """Stop as a live session does: cancel everything, and let the answers come."""
        stop = OperatorCommanded(action=Action.STOP, user="feed", reason="the capture ended")
        self._session.take(self.stamp, stop)
        self._open = True
        self._end_turn()
        self._fire_until(self.stamp.at + WIND_DOWN_NS)
        uptime = Nanos(self.stamp.at - self._start.at)
        stopped = ServiceStopped(service="runtime", reason=stop.reason, uptime_ns=uptime)
        self._session.observe(self.stamp, stopped)

    def _snapshot(self, body: bytes) -> AnswerReceived:
        revision = self._tally.instrument.revision
        return AnswerReceived(request=f"depth-{revision}", status=STATUS_OK, headers=(), body=body)

    def _end_turn(self) -> None:
        if self._open:
            self._open = False
            self._session.end_turn(self.stamp)

    def _fire_until(self, until: int) -> None:
        """Fire the timers that are due before ``until``, each at its own moment."""
        session = self._session
        due = session.next_timer()
        while due is not None and due < until:
            self.stamp = stamp_of(max(due, self.stamp.at))
            session.fire_timers(self.stamp)
            session.end_turn(self.stamp)
            due = session.next_timer()
