"""What the watch, as a role that may only read, calls out of a real server."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.audit.index.entries import ORIGIN, rows
from tests.audit.tamper.record import Record
from tests.servers.postgres import OWNER, SUPERUSER, WATCH, WRITER, Database
from trading_runtime.audit.index.postgres import make_tables
from trading_runtime.audit.tamper.watch import Watch

EDIT = "UPDATE audit.entries SET user_id = 'x' WHERE id = 7"
DELETE = "DELETE FROM audit.entries WHERE id = 7"
TRUNCATE = "TRUNCATE audit.entries"
OFF = "ALTER TABLE audit.entries DISABLE TRIGGER entries_guard"
ON = "ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER entries_guard"
TOOTHLESS = (
    "CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN RETURN NULL; END'"
)
TAMPERING = {
    "a trigger disabled": ([OFF], "index trigger"),
    "a trigger that spares replicas": (
        ["ALTER TABLE audit.entries ENABLE TRIGGER entries_guard"],
        "index trigger",
    ),
    "a trigger dropped": (["DROP TRIGGER entries_guard ON audit.entries"], "index trigger"),
    "a trigger off for a moment": ([OFF, ON], "index schema"),
    "a function without teeth": ([TOOTHLESS], "index schema"),
    "a right too much": ([f"GRANT UPDATE ON audit.entries TO {WRITER}"], "index schema"),
    "another owner": ([f"ALTER TABLE audit.entries OWNER TO {WRITER}"], "index schema"),
    "a rule": (
        ["CREATE RULE r AS ON INSERT TO audit.spans DO INSTEAD NOTHING"],
        "index schema",
    ),
    "a row edited": ([OFF, EDIT, ON], "index row edited"),
    "a row deleted": ([OFF, DELETE, ON], "index rows missing"),
    "the table emptied": ([OFF, TRUNCATE, ON], "index rollback"),
    "the table dropped": (["DROP TABLE audit.entries CASCADE"], "index missing"),
    "the watch's own right taken": (
        ["REVOKE SELECT ON audit.entries FROM audit_watch"],
        "index damaged",
    ),
}


@pytest.fixture
def record(tmp_path: Path, database: Database) -> Iterator[Record]:
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    made = Record(tmp_path, database.url(WRITER), database.url(WATCH))
    made.add(40)
    made.checkpoint()
    yield made
    made.index.close()


@pytest.fixture
def watch(record: Record) -> Iterator[Watch]:
    made = record.watch()
    assert record.look(made, 2) == set()
    yield made
    made.close()


def test_nothing_is_called_out_while_the_log_goes_on(
    record: Record, watch: Watch, database: Database
) -> None:
    for _ in range(3):
        record.add(9)
        record.checkpoint()
        assert record.look(watch) == set()
    with psycopg.connect(database.url(OWNER), autocommit=True) as db:
        db.execute("VACUUM ANALYZE audit.entries")
        db.execute("VACUUM FULL audit.entries")
    assert record.look(watch, 3) == set()
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    assert record.look(watch, 3) == set()


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_called_out(
    record: Record, watch: Watch, database: Database, name: str
) -> None:
    statements, expected = TAMPERING[name]
    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as db:
        for statement in statements:
            db.execute(statement.encode())
    found = record.look(watch, 12)
    assert expected in found


def test_updates_are_counted_even_when_they_are_undone(
    record: Record, watch: Watch, database: Database
) -> None:
    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as db:
        db.execute(OFF)
        db.execute(EDIT)
        db.execute("UPDATE audit.entries SET user_id = NULL WHERE id = 7")
        db.execute(ON)
        db.execute("SELECT pg_stat_force_next_flush()")
    assert "index changed" in record.look(watch, 2)


def test_a_rebuilt_database_is_let_pass_when_the_log_says_so(
    record: Record, watch: Watch, database: Database
) -> None:
    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as db:
        db.execute("DROP SCHEMA audit CASCADE")
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    record.index.close()
    record.index = record.open_index()
    record.index.append(rows(record.sealing.entries))
    record.declare("IndexRebuilt", {"identity": record.index.identity()})
    assert record.look(watch, 15) == set()


def test_another_database_is_called_out(record: Record, watch: Watch, database: Database) -> None:
    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as db:
        db.execute("DROP SCHEMA audit CASCADE")
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    assert record.look(watch, 15) == {"index swapped"}
