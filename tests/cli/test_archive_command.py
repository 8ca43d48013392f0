"""``tapedeck archive``: what is archived is listed, verified and put back, and nothing replaced."""

from pathlib import Path
from threading import Event

import pytest

from data_platform.assets.archive import archiving
from tests.data_platform.assets.archive.small_day import (
    DAY,
    TABLE,
    contents,
    holding,
    write_journals,
    write_log,
)
from tests.journal.disks import tmpfs
from tests.scribe.journals import SECOND, Session
from tests.store.lake_rows import HOUR
from trading_runtime.cli.main import main
from trading_runtime.journal.alone import alone
from trading_runtime.records import layout
from trading_runtime.records.inputs import TurnEnded
from trading_runtime.records.units import Nanos
from trading_runtime.scribe.process import run as scribe
from trading_runtime.scribe.settings import ScribeSettings
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.objects.folder import Folder

SESSION = "20240808T120000000000Z-abc"
SESSION_DAY = "2024-08-08"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give a data folder whose journals and logs are in the archive beside it."""
    data = tmp_path / "data"
    write_journals(data)
    write_log(data)
    archive = Archive(Folder(tmp_path / "objects"))
    for name in ("journal", "logs"):
        archiving.archive_day(data, archive, holding(name), TABLE, DAY, Nanos(0))
    return data


def tapedeck(verb: str, data: Path, *words: str) -> int:
    place = str(data.parent / "objects")
    return main(["archive", verb, "--data", str(data), "--archive", place, *words])


def test_what_is_archived_is_listed_a_partition_a_line(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tapedeck("ls", data, "--dataset", "logs", "--from", DAY, "--to", DAY) == 0
    line, absent = capsys.readouterr().out.splitlines()
    assert line.startswith(f"logs  {HOUR.name}  version 1  2 files  ")
    assert absent.startswith("absent: no retention lock")
    assert tapedeck("ls", data, "--dataset", "logs", "--from", "2025-11-20") == 0
    assert HOUR.name not in capsys.readouterr().out


def test_a_data_set_that_is_not_there_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tapedeck("ls", data, "--dataset", "log") == 2
    assert "holds journal, logs, no log" in capsys.readouterr().err


def test_damage_is_named_and_is_the_exit_status(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tapedeck("verify", data) == 0
    assert "0 are not what was archived" in capsys.readouterr().out
    archive = Archive(Folder(data.parent / "objects"))
    (logs,) = archive.manifests("logs")
    (data.parent / "objects" / logs.files[0].key).unlink()
    assert tapedeck("verify", data) == 1
    said = capsys.readouterr()
    assert "is not there" in said.err
    assert "1 are not what was archived" in said.out
    assert tapedeck("verify", data, "--mend") == 0
    assert f"put anew: {logs.files[0].key}" in capsys.readouterr().out
    assert tapedeck("verify", data) == 0


def test_everything_comes_back_onto_an_empty_folder_and_is_timed(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = data.parent / "empty"
    assert tapedeck("restore", empty) == 0
    said = capsys.readouterr().out
    assert "no audit record is kept" in said
    assert "MiB/s); 0 were here already" in said
    for path, content in contents(empty).items():
        assert (data / path).read_bytes() == content
    assert tapedeck("restore", empty) == 0
    assert "restored 0 files" in capsys.readouterr().out


def test_what_was_edited_here_is_named_and_left(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (index,) = data.rglob("*.index")
    index.write_text("edited")
    assert tapedeck("restore", data) == 1
    assert f"{index.relative_to(data)}: here with other bytes" in capsys.readouterr().err
    assert index.read_text() == "edited"


def test_a_full_disk_ends_a_restore_and_the_next_one_goes_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = data / "backups" / DAY / "large.gz"
    backup.parent.mkdir(parents=True)
    backup.write_bytes(bytes(range(256)) * (2 << 12))
    archive = Archive(Folder(tmp_path / "objects"))
    archiving.archive_day(data, archive, holding("backups"), TABLE, DAY, Nanos(0))
    with tmpfs(tmp_path) as small:
        filler = small / "filler"
        filler.write_bytes(bytes(3 << 20))
        back = small / "back"
        place = str(tmp_path / "objects")
        words = ["archive", "restore", "--data", str(back), "--archive", place]
        assert main(words) == 1
        assert "No space left" in capsys.readouterr().err
        assert not list(back.rglob("*large*"))
        filler.unlink()
        assert main(words) == 0
        restored = contents(back)
    for path, content in restored.items():
        assert (data / path).read_bytes() == content


def recorded(data: Path) -> Path:
    """Write a session for scribe, and archive it."""
    session = Session(data, SESSION).open()
    for _ in range(3):
        session.at += SECOND
        session.input(TurnEnded())
    session.close()
    archive = Archive(Folder(data.parent / "objects"))
    archiving.archive_day(data, archive, holding("journal"), TABLE, SESSION_DAY, Nanos(0))
    return data


def logs_of(data: Path) -> dict[str, bytes]:
    scribe(data, ScribeSettings(), Event(), once=True, finish=True)
    sealed = Path(layout.sealed_logs(data))
    return {it.name: it.read_bytes() for it in sorted(sealed.iterdir())}


def test_scribe_writes_the_same_lines_from_a_restored_journal(tmp_path: Path) -> None:
    data, empty = recorded(tmp_path / "data"), tmp_path / "empty"
    assert tapedeck("restore", empty, "--dataset", "journal") == 0
    assert main(["journal", "verify", str(empty)]) == 0
    lines = logs_of(data)
    assert lines
    assert logs_of(empty) == lines


def test_what_was_followed_is_not_written_again(tmp_path: Path) -> None:
    recorded(tmp_path / "data")
    empty = tmp_path / "empty"
    assert tapedeck("restore", empty, "--dataset", "journal", "--followed") == 0
    assert logs_of(empty) == {}


def test_while_a_follower_runs_its_place_is_left_alone(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(Path(layout.offsets(data)) / "lock", "mine"):
        assert tapedeck("restore", data, "--followed") == 2
    assert "stop it before" in capsys.readouterr().err
