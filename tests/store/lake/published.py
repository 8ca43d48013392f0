"""Published hours of a small market, as the platform leaves them, for the readers of the lake."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.store.lake_rows import (
    HOUR,
    INSTRUMENT,
    Row,
    depth_rows,
    identity,
    table_of,
    trade_rows,
)
from tests.store.test_commit import passed
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import (
    DEPTH,
    KEY_INSTRUMENTS,
    TABLES,
    TICKER,
    TRADES,
    HourSealed,
    MinuteSealed,
    Table,
    instruments_json,
)
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit, durable
from trading_runtime.store.commit import Rows
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Made, Manifest, Source

ID = "somewhere-usdm:BTCUSDC"
START = HOUR.start


def later(hours: int) -> Hour:
    return hour_at(HOUR.start + hours * HOUR_NS)


def moved(rows: Sequence[Row], hours: int) -> list[Row]:
    """Give the rows as of some hours later, with ids and records of their own."""
    found = []
    for row in rows:
        new = dict(row)
        for name, step in (("ts_recv", HOUR_NS), ("ts_exch", HOUR_NS), ("seq", 10**6)):
            new[name] = int(str(row[name])) + hours * step
        if "trade_id" in row:
            new["trade_id"] = int(str(row["trade_id"])) + hours * 10**6
        found.append(new)
    return found


def quote_rows(count: int) -> list[Row]:
    """Give a quote every 300 ms, each with an id of its own."""
    return [
        {
            "ts_recv": HOUR.start + number * 300_000_000,
            "ts_exch": 0,
            "update_id": number,
            "bid_px": 600_000 - number % 7,
            "bid_qty": 1 + number,
            "ask_px": 600_001 + number % 5,
            "ask_qty": 2 + number,
            "flags": 1,
            **identity(50 + number * 4),
        }
        for number in range(count)
    ]


def publish(root: Path, table: Table, rows: Sequence[Row], hours: int = 0) -> Manifest:
    """Publish rows of one instrument, some hours after the first, as rows of that hour."""
    dataset = lake.dataset(root, table, ID, later(hours))
    digest = f"{hours}-{len(rows)}-{rows[-1]['seq']}"
    source = Source(path=digest, sha256=digest, rows=len(rows))
    footer = {KEY_INSTRUMENTS: instruments_json([INSTRUMENT]).decode()}
    commit.stage(dataset, Rows(table_of(moved(rows, hours), table), [source], True, footer, "t/1"))
    commit.judge(dataset, passed(dataset))
    return commit.publish(dataset, Made(run_id="r", at=Nanos(1)))


def seal(root: Path, hours: int = 0, *, minutes: int = 60) -> None:
    """Write the markers of an hour in which so many minutes were recorded."""
    for table in TABLES.values():
        hour = later(hours)
        members = tuple(MinuteSealed(minute=it, rows=1, sha256="") for it in range(minutes))
        told = HourSealed(table=table.minutes, hour=hour.name, minutes=members)
        marker = root / layout.hour_marker(table.minutes, hour.day, hour.of_day)
        durable.write(marker, msgspec.json.encode(told))


def publish_all(root: Path, hours: int = 0) -> None:
    """Publish and seal a whole hour of the three tables."""
    publish(root, DEPTH, depth_rows(300), hours)
    publish(root, TRADES, trade_rows(400), hours)
    publish(root, TICKER, quote_rows(200), hours)
    seal(root, hours)
