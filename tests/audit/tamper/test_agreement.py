"""The index against the watch's copy of the heads: what the sequencer asks before it goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.audit.index.entries import ORIGIN, rows
from tests.audit.tamper.record import Record
from trading_runtime.audit.index.opening import INDEX, open_index
from trading_runtime.audit.tamper.agreement import agrees, raised
from trading_runtime.audit.tamper.memory import FILE
from trading_runtime.audit.tamper.watch import Watch
from trading_runtime.errors import Refused
from trading_runtime.evidence import layout


def watched(data: Path, count: int) -> Record:
    record = Record(data)
    record.add(count)
    watch = record.watch()
    assert record.look(watch) == set()
    watch.close()
    return record


def test_without_a_watch_there_is_nothing_to_agree_with(tmp_path: Path) -> None:
    index = open_index(tmp_path, "", ORIGIN)
    assert agrees(tmp_path / "watch", index) == 0
    index.close()


def test_an_index_that_went_on_agrees(tmp_path: Path) -> None:
    record = watched(tmp_path, 40)
    record.add(25)
    assert agrees(record.audit / "watch", record.index) == 10
    record.index.close()


def test_one_that_was_cut_or_rewritten_does_not(tmp_path: Path) -> None:
    record = watched(tmp_path, 40)
    record.index.close()
    (record.audit / INDEX).unlink()
    record.index = record.open_index()
    with pytest.raises(Refused, match="and missing in the index"):
        agrees(record.audit / "watch", record.index)
    entries = record.sealing.entries
    record.index.append([row._replace(current_hash="0" * 64) for row in rows(entries)])
    with pytest.raises(Refused, match="version 4 of order:0 is entry 30"):
        agrees(record.audit / "watch", record.index)
    record.index.close()


def test_a_copy_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    record = watched(tmp_path, 5)
    with closing(sqlite3.connect(record.audit / "watch" / FILE, isolation_level=None)) as db:
        db.execute("DROP TABLE heads")
    with pytest.raises(Refused, match="cannot be read"):
        agrees(record.audit / "watch", record.index)
    record.index.close()


def test_the_alarms_can_be_read_by_others(tmp_path: Path) -> None:
    record = watched(tmp_path, 5)
    assert raised(record.audit / "watch") == raised(tmp_path / "none") == []
    layout.checkpoint_path(record.log).write_text("nothing\n")
    record.frames().unlink()
    watch = record.watch()
    assert record.look(watch, 15) == {"frames missing", "checkpoint"}
    assert [it.check for it in raised(record.audit / "watch")] == ["frames missing", "checkpoint"]
    watch.close()
    record.index.close()


def test_a_fork_is_called_out_once_and_is_watched_from_its_beginning(tmp_path: Path) -> None:
    record = watched(tmp_path, 5)
    record.index.close()
    old = layout.trust_path(record.audit).read_bytes()
    layout.trust_path(record.audit).write_bytes(
        old.replace(b'"origin":"%b"' % ORIGIN.encode(), b'"origin":"forked"')
    )
    (record.audit / INDEX).unlink()
    record.log.rename(record.data / "old")
    index = open_index(record.audit, "", "forked")
    assert agrees(record.audit / "watch", index) == 0
    watch = Watch(record.data, "", "forked")
    assert record.look(watch, 15) == {"origin"}
    watch.close()
    again = Watch(record.data, "", "forked")
    assert record.look(again, 3) == set()
    again.close()
    assert agrees(record.audit / "watch", index) == 0
    index.close()
