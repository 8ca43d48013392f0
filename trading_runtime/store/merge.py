"""Rows of several files into one run in the order of arrival, each journal record's rows once.

A journal record is named by (session, seq) and never changes, so the same record in an old and in
a new file is the same rows. Rows that come twice from the new files stay twice: that is damage,
and the checks have to see it.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trading_runtime.store.parquet import Int64s, coded, integers, texts

Bools = npt.NDArray[np.bool_]


def session_ranks(rows: pa.Table) -> Int64s:
    """Number each row's session by the place of its name in sorted order."""
    known, places = texts(rows, "session")
    ranks: Int64s = np.argsort(np.argsort(np.array(known, dtype=object))).astype(np.int64)
    return ranks.take(places)


def in_arrival_order(rows: pa.Table, time: str) -> pa.Table:
    """Sort by ``time``, session and seq; rows that agree in all three keep their order."""
    if rows.num_rows == 0:
        return rows
    keys = [integers(rows, time), integers(rows, "seq")]
    if len(coded(rows, "session")[0]) > 1:
        keys.insert(1, session_ranks(rows))
    if _is_sorted(*keys):
        return rows
    return rows.take(np.lexsort(keys[::-1]))


def _is_sorted(*keys: Int64s) -> bool:
    """Whether no row comes before the one above it, by the first key that tells them apart."""
    undecided = np.ones(max(0, len(keys[0]) - 1), dtype=np.bool_)
    for key in keys:
        if (undecided & (key[1:] < key[:-1])).any():
            return False
        undecided &= key[1:] == key[:-1]
    return True


def not_in(old: pa.Table, new: pa.Table) -> pa.Table:
    """Give the rows of ``old`` whose record has no row in ``new``."""
    both = pa.concat_tables(
        [it.select(["session", "seq"]) for it in (old, new)], promote_options="permissive"
    )
    keys = np.stack([session_ranks(both), integers(both, "seq")], axis=1)
    _, numbers = np.unique(keys, axis=0, return_inverse=True)
    mine, theirs = numbers[: old.num_rows], numbers[old.num_rows :]
    return old.filter(~np.isin(mine, theirs))


def merge(published: pa.Table, gathered: pa.Table, time: str) -> pa.Table:
    """Join what is published with what the sources hold now."""
    if published.num_rows == 0:
        return in_arrival_order(gathered, time)
    alike = published.cast(gathered.schema)
    return in_arrival_order(pa.concat_tables([not_in(alike, gathered), gathered]), time)
