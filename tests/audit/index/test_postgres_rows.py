"""A verifier holds the rows of PostgreSQL against the log, as a role that can only read."""

from pathlib import Path

import psycopg
import pytest

from tests.audit.index.test_postgres import Database
from tests.evidence.verify.building import ORIGIN, Building, fill
from tests.servers.postgres import OWNER, SUPERUSER, WATCH, WRITER
from trading_runtime.audit.index.postgres import PostgresIndex, make_tables
from trading_runtime.audit.index.postgres_rows import PostgresRows
from trading_runtime.errors import Misread
from trading_runtime.evidence import entry
from trading_runtime.evidence.index_row import row_of
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.verify import verify


@pytest.fixture
def log(tmp_path: Path, database: Database) -> Building:
    built = Building(tmp_path)
    fill(built)
    built.write()
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    index = PostgresIndex(database.url(WRITER), ORIGIN)
    index.append(
        [
            row_of(
                place, (read := entry.read(it)), read.version, entry.current_hash(it), it.decode()
            )
            for place, it in enumerate(built.entries)
        ]
    )
    index.close()
    return built


def test_rows_that_follow_from_the_log_are_right_and_one_that_does_not_is_named(
    log: Building, database: Database
) -> None:
    rows = PostgresRows(database.url(WATCH))
    evidence = Evidence(
        log=log.audit / "log", trust=log.audit / "trust", archive=None, index=rows, pin=log.pin
    )
    assert verify(evidence, Question(now=log.now)).exit_status == 0
    fifth = entry.read(log.entries[5])
    assert rows.find_event(fifth.event_id) == 5
    assert 5 in rows.find(fifth.entity_id)

    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as db:
        db.execute("ALTER TABLE audit.entries DISABLE TRIGGER ALL")
        db.execute("UPDATE audit.entries SET user_id = 'eve' WHERE id = 5")
    report = verify(evidence, Question(now=log.now))
    assert report.exit_status == 1
    assert report.first is not None
    assert report.first.index == 5


def test_a_database_that_does_not_answer_is_said_plainly() -> None:
    with pytest.raises(Misread, match="PostgreSQL"):
        PostgresRows("postgresql://nobody@127.0.0.1:1/none").rows(0, 1)
