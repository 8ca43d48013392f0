"""The book at each whole minute of an hour, replayed from its depth rows.

The rules of the replay are those of the lake's own reader (``store.lake.books``). A book is of one
session on one grid. Of an hour that begins in the middle of a session the book comes over from the
hour before, through its last checkpoint, where the first change follows it by its ids. At the end
of a minute in which nothing at all was recorded the book is not known.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trading_runtime.records.lake_schema import (
    CHECKPOINT_LEVELS,
    CHECKPOINTS,
    SIDE_ASK,
    SIDE_BID,
    Flag,
)
from trading_runtime.store import parquet
from trading_runtime.store.hours import MINUTE_NS, Hour
from trading_runtime.store.lake import books
from trading_runtime.store.lake.books import UNCUT, Book, Known, Levels
from trading_runtime.store.parquet import Int64s, integers

MINUTES_PER_HOUR = 60
COLUMNS = (
    *("ts_recv", "first_id", "last_id", "prev_id", "side", "flags", "px", "qty"),
    *("instrument_id", "instrument_rev", "session", "seq"),
)


class Last(NamedTuple):
    """The message that a book ends with."""

    instrument_id: str
    instrument_rev: int
    session: str
    seq: int


class Carried(NamedTuple):
    """A book at a whole minute, and the message that it ends with."""

    known: Known
    last: Last


class Depth(NamedTuple):
    """An hour of depth rows; ``epochs`` are the rows at which a session or a grid begins."""

    rows: pa.Table
    at: Int64s
    flags: Int64s
    last_id: Int64s
    epochs: Int64s

    def epoch_of(self, end: int) -> int:
        """Give the first row of the session and grid that row ``end - 1`` is of."""
        return int(self.epochs[np.searchsorted(self.epochs, end) - 1])

    def last(self, end: int) -> Last:
        row = self.rows.slice(end - 1, 1).to_pylist()[0]
        return Last(*(row[name] for name in Last._fields))


def depth_of(rows: pa.Table) -> Depth:
    _, sessions = parquet.texts(rows, "session")
    revisions = integers(rows, "instrument_rev")
    begins = (sessions[1:] != sessions[:-1]) | (revisions[1:] != revisions[:-1])
    epochs = np.concatenate([np.zeros(1, np.int64), np.flatnonzero(begins) + 1])
    times, flags, ids = (integers(rows, name) for name in ("ts_recv", "flags", "last_id"))
    return Depth(rows, times, flags, ids, epochs)


def held_from(depth: Depth, epoch: int, start: int, end: int) -> int:
    """Give the row from which a snapshot in ``[start, end)`` may take earlier changes with it."""
    snapshots = np.flatnonzero(depth.flags[start:end] & Flag.SNAPSHOT) + start
    if len(snapshots) == 0:
        return start
    oldest = int(depth.last_id[snapshots].min())
    newer = depth.last_id[epoch:start] > oldest
    return epoch + int(newer.argmax()) if newer.any() else start


def known_of(book: Book, last: Last, before: Known | None) -> Known:
    """Make of a book what the next minute starts from: all its levels, as deep as they go."""
    sides = [
        np.full(len(book.bid_px), SIDE_BID, np.int64),
        np.full(len(book.ask_px), SIDE_ASK, np.int64),
    ]
    levels = Levels(
        np.concatenate(sides),
        np.concatenate([book.bid_px, book.ask_px]),
        np.concatenate([book.bid_qty, book.ask_qty]),
    )
    edges = UNCUT if book.is_whole or before is None else (before.bid_min, before.ask_max)
    return Known(levels, book.last_id, last.session, *edges)


def step(depth: Depth, start: int, end: int, before: Carried | None, at: int) -> Carried | None:
    """Apply the rows ``[start, end)`` of the minute that ends at ``at`` to the book before it."""
    if end == start:
        return before
    epoch = depth.epoch_of(end)
    own = max(epoch, start)
    is_same = before is not None and epoch <= start and is_of(depth, end, before.last)
    known = before.known if before is not None and is_same else None
    rows = depth.rows.slice(held_from(depth, epoch, own, end))
    rows = rows.slice(0, end - (depth.rows.num_rows - rows.num_rows))
    book = books.replayed(rows, known, at)
    if book is None:
        return None
    last = depth.last(end)
    return Carried(known_of(book, last, known), last)


def is_of(depth: Depth, end: int, last: Last) -> bool:
    """Whether row ``end - 1`` is of the session and grid of ``last``."""
    now = depth.last(end)
    return (now.session, now.instrument_rev) == (last.session, last.instrument_rev)


def side_rows(levels: Levels, side: int, *, is_cut: bool) -> dict[str, Int64s]:
    """Give a side's levels, best first, as columns of a checkpoint."""
    own = levels.side == side
    px, qty = levels.px[own][:CHECKPOINT_LEVELS], levels.qty[own][:CHECKPOINT_LEVELS]
    flag = Flag.CUT if is_cut or np.count_nonzero(own) > CHECKPOINT_LEVELS else 0
    return {
        "side": np.full(len(px), side, np.int64),
        "level": np.arange(len(px), dtype=np.int64),
        "px": px,
        "qty": qty,
        "flags": np.full(len(px), flag, np.int64),
    }


def checkpoint(carried: Carried, at: int) -> pa.Table:
    """Give the rows of one checkpoint."""
    known, last = carried
    bids = side_rows(known.levels, SIDE_BID, is_cut=known.bid_min != UNCUT[0])
    asks = side_rows(known.levels, SIDE_ASK, is_cut=known.ask_max != UNCUT[1])
    columns = {name: np.concatenate([bids[name], asks[name]]) for name in bids}
    same = {"ts": at, "last_id": known.last_id, **last._asdict()}
    count = len(columns["px"])
    schema = parquet.arrow_schema(CHECKPOINTS)
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.repeat(pa.scalar(same[field.name], field.type), count)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def checkpoints(
    rows: pa.Table, hour: Hour, seen: frozenset[int], carried: Carried | None
) -> pa.Table:
    """Give the hour's checkpoints; ``carried`` is the book at its first moment.

    ``seen`` are the minutes in which the instrument was recorded; there is at least one row.
    """
    depth = depth_of(rows)
    found = [checkpoint(carried, hour.start)] if carried is not None else []
    start = 0
    for minute in range(MINUTES_PER_HOUR - 1):
        at = hour.start + (minute + 1) * MINUTE_NS
        end = int(np.searchsorted(depth.at, at))
        carried = step(depth, start, end, carried, at)
        if carried is not None and minute in seen:
            found.append(checkpoint(carried, at))
        start = end
    return pa.concat_tables(found) if found else parquet.arrow_schema(CHECKPOINTS).empty_table()


def is_followed(rows: pa.Table, carried: Carried) -> bool:
    """Whether the hour's first change comes right after the book, by session, grid and ids."""
    first = rows.slice(0, 1).to_pylist()[0]
    last = carried.last
    if (first["session"], first["instrument_rev"]) != (last.session, last.instrument_rev):
        return False
    is_change = (integers(rows, "flags") & Flag.SNAPSHOT) == 0
    fresh = np.flatnonzero(is_change & (integers(rows, "last_id") > carried.known.last_id))
    if len(fresh) == 0:
        return True
    change = rows.slice(int(fresh[0]), 1).to_pylist()[0]
    if change["prev_id"] is not None:
        return bool(change["prev_id"] == carried.known.last_id)
    return bool(change["first_id"] <= carried.known.last_id + 1)


def last_checkpoint(path: Path, at: int) -> Carried | None:
    """Read the book at ``at`` out of a checkpoint file, if its last one is of that moment."""
    with parquet.opened(path) as file:
        rows = file.read_row_group(file.num_row_groups - 1)
    if int(integers(rows, "ts")[0]) != at:
        return None
    levels = books.levels_of(rows)
    cut = (integers(rows, "flags") & Flag.CUT) != 0
    bids, asks = (levels.px[cut & (levels.side == side)] for side in (SIDE_BID, SIDE_ASK))
    row = rows.slice(0, 1).to_pylist()[0]
    last = Last(*(row[name] for name in Last._fields))
    return Carried(
        Known(
            levels,
            int(row["last_id"]),
            last.session,
            int(bids.min()) if len(bids) else UNCUT[0],
            int(asks.max()) if len(asks) else UNCUT[1],
        ),
        last,
    )


def carried_over(depth_before: Path, checkpoint_before: Path, hour: Hour) -> Carried | None:
    """Give the book at the first moment of ``hour``, out of the files of the hour before."""
    minute = hour.start - MINUTE_NS
    known = last_checkpoint(checkpoint_before, minute)
    rows = parquet.read(depth_before, COLUMNS)
    depth = depth_of(rows)
    start = int(np.searchsorted(depth.at, minute))
    return step(depth, start, rows.num_rows, known, hour.start)
