"""The run's own DuckDB file: sources as views over explicit files, then the models' tables.

It is written by one process at a time and thrown away once the marts are published.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from data_platform.assets.models.inputs import Plan
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import KEY_INSTRUMENTS, read_instruments
from trading_runtime.store import parquet

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FILE = "models.duckdb"

LINES = {
    "ts": "BIGINT",
    "module": "VARCHAR",
    "level": "VARCHAR",
    "event": "VARCHAR",
    "session": "VARCHAR",
    "seq": "BIGINT",
    "line": "VARCHAR",
}
TICKS = {"instrument_id": "VARCHAR", "instrument_rev": "BIGINT", "ts_recv": "BIGINT"}
TICKER = {**TICKS, "seq": "BIGINT", "bid_px": "BIGINT", "ask_px": "BIGINT"}
TRADES = {**TICKS, "seq": "BIGINT", "trade_id": "BIGINT", "px": "BIGINT"}
AUDIT = {
    "id": "BIGINT",
    "ts": "VARCHAR",
    "user": "VARCHAR",
    "role": "VARCHAR",
    "action": "VARCHAR",
    "target": "VARCHAR",
    "trace_id": "VARCHAR",
    "event_type": "VARCHAR",
    "service_name": "VARCHAR",
}
MONEY = "DECIMAL(38,18)"
GRIDS = {
    "instrument_id": "VARCHAR",
    "revision": "BIGINT",
    "tick_size": MONEY,
    "lot_size": MONEY,
    "multiplier": MONEY,
    "quote_asset": "VARCHAR",
    "base_asset": "VARCHAR",
}
LEDGER = {
    "instrument_id": "VARCHAR",
    "position": MONEY,
    "position_cost": MONEY,
    "unrealized": MONEY,
    "realized_total": MONEY,
    "fees_total": MONEY,
}
PARAMETERS = {"instrument_id": "VARCHAR", "changed_by": "VARCHAR", "parameters": "VARCHAR"}


def columns(typed: dict[str, str]) -> str:
    return ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in typed.items())


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def view(name: str, typed: dict[str, str], files: Sequence[Path], condition: str = "") -> str:
    """Give the statement that shows ``files`` as ``tape.<name>``; no file is no row."""
    if not files:
        nothing = ", ".join(f'CAST(NULL AS {kind}) AS "{it}"' for it, kind in typed.items())
        return f"CREATE VIEW tape.{name} AS SELECT {nothing} WHERE false"
    listed = ", ".join(quoted(it) for it in files)
    return (
        f"CREATE VIEW tape.{name} AS "  # noqa: S608 -- our own names and paths
        f"SELECT {columns(typed)} FROM read_parquet([{listed}]) {condition}"
    )


def grids(files: Iterable[Path]) -> dict[Instrument, str]:
    """Give the instruments that the files' footers name, with the first day of each."""
    found: dict[Instrument, str] = {}
    for path in files:
        day = "-".join(path.parts[-5:-2])
        for it in read_instruments(parquet.metadata(path)[KEY_INSTRUMENTS]):
            found[it] = min(day, found.get(it, day))
    return found


def carried(data: Path, plan: Plan, mart: str) -> list[Path]:
    return [data / plan.before.marts[mart].path] if plan.before else []


def lay_out(data: Path, folder: Path, plan: Plan) -> Path:
    """Make the file with all sources of the run; give its path."""
    import duckdb  # noqa: PLC0415 -- slow to load

    path = folder / FILE
    with duckdb.connect(str(path)) as bench:
        bench.execute("CREATE SCHEMA tape")
        bench.execute(view("log_lines", LINES, plan.lines))
        bench.execute(view("ticker", TICKER, plan.ticker))
        bench.execute(view("trades", TRADES, plan.trades))
        bench.execute(view("audit_log", AUDIT, plan.audit))
        bench.execute(view("ledger_before", LEDGER, carried(data, plan, "fct_pnl_daily")))
        bench.execute(view("instruments_before", GRIDS, carried(data, plan, "dim_instruments")))
        last = "QUALIFY row_number() OVER (PARTITION BY instrument_id ORDER BY started_at DESC) = 1"
        performance = carried(data, plan, "fct_parameter_performance")
        bench.execute(view("parameters_before", PARAMETERS, performance, last))
        fill_days(bench, plan)
        fill_grids(bench, grids(itertools.chain(plan.ticker, plan.trades)))
    return path


def fill_days(bench: "DuckDBPyConnection", plan: Plan) -> None:
    bench.execute("CREATE TABLE tape.days (day DATE, hours_sealed BIGINT, hours_partial BIGINT)")
    for it in plan.days:
        bench.execute(
            "INSERT INTO tape.days VALUES (?, ?, ?)", [it.day, it.hours_sealed, it.hours_partial]
        )


def fill_grids(bench: "DuckDBPyConnection", instruments: Mapping[Instrument, str]) -> None:
    typed = {"day": "DATE", **GRIDS}
    listed = ", ".join(f"{name} {kind}" for name, kind in typed.items())
    bench.execute(f"CREATE TABLE tape.instruments ({listed})")
    for it, day in instruments.items():
        bench.execute(
            "INSERT INTO tape.instruments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                day,
                it.instrument_id,
                it.revision,
                Decimal(it.tick_size),
                Decimal(it.lot_size),
                Decimal(it.multiplier),
                it.quote_asset,
                it.base_asset,
            ],
        )
