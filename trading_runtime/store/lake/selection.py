"""What is to be read: the files of one table and instrument, and the span of time in them.

A selection comes from the published lake (``lake.select``) or from a named dataset
(``datasets``); what reads it (``reading``, ``events``, ``bars``, ``joins``) does not know which.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from trading_runtime.records.lake_schema import Table


class File(NamedTuple):
    """One hour's bytes; ``path`` may lead to a copy that is faster to read (``hot``)."""

    path: Path
    sha256: str
    """Of the published file, whatever ``path`` is."""
    rows: int
    size_bytes: int
    hour: int
    """Its first nanosecond: no row of the file has a time before it, or an hour after it."""


class Selection(NamedTuple):
    """Rows with ``start <= time < end`` of ``files``, which are in the order of their hours."""

    table: Table
    files: Sequence[File]
    start: int
    end: int

    @property
    def time(self) -> str:
        """The column that says when a row belongs: ``ts_recv``, ``open_time`` or ``ts``."""
        return self.table.columns[0].name

    @property
    def paths(self) -> list[str]:
        return [str(it.path) for it in self.files]
