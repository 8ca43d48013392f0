"""SQL over an instrument's tables: DuckDB views of a span, with times and decimals added.

A view has the lake's own columns and, beside them, for people: each time as a timestamp of
nanoseconds in UTC (``ts_recv`` as ``recv_at``; null where the venue gave none), each price and
size as an exact decimal (``px`` as ``price``), by the tick and lot of the row's own revision. What
a query does not name costs nothing. Views are named like the tables: ``depth``, ``trades``,
``ticker``, ``klines``, ``checkpoints``.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import KEY_INSTRUMENTS, PUBLISHED, Table, read_instruments
from trading_runtime.store import parquet
from trading_runtime.store.lake.reading import relation
from trading_runtime.store.lake.selection import Selection

if TYPE_CHECKING:
    import duckdb

TIMES: Mapping[str, str] = {
    "ts_recv": "recv_at",
    "ts_exch": "exch_at",
    "open_time": "open_at",
    "ts": "at",
}
PRICES: Mapping[str, str] = {
    "px": "price",
    "bid_px": "bid_price",
    "ask_px": "ask_price",
    "open": "open_price",
    "high": "high_price",
    "low": "low_price",
    "close": "close_price",
}
SIZES: Mapping[str, str] = {
    "qty": "size",
    "bid_qty": "bid_size",
    "ask_qty": "ask_size",
    "volume": "base_volume",
    "taker_buy_volume": "taker_buy_base_volume",
}
INT64_DIGITS = 19


def instruments_of(selection: Selection) -> dict[int, Instrument]:
    """Give the revisions that the files' footers name."""
    found: dict[int, Instrument] = {}
    for file in selection.files:
        for it in read_instruments(parquet.metadata(file.path)[KEY_INSTRUMENTS]):
            found[it.revision] = it
    return found


def scaled(column: str, title: str, steps: Mapping[int, str]) -> str:
    """Write the SQL of ``column`` times the step of its row's revision, as an exact decimal."""
    cases = []
    digits = max((len(it.partition(".")[2]) for it in steps.values()), default=0)
    for revision, step in sorted(steps.items()):
        whole = step.partition(".")[0]
        width = len(whole) + digits
        cases.append(f"when {revision} then {step}::decimal({width}, {digits})")
    if not cases:
        return f"null::decimal({INT64_DIGITS}, 0) as {title}"
    chosen = f"case instrument_rev {' '.join(cases)} end"
    return f"{column}::decimal({INT64_DIGITS}, 0) * ({chosen}) as {title}"


def added(table: Table, known: Mapping[int, Instrument]) -> list[str]:
    """Give the SQL of the columns that a view has beside the table's own."""
    ticks = {revision: it.tick_size for revision, it in known.items()}
    lots = {revision: it.lot_size for revision, it in known.items()}
    found = []
    for column in (it.name for it in table.columns):
        if column in TIMES:
            moment = f"case when {column} > 0 then make_timestamp_ns({column}) end"
            found.append(f"{moment} as {TIMES[column]}")
        elif column in PRICES:
            found.append(scaled(column, PRICES[column], ticks))
        elif column in SIZES:
            found.append(scaled(column, SIZES[column], lots))
    return found


def create_view(connection: "duckdb.DuckDBPyConnection", selection: Selection) -> None:
    """Make the view of one table in ``connection``."""
    extra = added(selection.table, instruments_of(selection))
    rows = relation(selection, connection).project(", ".join(["*", *extra]))
    rows.create_view(selection.table.minutes, replace=True)


def connect(select: Callable[[Table], Selection | None]) -> "duckdb.DuckDBPyConnection":
    """Open a database in memory with a view of every table that ``select`` finds.

    For the lake: ``connect(lambda it: lake.select(root, it, instrument_id, start, end))``.
    """
    import duckdb  # noqa: PLC0415 -- slow to load

    connection = duckdb.connect()
    for table in PUBLISHED.values():
        selection = select(table)
        if selection is not None:
            create_view(connection, selection)
    return connection
