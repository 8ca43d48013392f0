"""The process that follows the journal: each record is decoded once and given to every sink.

Rules:
 * A turn takes what there is, up to a bound, then every sink flushes and saves its place, and only
   then the follower commits the least of them. So a death at any moment loses nothing.
 * Sinks are given whole steps: an input with all outputs that it caused. The last step waits until
   the next record, or an idle turn, shows that it is over.
 * Recovery is the only way to start. A full disk is met like a death: the sinks are dropped as they
   are, and opened again from what is on disk until there is room.
 * One scribe per data folder.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event as Flag

from trading_runtime.journal.alone import alone
from trading_runtime.journal.follower import Follower
from trading_runtime.records import layout
from trading_runtime.records.envelope import Kind, decode_body
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.scribe.entry import Entry
from trading_runtime.scribe.logs import Logs
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.scribe.ticks import Ticks

NAME = "scribe"
TOGETHER_MAX = 512
"""Records that are decoded together: many more leave the processor's cache before they are used."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def run(
    data: Path, settings: ScribeSettings, stop: Flag, *, once: bool = False, finish: bool = False
) -> None:
    """Follow the journal below ``data`` until ``stop`` is set.

    ``once`` ends when all that is there has been written. ``finish`` says that no session will go
    on: at the end the open minute, its hour and the live logs are closed too. If one goes on all
    the same, nothing is lost: its minute is merged and its hour is sealed again.

    Raises :exc:`Refused` where another scribe follows, OSError where the disk fails (with ``once``
    also where it is full).
    """
    lock = Path(layout.offsets(data)) / "lock"
    with alone(lock, f"another scribe follows {data}"):
        while True:
            try:
                _follow(data, settings, stop, once=once, finish=finish)
            except OSError as error:
                if once or error.errno not in FULL:
                    raise
                if stop.wait(settings.full_retry_ns / NANOS_PER_SECOND):
                    return
            else:
                return


def _follow(data: Path, settings: ScribeSettings, stop: Flag, *, once: bool, finish: bool) -> None:
    with (
        _sinks(data, settings) as sinks,
        closing(_Turn(data, settings, sinks, skipping=not once)) as turn,
    ):
        while True:
            count = turn.take()
            if count == 0 and once:
                break
            caught_up = count < settings.turn_records_max
            wait_s = settings.flush_interval_ns / NANOS_PER_SECOND if caught_up and not once else 0
            if stop.wait(wait_s):
                break
        if finish:
            turn.finish()


class _Turn:
    """What goes on from turn to turn: the follower, the step that waits, and how far behind."""

    def __init__(
        self, data: Path, settings: ScribeSettings, sinks: tuple[Logs, Ticks], *, skipping: bool
    ) -> None:
        self._follower = Follower(data, NAME, synced_only=False)
        self._settings = settings
        self._logs, self._ticks = sinks
        self._skipping = skipping
        self._waiting: list[Entry] = []
        self._behind = 0

    def take(self) -> int:
        """Take what there is, up to the bound, and flush; give how many records that was."""
        most = self._settings.turn_records_max
        taken, last = 0, None
        while taken < most:
            polled = self._follower.poll(min(TOGETHER_MAX, most - taken))
            entries = self._waiting + [
                Entry(session, kind, seq, stamp[0], decode_body(body))
                for session, (kind, seq, stamp, body) in polled
            ]
            over = _last_step(entries) if polled else len(entries)
            self._waiting = entries[over:]
            del entries[over:]
            taken += len(polled) or len(entries)
            if entries:
                last = entries[-1]
                self._logs.take(entries, pressed=self._pressed)
                self._ticks.take(entries)
            if len(polled) < TOGETHER_MAX:
                break
        self._behind = self._behind + taken if taken >= most else 0
        if last is not None:
            self._logs.flush()
            self._ticks.flush()
            self._follower.commit(last.session, last.seq)
        return taken

    @property
    def _pressed(self) -> bool:
        return self._skipping and self._behind > self._settings.behind_records_max

    def finish(self) -> None:
        # In this order: who finds an hour of ticks sealed may take its logs too.
        self._logs.finish()
        self._ticks.finish()

    def close(self) -> None:
        self._follower.close()


def _last_step(entries: Sequence[Entry]) -> int:
    """Give the place of the last input or observation: its outputs may still come."""
    place = len(entries) - 1
    while place > 0 and entries[place].kind is Kind.OUTPUT:
        place -= 1
    return place


@contextmanager
def _sinks(data: Path, settings: ScribeSettings) -> Iterator[tuple[Logs, Ticks]]:
    logs = Logs(data, settings)
    try:
        ticks = Ticks(data, settings)
        try:
            yield logs, ticks
        finally:
            ticks.close()
    finally:
        logs.close()
