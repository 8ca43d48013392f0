"""The order book as it stood at a moment, from the checkpoint before it and the rows since.

Rules, those of the runtime's own book (``market.sync``):
 * A snapshot replaces the book. It takes with it the deltas of its session that came before it but
   end after it; one that those deltas do not join is passed over.
 * A delta that ends at or before what the book holds is old.
 * A book is of one session and one grid of prices: a new one knows nothing until its first
   snapshot.
 * Where the rows say that the book may be bad, it is not known.

A checkpoint names by digest the depth file that it was made of; one of other bytes is not used.
"""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trading_runtime.records.lake_schema import (
    CHECKPOINTS,
    DEPTH,
    SIDE_ASK,
    SIDE_BID,
    Flag,
)
from trading_runtime.store import manifest, parquet
from trading_runtime.store.condition import Condition
from trading_runtime.store.hours import MINUTE_NS, hour_at
from trading_runtime.store.lake.lake import ANY, WHOLE, dataset, scan

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SINCE = (
    *("ts_recv", "first_id", "last_id", "side", "flags", "px", "qty"),
    *("session", "instrument_rev"),
)
DENSE_PER_ROW = 8
"""An array with a place for every tick is faster than a sort up to about so many places a row."""


class Book(NamedTuple):
    """Prices in ticks and sizes in lots, best first; ``last_id`` is of the last message in it.

    ``is_whole`` is false where it was made from a checkpoint whose levels were cut: then it ends
    at the deepest price that the checkpoint still knew.
    """

    at: int
    last_id: int
    bid_px: Int64s
    bid_qty: Int64s
    ask_px: Int64s
    ask_qty: Int64s
    is_whole: bool


class Levels(NamedTuple):
    """Changes of levels in the order in which they hold: the last one of a price counts."""

    side: Int64s
    px: Int64s
    qty: Int64s


class Known(NamedTuple):
    """What a replay starts from: the levels of a checkpoint, and how deep they reach."""

    levels: Levels
    last_id: int
    session: str
    bid_min: int
    ask_max: int
    """The deepest prices known; 0 and the greatest number where the side was whole."""


UNCUT = (0, int(np.iinfo(np.int64).max))


def levels_of(rows: pa.Table) -> Levels:
    return Levels(*(parquet.integers(rows, name) for name in Levels._fields))


def chosen(levels: Levels, those: Bools) -> Levels:
    return Levels(levels.side[those], levels.px[those], levels.qty[those])


def joined(parts: list[Levels]) -> Levels:
    return Levels(
        np.concatenate([it.side for it in parts]),
        np.concatenate([it.px for it in parts]),
        np.concatenate([it.qty for it in parts]),
    )


def standing(changes: Levels) -> Levels:
    """Give the levels that are left, by price: size 0 is a deletion, price 0 an empty message."""
    real = changes.px > 0
    side, px, qty = changes.side[real], changes.px[real], changes.qty[real]
    if len(px) == 0:
        return Levels(side, px, qty)
    low = int(px.min())
    span = int(px.max()) - low + 1
    places = side * span + (px - low)
    if 2 * span <= DENSE_PER_ROW * len(px):
        dense = np.zeros(2 * span, np.int64)
        dense[places] = qty  # of one place that is named twice, the last value stays
        left = np.flatnonzero(dense)
        return Levels(left // span, left % span + low, dense[left])
    left, firsts = np.unique(places[::-1], return_index=True)
    sizes = qty[::-1][firsts]
    left, sizes = left[sizes > 0], sizes[sizes > 0]
    return Levels(left // span, left % span + low, sizes)


class Messages(NamedTuple):
    """The depth messages of some rows: where each begins, and which one each row is of."""

    start: Int64s
    of_row: Int64s
    last_id: Int64s
    is_snapshot: Bools


def messages_of(rows: pa.Table) -> Messages:
    flags = parquet.integers(rows, "flags")
    starts = np.concatenate([[True], (flags[:-1] & Flag.LAST) != 0])[: len(flags)]
    start: Int64s = np.flatnonzero(starts)
    last_id = parquet.integers(rows, "last_id")[start]
    is_snapshot = (flags[start] & Flag.SNAPSHOT) != 0
    return Messages(start, np.cumsum(starts) - 1, last_id, is_snapshot)


def newer(last_id: Int64s, known: int) -> Bools:
    """Say which messages end after all that came before them and after ``known``."""
    before = np.maximum.accumulate(np.concatenate([[known], last_id]))[:-1]
    fresh: Bools = last_id > before
    return fresh


class Epoch(NamedTuple):
    """What a book cannot outlive."""

    session: str
    revision: int


def last_epoch(rows: pa.Table) -> tuple[Epoch, pa.Table]:
    """Give session and grid of the last row, and the rows since they began; there is a row."""
    coded = rows.column("session").unify_dictionaries().combine_chunks().dictionary_encode()
    revisions = parquet.integers(rows, "instrument_rev")
    is_other = revisions != revisions[-1]
    codes = coded.indices.to_numpy()
    if len(coded.dictionary) > 1:
        is_other |= codes != codes[-1]
    epoch = Epoch(str(coded.dictionary[int(codes[-1])]), int(revisions[-1]))
    others = np.flatnonzero(is_other)
    return epoch, rows.slice(int(others[-1]) + 1 if len(others) else 0)


def joining(rows: pa.Table, known: Messages) -> tuple[int, Bools] | None:
    """Find the last snapshot that counts, and which messages before it it takes with it."""
    first_id = parquet.integers(rows, "first_id")[known.start]
    for snapshot in np.flatnonzero(known.is_snapshot)[::-1].tolist():
        held: Bools = (known.last_id > known.last_id[snapshot]) & ~known.is_snapshot
        held[snapshot:] = False
        oldest = int(held.argmax())
        if not held[oldest] or first_id[oldest] <= known.last_id[snapshot] + 1:
            return snapshot, held
    return None


def replayed(rows: pa.Table, known: Known | None, at: int) -> Book | None:
    """Apply ``rows`` of depth to what is known before them; ``None`` where there is no book."""
    if rows.num_rows == 0:
        return None if known is None else book_of(known.levels, known, known.last_id, at)
    epoch, rows = last_epoch(rows)
    if known is not None and known.session != epoch.session:
        known = None
    messages, levels = messages_of(rows), levels_of(rows)
    if parquet.integers(rows, "flags")[-1] & Flag.MAYBE_BAD_BOOK:
        return None
    joined_by = joining(rows, messages)
    parts: list[Levels]
    if joined_by is not None:
        snapshot, held = joined_by
        is_later = np.arange(len(messages.start)) > snapshot
        of_snapshot = messages.of_row == snapshot
        parts = [chosen(levels, of_snapshot), chosen(levels, held[messages.of_row])]
        last_id = int(messages.last_id[held].max(initial=messages.last_id[snapshot]))
        known = None
    elif known is not None:
        is_later = np.ones(len(messages.start), dtype=np.bool_)
        parts, last_id = [known.levels], known.last_id
    else:
        return None
    is_later &= ~messages.is_snapshot
    fresh = newer(messages.last_id[is_later], last_id)
    is_later[is_later] = fresh
    later = levels if is_later.all() else chosen(levels, is_later[messages.of_row])
    last_id = int(messages.last_id[is_later].max(initial=last_id))
    return book_of(joined([*parts, later]), known, last_id, at)


def book_of(changes: Levels, known: Known | None, last_id: int, at: int) -> Book:
    left = standing(changes)
    bid_min, ask_max = UNCUT if known is None else (known.bid_min, known.ask_max)
    bids = (left.side == SIDE_BID) & (left.px >= bid_min)
    asks = (left.side == SIDE_ASK) & (left.px <= ask_max)
    return Book(
        at,
        last_id,
        left.px[bids][::-1],
        left.qty[bids][::-1],
        left.px[asks],
        left.qty[asks],
        (bid_min, ask_max) == UNCUT,
    )


def checkpoint(lake: Path, instrument_id: str, at: int) -> tuple[Known, Epoch] | None:
    """Read the checkpoint at the whole minute ``at``, and what it is of.

    ``None`` where there is none, where the book was not known then, or where the depth file is
    not the one that it was made of.
    """
    hour = hour_at(at)
    of_depth = manifest.read(dataset(lake, DEPTH, instrument_id, hour).published)
    told = manifest.read(dataset(lake, CHECKPOINTS, instrument_id, hour).published)
    if of_depth is None or told is None:
        return None
    if of_depth.file_sha256 not in {it.sha256 for it in told.commit.sources}:
        return None
    rows = scan(lake, CHECKPOINTS, instrument_id, at, at + 1, allow=ANY)
    if rows.num_rows == 0:
        return None
    levels, cut = levels_of(rows), (parquet.integers(rows, "flags") & Flag.CUT) != 0
    bids, asks = levels.px[levels.side == SIDE_BID], levels.px[levels.side == SIDE_ASK]
    epoch = Epoch(str(rows.column("session")[0]), int(rows.column("instrument_rev")[0].as_py()))
    known = Known(
        levels,
        int(parquet.integers(rows, "last_id")[0]),
        epoch.session,
        int(bids.min(initial=UNCUT[1])) if cut[levels.side == SIDE_BID].any() else UNCUT[0],
        int(asks.max(initial=UNCUT[0])) if cut[levels.side == SIDE_ASK].any() else UNCUT[1],
    )
    return known, epoch


def replay(
    lake: Path, instrument_id: str, at: int, *, allow: Collection[Condition] = WHOLE
) -> Book | None:
    """Give the last book at or before ``at`` by all rows of its hour, and the book it began with.

    ``None`` where the book is not known. Raises as :func:`~trading_runtime.store.lake.lake.scan`.
    """
    start = hour_at(at).start
    rows = scan(lake, DEPTH, instrument_id, start, at + 1, columns=SINCE, allow=allow)
    began_with = checkpoint(lake, instrument_id, start)
    known = None
    if began_with is not None and is_of(rows, began_with[1]):
        known = began_with[0]
    return replayed(rows, known, at)


def is_of(rows: pa.Table, epoch: Epoch) -> bool:
    """Whether all of ``rows`` are of that session and grid."""
    if rows.num_rows == 0:
        return True
    last, own = last_epoch(rows)
    return last == epoch and own.num_rows == rows.num_rows


def book_at(
    lake: Path, instrument_id: str, at: int, *, allow: Collection[Condition] = WHOLE
) -> Book | None:
    """Give the last book at or before ``at`` (UTC nanoseconds, by ``ts_recv``).

    Reads the checkpoint of the minute and the rows since; all rows of the hour where a snapshot or
    a new session came since, or where there is no checkpoint. ``None`` where the book is not known.
    Raises as :func:`~trading_runtime.store.lake.lake.scan`.
    """
    minute = at // MINUTE_NS * MINUTE_NS
    found = checkpoint(lake, instrument_id, minute)
    if found is None:
        return replay(lake, instrument_id, at, allow=allow)
    known, epoch = found
    rows = scan(lake, DEPTH, instrument_id, minute, at + 1, columns=SINCE, allow=allow)
    has_snapshot = (parquet.integers(rows, "flags") & Flag.SNAPSHOT).any()
    if has_snapshot or not is_of(rows, epoch):
        return replay(lake, instrument_id, at, allow=allow)
    return replayed(rows, known, at)
