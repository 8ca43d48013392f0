"""The rules that hold for every table of the lake: whose rows they are, when and in which order."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Bools, Finding, Int64s, Rule, Subject, after_first
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import Flag
from trading_runtime.store.merge import session_ranks
from trading_runtime.store.parquet import coded, integers

KNOWN_FLAGS = int(sum(Flag)) & ~Flag.CUT
"""Of a row as it came; the other one is of checkpoints alone."""
MILLISECOND_NS = 1_000_000

INSTRUMENT = Rule(
    "instrument_known",
    "every row is of the file's instrument, at a revision whose grid the footer holds",
)
IN_HOUR = Rule("ts_recv_in_hour", "every row was received inside its hour")
NOT_FALLING = Rule("ts_recv_not_falling", "receive time never falls")
IN_ORDER = Rule("arrival_order", "rows stand in the order of their journal records")
FLAGS = Rule("flags_known", "only known bits are set")
CLOCK = Rule(
    "clock_sane",
    "the venue's time agrees with ours, but for a small share of the rows",
    blocking=False,
    limit="clock_ppm_max",
)
RECEIVE_CLOCK = Rule(
    "receive_clock_good",
    "the wall clock never stood or ran back, but for a small share of the rows",
    blocking=False,
    limit="bad_clock_ppm_max",
)


def falls_within(sessions: Int64s, values: Int64s) -> Bools:
    """Mark each row whose value is below the one before it in the same session."""
    return after_first((sessions[1:] == sessions[:-1]) & (values[1:] < values[:-1]))


def own_rows(rows: pa.Table, grids: Sequence[Instrument]) -> Bools:
    """Mark the rows of the file's instrument at a revision whose grid the footer holds."""
    names, codes = coded(rows, "instrument_id")
    own = {it.instrument_id for it in grids}
    is_own = np.array([name in own for name in names], dtype=np.bool_)
    if is_own.all():
        known: Bools = np.ones(rows.num_rows, dtype=np.bool_)
    else:
        known = is_own[codes]
    revisions = integers(rows, "instrument_rev")
    # Nearly always there is one, and to look for more would cost as much as all other rules.
    several = len(revisions) > 0 and revisions.min() != revisions.max()
    for revision in np.unique(revisions if several else revisions[:1]).tolist():
        if revision not in {it.revision for it in grids}:
            known &= revisions != revision
    return known


def inspect(rows: pa.Table, subject: Subject) -> list[Finding]:
    """Check what every table of ticks promises."""
    hour, limits = subject.hour, subject.limits
    received, exchange = integers(rows, "ts_recv"), integers(rows, "ts_exch")
    flags = integers(rows, "flags")
    late = exchange - received
    is_off = (late > limits.clock_ahead_ms * MILLISECOND_NS) | (
        late < -limits.clock_behind_ms * MILLISECOND_NS
    )
    return [
        INSTRUMENT.broken_by(~own_rows(rows, subject.grids)),
        IN_HOUR.broken_by((received < hour.start) | (received >= hour.end)),
        NOT_FALLING.broken_by(after_first(received[1:] < received[:-1])),
        IN_ORDER.broken_by(falls_within(session_ranks(rows), integers(rows, "seq"))),
        FLAGS.broken_by((flags & ~KNOWN_FLAGS) != 0),
        CLOCK.shared_by((exchange != 0) & is_off, limits),
        RECEIVE_CLOCK.shared_by((flags & Flag.BAD_TS_RECV) != 0, limits),
    ]
