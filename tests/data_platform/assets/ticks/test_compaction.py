import multiprocessing
import os
import random
import signal
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_platform.assets import batch
from data_platform.assets.ticks import compaction, minutes
from tests.store.lake_rows import (
    HOUR,
    Row,
    depth_rows,
    instruments,
    seal,
    table_of,
    write_minute,
    write_minutes,
)
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import DEPTH, HourSealed, Table
from trading_runtime.records.units import Nanos
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.hours import MINUTE_NS
from trading_runtime.store.lake import lake
from trading_runtime.store.lake.lake import NotWhole
from trading_runtime.store.manifest import Made, Manifest, Quality

MADE = Made(run_id="run", at=Nanos(1))
NAME = compaction.batch_name(DEPTH, HOUR)
BTC, ETH = "somewhere-usdm:BTCUSDC", "somewhere-usdm:ETHUSDC"


def approve(data: Path) -> None:
    """Pass every staged dataset: what the checks find is tested beside them."""
    for it in batch.to_judge(lake_root(data), NAME, DEPTH):
        digest = durable.sha256(it.candidate)
        commit.judge(it, Quality(file_sha256=digest, expectations=0, broken=()))


def lake_root(data: Path) -> Path:
    return Path(layout.lake(data))


def run(data: Path, table: Table = DEPTH) -> list[Manifest]:
    compaction.stage_hour(data, table, HOUR)
    approve(data)
    return batch.publish(lake_root(data), NAME, DEPTH, MADE)


def content(data: Path, instrument_id: str = BTC) -> str:
    path = lake.dataset(lake_root(data), DEPTH, instrument_id, HOUR).published
    return parquet.content_sha256(parquet.read(path), DEPTH)


def expected(rows: list[Row]) -> str:
    return parquet.content_sha256(table_of(rows, DEPTH), DEPTH)


def in_arrival(*parts: list[Row]) -> list[Row]:
    return sorted((row for part in parts for row in part), key=lambda row: int(str(row["ts_recv"])))


@given(per_minute=st.lists(st.integers(0, 30), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_any_split_into_minutes_gives_the_same_rows_and_groups(
    tmp_path_factory: pytest.TempPathFactory, per_minute: list[int]
) -> None:
    data = tmp_path_factory.mktemp("split")
    rows = depth_rows(max(1, sum(per_minute)))
    numbers = sorted({int(str(row["seq"])) for row in rows})
    place = 0
    for minute, count in enumerate(per_minute):
        last = minute == len(per_minute) - 1
        chosen = set(numbers[place:] if last else numbers[place : place + count])
        place += count
        members = [row for row in rows if row["seq"] in chosen]
        if members:
            write_minute(data, DEPTH, minute, members)
    seal(data, DEPTH)
    (told,) = run(data)
    assert told.commit.content_sha256 == expected(rows) == content(data)
    again = data / "again.parquet"
    published = lake.dataset(lake_root(data), DEPTH, BTC, HOUR).published
    footer = {key: value.decode() for key, value in parquet.metadata(published).items()}
    del footer["lake.schema"]
    whole = parquet.Writer(again, DEPTH, DEPTH.hour_level)
    whole.add(parquet.conform(table_of(rows, DEPTH), DEPTH))
    whole.close(footer)
    assert again.read_bytes() == published.read_bytes()


def test_symbols_of_one_minute_become_a_file_each(tmp_path: Path) -> None:
    btc, eth = depth_rows(300), depth_rows(200, symbol="ETHUSDC", seed=2)
    write_minutes(tmp_path, DEPTH, in_arrival(btc, eth))
    told = run(tmp_path)
    assert [it.commit.rows for it in told] == [len(btc), len(eth)]
    assert content(tmp_path) == expected(btc)
    assert content(tmp_path, ETH) == expected(eth)
    for it in told:
        assert sum(source.rows for source in it.commit.sources) == it.commit.rows


def test_a_second_run_stages_nothing(tmp_path: Path) -> None:
    write_minutes(tmp_path, DEPTH, depth_rows(100))
    first = run(tmp_path)
    done = compaction.stage_hour(tmp_path, DEPTH, HOUR)
    assert (done.staged, len(done.unchanged)) == ((), 1)
    assert run(tmp_path) == first


def test_a_rewritten_minute_makes_version_two(tmp_path: Path) -> None:
    rows = depth_rows(2000)
    late = {row["seq"] for row in rows[700:730]}
    write_minutes(tmp_path, DEPTH, [row for row in rows if row["seq"] not in late])
    (first,) = run(tmp_path)
    write_minutes(tmp_path, DEPTH, rows)
    (second,) = run(tmp_path)
    assert (first.commit.version, second.commit.version) == (1, 2)
    assert content(tmp_path) == expected(rows)
    kept = lake_root(tmp_path) / commit.VERSIONS / f"{first.file_sha256}.parquet"
    assert durable.sha256(kept) == first.file_sha256


def test_a_minute_that_is_not_what_was_sealed_stops_the_hour(tmp_path: Path) -> None:
    rows = depth_rows(100)
    write_minutes(tmp_path, DEPTH, rows)
    write_minute(tmp_path, DEPTH, 0, rows[:60])
    with pytest.raises(minutes.Unsettled, match="not what was sealed"):
        run(tmp_path)


def test_a_sealed_minute_that_is_missing_stops_the_hour(tmp_path: Path) -> None:
    write_minutes(tmp_path, DEPTH, depth_rows(100))
    (lake_root(tmp_path) / layout.minute("depth", HOUR.day, HOUR.of_day, 0)).unlink()
    with pytest.raises(minutes.Unsettled, match="missing"):
        run(tmp_path)


def test_one_revision_with_two_grids_stops_the_hour(tmp_path: Path) -> None:
    rows = depth_rows(1500)
    write_minutes(tmp_path, DEPTH, rows)
    path = lake_root(tmp_path) / layout.minute("depth", HOUR.day, HOUR.of_day, 1)
    (known,) = instruments(rows)
    other = msgspec.structs.replace(known, tick_size="0.5")
    footer = {"lake.instruments": msgspec.json.encode([other]).decode()}
    parquet.write(Path(path), parquet.read(Path(path)), DEPTH, footer)
    seal(tmp_path, DEPTH)
    with pytest.raises(minutes.Unsettled, match="two grids"):
        run(tmp_path)


def test_an_open_hour_is_published_as_partial_with_its_minutes(tmp_path: Path) -> None:
    rows = depth_rows(2000)
    cut = HOUR.start + 2 * MINUTE_NS
    early = [row for row in rows if int(str(row["ts_recv"])) < cut]
    write_minutes(tmp_path, DEPTH, early, sealed=False)
    (partial,) = run(tmp_path)
    assert not partial.commit.sealed
    assert [it.path[-10:-8] for it in partial.commit.sources] == ["00", "01"]
    dataset = lake.dataset(lake_root(tmp_path), DEPTH, BTC, HOUR)
    assert dataset.partial.exists()
    with pytest.raises(NotWhole, match="is partial"):
        lake.scan(lake_root(tmp_path), DEPTH, BTC, HOUR.start, HOUR.end)
    write_minutes(tmp_path, DEPTH, rows)
    (whole,) = run(tmp_path)
    assert whole.commit.sealed
    assert whole.commit.version == 1
    assert not dataset.partial.exists()
    assert content(tmp_path) == expected(rows)


def test_a_sealed_hour_without_rows_publishes_nothing(tmp_path: Path) -> None:
    marker = lake_root(tmp_path) / layout.hour_marker("depth", HOUR.day, HOUR.of_day)
    told = HourSealed(table="depth", hour=HOUR.name, minutes=())
    durable.write(Path(marker), msgspec.json.encode(told))
    assert run(tmp_path) == []


def run_until(data: Path, step: int) -> None:
    """Run the whole hour, and be killed at the given touch of the file system."""
    counted = 0

    def hook(event: str, _args: tuple[object, ...]) -> None:
        nonlocal counted
        if event in {"open", "os.rename", "os.link", "os.remove", "os.mkdir"}:
            counted += 1
            if counted == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    run(data)


def crash(data: Path, steps: list[int]) -> int:
    """Run in processes that are killed at these steps; give how many died."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "tests.data_platform.assets.ticks.test_compaction"])
    died = 0
    for step in steps:
        process = context.Process(target=run_until, args=(data, step))
        process.start()
        process.join()
        died += process.exitcode == -signal.SIGKILL
    return died


def check_round(data: Path, rng: random.Random) -> int:
    """Crash, run, add a late minute, crash, run: the rows must be exact each time."""
    btc = depth_rows(120, seed=rng.randrange(100), step_ns=6 * 10**8)
    eth = depth_rows(60, symbol="ETHUSDC", step_ns=6 * 10**8)
    late = {row["seq"] for row in btc[100:130]}
    write_minutes(data, DEPTH, in_arrival([r for r in btc if r["seq"] not in late], eth))
    died = crash(data, [rng.randrange(1, 60) for _ in range(rng.randrange(1, 3))])
    (first, _) = run(data)
    assert first.commit.version == 1
    write_minutes(data, DEPTH, in_arrival(btc, eth))
    died += crash(data, [rng.randrange(1, 60)])
    told = run(data)
    assert [it.commit.version for it in told] == [2, 2]
    assert content(data) == expected(btc)
    assert content(data, ETH) == expected(eth)
    left = [it for it in lake_root(data).rglob("*") if it.name.startswith(durable.TEMPORARY)]
    assert left == []
    for it in told:
        assert manifest.is_current(lake_root(data) / it.commit.dataset)
    return died


def rounds(folder: Path, count: int) -> None:
    rng = random.Random(20)  # noqa: S311 -- where to crash, no secret
    died = sum(check_round(folder / str(number), rng) for number in range(count))
    assert died > count  # else the steps no longer reach into the work


def test_killed_anywhere_and_run_again_the_hour_is_exact(tmp_path: Path) -> None:
    rounds(tmp_path, 20)


@pytest.mark.soak
def test_killed_anywhere_two_hundred_times_the_hour_is_exact(tmp_path: Path) -> None:
    rounds(tmp_path, 200)
