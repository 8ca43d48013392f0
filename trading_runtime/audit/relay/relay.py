"""The relay: it follows the journals and submits an entry for each record that is audited.

The journals are the runtime's write-ahead log, so nothing here is in a hurry: what is not submitted
yet stands there. Each turn, in this order: entries are durable in the producer's log, then memory
and place are written down, then the journals are let go. A death between any two of them is
mended at the next start, where the producer's log tells what has been submitted already.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from trading_runtime.audit.client.log import ProducerLog
from trading_runtime.audit.privacy.concealing import conceal
from trading_runtime.audit.privacy.subjects import SubjectKeys
from trading_runtime.audit.relay.projection import Projection
from trading_runtime.audit.relay.state import Memory
from trading_runtime.errors import Halt
from trading_runtime.evidence.entry import read_submission
from trading_runtime.journal.durable import make_folder, write_file
from trading_runtime.journal.follower import Follower, SessionRecord
from trading_runtime.records import layout
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos

SINK = "audit"
TURN_RECORDS_MAX = 8192
"""Some thousand of them are entries; more would hold up the sequencer beside us for long."""

LOOK_INTERVAL_NS = Nanos(50 * NANOS_PER_MILLI)
"""Between two looks at journals that had nothing more: they are synced no oftener."""


class Relay:
    """Owned by one process; the producer's log is its own and is closed by the caller."""

    def __init__(
        self, data: Path, origin: str, log: ProducerLog, subjects: SubjectKeys | None
    ) -> None:
        """Begin after what was submitted last; ``origin`` names the log that the entries are for.

        With keys of ``subjects`` whatever names a person is concealed.

        Raises :exc:`Halt` where the place cannot be read: without it entries would come twice.
        """
        # A folder of its own: the one above belongs to the log, perhaps another user.
        self._path = Path(layout.audit(data)) / "relay" / "place.json"
        make_folder(self._path.parent)
        self._log = log
        self._subjects = subjects
        self._due = Nanos(0)
        self._projection = Projection(_remembered(self._path), origin)
        self._submitted = _submitted(log.kept())
        self._follower = Follower(data, SINK, synced_only=True)
        self._last: SessionRecord | None = None
        """The newest record that was projected and is not let go, where the disk took no more."""

    def turn(self, now: Nanos) -> int:
        """Look into the journals when it is time again; see :meth:`take`."""
        if now < self._due:
            return 0
        taken = self.take(now)
        if taken < TURN_RECORDS_MAX:
            self._due = Nanos(now + LOOK_INTERVAL_NS)
        return taken

    def finish(self, now: Nanos) -> None:
        """Take all that the journals hold, and end the producer's boot in order."""
        while self.take(now):
            pass
        self._log.stop()

    def take(self, now: Nanos) -> int:
        """Take what the journals hold that is new, and give how many records that was.

        Raises NotDurable or OSError where the disk does not take it; the next turn goes on there.
        """
        polled = self._follower.poll(TURN_RECORDS_MAX)
        memory = self._projection.memory
        entries = []
        for session, record in polled:
            if record.seq <= memory.session(session).seq:
                continue
            entry = self._projection.take(session, record)
            if entry is not None and record.seq > self._submitted.get(session, 0):
                subjects = self._subjects
                entries.append(entry if subjects is None else conceal(entry, subjects))
        if polled:
            self._last = polled[-1]
        if self._last is not None:
            self._log.append(entries)
            write_file(self._path, msgspec.json.encode(memory))
            self._follower.commit(self._last.session, self._last.record.seq)
            self._last = None
        self._log.turn(now)
        return len(polled)

    @property
    def trouble(self) -> str:
        """Why nothing is sent, or why receipts are not believed; empty while all is well."""
        return self._log.sending.down or self._log.sending.refused

    def close(self) -> None:
        self._follower.close()


def _remembered(path: Path) -> Memory:
    if not path.exists():
        return Memory()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except msgspec.DecodeError as error:
        raise Halt(
            f"{path} is damaged ({error}): put back a copy of it, or declare a fork"
        ) from error


def _submitted(kept: Iterable[bytes]) -> dict[str, int]:
    """Give the last record of each session that has an entry in the producer's log."""
    last: dict[str, int] = {}
    for content in kept:
        trace = read_submission(content).trace_id
        if trace is not None and trace.count("/") == 2:  # noqa: PLR2004 -- session/sequence/index
            session, seq, _ = trace.split("/")
            last[session] = max(last.get(session, 0), int(seq))
    return last
