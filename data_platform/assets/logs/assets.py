"""The archive of log lines in Dagster: staged, checked, published; see ``archive``."""

from collections.abc import Iterator

import dagster as dg

from data_platform import results
from data_platform.assets import batch
from data_platform.assets.logs import archive
from data_platform.partitions import HOURS, hour_of
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.resources.engine import Engine
from trading_runtime.records.lake_schema import LOGS
from trading_runtime.store.manifest import Made

GROUP = "logs"
OWNERS = ["team:data"]
SEALED_LOGS = dg.AssetSpec(
    "sealed_logs",
    description="JSON lines of the six streams as scribe seals them.",
    group_name=GROUP,
    owners=OWNERS,
    kinds={"json"},
)


@dg.asset(
    deps=[SEALED_LOGS], partitions_def=HOURS, group_name=GROUP, owners=OWNERS, kinds={"parquet"}
)
def log_lines_staged(
    context: dg.AssetExecutionContext, folder: DataFolder
) -> dg.MaterializeResult[None]:
    """The hour's sealed lines, one typed file a module, not yet published."""
    return results.staging(archive.stage_hour(folder.root, hour_of(context.partition_key)))


@dg.multi_asset_check(name="log_lines_staged_checks", specs=results.check_specs("log_lines_staged"))
def log_lines_expectations(
    context: dg.AssetCheckExecutionContext,
    folder: DataFolder,
    configuration: Configuration,
    engine: Engine,
) -> Iterator[dg.AssetCheckResult]:
    """Each line is readable, of its hour and module, and there once; none is left out."""
    root, hours = archive.archive_root(folder.root), map(hour_of, context.partition_keys)
    asked = [results.Asked(root, archive.batch_name(it), LOGS, it) for it in hours]
    quality = configuration.settings.platform.quality
    yield from results.judgement("log_lines_staged", folder.root, asked, quality, engine)


@dg.asset(
    deps=[log_lines_staged],
    partitions_def=HOURS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet"},
)
def log_lines(
    context: dg.AssetExecutionContext, folder: DataFolder, clock: Clock
) -> dg.MaterializeResult[None]:
    """Archived lines: archive/logs/<module>/Y/M/D/H.parquet, rows are lines."""
    root, name = (
        archive.archive_root(folder.root),
        archive.batch_name(hour_of(context.partition_key)),
    )
    manifests = batch.publish(root, name, LOGS, Made(run_id=context.run.run_id, at=clock.now()))
    return results.publication(manifests, folder.root)
