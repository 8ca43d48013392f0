"""Depth rows as messages: one entry for each journal record, with its rows as a span."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Bools, Int64s
from data_platform.checks.identity import starts_of_messages
from trading_runtime.records.lake_schema import Flag
from trading_runtime.store.merge import session_ranks
from trading_runtime.store.parquet import integers


class Messages(NamedTuple):
    """Columns over messages; ``start`` and ``end`` are row numbers, ``end`` not inside."""

    start: Int64s
    end: Int64s
    session: Int64s
    first_id: Int64s
    last_id: Int64s
    prev_id: Int64s
    """-1 where the venue gives none."""
    is_snapshot: Bools
    is_doubtful: Bools


def messages_of(rows: pa.Table) -> Messages:
    start: Int64s = np.flatnonzero(starts_of_messages(rows))
    end: Int64s = np.append(start[1:], rows.num_rows)[: len(start)].astype(np.int64)
    prev = rows.column("prev_id")
    prev_id: Int64s = prev.fill_null(pa.scalar(-1)).to_numpy().astype(np.int64)
    flags = integers(rows, "flags")[start]
    return Messages(
        start=start,
        end=end,
        session=session_ranks(rows)[start] if rows.num_rows else start,
        first_id=integers(rows, "first_id")[start],
        last_id=integers(rows, "last_id")[start],
        prev_id=prev_id[start],
        is_snapshot=(flags & Flag.SNAPSHOT) != 0,
        is_doubtful=(flags & Flag.MAYBE_BAD_BOOK) != 0,
    )


def unflagged_breaks(messages: Messages) -> Int64s:
    """Give the deltas that do not follow the one before them, in the same session, unflagged.

    Where the venue names the update before (``prev_id``) that has to be the last one; where it
    names none, the ids have to be contiguous. A new session starts cold: nothing precedes it.
    """
    deltas = np.flatnonzero(~messages.is_snapshot)
    before, after = deltas[:-1], deltas[1:]
    follows = np.where(
        messages.prev_id[after] >= 0,
        messages.prev_id[after] == messages.last_id[before],
        messages.first_id[after] == messages.last_id[before] + 1,
    )
    same = messages.session[after] == messages.session[before]
    found: Int64s = after[same & ~follows & ~messages.is_doubtful[after]]
    return found


def ids_not_rising(messages: Messages) -> Int64s:
    deltas = np.flatnonzero(~messages.is_snapshot)
    before, after = deltas[:-1], deltas[1:]
    same = messages.session[after] == messages.session[before]
    found: Int64s = after[same & (messages.last_id[after] <= messages.last_id[before])]
    return found
