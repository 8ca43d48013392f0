"""The lake's index in Dagster; see ``indexing``."""

from time import perf_counter

import dagster as dg

from data_platform.assets.lake import indexing
from data_platform.partitions import HOURS
from data_platform.resources.data_folder import DataFolder
from trading_runtime.records.lake_schema import PUBLISHED
from trading_runtime.store.lake.index import SCHEMA

COLUMNS = dg.TableSchema([dg.TableColumn(it.name, str(it.type)) for it in SCHEMA])


@dg.asset(
    deps=list(PUBLISHED),
    partitions_def=HOURS,
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=24),
    group_name="lake",
    owners=["team:data"],
    kinds={"parquet"},
    metadata={"dagster/column_schema": COLUMNS},
    description="What the manifests of a year's published hours say, one small file an instrument: "
    "lake/VENUE/SYMBOL/YYYY/index.parquet. It makes long scans faster and is never trusted "
    "over a manifest; it can be deleted and made again at any time.",
)
def lake_index(context: dg.AssetExecutionContext, folder: DataFolder) -> dg.MaterializeResult[None]:
    begun = perf_counter()
    done = indexing.rebuild(folder.root, {key[:4] for key in context.partition_keys})
    return dg.MaterializeResult(
        metadata={
            "rows": sum(it.hours for it in done),
            "bytes": sum(it.bytes for it in done),
            "duration_s": round(perf_counter() - begun, 3),
            "indices": dg.MetadataValue.md(indexing.table(done)),
        },
        data_version=dg.DataVersion(f"sha256:{indexing.version(done)}"),
    )


ASSETS = (lake_index,)
