"""The hot profile: copies of files that decode faster, beside the lake and never part of it.

``lake/_hot/<sha256>.parquet`` holds the rows of the file with that digest in lz4 instead of zstd: a
fourth more bytes. A copy is named by the bytes that it was made of, so it cannot be stale;
deleting the folder costs time and nothing else.
"""

from pathlib import Path

import pyarrow.parquet as pq

from trading_runtime.records.lake_schema import Encoding, Table
from trading_runtime.store import durable
from trading_runtime.store.lake.selection import File, Selection

FOLDER = "_hot"


def hot_path(lake: Path, file: File) -> Path:
    return lake / FOLDER / f"{file.sha256}.parquet"


def copy(source: Path, table: Table, path: Path) -> None:
    """Write the rows of ``source`` anew, in its row groups and encodings, compressed by lz4."""
    encodings = {it.name: it.encoding for it in table.columns}
    as_dictionary = [name for name, it in encodings.items() if it is Encoding.DICT]
    beside = durable.temporary(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        pq.ParquetFile(source, page_checksum_verification=True) as opened,
        pq.ParquetWriter(
            beside,
            opened.schema_arrow,
            compression="lz4",
            use_dictionary=as_dictionary,  # type: ignore[arg-type]  # stubs know only a bool
            column_encoding={
                name: it.value for name, it in encodings.items() if it is not Encoding.DICT
            },
            write_page_checksum=True,
            store_schema=False,
            sorting_columns=[pq.SortingColumn(0)],
        ) as writer,
    ):
        for group in range(opened.metadata.num_row_groups):
            rows = opened.read_row_group(group)
            writer.write_table(rows, row_group_size=max(1, rows.num_rows))
    durable.move(beside, path)


def prefer(lake: Path, selection: Selection) -> Selection:
    """Read the hot copies of files that have one."""
    files = [
        it._replace(path=copied) if (copied := hot_path(lake, it)).exists() else it
        for it in selection.files
    ]
    return selection._replace(files=files)


def warm(lake: Path, selection: Selection) -> Selection:
    """Make the copies that are missing, and read them."""
    with durable.lock(lake / FOLDER / "_lock"):
        for it in selection.files:
            if not hot_path(lake, it).exists():
                copy(it.path, selection.table, hot_path(lake, it))
    return prefer(lake, selection)
