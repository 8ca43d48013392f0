"""What can be set about scribe."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI, Level, Module, Nanos

LevelName = Literal["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"]
Count = Annotated[int, msgspec.Meta(ge=1)]
Interval = Annotated[Nanos, msgspec.Meta(ge=NANOS_PER_MILLI)]


class LogLevels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lowest level that is written to each stream (LOG-1); audit is INFO, always."""

    system: LevelName = "INFO"
    marketdata: LevelName = "WARN"
    strategy: LevelName = "INFO"
    oms: LevelName = "INFO"
    risk: LevelName = "WARN"

    def by_module(self) -> Mapping[Module, Level]:
        return {
            Module.SYSTEM: Level[self.system],
            Module.MARKETDATA: Level[self.marketdata],
            Module.STRATEGY: Level[self.strategy],
            Module.OMS: Level[self.oms],
            Module.RISK: Level[self.risk],
            Module.AUDIT: Level.INFO,
        }


class ScribeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    levels: LogLevels = LogLevels()
    flush_interval_ns: Interval = Nanos(250 * NANOS_PER_MILLI)
    """Between two flushes once scribe has caught up: the most that its death can delay."""
    turn_records_max: Count = 65_536
    """Records of one turn, which ends with a flush: some 20 MB of lines at the most."""
    behind_records_max: Count = 262_144
    """Further behind than this, lines of level DEBUG are skipped, and a line says so."""
    log_bytes_max: Count = 64 * 1024 * 1024
    """A live log file that has reached this is sealed before its hour is over."""
    sync: bool = True
    """Bring each flush to disk before its place is saved; a power cut else takes lines."""
    full_retry_ns: Interval = Nanos(1000 * NANOS_PER_MILLI)
    """Between two tries to write on a disk that is full."""
