"""``tapedeck lake ls|query|book|pin|index``: look into the published lake, by SQL or by a moment.

Times are UTC: ``2025-11-19``, ``2025-11-19T14``, ``2025-11-19T14:05:06.123456789``.
"""

import argparse
import re
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
from pyarrow import csv

from trading_runtime.clock import wall_ns
from trading_runtime.errors import Refused
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, PUBLISHED, Table
from trading_runtime.records.units import Nanos
from trading_runtime.store.commit import PARTIAL
from trading_runtime.store.condition import Condition, condition_of
from trading_runtime.store.hours import Hour, hours_between
from trading_runtime.store.lake import datasets, index, lake, sql
from trading_runtime.store.lake.books import Book, book_at
from trading_runtime.store.lake.selection import Selection

if TYPE_CHECKING:
    import duckdb

MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?Z?", re.ASCII
)
LEVELS = 10
ROWS_SHOWN_MAX = 100
"""Of a query printed for a person; ``--out`` writes all."""


class Span(NamedTuple):
    """Whose rows of when, as the options name them."""

    root: Path
    instrument_id: str
    start: int
    end: int
    allow: Collection[Condition]


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its verbs."""
    parser = commands.add_parser("lake", help="list, query and pin the published lake")
    verbs = parser.add_subparsers(required=True, metavar="ls|query|book|pin|index")

    ls = verbs.add_parser("ls", help="the hours: condition, rows, bytes, version")
    ls.add_argument("data", type=Path, metavar="DATA_DIR")
    ls.add_argument("--instrument", help="<venue>:<symbol> (default: all)")
    ls.add_argument("--table", choices=list(PUBLISHED))
    add_span(ls, required=False)
    ls.set_defaults(run=list_hours)

    query = verbs.add_parser("query", help="SQL over depth, trades, ticker, klines, checkpoints")
    query.add_argument("data", type=Path, metavar="DATA_DIR")
    query.add_argument("sql", help="a query in DuckDB's SQL; views have the names of the tables")
    query.add_argument("--instrument", required=True, metavar="VENUE:SYMBOL")
    query.add_argument("--dataset", help="read the bytes that ds:NAME pinned")
    query.add_argument("--csv", action="store_true", help="print CSV")
    query.add_argument("--out", type=Path, metavar="FILE", help="write FILE.csv or FILE.parquet")
    add_span(query, required=False)
    query.set_defaults(run=run_query)

    book = verbs.add_parser("book", help="the order book as it stood at a moment")
    book.add_argument("data", type=Path, metavar="DATA_DIR")
    book.add_argument("--instrument", required=True, metavar="VENUE:SYMBOL")
    book.add_argument("--at", required=True, type=moment, metavar="TIME")
    book.add_argument("--levels", type=levels, default=LEVELS, metavar="N")
    add_allow(book)
    book.set_defaults(run=print_book)

    pin = verbs.add_parser("pin", help="name a dataset, so that its bytes can be read again")
    pin.add_argument("data", type=Path, metavar="DATA_DIR")
    pin.add_argument("name")
    pin.add_argument("--instrument", required=True, action="append", metavar="VENUE:SYMBOL")
    pin.add_argument("--table", action="append", choices=list(PUBLISHED))
    add_span(pin, required=True)
    pin.set_defaults(run=pin_dataset)

    rebuild = verbs.add_parser("index", help="make the index of every year again")
    rebuild.add_argument("data", type=Path, metavar="DATA_DIR")
    rebuild.set_defaults(run=rebuild_index)


def add_span(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--from", dest="start", type=moment, required=required, metavar="TIME")
    parser.add_argument("--to", dest="end", type=moment, required=required, metavar="TIME")
    add_allow(parser)


def add_allow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow",
        default="",
        metavar="CONDITION,…",
        help="hours to take as they are: partial, missing, degraded, quarantined, or all",
    )


def levels(text: str) -> int:
    """Read how many levels of each side are wanted, one or more."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of levels: 1 or more")
    return int(text)


def moment(text: str) -> int:
    """Read a time in UTC as nanoseconds since 1970."""
    found = MOMENT.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2025-11-19T14:05:06")
    day, hour, minute, second, fraction = found.groups(default="")
    whole = f"{day}T{hour or '00'}:{minute or '00'}:{second or '00'}+00:00"
    try:
        at = int(datetime.fromisoformat(whole).timestamp())
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    return at * 10**9 + int(fraction.ljust(9, "0"))


def shown(at: int) -> str:
    seconds, fraction = divmod(at, 10**9)
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def allowed(words: str) -> frozenset[Condition]:
    """Read ``--allow``; what is complete or empty is always taken."""
    if words == "all":
        return lake.ANY
    known = {it.value: it for it in Condition}
    named = [it for it in words.split(",") if it]
    unknown = [it for it in named if it not in known]
    if unknown:
        raise Refused(f"{unknown[0]!r} is no condition: {', '.join(known)}")
    return lake.WHOLE | {known[it] for it in named}


def lake_of(data: Path) -> Path:
    root = Path(layout.lake(data))
    if not root.is_dir():
        raise Refused(f"there is no lake below {data}")
    return root


def span_of(arguments: argparse.Namespace) -> Span:
    if arguments.start is None or arguments.end is None or arguments.start >= arguments.end:
        raise Refused("name a span: --from TIME --to TIME, the first before the second")
    return Span(
        lake_of(arguments.data),
        arguments.instrument,
        arguments.start,
        arguments.end,
        allowed(arguments.allow),
    )


def known_hours(root: Path, instrument_id: str) -> list[Hour]:
    """Give the first and the last hour that is published, grows, or was recorded."""
    found = {
        hour
        for lake in (root, root / PARTIAL)
        for name, year in index.years(lake)
        if name == instrument_id
        for _, _, hour in index.published_hours(index.index_path(lake, name, year).parent)
    }
    for folder in (root / DEPTH.minutes).glob("????-??-??/[0-2][0-9]"):
        found.add(Hour(folder.parent.name, int(folder.name)))
    return [min(found), max(found)] if found else []


def list_hours(arguments: argparse.Namespace) -> int:
    """Print each hour of each table, also what is missing, in quarantine or still grows."""
    root, now = lake_of(arguments.data), wall_ns()
    instruments = sorted({it for lake in (root, root / PARTIAL) for it, _ in index.years(lake)})
    if not instruments:
        sys.stderr.write(f"tapedeck: no hour is published below {root} yet\n")
    tables = [it for it in PUBLISHED.values() if arguments.table in (None, it.minutes)]
    for instrument_id in instruments:
        if arguments.instrument not in (None, instrument_id):
            continue
        known = known_hours(root, instrument_id)
        first = known[0].start if arguments.start is None else arguments.start
        last = known[-1].end if arguments.end is None else arguments.end
        for hour in hours_between(first, last):
            for table in tables:
                print(hour_line(root, table, instrument_id, hour, now))  # noqa: T201 -- its purpose
    return 0


def hour_line(root: Path, table: Table, instrument_id: str, hour: Hour, now: Nanos) -> str:
    told = condition_of(root, table, instrument_id, hour, now)
    line = (
        f"{hour.name}  {instrument_id}  {table.minutes:<11}  {told.condition.value:<11}  "
        f"{told.minutes_seen:>2} minutes"
    )
    growing = told.condition is Condition.PARTIAL
    entry = index.read_entry(root / PARTIAL if growing else root, table, instrument_id, hour)
    if entry is None:
        return line
    return f"{line}  {entry.rows:>12,} rows  {entry.size_bytes:>13,} bytes  version {entry.version}"


def views(arguments: argparse.Namespace) -> "duckdb.DuckDBPyConnection":
    if arguments.dataset:
        pinned = datasets.open_dataset(lake_of(arguments.data), arguments.dataset)

        def of_dataset(table: Table) -> Selection | None:
            known = {(it.table, it.instrument_id) for it in pinned.naming.files}
            if (table.minutes, arguments.instrument) not in known:
                return None
            return pinned.select(table, arguments.instrument, arguments.start, arguments.end)

        return sql.connect(of_dataset)
    span = span_of(arguments)

    def of_lake(table: Table) -> Selection | None:
        named = re.search(rf"\b{table.minutes}\b", arguments.sql, re.IGNORECASE)
        return lake.select(span.root, table, *span[1:]) if named else None

    return sql.connect(of_lake)


def run_query(arguments: argparse.Namespace) -> int:
    import duckdb  # noqa: PLC0415 -- slow to load

    try:
        # Held as long as its result is read.
        connection = views(arguments)
        found = connection.sql(arguments.sql)
        if arguments.out is not None:
            write_result(found, arguments.out)
        elif arguments.csv:
            print_csv(found.to_arrow_reader())
        else:
            found.show(max_rows=ROWS_SHOWN_MAX)
    except duckdb.Error as error:
        raise Refused(str(error)) from error
    return 0


def print_csv(rows: pa.RecordBatchReader) -> None:
    """Print rows with every digit of their times."""
    # Not by DuckDB to /dev/stdout: it would cut off what a file there holds already.
    with csv.CSVWriter(sys.stdout.buffer, rows.schema) as out:
        for batch in rows:
            out.write_batch(batch)


def write_result(found: "duckdb.DuckDBPyRelation", path: Path) -> None:
    if path.suffix == ".parquet":
        found.write_parquet(str(path))
    elif path.suffix == ".csv":
        found.write_csv(str(path), header=True)
    else:
        raise Refused(f"{path.name} is neither .csv nor .parquet")


def print_book(arguments: argparse.Namespace) -> int:
    """Print the book, best prices in the middle; exit 1 where it is not known."""
    root, at = lake_of(arguments.data), arguments.at
    book = book_at(root, arguments.instrument, at, allow=allowed(arguments.allow))
    if book is None:
        print(f"the book of {arguments.instrument} at {shown(at)} is not known")  # noqa: T201
        return 1
    print("\n".join(book_lines(book, arguments.levels)))  # noqa: T201 -- its purpose
    return 0


def book_lines(book: Book, levels: int) -> list[str]:
    """Write the best ``levels`` of each side, in ticks and lots."""
    asks = list(zip(book.ask_px[:levels].tolist(), book.ask_qty[:levels].tolist(), strict=True))
    bids = list(zip(book.bid_px[:levels].tolist(), book.bid_qty[:levels].tolist(), strict=True))
    return [
        f"{shown(book.at)}  last id {book.last_id}  (ticks, lots)",
        *(f"ask {price:>14,} {size:>16,}" for price, size in reversed(asks)),
        *(f"bid {price:>14,} {size:>16,}" for price, size in bids),
    ]


def pin_dataset(arguments: argparse.Namespace) -> int:
    tables = datasets.tables_named(arguments.table or ["depth", "trades", "ticker"])
    wanted = [(table, it) for it in arguments.instrument for table in tables]
    span = span_of(arguments)
    pinned = datasets.name_dataset(
        span.root, arguments.name, wanted, (span.start, span.end), span.allow
    )
    told = pinned.naming
    print(  # noqa: T201 -- its purpose
        f"{datasets.PREFIX}{told.name}  {len(told.files)} files  "
        f"{sum(it.rows for it in told.files):,} rows  {len(told.holes)} holes  {told.digest}"
    )
    return 0


def rebuild_index(arguments: argparse.Namespace) -> int:
    root = lake_of(arguments.data)
    for instrument_id, year in index.years(root):
        count = index.rebuild(root, instrument_id, year)
        print(f"{instrument_id}  {year}  {count} hours")  # noqa: T201 -- its purpose
    return 0
