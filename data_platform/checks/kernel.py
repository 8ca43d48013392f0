"""The depth rules about rows and messages in compiled loops over the columns.

Compiled by numba, which takes a second to load (and some to compile, the first time on a machine):
import it where it is called. ``scan`` gives each row the bits of the rules that it breaks and finds
the messages; the book is rebuilt by :mod:`replay`.

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
UNLIKE = 1 << 23

NEVER = -(2**62)


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
