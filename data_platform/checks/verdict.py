"""Judge a dataset before it is published: all rules of its table, and its file as a whole."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from data_platform.checks import depth, lines, ticker, trades
from data_platform.checks.expectations import validate_metrics, validate_sample
from data_platform.checks.findings import Finding, differs
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.lake_schema import KEY_INSTRUMENTS, read_instruments
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Commit, Quality

RULES: Mapping[str, Callable[[pa.Table, Hour, Sequence[Instrument]], list[Finding]]] = {
    "depth": depth.inspect,
    "trades": trades.inspect,
    "ticker": ticker.inspect,
    "logs": lines.inspect,
}


def whole(rows: pa.Table, dataset: Dataset, record: Commit) -> list[Finding]:
    """Check what the commit record says against the rows that are there."""
    told = sum(it.rows for it in record.sources)
    content = parquet.content_sha256(rows, dataset.table)
    return [
        differs(
            "rows_of_sources",
            "the file has as many rows as its sources together",
            abs(rows.num_rows - told),
        ),
        differs(
            "content_as_committed",
            "the rows have the digest of the commit record",
            int(content != record.content_sha256),
        ),
    ]


def judge(dataset: Dataset, hour: Hour) -> Quality:
    """Measure the candidate, validate it and write down its quality beside it."""
    path = dataset.candidate
    record = manifest.read_commit(path)
    if record is None:
        raise commit.NotPublished(f"{dataset.path} is not staged")
    rows = parquet.read(path)
    grids = read_instruments(parquet.metadata(path).get(KEY_INSTRUMENTS, b"[]"))
    own = [it for it in grids if dataset.path.startswith(f"{it.venue}/{it.symbol}/")]
    findings = [
        *RULES[dataset.table.minutes](rows, hour, own),
        *whole(rows, dataset, record),
    ]
    parts = [validate_metrics(findings), validate_sample(rows, dataset.table, hour)]
    quality = Quality(
        file_sha256=durable.sha256(path),
        expectations=sum(it.expectations for it in parts),
        broken=tuple(broken for it in parts for broken in it.broken),
    )
    commit.judge(dataset, quality)
    return quality
