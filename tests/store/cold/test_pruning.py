"""Frames go when a digest names their block and the archive still has it; never the newest."""

from pathlib import Path

import pytest

from tests.store.cold.small_log import SmallLog
from trading_runtime.errors import Refused
from trading_runtime.evidence import layout
from trading_runtime.store.cold import copying, pruning, segments
from trading_runtime.store.objects.folder import Folder


@pytest.fixture
def archive(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "archive")


def test_nothing_may_go_before_a_digest_names_it(large: SmallLog, archive: Folder) -> None:
    assert pruning.prunable(large.audit, archive, 1) == range(0)
    handed = copying.copy(large.audit, archive, None, with_partial=True)
    assert pruning.prunable(large.audit, archive, 1) == range(0)
    large.digest(handed)
    assert pruning.prunable(large.audit, archive, 1) == range(1)
    assert pruning.prunable(large.audit, archive, 2) == range(0)


def test_what_the_archive_has_no_more_stays_here(
    large: SmallLog, archive: Folder, tmp_path: Path
) -> None:
    large.digest(copying.copy(large.audit, archive, None, with_partial=False))
    path = tmp_path / "archive" / layout.parquet_key(0)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"more")
    assert pruning.prunable(large.audit, archive, 1) == range(0)
    path.unlink()
    assert pruning.prunable(large.audit, archive, 1) == range(0)


def test_what_may_go_is_removed_and_the_rest_stays(large: SmallLog, archive: Folder) -> None:
    large.digest(copying.copy(large.audit, archive, None, with_partial=True))
    segments.settled(large.audit, {it.key for it in segments.handed(large.audit)})
    may_go = pruning.prunable(large.audit, archive, 1)
    pruning.prune(large.audit, may_go)
    assert layout.frame_blocks(large.log) == [1]
    pruning.prune(large.audit, may_go)
    assert pruning.prunable(large.audit, archive, 1) == range(0)
    assert copying.copy(large.audit, archive, None, with_partial=True) == []


def test_the_newest_block_is_never_given_up(small: SmallLog, archive: Folder) -> None:
    with pytest.raises(Refused, match="needs its newest block"):
        pruning.prunable(small.audit, archive, 0)
