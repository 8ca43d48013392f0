"""The sink of the six log streams (LOG-1 to LOG-5).

Rules:
 * Every record is a line of its module's stream if its level reaches the stream's; what a person
   did, or must answer for, is a line of the audit stream too (``AUDITED``).
 * One record has at most one line in a stream, whatever crashes: lines that stand already are
   recognised by session and sequence, and the place is saved only when all six files are on disk.
 * A file holds lines of one UTC hour of engine time. It is sealed when a record of another hour
   comes, or when it is full, and only between a saved place and the next line: what a sealed file
   holds is committed, or the place says that it is there.
 * Under pressure lines of level DEBUG are skipped, and a ``LogGap`` says which; no others ever.
"""

from collections.abc import Sequence
from pathlib import Path

from trading_runtime.journal.durable import make_folder
from trading_runtime.records import layout
from trading_runtime.records.envelope import Body
from trading_runtime.records.event import Event
from trading_runtime.records.facts_trading import (
    PanicStopCleared,
    PanicStopStepped,
    PanicStopTriggered,
)
from trading_runtime.records.inputs import SessionOpened
from trading_runtime.records.instruments import Scales
from trading_runtime.records.observations import ServiceStopped
from trading_runtime.records.projection import Write, hour_text, writer
from trading_runtime.records.units import Level, Module, Nanos, Seq
from trading_runtime.scribe.entry import Entry
from trading_runtime.scribe.place import LEARNED, Known, load_place, save_place
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.scribe.stream import Stream
from trading_runtime.store.hours import HOUR_NS

SINK = "logs"
AUDITED = frozenset(
    {SessionOpened, ServiceStopped, PanicStopTriggered, PanicStopStepped, PanicStopCleared}
)
"""Of other modules, and also lines of the audit stream."""

Targets = tuple[tuple[Stream, Write], ...]


def streams_of(event: type[Event]) -> tuple[Module, ...]:
    """Give the streams that lines of ``event`` can stand in, its own first."""
    return (event.module, Module.AUDIT) if event in AUDITED else (event.module,)


class _Session(dict[type, Targets]):
    """The lines of one session: for each event its streams, and how it is written there."""

    def __init__(self, name: str, known: Known, streams: Sequence[tuple[Stream, Level]]) -> None:
        super().__init__()
        self.known = known
        self.scales = {revision: Scales(it) for revision, it in known.instruments.items()}
        self._name = name
        self._streams = streams

    def __missing__(self, event: type[Event]) -> Targets:
        targets = self[event] = tuple(
            (stream, writer(event, stream.module, self._name, self.scales))
            for stream, level in self._streams
            if stream.module in streams_of(event) and event.level >= level
        )
        return targets

    def learn(self, body: Body) -> None:
        self.known.learn(body)
        for revision, instrument in self.known.instruments.items():
            if revision not in self.scales:
                self.scales[revision] = Scales(instrument)


class Logs:
    """Owns the six live files and the sink's place. After an :exc:`OSError` make a new one."""

    def __init__(self, data: Path, settings: ScribeSettings) -> None:
        self._data = data
        self._settings = settings
        self._place = load_place(data, SINK)
        self._saved = True
        make_folder(Path(layout.sealed_logs(data)))
        self._streams = [
            (Stream(data, module, self._place), level)
            for module, level in settings.levels.by_module().items()
        ]
        self._sessions: dict[str, _Session] = {}
        self._hour_start = self._hour_end = 0

    def take(self, entries: Sequence[Entry], *, pressed: bool) -> None:
        """Make lines of ``entries``; ``pressed`` says that DEBUG may be skipped."""
        name, session = "", _Session("", Known(), ())
        for entry in entries:
            if entry.session != name:
                name = entry.session
                session = self._session(name)
            known, seq, at, body = session.known, entry.seq, entry.at, entry.body
            if seq <= known.seq:
                continue
            if not self._hour_start <= at < self._hour_end:
                self._turn_hour(at)
            known.seq = seq
            event = type(body)
            if event in LEARNED:
                session.learn(body)
            for stream, write in session[event]:
                if seq <= stream.ahead.lines.get(name, 0):
                    continue
                if event.level is Level.DEBUG and (
                    seq <= stream.ahead.gaps.get(name, 0)
                    or (pressed and stream.skip(name, seq, at))
                ):
                    continue
                stream.lines.append(write(at, seq, body))
        self._saved = False

    def flush(self) -> None:
        """Bring all lines to disk, then save the place, then seal what is full."""
        if not self._saved:
            self._save()

    def _save(self) -> None:
        for stream, _ in self._streams:
            stream.flush(sync=self._settings.sync)
        save_place(self._data, SINK, self._place)
        self._saved = True
        for stream, _ in self._streams:
            if stream.size >= self._settings.log_bytes_max:
                self._seal(stream)

    def seq(self, session: str) -> Seq:
        """Give the last record of ``session`` that is on disk as far as it has to be."""
        return self._place.known(session).seq

    def finish(self) -> None:
        """Seal what is live: nothing more will come of these hours."""
        self.flush()
        for stream, _ in self._streams:
            if stream.hour:
                self._seal(stream)
        self._hour_start = self._hour_end = 0

    def close(self) -> None:
        for stream, _ in self._streams:
            stream.close()

    def _seal(self, stream: Stream) -> None:
        """Seal a file; lines in it that are not committed can then not be found there again."""
        ahead = stream.ahead.beyond(self._place.sessions)
        if ahead.lines or ahead.gaps:
            self._place.ahead[stream.module] = ahead
            save_place(self._data, SINK, self._place)
        stream.seal()

    def _session(self, name: str) -> _Session:
        session = self._sessions.get(name)
        if session is None:
            session = _Session(name, self._place.known(name), self._streams)
            self._sessions[name] = session
        return session

    def _turn_hour(self, at: Nanos) -> None:
        """Before the first record of another hour: commit all before it, and seal its hour.

        Sessions that run side by side may lead back to an hour; it then has one more file.
        """
        self._save()
        hour = hour_text(at)
        for stream, _ in self._streams:
            if stream.hour and stream.hour != hour:
                self._seal(stream)
        self._hour_start = at // HOUR_NS * HOUR_NS
        self._hour_end = self._hour_start + HOUR_NS
