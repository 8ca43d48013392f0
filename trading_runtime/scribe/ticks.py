"""The sink of the ticks: every depth update, snapshot, trade and ticker as a row (MD-3).

Rules:
 * ``ts_recv`` is engine time: it never falls within a session, and it is what replay knows. A row's
   minute is that of its ``ts_recv``.
 * Rows are flushed into the open minute's segments; the place is saved after them. A minute is
   closed, and an hour sealed, when the session that brought the last row has gone past it, or when
   a row of another minute comes.
 * Rows that stand already are recognised by session and sequence, so a row is there once whatever
   crashes, and whatever session comes back to a minute that is closed.
 * What the core has put into quarantine is no row.
 * ``MAYBE_BAD_BOOK`` stands on each delta from the one that broke the chain to the one that the
   book was in sync after.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from trading_runtime.journal.durable import make_folder
from trading_runtime.market.events import (
    DepthChanged,
    DepthSnapshot,
    MarketEvent,
    TickerChanged,
    TradePrinted,
)
from trading_runtime.records import layout
from trading_runtime.records.envelope import Body, Kind
from trading_runtime.records.facts_market import FrameQuarantined
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionLost,
    ConnectionOpened,
    FrameReceived,
    InstrumentRevised,
)
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import DEPTH, TABLES, TICKER, TRADES, Flag, Table
from trading_runtime.records.projection import UNKNOWN
from trading_runtime.records.units import Revision, Seq
from trading_runtime.scribe.decoding import Decoder
from trading_runtime.scribe.entry import Entry
from trading_runtime.scribe.hour import save_watermark, seal_hours
from trading_runtime.scribe.minute import MINUTES_PER_HOUR, Minute
from trading_runtime.scribe.place import LEARNED, Known, load_place, save_place
from trading_runtime.scribe.rows import Arrival, DepthRows, Origin, Origins, TickerRows, TradeRows
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.store import durable
from trading_runtime.store.hours import MINUTE_NS

SINK = "ticks"
ROWS_MAX = 131_072
"""Rows of depth that are held in memory: about 20 MB."""
REWIRED = frozenset({InstrumentRevised, ConnectionOpened, ConnectionLost})
"""After these a stream may be another's, or on another grid."""


class _Session:
    """One session as far as its ticks go."""

    def __init__(self, name: str, known: Known) -> None:
        self.name = name
        self.known = known
        self.decoder = Decoder(known)

    def learn(self, body: Body) -> None:
        self.known.learn(body)
        if type(body) in REWIRED:
            self.decoder.forget()

    def origin(self, revision: Revision) -> Origin:
        return Origin(self.known.instruments[revision].instrument_id, revision, self.name)


class _Step(NamedTuple):
    """What an input told, until all outputs of its step are known: they may cast doubt on it."""

    session: _Session
    entry: Entry
    event: MarketEvent | DepthSnapshot
    doubted: bool


class Ticks:
    """Owns the open minute's segments and the sink's place. After :exc:`OSError` make a new one."""

    def __init__(self, data: Path, settings: ScribeSettings) -> None:
        self._data = data
        self._settings = settings
        self._place = load_place(data, SINK)
        self._saved = True
        for table in TABLES:
            make_folder(Path(layout.lake(data)) / table)
            durable.sweep(Path(layout.lake(data)) / table)
        self._sessions: dict[str, _Session] = {}
        self._depth, self._trades, self._ticker = DepthRows(), TradeRows(), TickerRows()
        self._origins = Origins()
        self._step: _Step | None = None
        self._open()

    def take(self, entries: Sequence[Entry]) -> None:
        """Gather the rows of ``entries``, which are whole steps of the core."""
        session = _Session("", Known())
        for entry in entries:
            if entry.session != session.name:
                session = self._session(entry.session)
            if entry.seq <= session.known.seq:
                continue
            if entry.kind is not Kind.OUTPUT:
                self._settle()
                if entry.at >= self._minute_end and session.name == self._place.owner:
                    self._turn(entry.at // MINUTE_NS)
            self._gather(session, entry)
            session.known.seq = entry.seq
        self._settle()
        self._saved = False

    def flush(self) -> None:
        """Bring all rows to disk, then save the place."""
        if self._saved:
            return
        self._append()
        save_place(self._data, SINK, self._place)
        self._saved = True

    def seq(self, session: str) -> Seq:
        """Give the last record of ``session`` that is on disk as far as it has to be."""
        return self._place.known(session).seq

    def finish(self) -> None:
        """Close the open minute and seal its hour: nothing more will come of them."""
        self._close()
        if self._place.minute:
            hour = self._place.minute // MINUTES_PER_HOUR
            seal_hours(self._data, hour, hour + 1, self._instrument)
        self._place.minute, self._place.owner = 0, ""
        save_place(self._data, SINK, self._place)
        self._open()

    def close(self) -> None:
        """Let go of the segments, as they are on disk."""
        for minute in self._minutes.values():
            minute.leave()

    def _session(self, name: str) -> _Session:
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = _Session(name, self._place.known(name))
        return session

    def _gather(self, session: _Session, entry: Entry) -> None:
        body = entry.body
        if isinstance(body, FrameReceived):
            event = session.decoder.event(body)
            if event is not None:
                doubted = event.revision in session.known.doubted
                self._step = _Step(session, entry, event, doubted)
        elif isinstance(body, AnswerReceived):
            book = session.decoder.snapshot(body)
            if book is not None:
                self._step = _Step(session, entry, book, doubted=False)
            session.learn(body)
        elif isinstance(body, FrameQuarantined):
            if self._step is not None and self._step.entry.seq == body.input:
                self._step = None
        elif type(body) in LEARNED:
            session.learn(body)

    def _settle(self) -> None:
        """Make rows of the last step, now that it is over."""
        if self._step is None:
            return
        session, entry, event, doubted = self._step
        self._step = None
        minute = entry.at // MINUTE_NS
        if minute != self._place.minute:
            self._turn(minute)
        self._place.owner = session.name
        origin = self._origins.number(session.origin(event.revision))
        arrival = Arrival(entry.at, entry.seq, origin)
        match event:
            case DepthChanged() if self._is_new(DEPTH, entry):
                bad = doubted or event.revision in session.known.doubted
                self._depth.change(arrival, event, Flag.MAYBE_BAD_BOOK if bad else 0)
            case DepthSnapshot() if self._is_new(DEPTH, entry):
                self._depth.snapshot(arrival, event)
            case TradePrinted() if self._is_new(TRADES, entry):
                self._trades.add(arrival, event)
            case TickerChanged() if self._is_new(TICKER, entry):
                self._ticker.add(arrival, event)
            case _:
                pass
        if self._depth.count() >= ROWS_MAX:
            self._append()

    def _is_new(self, table: Table, entry: Entry) -> bool:
        return entry.seq > self._minutes[table.minutes].present.get(entry.session, 0)

    def _append(self) -> None:
        """Write what is buffered into the open minute's segments."""
        for name, batch in self._taken().items():
            self._minutes[name].append(batch, sync=self._settings.sync)

    def _taken(self) -> dict[str, pa.RecordBatch]:
        """Give what is buffered, by table, and forget it."""
        buffers = (self._depth, self._trades, self._ticker)
        taken = {it.table.minutes: it.take(self._origins) for it in buffers if it.count()}
        self._origins = Origins()
        return taken

    def _turn(self, minute: int) -> None:
        """Close the open minute, seal the hours that are left, and open ``minute``."""
        self._close()
        place = self._place
        if place.minute:
            left, entered = place.minute // MINUTES_PER_HOUR, minute // MINUTES_PER_HOUR
            if left != entered:
                seal_hours(self._data, left, max(entered, left + 1), self._instrument)
        place.minute = minute
        self._open()
        save_watermark(self._data, place.owner, minute)

    def _close(self) -> None:
        rest = self._taken()
        for name, minute in self._minutes.items():
            minute.close(self._instrument, rest.get(name))

    def _open(self) -> None:
        minute = self._place.minute
        self._minutes = (
            {name: Minute(self._data, table, minute) for name, table in TABLES.items()}
            if minute
            else {}
        )
        self._minute_end = (minute + 1) * MINUTE_NS

    def _instrument(self, session: str, revision: Revision) -> Instrument:
        return self._place.known(session).instruments.get(revision, UNKNOWN.instrument)
