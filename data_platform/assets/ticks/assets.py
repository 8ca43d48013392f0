"""The lake's tables in Dagster: staged, checked, published.

See ``compaction`` for what scribe recorded, ``derivation`` for what is made of it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg

from data_platform import results
from data_platform.assets import batch, told
from data_platform.assets.ticks import compaction, derivation, telling
from data_platform.assets.ticks.columns import MEANINGS
from data_platform.assets.ticks.compaction import Compacted, HourTask
from data_platform.assets.ticks.derivation import HoursTask
from data_platform.partitions import HOURS, hour_of
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.resources.engine import Engine
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import CHECKPOINTS, KLINES, PUBLISHED, TABLES, Table
from trading_runtime.records.units import Nanos
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Made, Manifest

GROUP = "lake"
OWNERS = ["team:data"]
FEW_RUNS = dg.BackfillPolicy.multi_run(max_partitions_per_run=24)
MINUTES = dg.AssetSpec(
    "minute_files",
    description="Minutes of ticks as scribe writes them, all symbols mixed, with their markers.",
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet"},
)
WHAT = {
    "depth": "every change of the order book, and whole books",
    "trades": "every trade",
    "ticker": "the venue's own best bid and ask",
    KLINES.minutes: "one-minute bars, made from the hour's trades",
    CHECKPOINTS.minutes: "the book at each whole minute, made from the hour's depth",
}


def column_schema(table: Table) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                it.name,
                it.type,
                MEANINGS[it.name],
                constraints=dg.TableColumnConstraints(nullable=it.nullable),
            )
            for it in table.columns
        ]
    )


def sources(table: Table) -> list[dg.AssetKey]:
    """Give what an hour of the table is made from."""
    if table.minutes in TABLES:
        return [MINUTES.key]
    return [dg.AssetKey(derivation.BASES[table.minutes].minutes)]


def take(table: Table, data: Path, hours: Sequence[Hour], engine: Engine) -> list[Compacted]:
    """Stage the hours; what is derived goes hour by hour, for books come over."""
    if table.minutes in TABLES:
        tasks = [HourTask(data, table.minutes, it) for it in hours]
        return engine.map(compaction.compact, tasks)
    (done,) = engine.map(derivation.derive, [HoursTask(data, table.minutes, tuple(hours))])
    return done


def staging_metadata(done: Compacted) -> dict[str, object]:
    return {
        "rows": done.rows,
        "bytes": done.bytes,
        "source_bytes": done.source_bytes,
        "ratio": round(done.bytes / done.source_bytes, 4) if done.source_bytes else 0.0,
        "duration_s": round(done.seconds, 3),
        "sealed": done.sealed,
        "staged": list(done.staged),
        "unchanged": list(done.unchanged),
        "problems": list(done.problems),
    }


def staged(table: Table) -> dg.AssetsDefinition:
    name = f"{table.minutes}_staged"
    taken = f"{table.minutes}_taken"

    @dg.asset(
        name=name,
        deps=sources(table),
        partitions_def=HOURS,
        backfill_policy=FEW_RUNS,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"parquet"},
        metadata={"dagster/column_schema": column_schema(table)},
        description=f"{table.minutes}: {WHAT[table.minutes]}. One file a symbol, in staging: "
        "checked next, and only then published.",
        check_specs=[
            dg.AssetCheckSpec(
                taken,
                asset=name,
                partitions_def=HOURS,
                description="Every file that the hour is made from is whole and what it says.",
            )
        ],
    )
    def build(
        context: dg.AssetExecutionContext, folder: DataFolder, engine: Engine
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside checks Dagster knows no other
        keys = context.partition_keys
        done = take(table, folder.root, [hour_of(it) for it in keys], engine)
        problems = [problem for it in done for problem in it.problems]
        if problems and len(keys) == 1 and not done[0].staged and not done[0].unchanged:
            raise dg.Failure("; ".join(problems))
        for key, it in zip(keys, done, strict=True):
            context.add_asset_metadata(staging_metadata(it), partition_key=key)
        return dg.MaterializeResult(
            check_results=[
                dg.AssetCheckResult(
                    check_name=taken, passed=not problems, metadata={"problems": problems}
                )
            ],
        )

    return build


def check(table: Table) -> dg.AssetChecksDefinition:
    asset = f"{table.minutes}_staged"

    @dg.multi_asset_check(name=f"{asset}_checks", specs=results.check_specs(asset))
    def judge(
        context: dg.AssetCheckExecutionContext,
        folder: DataFolder,
        configuration: Configuration,
        engine: Engine,
    ) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation]:
        root, hours = Path(layout.lake(folder.root)), map(hour_of, context.partition_keys)
        asked = [results.Asked(root, compaction.batch_name(table, it), table, it) for it in hours]
        quality = configuration.settings.platform.quality
        yield from results.judgement(asset, folder.root, asked, quality, engine)

    return judge


def publication_metadata(
    data: Path, table: Table, hour: Hour, manifests: Sequence[Manifest], now: Nanos
) -> dict[str, object]:
    root = Path(layout.lake(data))
    found = telling.conditions(root, table, hour, now)
    shown: dict[str, object] = {
        **told.totals(manifests, data),
        **telling.worst(list(found.values())),
        "conditions": dg.MetadataValue.md(telling.conditions_table(root, table, hour, now)),
        "datasets": dg.MetadataValue.md(told.table(manifests)),
        "data_version": told.data_version(manifests),
        "data_versions": {it.commit.dataset: it.commit.content_sha256 for it in manifests},
    }
    if table.minutes in TABLES:
        shown["rows_by_minute"] = dg.MetadataValue.md(telling.plot(manifests))
    return shown


def published(table: Table) -> dg.AssetsDefinition:
    @dg.asset(
        name=table.minutes,
        deps=[f"{table.minutes}_staged"],
        partitions_def=HOURS,
        backfill_policy=FEW_RUNS,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"parquet"},
        metadata={"dagster/column_schema": column_schema(table)},
        description=f"{table.minutes}: {WHAT[table.minutes]}. Hours that passed their checks: "
        f"lake/VENUE/SYMBOL/YYYY/MM/DD/HH/{table.published}.parquet with its manifest; "
        "an hour that still grows lies below lake/_partial/.",
    )
    def publish(
        context: dg.AssetExecutionContext, folder: DataFolder, clock: Clock
    ) -> dg.MaterializeResult[None]:
        made = Made(run_id=context.run.run_id, at=clock.now())
        every: list[Manifest] = []
        for key in context.partition_keys:
            hour = hour_of(key)
            name = compaction.batch_name(table, hour)
            manifests = batch.publish(Path(layout.lake(folder.root)), name, table, made)
            shown = publication_metadata(folder.root, table, hour, manifests, made.at)
            context.add_asset_metadata(shown, partition_key=key)
            every += manifests
        return dg.MaterializeResult(data_version=dg.DataVersion(told.data_version(every)))

    return publish


ASSETS: tuple[dg.AssetSpec | dg.AssetsDefinition, ...] = (
    MINUTES,
    *(staged(it) for it in PUBLISHED.values()),
    *(published(it) for it in PUBLISHED.values()),
)
CHECKS = tuple(check(it) for it in PUBLISHED.values())
