"""A small day into an archive in a folder, off the disk again, and back: nothing is lost."""

import shutil
from pathlib import Path

import msgspec
import pytest

from data_platform.assets.archive import archiving, basis, holdings
from data_platform.assets.archive.archiving import Swept
from data_platform.assets.archive.settings import RetentionSettings
from tests.data_platform.assets.archive.small_day import (
    DAY,
    LATER,
    MIDDLE,
    OLD,
    TABLE,
    contents,
    everything,
    follow,
    holding,
    write_day,
    write_journals,
    write_log,
    write_minutes,
)
from tests.journal.written import open_writer, write_session
from tests.store.lake_rows import HOUR
from trading_runtime.evidence import layout as evidence_layout
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.journal.place import Place
from trading_runtime.journal.reader import JournalDamaged, read_session
from trading_runtime.records import layout
from trading_runtime.records.units import Nanos, Seq
from trading_runtime.store import durable
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.restore import restore
from trading_runtime.store.objects.folder import Folder

NOW = Nanos(1_763_600_000_000_000_000)
LONG_AFTER = RetentionSettings(as_of="2025-12-05")
STATE = ("scribe/", "platform/", "logs/sealed/")
"""What no data set has."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("day")
    write_day(data)
    return data


@pytest.fixture
def data(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "data"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(Folder(tmp_path / "objects"))


def archive_all(data: Path, archive: Archive) -> None:
    for it in holdings.HOLDINGS:
        archiving.archive_day(data, archive, it, TABLE, DAY, NOW)


class Deeds:
    """Remembers what was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, JsonObject]] = []

    def __call__(self, event_type: str, entity: str, about: JsonObject) -> None:
        self.told.append((event_type, entity, about))


def sweep(
    data: Path, archive: Archive, table: RetentionSettings = LONG_AFTER, deeds: Deeds | None = None
) -> Swept:
    return archiving.sweep(data, archive, table, NOW, deeds or Deeds())


def test_a_day_has_something_of_every_data_set_in_its_partition(
    data: Path, archive: Archive
) -> None:
    archive_all(data, archive)
    assert {it.dataset: it.partition for it in everything(archive)} == {
        "journal": f"{DAY}.{LATER[2]}",
        "logs": HOUR.name,
        "lines": HOUR.name,
        "critical": DAY,
        "minutes": HOUR.name,
        "lake": HOUR.name,
        "reports": DAY,
        "backups": DAY,
        "marts": DAY,
    }
    paths = {file.path for it in everything(archive) for file in it.files}
    wanted = {it for it in contents(data, *STATE) if not Path(it).name.startswith((".", "synced"))}
    hidden = ("lake/_", "archive/logs/_")
    assert {it for it in wanted if not it.startswith(hidden)} == paths


def test_the_same_day_again_changes_nothing(data: Path, archive: Archive) -> None:
    archive_all(data, archive)
    before = everything(archive)
    archive_all(data, archive)
    assert everything(archive) == before
    assert {it.version for it in before} == {1}
    assert archiving.data_version(before).startswith("sha256:")


def test_what_is_old_goes_and_comes_back_equal(data: Path, archive: Archive) -> None:
    archive_all(data, archive)
    before, deeds = contents(data, *STATE), Deeds()
    swept = sweep(data, archive, deeds=deeds)
    gone = before.keys() - contents(data).keys()
    assert not swept.gone.stayed
    kinds = {"".join(Path(it).suffixes[-2:]) for it in gone}
    assert kinds == {".tdj.zst", ".jsonl.gz", ".parquet", ".sqlite.gz"}
    assert {it.split("/")[0] for it in gone} == {"journal", "logs", "lake", "backups"}
    assert not list(Path(layout.sealed_logs(data)).glob("*"))
    assert {entity for _, entity, _ in deeds.told} == {
        "archive:journal",
        "archive:logs",
        "archive:minutes",
        "archive:backups",
    }
    assert sum(it.files for it in swept.gone.pruned) == len(gone) + 1  # and the plain log
    done = restore(archive, data, archive.datasets())
    assert done.is_equal
    assert done.files == len(gone)
    assert contents(data, *STATE) == before


def test_everything_comes_back_onto_an_empty_machine(
    data: Path, archive: Archive, tmp_path: Path
) -> None:
    archive_all(data, archive)
    empty = tmp_path / "empty"
    assert restore(archive, empty, archive.datasets()).is_equal
    for path, content in contents(empty).items():
        assert (data / path).read_bytes() == content, path
    again = restore(archive, empty, archive.datasets())
    assert (again.files, again.same) == (0, len(contents(empty)))


def test_what_was_edited_here_is_not_replaced_by_a_restore(data: Path, archive: Archive) -> None:
    archive_all(data, archive)
    report = data / f"reports/{DAY}.html"
    report.write_text("edited")
    done = restore(archive, data, ["reports"])
    assert done.edited == (f"reports/{DAY}.html",)
    assert not done.is_equal
    assert report.read_text() == "edited"


def test_what_was_changed_here_after_it_was_archived_does_not_go(
    data: Path, archive: Archive
) -> None:
    archive_all(data, archive)
    backup = data / f"backups/{DAY}/index.sqlite.gz"
    backup.write_text("edited")
    swept = sweep(data, archive)
    assert swept.gone.stayed == [
        f"backups/{DAY}/index.sqlite.gz: it is not what was archived: it was changed here"
    ]
    assert backup.read_text() == "edited"


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "damaged"])
def test_what_the_archive_lost_does_not_go_here(
    data: Path, archive: Archive, tmp_path: Path, *, is_gone: bool
) -> None:
    archive_all(data, archive)
    (backup,) = archive.manifests("backups")
    path = tmp_path / "objects" / backup.files[0].key
    path.unlink()
    if not is_gone:
        path.write_bytes(b"rot")
    (why,) = sweep(data, archive).gone.stayed
    assert "its copy cannot be trusted" in why
    assert (data / backup.files[0].path).exists()
    looked = [archiving.sample(archive, holding("backups"), day) for day in range(30)]
    assert [it.problems for it in looked if it.problems] != []
    assert sum(it.objects for it in looked) == 1


def test_a_dry_run_says_what_would_go_and_leaves_it(data: Path, archive: Archive) -> None:
    archive_all(data, archive)
    before = contents(data)
    swept = sweep(data, archive, msgspec.structs.replace(LONG_AFTER, dry_run=True))
    assert contents(data) == before
    assert "| journal | 4 |" in archiving.plan_table(swept.plan)
    assert sweep(data, archive).plan == swept.plan


def test_a_named_dataset_and_superseded_bytes_go_with_the_lake(
    data: Path, archive: Archive
) -> None:
    durable.write(data / "lake/_datasets/one.json", b"{}")
    durable.write(data / "lake/_versions/0.parquet", b"old")
    found = archiving.archive_day(data, archive, holding("lake"), TABLE, DAY, NOW)
    assert [it.partition for it in found] == [DAY, HOUR.name]
    beside = [it.path for it in found[0].files]
    assert beside == ["lake/_datasets/one.json", "lake/_versions/0.parquet"]


def test_only_the_day_that_is_asked_for_is_archived(data: Path, archive: Archive) -> None:
    for it in holdings.HOLDINGS:
        assert archiving.archive_day(data, archive, it, TABLE, "2025-11-18", NOW) == []


def test_expired_bytes_go_from_the_archive_and_stones_stay(data: Path, archive: Archive) -> None:
    archive_all(data, archive)
    deeds = Deeds()
    much_later = RetentionSettings(as_of="2027-01-01")
    swept = sweep(data, archive, much_later, deeds)
    assert {it.dataset for it in everything(archive)} == {
        "critical",
        "journal",
        "lake",
        "marts",
        "reports",
    }
    # Two sessions, and logs, lines, minutes and backups; three sessions a start may need.
    assert len(swept.gone.expired) == 2 + 4
    assert {kind for kind, _, _ in deeds.told} == {"FilesPruned", "ArchiveExpired"}
    living = {file.key for it in everything(archive) for file in it.files}
    assert {it.key for it in archive.objects.list("data/")} == living
    again = sweep(data, archive, much_later)
    assert (again.plan.expire, again.gone.expired) == ((), ())


def test_of_an_open_day_what_is_whole_goes_when_the_disk_runs_full(
    data: Path, archive: Archive
) -> None:
    swept = archiving.archive_early(data, archive, TABLE, [DAY], NOW, Deeds())
    assert {it.dataset for it in swept.gone.pruned if it.files} == {
        "journal",
        "logs",
        "minutes",
        "backups",
        "sealed logs",
    }
    assert restore(archive, data, archive.datasets()).is_equal


def held_back(data: Path, dataset: str) -> dict[str, str]:
    """Say of each file of a data set why it may not go."""
    local = basis.local(data)
    archive = Archive(Folder(data / "objects"))
    found = archiving.archive_day(data, archive, holding(dataset), TABLE, DAY, NOW)
    files = [file for it in found for file in it.files]
    return {it.path: why for it in files if (why := local.held_back(dataset, it))}


def test_a_segment_waits_for_every_follower(tmp_path: Path) -> None:
    write_journals(tmp_path)
    place = Place(tmp_path, "scribe")
    place.store({OLD: Seq(4)}, frozenset({MIDDLE}))
    place.close()
    waiting = {path for path, why in held_back(tmp_path, "journal").items() if "scribe" in why}
    assert f"journal/{OLD}/000001.tdj.zst" not in waiting
    assert f"journal/{OLD}/000002.tdj.zst" in waiting
    assert f"journal/{MIDDLE}/000002.tdj.zst" not in waiting
    durable.write(evidence_layout.trust_path(Path(layout.audit(tmp_path))), b"{}")
    why = held_back(tmp_path, "journal")[f"journal/{MIDDLE}/000001.tdj.zst"]
    assert why == "audit has not read it"


def test_where_scribe_has_never_run_no_segment_goes(tmp_path: Path) -> None:
    write_session(tmp_path, OLD, [3, 3])
    assert "scribe has not read it" in held_back(tmp_path, "journal").values()


def test_what_a_start_may_read_stays(tmp_path: Path) -> None:
    write_journals(tmp_path)
    why = held_back(tmp_path, "journal")
    kept = {path for path, it in why.items() if it == "a start of the runtime may read it"}
    assert kept == {f"journal/{it}/000001.tdj.zst" for it in LATER}


def test_an_open_segment_is_not_archived(tmp_path: Path, archive: Archive) -> None:
    writer = open_writer(tmp_path, OLD)
    assert archiving.archive_day(tmp_path, archive, holding("journal"), TABLE, DAY, NOW) == []
    writer.close()
    found = archiving.archive_day(tmp_path, archive, holding("journal"), TABLE, DAY, NOW)
    # Without a record it counts to the day of its session's name.
    assert [it.partition for it in found] == [f"{DAY}.{OLD}"]


def test_minutes_wait_until_their_hour_is_published(tmp_path: Path) -> None:
    write_minutes(tmp_path)
    why = held_back(tmp_path, "minutes")
    parquet = [it for it in why if it.endswith(".parquet")]
    assert parquet
    assert all("is not published with it" in why[it] for it in parquet)


def test_a_plain_log_stays_until_its_compressed_file_is_archived_and_whole(
    tmp_path: Path, archive: Archive
) -> None:
    plain, gz = write_log(tmp_path)
    second, _ = write_log(tmp_path, 2)
    follow_nothing(tmp_path)
    sweep(tmp_path, archive, TABLE)
    assert plain.exists()
    archiving.archive_day(tmp_path, archive, holding("logs"), TABLE, DAY, NOW)
    second.write_text("{}\n")
    swept = sweep(tmp_path, archive, RetentionSettings(as_of="2025-11-21"))
    assert not plain.exists()
    assert gz.exists()
    assert "does not hold its lines" in swept.gone.stayed[0]
    assert second.exists()


def follow_nothing(data: Path) -> None:
    Path(layout.sessions(data)).mkdir(parents=True)
    follow(data)


def test_a_pruned_session_says_where_it_is_and_replays_once_it_is_back(
    data: Path, archive: Archive
) -> None:
    folder = Path(layout.session(data, OLD))
    before = list(read_session(folder))
    archive_all(data, archive)
    sweep(data, archive)
    with pytest.raises(JournalDamaged, match="tapedeck archive restore"):
        list(read_session(folder))
    restore(archive, data, ["journal"])
    assert list(read_session(folder)) == before
