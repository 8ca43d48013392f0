"""The workbench's marts as Parquet, a file for each mart and day, put in place by renames.

Rows are sorted by all their columns and written with fixed settings: equal rows are equal bytes. A
mart without rows on a recorded day is a file without rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from data_platform.assets.models import published
from data_platform.assets.models.inputs import MAKER, Plan
from data_platform.assets.models.published import Built, MartFile
from trading_runtime.records.lake_schema import COMPRESSION, COMPRESSION_LEVEL
from trading_runtime.store import durable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS_PER_GROUP = 131_072


def groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Cut the rows anew, so that a group's bytes do not tell how they came."""
    pending = schema.empty_table()
    for batch in batches:
        pending = pa.concat_tables([pending, pa.Table.from_batches([batch])])
        while pending.num_rows >= ROWS_PER_GROUP:
            yield pending.slice(0, ROWS_PER_GROUP).combine_chunks()
            pending = pending.slice(ROWS_PER_GROUP)
    if pending.num_rows:
        yield pending.combine_chunks()


def export(bench: "DuckDBPyConnection", mart: str, day: str, place: Path) -> int:
    """Write the mart's rows of ``day`` beside ``place`` and rename; give their number.

    pyarrow writes them: from equal rows DuckDB has made files of different bytes.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    beside, count = durable.temporary(place), 0
    rows = f"SELECT * FROM desk.{mart} WHERE day = DATE '{day}' ORDER BY ALL"  # noqa: S608 -- our own names
    reader = bench.sql(rows).to_arrow_reader()
    with pq.ParquetWriter(
        beside,
        reader.schema,
        compression=COMPRESSION,
        compression_level=COMPRESSION_LEVEL,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        for group in groups(reader, reader.schema):
            writer.write_table(group, row_group_size=ROWS_PER_GROUP)
            count += group.num_rows
    durable.move(beside, place)
    return count


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
