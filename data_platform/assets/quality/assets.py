"""Quality in Dagster: the Data Docs, and checks of what spans more than one dataset."""

from pathlib import Path

import dagster as dg

from data_platform.assets.quality import pages, whole
from data_platform.checks import copies
from data_platform.partitions import DAYS, HOURS, hour_of
from data_platform.resources.archive import Archive
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder

GROUP = "quality"
JUDGED = ("depth", "trades", "ticker", "klines", "checkpoints", "log_lines")


@dg.asset(
    deps=[f"{it}_staged" for it in JUDGED],
    group_name=GROUP,
    owners=["team:data"],
    kinds={"html"},
)
def data_docs(folder: DataFolder, configuration: Configuration) -> dg.MaterializeResult[None]:
    """Pages of Great Expectations: what each expectation measured, hour by hour, to be browsed."""
    days = configuration.settings.platform.quality.docs_days
    built = pages.build(folder.root, days)
    return dg.MaterializeResult(
        metadata={
            "index": dg.MetadataValue.url(built.front.resolve().as_uri()),
            "pages": len(built.pages),
            "written": built.written,
            "removed": built.removed,
            "with_broken_rules": sum(it.broken > 0 for it in built.pages),
            "with_warnings": sum(it.warned > 0 for it in built.pages),
        }
    )


@dg.asset_check(asset="log_lines", partitions_def=HOURS)
def order_expectations(
    context: dg.AssetCheckExecutionContext, folder: DataFolder, configuration: Configuration
) -> dg.AssetCheckResult:
    """Each order of the hour led a legal life: its states, fills, fees and times."""
    settings = configuration.settings.platform.quality
    hours = [hour_of(it) for it in context.partition_keys]
    return shown(folder.root, [whole.checked_orders(folder.root, it, settings) for it in hours])


@dg.asset_check(
    asset="depth",
    additional_deps=["trades", "ticker", "klines", "checkpoints"],
    partitions_def=HOURS,
)
def lake_expectations(
    context: dg.AssetCheckExecutionContext, folder: DataFolder, configuration: Configuration
) -> dg.AssetCheckResult:
    """The tables of an hour agree with each other, and its files with their manifests."""
    settings = configuration.settings.platform.quality
    hours = [hour_of(it) for it in context.partition_keys]
    return shown(folder.root, [whole.checked_lake(folder.root, it, settings) for it in hours])


@dg.asset_check(asset="audit_locked", partitions_def=DAYS)
def audit_copies_kept(folder: DataFolder, archive: Archive, clock: Clock) -> dg.AssetCheckResult:
    """The archive holds no fewer blocks, digests and heads of the audit record than ever."""
    found = copies.look(folder.root, archive.to_read(folder.root), clock.now())
    return dg.AssetCheckResult(
        passed=not any(it.broken for it in found),
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={it.rule.name: it.measured for it in found},
    )


def shown(data: Path, told: list[whole.Told]) -> dg.AssetCheckResult:
    blocking = any(rule.blocking for it in told for rule in it.broken)
    return dg.AssetCheckResult(
        passed=not any(it.broken for it in told),
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata={
            "expectations": sum(it.expectations for it in told),
            "broken": dg.MetadataValue.md(whole.table(told)),
            "data_docs": dg.MetadataValue.url(
                (pages.docs_folder(data) / pages.INDEX).resolve().as_uri()
            ),
        },
    )


ASSETS = (data_docs,)
CHECKS = (order_expectations, lake_expectations, audit_copies_kept)
