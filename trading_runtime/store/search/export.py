"""Found lines as a file: whole or not there, in the form that its name ends with."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from trading_runtime.errors import Refused
from trading_runtime.records.lake_schema import LOGS
from trading_runtime.store import durable
from trading_runtime.store.search.line import Entry

ROWS_TOGETHER = 16_384
Write = Callable[[Path, Iterable[Entry]], int]


def as_jsonl(path: Path, entries: Iterable[Entry]) -> int:
    """Write the lines as they are."""
    count = 0
    with path.open("wb") as file:
        for entry in entries:
            file.write(entry.line + b"\n")
            count += 1
    return count


def as_csv(path: Path, entries: Iterable[Entry]) -> int:
    """Write the typed columns with a head; ``ts`` in UTC nanoseconds."""
    from trading_runtime.store.search.rows import rows_of  # noqa: PLC0415 -- pyarrow

    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([it.name for it in LOGS.columns])
        for some in _together(entries):
            rows = rows_of(some)
            writer.writerows(zip(*(it.to_pylist() for it in rows.columns), strict=True))
            count += len(some)
    return count


def as_parquet(path: Path, entries: Iterable[Entry]) -> int:
    """Write the typed columns as the archive has them, a row group for so many lines."""
    import pyarrow.parquet as pq  # noqa: PLC0415 -- slow to load

    from trading_runtime.store.search.rows import SCHEMA, rows_of  # noqa: PLC0415 -- pyarrow

    count = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for some in _together(entries):
            writer.write_table(rows_of(some))
            count += len(some)
    return count


FORMS: Mapping[str, Write] = {".jsonl": as_jsonl, ".csv": as_csv, ".parquet": as_parquet}


def form_of(path: Path) -> Write:
    """Give what writes a file of this name; raise :exc:`Refused` where nothing does."""
    form = FORMS.get(path.suffix)
    if form is None:
        raise Refused(f"{path} is no export: it ends with {', '.join(FORMS)}")
    if not path.parent.is_dir():
        raise Refused(f"{path.parent} is no folder")
    return form


def export(path: Path, entries: Iterable[Entry]) -> int:
    """Write ``entries`` to ``path`` and give their number; raises as :func:`form_of` does."""
    write = form_of(path)
    beside = durable.temporary(path)
    try:
        count = write(beside, entries)
        durable.move(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return count


def _together(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    going = iter(entries)
    while some := list(islice(going, ROWS_TOGETHER)):
        yield some
