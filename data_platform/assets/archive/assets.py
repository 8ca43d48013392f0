"""The archive in Dagster: each data set day by day, read back in turn, and retention over all."""

from datetime import date

import dagster as dg
import msgspec

from data_platform.assets.archive import archiving, holdings
from data_platform.assets.archive.archiving import Looked, Swept
from data_platform.assets.archive.holdings import Holding
from data_platform.assets.archive.pruning import Told
from data_platform.assets.archive.settings import RetentionSettings
from data_platform.partitions import DAYS
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.resources.deeds import Deeds, deed
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.store.archive.archive import Archive
from trading_runtime.store.archive.manifest import ArchiveManifest

GROUP = "archive"
OWNERS = ["team:data"]
RETENTION = "retention"
FEW_RUNS = dg.BackfillPolicy.multi_run(max_partitions_per_run=24)
COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("path", "string", "Relative to the data folder."),
        dg.TableColumn("sha256", "string", "Of the file's bytes."),
        dg.TableColumn("size", "int", "Bytes."),
        dg.TableColumn("key", "string", "Of the object that holds the bytes."),
    ]
)


def opened(configuration: Configuration, folder: DataFolder, clock: Clock) -> Archive:
    return archiving.open_to_write(configuration.settings.archive, folder.root, clock.now())


class RetentionRun(dg.Config):
    """What one run does otherwise than the settings say."""

    as_of: str = ""
    """A UTC time that counts as now, for demonstrations; empty: as in the settings."""
    dry_run: bool = False


def archived(holding: Holding) -> dg.AssetsDefinition:
    name = f"{holding.name}_archived"

    @dg.asset(
        name=name,
        deps=holding.deps,
        partitions_def=DAYS,
        backfill_policy=FEW_RUNS,
        group_name=GROUP,
        owners=OWNERS,
        kinds={holding.kind},
        description=f"{holding.description} In the archive under their digests, read back.",
        check_specs=[
            dg.AssetCheckSpec(
                "reads_back",
                asset=name,
                description="Objects whose turn it is this day still have their bytes.",
            )
        ],
    )
    def archive(
        context: dg.AssetExecutionContext,
        folder: DataFolder,
        configuration: Configuration,
        clock: Clock,
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside checks Dagster knows no other
        store, days = opened(configuration, folder, clock), context.partition_keys
        table = configuration.settings.platform.retention
        began, manifests = clock.now(), []
        for day in days:
            now = table.now(clock.now())
            of_day = archiving.archive_day(folder.root, store, holding, table, day, now)
            version = archiving.data_version(of_day)
            context.add_asset_metadata({"data_version": version}, partition_key=day)
            manifests += of_day
        duration_s = (clock.now() - began) / NANOS_PER_SECOND
        looked = archiving.sample(store, holding, date.fromisoformat(days[-1]).toordinal())
        return outcome(store, manifests, duration_s, looked)

    return archive


def outcome(
    store: Archive, manifests: list[ArchiveManifest], duration_s: float, looked: Looked
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # as above
    """Show what the archive holds of the days, and what was found of those whose turn it was."""
    return dg.MaterializeResult(
        metadata={
            **archiving.told(manifests),
            "duration_s": round(duration_s, 3),
            "archive": store.objects.capabilities.store,
            "protection_absent": list(store.objects.capabilities.absent),
            "dagster/column_schema": COLUMNS,
        },
        data_version=dg.DataVersion(archiving.data_version(manifests)),
        check_results=[
            dg.AssetCheckResult(
                passed=not looked.problems,
                metadata={"objects": looked.objects, "problems": list(looked.problems)},
            )
        ],
    )


@dg.asset(
    name=RETENTION,
    deps=[f"{it.name}_archived" for it in holdings.HOLDINGS],
    group_name=GROUP,
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            "only_what_is_safe_went",
            asset=RETENTION,
            description="Whatever is old enough here agrees with its copy in the archive.",
        )
    ],
)
def retention(
    context: dg.AssetExecutionContext,
    config: RetentionRun,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
    deeds: Deeds,
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside checks Dagster knows no other
    """What is past its time goes: from this disk once its copy was read back, from the archive."""
    notes: list[str] = []
    store = opened(configuration, folder, clock)
    table = asked(configuration.settings.platform.retention, config)
    not_kept = archiving.set_rules(store, configuration.settings.archive, table)
    swept = archiving.sweep(
        folder.root,
        store,
        table,
        clock.now(),
        telling(folder, deeds, context.run.run_id, notes),
    )
    stayed = swept.gone.stayed
    return dg.MaterializeResult(
        metadata={
            **swept_metadata(swept),
            "audit_record": notes or ["all deeds are in it"],
            "lifecycle_rules_absent": not_kept,
        },
        check_results=[dg.AssetCheckResult(passed=not stayed, metadata={"stayed": stayed})],
    )


def asked(table: RetentionSettings, config: RetentionRun) -> RetentionSettings:
    return msgspec.structs.replace(
        table, as_of=config.as_of or table.as_of, dry_run=config.dry_run or table.dry_run
    )


def telling(folder: DataFolder, deeds: Deeds, run_id: str, notes: list[str]) -> Told:
    """Give what records a deed; why one is not in the record yet is added to ``notes``."""

    def told(event_type: str, entity: str, about: JsonObject) -> None:
        operation = "expire" if event_type == "ArchiveExpired" else "prune"
        why = deeds.tell(folder.root, deed(event_type, operation, entity, run_id, about))
        if why and why not in notes:
            notes.append(why)

    return told


def swept_metadata(swept: Swept) -> dict[str, dg.MetadataValue]:
    """Show the plan, and what was done of it."""
    gone = swept.gone
    return {
        "plan": dg.MetadataValue.md(archiving.plan_table(swept.plan)),
        "pruned_files": dg.MetadataValue.int(sum(it.files for it in gone.pruned)),
        "pruned_bytes": dg.MetadataValue.int(sum(it.size for it in gone.pruned)),
        "expired_partitions": dg.MetadataValue.int(len(gone.expired)),
        "expired_bytes": dg.MetadataValue.int(sum(it.size for it in gone.expired)),
        "still_locked": dg.MetadataValue.int(sum(it.locked for it in gone.expired)),
        "locks_lengthened": dg.MetadataValue.int(gone.locked),
    }


archive_job = dg.define_asset_job(
    "archive_job",
    selection=dg.AssetSelection.assets(*(f"{it.name}_archived" for it in holdings.HOLDINGS)),
    partitions_def=DAYS,
    description="One day of every data set into the archive (DP-6: 03:30).",
)
retention_job = dg.define_asset_job(
    "retention_job",
    selection=dg.AssetSelection.assets(RETENTION),
    description="What is past its time goes, once its copy was read back.",
)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.STARTED,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the audit record of each run of a backfill.",
)
def backfills_told(context: dg.RunStatusSensorContext, folder: DataFolder, deeds: Deeds) -> None:
    run = context.dagster_run
    backfill = run.tags.get("dagster/backfill")
    if backfill is not None:
        about: JsonObject = {
            "backfill": backfill,
            "job": run.job_name,
            "first": run.tags.get(
                "dagster/asset_partition_range_start", run.tags.get("dagster/partition", "")
            ),
            "last": run.tags.get(
                "dagster/asset_partition_range_end", run.tags.get("dagster/partition", "")
            ),
        }
        deeds.tell(
            folder.root,
            deed("BackfillStarted", "backfill", f"platform:{run.job_name}", run.run_id, about),
        )


ASSETS = (*(archived(it) for it in holdings.HOLDINGS), retention)
CHECKS = ()
JOBS = (archive_job, retention_job)
SENSORS = (backfills_told,)
