"""A recorded hour with known numbers: logs by the grammar of log lines, and ticks beside them."""

from collections import defaultdict
from pathlib import Path

from data_platform.assets import batch
from data_platform.assets.logs import archive
from data_platform.assets.ticks import compaction
from data_platform.checks import verdict
from tests.store.lake_rows import HOUR, INSTRUMENT, depth_rows, trade_rows, write_hour
from trading_runtime.records import layout
from trading_runtime.records.commands import CancelOrder, Execution, PlaceOrder
from trading_runtime.records.event import Event
from trading_runtime.records.facts_trading import (
    HedgeDecided,
    IntentRefused,
    Limit,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    PnlMarked,
    QuotesDecided,
)
from trading_runtime.records.inputs import (
    Action,
    ConnectionLost,
    Mode,
    OperatorCommanded,
    SessionOpened,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.lake_schema import LOGS, TABLES
from trading_runtime.records.projection import writer
from trading_runtime.records.units import (
    ClientId,
    Connection,
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
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Made, Manifest

SETTINGS = b'{"engine":{"account":{"balance":"10000","quote_asset":"USDC","money_scale":8}}}'
MADE = Made(run_id="run", at=Nanos(1))
SECOND = 10**9
R1 = Revision(1)


def opened() -> SessionOpened:
    return SessionOpened(
        session="s1",
        mode=Mode.PAPER,
        version="0",
        git_revision="0",
        code_sha256="0",
        strategy="grid",
        strategy_sha256="0",
        settings=SETTINGS,
        settings_sha256="0",
        libraries=(),
        wall_start=HOUR.start,
        mono_start=Nanos(0),
    )


def placed(order: str, side: Side) -> PlaceOrder:
    return PlaceOrder(
        order=ClientId(order),
        revision=R1,
        side=side,
        price=Ticks(600_000),
        size=Lots(100),
        execution=Execution.POST_ONLY,
        reduce_only=False,
        reason="grid",
    )


def fill(order: str, side: Side, price: int, size: int) -> OrderFilled:
    """``price`` in ticks of 0.1 and ``size`` in lots of 0.001; the fee is 0.05 USDC."""
    return OrderFilled(
        order=ClientId(order),
        revision=R1,
        venue_trade=f"t-{order}",
        side=side,
        price=Ticks(price),
        size=Lots(size),
        remaining=Lots(0),
        fee=Money(5_000_000),
        fee_asset="USDC",
        maker=True,
        venue_time=Nanos(0),
    )


def accepted(order: str, latency_ms: int) -> OrderAccepted:
    return OrderAccepted(
        order=ClientId(order), revision=R1, venue_order="v", latency_ns=Nanos(latency_ms * 10**6)
    )


def quoted(spread: int, levels: int) -> QuotesDecided:
    return QuotesDecided(
        revision=R1,
        bid=Ticks(600_000),
        ask=Ticks(600_000 + spread),
        spread_ticks=Ticks(spread),
        bid_levels=levels,
        ask_levels=levels,
        fair_micro=600_001 * 10**6,
        imbalance=Micro(0),
        volatility=Micro(0),
        trend=Micro(0),
        inventory=Lots(0),
        effective_inventory=Lots(0),
        reason="",
    )


EVENTS: tuple[Event, ...] = (
    opened(),
    quoted(4, 3),
    placed("a", Side.BUY),
    accepted("a", 2),
    fill("a", Side.BUY, 600_000, 320),  # +0.320 at 60000.0
    placed("b", Side.SELL),
    accepted("b", 4),
    fill("b", Side.SELL, 600_100, 600),  # closes 0.320 at +10.0 each: +3.20; opens -0.280
    CancelOrder(order=ClientId("c"), revision=R1, reason="moved"),
    OrderCancelled(order=ClientId("c"), revision=R1, filled=Lots(0), latency_ns=Nanos(5 * 10**6)),
    HedgeDecided(
        revision=R1,
        side=Side.BUY,
        price=Ticks(600_100),
        size=Lots(80),
        inventory=Lots(-280),
        band=Lots(200),
    ),
    IntentRefused(
        revision=R1,
        side=Side.SELL,
        price=Ticks(600_200),
        size=Lots(100),
        limit=Limit.INVENTORY,
        value=380,
        threshold=300,
        unit="lots",
    ),
    ConnectionLost(connection=Connection(1), reason="reset"),
    OperatorCommanded(action=Action.PAUSE, user="anna", reason="lunch"),
    PnlMarked(
        revision=R1,
        realized=Money(320_000_000),
        fees=Money(10_000_000),
        funding=Money(0),
        unrealized=Money(0),
        equity=Money(10_003 * 10**8),
        position=Lots(-280),
        mark_micro=600_100 * 10**6,
    ),
)


def write_logs(data: Path, events: tuple[Event, ...] = EVENTS, hour: Hour = HOUR) -> None:
    """Seal each module's lines of the hour, a second apart."""
    scales = {R1: Scales(INSTRUMENT)}
    streams: dict[Module, list[bytes]] = defaultdict(list)
    for number, event in enumerate(events, start=1):
        write = writer(type(event), event.module, "s1", scales)
        at = Nanos(hour.start + number * SECOND)
        streams[event.module].append(write(at, Seq(number), event))
    for module, lines in streams.items():
        path = Path(layout.sealed_logs(data) / layout.sealed_log_name(module, hour.name, 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(lines))


def publish_logs(data: Path, hour: Hour = HOUR) -> list[Manifest]:
    root, name = archive.archive_root(data), archive.batch_name(hour)
    archive.stage_hour(data, hour)
    for dataset in batch.to_judge(root, name, LOGS):
        verdict.judge(dataset, hour)
    return batch.publish(root, name, LOGS, MADE)


def publish_tables(data: Path, hour: Hour = HOUR) -> list[Manifest]:
    """Stage, judge and publish all tables of the hour, as the assets do."""
    published = []
    root = Path(layout.lake(data))
    for table in TABLES.values():
        name = compaction.batch_name(table, hour)
        compaction.stage_hour(data, table, hour)
        for dataset in batch.to_judge(root, name, table):
            verdict.judge(dataset, hour)
        published += batch.publish(root, name, table, MADE)
    return published


def record(data: Path) -> None:
    """A whole small day: one sealed hour of ticks and logs."""
    write_logs(data)
    write_hour(data, depth_rows(400), trade_rows(200))
