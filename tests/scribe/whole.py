"""What has to stand below ``logs/`` and ``lake/`` for a journal: every line and row, once."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

from tests.scribe.journals import Told
from trading_runtime.records.facts_trading import (
    PanicStopCleared,
    PanicStopStepped,
    PanicStopTriggered,
)
from trading_runtime.records.inputs import AnswerReceived, FrameReceived, SessionOpened
from trading_runtime.records.observations import ServiceStopped
from trading_runtime.records.units import Level, Module

LOWEST = {
    Module.SYSTEM: Level.INFO,
    Module.MARKETDATA: Level.WARN,
    Module.STRATEGY: Level.INFO,
    Module.OMS: Level.INFO,
    Module.RISK: Level.WARN,
    Module.AUDIT: Level.INFO,
}
AUDIT_TOO = (
    SessionOpened,
    ServiceStopped,
    PanicStopTriggered,
    PanicStopStepped,
    PanicStopCleared,
)

Line = dict[str, object]
Place = tuple[str, int]


def log_files(data: Path, module: Module) -> list[Path]:
    """Give the module's files in the order in which they were written, the live one last."""
    sealed = sorted((data / "logs" / "sealed").glob(f"{module.value}-*.jsonl"))
    return [*sealed, data / "logs" / f"{module.value}.log"]


def lines_of(data: Path, module: Module) -> list[Line]:
    lines: list[Line] = []
    for path in log_files(data, module):
        text = path.read_text("ascii")
        assert text.endswith("\n") or not text
        hours = {line[7:20] for line in text.splitlines()}
        assert len(hours) <= 1
        if hours and path.suffix == ".jsonl":
            assert path.stem.startswith(f"{module.value}-{hours.pop()}-")
        lines += [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
    return lines


def places(lines: list[Line]) -> list[Place]:
    return [(str(line["session"]), int(str(line["seq"]))) for line in lines]


def expected_places(told: list[Told], module: Module, lowest: Level) -> list[Place]:
    return [
        (it.session, it.seq)
        for it in told
        if (it.body.module is module or (module is Module.AUDIT and isinstance(it.body, AUDIT_TOO)))
        and it.body.level >= lowest
    ]


def assert_lines_whole(data: Path, told: list[Told], lowest: dict[Module, Level] = LOWEST) -> None:
    for module in Module:
        assert places(lines_of(data, module)) == expected_places(told, module, lowest[module])


def rows_of(data: Path, table: str) -> list[dict[str, object]]:
    """Give the rows of all minutes in order; no minute may be open."""
    folder = data / "lake" / table
    left = [path for path in folder.rglob("*") if path.is_file() and path.name.startswith(".")]
    assert left + list(folder.rglob("*.open")) == []
    return [
        row
        for path in sorted(folder.glob("*/*/*.parquet"))
        for row in pq.ParquetFile(path).read().to_pylist()
    ]


def expected_rows(told: list[Told], tick: Decimal) -> dict[str, list[tuple[str, int, int]]]:
    """Give (session, seq, price in ticks or id) of each row that frames and books must give."""
    rows: dict[str, list[tuple[str, int, int]]] = {"depth": [], "trades": [], "ticker": []}
    for it in told:
        where = (it.session, int(it.seq))
        if isinstance(it.body, AnswerReceived) and it.body.body.startswith(b'{"lastUpdateId"'):
            book = json.loads(it.body.body)
            levels = book["bids"] + book["asks"]
            rows["depth"] += [(*where, int(Decimal(price) / tick)) for price, _ in levels]
        if not isinstance(it.body, FrameReceived):
            continue
        message = json.loads(it.body.frame)["data"]
        if message["e"] == "depthUpdate":
            levels = message["b"] + message["a"]
            rows["depth"] += [(*where, int(Decimal(price) / tick)) for price, _ in levels]
        elif message["e"] == "trade":
            rows["trades"].append((*where, message["t"]))
        elif message["e"] == "bookTicker":
            rows["ticker"].append((*where, message["u"]))
    return rows


def assert_rows_whole(data: Path, told: list[Told], tick: Decimal = Decimal("0.1")) -> None:
    keys = {"depth": "px", "trades": "trade_id", "ticker": "update_id"}
    for table, expected in expected_rows(told, tick).items():
        rows = rows_of(data, table)
        found = [(str(row["session"]), row["seq"], row[keys[table]]) for row in rows]
        assert Counter(found) == Counter(expected)
        arrived = [(row["ts_recv"], row["session"], row["seq"]) for row in rows]
        assert arrived == sorted(arrived)  # type: ignore[type-var]
