"""Spark reads the lake's files as they are written, and finds in them what we find."""

import json
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from data_platform.assets.ticks import klines
from tests.store.lake.published import ID, INSTRUMENT, START, later, publish_all
from trading_runtime.records.lake_schema import DEPTH, KLINES, TICKER, TRADES
from trading_runtime.store import parquet
from trading_runtime.store.hours import HOUR_NS
from trading_runtime.store.lake import lake, reading

PYTHON = Path(__file__).parents[3] / ".venv-spark/bin/python"
SECONDS_MAX = 500
"""A session takes five seconds to start on a quiet machine, and a minute on a busy one."""

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not PYTHON.is_file(), reason="no .venv-spark: `make cluster` installs it"),
    pytest.mark.skipif(shutil.which("java") is None, reason="no Java: openjdk-17-jre-headless"),
]


def sums(rows: pa.Table) -> dict[str, int]:
    """Sum every column of integers, as Python's integers."""
    names = [it.name for it in rows.schema if pa.types.is_integer(it.type)]
    return {"rows": rows.num_rows} | {
        name: int(pc.sum(rows.column(name).cast(pa.decimal128(38, 0))).as_py() or 0)
        for name in names
    }


def test_spark_finds_the_rows_and_sums_that_we_find(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    for hours in range(2):
        publish_all(root, hours)
    selections = [
        lake.select(root, table, ID, START, START + 2 * HOUR_NS)
        for table in (DEPTH, TRADES, TICKER)
    ]
    ours = {it.table.minutes: reading.arrow(it) for it in selections}
    files = {it.table.minutes: it.paths for it in selections}
    bars = klines.klines(ours["trades"], [INSTRUMENT], later(0), frozenset(range(60)))
    path = tmp_path / "kline.parquet"
    parquet.write(path, bars, KLINES, {})
    ours["klines"], files["klines"] = bars, [str(path)]
    done = subprocess.run(
        [str(PYTHON), str(Path(__file__).with_name("sums.py"))],
        input=json.dumps(files),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        name: sums(rows) for name, rows in ours.items()
    }
