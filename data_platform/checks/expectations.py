"""The rules as a Great Expectations suite.

What is heavy was measured once, by rule, over all rows; the suite validates that one row of
metrics, each against its limit, and a sample of the rows themselves. Great Expectations is loaded
on first use: it takes seconds. Its aggregate expectations (a column's maximum) cost a third of
those that look at each value, and say as much about one row.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Finding, Int64s
from trading_runtime.records.lake_schema import Table
from trading_runtime.store.manifest import RuleResult

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.expectations.expectation import Expectation

Json = dict[str, Any]

SAMPLE_ROWS_MAX = 10_000
"""Enough to meet each kind of row, and milliseconds to validate."""
ROWS_TOLD_MAX = 20
"""So many offending row numbers of one rule are written down; all of them are counted."""
LEAST: Mapping[str, int] = {
    "px": 0,
    "qty": 0,
    "first_id": 0,
    "trade_id": 1,
    "update_id": 0,
    "bid_px": 1,
    "ask_qty": 0,
    "n_trades": 0,
    "level": 0,
}
"""The least that a column can hold at all, per name."""
MOST: Mapping[str, int] = {"side": 1, "flags": 255}


class ExpectationRaised(RuntimeError):
    """An expectation could not be evaluated: that says nothing about the data."""


class Outcome(NamedTuple):
    """``result`` is the validation as the library writes it, for its Data Docs."""

    expectations: int
    broken: tuple[RuleResult, ...]
    result: Json


def sample_places(rows: int) -> Int64s:
    """Choose evenly spaced rows, the first and the last among them."""
    return np.unique(np.linspace(0, rows - 1, min(rows, SAMPLE_ROWS_MAX)).astype(np.int64))


def validate(
    name: str, rows: pa.Table, expectations: "Sequence[Expectation]"
) -> "ExpectationSuiteValidationResult":
    """Validate rows in a context of its own that writes no file and asks no network."""
    import great_expectations as gx  # noqa: PLC0415 -- takes seconds to load
    from great_expectations.data_context.types.base import (  # noqa: PLC0415
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # The default of this mode leaves a temporary folder for its documents at each call.
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(
        store_backend_defaults=stores,
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    source = context.data_sources.add_pandas(name)
    whole = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    batch = whole.get_batch({"dataframe": rows.to_pandas()})
    suite = gx.ExpectationSuite(name=name, expectations=list(expectations))
    result = batch.validate(suite, result_format="BASIC")
    for it in result.results:
        if it.exception_info.get("raised_exception"):
            raise ExpectationRaised(f"{it.expectation_config}: {it.exception_info}")
    return result


def validate_metrics(name: str, findings: Sequence[Finding]) -> Outcome:
    """Expect what each rule measured to be within its limit."""
    from great_expectations.expectations.core.expect_column_max_to_be_between import (  # noqa: PLC0415
        ExpectColumnMaxToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity  # noqa: PLC0415

    metrics = pa.table({it.rule.name: [it.measured] for it in findings})
    suite = [
        ExpectColumnMaxToBeBetween(
            column=it.rule.name,
            max_value=it.limit,
            description=f"{it.rule.promise}: at most {it.limit}",
            severity=FailureSeverity.CRITICAL if it.rule.blocking else FailureSeverity.WARNING,
        )
        for it in findings
    ]
    result = validate(name, metrics, suite)
    failed = {column_of(it) for it in result.results if not it.success}
    broken = tuple(rule_result(it) for it in findings if it.rule.name in failed)
    return Outcome(len(suite), broken, plain(result))


def rule_result(finding: Finding) -> RuleResult:
    return RuleResult(
        rule=finding.rule.name,
        promise=finding.rule.promise,
        blocking=finding.rule.blocking,
        found=len(finding.rows) or finding.measured,
        rows=tuple(finding.rows[:ROWS_TOLD_MAX].tolist()),
        measured=finding.measured,
        limit=finding.limit,
    )


def validate_sample(name: str, rows: pa.Table, table: Table) -> Outcome:
    """Expect of a sample that its columns are the table's, and within what they can hold at all."""
    from great_expectations.expectations.core.expect_column_max_to_be_between import (  # noqa: PLC0415
        ExpectColumnMaxToBeBetween,
    )
    from great_expectations.expectations.core.expect_column_min_to_be_between import (  # noqa: PLC0415
        ExpectColumnMinToBeBetween,
    )
    from great_expectations.expectations.core.expect_table_columns_to_match_ordered_list import (  # noqa: PLC0415
        ExpectTableColumnsToMatchOrderedList,
    )

    columns = [it.name for it in table.columns]
    counted = [it.name for it in table.columns if "int" in it.type]
    suite: list[Expectation] = [ExpectTableColumnsToMatchOrderedList(column_list=columns)]
    suite += [
        ExpectColumnMinToBeBetween(column=it, min_value=LEAST[it]) for it in counted if it in LEAST
    ]
    suite += [
        ExpectColumnMaxToBeBetween(column=it, max_value=MOST[it]) for it in counted if it in MOST
    ]
    result = validate(name, rows.take(sample_places(rows.num_rows)), suite)
    broken = tuple(sample_result(it) for it in result.results if not it.success)
    return Outcome(len(suite), broken, plain(result))


def plain(result: Any) -> Json:  # noqa: ANN401 -- likewise
    told: Json = result.to_json_dict()
    return told


def encoded(parts: Sequence[Outcome]) -> bytes:
    """Write the validations of one dataset down; the library leaves numbers of numpy in them."""
    return msgspec.json.encode([it.result for it in parts], enc_hook=lambda it: it.item())


def column_of(result: Any) -> str:  # noqa: ANN401 -- the library leaves its results untyped
    return str(result.expectation_config.kwargs.get("column", "columns"))


def sample_result(result: Any) -> RuleResult:  # noqa: ANN401 -- the library leaves it untyped
    return RuleResult(
        rule=f"sample_{column_of(result)}",
        promise=f"{result.expectation_config.type} on a sample of the rows",
        blocking=True,
        found=1,
        rows=(),
    )
