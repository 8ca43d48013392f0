"""The group sync: one thread that brings to disk what was handed over, and says how far it got.

Rules:
 * The writing thread alone moves ``handed``; this thread alone syncs on the timer; ``sync`` may be
   called by either, under the lock.
 * The watermark is published after the sync that covers it, never before.
 * A sync that failed is never tried again: after the failure the kernel may have dropped the
   pages and would report success. It is kept as ``failure`` and raised by the writer's next call.
"""

import os
import threading

from trading_runtime.errors import JournalFull
from trading_runtime.journal.durable import write_all_at
from trading_runtime.records.segments import Watermark, watermark_bytes
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos, Seq


class GroupSync:
    """Owns the watermark's file; borrows the segment's descriptor from the writer."""

    def __init__(self, segment: int, watermark: int, start: Watermark) -> None:
        """Take the open files ``segment`` and ``watermark``, and what is on disk of them."""
        self.handed: tuple[int, int, int] = start
        """Segment, first free byte and last record that the operating system has."""
        self.failure: JournalFull | None = None
        self.synced = start
        self._descriptor = segment
        self._watermark = watermark
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, interval_ns: Nanos) -> None:
        self._thread = threading.Thread(
            target=self._run,
            args=(interval_ns / NANOS_PER_SECOND,),
            name="journal-sync",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is not synced by then stays so."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def sync(self) -> None:
        """Bring to disk all that was handed over; raise :exc:`JournalFull` where that fails."""
        with self._lock:
            self._sync()
        if self.failure is not None:
            raise self.failure

    def switch(self, descriptor: int, start: Watermark) -> None:
        """Go on with the next segment, whose header is on disk; the last one is synced whole."""
        with self._lock:
            self._descriptor = descriptor
            self._hand_on(start)

    def publish(self, watermark: Watermark) -> None:
        """Say that ``watermark`` is on disk; the caller has synced it."""
        with self._lock:
            self._hand_on(watermark)

    def fail(self, failure: JournalFull) -> None:
        """Bring to disk what can be, once; then let nothing more be handed over."""
        with self._lock:
            self._sync()
            self.failure = failure

    def _run(self, interval_s: float) -> None:
        while not self._stopping.wait(interval_s) and self.failure is None:
            with self._lock:
                self._sync()

    def _sync(self) -> None:
        handed = self.handed
        if handed == self.synced or self.failure is not None:
            return
        try:
            os.fdatasync(self._descriptor)
            self._publish(Watermark(handed[0], handed[1], Seq(handed[2])))
        except OSError as error:
            self.failure = JournalFull(f"sync of segment {handed[0]}: {error}")

    def _hand_on(self, watermark: Watermark) -> None:
        self.handed = watermark
        self._publish(watermark)

    def _publish(self, watermark: Watermark) -> None:
        write_all_at(self._watermark, watermark_bytes(watermark), 0)
        self.synced = watermark
