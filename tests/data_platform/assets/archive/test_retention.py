"""The plan of retention: what is old enough, and nothing that anybody needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_platform.assets.archive.retention import Local, Plan, plan
from data_platform.assets.archive.settings import (
    DAY_NS,
    Kept,
    RetentionSettings,
    day_end,
    lock_until,
    moment_of,
)
from trading_runtime.records.units import Nanos
from trading_runtime.store.archive.manifest import ArchivedFile, ArchiveManifest, data_key

DAY = "2025-11-19"
END = day_end(DAY)
ROW = Kept(local_days=7, hot_days=30, archive_days=360)
HERE = Local(lambda _: True, lambda *_: "")
GONE = Local(lambda _: False, lambda *_: "")


def file(name: str) -> ArchivedFile:
    digest = f"{sum(name.encode()):064x}"
    return ArchivedFile(path=name, sha256=digest, size=1, key=data_key(digest))


def manifest(*names: str, expired: bool = False) -> ArchiveManifest:
    return ArchiveManifest(
        dataset="logs",
        partition=f"{DAY}T14",
        version=1,
        previous="",
        expired=expired,
        files=tuple(map(file, names)),
    )


def planned(days: int, local: Local = HERE, row: Kept = ROW, *, early: bool = False) -> Plan:
    now = Nanos(END + days * DAY_NS)
    return plan({"logs": row}, [manifest("a", "b")], local, now, early=early)


def test_a_file_goes_when_its_day_ended_long_enough_ago() -> None:
    assert planned(6).prune == ()
    (going,) = planned(7).prune
    assert [it.path for it in going.files] == ["a", "b"]
    assert going.size == 2


def test_what_is_not_here_does_not_go() -> None:
    assert planned(7, GONE).prune == ()


def test_what_somebody_needs_stays_and_is_counted_by_reason() -> None:
    local = Local(lambda _: True, lambda _, it: "scribe has not read it" if it.path == "a" else "")
    found = planned(400, local)
    assert [it.path for prune in found.prune for it in prune.files] == ["b"]
    assert found.held_back == {"scribe has not read it": 1}
    assert found.expire == ()  # what is needed here is not to go there


def test_a_partition_expires_once_nothing_of_it_stays_here() -> None:
    assert planned(359, GONE).expire == ()
    assert len(planned(360, GONE).expire) == 1
    assert len(planned(360, HERE).expire) == 1


def test_what_is_kept_for_ever_neither_goes_nor_expires_and_its_lock_is_looked_at() -> None:
    for_ever = Kept(local_days=0, hot_days=30, archive_days=0, lock_days=3650)
    found = planned(100_000, HERE, for_ever)
    assert (found.prune, found.expire) == ((), ())
    assert len(found.lock) == 1


def test_local_days_of_zero_are_those_of_the_archive() -> None:
    row = Kept(local_days=0, hot_days=30, archive_days=360)
    assert planned(359, HERE, row).prune == ()
    assert len(planned(360, HERE, row).prune) == 1


def test_on_a_full_disk_what_leaves_it_at_all_leaves_it_at_any_age() -> None:
    assert len(planned(-1, HERE, early=True).prune) == 1
    stays = Kept(local_days=0, hot_days=30, archive_days=0)
    assert planned(-1, HERE, stays, early=True).prune == ()


def test_a_tombstone_with_files_is_gone_on_with_and_an_empty_one_is_over() -> None:
    now = Nanos(END + 400 * DAY_NS)
    for names, due in (("a", 1), ("", 0)):
        found = plan({"logs": ROW}, [manifest(*names, expired=True)], HERE, now)
        assert len(found.expire) == due
        assert found.prune == ()


def test_a_data_set_that_the_table_does_not_know_is_left_alone() -> None:
    assert plan({}, [manifest("a")], HERE, Nanos(END + 10**6 * DAY_NS)) == planned(-1)


@given(
    days=st.integers(-3, 800),
    local=st.integers(0, 400),
    more=st.integers(0, 400),
    here=st.booleans(),
    needed=st.booleans(),
)
def test_nothing_goes_early_and_nothing_needed_ever_goes(
    days: int, local: int, more: int, *, here: bool, needed: bool
) -> None:
    row = Kept(local_days=local, hot_days=0, archive_days=local + more)
    look = Local(lambda _: here, lambda *_: "needed" if needed else "")
    found = planned(days, look, row)
    if found.prune:
        assert here
        assert not needed
        assert days >= (local or local + more) > 0
    if found.expire:
        assert days >= local + more > 0
        assert not (here and needed)


def test_the_table_has_the_defaults_of_the_design() -> None:
    table = RetentionSettings()
    assert table.logs == Kept(local_days=7, hot_days=30, archive_days=360)
    assert (table.journal.local_days, table.journal.archive_days) == (7, 360)
    assert (table.critical.archive_days, table.marts.archive_days) == (0, 0)
    assert table.row("lake") == table.lake


@pytest.mark.parametrize("fields", [{"local_days": 8}, {"lock_days": 8}])
def test_a_row_that_contradicts_itself_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="archive_days is less"):
        Kept(**{"local_days": 1, "hot_days": 1, "archive_days": 7} | fields)


def test_the_time_can_be_set_for_a_demonstration() -> None:
    assert RetentionSettings().now(Nanos(7)) == 7
    assert RetentionSettings(as_of="2025-11-20").now(Nanos(7)) == END
    with pytest.raises(ValueError, match="some day"):
        RetentionSettings(as_of="some day")


def test_a_lock_counts_from_the_day_or_from_now_where_it_is_for_ever() -> None:
    ends = Kept(local_days=1, hot_days=1, archive_days=10, lock_days=5)
    for_ever = Kept(local_days=1, hot_days=1, archive_days=0, lock_days=5)
    now = Nanos(END + DAY_NS)
    assert lock_until(ends, DAY, now) == END + 5 * DAY_NS
    assert lock_until(for_ever, DAY, now) == now + 5 * DAY_NS
    assert lock_until(ends, DAY, Nanos(END + 5 * DAY_NS)) is None
    assert lock_until(ROW, DAY, now) is None


def test_a_time_is_read_as_utc() -> None:
    assert moment_of("2025-11-20T00:00:00+00:00") == END
