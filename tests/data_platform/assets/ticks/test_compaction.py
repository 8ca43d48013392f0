import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_platform.assets.ticks import compaction, minutes
from data_platform.assets.ticks.compaction import HourTask
from tests.data_platform.assets.ticks import chain
from tests.data_platform.assets.ticks.chain import lake_root
from tests.journal.disks import fill, loop_disk
from tests.store.lake_rows import (
    HOUR,
    Row,
    depth_rows,
    instruments,
    seal,
    table_of,
    trade_rows,
    write_minute,
    write_minutes,
)
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import (
    DEPTH,
    TRADES,
    Column,
    Encoding,
    HourSealed,
    Table,
)
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.hours import MINUTE_NS
from trading_runtime.store.lake import lake
from trading_runtime.store.manifest import Manifest

ROOT = Path(__file__).parents[4]
BTC, ETH = "somewhere-usdm:BTCUSDC", "somewhere-usdm:ETHUSDC"


def run(data: Path, table: Table = DEPTH) -> list[Manifest]:
    compaction.stage_hour(data, table, HOUR)
    return chain.publish(data, table)


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
    with pytest.raises(lake.NotWhole, match="is partial"):
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


def test_rows_of_minutes_that_were_pruned_stay_when_more_come_late(tmp_path: Path) -> None:
    rows = depth_rows(2000)
    late = {row["seq"] for row in rows[700:730]}
    write_minutes(tmp_path, DEPTH, [row for row in rows if row["seq"] not in late])
    run(tmp_path)
    held = [row for row in rows if row["seq"] in late]
    folder = minutes.marker_path(tmp_path, DEPTH, HOUR).parent
    for path in folder.glob("*.parquet"):
        path.unlink()
    write_minutes(tmp_path, DEPTH, held)
    (second,) = run(tmp_path)
    assert second.commit.version == 2
    assert content(tmp_path) == expected(rows)
    assert sum(it.rows for it in second.commit.sources) == len(rows)


def test_an_hour_whose_minutes_are_pruned_is_left_as_it_is(tmp_path: Path) -> None:
    write_minutes(tmp_path, DEPTH, depth_rows(500))
    first = run(tmp_path)
    for path in minutes.marker_path(tmp_path, DEPTH, HOUR).parent.glob("*.parquet"):
        path.unlink()
    assert run(tmp_path) == first


def test_a_late_minute_makes_anew_what_it_changes_and_nothing_else(tmp_path: Path) -> None:
    rows = depth_rows(2000)
    times = [int(str(row["ts_recv"])) for row in rows]
    in_second = [HOUR.start + MINUTE_NS <= at < HOUR.start + 2 * MINUTE_NS for at in times]
    early = [row for row, is_late in zip(rows, in_second, strict=True) if not is_late]
    write_minutes(tmp_path, DEPTH, early)
    write_minutes(tmp_path, TRADES, trade_rows(50))
    chain.take_all(tmp_path)
    before = chain.files(tmp_path)
    write_minutes(tmp_path, DEPTH, rows)
    chain.take_all(tmp_path)
    after = chain.files(tmp_path)
    changed = {Path(path).name for path, digest in after.items() if before[path] != digest}
    # The bars too: a minute of which nothing was known is now one without a trade.
    assert changed == {"depth.parquet", "checkpoint.parquet", "kline.parquet"}
    assert content(tmp_path) == expected(rows)


def test_minutes_of_sessions_whose_clocks_overlap_are_in_one_order(tmp_path: Path) -> None:
    """A clock set back: the second session begins before the first one has ended."""
    first = depth_rows(600)
    second = [{**row, "session": "s2"} for row in depth_rows(600, seed=5)]
    write_minutes(tmp_path, DEPTH, in_arrival(first, second))
    (told,) = run(tmp_path)
    assert told.commit.rows == len(first) + len(second)
    path = lake.dataset(lake_root(tmp_path), DEPTH, BTC, HOUR).published
    times = parquet.integers(parquet.read(path), "ts_recv")
    assert (times[1:] >= times[:-1]).all()


def test_a_row_outside_its_minute_comes_to_the_checks_in_order(tmp_path: Path) -> None:
    rows = depth_rows(1500)
    strange = {**rows[-1], "ts_recv": HOUR.start - 5}
    write_minutes(tmp_path, DEPTH, rows[:-1], sealed=False)
    first = [row for row in rows[:-1] if int(str(row["ts_recv"])) < HOUR.start + MINUTE_NS]
    write_minute(tmp_path, DEPTH, 0, [*first, strange])
    seal(tmp_path, DEPTH)
    (told,) = run(tmp_path)
    assert told.commit.first_ts == HOUR.start - 5


def test_a_table_that_gained_a_column_takes_older_minutes_too(tmp_path: Path) -> None:
    rows = depth_rows(1500)
    write_minutes(tmp_path, DEPTH, rows)
    gained = Column("queue", "int64", Encoding.SPLIT, nullable=True)
    newer = msgspec.structs.replace(DEPTH, columns=(*DEPTH.columns, gained))
    done = compaction.stage_hour(tmp_path, newer, HOUR)
    assert len(done.staged) == 1
    path = commit.Dataset(lake_root(tmp_path), done.staged[0], newer).staged
    found = parquet.read(path)
    assert found.num_rows == len(rows)
    assert found.column("queue").null_count == len(rows)


def test_minutes_that_gained_a_column_are_taken_without_it(tmp_path: Path) -> None:
    rows = depth_rows(1500)
    gained = Column("queue", "int64", Encoding.SPLIT, nullable=True)
    newer = msgspec.structs.replace(DEPTH, columns=(*DEPTH.columns, gained))
    write_minutes(tmp_path, newer, [{**row, "queue": 1} for row in rows])
    run(tmp_path)
    assert content(tmp_path) == expected(rows)


def test_what_becomes_of_an_hour_does_not_depend_on_what_is_in_memory(tmp_path: Path) -> None:
    """A trade file is written group by group; the digest of its commit is that of the whole."""
    rows = in_arrival(trade_rows(3_000), trade_rows(3_000, symbol="ETHUSDC", seed=2))
    write_minutes(tmp_path, TRADES, rows)
    chain.take(tmp_path, TRADES)
    root = lake_root(tmp_path)
    for name in (BTC, ETH):
        it = lake.dataset(root, TRADES, name, HOUR)
        told = manifest.read(it.published)
        assert told is not None
        assert parquet.content_sha256(parquet.read(it.published), TRADES) == (
            told.commit.content_sha256
        )


def test_a_full_disk_leaves_nothing_half_and_the_next_run_mends_it(tmp_path: Path) -> None:
    with loop_disk(tmp_path) as disk:
        rows = depth_rows(30_000, step_ns=10**8)
        write_minutes(disk.root, DEPTH, rows)
        filler = disk.root / "filler"
        fill(filler, 200_000)
        with pytest.raises(OSError, match="No space left"):
            compaction.compact(HourTask(disk.root, "depth", HOUR))
        left = [it for it in lake_root(disk.root).rglob("*") if it.name.startswith(".tmp-")]
        assert left == []
        assert chain.files(disk.root) == {}
        filler.unlink()
        chain.take(disk.root, DEPTH)
        assert content(disk.root) == expected(rows)


def killed(folder: Path, seed: int, rounds: int) -> int:
    words = [sys.executable, "-m", "tests.data_platform.assets.ticks.crashing", str(folder)]
    told = subprocess.run(
        [*words, str(seed), str(rounds)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    return int(told.stdout)


def test_killed_anywhere_and_run_again_the_hour_is_exact(tmp_path: Path) -> None:
    assert killed(tmp_path, seed=1, rounds=3) > 0  # else the steps no longer reach into the work


@pytest.mark.soak
def test_killed_two_hundred_times_the_hour_is_exact(tmp_path: Path) -> None:
    assert killed(tmp_path, seed=20, rounds=140) >= 200
