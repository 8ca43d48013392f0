"""The log lines that the report is made from, typed: the fields it needs, others are let be.

Numbers are read as exact decimals, as they stand in the line.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from trading_runtime.records.units import Module

Line = TypeVar("Line")


class Filled(msgspec.Struct, frozen=True):
    """``OrderFilled``: one execution of ours."""

    ts: str
    instrument_id: str
    side: str
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    venue_trade: str


class Latency(msgspec.Struct, frozen=True):
    """``OrderAccepted``, ``OrderCancelled``: from sending to the answer; 0 where none was asked."""

    ts: str
    latency_ms: float


class Quoted(msgspec.Struct, frozen=True):
    """``QuotesDecided``."""

    spread_ticks: int
    bid_levels: int
    ask_levels: int


class Limited(msgspec.Struct, frozen=True):
    """``RiskLimitTriggered``, ``IntentRefused``."""

    limit: str


class Funded(msgspec.Struct, frozen=True):
    """``FundingPaid``: positive when received."""

    amount: Decimal


class Marked(msgspec.Struct, frozen=True):
    """``PnlMarked``: the runtime's own conclusion, read only to disagree with it."""

    ts: str
    instrument_id: str
    position: Decimal
    equity: Decimal


class Rated(msgspec.Struct, frozen=True):
    """``AccountMarked``: maintenance margin over equity, a ratio."""

    risk_rate: Decimal


class Silent(msgspec.Struct, frozen=True):
    """``ChannelSilent``: what was asked for and brings nothing."""

    channel: str


class Operated(msgspec.Struct, frozen=True):
    """``OperatorCommanded``."""

    action: str
    user: str


class Changed(msgspec.Struct, frozen=True):
    """``ParametersActivated``."""

    instrument_id: str
    user: str


class Started(msgspec.Struct, frozen=True):
    """``ServiceStarted``: which process a session is of."""

    service: str
    session: str


class Measured(msgspec.Struct, frozen=True):
    """``ResourcesMeasured``: of one process since it was last measured."""

    session: str
    cpu_percent: int
    memory_bytes: int
    behind_max_ms: float


class Loaded(msgspec.Struct, frozen=True):
    """``LoadMeasured``: of one process over a minute; a turn is one step of the strategy."""

    session: str
    cpu_percent: int
    memory_bytes: int
    turns: int
    busy_ms: float
    turn_max_ms: float


class Skipped(msgspec.Struct, frozen=True):
    """``LogGap``."""

    count: int


class Opened(msgspec.Struct, frozen=True):
    """``SessionOpened``; ``settings`` is JSON."""

    settings: str


class AccountPart(msgspec.Struct, frozen=True):
    balance: Decimal
    quote_asset: str


class EnginePart(msgspec.Struct, frozen=True):
    account: AccountPart


class SettingsPart(msgspec.Struct, frozen=True):
    """Of a session's settings, what the account started with."""

    engine: EnginePart


KEPT: Mapping[Module, tuple[str, ...]] = {
    Module.SYSTEM: ("SessionOpened", "ServiceStarted", "ResourcesMeasured", "LoadMeasured"),
    Module.MARKETDATA: ("ChannelSilent",),
    Module.STRATEGY: ("QuotesDecided",),
    Module.OMS: ("OrderFilled", "OrderAccepted", "OrderCancelled"),
    Module.RISK: (
        "AccountMarked",
        "FundingPaid",
        "IntentRefused",
        "PnlMarked",
        "RiskLimitTriggered",
    ),
    Module.AUDIT: ("OperatorCommanded", "ParametersActivated"),
}
"""Whose whole lines are read; of the other events only how many there are."""
GAP = "LogGap"


def texts(column: "pa.ChunkedArray[pa.Scalar[pa.lib.StringType]]") -> list[str]:
    return [str(it) for it in column.to_pylist()]


class Stream:
    """One module's lines of a span, added hour by hour: counts of all, the text of few."""

    def __init__(self, module: Module) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        """By level and event."""
        self._kept: dict[str, list[str]] = defaultdict(list)
        self._wanted = pa.array([*KEPT[module], GAP], pa.string())

    def add(self, rows: pa.Table) -> None:
        """Take rows with the columns ``level``, ``event`` and ``line``, in their order."""
        events = rows.column("event").cast(pa.string())
        levels = texts(rows.column("level"))
        self.counts.update(zip(levels, texts(events), strict=True))
        wanted = pc.is_in(events, self._wanted)
        found, lines = events.filter(wanted), rows.column("line").filter(wanted)
        for event, line in zip(texts(found), texts(lines), strict=True):
            self._kept[event].append(line)

    def count(self, *events: str) -> int:
        return sum(count for (_, event), count in self.counts.items() if event in events)

    def at_level(self, *levels: str) -> Counter[str]:
        """Count the events of these levels by their names."""
        found: Counter[str] = Counter()
        for (level, event), count in self.counts.items():
            if level in levels:
                found[event] += count
        return found

    def read(self, kind: type[Line], *events: str) -> list[Line]:
        """Give the lines of these events as ``kind``, those of one event in their order."""
        decode = msgspec.json.Decoder(kind).decode
        return [decode(line) for event in events for line in self._kept[event]]

    @property
    def is_told(self) -> bool:
        """Whether the stream writes what is of level INFO, so that silence means none."""
        return any(level == "INFO" for level, _ in self.counts)


Streams = Mapping[Module, Stream]


def start_of_account(system: Stream) -> AccountPart | None:
    """Give what the first session started with, ``None`` where none has opened."""
    opened = system.read(Opened, "SessionOpened")
    if not opened:
        return None
    return msgspec.json.decode(opened[0].settings, type=SettingsPart).engine.account


def services(system: Stream) -> dict[str, str]:
    """Give the process's name of each session that started in the span."""
    return {it.session: it.service for it in system.read(Started, "ServiceStarted")}


def latencies(oms: Stream, event: str) -> list[Latency]:
    return [it for it in oms.read(Latency, event) if it.latency_ms > 0]


def gaps(streams: Streams) -> int:
    """Sum the lines that were skipped under pressure."""
    return sum(it.count for stream in streams.values() for it in stream.read(Skipped, GAP))


def named(counts: Mapping[str, int]) -> str:
    """List what was counted by name: ``cancel_all 1, pause 2``."""
    return ", ".join(f"{name} {counts[name]}" for name in sorted(counts))
