"""Hours of the lake as numpy arrays of events, for a backtest or a compiled loop.

Two threads decode row groups and fill each its part of the result; nothing is copied after.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from trading_runtime.errors import Refused
from trading_runtime.records.lake_schema import DEPTH, TRADES, Table
from trading_runtime.store.condition import Condition
from trading_runtime.store.lake.lake import WHOLE, select
from trading_runtime.store.lake.reading import THREADS, one_grid, row_groups
from trading_runtime.store.lake.selection import Selection

Column = npt.NDArray[np.int64 | np.int8 | np.uint8 | np.bool_]
Events = npt.NDArray[np.void]

KIND_DEPTH = 0
KIND_TRADE = 1
EVENT = np.dtype(
    [
        ("ts_recv", np.int64),
        ("ts_exch", np.int64),
        ("px", np.int64),
        ("qty", np.int64),
        ("seq", np.int64),
        ("kind", np.uint8),
        ("side", np.int8),
        ("flags", np.uint8),
    ],
    align=True,
)
"""One row of depth or one trade, 48 bytes; prices in ticks, sizes in lots, times UTC nanoseconds.

``side`` is the side of the book that it is about: of a trade, the side that rested. ``seq`` is the
number of the journal record that brought it.
"""
AHEAD = 4
"""Row groups under way in :func:`stream`: two being decoded, two that wait."""


class Piece(NamedTuple):
    """A row group that is to be read."""

    path: Path
    footer: pq.FileMetaData
    group: int
    rows: int


def pieces(selection: Selection) -> list[Piece]:
    """Give the row groups that may hold a selected row, in the order of arrival."""
    found = []
    footers = [pq.read_metadata(file.path) for file in selection.files]
    one_grid(footers)
    for file, footer in zip(selection.files, footers, strict=True):
        found += [
            Piece(file.path, footer, group, footer.row_group(group).num_rows)
            for group in row_groups(footer, selection.start, selection.end)
        ]
    return found


def columns(piece: Piece, names: Sequence[str]) -> list[Column]:
    """Decode columns of one row group, each in one piece of memory."""
    with pq.ParquetFile(
        piece.path, metadata=piece.footer, page_checksum_verification=True
    ) as opened:
        rows = opened.read_row_group(piece.group, columns=list(names), use_threads=False)
    return [rows.column(name).to_numpy() for name in names]


def fill(table: Table, piece: Piece, out: Events) -> None:
    """Decode one row group into ``out``, which has its length."""
    from trading_runtime.store.lake import kernels  # noqa: PLC0415 -- slow to load

    if table == DEPTH:
        kernels.fill_depth(out, kernels.Depth(*columns(piece, kernels.Depth._fields)))
    elif table == TRADES:
        kernels.fill_trades(out, kernels.Trades(*columns(piece, kernels.Trades._fields)))
    else:
        raise Refused(f"{table.minutes} are no events")


def cut(events: Events, start: int, end: int) -> Events:
    """Give the view of ``events`` in ``[start, end)``."""
    first, last = np.searchsorted(events["ts_recv"], [start, end])
    return events[first:last]


def read(selection: Selection) -> Events:
    """Give the selected rows of depth or of trades as one array of :data:`EVENT`.

    Raises :exc:`Refused` where tick or lot changed in the span: an event has no revision.
    """
    found = pieces(selection)
    places = np.concatenate([[0], np.cumsum([it.rows for it in found])]).tolist()
    out = np.empty(places[-1], EVENT)
    parts = [out[first:last] for first, last in pairwise(places)]
    with ThreadPoolExecutor(THREADS) as threads:
        deque(threads.map(partial(fill, selection.table), found, parts), maxlen=0)
    return cut(out, selection.start, selection.end)


def stream(selection: Selection) -> Iterator[Events]:
    """Give the same rows in pieces of some minutes each, decoded ahead of who takes them.

    Holds :data:`AHEAD` pieces in memory, however long the selection is.
    """

    def decoded(piece: Piece) -> Events:
        out = np.empty(piece.rows, EVENT)
        fill(selection.table, piece, out)
        return cut(out, selection.start, selection.end)

    waiting: deque[Future[Events]] = deque()
    with ThreadPoolExecutor(THREADS) as threads:
        for piece in pieces(selection):
            waiting.append(threads.submit(decoded, piece))
            if len(waiting) == AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def merged(depth: Events, trades: Events) -> Events:
    """Merge two runs of events by their time of arrival, then by their place in the journal."""
    from trading_runtime.store.lake import kernels  # noqa: PLC0415 -- slow to load

    out = np.empty(len(depth) + len(trades), EVENT)
    kernels.merge(out, depth, trades)
    return out


def events(
    lake: Path,
    instrument_id: str,
    start: int,
    end: int,
    *,
    allow: Collection[Condition] = WHOLE,
) -> Events:
    """Give depth and trades of an instrument in ``[start, end)`` as one run of events."""
    depth, trades = (
        read(select(lake, table, instrument_id, start, end, allow)) for table in (DEPTH, TRADES)
    )
    return merged(depth, trades)
