"""Logs to copy: a small one of each test's own, and one with a full block, built once."""

import shutil
from pathlib import Path

import pytest

from tests.store.cold.small_log import SmallLog
from trading_runtime.evidence.layout import BLOCK
from trading_runtime.store.cold import copying
from trading_runtime.store.objects.folder import Folder

REST = 1_234


@pytest.fixture
def small(tmp_path: Path) -> SmallLog:
    log = SmallLog(tmp_path / "audit")
    log.grow(300)
    return log


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> SmallLog:
    log = SmallLog(tmp_path_factory.mktemp("built") / "audit")
    log.grow(BLOCK + REST)
    return log


@pytest.fixture(scope="session")
def copied(built: SmallLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with that log below ``audit``, and below ``archive`` all that it has."""
    root = tmp_path_factory.mktemp("copied")
    shutil.copytree(built.audit, root / "audit")
    copying.copy(root / "audit", Folder(root / "archive"), None, with_partial=True)
    return root


@pytest.fixture
def archived(built: SmallLog, copied: Path, tmp_path: Path) -> SmallLog:
    """Give the same in a folder of the test's own: ``archive`` lies beside ``audit``."""
    log = SmallLog(tmp_path / "archived" / "audit")
    shutil.copytree(copied, tmp_path / "archived", dirs_exist_ok=True)
    log.entries = built.entries
    return log


@pytest.fixture
def large(built: SmallLog, tmp_path: Path) -> SmallLog:
    """Give a full block and 1,234 entries more, in a folder of the test's own."""
    log = SmallLog(tmp_path / "large" / "audit")
    shutil.copytree(built.audit, log.audit, dirs_exist_ok=True)
    log.entries = built.entries
    return log
