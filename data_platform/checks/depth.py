"""What an hour of depth promises (facts of the lake, 6.2: expectations 1 to 11, 20 and 22)."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from data_platform.checks import identity
from data_platform.checks.findings import Bools, Finding, at, breaks, warns
from data_platform.checks.messages import Messages, ids_not_rising, messages_of, unflagged_breaks
from data_platform.checks.replay import Replay
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import SIDE_ASK, SIDE_BID, Flag
from trading_runtime.store.hours import Hour
from trading_runtime.store.parquet import integers


def badly_closed(rows: pa.Table, messages: Messages) -> Bools:
    """Mark the last rows without ``LAST`` and the rows with it that are not the last."""
    is_last = at(messages.end - 1, rows.num_rows)
    is_marked: Bools = (integers(rows, "flags") & Flag.LAST) != 0
    return is_last ^ is_marked


def repeated_levels(rows: pa.Table, messages: Messages) -> Bools:
    """Mark each row whose message has the same side and price already."""
    owner = np.repeat(np.arange(len(messages.start)), messages.end - messages.start)
    side, price = integers(rows, "side"), integers(rows, "px")
    order = np.lexsort((price, side, owner))
    same = np.ones(max(0, len(order) - 1), dtype=np.bool_)
    for column in (owner, side, price):
        same &= column[order][1:] == column[order][:-1]
    return at(order[1:][same], rows.num_rows)


def uneven(rows: pa.Table, messages: Messages) -> Bools:
    """Mark the rows whose ids or times are not those of their message's first row."""
    spans = messages.end - messages.start
    wrong = np.zeros(rows.num_rows, dtype=np.bool_)
    for column in ("ts_recv", "ts_exch", "first_id", "last_id"):
        values = integers(rows, column)
        wrong |= values != np.repeat(values[messages.start], spans)
    return wrong


def row_rules(rows: pa.Table, messages: Messages) -> list[Finding]:
    """Check what a row promises by itself, or within its message."""
    side, price, size = (integers(rows, it) for it in ("side", "px", "qty"))
    first_id, last_id = integers(rows, "first_id"), integers(rows, "last_id")
    flags = integers(rows, "flags")
    is_empty, is_snapshot = (flags & Flag.EMPTY) != 0, (flags & Flag.SNAPSHOT) != 0
    given = rows.column("prev_id").is_valid().to_numpy().astype(np.bool_)
    return [
        breaks("side_known", "side is bid or ask", (side != SIDE_BID) & (side != SIDE_ASK)),
        breaks("px_positive", "a level has a price above zero", (price <= 0) & ~is_empty),
        breaks(
            "qty_not_negative",
            "sizes are not negative, and above zero in a snapshot",
            (size < 0) | ((size == 0) & is_snapshot),
        ),
        breaks(
            "empty_is_empty",
            "a message without a level has neither price nor size",
            is_empty & ((price != 0) | (size != 0)),
        ),
        breaks("ids_ordered", "first_id is not above last_id", first_id > last_id),
        breaks(
            "snapshot_has_one_id",
            "a snapshot has one id and none before it",
            is_snapshot & ((first_id != last_id) | given),
        ),
        breaks(
            "message_even", "the rows of a message agree in ids and times", uneven(rows, messages)
        ),
        breaks(
            "message_closed", "LAST stands on a message's last row", badly_closed(rows, messages)
        ),
        breaks(
            "level_once", "no level comes twice in one message", repeated_levels(rows, messages)
        ),
    ]


def inspect(rows: pa.Table, hour: Hour, grids: Sequence[Instrument]) -> list[Finding]:
    """Check one symbol's hour of depth; the rows of each finding are numbers in the file."""
    messages = messages_of(rows)
    doubtful = (integers(rows, "flags") & Flag.MAYBE_BAD_BOOK) != 0
    return [
        *identity.inspect(rows, hour, grids),
        *row_rules(rows, messages),
        breaks(
            "ids_rising",
            "each delta ends after the one before it",
            at(messages.start[ids_not_rising(messages)], rows.num_rows),
        ),
        breaks(
            "chain_whole",
            "each delta follows the one before it, or is flagged MAYBE_BAD_BOOK",
            at(messages.start[unflagged_breaks(messages)], rows.num_rows),
        ),
        breaks(
            "book_not_crossed",
            "the replayed book is not crossed after a message",
            at(Replay(rows, messages).crossed(), rows.num_rows),
        ),
        warns("book_trusted", "no row stands behind a break in the ids", doubtful),
    ]
