"""The book of an hour, rebuilt from its depth rows message by message in one compiled loop.

Prices are replaced by their rank among the prices of the hour, so that a side of the book is an
array and the next best price is a short walk. A level is one number: the row that it is by, and
whether it stands. As :mod:`kernel` it is imported where it is called.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from data_platform.checks.findings import Bools, Int64s
from data_platform.checks.kernel import (
    ASK,
    BID,
    CROSSED,
    DOUBTFUL,
    FAR,
    LEVEL_TWICE,
    NEVER,
    ONE_SIDED,
    SNAPSHOT,
    UNKNOWN_DELETE,
    UNLIKE,
    Bits,
    Columns,
)

Ranks = npt.NDArray[np.int32]

EMPTY_SLOT = -1
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

# What is kept of a book beside its levels, by place in ``Book.state``.
LAST_ID, BASE_ID, WHOLE, SURE = 0, 1, 2, 3


class Book(NamedTuple):
    """The levels by side and rank; ``best`` are the ranks of the best bid and ask."""

    cells: npt.NDArray[np.int32]
    """``2 * (row + 1)`` of the row that named the level last, plus 1 if it stands; 0 before."""
    best: Int64s
    edge: Int64s
    """The ranks of the deepest bid and ask of the snapshot that it began with."""
    state: Int64s
    """Its last update; the snapshot's; whether it began with one, and has no break since."""


class Asked(NamedTuple):
    """What the rules about the book are held to."""

    far: float
    """The share of the mid beyond which a level is far."""
    levels: int
    """So many levels a side of a snapshot are held against the book that it replaces."""


@numba.njit(cache=True, nogil=True)
def _slot(px: int, mask: int) -> int:
    return int((np.uint64(px) * GOLDEN) >> np.uint64(17)) & mask


@numba.njit(cache=True, nogil=True)
def _different(px: Int64s) -> tuple[Ranks, Int64s]:
    """Give each row's place among the different prices as they first appear, and those prices.

    By a hash table with open addressing: only the different ones have to be sorted after it.
    """
    size = 1 << 12
    keys = np.zeros(size, np.int64)
    places = np.full(size, EMPTY_SLOT, np.int32)
    prices = np.zeros(size, np.int64)
    place_of = np.empty(len(px), np.int32)
    count = 0
    for row in range(len(px)):
        if row > 0 and px[row] == px[row - 1]:
            place_of[row] = place_of[row - 1]
            continue
        slot = _slot(px[row], size - 1)
        while places[slot] != EMPTY_SLOT and keys[slot] != px[row]:
            slot = (slot + 1) & (size - 1)
        if places[slot] == EMPTY_SLOT:
            keys[slot], places[slot], prices[count] = px[row], count, px[row]
            place_of[row] = count
            count += 1
            if 2 * count == size:
                size *= 2
                keys, places = np.zeros(size, np.int64), np.full(size, EMPTY_SLOT, np.int32)
                wider = np.zeros(size, np.int64)
                wider[:count] = prices[:count]
                prices = wider
                for place in range(count):
                    free = _slot(prices[place], size - 1)
                    while places[free] != EMPTY_SLOT:
                        free = (free + 1) & (size - 1)
                    keys[free], places[free] = prices[place], place
        else:
            place_of[row] = places[slot]
    return place_of, prices[:count]


def ranked(px: Int64s) -> tuple[Ranks, Int64s]:
    """Give each row's place among the different prices in rising order, and those prices."""
    place_of, prices = _different(px)
    order = np.argsort(prices)
    rank = np.empty(len(prices), np.int32)
    rank[order] = np.arange(len(prices), dtype=np.int32)
    return rank.take(place_of), prices[order]


@numba.njit(cache=True, nogil=True)
def _new(levels: int) -> Book:
    return Book(
        np.zeros((2, levels), np.int32),
        np.array([-1, levels], np.int64),
        np.array([levels, -1], np.int64),
        np.array([NEVER, NEVER, 0, 0], np.int64),
    )


@numba.njit(cache=True, nogil=True)
def _copied(book: Book) -> Book:
    return Book(book.cells.copy(), book.best.copy(), book.edge.copy(), book.state.copy())


@numba.njit(cache=True, nogil=True)
def _clear(book: Book) -> None:
    levels = book.cells.shape[1]
    book.cells[:] = 0
    book.best[BID], book.best[ASK] = -1, levels
    book.edge[BID], book.edge[ASK] = levels, -1
    book.state[LAST_ID], book.state[BASE_ID] = NEVER, NEVER
    book.state[WHOLE], book.state[SURE] = 0, 0


@numba.njit(cache=True, nogil=True)
def _settle(book: Book) -> None:
    """Walk from the last best prices, which may be gone, to those that are there."""
    best, cells = book.best, book.cells
    while best[BID] >= 0 and not cells[BID, best[BID]] & 1:
        best[BID] -= 1
    while best[ASK] < cells.shape[1] and not cells[ASK, best[ASK]] & 1:
        best[ASK] += 1


@numba.njit(cache=True, nogil=True)
def _apply(it: Columns, rank: Ranks, book: Book, start: int, end: int) -> None:
    """Put the levels of a message into the book; what is no side is told elsewhere."""
    for row in range(start, end):
        side, place = it.side[row] & 1, rank[row]
        # An empty message has one row without a price.
        stands = (it.qty[row] != 0) & (it.px[row] != 0)
        book.cells[side, place] = 2 * row + 2 + stands
        if stands & (side == BID) & (place > book.best[BID]):
            book.best[BID] = place
        if stands & (side == ASK) & (place < book.best[ASK]):
            book.best[ASK] = place


@numba.njit(cache=True, nogil=True)
def _follow(it: Columns, book: Book, start: int) -> bool:
    """Take over the ids of a delta, unless the book has it; a break makes the book unsure."""
    known = book.state[LAST_ID]
    if it.last_id[start] <= known:
        return False
    told = it.prev_id[start] if it.prev_id[start] >= 0 else it.first_id[start] - 1
    if told > known or it.flags[start] & DOUBTFUL:
        book.state[SURE] = 0
    book.state[LAST_ID] = it.last_id[start]
    return True


@numba.njit(cache=True, nogil=True)
def _change(it: Columns, rank: Ranks, book: Book, span: tuple[int, int], bits: Bits) -> None:
    """Put a delta into the book, and judge its levels against each other and the book before.

    A delete is judged by a whole book alone: one that began with a snapshot.
    """
    start, whole, cells = span[0], book.state[WHOLE] != 0, book.cells
    bid, ask = book.best[BID], book.best[ASK]
    for row in range(start, span[1]):
        side, place = it.side[row] & 1, rank[row]
        before = cells[side, place]
        # Without a branch that no processor could foresee: half of all levels are deletes.
        stands = (it.qty[row] != 0) & (it.px[row] != 0)
        cells[side, place] = 2 * row + 2 + stands
        gone = (it.qty[row] == 0) & (it.px[row] != 0) & whole & (before & 1 == 0)
        bits[row] |= gone * UNKNOWN_DELETE | (before >> 1 > start) * LEVEL_TWICE
        bid = max(bid, place if stands & (side == BID) else -1)
        ask = min(ask, place if stands & (side == ASK) else cells.shape[1])
    book.best[BID], book.best[ASK] = bid, ask


@numba.njit(cache=True, nogil=True)
def _twice(it: Columns, rank: Ranks, seen: Ranks, span: tuple[int, int], bits: Bits) -> None:
    """Judge the levels of a message that is no change of the book against each other alone."""
    start = span[0]
    for row in range(start, span[1]):
        place = 2 * rank[row] + (it.side[row] & 1)
        if seen[place] > start:
            bits[row] |= LEVEL_TWICE
        seen[place] = row + 1


@numba.njit(cache=True, nogil=True)
def _snapshot(
    it: Columns, rank: Ranks, book: Book, starts: Int64s, message: int, delta_before: Int64s
) -> bool:
    """Put a snapshot into the book, with the deltas that it does not contain.

    Says whether these join it: it is passed over otherwise.
    """
    start = starts[message]
    end = starts[message + 1] if message + 1 < len(starts) else len(it.px)
    held, oldest, known = delta_before[message], -1, it.last_id[start]
    while held >= 0 and it.last_id[starts[held]] > known:
        oldest, held = held, delta_before[held]
    if oldest >= 0 and it.first_id[starts[oldest]] > known + 1:
        return False
    _clear(book)
    _apply(it, rank, book, start, end)
    for row in range(start, end):
        side, place = it.side[row] & 1, rank[row]
        is_deeper = place < book.edge[side] if side == BID else place > book.edge[side]
        if is_deeper and it.px[row] != 0:
            book.edge[side] = place
    book.state[BASE_ID] = book.state[LAST_ID] = known
    book.state[WHOLE] = book.state[SURE] = 1
    if oldest >= 0:
        for later in range(oldest, message):
            begin = starts[later]
            if not it.flags[begin] & SNAPSHOT and it.last_id[begin] > book.state[LAST_ID]:
                _apply(it, rank, book, begin, starts[later + 1])
                book.state[LAST_ID] = it.last_id[begin]
    return True


@numba.njit(cache=True, nogil=True)
def _size(it: Columns, cell: int) -> int:
    return int(it.qty[(cell >> 1) - 1]) if cell & 1 else 0


@numba.njit(cache=True, nogil=True)
def _compare(
    it: Columns, pair: tuple[Book, Book], span: tuple[int, int], levels: int, bits: Bits
) -> bool:
    """Hold a book that a snapshot (the rows ``span``) began against the one that it replaced.

    The best levels of each side, as deep as both are known; both end with the same update. Says
    whether there were any. A level that differs is marked at its row of the snapshot, and one
    that the snapshot has not at its first row.
    """
    new, old = pair
    compared = False
    for side in (BID, ASK):
        step = -1 if side == BID else 1
        place = new.cells.shape[1] - 1 if side == BID else 0
        deepest = (
            max(new.edge[BID], old.edge[BID]) if side == BID else min(new.edge[ASK], old.edge[ASK])
        )
        left = levels
        while left and (deepest - place) * step >= 0:
            one, other = new.cells[side, place], old.cells[side, place]
            if (one | other) & 1:
                compared = True
                left -= 1
                if _size(it, one) != _size(it, other):
                    row = (one >> 1) - 1
                    bits[row if span[0] <= row < span[1] else span[0]] |= UNLIKE
            place += step
    return compared


@numba.njit(cache=True, nogil=True)
def _judge(
    it: Columns, prices: Int64s, book: Book, span: tuple[int, int], far: float, bits: Bits
) -> tuple[int, int]:
    """Judge the book after a message; give its best prices, 0 where they are not known."""
    bid, ask, end = book.best[BID], book.best[ASK], span[1]
    if it.flags[span[0]] & DOUBTFUL:
        return 0, 0
    if bid < 0 or ask >= len(prices):
        if book.state[WHOLE]:
            bits[end - 1] |= ONE_SIDED
        return 0, 0
    if prices[bid] >= prices[ask]:
        bits[end - 1] |= CROSSED
    if not book.state[WHOLE]:
        return 0, 0
    middle = (prices[bid] + prices[ask]) / 2
    for row in range(span[0], end):
        if it.qty[row] > 0 and abs(it.px[row] - middle) > far * middle:
            bits[row] |= FAR
    return prices[bid], prices[ask]


@numba.njit(cache=True, nogil=True)
def replay(
    it: Columns, starts: Int64s, rank: Ranks, prices: Int64s, asked: Asked, bits: Bits
) -> tuple[Int64s, Int64s, Bools]:
    """Rebuild the book from the rows alone and set the bits of the rules about it.

    A snapshot replaces the book and takes with it the deltas of its session that came before it
    but end after it; one that those deltas do not join is passed over, as a synchronising reader
    would. Where the book before it was whole and unbroken, the two are compared as soon as both
    end with the same update. A new session starts with an empty book. Nothing is judged while the
    rows themselves say that the book may be bad, and before the first snapshot only whether it is
    crossed: levels are missing then, but none is wrong. Gives the best bids and asks after the
    messages (0 where the book has no two sides, or is not whole), and which messages are snapshots
    that were compared.
    """
    messages, levels = len(starts), max(len(prices), 1)
    book, seen = _new(levels), np.zeros(2 * levels, np.int32)
    other, waits, compared = book, -1, np.zeros(messages, np.bool_)
    bids, asks = np.zeros(messages, np.int64), np.zeros(messages, np.int64)
    delta_before, delta = np.full(messages, -1, np.int64), -1
    for message in range(messages):
        start = starts[message]
        end = starts[message + 1] if message + 1 < messages else len(it.px)
        if message > 0 and it.session[start] != it.session[start - 1]:
            _clear(book)
            waits, delta = -1, -1
        delta_before[message] = delta
        if it.flags[start] & SNAPSHOT:
            _twice(it, rank, seen, (start, end), bits)
            is_good = book.state[SURE] != 0 and it.last_id[start] >= book.state[BASE_ID]
            other = _copied(book) if is_good else book
            taken = _snapshot(it, rank, book, starts, message, delta_before)
            waits = message if is_good and taken else -1
        else:
            delta = message
            if _follow(it, book, start):
                _change(it, rank, book, (start, end), bits)
            else:
                _twice(it, rank, seen, (start, end), bits)
            if waits >= 0 and _follow(it, other, start):
                _apply(it, rank, other, start, end)
        if waits >= 0 and other.state[LAST_ID] == book.state[LAST_ID]:
            span = (starts[waits], starts[waits + 1] if waits + 1 < messages else len(it.px))
            if other.state[SURE]:
                compared[waits] = _compare(it, (book, other), span, asked.levels, bits)
            waits = -1
        _settle(book)
        bids[message], asks[message] = _judge(it, prices, book, (start, end), asked.far, bits)
    return bids, asks, compared
