"""The audit index as Parquet, from either database."""

from pathlib import Path

import pyarrow.parquet as pq

from data_platform.assets.models import exported, inputs
from tests.audit.index.entries import ORIGIN, Sealing, rows
from tests.servers.postgres import OWNER, WATCH, WRITER, Database
from trading_runtime.audit.index.postgres import PostgresIndex, make_tables
from trading_runtime.audit.index.sqlite import SqliteIndex
from trading_runtime.store import durable

DAY, NEXT_DAY = "2026-11-21", "2026-11-22"


def entries() -> list[bytes]:
    """Give four entries of the day and one of the next, the first with an exact price."""
    sealing = Sealing()
    sealing.seal(afterState={"price": "61800.123456789012345678"}, traceId="s1/7/0", userId="anna")
    sealing.many(3)
    sealing.seal(eventTime=f"{NEXT_DAY}T00:00:00.000000Z")
    return sealing.entries


def with_sqlite(data: Path) -> None:
    (data / "audit").mkdir(parents=True)
    index = SqliteIndex(data / "audit" / "index.sqlite", ORIGIN)
    index.append(rows(entries()))
    index.close()


def test_a_day_has_its_own_entries_with_their_texts_as_they_are(tmp_path: Path) -> None:
    with_sqlite(tmp_path)
    done = exported.export(tmp_path, "", DAY)
    assert done.path is not None
    found = pq.read_table(done.path).to_pylist()
    assert [it["id"] for it in found] == [0, 1, 2, 3]
    assert found[0]["after"] == '{"price":"61800.123456789012345678"}'
    assert (found[0]["trace_id"], found[0]["user"]) == ("s1/7/0", "anna")
    assert found[0]["before"] is None
    assert exported.export(tmp_path, "", NEXT_DAY).rows == 1
    assert inputs.audit_exports(tmp_path, NEXT_DAY, NEXT_DAY) == [
        exported.export(tmp_path, "", it).path for it in (DAY, NEXT_DAY)
    ]


def test_a_day_without_an_entry_and_a_machine_without_a_record_have_no_file(tmp_path: Path) -> None:
    assert exported.export(tmp_path, "", DAY) == exported.Exported(None, 0)
    with_sqlite(tmp_path)
    assert exported.export(tmp_path, "", "2026-11-20") == exported.Exported(None, 0)
    assert not (tmp_path / "exports").exists()


def test_both_databases_give_the_same_bytes(tmp_path: Path, database: Database) -> None:
    with_sqlite(tmp_path)
    make_tables(database.url(OWNER), ORIGIN, WRITER, WATCH)
    index = PostgresIndex(database.url(WRITER), ORIGIN)
    index.append(rows(entries()))
    index.close()
    first = exported.export(tmp_path, "", DAY)
    second = exported.export(tmp_path / "other", database.url(WATCH), DAY)
    assert first.path is not None
    assert second.path is not None
    assert durable.sha256(first.path) == durable.sha256(second.path)
