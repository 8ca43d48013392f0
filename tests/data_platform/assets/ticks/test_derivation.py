from pathlib import Path

from data_platform.assets import batch
from data_platform.assets.ticks import compaction, derivation
from data_platform.assets.ticks.derivation import HoursTask
from tests.data_platform.assets.ticks import chain
from tests.data_platform.assets.ticks.chain import lake_root
from tests.store import lake_rows
from tests.store.lake_rows import HOUR, Row, depth_rows, trade_rows, write_hour
from trading_runtime.records.lake_schema import CHECKPOINTS, DEPTH, KLINES, TRADES
from trading_runtime.store import durable, manifest, parquet
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import HOUR_NS, Hour, hour_at
from trading_runtime.store.lake import books, lake

BTC = "somewhere-usdm:BTCUSDC"
NEXT = hour_at(HOUR.end)


def published(data: Path, table: lake_rows.Table, hour: Hour = HOUR) -> Dataset:
    return lake.dataset(lake_root(data), table, BTC, hour)


def write_hours(data: Path, rows: list[Row]) -> None:
    """Write one session's rows over two hours."""
    for hour in (HOUR, NEXT):
        own = [row for row in rows if hour.start <= int(str(row["ts_recv"])) < hour.end]
        write_hour(data, own, [], hour)


def take_hours(data: Path, *hours: Hour) -> None:
    for hour in hours:
        chain.take(data, DEPTH, hour)
    derivation.derive(HoursTask(data, CHECKPOINTS.minutes, hours))
    for hour in hours:
        chain.publish(data, CHECKPOINTS, hour)


def test_what_is_derived_names_its_sources_and_is_made_once(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(900), trade_rows(200))
    chain.take_all(tmp_path)
    for table, base in ((KLINES, TRADES), (CHECKPOINTS, DEPTH)):
        told = manifest.read(published(tmp_path, table).published)
        assert told is not None
        assert told.commit.version == 1
        (source,) = told.commit.sources
        path = published(tmp_path, base).published
        assert source.path == path.relative_to(tmp_path).as_posix()
        assert source.sha256 == durable.sha256(path)
        (again,) = derivation.derive(HoursTask(tmp_path, table.minutes, (HOUR,)))
        assert (again.staged, len(again.unchanged)) == ((), 1)


def test_a_rebuild_from_the_same_files_is_byte_identical(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(900), trade_rows(200))
    chain.take_all(tmp_path)
    before = chain.files(tmp_path)
    for table in (KLINES, CHECKPOINTS):
        published(tmp_path, table).published.unlink()
    chain.take_all(tmp_path)
    assert chain.files(tmp_path) == before


def test_a_lost_manifest_is_made_again(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(900), trade_rows(200))
    chain.take_all(tmp_path)
    path = manifest.manifest_path(published(tmp_path, KLINES).published)
    before = path.read_bytes()
    path.unlink()
    chain.take(tmp_path, KLINES)
    assert path.read_bytes() == before


def test_a_checkpoint_is_a_row_group_of_its_own(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(900), [])
    chain.take_all(tmp_path)
    with parquet.opened(published(tmp_path, CHECKPOINTS).published) as file:
        for group in range(file.num_row_groups):
            moments = parquet.integers(file.read_row_group(group), "ts")
            assert len(set(moments.tolist())) == 1


def test_the_book_comes_over_from_the_hour_before(tmp_path: Path) -> None:
    rows = depth_rows(1500, step_ns=4 * 10**9)
    write_hours(tmp_path, rows)
    take_hours(tmp_path, HOUR, NEXT)
    found = parquet.read(published(tmp_path, CHECKPOINTS, NEXT).published)
    moments = sorted(set(parquet.integers(found, "ts").tolist()))
    assert moments[0] == NEXT.start
    told = manifest.read_commit(published(tmp_path, CHECKPOINTS, NEXT).published)
    assert told is not None
    assert [Path(it.path).name for it in told.sources] == [
        "checkpoint.parquet",
        "depth.parquet",
        "depth.parquet",
    ]
    whole = parquet.read(published(tmp_path, DEPTH).published)
    book = books.replayed(whole, None, NEXT.start)
    assert book is not None
    first = found.filter(parquet.integers(found, "ts") == NEXT.start)
    assert parquet.integers(first, "px").tolist() == [
        *book.bid_px.tolist(),
        *book.ask_px.tolist(),
    ]


def test_hours_taken_in_one_run_and_one_by_one_have_the_same_bytes(tmp_path: Path) -> None:
    rows = depth_rows(1500, step_ns=4 * 10**9)
    for name in ("once", "each"):
        write_hours(tmp_path / name, rows)
    take_hours(tmp_path / "once", HOUR, NEXT)
    take_hours(tmp_path / "each", HOUR)
    take_hours(tmp_path / "each", NEXT)
    assert chain.files(tmp_path / "once") == chain.files(tmp_path / "each")


def test_an_hour_taken_before_the_one_before_it_is_made_anew_after_it(tmp_path: Path) -> None:
    write_hours(tmp_path, depth_rows(1500, step_ns=4 * 10**9))
    take_hours(tmp_path, NEXT)
    assert not published(tmp_path, CHECKPOINTS, NEXT).published.exists()
    take_hours(tmp_path, HOUR)
    take_hours(tmp_path, NEXT)
    assert published(tmp_path, CHECKPOINTS, NEXT).published.exists()


def test_an_open_hour_has_bars_and_checkpoints_of_what_is_there(tmp_path: Path) -> None:
    lake_rows.write_minutes(tmp_path, TRADES, trade_rows(200), sealed=False)
    lake_rows.write_minutes(tmp_path, DEPTH, depth_rows(2000), sealed=False)
    chain.take_all(tmp_path)
    bars = parquet.read(published(tmp_path, KLINES).partial).to_pylist()
    assert len(bars) == 60
    assert [it["is_final"] for it in bars] == [True, True, True, True, *[False] * 56]
    assert published(tmp_path, CHECKPOINTS).partial.exists()
    assert chain.files(tmp_path) == {}


def test_a_base_whose_manifest_lags_stops_its_symbol_and_says_so(tmp_path: Path) -> None:
    write_hour(tmp_path, depth_rows(900), trade_rows(200))
    chain.take(tmp_path, TRADES)
    manifest.manifest_path(published(tmp_path, TRADES).published).unlink()
    (done,) = derivation.derive(HoursTask(tmp_path, KLINES.minutes, (HOUR,)))
    assert "has no manifest of its own; run the hour of trades again" in done.problems[0]
    assert batch.read(lake_root(tmp_path), compaction.batch_name(KLINES, HOUR)).staged == ()


assert NEXT.start == HOUR.start + HOUR_NS
