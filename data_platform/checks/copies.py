"""The audit record's copies in the archive never get fewer.

What the archive held is written down each time, one row, below ``quality/metrics/archive``; fewer
objects than there ever were of a kind is a breach, and stays one until they are back. That each
lock is long enough is looked at beside (``archive_is_as_written``), and that nothing goes from this
disk before its copy was read back by the retention itself (``only_what_is_safe_went``).
"""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_platform.checks.findings import NO_ROWS, Finding, Rule
from trading_runtime.records import layout
from trading_runtime.records.units import Nanos
from trading_runtime.store import durable
from trading_runtime.store.cold.locks import BLOCKS, RUNNING
from trading_runtime.store.objects.objects import Objects

KINDS = tuple(it.rstrip("/") for it in (*RUNNING, BLOCKS))
RULES = {
    it: Rule(f"{it}_never_fewer", f"the archive holds no fewer {it} of the audit record than ever")
    for it in KINDS
}
ROWS_MAX = 4_000
"""Ten years of days; the most that there ever were is carried in each row."""


def place(data: Path, objects: Objects) -> Path:
    """Name the history of one archive: another one begins with its own."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", objects.capabilities.store).strip("_")
    return Path(layout.quality(data), "metrics", "archive", f"{name}.parquet")


def counted(objects: Objects) -> dict[str, int]:
    return {it: sum(1 for _ in objects.list(f"{it}/")) for it in KINDS}


def look(data: Path, objects: Objects, now: Nanos) -> list[Finding]:
    """Count, hold it against the most that there ever were, and write it down."""
    path, found = place(data, objects), counted(objects)
    with durable.lock(path.with_suffix(".lock")):
        rows = pq.read_table(path).to_pylist() if path.exists() else []
        most = {it: max((int(row[f"{it}_most"]) for row in rows[-1:]), default=0) for it in KINDS}
        row = {"at": int(now), **found}
        row |= {f"{it}_most": max(most[it], found[it]) for it in KINDS}
        table = pa.Table.from_pylist([*rows, row][-ROWS_MAX:])
        beside = durable.temporary(path)
        pq.write_table(table, beside, compression="zstd", store_schema=False)
        durable.move(beside, path)
    return [Finding(RULES[it], max(0, most[it] - found[it]), NO_ROWS, 0) for it in KINDS]
