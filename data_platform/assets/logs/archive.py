"""The sealed JSON lines of an hour, one Parquet file for each module.

A row is a line. What cannot be read as a log line keeps its text and its place, under the event
``unreadable``, so that no line is ever left out: the checks then name it. Of an open hour the live
files are read too, up to their last whole line, and the result is partial.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from data_platform.assets import batch
from data_platform.assets.batch import Batch
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import LOGS, TABLES
from trading_runtime.records.units import Module
from trading_runtime.store import commit
from trading_runtime.store.commit import Dataset, Rows
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Source
from trading_runtime.store.parquet import arrow_schema

MAKER = "logs.archive/1"
"""Counts up when equal lines would make other bytes."""
UNREADABLE = "unreadable"


class LogLine(msgspec.Struct, frozen=True):
    """What every line has (LOG-2), and the fields that are searched by."""

    ts: str
    module: str
    level: str
    event: str
    session: str
    seq: int
    symbol: str = ""
    order_id: str = msgspec.field(default="", name="orderId")


class Part(NamedTuple):
    source: Source
    lines: list[bytes]


_decode = msgspec.json.Decoder(LogLine).decode


def archive_root(data: Path) -> Path:
    return data / "archive" / "logs"


def dataset(data: Path, module: Module, hour: Hour) -> Dataset:
    day = hour.day.replace("-", "/")
    return Dataset(archive_root(data), f"{module.value}/{day}/{hour.of_day:02d}.parquet", LOGS)


def is_sealed(data: Path, hour: Hour) -> bool:
    """Scribe seals the logs of an hour before it marks the hour's ticks as sealed."""
    lake = layout.lake(data)
    return all(
        Path(lake / layout.hour_marker(table, hour.day, hour.of_day)).exists() for table in TABLES
    )


def part(data: Path, path: Path, content: bytes) -> Part:
    lines = content.split(b"\n")[:-1]
    name = path.relative_to(data).as_posix()
    return Part(
        Source(path=name, sha256=hashlib.sha256(content).hexdigest(), rows=len(lines)), lines
    )


def sealed_parts(data: Path, module: Module, hour: Hour) -> Iterator[Part]:
    """Read the sealed files of the module and hour, which count from 1 without a hole."""
    number = 1
    while True:
        name = layout.sealed_log_name(module, hour.name, number)
        path = Path(layout.sealed_logs(data)) / name
        if not path.exists():
            return
        yield part(data, path, path.read_bytes())
        number += 1


def live_part(data: Path, module: Module, hour: Hour) -> Iterator[Part]:
    """Read what the live file holds of the hour; a line that is being written is left for later."""
    path = Path(layout.live_log(data, module))
    if not path.exists():
        return
    mark = f'"{hour.name}:'.encode()
    lines = path.read_bytes().split(b"\n")[:-1]
    content = b"".join(line + b"\n" for line in lines if mark in line[:64])
    if content:
        yield part(data, path, content)


def read_line(line: bytes, before: str, module: Module) -> LogLine:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return LogLine(before, module.value, "ERROR", UNREADABLE, "", -1)


def rows_of(lines: list[bytes], module: Module, hour: Hour) -> pa.Table:
    """Type the lines; an unreadable one takes the time of the line before it."""
    before = f"{hour.name}:00:00Z"
    read = []
    for line in lines:
        it = read_line(line, before, module)
        before = it.ts
        read.append(it)
    times = pa.array([it.ts for it in read], pa.string()).cast(pa.timestamp("ns", "UTC"))
    return pa.table(
        {
            "ts": times.cast(pa.int64()),
            "module": [it.module for it in read],
            "level": [it.level for it in read],
            "event": [it.event for it in read],
            "symbol": [it.symbol for it in read],
            "order_id": [it.order_id for it in read],
            "session": [it.session for it in read],
            "seq": [it.seq for it in read],
            "line": [line.decode(errors="replace") for line in lines],
        },
        schema=arrow_schema(LOGS),
    )


def gather(data: Path, module: Module, hour: Hour, *, sealed: bool) -> Rows:
    parts = list(sealed_parts(data, module, hour))
    if not sealed:
        parts += live_part(data, module, hour)
    lines = [line for it in parts for line in it.lines]
    return Rows(
        rows=rows_of(lines, module, hour),
        sources=[it.source for it in parts],
        sealed=sealed,
        metadata={},
        maker=MAKER,
    )


def stage_hour(data: Path, hour: Hour) -> Batch:
    """Stage every module that has lines in the hour."""
    root, name = archive_root(data), batch_name(hour)
    with commit.locked(root, name):
        sealed = is_sealed(data, hour)
        found = [(dataset(data, it, hour), gather(data, it, hour, sealed=sealed)) for it in Module]
        return batch.stage(root, name, [it for it in found if it[1].sources], sealed=sealed)


def batch_name(hour: Hour) -> str:
    return f"logs-{hour.name}"
