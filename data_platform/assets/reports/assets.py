"""The reports in Dagster; see ``daily``."""

import hashlib

import dagster as dg

from data_platform.assets.reports import daily
from data_platform.assets.reports.mail import Addresses
from data_platform.partitions import DAYS
from data_platform.resources.data_folder import DataFolder
from data_platform.resources.post import Post


@dg.asset(
    deps=["log_lines", "depth", "trades", "ticker"],
    partitions_def=DAYS,
    group_name="reports",
    owners=["team:data"],
    kinds={"html"},
)
def daily_report(
    context: dg.AssetExecutionContext, folder: DataFolder, post: Post
) -> dg.MaterializeResult[None]:
    """The daily inspection report, recomputed from the record: text, HTML page and mail."""
    addresses = Addresses(post.sender, post.recipient)
    done = daily.write(folder.root, context.partition_key, addresses)
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.md(f"```\n{done.text}```"),
            "page": dg.MetadataValue.path(done.page),
            "mail": dg.MetadataValue.path(done.mail),
            "coverage": done.report.covered,
        },
        data_version=dg.DataVersion(f"sha256:{hashlib.sha256(done.text.encode()).hexdigest()}"),
    )
