"""An archive in a folder: created once, read-only, and honest about the lock that it has not."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trading_runtime.errors import Refused
from trading_runtime.records.units import Nanos
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import AlreadyThere, Differs, Listed, NotThere, keep

KEY = "blocks/000000/entries.bundles.gz"


def test_what_was_put_is_read_back_and_cannot_be_written(tmp_path: Path) -> None:
    archive = Folder(tmp_path / "archive")
    archive.put_new(KEY, b"first", None)
    assert archive.get(KEY) == b"first"
    assert (tmp_path / "archive" / KEY).stat().st_mode & 0o777 == 0o444
    assert archive.head(KEY).size == 5
    assert archive.head(KEY).locked_until is None


def test_a_second_writer_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    archive = Folder(tmp_path)
    archive.put_new(KEY, b"first", None)
    with pytest.raises(AlreadyThere, match="is there already"):
        archive.put_new(KEY, b"other", None)
    assert archive.get(KEY) == b"first"


def test_of_many_who_race_for_a_key_one_wins(tmp_path: Path) -> None:
    def attempt(number: int) -> bool:
        try:
            Folder(tmp_path).put_new(KEY, b"%d" % number * 1000, None)
        except AlreadyThere:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(8)))
    assert won.count(True) == 1
    assert Folder(tmp_path).get(KEY) == b"%d" % won.index(True) * 1000


def test_keeping_the_same_bytes_twice_is_no_error_and_others_are(tmp_path: Path) -> None:
    archive = Folder(tmp_path)
    keep(archive, KEY, b"first", None)
    keep(archive, KEY, b"first", None)
    with pytest.raises(Differs, match="holds other bytes"):
        keep(archive, KEY, b"other", None)


def test_what_is_not_there_is_not_there(tmp_path: Path) -> None:
    archive = Folder(tmp_path / "none")
    with pytest.raises(NotThere):
        archive.get(KEY)
    with pytest.raises(NotThere):
        archive.head("blocks")
    assert list(archive.list("")) == []


def test_a_listing_has_every_object_below_the_prefix_by_key(tmp_path: Path) -> None:
    archive = Folder(tmp_path)
    for key in ("heads/00000001.heads", "digests/00000002.note", "digests/00000001.note"):
        archive.put_new(key, b"12", None)
    digests = [Listed(f"digests/0000000{n}.note", 2, 0) for n in (1, 2)]
    assert list(archive.list("digests/")) == digests
    assert list(archive.list("dig")) == digests
    assert [it.key for it in archive.list("")] == [
        "digests/00000001.note",
        "digests/00000002.note",
        "heads/00000001.heads",
    ]


@pytest.mark.parametrize(
    "key", ["", "/a", "a//b", "../a", "a/..", "a/.hidden", "a\n", "é", "a" * 513]
)
def test_a_key_that_leads_elsewhere_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(Refused, match="no key of an archive"):
        Folder(tmp_path).put_new(key, b"", None)


def test_it_says_that_it_has_no_lock(tmp_path: Path) -> None:
    archive = Folder(tmp_path)
    assert not archive.capabilities.retention_lock
    assert "no retention lock" in archive.capabilities.absent[0]
    archive.put_new(KEY, b"", Nanos(1))
    with pytest.raises(Refused, match="has no locks"):
        archive.extend_lock(KEY, Nanos(2))


WRITER = """
import sys
from pathlib import Path
from trading_runtime.store.objects.folder import Folder
archive = Folder(Path(sys.argv[1]))
print(flush=True)
for n in range(100_000):
    archive.put_new(f"o/{n}", b"%d" % n * 10_000, None)
"""


def test_a_writer_that_is_killed_leaves_whole_objects_only(tmp_path: Path) -> None:
    for round_ in range(3):
        root = tmp_path / str(round_)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            while not (root / "o" / str(7 * round_ + 3)).exists():
                assert writer.poll() is None
            os.kill(writer.pid, signal.SIGKILL)
        archive = Folder(root)
        found = [it.key for it in archive.list("o/")]
        for key in found:
            assert archive.get(key) == key.removeprefix("o/").encode() * 10_000
        for n in range(len(found) + 1):
            keep(archive, f"o/{n}", b"%d" % n * 10_000, None)


def test_a_second_link_that_a_crash_left_is_not_written_through(tmp_path: Path) -> None:
    archive = Folder(tmp_path)
    archive.put_new("a", b"first", None)
    (tmp_path / ".incoming" / "object").hardlink_to(tmp_path / "a")
    archive.put_new("b", b"other", None)
    assert archive.get("a") == b"first"
