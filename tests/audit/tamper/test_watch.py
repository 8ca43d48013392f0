"""What the watch calls out within a round or two, and what it lets pass."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.index.entries import rows
from tests.audit.tamper.record import Record
from trading_runtime.audit.index.opening import INDEX
from trading_runtime.audit.rotation import LOCK
from trading_runtime.audit.tamper.watch import Watch
from trading_runtime.evidence import layout
from trading_runtime.journal.alone import alone

ENTRIES = 40


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    made = Record(tmp_path)
    made.declare("TrustDeclared", {"pin": made.trust(1)})
    made.add(ENTRIES)
    made.checkpoint()
    made.digest(1)
    made.digest(2)
    yield made
    made.index.close()


@pytest.fixture
def watch(record: Record) -> Iterator[Watch]:
    """Give a watch that has seen the record whole."""
    made = record.watch()
    assert record.look(made, 2) == set()
    yield made
    made.close()


def test_nothing_is_called_out_while_the_log_goes_on(record: Record, watch: Watch) -> None:
    for number in range(3, 8):
        record.add(7)
        record.checkpoint()
        record.digest(number)
        assert record.look(watch) == set()
    metrics = (record.audit / "watch" / "metrics.prom").read_text()
    assert 'audit_tampering_total{check="any"} 0' in metrics
    assert f"audit_watch_beat_seconds {record.now / 10**9:.3f}" in metrics
    assert f"audit_watch_entries {ENTRIES + 36}" in metrics


def test_an_alarm_is_given_once_and_counted_for_good(record: Record, watch: Watch) -> None:
    path = record.frames()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert record.look(watch) == {"frames size"}
    assert record.look(watch, 2) == set()
    path.write_bytes(whole)
    watch.close()
    again = record.watch()
    assert record.look(again, 2) == set()
    metrics = (record.audit / "watch" / "metrics.prom").read_text()
    assert 'audit_tampering_total{check="frames size"} 1' in metrics
    again.close()


def edit(path: Path, offset: int, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.pwrite(descriptor, content, offset)
    os.close(descriptor)


def flip_frame(record: Record) -> None:
    edit(record.frames(), 9_000, b"\xff")


def flip_frame_and_back_in_time(record: Record) -> None:
    status = record.frames().stat()
    edit(record.frames(), 9_000, b"\xff")
    os.utime(record.frames(), ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_frames(record: Record) -> None:
    shutil.copyfile(record.frames(), record.data / "copy")
    (record.data / "copy").replace(record.frames())


def cut_frames(record: Record) -> None:
    os.truncate(record.frames(), record.frames().stat().st_size - 100)


def remove_frames(record: Record) -> None:
    record.frames().unlink()


def roll_back(record: Record) -> None:
    record.checkpoint(ENTRIES - 5)


def show_another_tree(record: Record) -> None:
    record.checkpoint(root=b"r" * 32)


def show_too_much(record: Record) -> None:
    record.sealing.many(3)
    record.checkpoint()


def remove_checkpoint(record: Record) -> None:
    layout.checkpoint_path(record.log).unlink()


def remove_digest(record: Record) -> None:
    layout.digest_path(record.log, 1).unlink()


def edit_digest(record: Record) -> None:
    edit(layout.digest_path(record.log, 2), 3, b"x")


def remove_heads(record: Record) -> None:
    layout.heads_path(record.log, 2).unlink()


def forge_blob(record: Record) -> None:
    (record.log / "blobs" / "ab").mkdir()
    (record.log / "blobs" / "ab" / ("ab" * 32)).write_bytes(b"not that")


def fork_an_entity(record: Record) -> None:
    record.sealing._heads["order:1"] = (1, "0" * 64)  # noqa: SLF001 -- the forger's own tail
    record.sealing.seal("order:1")
    record._write(ENTRIES + 1, is_indexed=False)  # noqa: SLF001 -- likewise


def sql(*statements: str) -> Callable[[Record], None]:
    def act(record: Record) -> None:
        with closing(sqlite3.connect(record.audit / INDEX, isolation_level=None)) as db:
            for statement in statements:
                db.execute(statement)

    return act


TRIGGERS = {
    "update": "CREATE TRIGGER entries_update BEFORE UPDATE ON entries\n"
    "    BEGIN SELECT raise(ABORT, 'append-only: UPDATE of entries'); END",
    "delete": "CREATE TRIGGER entries_delete BEFORE DELETE ON entries\n"
    "    BEGIN SELECT raise(ABORT, 'append-only: DELETE of entries'); END",
}


def quietly(trigger: str, statement: str) -> Callable[[Record], None]:
    """Do it with the trigger away for a moment, and set the count of the schema back."""

    def act(record: Record) -> None:
        with closing(sqlite3.connect(record.audit / INDEX, isolation_level=None)) as db:
            version = db.execute("PRAGMA schema_version").fetchone()[0]
            db.execute(f"DROP TRIGGER entries_{trigger}")
            db.execute(statement)
            db.execute(TRIGGERS[trigger])
            db.execute(f"PRAGMA schema_version = {version}")

    return act


def remove_index(record: Record) -> None:
    record.index.close()
    for suffix in ("", "-wal", "-shm"):
        (record.audit / (INDEX + suffix)).unlink(missing_ok=True)


def garble_index(record: Record) -> None:
    remove_index(record)
    (record.audit / INDEX).write_bytes(b"no database at all, but long enough for a header" * 100)


TAMPERING: dict[str, tuple[Callable[[Record], None], set[str]]] = {
    "a byte of a frame": (flip_frame, {"frames edited"}),
    "a byte of a frame, the file's time set back": (flip_frame_and_back_in_time, {"frames edited"}),
    "the file replaced by its copy": (replace_frames, {"frames replaced"}),
    "frames cut": (cut_frames, {"frames size"}),
    "frames removed": (remove_frames, {"frames missing"}),
    "an older checkpoint": (roll_back, {"rollback"}),
    "a checkpoint of another tree": (show_another_tree, {"root"}),
    "a checkpoint of more than there is": (show_too_much, {"frames missing"}),
    "no checkpoint": (remove_checkpoint, {"checkpoint missing"}),
    "a digest gone": (remove_digest, {"digests missing"}),
    "a digest edited": (edit_digest, {"digests edited"}),
    "heads gone": (remove_heads, {"heads missing"}),
    "a blob under another's name": (forge_blob, {"blob"}),
    "a forked entity": (fork_an_entity, {"chain"}),
    "a trigger dropped": (sql("DROP TRIGGER entries_delete"), {"index schema"}),
    "another table": (sql("CREATE TABLE x (y)"), {"index schema"}),
    "a trigger gone for a moment": (
        sql("DROP TRIGGER entries_delete", TRIGGERS["delete"]),
        {"index schema"},
    ),
    "a row edited quietly": (
        quietly("update", "UPDATE entries SET user_id = 'x' WHERE id = 7"),
        {"index row edited"},
    ),
    "an entry edited quietly": (
        quietly("update", "UPDATE entries SET canonical = replace(canonical, 'resting', 'filled')"),
        {"index row edited"},
    ),
    "a row deleted quietly": (
        quietly("delete", "DELETE FROM entries WHERE id = 7"),
        {"index rows missing", "index row missing"},
    ),
    "the last row deleted quietly": (
        quietly("delete", "DELETE FROM entries WHERE id = 40"),
        {"index rollback"},
    ),
    "an index that is none": (garble_index, {"index damaged"}),
    "the table emptied quietly": (quietly("delete", "DELETE FROM entries"), {"index rollback"}),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_called_out_at_once(record: Record, watch: Watch, name: str) -> None:
    act, expected = TAMPERING[name]
    act(record)
    assert record.look(watch, 2) == expected


@pytest.mark.parametrize(
    "name", [name for name, (act, _) in TAMPERING.items() if act is not replace_frames]
)
def test_so_is_what_happened_while_nobody_watched(record: Record, watch: Watch, name: str) -> None:
    act, expected = TAMPERING[name]
    watch.close()
    act(record)
    again = record.watch()
    assert record.look(again, 2) >= expected
    again.close()


def test_the_first_bad_entry_is_named(record: Record, watch: Watch) -> None:
    data = record.frames().read_bytes()
    third = data.index(b'"eventId"', data.index(record.sealing.entries[3][:200]))
    edit(record.frames(), third + 1, b"E")
    quietly("update", "UPDATE entries SET user_id = 'x' WHERE id >= 9")(record)
    found = {it.check: it.index for it in watch.look(record.now)}
    assert found == {"frames edited": 3, "index row edited": 9}


def test_a_swapped_index_is_called_out(record: Record, watch: Watch) -> None:
    with (
        closing(sqlite3.connect(record.audit / INDEX)) as db,
        closing(sqlite3.connect(record.data / "old")) as old,
    ):
        db.backup(old)
    record.add(5)
    assert record.look(watch) == set()
    remove_index(record)
    (record.data / "old").replace(record.audit / INDEX)
    assert record.look(watch) >= {"index replaced", "index rollback"}


def rebuild(record: Record) -> None:
    remove_index(record)
    record.index = record.open_index()


def test_a_rebuilt_index_is_let_pass_when_the_log_says_so(record: Record, watch: Watch) -> None:
    rebuild(record)
    assert record.look(watch, 3) == set()
    entries = record.sealing.entries
    record.index.append(rows(entries[:20]))
    assert record.look(watch) == set()
    record.index.append(rows(entries[20:], 20))
    record.declare("IndexRebuilt", {"identity": record.index.identity()})
    assert record.look(watch, 20) == set()


def test_and_is_called_out_when_it_does_not(record: Record, watch: Watch) -> None:
    rebuild(record)
    record.index.append(rows(record.sealing.entries))
    assert record.look(watch, 15) == {"index swapped"}


def test_a_missing_index_is_called_out(record: Record, watch: Watch) -> None:
    remove_index(record)
    assert record.look(watch, 15) == {"index missing"}


def test_so_is_one_without_our_tables(record: Record, watch: Watch) -> None:
    remove_index(record)
    with closing(sqlite3.connect(record.audit / INDEX)) as other:
        other.execute("CREATE TABLE x (y)")
    assert record.look(watch, 15) == {"index missing"}


def test_a_trust_is_let_pass_when_the_log_declares_it(record: Record, watch: Watch) -> None:
    with alone(record.audit / LOCK, "it runs"):
        pin = record.trust(2)
        assert record.look(watch, 5) == set()
        record.declare("TrustDeclared", {"pin": pin})
        assert record.look(watch, 15) == set()
        record.trust(3)
        assert record.look(watch, 15) == {"trust-declared"}


def test_keys_may_be_rotated_for_as_long_as_the_service_stands_still(
    record: Record, watch: Watch
) -> None:
    with alone(record.audit / LOCK, "it runs"):
        assert record.look(watch) == set()
    record.trust(2)
    assert record.look(watch, 60) == set()
    with alone(record.audit / LOCK, "it runs"):
        assert record.look(watch, 15) == {"trust-declared"}


def test_a_weakened_policy_is_called_out(record: Record, watch: Watch) -> None:
    layout.policy_path(record.audit).write_text("quorum none\n")
    assert record.look(watch, 15) == {"policy"}


def test_a_torn_frame_may_lie_there_and_be_cut(record: Record, watch: Watch) -> None:
    size = record.frames().stat().st_size
    with record.frames().open("ab") as file:
        file.write(b"\x50\x00\x00\x00\x11\x22")
    assert record.look(watch, 3) == set()
    os.truncate(record.frames(), size)
    assert record.look(watch, 3) == set()
    record.add(3)
    assert record.look(watch, 3) == set()


def test_an_index_that_waits_for_its_frames_is_let_pass(record: Record, watch: Watch) -> None:
    record.add(5, is_indexed=False)
    record.checkpoint()
    assert record.look(watch, 30) == set()


def test_touched_and_copied_files_with_the_same_bytes_are_let_pass(
    record: Record, watch: Watch
) -> None:
    record.frames().chmod(0o640)
    layout.digest_path(record.log, 1).touch()
    assert record.look(watch, 3) == set()
    watch.close()
    record.index.close()
    shutil.copytree(record.data, record.data.with_name("moved"))
    shutil.rmtree(record.data)
    record.data.with_name("moved").rename(record.data)
    again = record.watch()
    record.index = record.open_index()
    assert record.look(again, 3) == set()
    again.close()
