"""The lake's tables in Dagster: staged, checked, published; see ``compaction``."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from data_platform import results
from data_platform.assets import batch
from data_platform.assets.ticks import compaction
from data_platform.partitions import HOURS, hour_of
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.resources.engine import Engine
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
    asset = f"{table.minutes}_staged"

    @dg.multi_asset_check(name=f"{asset}_checks", specs=results.check_specs(asset))
    def judge(
        context: dg.AssetCheckExecutionContext,
        folder: DataFolder,
        configuration: Configuration,
        engine: Engine,
    ) -> Iterator[dg.AssetCheckResult]:
        root, hours = Path(layout.lake(folder.root)), map(hour_of, context.partition_keys)
        asked = [results.Asked(root, compaction.batch_name(table, it), table, it) for it in hours]
        quality = configuration.settings.platform.quality
        yield from results.judgement(asset, folder.root, asked, quality, engine)

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
