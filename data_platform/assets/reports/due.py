"""Which reports were made of other data than is here now: late rows came, or an hour was mended."""

import hashlib
from datetime import date, timedelta
from pathlib import Path

import msgspec

from data_platform.assets.reports import archive
from data_platform.days import Span, day_at, span_of
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, TICKER, TRADES
from trading_runtime.records.units import Module, Nanos

LOOK_BACK_DAYS = 40
"""Older reports are made again by hand."""


class Made(msgspec.Struct, frozen=True):
    """Of a report that was written: the digest of what it was made of."""

    zone: str
    inputs: str


def inputs(data: Path, span: Span) -> str:
    """Digest the content of all that a report of the span is made of."""
    digest = hashlib.sha256()
    logs = archive.inputs(data, span, Module)
    ticks = {
        it.manifest.commit.dataset: it.manifest.commit.content_sha256
        for hour in span.hours
        for table in (DEPTH, TRADES, TICKER)
        for it in archive.datasets(data, table, hour)
    }
    for name, content in sorted({**logs, **ticks}.items()):
        digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()


def report_path(data: Path, day: str) -> Path:
    return Path(layout.reports(data)) / day / "report.json"


def due(data: Path, zone: str, now: Nanos) -> dict[str, str]:
    """Give the days that are over and whose report is of other data, with the digest of it now."""
    today = date.fromisoformat(day_at(now, zone))
    found = {}
    for back in range(LOOK_BACK_DAYS, 0, -1):
        day = (today - timedelta(days=back)).isoformat()
        path = report_path(data, day)
        if not path.exists():
            continue
        made = msgspec.json.decode(path.read_bytes(), type=Made)
        span = span_of(day, made.zone)
        current = inputs(data, span)
        if current != made.inputs and archive.coverage(data, span).sealed:
            found[day] = current
    return found
