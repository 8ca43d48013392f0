"""What a report reads: archived lines and published hours, found by their manifests."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.assets import batch
from data_platform.assets.logs import archive
from data_platform.assets.ticks import compaction
from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.lake_schema import (
    DEPTH,
    KEY_INSTRUMENTS,
    LOGS,
    TICKER,
    TRADES,
    Flag,
    Table,
    read_instruments,
)
from trading_runtime.records.units import Module
from trading_runtime.store import manifest, parquet
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import Hour
from trading_runtime.store.parquet import Int64s, arrow_schema, integers

HOURS_PER_DAY = 24


class Coverage(NamedTuple):
    """Of a day's hours, those whose logs are archived whole, and those that still grow."""

    sealed: int
    partial: int

    @property
    def is_whole(self) -> bool:
        return self.sealed == HOURS_PER_DAY


def hours_of(day: str) -> list[Hour]:
    return [Hour(day, of_day) for of_day in range(HOURS_PER_DAY)]


def place(dataset: Dataset) -> Path | None:
    """Give the published file, else the partial one, else nothing."""
    known = (it for it in (dataset.published, dataset.partial) if manifest.read(it))
    return next(known, None)


def coverage(data: Path, day: str) -> Coverage:
    """Count the hours of which lines of any module are archived."""
    sealed = partial = 0
    for hour in hours_of(day):
        datasets = [archive.dataset(data, module, hour) for module in Module]
        is_published = any(manifest.read(it.published) for it in datasets)
        sealed += is_published
        partial += not is_published and any(manifest.read(it.partial) for it in datasets)
    return Coverage(sealed, partial)


def lines(data: Path, module: Module, day: str) -> pa.Table:
    """Give the day's archived lines of one module, in order."""
    places = (place(archive.dataset(data, module, hour)) for hour in hours_of(day))
    parts = [parquet.read(it).cast(arrow_schema(LOGS)) for it in places if it is not None]
    return pa.concat_tables([arrow_schema(LOGS).empty_table(), *parts])


def days_until(data: Path, module: Module, day: str) -> list[str]:
    """Give the days up to ``day`` that have archived lines of ``module``, the earliest first."""
    root = archive.archive_root(data)
    folders = [
        *(root / module.value).glob("*/*/*"),
        *(root / "_partial" / module.value).glob("*/*/*"),
    ]
    days = {"-".join(folder.parts[-3:]) for folder in folders}
    return sorted(it for it in days if it <= day)


def lines_until(data: Path, module: Module, day: str) -> Iterator[pa.Table]:
    """Give the lines of each archived day up to ``day``."""
    return (lines(data, module, it) for it in days_until(data, module, day))


def datasets(data: Path, table: Table, day: str) -> Iterator[Path]:
    """Give the files of all symbols of the day, hour by hour, as their batches list them."""
    root = Path(layout.lake(data))
    for hour in hours_of(day):
        name = compaction.batch_name(table, hour)
        if batch.batch_path(root, name).exists():
            for path in batch.read(root, name).unchanged:
                found = place(Dataset(root, path, table))
                if found is not None:
                    yield found


def depth_lags_ns(data: Path, day: str) -> Int64s:
    """Give receive time minus venue time of each depth message of the day."""
    lags = [np.zeros(0, dtype=np.int64)]
    for path in datasets(data, DEPTH, day):
        rows = parquet.read(path, ["ts_recv", "ts_exch", "flags"])
        flags, venue = integers(rows, "flags"), integers(rows, "ts_exch")
        timed = ((flags & Flag.LAST) != 0) & ((flags & Flag.SNAPSHOT) == 0) & (venue != 0)
        lags.append((integers(rows, "ts_recv") - venue)[timed])
    return np.concatenate(lags)


def grid_of(path: Path, revision: int) -> Instrument:
    known = read_instruments(parquet.metadata(path)[KEY_INSTRUMENTS])
    return next(it for it in known if it.revision == revision)


class Mark(NamedTuple):
    """The last price of a day, and the instrument that it was read by."""

    price: Fraction
    instrument: Instrument


def marks(data: Path, day: str) -> dict[str, Mark]:
    """Give each instrument's last mid price of the day, else its last trade's price."""
    found: dict[str, Mark] = {}
    for table, columns in ((TRADES, ("px", "px")), (TICKER, ("bid_px", "ask_px"))):
        # Of each <venue>/<symbol> the day's last hour stands here in the end.
        latest = {path.parts[-7:-5]: path for path in datasets(data, table, day)}
        for path in latest.values():
            rows = parquet.read(path, [*columns, "instrument_rev"])
            instrument = grid_of(path, int(integers(rows, "instrument_rev")[-1]))
            ticks = Fraction(sum(int(integers(rows, it)[-1]) for it in columns), 2)
            price = ticks * Fraction(Scales(instrument).tick.decimal(1))
            found[instrument.instrument_id] = Mark(price, instrument)
    return found
