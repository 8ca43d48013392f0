"""The standard analyses of the logs (LOG-9): SQL over the lines that a search finds.

Each is a file of ``queries/``: its first line says what it is for, its second of which events. It
reads ``lines``, a table with the columns of ``records.lake_schema.LOGS``; ``at_utc(ns)`` writes a
time as log lines do. So an analysis sees what a search sees, wherever it stands.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.store.search.line import Entry
from trading_runtime.store.search.query import Query

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS_TOGETHER = 16_384
CELL_WIDTH = 48
SUFFIX = ".sql"
AT_UTC = """
create macro at_utc(ns) as
    strftime(make_timestamp(ns // 1000), '%Y-%m-%dT%H:%M:%S.%fZ')
"""


class Analysis(NamedTuple):
    name: str
    purpose: str
    events: frozenset[str]
    sql: str


class Outcome(NamedTuple):
    """A table of texts and numbers; null is none."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


@cache
def known() -> Mapping[str, Analysis]:
    """Give the analyses by name."""
    folder = files("trading_runtime.store.search").joinpath("queries")
    found = (it for it in folder.iterdir() if it.name.endswith(SUFFIX))
    return {
        it.name: it
        for it in sorted(
            _read(path.name.removesuffix(SUFFIX), path.read_text(encoding="utf-8"))
            for path in found
        )
    }


def _read(name: str, text: str) -> Analysis:
    purpose, events, sql = text.split("\n", 2)
    named = events.removeprefix("-- events: ").split(", ")
    return Analysis(name, purpose.removeprefix("-- "), frozenset(named), sql)


def named(name: str) -> Analysis:
    """Give an analysis; raise :exc:`Refused` where there is none of this name."""
    found = known().get(name)
    if found is None:
        raise Refused(f"{name!r} is no analysis: {', '.join(known())}")
    return found


def query_of(analysis: Analysis, query: Query) -> Query:
    """Narrow a query to the events that the analysis is about."""
    return msgspec.structs.replace(query, events=analysis.events)


def run(analysis: Analysis, entries: Iterable[Entry]) -> Outcome:
    """Give what the analysis finds in the lines; raise :exc:`Refused` where DuckDB is missing."""
    try:
        import duckdb  # noqa: PLC0415 -- slow to load, and of the platform's libraries
    except ImportError:
        raise Refused("an analysis needs DuckDB: install tapedeck[platform]") from None
    with duckdb.connect(":memory:") as database:
        database.execute(AT_UTC)
        _fill(database, entries)
        done = database.execute(analysis.sql)
        columns = tuple(str(it[0]) for it in done.description or ())
        return Outcome(columns, tuple(tuple(it) for it in done.fetchall()))


def _fill(database: "DuckDBPyConnection", entries: Iterable[Entry]) -> None:
    """Make the table ``lines``, so many rows at a time."""
    from trading_runtime.store.search.rows import SCHEMA, rows_of  # noqa: PLC0415 -- pyarrow

    database.register("together", SCHEMA.empty_table())
    database.execute("create table lines as select * from together")
    going = iter(entries)
    while some := list(islice(going, ROWS_TOGETHER)):
        database.register("together", rows_of(some))
        database.execute("insert into lines select * from together")


def as_json(outcome: Outcome) -> str:
    """Write an object a row; numbers of money and time stay exact."""
    rows = [dict(zip(outcome.columns, row, strict=True)) for row in outcome.rows]
    return msgspec.json.Encoder(decimal_format="number").encode(rows).decode()


def as_text(outcome: Outcome) -> str:
    """Write the table in columns; a long text is cut."""
    cells = [outcome.columns, *([_cell(it) for it in row] for row in outcome.rows)]
    widths = [min(CELL_WIDTH, max(map(len, column))) for column in zip(*cells, strict=True)]
    return "".join(
        "  ".join(
            text[:width].ljust(width) for text, width in zip(row, widths, strict=True)
        ).rstrip()
        + "\n"
        for row in cells
    )


def _cell(value: object) -> str:
    return "-" if value is None else str(value)
