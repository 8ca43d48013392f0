"""Where a sink stands in the journal, and what it has learned on the way there.

A sink saves its place after what it wrote is on disk, never before. After a crash it goes on from
the saved place and meets records again whose lines or rows stand already: it finds those in its
own files and skips them. What was learned belongs to the place: it is as it was at that record.
"""

from pathlib import Path

import msgspec

from trading_runtime.errors import Halt
from trading_runtime.journal.durable import make_folder, write_file
from trading_runtime.records import layout
from trading_runtime.records.commands import RequestSnapshot
from trading_runtime.records.envelope import Body
from trading_runtime.records.facts_market import BookDesynced, BookSynced, Desync
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionLost,
    ConnectionOpened,
    InstrumentRevised,
    Purpose,
    RequestFailed,
    StateCarried,
)
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.units import Connection, Module, Revision, Seq

LEARNED = frozenset(
    {
        InstrumentRevised,
        StateCarried,
        ConnectionOpened,
        ConnectionLost,
        BookDesynced,
        BookSynced,
        RequestSnapshot,
        AnswerReceived,
        RequestFailed,
    }
)
"""The events that :meth:`Known.learn` takes; the others teach nothing."""


class Known(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One session up to its record ``seq``."""

    seq: Seq = Seq(0)
    instruments: dict[Revision, Instrument] = {}
    connections: dict[Connection, str] = {}
    """The venue at the other end of each open connection that carries market data."""
    heard: dict[Connection, dict[str, str]] = {}
    """The stream that each connection brought first, by symbol and kind."""
    awaited: dict[str, Revision] = {}
    """Whose book each unanswered snapshot request asked for."""
    doubted: list[Revision] = []
    """Whose chain of updates broke, and whose book has not been in sync since."""

    def learn(self, body: Body) -> None:
        match body:
            case InstrumentRevised():
                self.instruments[body.instrument.revision] = body.instrument
            case StateCarried():
                self.instruments |= {it.revision: it for it in body.core.instruments}
            case ConnectionOpened():
                self._lose(body.connection)
                if body.purpose is Purpose.MARKET:
                    self.connections[body.connection] = body.venue
            case ConnectionLost():
                self._lose(body.connection)
            case _:
                self._learn_book(body)

    def hear(self, connection: Connection, what: str, stream: str) -> str:
        """Give the stream of this connection that brings ``what``: the first that did."""
        return self.heard.setdefault(connection, {}).setdefault(what, stream)

    def _lose(self, connection: Connection) -> None:
        self.connections.pop(connection, None)
        self.heard.pop(connection, None)

    def _learn_book(self, body: Body) -> None:
        match body:
            case RequestSnapshot():
                self.awaited[body.request] = body.revision
            case AnswerReceived() | RequestFailed():
                self.awaited.pop(body.request, None)
            case BookSynced() if body.revision in self.doubted:
                self.doubted.remove(body.revision)
            case BookDesynced() if body.reason is not Desync.COLD:
                if body.revision not in self.doubted:
                    self.doubted.append(body.revision)
            case _:
                pass


class Ahead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to where lines of each session stand in one stream, and gaps reach, beyond its place."""

    lines: dict[str, Seq] = {}
    gaps: dict[str, Seq] = {}

    def beyond(self, sessions: dict[str, Known]) -> "Ahead":
        """Give what is left of it when ``sessions`` are committed."""
        return Ahead(*(_beyond(it, sessions) for it in (self.lines, self.gaps)))


def _beyond(seqs: dict[str, Seq], sessions: dict[str, Known]) -> dict[str, Seq]:
    return {
        session: seq
        for session, seq in seqs.items()
        if session not in sessions or seq > sessions[session].seq
    }


class Place(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A sink's place in each session; the logs have ``ahead``, the ticks an open minute."""

    sessions: dict[str, Known] = {}
    ahead: dict[Module, Ahead] = {}
    """What stands in sealed files of a stream already: its session is read again after a crash,
    while another one has ended the hour."""
    owner: str = ""
    """The session that brought the last row."""
    minute: int = 0
    """The open minute, counted from 1970; 0 while none is."""

    def known(self, session: str) -> Known:
        known = self.sessions.get(session)
        if known is None:
            known = self.sessions[session] = Known()
        return known


def place_path(data: Path, sink: str) -> Path:
    return Path(layout.offsets(data)) / f"{sink}.place.json"


def load_place(data: Path, sink: str) -> Place:
    """Read a sink's place, without the sessions whose journal is gone: nothing more comes of them.

    Raises :exc:`Halt` where the file cannot be read: without its place a sink would write twice.
    """
    path = place_path(data, sink)
    make_folder(path.parent)
    if not path.exists():
        return Place()
    try:
        place = msgspec.json.decode(path.read_bytes(), type=Place)
    except msgspec.DecodeError as error:
        raise Halt(f"{path} is damaged: {error}") from error
    for session in list(place.sessions):
        if not any(Path(journal / session).is_dir() for journal in layout.journals(data)):
            del place.sessions[session]
    return place


def save_place(data: Path, sink: str, place: Place) -> None:
    write_file(place_path(data, sink), msgspec.json.encode(place))
