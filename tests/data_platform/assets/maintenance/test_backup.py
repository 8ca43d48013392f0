"""Backups of databases that are written to meanwhile, restored and compared."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
import pytest

from data_platform.assets.maintenance import backup, postgres, sqlite
from data_platform.assets.maintenance.backup import Backup
from data_platform.assets.maintenance.sqlite import Unrestorable
from tests.servers import postgres as server
from trading_runtime.records.units import Nanos

NOW = Nanos(1_763_600_000 * 10**9)
DAY = "2025-11-20"


def fill(path: Path, rows: int, *, wal: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as opened:
        if wal:
            opened.execute("PRAGMA journal_mode = WAL")
        opened.execute("CREATE TABLE heads (id INTEGER PRIMARY KEY, hash TEXT)")
        opened.executemany(
            "INSERT INTO heads (hash) VALUES (?)", [(f"h{it}",) for it in range(rows)]
        )
        opened.commit()


def test_every_database_is_backed_up_restored_and_listed(tmp_path: Path) -> None:
    fill(tmp_path / "audit" / "index.sqlite", 300, wal=True)
    fill(tmp_path / "dagster" / "history" / "runs.db", 20)
    fill(tmp_path / "lake" / "not-mine.db", 5)
    (tmp_path / "audit" / "no.db").write_bytes(b"nothing of SQLite")
    made = backup.make(tmp_path, [], NOW)
    rows = {it.path: it.rows for it in made.databases}
    assert rows == {"audit/index.sqlite": {"heads": 300}, "dagster/history/runs.db": {"heads": 20}}
    place = tmp_path / "backups" / DAY
    assert {it.name for it in place.iterdir()} == {"sqlite.tar.zst", "backup.json"}
    assert msgspec.json.decode((place / "backup.json").read_bytes(), type=Backup) == made


def test_a_backup_is_one_moment_of_a_database_that_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "audit" / "index.sqlite"
    fill(path, 1, wal=True)
    stop = threading.Event()

    def write() -> None:
        """Add rows two by two: an odd count of the second table's would be a torn copy."""
        with closing(sqlite3.connect(path, timeout=30)) as opened:
            opened.execute("CREATE TABLE pairs (id INTEGER PRIMARY KEY, pad TEXT)")
            opened.commit()
            while not stop.is_set():
                opened.execute("INSERT INTO pairs (pad) VALUES (?)", ("x" * 500,))
                opened.execute("INSERT INTO pairs (pad) VALUES (?)", ("y" * 500,))
                opened.commit()

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for _ in range(3):
            made = backup.make(tmp_path, [], NOW)
            (copied,) = made.databases
            assert copied.rows.get("pairs", 0) % 2 == 0
    finally:
        stop.set()
        writing.join()


def test_a_backup_that_does_not_give_back_what_went_in_is_none(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", 50)
    archive = tmp_path / "out" / "sqlite.tar.zst"
    copied = sqlite.back_up(tmp_path, [tmp_path / "a.db"], archive)
    assert sqlite.check(archive, copied) == 1
    other = [msgspec.structs.replace(copied[0], rows={"heads": 51})]
    with pytest.raises(Unrestorable, match="other rows"):
        sqlite.check(archive, other)
    changed = [msgspec.structs.replace(copied[0], sha256="0" * 64)]
    with pytest.raises(Unrestorable, match="not what was copied"):
        sqlite.check(archive, changed)
    lost = [*copied, msgspec.structs.replace(copied[0], path="b.db")]
    with pytest.raises(Unrestorable, match=r"b\.db is not in the backup"):
        sqlite.check(archive, lost)


def test_a_broken_database_is_no_good_backup(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", 5_000)
    content = bytearray((tmp_path / "a.db").read_bytes())
    content[8192:12288] = b"\xff" * 4096
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises((Unrestorable, sqlite3.DatabaseError)):
        backup.make(tmp_path, [], NOW)
    assert not (tmp_path / "backups" / DAY / "sqlite.tar.zst").exists()


def test_what_a_crash_left_is_cleared_away(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", 5)
    place = tmp_path / "backups" / DAY
    (place / "_work" / "dagster").mkdir(parents=True)
    (place / "_work" / "copy").write_bytes(b"half a copy")
    (place / ".tmp-sqlite.tar.zst").write_bytes(b"half an archive")
    backup.make(tmp_path, [], NOW)
    assert {it.name for it in place.iterdir()} == {"sqlite.tar.zst", "backup.json"}


def test_a_postgres_database_is_dumped_restored_and_compared(
    database: server.Database, tmp_path: Path
) -> None:
    url = database.url(server.SUPERUSER)
    with psycopg.connect(url) as opened:
        opened.execute("CREATE TABLE entries (id bigint PRIMARY KEY, body text)")
        opened.execute("INSERT INTO entries SELECT n, 'e' || n FROM generate_series(1, 500) n")
        opened.execute("CREATE TABLE empty (id bigint)")
    made = backup.make(tmp_path, [url], NOW)
    (dumped,) = made.dumps
    assert dumped.restored, dumped.why
    assert dumped.tables["public.entries"].rows == 500
    assert dumped.tables["public.empty"].rows == 0
    file = tmp_path / "backups" / DAY / dumped.file
    wanted = {**dumped.tables, "public.entries": postgres.Table(500, "0")}
    with pytest.raises(Unrestorable, match=r"public\.entries"):
        postgres.check(url, file, wanted)
    with psycopg.connect(url) as opened:
        left = opened.execute("SELECT datname FROM pg_database WHERE datname LIKE 'tapedeck_re%'")
        assert left.fetchall() == []


def test_a_role_that_may_create_no_database_leaves_its_dump_unproved_and_says_so(
    database: server.Database, tmp_path: Path
) -> None:
    made = backup.make(tmp_path, [database.url(server.OWNER)], NOW)
    assert not made.dumps[0].restored
    assert "permission denied" in made.unproved[0]
