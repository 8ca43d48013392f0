"""How far a venue's clock is off ours, by the answers to which the runtime listened.

The lines of the hour stand in the archive of lines or, before they are archived, in the files that
scribe sealed: it seals them before it marks the hour of ticks. Where nobody asked a venue for its
time there is nothing to be judged.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from data_platform.checks.findings import NO_ROWS, Finding, Rule, Subject
from trading_runtime.records import layout
from trading_runtime.records.facts_market import ClockOffsetMoved
from trading_runtime.records.units import Module
from trading_runtime.store import parquet
from trading_runtime.store.hours import Hour

OFFSET = Rule(
    "clock_offset_small",
    "the venue's clock was never far off ours in the hour",
    blocking=False,
    limit="clock_offset_us_max",
)
TOLD = Rule(
    "offsets_small",
    "no line tells of a venue's clock that is far off ours",
    blocking=False,
    limit="clock_offset_us_max",
)
EVENT = ClockOffsetMoved.name()
MILLISECOND_US = 1_000


class Line(msgspec.Struct, frozen=True):
    venue: str
    offset_ms: Decimal

    @property
    def off_us(self) -> int:
        return int(abs(self.offset_ms) * MILLISECOND_US)


_decode: Callable[[str | bytes], Line] = msgspec.json.Decoder(Line).decode


def archived(data: Path, hour: Hour) -> Path:
    below = f"{Module.MARKETDATA.value}/{hour.day.replace('-', '/')}/{hour.of_day:02d}.parquet"
    return Path(layout.log_tables(data)) / below


def lines_of(rows: pa.Table) -> Iterator[tuple[int, Line]]:
    """Give the lines about offsets among archived ones, with their row numbers."""
    known, codes = parquet.texts(rows, "event")
    if EVENT not in known:
        return
    own = np.flatnonzero((codes == known.index(EVENT)) & (parquet.integers(rows, "seq") >= 0))
    texts = rows.column("line").take(own).to_pylist()
    for row, text in zip(own.tolist(), texts, strict=True):
        yield row, _decode(str(text))


def lines(data: Path, hour: Hour) -> Iterator[Line]:
    path = archived(data, hour)
    if path.exists():
        for _, it in lines_of(parquet.read(path, ["event", "seq", "line"])):
            yield it
        return
    mark = f'"event":"{EVENT}"'.encode()
    names = f"{Module.MARKETDATA.value}-{hour.name}-*.jsonl"
    for sealed in sorted(Path(layout.sealed_logs(data)).glob(names)):
        with sealed.open("rb") as file:
            for text in file:
                if mark in text:
                    yield _decode(text)


def told(rows: pa.Table, subject: Subject) -> list[Finding]:
    """Judge lines about offsets; the rows of the finding are numbers in their file."""
    found = list(lines_of(rows))
    if not found:
        return []
    off = np.array([it.off_us for _, it in found], dtype=np.int64)
    numbers = np.array([row for row, _ in found], dtype=np.int64)
    return [TOLD.most(off, numbers, subject.limits)]


def of_ticks(venue: str, subject: Subject) -> list[Finding]:
    """Judge an hour of ticks of ``venue`` as a whole."""
    if subject.files is None:
        return []
    off = [it.off_us for it in lines(subject.files.data, subject.hour) if it.venue == venue]
    if not off:
        return []
    return [Finding(OFFSET, max(off), NO_ROWS, OFFSET.limit_of(subject.limits))]
