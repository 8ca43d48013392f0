"""The book rebuilt from the rows alone, to see whether bid and ask ever cross after a message.

A snapshot replaces the book and takes with it the deltas that came before it but end after it;
one that those deltas do not join is passed over, as a synchronising reader would. Nothing is judged
while the rows themselves say that the book may be bad. An hour that starts without a snapshot is
replayed on what its deltas tell: levels are missing then, but none is wrong.
"""

from heapq import heapify, heappop, heappush

import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Int64s
from data_platform.checks.messages import Messages
from trading_runtime.store.parquet import integers


class Sides:
    """Bids and asks with their best at hand; a heap entry whose level is gone is dropped late."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        # Bids are kept as negative prices, so that the best of both sides is the smallest.
        self._levels: tuple[set[int], set[int]] = (set(), set())
        self._heaps: tuple[list[int], list[int]] = ([], [])

    def apply(self, side: int, price: int, size: int) -> None:
        side &= 1  # what is neither bid nor ask is another rule's finding
        key = price if side else -price
        levels = self._levels[side]
        if size == 0:
            levels.discard(key)
        elif key not in levels:
            levels.add(key)
            heappush(self._heaps[side], key)

    def _best(self, side: int) -> int | None:
        heap, levels = self._heaps[side], self._levels[side]
        if len(heap) > 4 * len(levels) + 64:
            # Levels that came and went often: without this the heap would grow with the hour.
            heap[:] = levels
            heapify(heap)
        while heap and heap[0] not in levels:
            heappop(heap)
        return heap[0] if heap else None

    def is_crossed(self) -> bool:
        bid, ask = self._best(0), self._best(1)
        return bid is not None and ask is not None and -bid >= ask


class Replay:
    """Applies messages in the order of arrival; owns the book and its last update id."""

    def __init__(self, rows: pa.Table, messages: Messages) -> None:
        self._sides = Sides()
        self._side = integers(rows, "side").tolist()
        self._price = integers(rows, "px").tolist()
        self._size = integers(rows, "qty").tolist()
        self._messages = messages
        self._spans = list(zip(messages.start.tolist(), messages.end.tolist(), strict=True))
        self._id = -1

    def _apply(self, message: int) -> None:
        start, end = self._spans[message]
        apply, price, size = self._sides.apply, self._price, self._size
        for row in range(start, end):
            if price[row]:  # an empty message has one row without a price
                apply(self._side[row], price[row], size[row])
        self._id = int(self._messages.last_id[message])

    def _held(self, snapshot: int, opened: int) -> list[int]:
        """Give the deltas since ``opened`` that the snapshot does not yet contain, in order."""
        known = self._messages
        earlier = np.arange(opened, snapshot)
        newer = known.last_id[earlier] > known.last_id[snapshot]
        held: list[int] = earlier[newer & ~known.is_snapshot[earlier]].tolist()
        return held

    def _on_snapshot(self, message: int, opened: int) -> None:
        held = self._held(message, opened)
        needed = int(self._messages.last_id[message]) + 1
        if held and int(self._messages.first_id[held[0]]) > needed:
            return
        self._sides.clear()
        for it in (message, *held):
            self._apply(it)

    def crossed(self) -> Int64s:
        """Give the last rows of the messages after which the book is crossed or locked."""
        known = self._messages
        snapshots, doubtful = known.is_snapshot.tolist(), known.is_doubtful.tolist()
        sessions, last_ids = known.session.tolist(), known.last_id.tolist()
        found, opened = [], 0
        for message in range(len(snapshots)):
            if message and sessions[message] != sessions[message - 1]:
                self._sides.clear()
                self._id, opened = -1, message
            if snapshots[message]:
                self._on_snapshot(message, opened)
            elif last_ids[message] > self._id:
                self._apply(message)
            if not doubtful[message] and self._sides.is_crossed():
                found.append(self._spans[message][1] - 1)
        return np.array(found, dtype=np.int64)
