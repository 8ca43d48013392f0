"""The rules that hold for every table of the lake: whose rows they are, when and in which order."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Bools, Finding, Int64s, after_first, breaks, warns
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import Flag
from trading_runtime.store.hours import Hour
from trading_runtime.store.merge import session_ranks
from trading_runtime.store.parquet import integers, texts

KNOWN_FLAGS = sum(Flag)
AHEAD_MAX_NS = 5_000_000
"""A venue's time may be so far ahead of ours before a clock is wrong (facts: NTP keeps 5 ms)."""
BEHIND_MAX_NS = 60_000_000_000
"""And so far behind before a message was held up beyond use."""


def starts_of_messages(rows: pa.Table) -> Bools:
    """Mark each row whose journal record is not the one of the row before."""
    if rows.num_rows == 0:
        return np.zeros(0, dtype=np.bool_)
    sessions, numbers = session_ranks(rows), integers(rows, "seq")
    changed = (sessions[1:] != sessions[:-1]) | (numbers[1:] != numbers[:-1])
    return np.concatenate([np.ones(1, dtype=np.bool_), changed])


def falls_within(sessions: Int64s, values: Int64s) -> Bools:
    """Mark each row whose value is below the one before it in the same session."""
    return after_first((sessions[1:] == sessions[:-1]) & (values[1:] < values[:-1]))


def foreign(rows: pa.Table, grids: Sequence[Instrument]) -> Bools:
    """Mark the rows of another instrument than the first grid's, or of a revision without grid."""
    names, codes = texts(rows, "instrument_id")
    own = {it.instrument_id for it in grids}
    others = [code for code, name in enumerate(names) if name not in own]
    known = np.array([it.revision for it in grids], dtype=np.int64)
    return np.isin(codes, others) | ~np.isin(integers(rows, "instrument_rev"), known)


def inspect(rows: pa.Table, hour: Hour, grids: Sequence[Instrument]) -> list[Finding]:
    """Check what every table promises."""
    received, exchange = integers(rows, "ts_recv"), integers(rows, "ts_exch")
    flags, sessions = integers(rows, "flags"), session_ranks(rows)
    late = exchange - received
    timed = exchange != 0
    return [
        breaks(
            "instrument_known",
            "every row is of the file's instrument, at a revision whose grid the footer holds",
            foreign(rows, grids),
        ),
        breaks(
            "ts_recv_in_hour",
            "every row was received inside its hour",
            (received < hour.start) | (received >= hour.end),
        ),
        breaks(
            "ts_recv_not_falling",
            "receive time never falls",
            after_first(received[1:] < received[:-1]),
        ),
        breaks(
            "arrival_order",
            "rows stand in the order of their journal records",
            falls_within(sessions, integers(rows, "seq")),
        ),
        breaks("flags_known", "only known bits are set", (flags & ~KNOWN_FLAGS) != 0),
        warns(
            "clock_sane",
            "the venue's time is at most 5 ms after and 60 s before the receive time",
            timed & ((late > AHEAD_MAX_NS) | (late < -BEHIND_MAX_NS)),
        ),
        warns(
            "receive_clock_good",
            "the wall clock never stood or ran back",
            (flags & Flag.BAD_TS_RECV) != 0,
        ),
    ]
