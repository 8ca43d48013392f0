"""The book goes over from one hour into the next one.

The book that an hour ends with is its last checkpoint and the rows since, replayed. It has to be
the checkpoint that the next hour begins with or, where it begins with none, what the next snapshot
shows, if no break in the ids lies between. Levels that only one of the two reached are left out,
and where there is nothing to compare nothing is asked.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from data_platform.checks import depth
from data_platform.checks.findings import Rule, Subject
from data_platform.checks.place import Place, Told, as_snapshot, book_at
from data_platform.checks.settings import Thresholds
from trading_runtime.records.lake_schema import CHECKPOINT_LEVELS, CHECKPOINTS, DEPTH, Flag, Table
from trading_runtime.store import parquet
from trading_runtime.store.hours import MINUTE_NS
from trading_runtime.store.parquet import Int64s, integers

BOOK = Rule("book_over_hours", "the book that an hour ends with is that which the next begins with")

LAST_SEQ, FIRST_SEQ = -2, -1
"""Of the two checkpoints, so that neither is taken for a part of a message."""


def last_book(before: Place) -> pa.Table | None:
    """Give rows that lead to the book at the end of the hour."""
    path, minute = before.file(DEPTH), before.hour.end - MINUTE_NS
    if not path.exists():
        return None
    schema = parquet.arrow_schema(DEPTH)
    with parquet.opened(path) as file:
        rows = file.read(columns=None).cast(schema)
    late = rows.slice(int(np.searchsorted(integers(rows, "ts_recv"), minute)))
    known = book_at(before, minute)
    return late if known is None else pa.concat_tables([as_snapshot(known, LAST_SEQ), late])


def until_compared(rows: pa.Table) -> tuple[pa.Table, Int64s]:
    """Give rows up to where a second snapshot begins, and the numbers of those of the first."""
    flags, seqs = integers(rows, "flags"), integers(rows, "seq")
    of_snapshots = np.flatnonzero(flags & Flag.SNAPSHOT)
    if len(of_snapshots) == 0:
        return rows.slice(0, 0), of_snapshots
    first = of_snapshots[seqs[of_snapshots] == seqs[of_snapshots[0]]]
    later = of_snapshots[len(first) :]
    return rows.slice(0, int(later[0]) if len(later) else None), first


def first_book(place: Place, rows: pa.Table) -> tuple[Table, pa.Table, Int64s]:
    """Give the rows that a book is first known by, and the numbers of those that show it."""
    known = book_at(place, place.hour.start)
    if known is not None:
        return CHECKPOINTS, as_snapshot(known, FIRST_SEQ), np.arange(known.num_rows)
    return DEPTH, *until_compared(rows.cast(parquet.arrow_schema(DEPTH)))


def inspect(place: Place, before: Place, rows: pa.Table, limits: Thresholds) -> Iterator[Told]:
    """Hold the first book of ``place`` (``rows`` are its depth) against the last one before it."""
    ended = last_book(before)
    if ended is None or ended.num_rows == 0:
        return
    table, begun, shown = first_book(place, rows)
    if len(shown) == 0:
        return
    whole = pa.concat_tables([ended, begun])
    found = depth.scanned(whole, Subject(place.hour, (), limits), CHECKPOINT_LEVELS)
    shown += ended.num_rows
    if shown[0] in found.compared:
        wrong = np.intersect1d(depth.marked(found, depth.unlike()), shown) - ended.num_rows
        yield Told(place.name(table), BOOK.broken_by(wrong))
