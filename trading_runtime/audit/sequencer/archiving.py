"""Digests and heads go to the archive, where nobody who holds this machine can change them.

A thread of its own does it, oldest first, and again until the archive has them all; an archive that
cannot be reached, at the start or later, holds up nothing here. One that is open to tampering, or
was never ours to write to, is refused when it is opened, and with it the service.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import final

from trading_runtime.errors import Halt, Refused
from trading_runtime.evidence import layout
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.objects.objects import Objects, Unreachable, keep

AGAIN_NS = Nanos(60 * NANOS_PER_SECOND)
"""Between two attempts."""


@final
class Archiving:
    """Owned by the sequencer."""

    def __init__(self, log: Path, open_archive: Callable[[], Objects], retention_ns: Nanos) -> None:
        """Begin to open the archive."""
        self._log = log
        self._open_archive = open_archive
        self._objects: Objects | None = None
        """Of the thread alone."""
        self._retention_ns = retention_ns
        self._thread = ThreadPoolExecutor(1, "archive")
        self._doing: Future[int] | None = self._thread.submit(self._open)
        self._done = 0
        self._again_ns = Nanos(0)

    def turn(self, newest: int, now: Nanos) -> str:
        """Go on with what is left; say why the last attempt failed, empty where it did not.

        Raises :exc:`Halt` where the archive holds other bytes under a digest's name, or is none.
        """
        reason = ""
        if self._doing is not None and self._doing.done():
            doing, self._doing = self._doing, None
            try:
                self._done = doing.result()
            except (Unreachable, Refused, OSError) as error:
                reason = str(error)
                self._again_ns = Nanos(now + AGAIN_NS)
        if self._doing is None and self._done < newest and now >= self._again_ns:
            until = Nanos(now + self._retention_ns)
            self._doing = self._thread.submit(self._bring, self._done + 1, newest, until)
        return reason

    def left(self, newest: int) -> int:
        """Count the digests that the archive has not yet, as far as we know."""
        return newest - self._done

    def close(self) -> None:
        self._thread.shutdown()

    def _open(self) -> int:
        self._opened()
        return 0

    def _opened(self) -> Objects:
        if self._objects is None:
            try:
                self._objects = self._open_archive()
            except Refused as refused:
                raise Halt(f"the archive: {refused}") from refused
        return self._objects

    def _bring(self, first: int, newest: int, until: Nanos) -> int:
        objects = self._opened()
        there: set[str] = set()
        if first == 1:
            there = {it.key for it in objects.list("digests/")}
        for number in range(first, newest + 1):
            if layout.digest_key(number) not in there:
                heads, note = (
                    layout.heads_path(self._log, number),
                    layout.digest_path(self._log, number),
                )
                keep(objects, layout.heads_key(number), heads.read_bytes(), until)
                keep(objects, layout.digest_key(number), note.read_bytes(), until)
        return newest
