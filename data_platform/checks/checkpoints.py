"""What an hour of book checkpoints promises."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.checks import identity
from data_platform.checks.findings import Bools, Inspected, Int64s, Rule, Subject, after_first
from trading_runtime.records.lake_schema import CHECKPOINT_LEVELS, SIDE_ASK, SIDE_BID, Flag
from trading_runtime.store import parquet
from trading_runtime.store.hours import MINUTE_NS
from trading_runtime.store.parquet import integers

MINUTE = Rule("ts_on_minute", "a checkpoint stands at a whole minute of its hour, in their order")
SIDE = Rule("side_known", "side is bid or ask")
PRICE = Rule("px_positive", "a level has a price above zero")
SIZE = Rule("qty_positive", "a level has a size above zero")
LEVELS = Rule("levels_counted", "levels count from 0 without a hole, bids before asks")
SORTED = Rule("levels_sorted", "prices get worse from level to level")
NOT_CROSSED = Rule("book_not_crossed", "the best bid is below the best ask")
EVEN = Rule("checkpoint_even", "the rows of a checkpoint agree in id, session and seq")
REPLAYED = Rule("book_as_replayed", "the depth rows lead from each checkpoint to the next one")

COMPARED_LEVELS = 100
"""So many levels a side are compared: deeper ones may have come from below the levels carried."""


class Books(NamedTuple):
    """Rows as groups: one for each moment, ``start`` and ``end`` are row numbers."""

    moment: Int64s
    start: Int64s
    end: Int64s


def books_of(moments: Int64s) -> Books:
    starts = np.flatnonzero(np.append(True, moments[1:] != moments[:-1])[: len(moments)])
    return Books(moments[starts], starts, np.append(starts[1:], len(moments))[: len(starts)])


def off_minute(moments: Int64s, start: int, end: int) -> Bools:
    outside = (moments < start) | (moments >= end) | (moments % MINUTE_NS != 0)
    wrong: Bools = outside | after_first(moments[1:] < moments[:-1])
    return wrong


def follows(moments: Int64s, sides: Int64s) -> Bools:
    """Mark each row that is of the same moment and side as the row before."""
    return after_first((moments[1:] == moments[:-1]) & (sides[1:] == sides[:-1]))


def miscounted(levels: Int64s, sides: Int64s, moments: Int64s) -> Bools:
    same = follows(moments, sides)
    expected = np.where(same, np.concatenate([levels[:1], levels[:-1]]) + 1, 0)
    swapped = after_first((moments[1:] == moments[:-1]) & (sides[1:] < sides[:-1]))
    wrong: Bools = (levels != expected) | (levels >= CHECKPOINT_LEVELS) | swapped
    return wrong


def unsorted(prices: Int64s, sides: Int64s, moments: Int64s) -> Bools:
    worse = np.where(sides[1:] == SIDE_BID, prices[1:] < prices[:-1], prices[1:] > prices[:-1])
    return follows(moments, sides) & after_first(~worse)


def crossed(prices: Int64s, sides: Int64s, books: Books) -> Iterator[int]:
    """Give the row of the best bid where it is not below the best ask."""
    for start, end in zip(books.start.tolist(), books.end.tolist(), strict=True):
        own, price = sides[start:end], prices[start:end]
        bids, asks = price[own == SIDE_BID], price[own == SIDE_ASK]
        if len(bids) and len(asks) and bids.max() >= asks.min():
            yield start


def depth_beside(subject: Subject) -> pa.Table | None:
    """Read the depth of the hour that the commit record names; none where it is not there."""
    if subject.files is None:
        return None
    name = subject.files.dataset.path.rpartition("/")[0]
    for it in subject.files.commit.sources:
        path = subject.files.data / it.path
        if it.path.endswith(f"{name}/depth.parquet") and path.exists():
            return parquet.read(path, ["ts_recv", "side", "px", "qty", "flags", "session", "seq"])
    return None


class Columns(NamedTuple):
    """What a book is made of, as columns."""

    moment: Int64s
    side: Int64s
    px: Int64s
    qty: Int64s
    flags: Int64s


def columns_of(rows: pa.Table, moment: str) -> Columns:
    return Columns(*(integers(rows, it) for it in (moment, "side", "px", "qty", "flags")))


def best(book: dict[int, int], side: int, edge: int | None) -> list[tuple[int, int]]:
    """Give the best levels of a side, those beyond ``edge`` left out."""
    sign = -1 if side == SIDE_BID else 1
    own = [(sign * (key // 2), size) for key, size in book.items() if key % 2 == side and size]
    if edge is not None:
        own = [it for it in own if it[0] <= sign * edge]
    return sorted(own)[:COMPARED_LEVELS]


def book_at(levels: Columns, start: int, end: int) -> dict[int, int]:
    """Key the sizes of some rows by price and side."""
    keys = levels.px[start:end] * 2 + (levels.side[start:end] & 1)
    return dict(zip(keys.tolist(), levels.qty[start:end].tolist(), strict=True))


def edge_of(levels: Columns, start: int, end: int, side: int) -> int | None:
    """Give the worst price carried on a side that is cut: there may be more levels behind it."""
    own = np.flatnonzero(levels.side[start:end] == side) + start
    if not (levels.flags[own] & Flag.CUT).any():
        return None
    return int(levels.px[own].min() if side == SIDE_BID else levels.px[own].max())


def not_led_to(levels: Columns, books: Books, depth: pa.Table) -> Iterator[int]:
    """Give the first row of each checkpoint that the one before and the depth rows do not lead to.

    Minutes with a snapshot or behind a break in the ids are passed over: what the book is then is
    for the reader that synchronises to say.
    """
    told = columns_of(depth, "ts_recv")
    unsure = (told.flags & (Flag.SNAPSHOT | Flag.MAYBE_BAD_BOOK)) != 0
    edges = np.searchsorted(told.moment, books.moment)
    for n in range(1, len(books.start)):
        since, until = int(edges[n - 1]), int(edges[n])
        if books.moment[n] - books.moment[n - 1] != MINUTE_NS or unsure[since:until].any():
            continue
        start, end = int(books.start[n - 1]), int(books.end[n - 1])
        before = book_at(levels, start, end)
        after = book_at(levels, int(books.start[n]), int(books.end[n]))
        limits = {side: edge_of(levels, start, end, side) for side in (SIDE_BID, SIDE_ASK)}
        before.update(book_at(told, since, until))
        if any(best(before, it, edge) != best(after, it, edge) for it, edge in limits.items()):
            yield int(books.start[n])


def uneven(rows: pa.Table, moments: Int64s) -> Bools:
    """Mark each row that differs from the one before in what a whole checkpoint has once."""
    sessions = rows.column("session").to_numpy(zero_copy_only=False)
    differs = sessions[1:] != sessions[:-1]
    for it in ("last_id", "seq"):
        values = integers(rows, it)
        differs |= values[1:] != values[:-1]
    return after_first((moments[1:] == moments[:-1]) & differs)


def numbers(rows: Iterator[int]) -> Int64s:
    return np.array(list(rows), dtype=np.int64)


def inspect(rows: pa.Table, subject: Subject) -> Inspected:
    """Check one symbol's hour of checkpoints; the rows of findings are numbers in the file."""
    levels, counts = columns_of(rows, "ts"), integers(rows, "level")
    moments, sides, prices = levels.moment, levels.side, levels.px
    books, depth = books_of(moments), depth_beside(subject)
    findings = [
        identity.INSTRUMENT.broken_by(~identity.own_rows(rows, subject.grids)),
        MINUTE.broken_by(off_minute(moments, subject.hour.start, subject.hour.end)),
        SIDE.broken_by((sides != SIDE_BID) & (sides != SIDE_ASK)),
        PRICE.broken_by(prices <= 0),
        SIZE.broken_by(levels.qty <= 0),
        LEVELS.broken_by(miscounted(counts, sides, moments)),
        SORTED.broken_by(unsorted(prices, sides, moments)),
        NOT_CROSSED.broken_by(numbers(crossed(prices, sides, books))),
        EVEN.broken_by(uneven(rows, moments)),
    ]
    if depth is not None:
        findings.append(REPLAYED.broken_by(numbers(not_led_to(levels, books, depth))))
    return Inspected(findings, {"rows": rows.num_rows, "checkpoints": len(books.start)})
