"""A witness's memory: what was remembered is found again, and who exchanges it is noticed."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.journal.disks import loop_disk
from trading_runtime.audit.witness import history
from trading_runtime.audit.witness.history import FOLDER, NEWEST, History, read_file
from trading_runtime.errors import Halt


def note(number: int) -> bytes:
    return f"log\n{number}\nroot\n\n\N{EM DASH} w {'x' * (number % 90)}\n".encode()


def remembered(folder: Path, numbers: range) -> None:
    kept = History(folder)
    for number in numbers:
        kept.append(note(number))
    kept.close()


def newest_of(folder: Path) -> bytes | None:
    kept = History(folder)
    kept.close()
    return kept.newest


def last_file(folder: Path) -> Path:
    return max((folder / FOLDER).iterdir())


def whole(folder: Path) -> list[bytes]:
    """Give all notes of a history, from the first file to the last."""
    notes = []
    digest = history.FIRST_DIGEST
    for path in sorted((folder / FOLDER).iterdir()):
        records = list(read_file(path, digest))
        assert records[-1].end == path.stat().st_size
        digest = records[-1].digest
        notes += [record.note for record in records]
    return notes


def test_it_begins_with_nothing_and_says_so(tmp_path: Path) -> None:
    assert newest_of(tmp_path / "log") is None
    assert newest_of(tmp_path / "log") is None


def test_the_newest_note_is_found_again(tmp_path: Path) -> None:
    for number in range(5):
        remembered(tmp_path, range(number, number + 1))
        assert newest_of(tmp_path) == note(number)
        assert (tmp_path / NEWEST).read_bytes() == note(number)
    assert whole(tmp_path) == [note(number) for number in range(5)]


@pytest.mark.parametrize("count", [2, 3, 4, 6, 7])
def test_it_goes_on_over_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(history, "RECORDS_MAX", 2)
    remembered(tmp_path, range(count))
    assert newest_of(tmp_path) == note(count - 1)
    remembered(tmp_path, range(count, count + 3))
    assert whole(tmp_path) == [note(number) for number in range(count + 3)]


@given(st.integers(1, 400))
@settings(max_examples=25, deadline=None)
def test_a_record_that_was_never_answered_is_cut_off_wherever_it_is_torn(
    tmp_path_factory: pytest.TempPathFactory, kept: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    remembered(folder, range(3))
    line, _ = history.line_of(note(3), records(folder)[-1].digest)
    record = line + note(3)
    with last_file(folder).open("ab") as file:
        file.write(record[: min(kept, len(record) - 1)])
    assert newest_of(folder) == note(2)
    remembered(folder, range(3, 5))
    assert whole(folder) == [note(number) for number in range(5)]


def records(folder: Path) -> list[history.Record]:
    return list(read_file(last_file(folder), None))


def test_room_that_a_crash_left_without_content_is_cut_off(tmp_path: Path) -> None:
    remembered(tmp_path, range(3))
    with last_file(tmp_path).open("ab") as file:
        file.write(bytes(300))
    assert newest_of(tmp_path) == note(2)
    assert whole(tmp_path) == [note(number) for number in range(3)]


def test_a_crash_between_history_and_checkpoint_is_mended(tmp_path: Path) -> None:
    remembered(tmp_path, range(3))
    (tmp_path / NEWEST).write_bytes(note(1))
    assert newest_of(tmp_path) == note(2)
    assert (tmp_path / NEWEST).read_bytes() == note(2)


def test_a_crash_before_the_first_checkpoint_is_mended(tmp_path: Path) -> None:
    remembered(tmp_path, range(1))
    (tmp_path / NEWEST).unlink()
    assert newest_of(tmp_path) == note(0)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_history_that_was_set_back_is_noticed(tmp_path: Path, count: int) -> None:
    remembered(tmp_path, range(4))
    ends = [0, *(record.end for record in records(tmp_path))]
    os.truncate(last_file(tmp_path), ends[count])
    with pytest.raises(Halt, match="do not belong together"):
        History(tmp_path)
    assert last_file(tmp_path).stat().st_size == ends[count]


def test_a_history_that_lacks_its_last_record_is_noticed(tmp_path: Path) -> None:
    remembered(tmp_path, range(4))
    os.truncate(last_file(tmp_path), records(tmp_path)[2].end)
    with pytest.raises(Halt):
        History(tmp_path)


@pytest.mark.parametrize("older", [None, 0, 1])
def test_a_checkpoint_that_was_set_back_is_noticed(tmp_path: Path, older: int | None) -> None:
    remembered(tmp_path, range(4))
    if older is None:
        (tmp_path / NEWEST).unlink()
    else:
        (tmp_path / NEWEST).write_bytes(note(older))
    with pytest.raises(Halt, match="do not belong together"):
        History(tmp_path)


def test_a_history_that_is_gone_is_noticed(tmp_path: Path) -> None:
    remembered(tmp_path, range(2))
    last_file(tmp_path).unlink()
    with pytest.raises(Halt):
        History(tmp_path)


def test_a_byte_changed_anywhere_in_the_history_is_noticed(tmp_path: Path) -> None:
    remembered(tmp_path, range(4))
    sound = last_file(tmp_path).read_bytes()
    for place in range(0, len(sound), 7):
        changed = bytearray(sound)
        changed[place] ^= 1
        last_file(tmp_path).write_bytes(changed)
        with pytest.raises(Halt):
            History(tmp_path)


def test_a_file_missing_in_between_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "RECORDS_MAX", 2)
    remembered(tmp_path, range(7))
    (tmp_path / FOLDER / "000001.notes").unlink()
    with pytest.raises(Halt, match="without a hole"):
        History(tmp_path)


def test_damage_in_the_file_before_the_last_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "RECORDS_MAX", 2)
    remembered(tmp_path, range(7))
    path = tmp_path / FOLDER / "000002.notes"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(Halt, match="is not the newest file"):
        History(tmp_path)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_was_remembered_survives_a_power_cut(tmp_path: Path, count: int) -> None:
    with loop_disk(tmp_path) as disk:
        kept = History(disk.root / "log")
        for number in range(count):
            kept.append(note(number))
        disk.cut_power()
        kept.close()
        disk.unmount()
        disk.mount()
        assert newest_of(disk.root / "log") == note(count - 1)
