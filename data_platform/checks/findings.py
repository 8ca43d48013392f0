"""What a check gives: a rule, the promise that it checks, and the rows that break it.

A blocking rule keeps the dataset out of the lake; the others are told in the manifest.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_ROWS: Int64s = np.zeros(0, dtype=np.int64)


class Finding(NamedTuple):
    """``rows`` are row numbers in the file; ``found`` counts what is wrong there or as a whole."""

    rule: str
    promise: str
    blocking: bool
    found: int
    rows: Int64s


def breaks(rule: str, promise: str, where: Bools) -> Finding:
    """Make the finding of a blocking rule from a mask over the rows."""
    rows = np.flatnonzero(where)
    return Finding(rule, promise, True, len(rows), rows)


def warns(rule: str, promise: str, where: Bools) -> Finding:
    rows = np.flatnonzero(where)
    return Finding(rule, promise, False, len(rows), rows)


def differs(rule: str, promise: str, found: int) -> Finding:
    """Make the finding of a blocking rule about the file as a whole."""
    return Finding(rule, promise, True, found, NO_ROWS)


def after_first(where: Bools) -> Bools:
    """Turn a mask over neighbours (row n against row n - 1, from row 1) into one over the rows."""
    return np.concatenate([np.zeros(1, dtype=np.bool_), where])


def at(places: Int64s, rows: int) -> Bools:
    """Mark the rows at ``places`` among so many."""
    where = np.zeros(rows, dtype=np.bool_)
    where[places] = True
    return where
