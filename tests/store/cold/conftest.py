"""Logs to copy: a small one of each test's own, and one with a full block, built once."""

import shutil
from pathlib import Path

import pytest

from tests.store.cold.small_log import SmallLog
from trading_runtime.evidence.layout import BLOCK

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


@pytest.fixture
def large(built: SmallLog, tmp_path: Path) -> SmallLog:
    """Give a full block and 1,234 entries more, in a folder of the test's own."""
    log = SmallLog(tmp_path / "large" / "audit")
    shutil.copytree(built.audit, log.audit, dirs_exist_ok=True)
    log.entries = built.entries
    return log
