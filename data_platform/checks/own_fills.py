"""Our own fills among the public trades.

A venue tells everybody of each trade, ours among them. Where the public trades have the numbers
that fills have, a fill is looked up by its number; where a venue sums trades up before it tells
them, by price and time. Fills that no venue numbered (of a paper session) are nobody else's, and
those near a moment that the lake does not hold are not judged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Finding, Int64s, Rule
from trading_runtime.records.exact import Grid
from trading_runtime.records.facts_trading import OrderFilled
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import KEY_INSTRUMENTS, TRADES, read_instruments
from trading_runtime.store import parquet
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at
from trading_runtime.store.lake import lake
from trading_runtime.store.parquet import integers

PUBLIC = Rule("fills_in_trades", "a fill is among the public trades: its price, and not larger")

NEAR_NS = 5_000_000_000
"""A fill and its public trade come by two connections: so far apart at the most."""
EVENT = OrderFilled.name()


class Fill(msgspec.Struct, frozen=True):
    instrument_id: str
    venue_trade: str
    price: Decimal
    qty: Decimal


_decode: Callable[[str], Fill] = msgspec.json.Decoder(Fill).decode


class Public(NamedTuple):
    """The public trades around an hour, by their numbers; ``at`` are our times."""

    ids: Int64s
    at: Int64s
    px: Int64s
    qty: Int64s
    revision: Int64s
    grids: Mapping[int, tuple[Grid, Grid]]

    def holds(self, fill: Fill, places: Int64s) -> bool:
        """Whether one of the trades at ``places`` can be the fill, or have it in its sum."""
        for it in places.tolist():
            tick, lot = self.grids[int(self.revision[it])]
            if tick.decimal(int(self.px[it])) == fill.price and (
                lot.decimal(int(self.qty[it])) >= fill.qty
            ):
                return True
        return False


def grids_of(instruments: Sequence[Instrument]) -> dict[int, tuple[Grid, Grid]]:
    return {it.revision: (Grid(it.tick_size), Grid(it.lot_size)) for it in instruments}


def public_trades(root: Path, instrument_id: str, hour: Hour) -> Public | None:
    """Read the trades of an hour and its neighbours; None where the hour itself is not there."""
    parts, grids = [], dict[int, tuple[Grid, Grid]]()
    columns = ["trade_id", "ts_recv", "px", "qty", "instrument_rev"]
    for start in (hour.start - HOUR_NS, hour.start, hour.start + HOUR_NS):
        path = lake.dataset(root, TRADES, instrument_id, hour_at(start)).published
        if not path.exists():
            if start == hour.start:
                return None
            continue
        parts.append(parquet.read(path, columns))
        grids |= grids_of(read_instruments(parquet.metadata(path)[KEY_INSTRUMENTS]))
    rows = pa.concat_tables(parts)
    if rows.num_rows == 0:
        return None
    rows = rows.take(np.argsort(integers(rows, "trade_id"), kind="stable"))
    ids, at, px, qty, revision = (integers(rows, it) for it in columns)
    return Public(ids, at, px, qty, revision, grids)


def is_found(fill: Fill, at: int, public: Public, *, numbered: bool) -> bool | None:
    """Say whether a fill is among the trades; None where these do not reach so far."""
    is_near = np.abs(public.at - at) <= NEAR_NS
    reached = bool((public.at <= at - NEAR_NS).any() and (public.at >= at + NEAR_NS).any())
    if not numbered:
        found = public.holds(fill, np.flatnonzero(is_near))
        return found or (False if reached else None)
    number = int(fill.venue_trade)
    own = np.flatnonzero(public.ids == number)
    within = bool(public.ids[0] <= number <= public.ids[-1])
    found = public.holds(fill, own)
    return found or (False if reached or within else None)


def fills_of(rows: pa.Table) -> Iterator[tuple[int, Fill]]:
    """Give the fills that a venue numbered, with their rows."""
    known, codes = parquet.texts(rows, "event")
    if EVENT not in known:
        return
    own = np.flatnonzero((codes == known.index(EVENT)) & (integers(rows, "seq") >= 0))
    for row, text in zip(own.tolist(), rows.column("line").take(own).to_pylist(), strict=True):
        fill = _decode(str(text))
        if fill.venue_trade.isdecimal():
            yield row, fill


def inspect(rows: pa.Table, root: Path, hour: Hour, numbered: Sequence[str]) -> list[Finding]:
    """Look for the fills of an hour of the OMS's lines in the lake; none where it has none.

    ``numbered`` are the venues whose public trades have the numbers of fills.
    """
    public: dict[str, Public | None] = {}
    times, judged, wrong = integers(rows, "ts"), 0, []
    for row, fill in fills_of(rows):
        name = fill.instrument_id
        if name not in public:
            public[name] = public_trades(root, name, hour)
        trades = public[name]
        if trades is None:
            continue
        venue = name.partition(":")[0]
        found = is_found(fill, int(times[row]), trades, numbered=venue in numbered)
        judged += found is not None
        if found is False:
            wrong.append(row)
    return [PUBLIC.broken_by(np.array(wrong, dtype=np.int64))] if judged else []
