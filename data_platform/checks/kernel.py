"""The depth rules in compiled loops over the columns, and the book replayed in one more.

Compiled by numba, which takes a second to load (and some to compile, the first time on a machine):
import it where it is called. ``scan`` gives each
row the bits of the rules that it breaks and finds the messages; ``replay`` builds the book message
by message. Prices are replaced by their rank among the prices of the hour, so that a side of the
book is an array and the next best price is a short walk.

Who calls has made sure that all columns are of one length; times are UTC nanoseconds.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from data_platform.checks.findings import Bools, Int64s
from data_platform.checks.identity import KNOWN_FLAGS
from trading_runtime.records.lake_schema import SIDE_ASK, SIDE_BID, Flag

Bits = npt.NDArray[np.uint32]
Ranks = npt.NDArray[np.int32]

LAST, SNAPSHOT, EMPTY = int(Flag.LAST), int(Flag.SNAPSHOT), int(Flag.EMPTY)
DOUBTFUL, BAD_CLOCK, KNOWN = int(Flag.MAYBE_BAD_BOOK), int(Flag.BAD_TS_RECV), KNOWN_FLAGS
BID, ASK = SIDE_BID, SIDE_ASK

# One bit for each rule about a row, in the order in which a reader would ask.
FOREIGN = 1 << 0
OUTSIDE_HOUR = 1 << 1
TIME_FALLS = 1 << 2
OUT_OF_ORDER = 1 << 3
FLAG_UNKNOWN = 1 << 4
CLOCK_OFF = 1 << 5
CLOCK_BAD = 1 << 6
SIDE_UNKNOWN = 1 << 7
PRICE_WRONG = 1 << 8
SIZE_WRONG = 1 << 9
NOT_EMPTY = 1 << 10
IDS_SWAPPED = 1 << 11
SNAPSHOT_IDS = 1 << 12
UNEVEN = 1 << 13
BADLY_CLOSED = 1 << 14
ID_NOT_RISING = 1 << 15
CHAIN_BROKEN = 1 << 16
LEVEL_TWICE = 1 << 17
CROSSED = 1 << 18
UNTRUSTED = 1 << 19
ONE_SIDED = 1 << 20
UNKNOWN_DELETE = 1 << 21
FAR = 1 << 22

NEVER = -(2**62)
EMPTY_SLOT = -1
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Columns(NamedTuple):
    """The columns of depth, of one length, in the order of arrival."""

    ts_recv: Int64s
    ts_exch: Int64s
    first_id: Int64s
    last_id: Int64s
    prev_id: Int64s
    """-1 where the venue gives none."""
    side: npt.NDArray[np.int8]
    flags: npt.NDArray[np.uint8]
    px: Int64s
    qty: Int64s
    own: Bools
    """Whether the row is of the file's instrument."""
    session: Int64s
    """Counted from 0."""
    seq: Int64s


class Book(NamedTuple):
    """Which prices, by rank, have a level; ``best`` are the ranks of the best bid and ask."""

    there: npt.NDArray[np.bool_]
    best: Int64s
    last_seen: npt.NDArray[np.int32]
    """The last message that had this level."""


@numba.njit(cache=True, nogil=True)
def _times(it: Columns, hour: tuple[int, int], clock: tuple[int, int], bits: Bits) -> None:
    """Judge the times of the rows; ``clock`` is (ahead, behind) in nanoseconds."""
    for row in range(len(it.px)):
        found = 0
        if it.ts_recv[row] < hour[0] or it.ts_recv[row] >= hour[1]:
            found |= OUTSIDE_HOUR
        if row > 0 and it.ts_recv[row] < it.ts_recv[row - 1]:
            found |= TIME_FALLS
        late = it.ts_exch[row] - it.ts_recv[row]
        if it.ts_exch[row] != 0 and (late > clock[0] or late < -clock[1]):
            found |= CLOCK_OFF
        bits[row] |= found


@numba.njit(cache=True, nogil=True)
def _flags(it: Columns, bits: Bits) -> None:
    for row in range(len(it.px)):
        found, flags = 0, it.flags[row]
        if flags & ~KNOWN & 255:
            found |= FLAG_UNKNOWN
        if flags & BAD_CLOCK:
            found |= CLOCK_BAD
        if flags & DOUBTFUL:
            found |= UNTRUSTED
        if not it.own[row]:
            found |= FOREIGN
        bits[row] |= found


@numba.njit(cache=True, nogil=True)
def _values(it: Columns, bits: Bits) -> None:
    """Judge the level and the ids of the rows, each by itself."""
    for row in range(len(it.px)):
        found, flags = 0, it.flags[row]
        if it.side[row] != BID and it.side[row] != ASK:
            found |= SIDE_UNKNOWN
        if flags & EMPTY:
            if it.px[row] != 0 or it.qty[row] != 0:
                found |= NOT_EMPTY
        elif it.px[row] <= 0:
            found |= PRICE_WRONG
        if it.qty[row] < 0 or (it.qty[row] == 0 and flags & SNAPSHOT and not flags & EMPTY):
            found |= SIZE_WRONG
        if it.first_id[row] > it.last_id[row]:
            found |= IDS_SWAPPED
        if flags & SNAPSHOT and (it.first_id[row] != it.last_id[row] or it.prev_id[row] >= 0):
            found |= SNAPSHOT_IDS
        bits[row] |= found


@numba.njit(cache=True, nogil=True)
def _messages(it: Columns, bits: Bits, starts: Int64s) -> int:
    """Find the messages, and judge the rows as parts of theirs; give how many there are."""
    messages, start, rows = 0, 0, len(it.px)
    for row in range(rows):
        session, seq = it.session[row], it.seq[row]
        if row == 0 or seq != it.seq[row - 1] or session != it.session[row - 1]:
            start = row
            starts[messages] = row
            messages += 1
        elif (
            it.ts_recv[row] != it.ts_recv[start]
            or it.ts_exch[row] != it.ts_exch[start]
            or it.first_id[row] != it.first_id[start]
            or it.last_id[row] != it.last_id[start]
        ):
            bits[row] |= UNEVEN
        is_last = row + 1 == rows or seq != it.seq[row + 1] or session != it.session[row + 1]
        if is_last != (it.flags[row] & LAST != 0):
            bits[row] |= BADLY_CLOSED
    return messages


@numba.njit(cache=True, nogil=True)
def _chain(it: Columns, starts: Int64s, bits: Bits) -> None:
    """Judge each message by the ones before it in its session: its place, and its ids."""
    sessions = it.session.max() + 1 if len(starts) else 0
    seq_before = np.full(sessions, -1, np.int64)
    id_before = np.full(sessions, NEVER, np.int64)
    for row in starts:
        session = it.session[row]
        if it.seq[row] < seq_before[session]:
            bits[row] |= OUT_OF_ORDER
        seq_before[session] = it.seq[row]
        if it.flags[row] & SNAPSHOT:
            continue
        before = id_before[session]
        if before != NEVER:
            if it.last_id[row] <= before:
                bits[row] |= ID_NOT_RISING
            told = it.prev_id[row] if it.prev_id[row] >= 0 else it.first_id[row] - 1
            if told != before and not it.flags[row] & DOUBTFUL:
                bits[row] |= CHAIN_BROKEN
        id_before[session] = it.last_id[row]


def scan(it: Columns, hour: tuple[int, int], clock: tuple[int, int], bits: Bits) -> Int64s:
    """Set the bits of the rules about rows and messages; give the first row of each message.

    ``bits`` are filled: as long as the columns, and zeroed. One loop for each kind of rule: that
    is faster than one for all, which no processor could do several rows of at once.
    """
    _times(it, hour, clock, bits)
    _flags(it, bits)
    _values(it, bits)
    starts = np.zeros(len(it.px), dtype=np.int64)
    starts = starts[: _messages(it, bits, starts)]
    _chain(it, starts, bits)
    return starts


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
def _clear(book: Book) -> None:
    book.there[:] = False
    book.best[BID], book.best[ASK] = -1, book.there.shape[1]


@numba.njit(cache=True, nogil=True)
def _settle(book: Book) -> None:
    """Walk from the last best prices, which may be gone, to those that are there."""
    best, there = book.best, book.there
    while best[BID] >= 0 and not there[BID, best[BID]]:
        best[BID] -= 1
    while best[ASK] < there.shape[1] and not there[ASK, best[ASK]]:
        best[ASK] += 1


@numba.njit(cache=True, nogil=True)
def _apply(it: Columns, rank: Ranks, book: Book, start: int, end: int) -> None:
    """Put the levels of a message into the book; what is no side is told elsewhere."""
    for row in range(start, end):
        if it.px[row] == 0:
            continue  # an empty message has one row without a price
        side, place = it.side[row] & 1, rank[row]
        book.there[side, place] = it.qty[row] != 0
        if it.qty[row] != 0:
            if side == BID and place > book.best[BID]:
                book.best[BID] = place
            if side == ASK and place < book.best[ASK]:
                book.best[ASK] = place


@numba.njit(cache=True, nogil=True)
def _levels(
    it: Columns, rank: Ranks, book: Book, span: tuple[int, int, int], bits: Bits, whole: int
) -> None:
    """Judge the levels of a message (start, end, number) against each other and the book before.

    A delete is judged by a ``whole`` book alone: one that began with a snapshot.
    """
    start, end, message = span
    for row in range(start, end):
        side, place = it.side[row] & 1, rank[row]
        if book.last_seen[side, place] == message:
            bits[row] |= LEVEL_TWICE
        book.last_seen[side, place] = message
        if whole and it.qty[row] == 0 and it.px[row] != 0 and not book.there[side, place]:
            bits[row] |= UNKNOWN_DELETE


@numba.njit(cache=True, nogil=True)
def _snapshot(
    it: Columns, rank: Ranks, book: Book, starts: Int64s, message: int, delta_before: Int64s
) -> int:
    """Put a snapshot into the book, with the deltas that it does not contain; give the last id.

    -1 where those deltas do not join it: it is passed over then.
    """
    start = starts[message]
    end = starts[message + 1] if message + 1 < len(starts) else len(it.px)
    held, oldest = delta_before[message], -1
    while held >= 0 and it.last_id[starts[held]] > it.last_id[start]:
        oldest, held = held, delta_before[held]
    if oldest >= 0 and it.first_id[starts[oldest]] > it.last_id[start] + 1:
        return -1
    _clear(book)
    _apply(it, rank, book, start, end)
    known = it.last_id[start]
    if oldest >= 0:
        for later in range(oldest, message):
            begin = starts[later]
            if not it.flags[begin] & SNAPSHOT and it.last_id[begin] > known:
                _apply(it, rank, book, begin, starts[later + 1])
                known = it.last_id[begin]
    return int(known)


@numba.njit(cache=True, nogil=True)
def _far(it: Columns, span: tuple[int, int], middle: float, far: float, bits: Bits) -> None:
    """Mark the levels of a message that are far from the middle of the book."""
    for row in range(span[0], span[1]):
        if it.qty[row] > 0 and abs(it.px[row] - middle) > far * middle:
            bits[row] |= FAR


@numba.njit(cache=True, nogil=True)
def replay(
    it: Columns, starts: Int64s, rank: Ranks, prices: Int64s, far: float, bits: Bits
) -> tuple[Int64s, Int64s]:
    """Rebuild the book from the rows alone and set the bits of the rules about it.

    A snapshot replaces the book and takes with it the deltas of its session that came before it
    but end after it; one that those deltas do not join is passed over, as a synchronising reader
    would. A new session starts with an empty book. Nothing is judged while the rows themselves say
    that the book may be bad, and before the first snapshot only whether it is crossed: levels are
    missing then, but none is wrong. Gives the best bids and asks after the messages; 0 where the
    book has no two sides, or is not whole. ``far`` is the share of the mid beyond which a level is
    far.
    """
    messages, levels = len(starts), max(len(prices), 1)
    book = Book(
        np.zeros((2, levels), np.bool_),
        np.array([-1, levels], np.int64),
        np.full((2, levels), -1, np.int32),
    )
    bids, asks = np.zeros(messages, np.int64), np.zeros(messages, np.int64)
    delta_before = np.full(messages, -1, np.int64)
    known, delta, whole = NEVER, -1, False
    for message in range(messages):
        start = starts[message]
        end = starts[message + 1] if message + 1 < messages else len(it.px)
        if message > 0 and it.session[start] != it.session[start - 1]:
            _clear(book)
            known, delta, whole = NEVER, -1, False
        delta_before[message] = delta
        _levels(it, rank, book, (start, end, message), bits, whole)
        if it.flags[start] & SNAPSHOT:
            reached = _snapshot(it, rank, book, starts, message, delta_before)
            known, whole = (reached, True) if reached >= 0 else (known, whole)
        else:
            delta = message
            if it.last_id[start] > known:
                _apply(it, rank, book, start, end)
                known = it.last_id[start]
        _settle(book)
        bid, ask = book.best[BID], book.best[ASK]
        if it.flags[start] & DOUBTFUL:
            continue
        if bid >= 0 and ask < len(prices):
            if prices[bid] >= prices[ask]:
                bits[end - 1] |= CROSSED
            if whole:
                bids[message], asks[message] = prices[bid], prices[ask]
                _far(it, (start, end), (prices[bid] + prices[ask]) / 2, far, bits)
        elif whole:
            bits[end - 1] |= ONE_SIDED
    return bids, asks
