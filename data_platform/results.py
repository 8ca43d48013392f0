"""Batches as Dagster's results: metadata, data versions, check results."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from data_platform.assets import batch, told
from data_platform.checks import verdict
from data_platform.checks.quarantine import Quarantined
from data_platform.checks.settings import QualitySettings
from data_platform.checks.verdict import Judged
from data_platform.partitions import HOURS, key_of
from data_platform.resources.engine import Engine
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import Table
from trading_runtime.store import commit
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import Manifest

Shown = dg.UrlMetadataValue | dg.MarkdownMetadataValue | dg.PathMetadataValue


class Asked(NamedTuple):
    """One hour's batch of a table, to be judged; ``name`` is the batch's own."""

    root: Path
    name: str
    table: Table
    hour: Hour


def check_names(asset: str) -> tuple[str, str]:
    """Name the two checks of a staged table, whose asset is named ``<table>_staged``."""
    name = asset.removesuffix("_staged")
    return f"{name}_expectations", f"{name}_publishable"


def check_specs(asset: str) -> list[dg.AssetCheckSpec]:
    """Declare the two checks of a staged table.

    The first is red as soon as one symbol broke a rule, and stops nothing: the symbol's file is in
    quarantine by then, so that no step after this one can meet it, while the others go on. The
    second stops the hour where nothing is left to go on with.
    """
    expectations, publishable = check_names(asset)
    return [
        dg.AssetCheckSpec(
            expectations,
            asset=asset,
            partitions_def=HOURS,
            description="What an hour promises before it is published; "
            "a symbol that breaks a blocking rule goes into quarantine.",
        ),
        dg.AssetCheckSpec(
            publishable,
            asset=asset,
            partitions_def=HOURS,
            blocking=True,
            description="At least one symbol of the hour is fit to be published.",
        ),
    ]


class JudgedHour(NamedTuple):
    """What became of one hour's batch; ``left`` says whether anything of it may be published."""

    hour: Hour
    judged: Sequence[Judged]
    left: bool

    @property
    def bad(self) -> list[Quarantined]:
        return [it.quarantined for it in self.judged if it.quarantined]


def judge_hour(data: Path, asked: Asked, settings: QualitySettings, engine: Engine) -> JudgedHour:
    """Judge every staged dataset, and take those that went into quarantine out of the batch."""
    root, name = asked.root, asked.name
    with commit.locked(root, name):
        tasks = [
            verdict.task(data, it, asked.hour, settings)
            for it in batch.to_judge(root, name, asked.table)
        ]
        judged = engine.map(verdict.judge_or_quarantine, tasks)
        after = batch.set_aside(root, name, [it.path for it in judged if it.quarantined])
    return JudgedHour(asked.hour, judged, bool(after.staged or after.unchanged))


def judgement(
    asset: str, data: Path, asked: Sequence[Asked], settings: QualitySettings, engine: Engine
) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation]:
    """Judge the batches of a staged table and give the results of its two checks.

    A run of several hours tells of each hour by itself too: a result alone has no partition then.
    An hour of which nothing is left stops a run of its own; among others it is left out.
    """
    hours = [judge_hour(data, it, settings, engine) for it in asked]
    expectations, publishable = check_names(asset)
    if len(hours) > 1:
        for it in hours:
            yield dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(asset),
                check_name=expectations,
                passed=not it.bad,
                metadata=judged_metadata(data, [it]),
                partition=key_of(it.hour),
            )
    bad = [quarantined for it in hours for quarantined in it.bad]
    yield dg.AssetCheckResult(
        asset_key=asset,
        check_name=expectations,
        passed=not bad,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=judged_metadata(data, hours),
    )
    yield dg.AssetCheckResult(
        asset_key=asset,
        check_name=publishable,
        passed=not bad or any(it.left or not it.bad for it in hours),
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"quarantined": len(bad)},
    )


def judged_metadata(data: Path, hours: Sequence[JudgedHour]) -> dict[str, int | Shown]:
    """Show what was judged: every broken rule, and what went into quarantine."""
    judged = [(it.path, it.quality) for hour in hours for it in hour.judged]
    return {
        "datasets": len(judged),
        "expectations": sum(quality.expectations for _, quality in judged),
        "broken": dg.MetadataValue.md(told.broken_table(judged)),
        **quarantine_metadata(data, [it for hour in hours for it in hour.bad]),
    }


def quarantine_metadata(data: Path, bad: Sequence[Quarantined]) -> dict[str, Shown]:
    """Show what is in quarantine, with the offending rows, and say where the pages are."""
    pages = Path(layout.quality(data), "docs", "index.html")
    found: dict[str, Shown] = {"data_docs": dg.MetadataValue.url(pages.resolve().as_uri())}
    if bad:
        found["quarantined"] = dg.MetadataValue.md(told.quarantine_table(bad))
        found["offending_rows"] = dg.MetadataValue.md(told.offending_table(data, bad))
        found["quarantine"] = dg.MetadataValue.path(layout.quarantine(data))
    return found


def publication(manifests: Sequence[Manifest], data: Path) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        metadata={
            **told.totals(manifests, data),
            "datasets": dg.MetadataValue.md(told.table(manifests)),
        },
        data_version=dg.DataVersion(told.data_version(manifests)),
    )
