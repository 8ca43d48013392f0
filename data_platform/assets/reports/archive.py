"""What a report reads: archived lines and published hours, found by their manifests."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.assets.logs import archive
from data_platform.assets.reports.lines import Stream, Streams
from data_platform.assets.reports.report import Coverage
from data_platform.days import Span
from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.lake_schema import (
    DEPTH,
    KEY_INSTRUMENTS,
    TICKER,
    TRADES,
    Flag,
    Table,
    read_instruments,
)
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import manifest, parquet
from trading_runtime.store.commit import PARTIAL, Dataset
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Manifest
from trading_runtime.store.parquet import Int64s, integers

COLUMNS = ["ts", "level", "event", "line"]


class Found(NamedTuple):
    """A file that can be read, and what its manifest says."""

    path: Path
    manifest: Manifest


def found(dataset: Dataset) -> Found | None:
    """Give the published file, else the partial one, else nothing."""
    for path in (dataset.published, dataset.partial):
        known = manifest.read(path)
        if known is not None:
            return Found(path, known)
    return None


def logs_of(data: Path, hours: Iterable[Hour], module: Module) -> Iterator[tuple[Hour, Found]]:
    for hour in hours:
        it = found(archive.dataset(data, module, hour))
        if it is not None:
            yield hour, it


def coverage(data: Path, span: Span) -> Coverage:
    """Count the hours of which lines of any module are archived."""
    sealed = partial = 0
    unknown = []
    for hour in span.hours:
        known = [found(archive.dataset(data, module, hour)) for module in Module]
        is_sealed = [it.manifest.commit.sealed for it in known if it is not None]
        sealed += any(is_sealed)
        partial += bool(is_sealed) and not any(is_sealed)
        if not is_sealed:
            unknown.append(Nanos(hour.start))
    return Coverage(len(span.hours), sealed, partial, tuple(unknown))


def stream(data: Path, span: Span, module: Module) -> Stream:
    """Read the span's archived lines of one module, hour by hour."""
    read = Stream(module)
    for hour, it in logs_of(data, span.hours, module):
        rows = parquet.read(it.path, COLUMNS)
        is_cut = hour.start < span.start or hour.end > span.end
        read.add(between(rows, "ts", span) if is_cut else rows)
    return read


def streams(data: Path, span: Span) -> Streams:
    return {module: stream(data, span, module) for module in Module}


def inputs(data: Path, span: Span, modules: Iterable[Module]) -> dict[str, str]:
    """Give the content's digest of each archived hour of these modules."""
    return {
        it.manifest.commit.dataset: it.manifest.commit.content_sha256
        for module in modules
        for _, it in logs_of(data, span.hours, module)
    }


def first_day(data: Path) -> str | None:
    """Give the first UTC day of which a line is archived."""
    root = archive.archive_root(data)
    folders = [
        folder
        for module in Module
        for place in (root, root / PARTIAL)
        for folder in (place / module.value).glob("[0-9]*/*/*")
    ]
    return min(("-".join(it.parts[-3:]) for it in folders), default=None)


def datasets(data: Path, table: Table, hour: Hour) -> list[Found]:
    """Give the published (else partial) hour of each symbol, sorted by its place."""
    lake = Path(layout.lake(data))
    place = f"[!_]*/*/{hour.day.replace('-', '/')}/{hour.of_day:02d}/{table.published}.parquet"
    paths = {it.relative_to(lake).as_posix() for it in lake.glob(place)}
    paths |= {it.relative_to(lake / PARTIAL).as_posix() for it in (lake / PARTIAL).glob(place)}
    known = (found(Dataset(lake, it, table)) for it in sorted(paths))
    return [it for it in known if it is not None]


def between(rows: pa.Table, time: str, span: Span) -> pa.Table:
    at = integers(rows, time)
    return rows.filter((at >= span.start) & (at < span.end))


def depth_lags_ns(data: Path, span: Span) -> dict[Hour, Int64s]:
    """Give receive time minus venue time of each depth message, by hour."""
    lags: dict[Hour, Int64s] = {}
    for hour in span.hours:
        parts = [np.zeros(0, dtype=np.int64)]
        for it in datasets(data, DEPTH, hour):
            rows = between(parquet.read(it.path, ["ts_recv", "ts_exch", "flags"]), "ts_recv", span)
            flags, venue = integers(rows, "flags"), integers(rows, "ts_exch")
            timed = ((flags & Flag.LAST) != 0) & ((flags & Flag.SNAPSHOT) == 0) & (venue != 0)
            parts.append((integers(rows, "ts_recv") - venue)[timed])
        lags[hour] = np.concatenate(parts)
    return lags


def grid_of(path: Path, revision: int) -> Instrument:
    known = read_instruments(parquet.metadata(path)[KEY_INSTRUMENTS])
    return next(it for it in known if it.revision == revision)


def marks(data: Path, span: Span) -> dict[str, Fraction]:
    """Give each instrument's last mid price of the span, else its last trade's price."""
    prices: dict[str, Fraction] = {}
    for table, columns in ((TRADES, ("px", "px")), (TICKER, ("bid_px", "ask_px"))):
        # Of each <venue>/<symbol> the span's last hour stands here in the end.
        for path in latest(data, table, span).values():
            rows = between(
                parquet.read(path, ["ts_recv", *columns, "instrument_rev"]), "ts_recv", span
            )
            if not rows.num_rows:
                continue
            instrument = grid_of(path, int(integers(rows, "instrument_rev")[-1]))
            ticks = Fraction(sum(int(integers(rows, it)[-1]) for it in columns), 2)
            price = ticks * Fraction(Scales(instrument).tick.decimal(1))
            prices[instrument.instrument_id] = price
    return prices


def latest(data: Path, table: Table, span: Span) -> dict[tuple[str, ...], Path]:
    return {
        it.path.parts[-7:-5]: it.path for hour in span.hours for it in datasets(data, table, hour)
    }
