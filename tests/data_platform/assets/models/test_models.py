"""The dbt project over three days with known numbers, against sums made of other stuff."""

import bisect
import functools
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow.parquet as pq
import pytest

with warnings.catch_warnings():
    # Dagster's own imports, and dbt's, use what click and pydantic call deprecated.
    warnings.simplefilter("ignore")
    import dagster as dg

    from data_platform.assets.models import assets
    from data_platform.resources.configuration import Configuration
    from data_platform.resources.data_folder import DataFolder

from data_platform.assets.models import build, inputs, published, running, workbench
from data_platform.assets.reports import pnl
from data_platform.assets.reports.lines import Filled
from tests.data_platform.assets.models import story
from tests.data_platform.assets.models.story import BTC, FIRST, LAST, MISSING, SECOND_DAY, Told
from trading_runtime.records.facts_trading import (
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.projection import writer
from trading_runtime.records.units import Nanos, Seq
from trading_runtime.store import durable
from trading_runtime.store.hours import Hour

pytestmark = [
    # Dagster forgets to close its event log's connections; Python says so at collection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster.*"),
]

DAYS = (FIRST, SECOND_DAY, LAST)
SECOND = story.SECOND
LIE = "always_zero_fct_position_agreement_difference"
Row = dict[str, Any]


class World(NamedTuple):
    data: Path
    told: list[Told]
    run: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The story, built by one run of the job over all its days."""
    data = tmp_path_factory.mktemp("desk")
    told = story.record(data)
    definitions = dg.Definitions(
        assets=assets.ASSETS,
        jobs=assets.JOBS,
        resources={"folder": DataFolder(path=str(data)), "configuration": Configuration()},
        executor=dg.in_process_executor,
    )
    with warnings.catch_warnings(), dg.DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")
        run = definitions.resolve_job_def("models_job").execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={
                "dagster/asset_partition_range_start": FIRST,
                "dagster/asset_partition_range_end": LAST,
            },
        )
        yield World(data, told, run)


def rows(world: World, mart: str, day: str) -> list[Row]:
    return pq.read_table(published.mart_path(world.data, mart, day)).to_pylist()


def all_rows(world: World, mart: str) -> list[Row]:
    return [row for day in DAYS for row in rows(world, mart, day)]


def of_day(world: World, day: str, *kinds: type) -> list[Told]:
    start = Hour(day, 0).start
    end = Hour(day, 23).end
    return [it for it in world.told if start <= it.at < end and isinstance(it.event, kinds)]


def fills_until(world: World, day: str) -> list[Filled]:
    """The fills' own lines, read by the report's code."""
    scales = {story.R1: Scales(story.INSTRUMENT)}
    write = writer(OrderFilled, OrderFilled.module, "s", scales)
    return [
        msgspec.json.decode(write(Nanos(it.at), Seq(1), it.event), type=Filled)
        for it in world.told
        if isinstance(it.event, OrderFilled) and it.at < Hour(day, 23).end
    ]


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at // SECOND, tz=UTC).replace(tzinfo=None)


@functools.cache
def mids() -> dict[int, Fraction]:
    """All mids of the story, by moment."""
    return {
        int(row["ts_recv"]): Fraction(row["bid_px"] + row["ask_px"], 20)
        for _, first, hours in story.SESSIONS
        for number in range(hours)
        for row in story.ticker_rows(story.hour_at(first.start + number * story.HOUR_NS))
    }


def test_a_position_that_the_runtime_told_wrong_is_a_row_and_a_failing_check(world: World) -> None:
    failed = [it.check_name for it in world.run.get_asset_check_evaluations() if not it.passed]
    assert failed == [LIE]
    assert not world.run.success
    told = all_rows(world, "fct_position_agreement")
    (wrong,) = [it for it in told if it["difference"]]
    assert wrong["difference"] == Decimal("0.001")
    assert (wrong["session"], wrong["told_by"]) == ("s3", "InventoryChanged")
    fills = {(it.session, it.at) for it in world.told if isinstance(it.event, OrderFilled)}
    assert len(told) == len(fills) + 1


def test_every_model_is_told_of_with_its_rows_and_the_version_of_its_content(world: World) -> None:
    made = {
        it.asset_key.path[-1]: it
        for event in world.run.all_events
        if (it := event.materialization if event.is_step_materialization else None)
    }
    assert set(assets.MARTS) < set(made)
    fills = made["fct_fills"]
    assert fills.metadata["dagster/row_count"].value == len(all_rows(world, "fct_fills"))
    assert fills.metadata["days"].value == list(DAYS)
    assert (fills.tags or {})["dagster/data_version"].startswith("sha256:")


def test_a_day_that_was_not_recorded_has_no_mart_and_nothing_is_due(world: World) -> None:
    assert published.read(world.data, MISSING) is None
    for mart in assets.MARTS:
        assert not published.mart_path(world.data, mart, MISSING).exists()
    assert inputs.due(world.data) == []


@pytest.mark.parametrize("day", DAYS)
def test_profit_is_that_of_the_reports_own_fractions(world: World, day: str) -> None:
    account = pnl.book({}, fills_until(world, day), "USDC")[BTC]
    (row,) = rows(world, "fct_pnl_daily", day)
    near = Fraction(len(account.moments), 10**17)
    assert Fraction(row["position"]) == account.position
    assert abs(Fraction(row["realized_total"]) - account.realized) < near
    assert abs(Fraction(row["position_cost"]) - account.cost) < near
    assert Fraction(row["fees_total"]) == account.fees["USDC"]
    last = max(at for at in mids() if at < Hour(day, 23).end)
    assert Fraction(row["mark"]) == mids()[last]
    assert abs(Fraction(row["unrealized"]) - account.unrealized(mids()[last])) < near
    # The sum is exact, whatever was cut off between the two.
    total = Fraction(row["realized_total"]) + Fraction(row["unrealized"])
    assert total == account.realized + account.unrealized(mids()[last])
    assert row["fills"] == len({(it.at, it.session) for it in of_day(world, day, OrderFilled)})


def test_the_days_profits_sum_to_the_whole_with_funding(world: World) -> None:
    days = all_rows(world, "fct_pnl_daily")
    last = days[-1]
    total = last["realized_total"] - last["fees_total"] + last["unrealized"]
    assert sum(it["trading_pnl"] for it in days) == total
    assert [it["funding"] for it in days] == [0, Decimal("-0.12345678"), 0]
    assert sum(it["net_pnl"] for it in days) == total - Decimal("0.12345678")


def test_every_order_is_one_row_with_its_fate_and_times(world: World) -> None:
    orders = {it["order_id"]: it for it in all_rows(world, "fct_orders")}
    assert len(orders) == 160
    fates: dict[str, str] = {it.event.order: "pending_new" for it in world.told if is_place(it)}
    names = {OrderRejected: "rejected", OrderCancelled: "cancelled", OrderFilled: "filled"}
    for it in world.told:
        if type(it.event) in names:
            fates[it.event.order] = names[type(it.event)]
            assert orders[it.event.order][f"{names[type(it.event)]}_at"] is not None
            assert orders[it.event.order]["ended_at"] is not None
    assert {name: it["state"] for name, it in orders.items()} == fates
    assert Counter(str(it["day"]) for it in orders.values()) == {
        FIRST: 40,
        SECOND_DAY: 80,
        LAST: 40,
    }


def is_place(it: Told) -> bool:
    return type(it.event).__name__ == "PlaceOrder"


def test_latencies_are_those_of_the_sorted_answers(world: World) -> None:
    for kind, request in ((OrderAccepted, "order"), (OrderCancelled, "cancel")):
        first = Hour(SECOND_DAY, 5)
        found = sorted(
            it.event.latency_ns
            for it in world.told
            if isinstance(it.event, kind) and first.start <= it.at < first.end
        )
        (row,) = [
            it
            for it in rows(world, "fct_latency_hourly", SECOND_DAY)
            if it["request"] == request and it["hour"].hour == 5
        ]
        assert row["answers"] == len(found)
        assert row["p50_ms"] == Decimal(found[(len(found) - 1) // 2]) / 10**6
        assert row["p999_ms"] == row["max_ms"] == Decimal(found[-1]) / 10**6


def test_a_markout_is_the_mid_then_against_the_fill_and_none_where_the_feed_was_silent(
    world: World,
) -> None:
    known = mids()
    times = sorted(known)
    ticks = Fraction(story.INSTRUMENT.tick_size)
    seen = {(it["order_id"], it["horizon_s"]): it for it in all_rows(world, "fct_markouts")}
    fills = [it for it in world.told if isinstance(it.event, OrderFilled)]
    assert len(seen) == 3 * len({it.event.order for it in fills})
    silent = 0
    for it in fills:
        for horizon in (1, 10, 60):
            asked = it.at + horizon * SECOND
            row = seen[it.event.order, horizon]
            place = bisect.bisect_right(times, asked) - 1
            following = bisect.bisect_left(times, asked)
            alive = following < len(times) and times[following] - asked <= 60 * SECOND
            if not alive or asked - times[place] > 60 * SECOND:
                silent += 1
                assert row["mid"] is row["markout"] is None
                continue
            gained = known[times[place]] - it.event.price * ticks
            assert Fraction(row["mid"]) == known[times[place]]
            assert Fraction(row["markout_price"]) == it.event.side.sign * gained
            size = it.event.size * Fraction(story.INSTRUMENT.lot_size)
            assert Fraction(row["markout"]) == it.event.side.sign * gained * size
    assert silent > 10


def test_uptime_goes_over_midnight_and_counts_what_was_observed(world: World) -> None:
    told = {it["hour"]: it for it in all_rows(world, "fct_quote_uptime_hourly")}
    assert {at: it["decided_s"] for at, it in told.items()} == {
        moment(Hour(FIRST, 23).start): 1799 + 900,
        moment(Hour(SECOND_DAY, 0).start): 1800 + 899,
        moment(Hour(SECOND_DAY, 5).start): 1799 + 899,
        moment(Hour(LAST, 3).start): 1799 + 899,
    }
    assert [it["observed_s"] for it in told.values()] == [3600, 3599, 3599, 3599]


def test_parameters_are_joined_with_what_followed(world: World) -> None:
    days = all_rows(world, "fct_parameter_performance")
    assert [(str(it["day"]), it["changed_by"], it["parameters"], it["orders"]) for it in days] == [
        (FIRST, "settings", '{"levels":5,"size":2}', 40),
        (SECOND_DAY, "settings", '{"levels":5,"size":2}', 40),
        (SECOND_DAY, "settings", '{"levels":5,"size":2}', 13),
        (SECOND_DAY, "anna", '{"levels":3}', 27),
        (LAST, "anna", '{"levels":3}', 0),
        (LAST, "settings", '{"levels":5,"size":2}', 40),
    ]
    by_day = {day: rows(world, "fct_pnl_daily", day)[0] for day in DAYS}
    assert sum(it["realized"] for it in days) == by_day[LAST]["realized_total"]
    assert sum(it["fees"] for it in days) == by_day[LAST]["fees_total"]


def test_rejects_and_inventory_are_what_was_told(world: World) -> None:
    rejected = [it.event.order for it in world.told if isinstance(it.event, OrderRejected)]
    told = all_rows(world, "fct_rejects")
    assert [it["order_id"] for it in told] == rejected
    assert {(it["code"], it["reason"], it["placed_for"]) for it in told} == {
        (-2010, "no funds", "grid")
    }
    for day in DAYS:
        account = pnl.book({}, fills_until(world, day), "USDC")[BTC]
        hours = rows(world, "fct_inventory_hourly", day)
        before = [it.position for it in account.moments if it.ts < day][-1:]
        held = [*before, *(it.position for it in account.moments if it.ts.startswith(day))]
        peaks = [*held, *([] if before else [Fraction(0)])]
        assert max(Fraction(it["highest"]) for it in hours) == max(peaks)
        assert min(Fraction(it["lowest"]) for it in hours) == min(peaks)
        assert Fraction(hours[-1]["closing"]) == account.position


def test_no_mart_holds_a_float(world: World) -> None:
    for mart in assets.MARTS:
        schema = pq.read_schema(published.mart_path(world.data, mart, SECOND_DAY))
        assert not [it for it in schema if "float" in str(it.type) or "double" in str(it.type)]
        money = [it for it in schema if it.name in {"price", "realized", "fees", "position"}]
        assert all(str(it.type) == "decimal128(38, 18)" for it in money), mart


def with_late_line(world: World, folder: Path, day: str) -> Path:
    """Copy the desk and publish one more line, of no consequence, in an hour of ``day``."""
    data = folder / "desk"
    shutil.copytree(world.data, data)
    hours = [first for _, first, _ in story.SESSIONS if first.day == day]
    quiet = story.archive.dataset(data, story.Module.SYSTEM, hours[0])
    (opened,) = pq.read_table(quiet.published).to_pylist()
    late = {**opened, "seq": 9999, "event": "TaskCountChanged"}
    story.publish(quiet, [late], {}, "late")
    return data


def test_late_lines_make_their_day_due_and_later_days_stand_on_it_again(
    world: World, tmp_path: Path
) -> None:
    data = with_late_line(world, tmp_path, SECOND_DAY)
    assert inputs.due(data) == [SECOND_DAY]
    plan = inputs.plan(data, [LAST])
    assert plan.asked == (LAST,)
    assert [it.day for it in plan.days] == [SECOND_DAY, LAST]
    assert plan.before == published.read(data, FIRST)


@pytest.mark.soak
def test_a_day_built_alone_is_the_same_bytes_as_among_others(world: World, tmp_path: Path) -> None:
    data = with_late_line(world, tmp_path, LAST)
    before = published.read(data, LAST)
    assert inputs.due(data) == [LAST]
    made = running.make(data, [LAST], assets.MARTS)
    assert list(made.built) == [LAST]
    assert inputs.due(data) == []
    after = published.read(data, LAST)
    assert after is not None
    assert before is not None
    assert after.marts == before.marts
    assert after.inputs_sha256 != before.inputs_sha256
    for it in after.marts.values():
        assert durable.sha256(data / it.path) == it.sha256


def test_a_fresh_machine_has_empty_models_and_every_unit_test_holds(tmp_path: Path) -> None:
    workbench.lay_out(tmp_path, tmp_path, running.NOTHING)
    outcome = build.run(tmp_path, ("build", "--exclude-resource-type", "test"))
    assert outcome.why == ""
    assert not outcome.unbuilt
    assert sum(it.startswith("unit_test.") for it in outcome.nodes) >= 10
    counts = running.counts(tmp_path / workbench.FILE)
    assert counts.keys() >= set(assets.MARTS)
    assert not any(counts.values())
    assert inputs.plan(tmp_path, [FIRST]) == running.NOTHING
    assert inputs.due(tmp_path) == []


def test_partitions_that_no_day_was_recorded_of_read_nothing() -> None:
    hours = inputs.hours_around(FIRST, str(date.fromisoformat(FIRST)))
    assert (hours[0].name, hours[-1].name, len(hours)) == ("2025-11-18T23", "2025-11-20T00", 26)
