"""What PostgreSQL refuses to whom, and as whom the sequencer does not run."""

import psycopg
import pytest

from tests.audit.index.entries import ORIGIN, Sealing, rows
from tests.servers.postgres import OWNER, SUPERUSER, WATCH, WRITER, Database
from trading_runtime.audit.index.postgres import PostgresIndex, make_tables
from trading_runtime.errors import Refused

FORGERIES = (
    "UPDATE audit.entries SET user_id = 'x' WHERE id = 1",
    "DELETE FROM audit.entries WHERE id = 1",
    "DELETE FROM audit.heads",
    "UPDATE audit.audit_log SET service_name = 'x'",
    "TRUNCATE audit.entries",
    "TRUNCATE audit.spans",
    "UPDATE audit.log SET identity = 'x'",
    (
        "INSERT INTO audit.entries SELECT 9, 'e', entity_id, 9, current_hash, event_time,"
        " event_type, service_name, user_id, canonical FROM audit.entries WHERE id = 1"
    ),
    (
        "INSERT INTO audit.entries SELECT * FROM audit.entries WHERE id = 1"
        " ON CONFLICT (id) DO UPDATE SET canonical = 'x'"
    ),
)
TAKING_AWAY = (
    "ALTER TABLE audit.entries DISABLE TRIGGER ALL",
    "DROP TRIGGER entries_guard ON audit.entries",
    "DROP TABLE audit.entries CASCADE",
    (
        "CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NEW; END'"
    ),
    "SET session_replication_role = replica",
    "CREATE TABLE audit.other (x int)",
)


@pytest.fixture
def filled(database: Database) -> Database:
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    index = PostgresIndex(database.url(WRITER), ORIGIN)
    index.append(rows(Sealing().many(4)))
    index.close()
    return database


@pytest.mark.parametrize("role", [WRITER, OWNER, SUPERUSER])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_nobody_changes_a_row(filled: Database, role: str, forgery: str) -> None:
    with psycopg.connect(filled.url(role), autocommit=True) as db:
        if role == SUPERUSER:
            db.execute("SET session_replication_role = replica")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
            db.execute(forgery.encode())
        assert db.execute("SELECT count(*), min(user_id) FROM audit.entries").fetchone() == (
            4,
            None,
        )


@pytest.mark.parametrize("attempt", TAKING_AWAY)
def test_the_writer_cannot_take_away_what_forbids_it(filled: Database, attempt: str) -> None:
    with (
        psycopg.connect(filled.url(WRITER), autocommit=True) as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        db.execute(attempt.encode())


def test_the_watch_may_only_look(filled: Database) -> None:
    with psycopg.connect(filled.url(WATCH), autocommit=True) as db:
        assert db.execute("SELECT count(*) FROM audit.heads").fetchone() == (4,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("INSERT INTO audit.spans VALUES (9, 9, '', '')")


@pytest.mark.parametrize("role", [OWNER, SUPERUSER])
def test_the_sequencer_does_not_run_as_one_who_could_change_the_record(
    filled: Database, role: str
) -> None:
    with pytest.raises(Refused, match="neither owner nor superuser"):
        PostgresIndex(filled.url(role), ORIGIN)


@pytest.mark.parametrize("granted", ["UPDATE (user_id)", "DELETE", "TRUNCATE", "TRIGGER"])
def test_nor_as_one_that_was_granted_too_much(filled: Database, granted: str) -> None:
    with psycopg.connect(filled.url(OWNER), autocommit=True) as db:
        db.execute(f"GRANT {granted} ON audit.entries TO {WRITER}".encode())
    with pytest.raises(Refused, match="neither owner nor superuser"):
        PostgresIndex(filled.url(WRITER), ORIGIN)


def test_a_database_without_tables_is_refused(database: Database) -> None:
    with pytest.raises(Refused, match="audit tables"):
        PostgresIndex(database.url(WRITER), ORIGIN)


def test_to_make_the_tables_again_changes_nothing(filled: Database) -> None:
    make_tables(filled.url(OWNER), ORIGIN, WRITER, WATCH)
    index = PostgresIndex(filled.url(WRITER), ORIGIN)
    assert index.size() == 4
    index.close()
    with pytest.raises(Refused, match="not of other"):
        make_tables(filled.url(OWNER), "other", WRITER, WATCH)
