"""What stands in the hour before and the hour after, without reading their rows."""

import numpy as np
import pyarrow.parquet as pq

from data_platform.checks.findings import NO_ROWS, Int64s, Subject
from trading_runtime.records import layout
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at


def beside(dataset: Dataset, hour: Hour) -> Dataset:
    """Name the same instrument's dataset of another hour."""
    venue, symbol = dataset.path.split("/")[:2]
    path = layout.dataset(venue, symbol, hour.day, hour.of_day, dataset.table.published)
    return dataset._replace(path=path)


def extent(dataset: Dataset, column: str) -> tuple[int, int] | None:
    """Give the least and the greatest value of a column, by the statistics of its row groups."""
    if not dataset.published.exists():
        return None
    told = pq.read_metadata(dataset.published)
    place = told.schema.names.index(column)
    groups = [told.row_group(it).column(place).statistics for it in range(told.num_row_groups)]
    found = [(int(it.min or 0), int(it.max or 0)) for it in groups if it and it.has_min_max]
    if not found:
        return None
    return min(low for low, _ in found), max(high for _, high in found)


def overlapping(ids: Int64s, column: str, subject: Subject) -> Int64s:
    """Give the rows whose id is not above all of the hour before, and below all of the next."""
    if subject.files is None:
        return NO_ROWS
    start, dataset = subject.hour.start, subject.files.dataset
    before = extent(beside(dataset, hour_at(start - HOUR_NS)), column)
    after = extent(beside(dataset, hour_at(start + HOUR_NS)), column)
    wrong = np.zeros(len(ids), dtype=np.bool_)
    if before is not None:
        wrong |= ids <= before[1]
    if after is not None:
        wrong |= ids >= after[0]
    rows: Int64s = np.flatnonzero(wrong)
    return rows
