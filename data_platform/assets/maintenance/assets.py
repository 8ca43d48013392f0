"""The nightly care in Dagster; see ``backup``, ``disk``, ``machine``, ``upkeep``."""

import hashlib

import dagster as dg
import msgspec

from data_platform import past
from data_platform.assets.archive import archiving
from data_platform.assets.archive.pruning import Told
from data_platform.assets.health.hour import shown
from data_platform.assets.maintenance import backup, disk, machine, upkeep
from data_platform.assets.maintenance.backup import Backup
from data_platform.assets.maintenance.disk import Condition, Space
from data_platform.assets.reports.report import Item, Verdict
from data_platform.days import utc_days_until
from data_platform.notices import old
from data_platform.notices.delivery import Post, deliver
from data_platform.notices.notice import Notice, Severity
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder
from data_platform.resources.deeds import Deeds, deed
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.records.units import Nanos

GROUP = "maintenance"
OWNERS = ["team:data"]
BACKUP, SPACE, STATE = "database_backup", "disk_space", "machine_state"
POSTGRES = ("postgres://", "postgresql://")
EARLY_DAYS = 3
"""Of today and before it, what is whole is archived early; older days were in their turn."""


def urls(configuration: Configuration) -> list[str]:
    """Give the PostgreSQL databases: the audit record's, where it is one, and those set besides."""
    settings = configuration.settings
    audit = settings.audit.database
    known = [audit] if audit.startswith(POSTGRES) else []
    return [*known, *settings.platform.maintenance.postgres]


@dg.asset(
    name=BACKUP,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"sqlite", "postgres"},
    check_specs=[
        dg.AssetCheckSpec(
            "backup_restores",
            asset=BACKUP,
            description="Restored into databases of their own: whole, and with the same rows.",
        )
    ],
)
def database_backup(
    folder: DataFolder, configuration: Configuration, clock: Clock
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside checks Dagster knows no other
    """Every SQLite database below the data folder, and PostgreSQL's, as of one moment each."""
    began = clock.now()
    made = backup.make(folder.root, urls(configuration), began)
    return dg.MaterializeResult(
        metadata={
            "databases": dg.MetadataValue.md(table(made)),
            "rows": made.rows,
            "bytes": made.size,
            "source_bytes": made.source_bytes,
            "ratio": round(made.size / made.source_bytes, 4) if made.source_bytes else 0.0,
            "duration_s": round((clock.now() - began) / 1e9, 3),
        },
        data_version=dg.DataVersion(f"sha256:{made.sha256}"),
        check_results=[
            dg.AssetCheckResult(
                passed=not made.unproved,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"restored": len(made.databases), "not_restored": made.unproved},
            )
        ],
    )


def table(made: Backup) -> str:
    lines = ["| database | bytes | rows | restored |", "|---|---|---|---|"]
    lines += [f"| {it.path} | {it.size} | {sum(it.rows.values())} | yes |" for it in made.databases]
    lines += [
        f"| {it.database} | {it.size} | {sum(one.rows for one in it.tables.values())} "
        f"| {'yes' if it.restored else it.why} |"
        for it in made.dumps
    ]
    return "\n".join(lines)


def alarm(space: Space, freed: str, now: Nanos) -> Notice:
    is_critical = space.condition is Condition.CRITICAL
    return Notice(
        key=f"disk {space.condition.name}",
        severity=Severity.CRITICAL if is_critical else Severity.WARNING,
        title=f"Disk: {space.why}",
        text=f"{disk.text(space)}{freed}\nWhat to do: docs/platform.md, Alarms, Disk.\n",
        at=now,
    )


@dg.asset(
    name=SPACE,
    group_name=GROUP,
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            "disk_has_room",
            asset=SPACE,
            description="Enough is free, and will be for some days as the disk grows now.",
        )
    ],
)
def disk_space(
    context: dg.AssetExecutionContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
    deeds: Deeds,
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside checks Dagster knows no other
    """How full the disk is and when it will be; archives early and alarms before it is full."""
    settings, now = configuration.settings, clock.now()
    limits = settings.platform.maintenance
    space, freed = disk.look(folder.root, limits, now), ""
    if space.condition is not Condition.WELL:

        def told(event_type: str, entity: str, about: JsonObject) -> None:
            deeds.tell(folder.root, deed(event_type, "prune", entity, context.run.run_id, about))

        freed = archive_early(folder, configuration, clock, told)
        space = disk.look(folder.root, limits, clock.now())
    if space.condition is not Condition.WELL:
        deliver(alarm(space, freed, now), Post(folder.root, settings.platform.notices), now)
    used = space.measure
    return dg.MaterializeResult(
        metadata={
            "space": dg.MetadataValue.md(f"```\n{disk.text(space)}{freed}```"),
            "free_percent": round(used.free_percent, 2),
            "used_bytes": used.used,
            "total_bytes": used.total,
            "full_in_days": -1.0 if space.full_in_days is None else round(space.full_in_days, 2),
        },
        check_results=[
            dg.AssetCheckResult(
                passed=space.condition is Condition.WELL,
                severity=dg.AssetCheckSeverity.ERROR
                if space.condition is Condition.CRITICAL
                else dg.AssetCheckSeverity.WARN,
                metadata={"why": space.why},
            )
        ],
    )


def archive_early(
    folder: DataFolder, configuration: Configuration, clock: Clock, told: Told
) -> str:
    """Archive what is whole and let go what may go; say what came of it."""
    settings, now = configuration.settings, clock.now()
    store = archiving.open_to_write(settings.archive, folder.root, now)
    days = utc_days_until(now, EARLY_DAYS)
    swept = archiving.archive_early(
        folder.root, store, settings.platform.retention, days, now, told
    )
    files = sum(it.files for it in swept.gone.pruned)
    size = sum(it.size for it in swept.gone.pruned)
    return f"archived early: {files} files, {size / disk.GIB:.2f} GiB went from this disk\n"


@dg.asset(
    name=STATE,
    group_name=GROUP,
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            "nothing_waits",
            asset=STATE,
            description="No hour is overdue, no log is left, no update for security waits.",
        )
    ],
)
def machine_state(
    folder: DataFolder, configuration: Configuration, clock: Clock
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # as above
    """What waits: hours to compact, logs to archive, updates; load, memory and GPU."""
    settings, now = configuration.settings.platform, clock.now()
    days = settings.retention.logs.here_days + 1
    items = (
        *upkeep.look(folder.root, days, now),
        *machine.look(updates=settings.maintenance.updates),
    )
    waiting = [it for it in items if it.verdict is Verdict.ATTENTION]
    return dg.MaterializeResult(
        metadata={
            "state": dg.MetadataValue.md(told_items(items)),
            "attention": [shown(it) for it in waiting],
        },
        data_version=dg.DataVersion(
            f"sha256:{hashlib.sha256(msgspec.json.encode(items)).hexdigest()}"
        ),
        check_results=[
            dg.AssetCheckResult(
                passed=not waiting,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"attention": [shown(it) for it in waiting]},
            )
        ],
    )


def told_items(items: tuple[Item, ...]) -> str:
    return "```\n" + "".join(f"{shown(it)}\n" for it in items) + "```"


@dg.asset(group_name=GROUP, owners=OWNERS)
def dagster_purged(
    context: dg.AssetExecutionContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
    deeds: Deeds,
) -> dg.MaterializeResult[None]:
    """Dagster's old runs and ticks, and old outcomes of alarms, removed; recorded as a deed."""
    limits, now = configuration.settings.platform.maintenance, clock.now()
    gone = past.purge(context.instance, limits.runs_kept_days, limits.ticks_kept_days, now)
    notices = old.purge(folder.root, limits.notices_kept_days, now)
    why = ""
    if gone.runs:
        about: JsonObject = {"runs": len(gone.runs), "older_than_days": limits.runs_kept_days}
        act = deed("RunsPurged", "purge", "platform:dagster", context.run.run_id, about)
        why = deeds.tell(folder.root, act)
    return dg.MaterializeResult(
        metadata={
            "runs": len(gone.runs),
            "kept_as_newest": gone.kept,
            "schedules_and_sensors": gone.instigators,
            "notices": notices,
            "audit_record": why or "it is in it",
        }
    )


ASSETS = (database_backup, disk_space, machine_state, dagster_purged)
CHECKS = ()
