"""The lake's tables in Dagster: staged, checked, published; see ``compaction``."""

from pathlib import Path

import dagster as dg

from data_platform import results
from data_platform.assets import batch
from data_platform.assets.ticks import compaction
from data_platform.partitions import HOURS, hour_of
from data_platform.resources.clock import Clock
from data_platform.resources.data_folder import DataFolder
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import Table
from trading_runtime.store.manifest import Made

GROUP = "lake"
OWNERS = ["team:data"]
MINUTES = dg.AssetSpec(
    "minute_files",
    description="Minutes of ticks as scribe writes them, all symbols mixed, with their markers.",
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet"},
)


def staged(table: Table) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{table.minutes}_staged",
        deps=[MINUTES],
        partitions_def=HOURS,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"parquet"},
        description=f"The hour's minutes of {table.minutes}, one file a symbol, not yet published.",
    )
    def build(context: dg.AssetExecutionContext, folder: DataFolder) -> dg.MaterializeResult[None]:
        hour = hour_of(context.partition_key)
        return results.staging(compaction.stage_hour(folder.root, table, hour))

    return build


def check(table: Table) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=f"{table.minutes}_staged",
        name=f"{table.minutes}_expectations",
        partitions_def=HOURS,
        blocking=True,
        description=f"What an hour of {table.minutes} promises before it is published.",
    )
    def judge(context: dg.AssetCheckExecutionContext, folder: DataFolder) -> dg.AssetCheckResult:
        hour = hour_of(context.partition_key)
        name = compaction.batch_name(table, hour)
        return results.judgement(Path(layout.lake(folder.root)), name, table, hour)

    return judge


def published(table: Table) -> dg.AssetsDefinition:
    @dg.asset(
        name=table.minutes,
        deps=[f"{table.minutes}_staged"],
        partitions_def=HOURS,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"parquet"},
        description=f"Published hours of {table.minutes}: lake/<venue>/<symbol>/Y/M/D/H.",
    )
    def publish(
        context: dg.AssetExecutionContext, folder: DataFolder, clock: Clock
    ) -> dg.MaterializeResult[None]:
        name = compaction.batch_name(table, hour_of(context.partition_key))
        made = Made(run_id=context.run.run_id, at=clock.now())
        manifests = batch.publish(Path(layout.lake(folder.root)), name, table, made)
        return results.publication(manifests, folder.root)

    return publish
