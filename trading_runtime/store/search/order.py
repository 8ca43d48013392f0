"""Lines of many places in one order, newest or oldest first, and no more read than is needed.

A place is a :class:`Block`: it tells between which times its lines lie before it is opened, and
opened it gives matching lines, or smaller blocks. A line is given once no block that is still
closed can hold one that comes before it. So the newest 200 of a year open the last few blocks.
"""

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from trading_runtime.records.units import Nanos
from trading_runtime.store.search.line import Entry
from trading_runtime.store.search.query import Matcher

Opened = tuple[Sequence["Block"], Iterable[Entry]]


class Block(Protocol):
    """Lines of which the times are known before they are read."""

    @property
    def low(self) -> Nanos:
        """No line is older."""

    @property
    def high(self) -> Nanos:
        """No line is younger."""

    def opened(self, matcher: Matcher) -> Opened:
        """Give smaller blocks, and the matching lines."""


class _Waiting(NamedTuple):
    """``edge`` grows with what is to come first; ``number`` keeps blocks from being compared."""

    edge: int
    number: int
    block: Block


def in_order(
    blocks: Iterable[Block], matcher: Matcher, *, oldest: bool, limit: int
) -> Iterator[Entry]:
    """Give the matching lines, the newest first, or the oldest; ``limit`` 0 is none.

    Lines of one time stand in the order of session and record; those of one record by stream.
    """
    waiting: list[_Waiting] = []
    ready: list[Entry] = []  # the next one last
    left = limit
    number = 0
    todo: Sequence[Block] = list(blocks)
    while True:
        for block in todo:
            number += 1
            insort(waiting, _Waiting(-block.low if oldest else block.high, number, block))
        while ready and not (waiting and _may_come_first(waiting[-1].block, ready[-1], oldest)):
            yield ready.pop()
            left -= 1
            if left == 0:
                return
        if not waiting:
            return
        todo, found = waiting.pop().block.opened(matcher)
        ready.extend(found)
        ready.sort(key=_place, reverse=oldest)
        if limit:
            del ready[:-left]


def _place(it: Entry) -> tuple[int, str, int, str, bytes]:
    return it[:5]


def _may_come_first(block: Block, entry: Entry, oldest: bool) -> bool:  # noqa: FBT001 -- of the caller
    return block.low <= entry.at if oldest else block.high >= entry.at
