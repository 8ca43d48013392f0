"""The dbt project in Dagster: every model an asset, every test a check; see ``running``.

The models of a run share one workbench, so all of them are built whatever is selected; what is
selected is what the run reports on.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from data_platform.assets.models import exported, inputs, project, running
from data_platform.assets.models.running import Made
from data_platform.partitions import DAYS
from data_platform.resources.configuration import Configuration
from data_platform.resources.data_folder import DataFolder

GROUP = "models"
OWNERS = ["team:data"]
DAYS_PER_RUN_MAX = 31
MANIFEST = project.prepared() / project.MANIFEST
NODES: Mapping[str, Mapping[str, Any]] = json.loads(MANIFEST.read_bytes())["nodes"]
MARTS = sorted(
    it["name"]
    for it in NODES.values()
    if it["resource_type"] == "model" and it["fqn"][1] == "marts"
)
UNIQUE_ID = "dagster_dbt/unique_id"


class Translator(DagsterDbtTranslator):
    """Keys are the models' names, descriptions those of their YAML."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props["description"])


RECORDED_DAYS = dg.AssetSpec(
    "recorded_days",
    description="The UTC days that have archived lines, by the manifests: others are no days.",
    group_name=GROUP,
    owners=OWNERS,
)
INSTRUMENT_GRIDS = dg.AssetSpec(
    "instrument_grids",
    description="Ticks, lots and multipliers, from the footers of the lake's files.",
    group_name=GROUP,
    owners=OWNERS,
)
CARRIED_OVER = dg.AssetSpec(
    "carried_over",
    description="What the marts of the last day before leave: positions, parameters, instruments.",
    group_name=GROUP,
    owners=OWNERS,
)


@dg.asset(
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.multi_run(DAYS_PER_RUN_MAX),
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet"},
)
def audit_log_exported(
    context: dg.AssetExecutionContext, folder: DataFolder, configuration: Configuration
) -> dg.MaterializeResult[None]:
    """The audit index as Parquet, for the models: exports/audit_log/Y/M/D.parquet."""
    url = configuration.settings.audit.database
    done = [exported.export(folder.root, url, day) for day in context.partition_keys]
    return dg.MaterializeResult(
        metadata={
            "rows": sum(it.rows for it in done),
            "bytes": sum(it.path.stat().st_size for it in done if it.path),
            "files": [str(it.path.relative_to(folder.root)) for it in done if it.path],
        }
    )


@dbt_assets(
    manifest=MANIFEST,
    name="models",
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.multi_run(DAYS_PER_RUN_MAX),
    dagster_dbt_translator=Translator(),
)
def models(
    context: dg.AssetExecutionContext, folder: DataFolder
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Build the days' models, publish the marts, and tell of each test and model."""
    made = running.make(folder.root, context.partition_keys, MARTS)
    for key in sorted(context.selected_asset_check_keys):
        result = checked(made, key, context.assets_def.get_spec_for_check_key(key))
        if result:
            yield result
    if made.outcome.unbuilt:
        raise dg.Failure(f"nothing was published: {made.outcome.why}")
    for name in made.outcome.models:
        if dg.AssetKey(name) in context.selected_asset_keys:
            yield materialised(made, name)


def materialised(made: Made, name: str) -> dg.MaterializeResult[None]:
    key = dg.AssetKey(name)
    node = made.outcome.models[name]
    metadata: dict[str, Any] = {
        "dagster/row_count": made.rows[name],
        "duration_s": round(node.execution_time, 3),
        "days": [it.day for it in made.plan.days],
    }
    if name not in MARTS:
        return dg.MaterializeResult(asset_key=key, metadata=metadata)
    files = [it.marts[name] for it in made.built.values()]
    content = "".join(f"{it.path} {it.sha256}\n" for it in files)
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            **metadata,
            "dagster/row_count": sum(it.rows for it in files),
            "bytes": sum(it.size_bytes for it in files),
            "days": sorted(made.built),
            "files": [it.path for it in files],
        },
        data_version=dg.DataVersion(f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"),
    )


def checked(
    made: Made, key: dg.AssetCheckKey, spec: dg.AssetCheckSpec
) -> dg.AssetCheckResult | None:
    """Tell how a test went; of one that dbt passed over there is nothing to tell."""
    node = made.outcome.nodes.get(str((spec.metadata or {})[UNIQUE_ID]))
    if node is None or node.status == "skipped":
        return None
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=node.status == "pass",
        severity=(
            dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR
        ),
        metadata={"rows": node.failures or 0, "message": node.message or ""},
    )


@dg.asset(
    deps=[dg.AssetKey(it) for it in MARTS],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"dbt", "html"},
)
def models_docs(folder: DataFolder) -> dg.MaterializeResult[None]:
    """The project's documentation: every model, column, test and where it comes from, one page."""
    page = running.document(folder.root)
    return dg.MaterializeResult(
        metadata={"page": dg.MetadataValue.path(page), "bytes": page.stat().st_size}
    )


models_job = dg.define_asset_job(
    "models_job",
    selection=dg.AssetSelection.assets(audit_log_exported, models),
    partitions_def=DAYS,
    description="The marts of a day, with all that they are made from in the models.",
)

due = inputs.due
"""Which days' marts are not made of what is archived now: what a schedule asks."""

ASSETS = (
    RECORDED_DAYS,
    INSTRUMENT_GRIDS,
    CARRIED_OVER,
    audit_log_exported,
    models,
    models_docs,
)
CHECKS: tuple[dg.AssetChecksDefinition, ...] = ()
JOBS = (models_job,)
