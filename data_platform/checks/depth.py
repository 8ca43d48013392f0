"""What an hour of depth promises: its rows and messages, their ids, and the book they make."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_platform.checks import identity
from data_platform.checks.findings import (
    NO_ROWS,
    PPM,
    Bools,
    Finding,
    Inspected,
    Int64s,
    Rule,
    Subject,
    after_first,
    ppm,
)
from data_platform.checks.identity import MILLISECOND_NS
from data_platform.checks.settings import Thresholds
from trading_runtime.records.lake_schema import Flag
from trading_runtime.store.parquet import coded, integers

if TYPE_CHECKING:
    from data_platform.checks.kernel import Columns

SIDE = Rule("side_known", "side is bid or ask")
PRICE = Rule("px_positive", "a level has a price above zero")
SIZE = Rule("qty_not_negative", "sizes are not negative, and above zero in a snapshot")
EMPTY = Rule("empty_is_empty", "a message without a level has neither price nor size")
IDS = Rule("ids_ordered", "first_id is not above last_id")
SNAPSHOT_ID = Rule("snapshot_has_one_id", "a snapshot has one id and none before it")
EVEN = Rule("message_even", "the rows of a message agree in ids and times")
CLOSED = Rule("message_closed", "LAST stands on a message's last row")
LEVEL_ONCE = Rule("level_once", "no level comes twice in one message")
RISING = Rule("ids_rising", "each delta ends after the one before it")
CHAIN = Rule("chain_whole", "each delta follows the one before it, or is flagged MAYBE_BAD_BOOK")
NOT_CROSSED = Rule("book_not_crossed", "the replayed book is not crossed after a message")
TRUSTED = Rule(
    "book_trusted", "few rows stand behind a break in the ids", False, "bad_book_ppm_max"
)
TWO_SIDED = Rule(
    "book_two_sided", "the book has both sides after a message", False, "one_sided_ppm_max"
)
DELETES = Rule(
    "deletes_known", "a delete is of a level that is in the book", False, "unknown_delete_ppm_max"
)
NEAR = Rule("levels_near", "few levels are far from the mid", False, "far_ppm_max")
SNAPSHOTS = Rule("snapshot_as_replayed", "a snapshot shows the book that was replayed until it")
SPREAD = Rule("spread_sane", "the spread is never wider than allowed", False, "spread_ppm_max")
SILENCE = Rule("depth_silence", "no message is long in coming", False, "depth_silence_ms_max")

SNAPSHOT_LEVELS = 20
"""So many levels a side of a snapshot are compared: the ones that a quote is made by."""


class Scanned(NamedTuple):
    """What the kernels found: bits of broken rules by row; first rows and best prices by message.

    ``bids`` and ``asks`` are 0 where the book has no two sides, or is not whole.
    """

    bits: npt.NDArray[np.uint32]
    starts: Int64s
    bids: Int64s
    asks: Int64s
    columns: "Columns"
    compared: Int64s
    """The first rows of the snapshots that came while the book was whole, and were held to it."""
    seen: int
    """The bits that stand on any row: most rules are broken by none, and need no second look."""

    @property
    def spreads(self) -> Int64s:
        """In millionths of the mid, by message; -1 where there is none."""
        mid_twice = self.bids + self.asks
        wide = np.maximum(self.asks - self.bids, 0) * 2 * PPM // np.maximum(mid_twice, 1)
        return np.where(mid_twice > 0, wide, -1)


def epochs(rows: pa.Table) -> Int64s:
    """Number what a book cannot outlive: its session, and its instrument's grid."""
    _, codes = coded(rows, "session")
    sessions, revisions = codes.astype(np.int64), integers(rows, "instrument_rev")
    if len(revisions) == 0 or revisions.min() == revisions.max():
        return sessions
    begins = (sessions[1:] != sessions[:-1]) | (revisions[1:] != revisions[:-1])
    numbers: Int64s = np.cumsum(after_first(begins), dtype=np.int64)
    return numbers


def scanned(rows: pa.Table, subject: Subject, levels: int = SNAPSHOT_LEVELS) -> Scanned:
    """Run both passes over the columns; so many ``levels`` of a snapshot are compared."""
    from data_platform.checks import kernel, replay  # noqa: PLC0415 -- slow to load

    hour, limits = subject.hour, subject.limits
    prev = rows.column("prev_id").fill_null(pa.scalar(-1)).to_numpy().astype(np.int64, copy=False)
    columns = kernel.Columns(
        ts_recv=integers(rows, "ts_recv"),
        ts_exch=integers(rows, "ts_exch"),
        first_id=integers(rows, "first_id"),
        last_id=integers(rows, "last_id"),
        prev_id=prev,
        side=rows.column("side").to_numpy(),
        flags=rows.column("flags").to_numpy(),
        px=integers(rows, "px"),
        qty=integers(rows, "qty"),
        own=identity.own_rows(rows, subject.grids),
        session=epochs(rows),
        seq=integers(rows, "seq"),
    )
    bits = np.zeros(rows.num_rows, dtype=np.uint32)
    clock = (limits.clock_ahead_ms * MILLISECOND_NS, limits.clock_behind_ms * MILLISECOND_NS)
    starts = kernel.scan(columns, (int(hour.start), int(hour.end)), clock, bits)
    rank, prices = replay.ranked(columns.px)
    asked = replay.Asked(limits.far_ppm / PPM, levels)
    bids, asks, compared = replay.replay(columns, starts, rank, prices, asked, bits)
    seen = int(np.bitwise_or.reduce(bits, initial=0))
    return Scanned(bits, starts, bids, asks, columns, starts[compared], seen)


def unlike() -> int:
    """Give the bit of the levels of a snapshot that are not those of the book before it."""
    from data_platform.checks import kernel  # noqa: PLC0415 -- slow to load

    return kernel.UNLIKE


def rules_by_bit() -> Mapping[Rule, int]:
    """Give the bit of each rule that the kernels judge row by row."""
    from data_platform.checks import kernel  # noqa: PLC0415 -- slow to load

    return {
        identity.INSTRUMENT: kernel.FOREIGN,
        identity.IN_HOUR: kernel.OUTSIDE_HOUR,
        identity.NOT_FALLING: kernel.TIME_FALLS,
        identity.IN_ORDER: kernel.OUT_OF_ORDER,
        identity.FLAGS: kernel.FLAG_UNKNOWN,
        SIDE: kernel.SIDE_UNKNOWN,
        PRICE: kernel.PRICE_WRONG,
        SIZE: kernel.SIZE_WRONG,
        EMPTY: kernel.NOT_EMPTY,
        IDS: kernel.IDS_SWAPPED,
        SNAPSHOT_ID: kernel.SNAPSHOT_IDS,
        EVEN: kernel.UNEVEN,
        CLOSED: kernel.BADLY_CLOSED,
        LEVEL_ONCE: kernel.LEVEL_TWICE,
        RISING: kernel.ID_NOT_RISING,
        CHAIN: kernel.CHAIN_BROKEN,
        NOT_CROSSED: kernel.CROSSED,
    }


def shares(found: Scanned, limits: Thresholds) -> list[Finding]:
    """Give the rules that some rows may break, each as a share of what it is about."""
    from data_platform.checks import kernel  # noqa: PLC0415 -- slow to load

    messages, rows = len(found.starts), len(found.bits)
    about = (
        (identity.CLOCK, kernel.CLOCK_OFF, rows),
        (identity.RECEIVE_CLOCK, kernel.CLOCK_BAD, rows),
        (TRUSTED, kernel.UNTRUSTED, rows),
        (TWO_SIDED, kernel.ONE_SIDED, messages),
        (DELETES, kernel.UNKNOWN_DELETE, int(np.count_nonzero(found.columns.qty == 0))),
        (NEAR, kernel.FAR, rows),
    )
    findings = []
    for rule, bit, whole in about:
        numbers = marked(found, bit)
        measured = ppm(len(numbers), whole)
        findings.append(Finding(rule, measured, numbers, rule.limit_of(limits)))
    return findings


def marked(found: Scanned, bit: int) -> Int64s:
    if not found.seen & bit:
        return NO_ROWS
    where: Bools = (found.bits & bit) != 0
    numbers: Int64s = np.flatnonzero(where)
    return numbers


def inspect(rows: pa.Table, subject: Subject) -> Inspected:
    """Check one symbol's hour of depth; the rows of each finding are numbers in the file."""
    found, limits = scanned(rows, subject), subject.limits
    findings = [rule.broken_by(marked(found, bit)) for rule, bit in rules_by_bit().items()]
    if len(found.compared):  # without a snapshot in a good book there is nothing to be asked
        findings.append(SNAPSHOTS.broken_by(marked(found, unlike())))
    gaps = np.diff(found.columns.ts_recv[found.starts]) // MILLISECOND_NS
    spreads = found.spreads
    told = spreads[spreads >= 0]
    findings += [
        *shares(found, limits),
        SPREAD.most(spreads, found.starts, limits),
        SILENCE.most(gaps, found.starts[1:], limits),
    ]
    metrics = {
        "rows": rows.num_rows,
        "messages": len(found.starts),
        "snapshots": int(np.count_nonzero(found.columns.flags[found.starts] & Flag.SNAPSHOT)),
        "silence_ms_max": int(gaps.max()) if len(gaps) else 0,
    }
    if len(told):
        metrics["spread_ppm_median"] = int(np.median(told))
    return Inspected(findings, metrics)
