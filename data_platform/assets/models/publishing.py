"""The workbench's marts as Parquet, a file for each mart and day, put in place by renames.

Rows are sorted by their key columns and written by one thread with fixed settings: equal rows are
equal bytes. A mart without rows on a recorded day is a file without rows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data_platform.assets.models import published
from data_platform.assets.models.inputs import MAKER, Plan
from data_platform.assets.models.published import Built, MartFile
from trading_runtime.store import durable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COMPRESSION_LEVEL = 3


def export(bench: "DuckDBPyConnection", mart: str, day: str, place: Path) -> int:
    """Write the mart's rows of ``day`` beside ``place`` and rename; give their number."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = durable.temporary(place)
    (count,) = bench.execute(
        f"COPY (SELECT * FROM desk.{mart} WHERE day = DATE '{day}' ORDER BY ALL) "  # noqa: S608 -- our own names
        f"TO '{str(beside).replace(chr(39), chr(39) * 2)}' "
        f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {COMPRESSION_LEVEL})"
    ).fetchall()[0]
    durable.move(beside, place)
    return int(count)


def publish(data: Path, workbench: Path, plan: Plan, marts: Sequence[str]) -> Mapping[str, Built]:
    """Put the asked days' marts in place, each day's record last; give the records by day."""
    import duckdb  # noqa: PLC0415 -- slow to load

    before = plan.before
    done: dict[str, Built] = {}
    with (
        durable.lock(published.marts_root(data) / ".lock"),
        duckdb.connect(str(workbench), read_only=True, config={"threads": 1}) as bench,
    ):
        for it in plan.days:
            if it.day not in plan.asked:
                continue
            files = {}
            for mart in marts:
                place = published.mart_path(data, mart, it.day)
                rows = export(bench, mart, it.day, place)
                files[mart] = MartFile(
                    path=place.relative_to(data).as_posix(),
                    rows=rows,
                    size_bytes=place.stat().st_size,
                    sha256=durable.sha256(place),
                )
            done[it.day] = Built(
                day=it.day,
                maker=MAKER,
                inputs_sha256=it.inputs_sha256,
                carried_sha256=published.carried_sha256(before),
                marts=files,
            )
            published.write(data, done[it.day])
            before = done[it.day]
    return done
