"""The same pure function in this process and on a cluster: the same bytes, whatever dies."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from data_platform.assets.ticks.compaction import HourTask, compact
from data_platform.resources.engine import Engine
from tests.store.lake_rows import HOUR, depth_rows, trade_rows, write_hour

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-ray" / "bin" / "python"
FOLDERS = 8
WITHIN_S = 240


def in_a_namespace_of_its_own(command: list[str]) -> list[str]:
    return ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


def staged(folder: Path) -> dict[str, bytes]:
    root = folder / "lake" / "_staging"
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.parquet")
    }


@pytest.mark.cluster
@pytest.mark.skipif(not PYTHON.exists(), reason="no Ray here: `make cluster` installs it")
def test_a_cluster_makes_the_same_files_though_a_worker_and_a_machine_die(tmp_path: Path) -> None:
    here = tmp_path / "here"
    write_hour(here, depth_rows(2_000, seed=3), trade_rows(2_000, seed=3))
    there = [tmp_path / f"there{number}" for number in range(FOLDERS)]
    for folder in there:
        shutil.copytree(here, folder)
    tasks = [HourTask(here, table, HOUR) for table in ("depth", "trades")]
    alone = Engine().map(compact, tasks)
    script = Path(__file__).with_name("compacting.py")
    answer = tmp_path / "answer.json"
    asked = [str(PYTHON), str(script), str(answer), HOUR.day, str(HOUR.of_day), *map(str, there)]
    ended = subprocess.run(
        in_a_namespace_of_its_own(asked),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    told = json.loads(answer.read_text())
    assert told["killed"] == 1
    assert not any(told["problems"])
    assert told["rows"] == [it.rows for it in alone] * FOLDERS
    for folder in there:
        assert staged(folder) == staged(here)
