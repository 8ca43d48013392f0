"""Open the index that the settings name: a file of SQLite, or a PostgreSQL database."""

from pathlib import Path

from trading_runtime.audit.index.index import Index
from trading_runtime.audit.index.sqlite import SqliteIndex

INDEX = "index.sqlite"


def open_index(audit: Path, database: str, origin: str, *, only_reads: bool = False) -> Index:
    """Open the index of the log ``origin`` for the sequencer, or for who ``only_reads``.

    ``audit`` is the folder of the audit record, ``database`` the setting of that name: a URL of
    PostgreSQL, or empty for SQLite. The tables are made in a new file; in PostgreSQL their owner
    makes them, before.

    Raises:
        Refused: the database is of another log, is not set up, or lets this role do too much.
        Halt: it does not answer.
    """
    if database:
        from trading_runtime.audit.index.postgres import PostgresIndex  # noqa: PLC0415 -- psycopg

        return PostgresIndex(database, origin)
    return SqliteIndex(audit / INDEX, origin, only_reads=only_reads)
