"""A sink's reading end: every record once, in order, from where the sink left off.

A follower never holds up the writer and keeps nothing open but one segment of each session under
way. It reads the journals of the runtime and of the watchdog as one. Sessions come in the order of
their names, each drained as far as it goes before the next; those that are written at the same time
interleave.
"""

import os
from collections import deque
from pathlib import Path
from typing import NamedTuple

from trading_runtime.errors import Refused
from trading_runtime.journal.place import Place
from trading_runtime.journal.tail import Tail
from trading_runtime.records import layout
from trading_runtime.records.envelope import Record
from trading_runtime.records.units import Seq

_tuple = tuple.__new__


class SessionRecord(NamedTuple):
    session: str
    record: Record


class Run(NamedTuple):
    """Records of one session that were given and are not committed."""

    session: str
    first_seq: Seq
    last_seq: Seq

    def holds(self, session: str, seq: Seq) -> bool:
        return session == self.session and self.first_seq <= seq <= self.last_seq


class Follower:
    """Owned by one sink in one process."""

    def __init__(self, data: Path, sink: str, *, synced_only: bool) -> None:
        """Begin after what ``sink`` last committed.

        With ``synced_only`` a record comes when a power cut can take it no more; without, as soon
        as the operating system has it.
        """
        self._journals = tuple(Path(journal) for journal in layout.journals(data))
        self._synced_only = synced_only
        self._place = Place(data, sink)
        self._tails: dict[str, Tail] = {}
        self._runs: deque[Run] = deque()

    def poll(self, limit: int) -> list[SessionRecord]:
        """Give up to ``limit`` records that come next; none where there are none now.

        Raises JournalDamaged where a session cannot be read on.
        """
        # Looked for first: when a session is seen, the end of the one before it stands written.
        self._find()
        given: list[SessionRecord] = []
        for session, tail in self._tails.items():
            records = tail.take(limit - len(given))
            if records:
                # Built past the named tuple's own constructor, as this is done for every record.
                given += [_tuple(SessionRecord, (session, record)) for record in records]
                self._runs.append(Run(session, records[0].seq, records[-1].seq))
            if len(given) >= limit:
                break
        return given

    def commit(self, session: str, seq: Seq) -> None:
        """All that ``poll`` gave up to this record, in its order, is done; durable on return.

        Raises :exc:`Refused` for a record that was not given, or is committed.
        """
        if not any(run.holds(session, seq) for run in self._runs):
            raise Refused(f"record {seq} of session {session} is not among those given")
        at = dict(self._place.at)
        while not (run := self._runs.popleft()).holds(session, seq):
            at[run.session] = run.last_seq
        at[session] = seq
        if seq < run.last_seq:
            self._runs.appendleft(Run(session, Seq(seq + 1), run.last_seq))
        self._store(at)

    def close(self) -> None:
        for tail in self._tails.values():
            tail.close()
        self._place.close()

    def _find(self) -> None:
        """Begin with the sessions that are new; most polls find none, so this asks little."""
        known = self._tails.keys() | self._place.done
        found = self._found()
        for name in sorted(found.keys() - known):
            folder = found[name] / name
            if not name.startswith(".") and folder.is_dir():
                after = self._place.at.get(name, Seq(0))
                self._tails[name] = Tail(folder, after, synced_only=self._synced_only)

    def _found(self) -> dict[str, Path]:
        """Give the names of all sessions there are, and in which journal each stands."""
        return {
            name: journal
            for journal in self._journals
            if journal.is_dir()
            for name in os.listdir(journal)  # noqa: PTH208 -- names alone
        }

    def _store(self, at: dict[str, Seq]) -> None:
        """Write the place down; a session that is over and committed whole is done with."""
        waiting = {run.session for run in self._runs}
        over = [name for name, tail in self._tails.items() if tail.over and name not in waiting]
        for name in over:
            self._tails.pop(name).close()
        done = self._place.done | set(over)
        if over:
            # A session that retention has removed needs no mark any more.
            done &= self._found().keys()
        under_way = {name: seq for name, seq in at.items() if name in self._tails}
        self._place.store(under_way, done)
