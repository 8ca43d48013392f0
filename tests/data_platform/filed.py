"""Recorded hours published without their checks: for those who read what was published."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from data_platform.assets.logs import archive
from tests.store.lake_rows import Row, table_of
from trading_runtime.records import layout
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import (
    KEY_INSTRUMENTS,
    LOGS,
    Table,
    instruments_json,
)
from trading_runtime.records.units import Module, Nanos
from trading_runtime.store import commit, durable
from trading_runtime.store.commit import Dataset, Rows
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Made, Quality, Source

MADE = Made(run_id="run", at=Nanos(1))


def believe(dataset: Dataset, rows: pa.Table, *, sealed: bool, footer: dict[str, str]) -> None:
    """Publish rows as if they had been looked at; others come later as another source."""
    digest = hashlib.sha256(str(rows.to_pylist()).encode()).hexdigest()
    sources = [Source(path=digest[:8], sha256=digest, rows=rows.num_rows)]
    if not commit.stage(dataset, Rows(rows, sources, sealed, footer, "test/1")):
        return
    staged = durable.sha256(dataset.candidate)
    commit.judge(dataset, Quality(file_sha256=staged, expectations=0, broken=()))
    commit.publish(dataset, MADE)


def log_row(line: bytes) -> Row:
    told = msgspec.json.decode(line)
    moment = datetime.fromisoformat(told["ts"])
    known = {
        "ts": int(moment.timestamp()) * 10**9 + moment.microsecond * 1000,
        "order_id": told.get("orderId", ""),
        "line": line.decode(),
        **{name: told[name] for name in ("module", "level", "event", "session", "seq")},
    }
    return {it.name: known.get(it.name, "") for it in LOGS.columns}


def file_lines(
    data: Path, module: Module, hour: Hour, lines: Sequence[bytes], *, sealed: bool = True
) -> None:
    rows = table_of([log_row(it) for it in lines], LOGS)
    believe(archive.dataset(data, module, hour), rows, sealed=sealed, footer={})


def file_logs(data: Path, hour: Hour) -> None:
    """Publish what is sealed of the hour."""
    for module in Module:
        path = Path(layout.sealed_logs(data) / layout.sealed_log_name(module, hour.name, 1))
        if path.exists():
            file_lines(data, module, hour, path.read_bytes().splitlines())


def file_rows(
    data: Path, table: Table, instrument: Instrument, hour: Hour, rows: Sequence[Row]
) -> None:
    place = layout.dataset(
        instrument.venue, instrument.symbol, hour.day, hour.of_day, table.published
    )
    footer = {KEY_INSTRUMENTS: instruments_json([instrument]).decode()}
    dataset = Dataset(Path(layout.lake(data)), place, table)
    believe(dataset, table_of(rows, table), sealed=True, footer=footer)
