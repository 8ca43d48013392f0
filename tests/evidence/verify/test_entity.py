"""One entity is proven whole, or absent, without reading the rest of the log."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.evidence.verify.attacks import Case, cut_tail, indexed, put_digest, run_sql, written
from tests.evidence.verify.building import ORIGIN, Building, fill, put
from trading_runtime.evidence import digest, entry, frames, layout
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.checks import ALL_CHECKS, Check
from trading_runtime.evidence.verify.hot import SqliteRows
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.verify import verify
from trading_runtime.store.objects.folder import Folder


def look(case: Case, entity: str = "order:1", checks: frozenset[Check] = ALL_CHECKS) -> Report:
    log = case.log
    evidence = Evidence(
        log=log.log,
        trust=log.audit / "trust",
        archive=Folder(log.archive),
        index=SqliteRows(str(log.audit / "index.sqlite")) if case.index else None,
        pin=log.pin,
    )
    return verify(evidence, Question(now=log.now + 60, entity=entity, checks=checks))


def write_frames(log: Building, entries: list[bytes]) -> None:
    path = layout.frames_path(log.log, 0)
    put(path, frames.header(0, ORIGIN) + frames.frames(0, entries))


@pytest.mark.parametrize("make", [indexed, lambda root: Case(written(root))])
@pytest.mark.parametrize(
    ("entity", "count"), [("order:1", 3), ("order:3", 2), ("user:ada", 1), ("nobody", 0)]
)
def test_its_whole_history_is_found(
    make: Callable[[Path], Case], entity: str, count: int, tmp_path: Path
) -> None:
    report = look(make(tmp_path), entity)
    assert (report.exit_status, report.entries) == (0, count), report.text()


def test_an_index_that_hides_entries_hides_nothing(tmp_path: Path) -> None:
    case = indexed(tmp_path)
    run_sql(case.log, "DELETE FROM entries WHERE entity_id = 'order:1' AND version > 1")
    report = look(case)
    assert (report.exit_status, report.entries) == (0, 3)


def test_an_index_that_misleads_is_not_followed(tmp_path: Path) -> None:
    case = indexed(tmp_path)
    run_sql(case.log, "UPDATE entries SET entity_id = 'order:1' || id WHERE entity_id = 'order:1'")
    assert look(case).entries == 3


@pytest.mark.parametrize("make", [indexed, lambda root: Case(written(root))])
def test_an_edited_entry_is_not_in_the_tree(make: Callable[[Path], Case], tmp_path: Path) -> None:
    case = make(tmp_path)
    entries = list(case.log.entries)
    entries[3] = entries[3].replace(b"0.001", b"0.002")
    write_frames(case.log, entries)
    report = look(case)
    assert report.first is not None
    assert (report.first.check, report.first.index) == (Check.TREE_ROOT, 3)
    assert (report.first.entity, report.first.version) == ("order:1", 1)
    assert report.exit_status == 1


def test_an_entry_that_was_taken_from_a_period_is_counted_there(tmp_path: Path) -> None:
    log = written(tmp_path)
    entries = [it for it in log.entries if b'"entityId":"order:1"' not in it]
    write_frames(log, entries)
    report = look(Case(log))
    assert report.exit_status == 2
    assert Check.ENTRIES_MISSING.value in report.counts


def test_an_entry_behind_the_last_digest_that_was_renamed_is_missed_by_the_tree(
    tmp_path: Path,
) -> None:
    log = written(tmp_path)
    entries = list(log.entries)
    entries[13] = entries[13].replace(b"order:1", b"order:7")
    write_frames(log, entries)
    report = look(Case(log))
    assert report.first is not None
    assert report.first.check is Check.TREE_ROOT
    assert look(Case(log), checks=ALL_CHECKS - {Check.TREE_ROOT}).exit_status == 0


def test_a_cut_end_is_missing(tmp_path: Path) -> None:
    report = look(cut_tail(tmp_path))
    assert report.exit_status == 2
    assert report.first is not None
    assert report.first.check is Check.ENTRIES_MISSING


def test_lines_of_the_heads_that_do_not_go_on_are_told(tmp_path: Path) -> None:
    """The log's own keys sign heads of the second period that leave a version of order:2 out."""
    log = Building(tmp_path)
    fill(log)
    log.write()
    notes = list(log.digests())
    heads = notes[1][1].replace(b"order:2\t2\t2\t1", b"order:2\t3\t3\t1")
    assert heads != notes[1][1]
    opened = digest.open_digest(notes[1][0], log.trust)
    named = msgspec.structs.replace(opened.heads, sha256=entry.current_hash(heads))
    forged = msgspec.structs.replace(opened, heads=named)
    put_digest(log, 2, digest.sign(forged, log.digest_key))
    for folder in (log.log, log.archive):
        put(folder / layout.heads_key(2), heads)
    report = look(Case(log), "order:2")
    assert Check.HEADS_CHAIN.value in report.counts
    less = look(Case(log), "order:2", ALL_CHECKS - {Check.HEADS_CHAIN})
    assert Check.HEADS_CHAIN.value not in less.counts


def test_heads_that_no_one_signed_are_told(tmp_path: Path) -> None:
    log = written(tmp_path)
    path = log.log / layout.heads_key(1)
    path.write_bytes(path.read_bytes().replace(b"order:1\t", b"order:9\t"))
    report = look(Case(log))
    assert report.first is not None
    assert report.first.check is Check.HEADS_FORM
    assert report.entries == 3
