"""The index, filled by a thread while the next turn is read.

The frames are on disk before a row is handed over, so the index may be one turn behind: every call
waits for the rows of the last turn first, and raises what went wrong with them.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import final

from trading_runtime.audit.index.index import Head, Index
from trading_runtime.evidence.index_row import IndexRow


@final
class Indexing:
    """Owned by the sequencer; nobody else calls the index while this is open."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._thread = ThreadPoolExecutor(1, "index")
        self._doing: Future[None] | None = None

    def append(self, rows: Sequence[IndexRow]) -> None:
        """Hand rows over; :exc:`Halt` where those before them were not taken."""
        self.wait()
        self._doing = self._thread.submit(self._index.append, rows)

    def wait(self) -> None:
        """Return when all that was handed over is in the index."""
        doing, self._doing = self._doing, None
        if doing is not None:
            doing.result()

    def settle(self) -> None:
        self.wait()
        self._index.settle()

    def heads(self, entity_ids: Sequence[str]) -> dict[str, Head]:
        self.wait()
        return self._index.heads(entity_ids)

    def known(self, event_ids: Sequence[str]) -> dict[str, int]:
        self.wait()
        return self._index.known(event_ids)

    def close(self) -> None:
        """Return when the thread has ended; what it could not do is for the next start to see."""
        self._thread.shutdown()
