"""Three days of a desk with known numbers: lines and tickers, published as the platform does it.

The first session quotes over a midnight, the second day has another one after a pause, the third
day of the calendar was not recorded. One fill is told twice, and at the very end the runtime tells
a position that its fills do not come to.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from data_platform.assets.logs import archive
from tests.data_platform.recorded import accepted, fill, opened, placed
from tests.store.lake_rows import INSTRUMENT, Row, identity
from trading_runtime.records import layout
from trading_runtime.records.commands import CancelOrder
from trading_runtime.records.event import Event
from trading_runtime.records.facts_trading import (
    FundingPaid,
    InventoryChanged,
    OrderCancelled,
    OrderRejected,
    QuotesDecided,
)
from trading_runtime.records.inputs import ParametersActivated
from trading_runtime.records.instruments import Scales
from trading_runtime.records.lake_schema import (
    KEY_INSTRUMENTS,
    LOGS,
    TICKER,
    Flag,
    Table,
    instruments_json,
)
from trading_runtime.records.projection import writer
from trading_runtime.records.units import (
    ClientId,
    Lots,
    Micro,
    Module,
    Money,
    Nanos,
    Revision,
    Seq,
    Side,
    Ticks,
)
from trading_runtime.store import commit, durable, parquet
from trading_runtime.store.commit import Dataset, Rows
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Made, Quality, Source

SECOND = 10**9
MADE = Made(run_id="story", at=Nanos(1))
BTC = "somewhere-usdm:BTCUSDC"
FIRST, SECOND_DAY, MISSING, LAST = "2025-11-19", "2025-11-20", "2025-11-21", "2025-11-22"
SESSIONS = (
    ("s1", Hour(FIRST, 23), 2),
    ("s2", Hour(SECOND_DAY, 5), 1),
    ("s3", Hour(LAST, 3), 1),
)
"""Each with its first hour and its number of hours."""
SETTINGS = (
    b'{"strategy":{"parameters":{"levels":5},"own":{"somewhere-usdm:BTCUSDC":{"size":2}}},'
    b'"engine":{"account":{"balance":"10000","quote_asset":"USDC","money_scale":8}}}'
)
R1 = Revision(1)


class Told(NamedTuple):
    """One record: when, of which session, and its line's module."""

    at: int
    session: str
    event: Event


def quoted(bids: int, asks: int) -> QuotesDecided:
    return QuotesDecided(
        revision=R1,
        bid=Ticks(600_000 if bids else 0),
        ask=Ticks(600_002 if asks else 0),
        spread_ticks=Ticks(2 if bids and asks else 0),
        bid_levels=bids,
        ask_levels=asks,
        fair_micro=600_001 * 10**6,
        imbalance=Micro(0),
        volatility=Micro(0),
        trend=Micro(0),
        inventory=Lots(0),
        effective_inventory=Lots(0),
        reason="story",
    )


def changed(position: int) -> InventoryChanged:
    return InventoryChanged(
        revision=R1, position=Lots(position), pending_buy=Lots(0), pending_sell=Lots(0)
    )


class Desk:
    """Tells a session's events, in order; its position goes from session to session."""

    def __init__(self) -> None:
        self.rng = random.Random(7)  # noqa: S311 -- a story, no secret
        self.position = 0
        self.orders = 0
        self.told: list[Told] = []

    def tell(self, at: int, session: str, event: Event) -> None:
        self.told.append(Told(at, session, event))

    def order(self, at: int, session: str) -> None:
        """One order: filled mostly, cancelled or rejected now and then."""
        self.orders += 1
        name = f"o{self.orders:04d}"
        side = self.rng.choice([Side.BUY, Side.SELL])
        latency = self.rng.randrange(1, 50)
        self.tell(at, session, placed(name, side))
        fate = self.rng.random()
        if fate < 0.1:
            rejected = OrderRejected(
                order=ClientId(name), revision=R1, code=-2010, reason="no funds", retry=False
            )
            self.tell(at + latency * 10**6, session, rejected)
            return
        self.tell(at + latency * 10**6, session, accepted(name, latency))
        end = at + 5 * SECOND
        if fate < 0.4:
            self.tell(end, session, CancelOrder(order=ClientId(name), revision=R1, reason="moved"))
            gone = OrderCancelled(
                order=ClientId(name),
                revision=R1,
                filled=Lots(0),
                latency_ns=Nanos(latency * 2 * 10**6),
            )
            self.tell(end + latency * 2 * 10**6, session, gone)
            return
        size = self.rng.randrange(1, 400)
        done = fill(name, side, 600_000 + self.rng.randrange(-50, 50), size)
        self.position += side.sign * size
        self.tell(end, session, done)
        self.tell(end, session, changed(self.position))
        if self.orders == 20:
            self.tell(end, session, done)

    def session(self, name: str, start: int, hours: int) -> None:
        self.tell(start, name, msgspec.structs.replace(opened(), session=name, settings=SETTINGS))
        end = start + hours * HOUR_NS
        for hour in range(start, end, HOUR_NS):
            self.tell(hour + SECOND, name, quoted(1, 1))
            for number in range(40):
                self.order(hour + (number * 80 + 30) * SECOND, name)
            self.tell(hour + 1800 * SECOND, name, quoted(0, 1))
            self.tell(hour + 2700 * SECOND, name, quoted(1, 1))
        self.tell(end - SECOND, name, quoted(0, 0))


def story() -> list[Told]:
    """Tell it all, in the order of time."""
    desk = Desk()
    for name, hour, hours in SESSIONS:
        desk.session(name, hour.start, hours)
    day = Hour(SECOND_DAY, 5).start
    activated = ParametersActivated(instrument_id=BTC, user="anna", parameters=b'{"levels":3}')
    desk.tell(day + 1000 * SECOND + 1, "s2", activated)
    desk.tell(day + 1200 * SECOND + 1, "s2", FundingPaid(revision=R1, amount=Money(-12_345_678)))
    desk.tell(Hour(LAST, 3).end - 2 * SECOND, "s3", changed(desk.position + 1))
    return sorted(desk.told, key=lambda it: it.at)


def line_rows(told: Sequence[Told]) -> dict[tuple[Module, Hour], list[Row]]:
    scales, numbers = {R1: Scales(INSTRUMENT)}, defaultdict(int)
    rows: dict[tuple[Module, Hour], list[Row]] = defaultdict(list)
    blank: Row = {it.name: "" for it in LOGS.columns}
    for it in told:
        numbers[it.session] += 1
        seq = numbers[it.session]
        module = it.event.module
        write = writer(type(it.event), module, it.session, scales)
        line = write(Nanos(it.at), Seq(seq), it.event).decode().rstrip("\n")
        own: Row = {
            "ts": it.at // 1000 * 1000,
            "module": module.value,
            "level": it.event.level.name,
            "event": type(it.event).__name__,
            "session": it.session,
            "seq": seq,
            "line": line,
        }
        rows[module, hour_at(it.at)].append({**blank, **own})
    return rows


def ticker_rows(hour: Hour) -> list[Row]:
    """A row a second, for 50 minutes; then the feed is silent."""
    rng = random.Random(hour.start)  # noqa: S311 -- a story, no secret
    rows: list[Row] = []
    for number in range(3000):
        mid = 600_000 + rng.randrange(-40, 40)
        at = hour.start + number * SECOND
        rows.append(
            {
                "ts_recv": at,
                "ts_exch": at,
                "update_id": number,
                "bid_px": mid - rng.randrange(1, 4),
                "bid_qty": 1,
                "ask_px": mid + rng.randrange(1, 4),
                "ask_qty": 1,
                "flags": int(Flag.LAST),
                **identity(number + 1),
            }
        )
    return rows


def publish(dataset: Dataset, rows: list[Row], metadata: dict[str, str], version: str) -> None:
    table = pa.Table.from_pylist(rows, schema=parquet.arrow_schema(dataset.table))
    source = Source(path=dataset.path, sha256=version, rows=len(rows))
    commit.stage(dataset, Rows(table, [source], True, metadata, "story/1"))
    quality = Quality(file_sha256=durable.sha256(dataset.candidate), expectations=1, broken=())
    commit.judge(dataset, quality)
    commit.publish(dataset, MADE)


def record(data: Path) -> list[Told]:
    """Publish the story below ``data``; give what was told."""
    told = story()
    for (module, hour), rows in line_rows(told).items():
        publish(archive.dataset(data, module, hour), rows, {}, "first")
    grids = {KEY_INSTRUMENTS: instruments_json([INSTRUMENT]).decode()}
    for _, first, hours in SESSIONS:
        for at in range(first.start, first.start + hours * HOUR_NS, HOUR_NS):
            hour = hour_at(at)
            publish(ticker(data, TICKER, hour), ticker_rows(hour), grids, "first")
    return told


def ticker(data: Path, table: Table, hour: Hour) -> Dataset:
    return lake.dataset(Path(layout.lake(data)), table, BTC, hour)
