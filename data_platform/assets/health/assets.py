"""The hourly look in Dagster; see ``hour`` and ``alarm``."""

import hashlib

import dagster as dg

from data_platform.assets.health import hour
from data_platform.assets.health.alarm import alarm
from data_platform.assets.health.hour import Asked
from data_platform.notices.delivery import Post, deliver
from data_platform.partitions import HOURS, hour_of
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder

NAME = "hourly_health"


@dg.asset(
    name=NAME,
    deps=["log_lines", "depth", "trades"],
    partitions_def=HOURS,
    group_name="health",
    owners=["team:data"],
    kinds={"json"},
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=24),
    check_specs=[
        dg.AssetCheckSpec(
            "hour_is_well",
            asset=NAME,
            description="Recorded without silence or gaps, in time, without errors.",
        )
    ],
)
def hourly_health(
    context: dg.AssetExecutionContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside checks Dagster knows no other
    """Whether each hour was recorded whole, in time and without errors; told at once if not."""
    settings, now = configuration.settings.platform, clock.now()
    digest, shown, anomalies, told = hashlib.sha256(), [], [], []
    for key in context.partition_keys:
        asked = Asked(hour_of(key), settings.health, now)
        health = hour.write(folder.root, asked)
        digest.update(health.text().encode())
        shown.append(f"## {health.hour}\n```\n{health.text()}```")
        anomalies += [f"{health.hour} {it.name}: {it.value}" for it in health.anomalies]
        notice = alarm(health, now)
        if notice is not None and asked.is_fresh:
            told.append(deliver(notice, Post(folder.root, settings.notices), now).state)
    return dg.MaterializeResult(
        metadata={"health": dg.MetadataValue.md("\n".join(shown)), "anomalies": anomalies},
        data_version=dg.DataVersion(f"sha256:{digest.hexdigest()}"),
        check_results=[
            dg.AssetCheckResult(
                passed=not anomalies,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"anomalies": anomalies, "notices": told},
            )
        ],
    )


ASSETS = (hourly_health,)
CHECKS = ()
