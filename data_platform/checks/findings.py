"""What a check gives: a rule, the promise that it checks, and the rows that break it.

A blocking rule keeps the dataset out of the lake; the others are told in the manifest. Every rule
comes down to one whole number, ``measured``, that must not be above ``limit``: a count of offences
and 0, or a share or span and what the settings allow.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data_platform.checks.settings import Thresholds
from trading_runtime.records.instruments import Instrument
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Commit

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_ROWS: Int64s = np.zeros(0, dtype=np.int64)
PPM = 1_000_000


class Files(NamedTuple):
    """Where the judged file stands, for rules that look at its neighbours too."""

    data: Path
    dataset: Dataset
    commit: Commit


class Subject(NamedTuple):
    """Whose rows are judged, of when, and by what; without ``files`` the rows stand alone."""

    hour: Hour
    grids: Sequence[Instrument]
    limits: Thresholds = Thresholds()
    files: Files | None = None


class Rule(NamedTuple):
    """A promise in words; ``limit`` names the field of :class:`Thresholds` that it is held to.

    Without one it is broken by a single row.
    """

    name: str
    promise: str
    blocking: bool = True
    limit: str = ""

    def limit_of(self, limits: Thresholds) -> int:
        return int(getattr(limits, self.limit)) if self.limit else 0

    def broken_by(self, rows: Int64s | Bools) -> "Finding":
        """Make the finding of a rule that no row may break: their numbers, or a mask over all."""
        numbers = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
        return Finding(self, len(numbers), numbers, 0)

    def shared_by(self, where: Bools, limits: Thresholds) -> "Finding":
        """Make the finding of a rule that some rows may break: their share in millionths."""
        numbers = np.flatnonzero(where)
        return Finding(self, ppm(len(numbers), len(where)), numbers, self.limit_of(limits))

    def most(self, values: Int64s, rows: Int64s, limits: Thresholds) -> "Finding":
        """Make the finding of a rule about the greatest of some values, each of its row."""
        limit = self.limit_of(limits)
        measured = int(values.max()) if len(values) else 0
        return Finding(self, measured, rows[values > limit], limit)

    def differs(self, measured: int) -> "Finding":
        """Make the finding of a rule about the file as a whole."""
        return Finding(self, measured, NO_ROWS, 0)


class Finding(NamedTuple):
    """``rows`` are the numbers of the offending rows in the file; a whole file has none."""

    rule: Rule
    measured: int
    rows: Int64s
    limit: int

    @property
    def broken(self) -> bool:
        return self.measured > self.limit


class Inspected(NamedTuple):
    """``metrics`` are whole numbers about the hour, for its history."""

    findings: list[Finding]
    metrics: Mapping[str, int]


def ppm(part: int, whole: int) -> int:
    """Give the share in millionths, rounded up: one row too many is never nothing."""
    return -(-part * PPM // whole) if whole else 0


def after_first(where: Bools) -> Bools:
    """Turn a mask over neighbours (row n against row n - 1, from row 1) into one over the rows."""
    return np.concatenate([np.zeros(1, dtype=np.bool_), where])


def at(places: Int64s, rows: int) -> Bools:
    """Mark the rows at ``places`` among so many."""
    where = np.zeros(rows, dtype=np.bool_)
    where[places] = True
    return where
