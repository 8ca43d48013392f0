"""The reports in Dagster; see ``daily``."""

import hashlib

import dagster as dg

from data_platform.assets.reports import daily
from data_platform.assets.reports.day import Asked
from data_platform.notices.delivery import Post, deliver
from data_platform.partitions import DAYS
from data_platform.resources.clock import Clock
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder


@dg.asset(
    deps=["log_lines", "depth", "trades", "ticker", "audit_verified"],
    partitions_def=DAYS,
    group_name="reports",
    owners=["team:data"],
    kinds={"html"},
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=31),
)
def daily_report(
    context: dg.AssetExecutionContext,
    folder: DataFolder,
    configuration: Configuration,
    clock: Clock,
) -> dg.MaterializeResult[None]:
    """The daily inspection, recomputed from the record: text, HTML page, picture; sent by mail."""
    settings = configuration.settings.platform
    digest, states = hashlib.sha256(), []
    for day in context.partition_keys:
        asked = Asked(day, settings.business_tz, settings.reports)
        now = clock.now()
        is_over = asked.span.end <= now
        done = daily.write(folder.root, asked if is_over else asked._replace(now=now))
        told = deliver(done.notice, Post(folder.root, settings.notices), now)
        states.append(f"{day}: {', '.join([told.state, *told.failed])}")
        digest.update(done.text.encode())
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.md(f"```\n{done.text}```"),
            "page": dg.MetadataValue.path(done.page),
            "chart": dg.MetadataValue.path(done.picture),
            "coverage": done.report.coverage.told,
            "attention": len(done.report.attention),
            "sent": states,
        },
        data_version=dg.DataVersion(f"sha256:{digest.hexdigest()}"),
    )


ASSETS = (daily_report,)
CHECKS = ()
