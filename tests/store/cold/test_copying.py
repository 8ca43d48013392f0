"""Blocks into the archive: whole, once, right after any crash, and never what the tree denies."""

import gzip
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.servers.ceph import Ceph
from tests.store.cold.conftest import REST
from tests.store.cold.small_log import ORIGIN, SmallLog
from trading_runtime.errors import Misread
from trading_runtime.evidence import bundles, layout
from trading_runtime.evidence.checkpoint import Checkpoint
from trading_runtime.evidence.digest import Segment
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.records import merkle
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store.cold import columns, copying, segments
from trading_runtime.store.objects.folder import Folder
from trading_runtime.store.objects.objects import (
    Capabilities,
    Differs,
    Head,
    Listed,
    Unreachable,
)
from trading_runtime.store.objects.opening import open_archive
from trading_runtime.store.objects.place import Access

SMALL = "blocks/000000.p/300"


def files(root: Path) -> dict[str, bytes]:
    found = sorted(it for it in root.rglob("*") if it.is_file())
    return {str(it.relative_to(root)): it.read_bytes() for it in found}


class Failing:
    """An archive in a folder whose operation number ``fails`` ends the caller, before or after."""

    def __init__(self, root: Path, fails: int, end: Callable[[], None], *, after: bool) -> None:
        self._folder = Folder(root)
        self._left = fails
        self._end = end
        self._after = after
        self.capabilities: Capabilities = self._folder.capabilities

    def _count(self, *, after: bool) -> None:
        self._left -= not after
        if self._left == 0 and after == self._after:
            self._end()

    def put_new(self, key: str, content: bytes, retain_until: Nanos | None) -> None:
        self._count(after=False)
        self._folder.put_new(key, content, retain_until)
        self._count(after=True)

    def get(self, key: str) -> bytes:
        self._count(after=False)
        content = self._folder.get(key)
        self._count(after=True)
        return content

    def head(self, key: str) -> Head:
        return self._folder.head(key)

    def list(self, prefix: str) -> Iterator[Listed]:
        return self._folder.list(prefix)

    def extend_lock(self, key: str, until: Nanos) -> None:
        self._folder.extend_lock(key, until)


def unreachable() -> None:
    raise Unreachable("the archive went away")


def test_a_log_without_checkpoint_has_nothing_to_copy(tmp_path: Path) -> None:
    log = SmallLog(tmp_path / "audit")
    archive = Folder(tmp_path / "archive")
    assert copying.copy(log.audit, archive, None, with_partial=True) == []
    assert list(archive.list("")) == []


def test_an_open_block_is_copied_as_far_as_it_is(small: SmallLog, tmp_path: Path) -> None:
    archive = Folder(tmp_path / "archive")
    handed = copying.copy(small.audit, archive, None, with_partial=True)
    assert bundles.read(archive.get(f"{SMALL}/entries.bundles.gz")) == small.entries
    columns.check(archive.get(f"{SMALL}/entries.parquet"), 0, small.entries)
    for segment in handed:
        content = archive.get(segment.key)
        assert (segment.sha256, segment.bytes) == (sha256(content).hexdigest(), len(content))
        assert (segment.first_index, segment.count) == (0, 300)
        leaves = [merkle.leaf_hash(it) for it in small.entries]
        assert segment.root == merkle.root_of(leaves).hex()
    assert segments.handed(small.audit) == handed
    assert [it.key for it in handed] == [it.key for it in archive.list("")]


def test_what_was_copied_is_not_copied_again_and_what_grew_is(
    small: SmallLog, tmp_path: Path
) -> None:
    archive = Folder(tmp_path / "archive")
    first = copying.copy(small.audit, archive, None, with_partial=True)
    assert copying.copy(small.audit, archive, None, with_partial=True) == []
    small.grow(1)
    assert copying.copy(small.audit, archive, None, with_partial=False) == []
    (bundle, _) = copying.copy(small.audit, archive, None, with_partial=True)
    assert bundle.key == "blocks/000000.p/301/entries.bundles.gz"
    assert len(segments.handed(small.audit)) == len(first) + 2


def test_what_a_digest_names_is_not_handed_again(small: SmallLog, tmp_path: Path) -> None:
    archive = Folder(tmp_path / "archive")
    handed = copying.copy(small.audit, archive, None, with_partial=True)
    small.digest(handed)
    segments.settled(small.audit, {it.key for it in handed})
    assert segments.handed(small.audit) == []
    assert copying.copy(small.audit, archive, None, with_partial=True) == []


def test_a_full_block_is_one_hash_of_a_tile(archived: SmallLog) -> None:
    archive = Folder(archived.audit.parent / "archive")
    handed = segments.handed(archived.audit)
    assert [it.key for it in handed] == [
        "blocks/000000/entries.bundles.gz",
        "blocks/000000/entries.parquet",
        f"blocks/000001.p/{REST}/entries.bundles.gz",
        f"blocks/000001.p/{REST}/entries.parquet",
    ]
    tile = layout.tile_path(archived.log, 2, 0, 1).read_bytes()
    assert {it.root for it in handed[:2]} == {tile.hex()}
    assert bundles.read(archive.get(handed[0].key)) == archived.entries[:BLOCK]
    assert bundles.read(archive.get(handed[2].key)) == archived.entries[BLOCK:]
    assert [(it.first_index, it.count) for it in handed[2:]] == [(BLOCK, REST)] * 2


OPERATIONS = 4  # put and get of two objects


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fails", range(1, OPERATIONS + 1))
def test_a_copy_that_is_cut_off_goes_on_to_the_same_bytes(
    small: SmallLog, tmp_path: Path, fails: int, *, after: bool
) -> None:
    undisturbed = shutil.copytree(small.audit, tmp_path / "undisturbed" / "audit")
    expected = copying.copy(undisturbed, Folder(tmp_path / "one"), None, with_partial=True)
    failing = Failing(tmp_path / "two", fails, unreachable, after=after)
    with pytest.raises(Unreachable):
        copying.copy(small.audit, failing, None, with_partial=True)
    assert segments.handed(small.audit) == []
    found = copying.copy(small.audit, Folder(tmp_path / "two"), None, with_partial=True)
    assert found == expected
    assert files(tmp_path / "two") == files(tmp_path / "one")
    assert files(small.audit) == files(undisturbed)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.store.cold.test_copying import Failing
from trading_runtime.store.cold import copying
def end(): os.kill(os.getpid(), signal.SIGKILL)
archive = Failing(Path(sys.argv[2]), int(sys.argv[3]), end, after=True)
copying.copy(Path(sys.argv[1]), archive, None, with_partial=True)
"""


def test_a_copier_that_is_killed_again_and_again_comes_to_the_same_bytes(
    small: SmallLog, tmp_path: Path
) -> None:
    undisturbed = shutil.copytree(small.audit, tmp_path / "undisturbed" / "audit")
    copying.copy(undisturbed, Folder(tmp_path / "one"), None, with_partial=True)
    # Behind its first put, its first get, and the last get before it hands over.
    for operation in (1, 2, 4):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, small.audit, tmp_path / "two", str(operation)],
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        assert killed.returncode == -9
    copying.copy(small.audit, Folder(tmp_path / "two"), None, with_partial=True)
    assert files(tmp_path / "two") == files(tmp_path / "one")
    assert files(small.audit) == files(undisturbed)


def test_a_block_that_was_handed_over_is_not_copied_again_after_a_crash(
    large: SmallLog, tmp_path: Path
) -> None:
    failing = Failing(tmp_path / "archive", OPERATIONS + 1, unreachable, after=True)
    with pytest.raises(Unreachable):
        copying.copy(large.audit, failing, None, with_partial=True)
    assert [it.first_index for it in segments.handed(large.audit)] == [0, 0]
    rest = copying.copy(large.audit, Folder(tmp_path / "archive"), None, with_partial=True)
    assert [it.first_index for it in rest] == [BLOCK, BLOCK]


def test_an_object_of_somebody_else_is_not_named(small: SmallLog, tmp_path: Path) -> None:
    archive = Folder(tmp_path / "archive")
    archive.put_new(f"{SMALL}/entries.parquet", b"forged", None)
    with pytest.raises(Differs, match="does not hold the entries of the log"):
        copying.copy(small.audit, archive, None, with_partial=True)
    assert segments.handed(small.audit) == []


def test_the_same_entries_packed_otherwise_are_as_good(small: SmallLog, tmp_path: Path) -> None:
    archive = Folder(tmp_path / "archive")
    plain = gzip.decompress(bundles.write(small.entries))
    other = gzip.compress(plain, 1, mtime=0)
    archive.put_new(f"{SMALL}/entries.bundles.gz", other, None)
    handed = copying.copy(small.audit, archive, None, with_partial=True)
    assert handed[0].sha256 == sha256(other).hexdigest()


class Rotten(Folder):
    """Gives other bytes than it took."""

    def get(self, key: str) -> bytes:
        return super().get(key)[:-1]


def test_a_store_that_gives_other_bytes_back_does_not_count(
    small: SmallLog, tmp_path: Path
) -> None:
    with pytest.raises(Differs):
        copying.copy(small.audit, Rotten(tmp_path / "archive"), None, with_partial=True)
    assert segments.handed(small.audit) == []


def test_frames_that_the_tree_denies_are_not_copied(small: SmallLog, tmp_path: Path) -> None:
    other = SmallLog(tmp_path / "other" / "audit")
    other.grow(299)
    other.entries.append(small.entries[0])
    shutil.rmtree(other.log / "frames")
    (other.log / "frames").mkdir()
    other._write_frames(0)  # noqa: SLF001 -- an attacker's hand
    shutil.rmtree(small.log / "frames")
    shutil.copytree(other.log / "frames", small.log / "frames")
    archive = Folder(tmp_path / "archive")
    with pytest.raises(Misread, match="do not agree with the tree"):
        copying.copy(small.audit, archive, None, with_partial=True)
    assert list(archive.list("")) == []


def test_tiles_that_the_checkpoint_denies_are_not_believed(small: SmallLog, tmp_path: Path) -> None:
    small.publish(Checkpoint(ORIGIN, 300, merkle.EMPTY_ROOT))
    with pytest.raises(Misread, match="do not give the root"):
        copying.copy(small.audit, Folder(tmp_path / "archive"), None, with_partial=True)


def test_entries_behind_the_checkpoint_stay(small: SmallLog, tmp_path: Path) -> None:
    leaves = [merkle.leaf_hash(it) for it in small.entries[:200]]
    small.publish(Checkpoint(ORIGIN, 200, merkle.root_of(leaves)))
    handed = copying.copy(small.audit, Folder(tmp_path / "archive"), None, with_partial=True)
    assert {it.count for it in handed} == {200}


def test_a_file_of_segments_that_does_not_read_is_named(small: SmallLog, tmp_path: Path) -> None:
    copying.copy(small.audit, Folder(tmp_path / "archive"), None, with_partial=True)
    (path,) = segments.folder(small.audit).glob("*.json")
    path.write_bytes(b"[")
    with pytest.raises(Misread, match=path.name):
        segments.handed(small.audit)


def test_what_waits_is_told_by_key_and_settled_as_it_is_named(
    small: SmallLog, tmp_path: Path
) -> None:
    archive = Folder(tmp_path / "archive")
    first = copying.copy(small.audit, archive, None, with_partial=True)
    small.grow(10)
    second = copying.copy(small.audit, archive, None, with_partial=True)
    both: list[Segment] = [*first, *second]
    assert segments.handed(small.audit) == sorted(both, key=lambda it: it.key)
    segments.settled(small.audit, {it.key for it in first})
    assert segments.handed(small.audit) == second


def test_a_block_is_locked_in_a_real_s3(
    ceph: Ceph, new_bucket: Callable[[bool], str], access: Access, small: SmallLog
) -> None:
    now = Nanos(time.time_ns())
    archive = open_archive(
        f"s3://{new_bucket(True)}/log", Path("unused"), ceph.endpoint, now, access
    )
    until = Nanos(now + 3600 * NANOS_PER_SECOND)
    handed = copying.copy(small.audit, archive, until, with_partial=True)
    assert [it.key for it in archive.list("blocks/")] == [it.key for it in handed]
    for segment in handed:
        told = archive.head(segment.key)
        assert told.locked_until is not None
        assert told.locked_until >= until
        assert told.size == segment.bytes
    shutil.rmtree(segments.folder(small.audit))
    assert copying.copy(small.audit, archive, until, with_partial=True) == handed
    assert [it.later for it in archive.list("blocks/")] == [0] * 2
