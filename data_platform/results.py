"""Batches as Dagster's results: metadata, data versions, check results."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from data_platform.assets import batch, told
from data_platform.assets.batch import Batch
from data_platform.checks import verdict
from trading_runtime.records.lake_schema import Table
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Manifest


def staging(done: Batch) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        metadata={
            "staged": list(done.staged),
            "unchanged": list(done.unchanged),
            "sealed": done.sealed,
        }
    )


def judgement(root: Path, name: str, table: Table, hour: Hour) -> dg.AssetCheckResult:
    """Judge every staged dataset; one that breaks a blocking rule stops the hour."""
    judged = [(it.path, verdict.judge(it, hour)) for it in batch.to_judge(root, name, table)]
    return dg.AssetCheckResult(
        passed=all(quality.passed for _, quality in judged),
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "datasets": len(judged),
            "expectations": sum(quality.expectations for _, quality in judged),
            "broken": dg.MetadataValue.md(told.broken_table(judged)),
        },
    )


def publication(manifests: Sequence[Manifest], data: Path) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        metadata={
            **told.totals(manifests, data),
            "datasets": dg.MetadataValue.md(told.table(manifests)),
        },
        data_version=dg.DataVersion(told.data_version(manifests)),
    )
