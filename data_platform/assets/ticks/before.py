"""The version before of a published hour, read along while a new one is built.

Its rows are given up to a time, and each only where no new record replaces it; what stays is
counted by minute, so that the sources which it came from can be named again.
"""

from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

import msgspec
import numpy as np
import pyarrow as pa

from trading_runtime.store import parquet
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import MINUTE_NS
from trading_runtime.store.manifest import Commit, Source
from trading_runtime.store.merge import merge, not_in
from trading_runtime.store.parquet import integers

TIME = "ts_recv"
MINUTES_PER_HOUR = 60


class Before:
    """Owns its place in the file."""

    def __init__(self, dataset: Dataset, known: Commit) -> None:
        self._file = parquet.opened(dataset.published)
        self._known, self._table = known, dataset.table
        self._group = 0
        self._rows = parquet.arrow_schema(dataset.table, coded=True).empty_table()
        self._kept = np.zeros(MINUTES_PER_HOUR, dtype=np.int64)

    def _until(self, end: int | None) -> pa.Table:
        """Give the rows before ``end`` that were not given yet."""
        parts = [self._rows]
        while self._group < self._file.num_row_groups:
            last = integers(parts[-1], TIME)[-1:]
            if end is not None and len(last) and int(last[0]) >= end:
                break
            rows = self._file.read_row_group(self._group)
            parts.append(parquet.conform(rows, self._table))
            self._group += 1
        rows = pa.concat_tables(parts)
        times = integers(rows, TIME)
        place = rows.num_rows if end is None else int(np.searchsorted(times, end))
        self._rows = rows.slice(place)
        return rows.slice(0, place)

    def _keep(self, rows: pa.Table) -> pa.Table:
        of_hour = integers(rows, TIME) // MINUTE_NS % MINUTES_PER_HOUR
        self._kept += np.bincount(of_hour, minlength=MINUTES_PER_HOUR)
        return rows

    def take(self, end: int | None) -> pa.Table:
        """Give the rows before ``end`` (``None``: all that are left), which nothing replaces."""
        return self._keep(self._until(end))

    def join(self, rows: pa.Table, end: int) -> pa.Table:
        """Give ``rows`` with those before ``end`` whose record they do not have, in order."""
        return merge(self._keep(not_in(self._until(end), rows)), rows, TIME)

    def sources_left(self, new: Collection[str]) -> Sequence[Source]:
        """Give the sources, other than the ``new`` digests, of the rows that stayed."""
        left = self._kept.copy()
        found = []
        for it in self._known.sources:
            if it.sha256 in new:
                continue
            minute = int(PurePosixPath(it.path).stem)
            rows = min(it.rows, int(left[minute]))
            left[minute] -= rows
            if rows:
                found.append(msgspec.structs.replace(it, rows=rows))
        return found

    def close(self) -> None:
        self._file.close()
