"""What an hour of archived log lines promises: each line readable, in its place, and once."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Bools, Finding, at, breaks, warns
from data_platform.checks.identity import falls_within
from trading_runtime.records.instruments import Instrument
from trading_runtime.store.hours import Hour
from trading_runtime.store.merge import session_ranks
from trading_runtime.store.parquet import integers


def repeated(rows: pa.Table) -> Bools:
    """Mark each row whose journal record has a line before it in the same file."""
    sessions, numbers = session_ranks(rows), integers(rows, "seq")
    order = np.lexsort((numbers, sessions))
    same = (sessions[order][1:] == sessions[order][:-1]) & (
        numbers[order][1:] == numbers[order][:-1]
    )
    return at(order[1:][same], rows.num_rows)


def other_module(rows: pa.Table) -> Bools:
    names = rows.column("module").to_numpy(zero_copy_only=False)
    found: Bools = names != names[0]
    return found


def inspect(rows: pa.Table, hour: Hour, _grids: Sequence[Instrument]) -> list[Finding]:
    """Check one module's hour of lines; the rows of each finding are numbers in the file."""
    times = integers(rows, "ts")
    return [
        breaks(
            "line_readable",
            "every line is one JSON object with time, module, level, event, session and seq",
            integers(rows, "seq") < 0,
        ),
        breaks("line_once", "no journal record has two lines in one stream", repeated(rows)),
        breaks("module_one", "every line is of the file's module", other_module(rows)),
        warns(
            "ts_in_hour",
            "every line is of its hour, unless sessions overlap",
            (times < hour.start) | (times >= hour.end),
        ),
        warns(
            "arrival_order",
            "within a session, lines stand in the order of their journal records",
            falls_within(session_ranks(rows), integers(rows, "seq")),
        ),
    ]
