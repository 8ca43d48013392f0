"""The index in PostgreSQL, written by a role that may only add.

An append is one COPY in one transaction, synced by its commit; so there is nothing to settle. After
any error the connection is given up: whoever goes on opens another one and looks how far it was.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import LiteralString, final
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from trading_runtime.audit.index import search
from trading_runtime.audit.index.index import Head, IndexConflict, Query
from trading_runtime.audit.index.postgres_schema import FORBIDDEN, GUARD, GUARDED, SCHEMA, STEPS
from trading_runtime.audit.index.search import (
    Bounds,
    Count,
    Dialect,
    Hashed,
    Headed,
    Known,
    Made,
    Value,
)
from trading_runtime.errors import Fault, Halt, Refused
from trading_runtime.evidence.index_row import COLUMNS, IndexRow

DIALECT = Dialect(mark="%s", like="ILIKE")
COPY: LiteralString = f"COPY entries ({COLUMNS}) FROM STDIN"
INSERT_SPAN: LiteralString = (
    "INSERT INTO spans (first_id, last_id, earliest, latest) VALUES (%s, %s, %s, %s)"
)
SIZE: LiteralString = "SELECT coalesce(max(id) + 1, 0) FROM entries"
LAST: LiteralString = """
SELECT asked.entity_id, last.version, last.current_hash, last.id
FROM unnest(%s::text[]) AS asked (entity_id)
CROSS JOIN LATERAL (
    SELECT version, current_hash, id FROM entries
    WHERE entity_id = asked.entity_id ORDER BY version DESC LIMIT 1
) AS last
"""
ENTITY: LiteralString = (
    "SELECT version, current_hash, id FROM entries WHERE entity_id = %s ORDER BY version"
)
KNOWN: LiteralString = "SELECT event_id, id FROM entries WHERE event_id = ANY(%s)"
HASHES: LiteralString = "SELECT id, current_hash FROM entries WHERE id = ANY(%s)"

Connection = psycopg.Connection[TupleRow]


@final
class PostgresIndex:
    """See :class:`~trading_runtime.audit.index.index.Index`."""

    def __init__(self, url: str, origin: str) -> None:
        """Connect as the writer.

        Raises:
            Refused: there are no tables, they are of another log or step, or this role could change
                what it wrote.
            Halt: the database does not answer.
        """
        with answered():
            self._db = connect(url)
        try:
            with answered():
                self._identity = inspected(self._db, origin)
        except Fault:
            self._db.close()
            raise

    def append(self, rows: Sequence[IndexRow]) -> None:
        if not rows:
            return
        times = [row.event_time for row in rows]
        try:
            with answered(), self._db.transaction(), self._db.cursor() as cursor:
                with cursor.copy(COPY) as copy:
                    for row in rows:
                        copy.write_row(row)
                cursor.execute(INSERT_SPAN, (rows[0].id, rows[-1].id, min(times), max(times)))
        except Halt as halt:
            if isinstance(halt.__cause__, psycopg.IntegrityError):
                raise IndexConflict(
                    f"the index has {self.size()} entries and does not take number {rows[0].id} to"
                    f" {rows[-1].id}: {halt}"
                ) from halt
            raise

    def settle(self) -> None:
        """Do nothing: each commit is on disk (``synchronous_commit`` is set on)."""

    def size(self) -> int:
        return self._made(Count, SIZE)[0].number

    def identity(self) -> str:
        return self._identity

    def head(self, entity_id: str) -> Head | None:
        return self.heads([entity_id]).get(entity_id)

    def heads(self, entity_ids: Sequence[str]) -> dict[str, Head]:
        found = self._made(Headed, LAST, (list(entity_ids),))
        return {it.entity_id: Head(*it[1:]) for it in found}

    def entity(self, entity_id: str) -> list[Head]:
        return self._made(Head, ENTITY, (entity_id,))

    def known(self, event_ids: Sequence[str]) -> dict[str, int]:
        return {it.event_id: it.id for it in self._made(Known, KNOWN, (list(event_ids),))}

    def hashes(self, ids: Sequence[int]) -> dict[int, str]:
        return {it.id: it.current_hash for it in self._made(Hashed, HASHES, (list(ids),))}

    def search(self, query: Query) -> list[IndexRow]:
        asked = search.bounds(DIALECT, query)
        span = None if asked is None else self._made(Bounds, *asked)[0]
        return self._made(IndexRow, *search.select(DIALECT, query, span))

    def close(self) -> None:
        self._db.close()

    def _made(
        self,
        kind: type[Made],
        text: LiteralString,
        values: Sequence[Value | list[str] | list[int]] = (),
    ) -> list[Made]:
        with answered():
            return [kind._make(row) for row in self._db.execute(text, values)]


@contextmanager
def answered() -> Iterator[None]:
    """Turn what PostgreSQL does not do into :exc:`Halt`: no entry may be lost behind it."""
    try:
        yield
    except psycopg.Error as error:
        raise Halt(f"PostgreSQL: {error}") from error


def connect(url: str) -> Connection:
    """Connect with every statement a transaction of its own, synced when it is committed."""
    db = psycopg.connect(url, autocommit=True)
    db.execute(sql.SQL("SET search_path = {}, pg_temp").format(sql.Identifier(SCHEMA)))
    db.execute("SET synchronous_commit = on")
    return db


def inspected(db: Connection, origin: str) -> str:
    """Give the identity of the index that ``db`` leads to; raise :exc:`Refused` as it says."""
    if db.execute("SELECT to_regclass('audit.steps')").fetchone() == (None,):
        raise Refused(
            "the database has no audit tables: their owner makes them with `tapedeck audit tables`"
        )
    step = db.execute("SELECT max(number) FROM steps").fetchone()
    if step != (len(STEPS),):
        raise Refused(f"the audit tables are of step {step}, and this program is of {len(STEPS)}")
    if db.execute(FORBIDDEN).fetchone() != (False,):
        raise Refused(
            "this role could change the audit record: connect as one that is neither owner nor"
            " superuser and has SELECT and INSERT alone"
        )
    found = db.execute("SELECT identity, origin FROM log").fetchone()
    if found is None or found[1] != origin:
        raise Refused(f"the database is the index of {found and found[1]}, not of {origin}")
    return str(found[0])


def make_tables(url: str, origin: str, writer: str, watch: str) -> None:
    """Make the tables as their owner (who owns the database), and grant what the two roles may do.

    Again on tables that are there, it takes the steps that are missing.

    Raises:
        Refused: they are of another log, or of a newer program.
        Halt: the database does not do it: the role may not, or a role is missing.
    """
    with answered(), psycopg.connect(url) as db:
        db.execute("CREATE SCHEMA IF NOT EXISTS audit")
        done = 0
        if db.execute("SELECT to_regclass('audit.steps')").fetchone() != (None,):
            row = db.execute("SELECT max(number) FROM audit.steps").fetchone()
            done = int(row[0]) if row else 0
        if done > len(STEPS):
            raise Refused(f"the tables are of step {done}, this program knows {len(STEPS)}")
        for number in range(done, len(STEPS)):
            db.execute(STEPS[number])
            if number == 0:
                db.execute("INSERT INTO audit.log VALUES (%s, %s)", (str(uuid4()), origin))
                _guard(db)
            db.execute("INSERT INTO audit.steps VALUES (%s)", (number + 1,))
        found = db.execute("SELECT origin FROM audit.log").fetchone()
        if found != (origin,):
            raise Refused(f"the database is the index of {found}, not of {origin}")
        _grant(db, writer, watch)


def _guard(db: Connection) -> None:
    for name in GUARDED:
        names = {"guard": sql.Identifier(f"{name}_guard"), "table": sql.Identifier(SCHEMA, name)}
        db.execute(sql.SQL(GUARD).format(**names))


def _grant(db: Connection, writer: str, watch: str) -> None:
    roles = {"writer": sql.Identifier(writer), "watch": sql.Identifier(watch)}
    db.execute(
        sql.SQL(
            "GRANT USAGE ON SCHEMA audit TO {writer}, {watch};"
            "GRANT SELECT ON ALL TABLES IN SCHEMA audit TO {writer}, {watch};"
            "GRANT INSERT ON audit.entries, audit.spans TO {writer}"
        ).format(**roles)
    )
