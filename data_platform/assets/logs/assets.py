"""Log lines in Dagster: compressed, typed, checked, published; CRITICAL ones kept for ever."""

import hashlib
from collections.abc import Iterator, Sequence

import dagster as dg

from data_platform import results
from data_platform.assets import batch, told
from data_platform.assets.logs import archive, critical
from data_platform.assets.logs.columns import MEANINGS
from data_platform.assets.logs.compression import Compressed, LogHour, compress_hour
from data_platform.assets.logs.condition import conditions
from data_platform.assets.logs.critical import LogDay
from data_platform.partitions import DAYS, HOURS, hour_of
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.resources.engine import Engine
from trading_runtime.records.lake_schema import LOGS
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Made

GROUP = "logs"
OWNERS = ["team:data"]
FEW_RUNS = dg.BackfillPolicy.multi_run(max_partitions_per_run=24)
DAYS_A_RUN = dg.BackfillPolicy.multi_run(max_partitions_per_run=31)
COLUMNS = dg.TableSchema(
    [dg.TableColumn(it.name, it.type, MEANINGS[it.name]) for it in LOGS.columns]
)
SEALED_LOGS = dg.AssetSpec(
    "sealed_logs",
    description="JSON lines of the six streams as scribe seals them: logs/sealed/.",
    group_name=GROUP,
    owners=OWNERS,
    kinds={"json"},
)


@dg.asset(
    deps=[SEALED_LOGS],
    partitions_def=HOURS,
    backfill_policy=FEW_RUNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"gzip"},
)
def compressed_logs(
    context: dg.AssetExecutionContext, folder: DataFolder, engine: Engine
) -> dg.MaterializeResult[None]:
    """The sealed lines in gzip for zcat and rg -z, byte for byte: logs/archive/MODULE/Y/M/D/.

    Each file has an index beside it, which lets a search inflate only what it needs.
    """
    tasks = [LogHour(folder.root, hour_of(key)) for key in context.partition_keys]
    return compression_result(engine.map(compress_hour, tasks))


def compression_result(done: Sequence[Compressed]) -> dg.MaterializeResult[None]:
    files = [it for hour in done for it in hour.files]
    lines_bytes, size = sum(it.plain_bytes for it in files), sum(it.bytes for it in files)
    rows = [
        "| file | lines | unreadable | bytes of lines | bytes | sha256 of the lines |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {it.path} | {it.lines} | {it.unreadable} | {it.plain_bytes} | {it.bytes} "
        f"| {it.plain_sha256[:12]} |"
        for it in files
    ]
    return dg.MaterializeResult(
        metadata={
            "rows": sum(it.lines for it in files),
            "unreadable": sum(it.unreadable for it in files),
            "bytes": size,
            "source_bytes": lines_bytes,
            "ratio": round(size / lines_bytes, 4) if lines_bytes else 0.0,
            "duration_s": round(sum(it.seconds for it in done), 3),
            "files": dg.MetadataValue.md("\n".join(rows)),
        },
        data_version=dg.DataVersion(version_of(done)),
    )


def version_of(done: Sequence[Compressed]) -> str:
    """Digest the lines, not their compressed form: an unchanged rebuild has the same version."""
    names = [f"{it.path} {it.plain_sha256}\n" for hour in done for it in hour.files]
    return f"sha256:{hashlib.sha256(''.join(sorted(names)).encode()).hexdigest()}"


@dg.asset(
    deps=[compressed_logs],
    partitions_def=HOURS,
    backfill_policy=FEW_RUNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet"},
)
def log_lines_staged(
    context: dg.AssetExecutionContext, folder: DataFolder, engine: Engine
) -> dg.MaterializeResult[None]:
    """The hour's lines, one typed file a module, built and not yet published.

    Of an open hour the live files are read too, and the result is partial.
    """
    tasks = [LogHour(folder.root, hour_of(key)) for key in context.partition_keys]
    done = engine.map(archive.stage, tasks)
    return dg.MaterializeResult(
        metadata={
            "staged": [path for it in done for path in it.staged],
            "unchanged": [path for it in done for path in it.unchanged],
            "sealed": all(it.sealed for it in done),
        }
    )


@dg.multi_asset_check(name="log_lines_staged_checks", specs=results.check_specs("log_lines_staged"))
def log_lines_expectations(
    context: dg.AssetCheckExecutionContext,
    folder: DataFolder,
    configuration: Configuration,
    engine: Engine,
) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation]:
    """Each line is readable, of its hour and module, and there once; none is left out."""
    root, hours = archive.archive_root(folder.root), map(hour_of, context.partition_keys)
    asked = [results.Asked(root, archive.batch_name(it), LOGS, it) for it in hours]
    quality = configuration.settings.platform.quality
    yield from results.judgement("log_lines_staged", folder.root, asked, quality, engine)


@dg.asset(
    deps=[log_lines_staged],
    partitions_def=HOURS,
    backfill_policy=FEW_RUNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet"},
    metadata={"dagster/column_schema": COLUMNS},
)
def log_lines(
    context: dg.AssetExecutionContext, folder: DataFolder, clock: Clock
) -> dg.MaterializeResult[None]:
    """Typed log lines, published: archive/logs/MODULE/Y/M/D/H.parquet, a row is a line.

    The metadata says of each stream's hour whether it is complete, empty, partial or missing.
    """
    began = clock.now()
    root = archive.archive_root(folder.root)
    made = Made(run_id=context.run.run_id, at=began)
    hours = [hour_of(key) for key in context.partition_keys]
    manifests = [
        it for hour in hours for it in batch.publish(root, archive.batch_name(hour), LOGS, made)
    ]
    return dg.MaterializeResult(
        metadata={
            **told.totals(manifests, folder.root),
            "duration_s": round((clock.now() - began) / 1e9, 3),
            "conditions": dg.MetadataValue.md(condition_table(folder, hours, clock)),
            "datasets": dg.MetadataValue.md(told.table(manifests)),
        },
        data_version=dg.DataVersion(told.data_version(manifests)),
    )


def condition_table(folder: DataFolder, hours: Sequence[Hour], clock: Clock) -> str:
    """Show each stream's hour as it stands, in Markdown."""
    now = clock.now()
    found = [(it, conditions(folder.root, it, now)) for it in hours]
    names = [it.value for it in found[0][1]]
    rows = [f"| hour | {' | '.join(names)} |", "|" + "---|" * (len(names) + 1)]
    rows += [
        f"| {hour.name} | {' | '.join(it.value for it in known.values())} |"
        for hour, known in found
    ]
    return "\n".join(rows)


@dg.asset(
    deps=[log_lines],
    partitions_def=DAYS,
    backfill_policy=DAYS_A_RUN,
    group_name="critical",
    owners=OWNERS,
    kinds={"parquet"},
    metadata={"dagster/column_schema": COLUMNS},
)
def critical_lines(
    context: dg.AssetExecutionContext, folder: DataFolder, clock: Clock
) -> dg.MaterializeResult[None]:
    """The day's CRITICAL lines of all streams, kept for ever: archive/critical/Y/M/D.parquet.

    A day without one has an empty file; a day of which no hour is published has none.
    """
    now = clock.now()
    made = Made(run_id=context.run.run_id, at=now)
    done = [critical.publish(LogDay(folder.root, key, now), made) for key in context.partition_keys]
    manifests = [it for it in done if it is not None]
    return dg.MaterializeResult(
        metadata={
            **told.totals(manifests, folder.root),
            "days_without_hours": len(done) - len(manifests),
            "duration_s": round((clock.now() - now) / 1e9, 3),
            "datasets": dg.MetadataValue.md(told.table(manifests)),
        },
        data_version=dg.DataVersion(told.data_version(manifests)),
    )


ASSETS = (SEALED_LOGS, compressed_logs, log_lines_staged, log_lines, critical_lines)
CHECKS = (log_lines_expectations,)
