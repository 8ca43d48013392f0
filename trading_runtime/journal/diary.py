"""The journal of a process beside the runtime: what it saw, asked and was answered.

It has the format of every other, below a root of its own, so that recovery and replay of the
trading sessions never meet it. A thread owns the writer: a disk that hangs, which is one reason for
a runtime to stall, must not keep the watchdog from cancelling. It waits for the record only a
moment, and goes on without one where the disk takes none.
"""

import asyncio
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, final

from trading_runtime.clock import Clock
from trading_runtime.errors import Fault, JournalFull
from trading_runtime.journal.folder import find_sessions, is_being_written
from trading_runtime.journal.recovery import is_closed, recover_session
from trading_runtime.journal.settings import MEBIBYTE, JournalSettings
from trading_runtime.journal.writer import JournalWriter
from trading_runtime.records.envelope import Body, Kind, Stamp
from trading_runtime.records.segments import Damaged

T = TypeVar("T")
SETTINGS = JournalSettings(emergency_bytes=MEBIBYTE)
HANDED_WITHIN_S = 0.05
"""Many times what a sound disk takes; after it the order goes out before its record."""


@final
class Diary:
    """Owned by one process, from any of its threads; one thread of its own writes."""

    def __init__(self, root: Path, session: str, clock: Clock) -> None:
        """Open a session below ``root``, whose layout is that of a data folder."""
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "diary")
        self._writer: JournalWriter | None = None
        self._last = self._thread.submit(self._open, root, session)

    def write(self, kind: Kind, body: Body) -> None:
        """Append and hand over, soon; never blocks and never fails."""
        self._last = self._thread.submit(self._write, kind, self._clock.stamp(), body)

    async def settle(self) -> None:
        """Wait until all of it has been handed over, or for as long as may be waited."""
        await within(HANDED_WITHIN_S, self._last)

    def wait(self) -> None:
        """Wait until all of it has been handed over, however long that takes."""
        self._last.result()

    def close(self) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _open(self, root: Path, session: str) -> None:
        try:
            for folder in find_sessions(root):
                if not is_closed(folder) and not is_being_written(folder):
                    recover_session(folder)
            self._writer = JournalWriter.open(root, session, SETTINGS)
        except (Fault, Damaged, OSError) as error:
            complain(f"no journal is written: {error}")

    def _write(self, kind: Kind, stamp: Stamp, body: Body) -> None:
        writer = self._writer
        if writer is None:
            return
        try:
            writer.append(kind, stamp, body)
            writer.hand_over()
        except JournalFull as full:
            complain(str(full))
            self._fall_back(writer)

    def _fall_back(self, writer: JournalWriter) -> None:
        """Go on in the emergency segment, and then without."""
        try:
            writer.begin_emergency()
            writer.hand_over()
        except JournalFull as full:
            complain(str(full))
            self._close()

    def _close(self) -> None:
        if self._writer is not None:
            try:
                self._writer.close()
            except (Fault, OSError) as error:
                complain(f"the journal was not closed: {error}")
            self._writer = None


async def within(seconds: float, doing: Future[T]) -> bool:
    """Wait for what a thread does; say whether it was done in time."""
    done, _ = await asyncio.wait({asyncio.wrap_future(doing)}, timeout=seconds)
    return bool(done)


def complain(message: str) -> None:
    print(f"tapedeck: {message}", file=sys.stderr, flush=True)  # noqa: T201 -- its voice
