"""The rules as a Great Expectations suite.

What is heavy was measured once, by rule, over all rows; the suite validates that one row of
metrics, and a sample of the rows themselves. Great Expectations is loaded on first use: it takes
seconds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from data_platform.checks.findings import Finding, Int64s
from trading_runtime.records.lake_schema import Table
from trading_runtime.store.hours import Hour
from trading_runtime.store.manifest import RuleResult

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.expectations.expectation import Expectation

SAMPLE_ROWS_MAX = 10_000
"""Enough to meet each kind of row, and milliseconds to validate."""
ROWS_TOLD_MAX = 20
"""So many offending row numbers of one rule are written down; all of them are counted."""
RANGES = {
    "px": (0, 2**62),
    "qty": (0, 2**62),
    "side": (0, 1),
    "flags": (0, 255),
    "first_id": (0, 2**62),
    "last_id": (0, 2**62),
    "trade_id": (1, 2**62),
    "update_id": (0, 2**62),
    "bid_px": (1, 2**62),
    "ask_px": (1, 2**62),
    "bid_qty": (0, 2**62),
    "ask_qty": (0, 2**62),
}
"""What a column can hold at all, per name."""


class ExpectationRaised(RuntimeError):
    """An expectation could not be evaluated: that says nothing about the data."""


class Outcome(NamedTuple):
    expectations: int
    broken: tuple[RuleResult, ...]


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
    result = batch.validate(suite, result_format="COMPLETE")
    for it in result.results:
        if it.exception_info.get("raised_exception"):
            raise ExpectationRaised(f"{it.expectation_config}: {it.exception_info}")
    return result


def validate_metrics(findings: Sequence[Finding]) -> Outcome:
    """Expect each rule's count of offences to be nought."""
    from great_expectations.expectations.core.expect_column_values_to_be_between import (  # noqa: PLC0415
        ExpectColumnValuesToBeBetween,
    )

    metrics = pa.table({it.rule: [it.found] for it in findings})
    suite = [
        ExpectColumnValuesToBeBetween(column=it.rule, min_value=0, max_value=0) for it in findings
    ]
    result = validate("metrics", metrics, suite)
    failed = {column_of(it) for it in result.results if not it.success}
    broken = tuple(
        RuleResult(
            rule=it.rule,
            promise=it.promise,
            blocking=it.blocking,
            found=it.found,
            rows=tuple(it.rows[:ROWS_TOLD_MAX].tolist()),
        )
        for it in findings
        if it.rule in failed
    )
    return Outcome(len(suite), broken)


def validate_sample(rows: pa.Table, table: Table, hour: Hour) -> Outcome:
    """Expect of a sample that each column is there and within what it can hold at all."""
    from great_expectations.expectations.core.expect_column_values_to_be_between import (  # noqa: PLC0415
        ExpectColumnValuesToBeBetween,
    )
    from great_expectations.expectations.core.expect_column_values_to_not_be_null import (  # noqa: PLC0415
        ExpectColumnValuesToNotBeNull,
    )

    places = sample_places(rows.num_rows)
    suite: list[Expectation] = [
        ExpectColumnValuesToNotBeNull(column=it.name) for it in table.columns if not it.nullable
    ]
    ranges = {**RANGES, "ts_recv": (hour.start, hour.end - 1)}
    suite += [
        ExpectColumnValuesToBeBetween(
            column=it.name, min_value=ranges[it.name][0], max_value=ranges[it.name][1]
        )
        for it in table.columns
        if it.name in ranges
    ]
    result = validate("sample", rows.take(places), suite)
    broken = tuple(sample_result(it, places) for it in result.results if not it.success)
    return Outcome(len(suite), broken)


def column_of(result: Any) -> str:  # noqa: ANN401 -- the library leaves its results untyped
    return str(result.expectation_config.kwargs["column"])


def sample_result(result: Any, places: Int64s) -> RuleResult:  # noqa: ANN401 -- likewise
    found = [int(places[it]) for it in result.result.get("unexpected_index_list") or []]
    expected = result.expectation_config.type.removeprefix("expect_column_")
    return RuleResult(
        rule=f"sample_{column_of(result)}_{expected}",
        promise="a sample of the rows holds nothing that the column cannot hold",
        blocking=True,
        found=int(result.result.get("unexpected_count", 0)),
        rows=tuple(found[:ROWS_TOLD_MAX]),
    )
