"""The audit record in Dagster: verified, copied, locked; see ``verification`` and ``cold``."""

import dagster as dg

from data_platform.assets.audit import cold, verification
from data_platform.assets.audit.verification import Believed
from data_platform.partitions import DAYS
from data_platform.resources.archive import Archive
from data_platform.resources.clock import Clock
from data_platform.resources.data_folder import DataFolder

GROUP = "audit"
OWNERS = ["team:data"]
VERIFIED = "audit_verified"
LOCKED = "audit_locked"


@dg.asset(
    partitions_def=DAYS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"json"},
    check_specs=[
        dg.AssetCheckSpec(
            "audit_day_proves_itself",
            asset=VERIFIED,
            blocking=True,
            description="Nothing of the day was changed and nothing is missing.",
        )
    ],
)
def audit_verified(
    context: dg.AssetExecutionContext, folder: DataFolder, archive: Archive, clock: Clock
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside checks Dagster knows no other
    """The day's audit entries, verified from files, public keys and the archive alone."""
    day = context.partition_key
    objects = archive.to_read(folder.root)
    believed = Believed(archive.pin, archive.trust)
    report = verification.verify_day(folder.root, objects, believed, day, clock.now())
    verdicts = verification.told(report)
    is_stale = report.exit_status == verification.STALE
    kept = verification.keep(folder.root, day, report)
    return dg.MaterializeResult(
        metadata={**verdicts, "report": dg.MetadataValue.path(kept)},
        check_results=[
            dg.AssetCheckResult(
                passed=report.exit_status == 0,
                # A witness that is silent stops no copy: only what is witnessed is copied.
                severity=dg.AssetCheckSeverity.WARN if is_stale else dg.AssetCheckSeverity.ERROR,
                metadata=verdicts,
            )
        ],
    )


@dg.asset(
    deps=[audit_verified],
    partitions_def=DAYS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet"},
)
def audit_archived(
    folder: DataFolder, archive: Archive, clock: Clock
) -> dg.MaterializeResult[None]:
    """Audit entries by block in the archive, as bundles and Parquet, under retention locks."""
    objects = archive.to_write(folder.root, clock.now())
    copied = cold.copy(folder.root, objects, clock.now(), archive.retention_days)
    return dg.MaterializeResult(
        metadata={
            "objects": list(copied.keys),
            "bytes": copied.size,
            "entries": copied.entries,
            "archive": objects.capabilities.store,
            "protection_absent": list(objects.capabilities.absent),
        }
    )


@dg.asset(
    deps=[audit_archived],
    partitions_def=DAYS,
    group_name=GROUP,
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            "archive_is_as_written",
            asset=LOCKED,
            description="No object was overwritten or deleted; each that can be locked is.",
        )
    ],
)
def audit_locked(folder: DataFolder, archive: Archive, clock: Clock) -> dg.MaterializeResult:  # type: ignore[type-arg]  # as above
    """The archive's retention locks, lengthened where they have become too short."""
    objects = archive.to_write(folder.root, clock.now())
    seen = cold.look_at_locks(objects, clock.now(), archive.retention_days)
    return dg.MaterializeResult(
        metadata={
            "objects": seen.objects,
            "extended": seen.extended,
            "unlocked": len(seen.unlocked),
            "meddled": list(seen.meddled),
            "protection_absent": list(objects.capabilities.absent),
        },
        check_results=[
            dg.AssetCheckResult(
                passed=cold.are_held(objects, seen),
                severity=dg.AssetCheckSeverity.ERROR,
                metadata={"unlocked": list(seen.unlocked), "meddled": list(seen.meddled)},
            )
        ],
    )
