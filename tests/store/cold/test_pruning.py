"""Frames go when a digest names their block and the archive still has it; never the newest."""

from pathlib import Path

import pytest

from tests.store.cold.small_log import SmallLog
from trading_runtime.errors import Refused
from trading_runtime.evidence import layout
from trading_runtime.store.cold import copying, pruning, segments
from trading_runtime.store.objects.folder import Folder


@pytest.fixture
def archive(archived: SmallLog) -> Folder:
    return Folder(archived.audit.parent / "archive")


def test_nothing_may_go_before_a_digest_names_it(archived: SmallLog, archive: Folder) -> None:
    assert pruning.prunable(archived.audit, archive, 1) == range(0)
    archived.digest(segments.handed(archived.audit))
    assert pruning.prunable(archived.audit, archive, 1) == range(1)
    assert pruning.prunable(archived.audit, archive, 2) == range(0)


def test_what_the_archive_has_no_more_stays_here(archived: SmallLog, archive: Folder) -> None:
    archived.digest(segments.handed(archived.audit))
    path = archived.audit.parent / "archive" / layout.parquet_key(0)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"more")
    assert pruning.prunable(archived.audit, archive, 1) == range(0)
    path.unlink()
    assert pruning.prunable(archived.audit, archive, 1) == range(0)


def test_what_may_go_is_removed_and_the_rest_stays(archived: SmallLog, archive: Folder) -> None:
    handed = segments.handed(archived.audit)
    archived.digest(handed)
    segments.settled(archived.audit, {it.key for it in handed})
    may_go = pruning.prunable(archived.audit, archive, 1)
    pruning.prune(archived.audit, may_go)
    assert layout.frame_blocks(archived.log) == [1]
    pruning.prune(archived.audit, may_go)
    assert pruning.prunable(archived.audit, archive, 1) == range(0)
    assert copying.copy(archived.audit, archive, None, with_partial=True) == []


def test_the_newest_block_is_never_given_up(small: SmallLog, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="needs its newest block"):
        pruning.prunable(small.audit, Folder(tmp_path / "archive"), 0)
