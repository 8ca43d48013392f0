import shutil
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.compute as pc
import pytest

from tests.store.lake.published import (
    ID,
    START,
    later,
    publish,
    publish_all,
    quote_rows,
    seal,
)
from tests.store.lake_rows import table_of, trade_rows
from trading_runtime.errors import Misread, Refused
from trading_runtime.records.lake_schema import DEPTH, KLINES, TICKER, TRADES, Flag, Table
from trading_runtime.store import parquet
from trading_runtime.store.hours import HOUR_NS
from trading_runtime.store.lake import bars, events, hot, joins, lake, reading, sql
from trading_runtime.store.lake.selection import File, Selection
from trading_runtime.store.parquet import integers

END = START + 3 * HOUR_NS
SPAN = (START + HOUR_NS // 600, END - HOUR_NS // 2 - 7)
"""A span that cuts the first and the last file."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "lake"
    for hours in range(3):
        publish_all(root, hours)
    return root


def chosen(root: Path, table: Table) -> Selection:
    return lake.select(root, table, ID, *SPAN)


@pytest.mark.parametrize("table", [DEPTH, TRADES, TICKER])
def test_arrow_duckdb_and_polars_read_the_same_rows(root: Path, table: Table) -> None:
    selection = chosen(root, table)
    rows = reading.arrow(selection)
    assert 0 < rows.num_rows < sum(it.rows for it in selection.files)
    names = [it.name for it in table.columns if it.type == "int64"]
    with duckdb.connect() as connection:
        by_sql = reading.relation(selection, connection).order("ts_recv, seq")
        columns = by_sql.project(", ".join(names)).to_arrow_table()
    by_polars = reading.frame(selection).select(names).collect()
    for name in names:
        if name in {"ts_recv", "seq", "trade_id", "last_id"}:
            assert columns.column(name).to_pylist() == rows.column(name).to_pylist()
        assert by_polars[name].to_list() == rows.column(name).to_pylist()


@pytest.mark.parametrize("table", [DEPTH, KLINES])
def test_nothing_selected_is_an_empty_table_everywhere(table: Table) -> None:
    selection = Selection(table, [], *SPAN)
    with duckdb.connect() as connection:
        assert reading.relation(selection, connection).fetchall() == []
    assert reading.frame(selection).collect().is_empty()
    assert reading.arrow(selection).num_rows == 0
    assert bars.of_trades(selection).num_rows == 0


def test_a_page_with_other_bytes_is_an_error_and_not_a_row(root: Path, tmp_path: Path) -> None:
    selection = chosen(root, TRADES)
    damaged = tmp_path / "trade.parquet"
    content = bytearray(selection.files[0].path.read_bytes())
    content[40] ^= 1
    damaged.write_bytes(content)
    bad = selection._replace(files=[selection.files[0]._replace(path=damaged)])
    with pytest.raises(OSError, match=r"CRC|checksum|corrupt|decompress"):
        reading.arrow(bad)


@pytest.mark.parametrize("table", [DEPTH, TRADES])
def test_events_are_the_rows_field_by_field(root: Path, table: Table) -> None:
    rows, found = reading.arrow(chosen(root, table)), events.read(chosen(root, table))
    for name in ("ts_recv", "ts_exch", "px", "qty", "seq", "flags"):
        assert np.array_equal(found[name], integers(rows, name))
    side = "side" if table == DEPTH else "is_buyer_maker"
    expected = integers(rows, side) if table == DEPTH else 1 - integers(rows, side)
    assert np.array_equal(found["side"], expected)
    parts = list(events.stream(chosen(root, table)))
    assert np.array_equal(np.concatenate(parts), found)


def test_depth_and_trades_are_merged_in_the_order_in_which_they_came(root: Path) -> None:
    found = events.events(root, ID, *SPAN)
    counts = [reading.arrow(chosen(root, it)).num_rows for it in (DEPTH, TRADES)]
    assert [int((found["kind"] == kind).sum()) for kind in (0, 1)] == counts
    order = np.lexsort((found["seq"], found["ts_recv"]))
    assert np.array_equal(order, np.arange(len(found)))


def test_quotes_are_no_events(root: Path) -> None:
    with pytest.raises(Refused, match="ticker are no events"):
        events.read(chosen(root, TICKER))


@pytest.mark.parametrize("interval_s", [1, 60, 900])
def test_bars_are_those_of_a_loop_over_the_trades(root: Path, interval_s: int) -> None:
    expected: dict[int, list[int]] = {}
    for it in reading.arrow(chosen(root, TRADES)).to_pylist():
        px, qty = it["px"], it["qty"]
        opened = it["ts_recv"] // (interval_s * 10**9) * interval_s * 10**9
        bar = expected.setdefault(opened, [px, px, px, px, 0, 0])
        bar[1:] = [max(bar[1], px), min(bar[2], px), px, bar[4] + qty, bar[5] + 1]
    found = bars.ohlcv(root, ID, *SPAN, interval_s=interval_s).to_pydict()
    names = ("open_time", "open", "high", "low", "close", "volume", "n_trades")
    assert list(zip(*(found[it] for it in names), strict=True)) == [
        (opened, *bar) for opened, bar in expected.items()
    ]
    assert set(found["instrument_rev"]) == {1}


def test_a_trade_off_the_market_is_in_no_bar(tmp_path: Path) -> None:
    rows = trade_rows(50)
    rows[7]["flags"], rows[7]["px"] = int(Flag.LAST | Flag.OFF_MARKET), 10**9
    publish(tmp_path / "lake", TRADES, rows)
    seal(tmp_path / "lake")
    found = bars.ohlcv(tmp_path / "lake", ID, START, END - 2 * HOUR_NS).to_pydict()
    assert sum(found["n_trades"]) == 49
    assert max(found["high"]) < 10**9


@pytest.mark.parametrize("interval_s", [0, -60, 7, 7200])
def test_bars_that_do_not_divide_the_hour_are_refused(root: Path, interval_s: int) -> None:
    with pytest.raises(Refused, match="do not divide the hour"):
        bars.ohlcv(root, ID, *SPAN, interval_s=interval_s)


def test_each_trade_has_the_last_quote_before_it_or_none(root: Path) -> None:
    quotes = reading.arrow(chosen(root, TICKER)).to_pylist()
    found = joins.trades_with_quotes(root, ID, *SPAN).to_pylist()
    place = -1
    for trade in found:
        key = (trade["ts_recv"], trade["seq"])
        while place + 1 < len(quotes) and (
            (quotes[place + 1]["ts_recv"], quotes[place + 1]["seq"]) < key
        ):
            place += 1
        quote = quotes[place] if place >= 0 else None
        assert trade["quote_ts_recv"] == (quote["ts_recv"] if quote else None)
        assert trade["ask_qty"] == (quote["ask_qty"] if quote else None)
    assert found[-1]["bid_px"] is not None


def test_a_quote_stands_until_the_next_one_whatever_hours_lie_between(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    for hours in range(6):
        seal(root, hours)
    for hours in (1, 2, 4, 5):
        publish(root, TRADES, trade_rows(9), hours)
    for hours in (0, 2, 3, 5):  # so that some hours have only quotes, and others only trades
        publish(root, TICKER, quote_rows(1 + hours), hours)
    span = (START, START + 6 * HOUR_NS)
    allow = lake.ANY
    quotes = lake.scan(root, TICKER, ID, *span, allow=allow).to_pylist()
    found = joins.trades_with_quotes(root, ID, *span, allow=allow).to_pylist()
    assert len(found) == 4 * 9
    for trade in found:
        key = (trade["ts_recv"], trade["seq"])
        quote = max(
            (it["ts_recv"], it["seq"], it["bid_qty"])
            for it in quotes
            if (it["ts_recv"], it["seq"]) < key
        )
        assert (trade["quote_ts_recv"], trade["bid_qty"]) == (quote[0], quote[2])
    late = joins.trades_with_quotes(root, ID, START + HOUR_NS, span[1], allow=allow).to_pylist()
    assert [it["quote_ts_recv"] is None for it in late[:9]] == [True] * 9
    assert late[9:] == found[9:]


@pytest.mark.parametrize("hours", [0, 1])
def test_rows_out_of_order_or_of_another_hour_are_misread(tmp_path: Path, hours: int) -> None:
    path = tmp_path / "trade.parquet"
    rows = table_of(trade_rows(9), TRADES)
    backwards = rows.take(list(range(8, -1, -1)))
    parquet.write(path, rows if hours else backwards, TRADES, {})
    file = File(path, "", 9, path.stat().st_size, START + hours * HOUR_NS)
    selection = Selection(TRADES, [file], START, START + 2 * HOUR_NS)
    quotes = Selection(TICKER, [], *SPAN)
    with pytest.raises(Misread, match=r"disorder: rows of .* are not"):
        bars.of_trades(selection)
    with pytest.raises(Misread, match=r"disorder: rows of .* are not"):
        joins.quoted(selection, quotes)


def test_a_hot_copy_has_the_same_rows_and_is_no_part_of_the_lake(root: Path) -> None:
    selection = chosen(root, DEPTH)
    warmed = hot.warm(root, selection)
    assert {it.path.parent.name for it in warmed.files} == {hot.FOLDER}
    assert reading.arrow(warmed).equals(reading.arrow(selection))
    assert np.array_equal(events.read(warmed), events.read(selection))
    assert lake.select(root, DEPTH, ID, *SPAN) == selection
    assert hot.prefer(root, selection) == warmed
    shutil.rmtree(root / hot.FOLDER)
    assert hot.prefer(root, selection) == selection


def test_views_add_times_and_exact_decimals(root: Path) -> None:
    def select(table: Table) -> Selection | None:
        return chosen(root, table) if table in {DEPTH, TRADES} else None

    with sql.connect(select) as connection:
        found = connection.sql(
            "select ts_recv, epoch_ns(recv_at) as at, px, price::varchar as price,"
            " qty, size::varchar as size from trades order by ts_recv limit 20"
        ).fetchall()
        empty = connection.sql("select count(*) from depth where ts_exch = 0 and exch_at is null")
        assert (
            empty.fetchall()
            == connection.sql("select count(*) from depth where ts_exch = 0").fetchall()
        )
    for received, at, px, price, qty, size in found:
        assert at == received
        assert price == f"{px // 10}.{px % 10}"
        assert size == f"{qty // 1000}.{qty % 1000:03d}"


def test_two_grids_in_one_span_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    for hours in (0, 1):
        publish(root, TRADES, [{**it, "instrument_rev": 1 + hours} for it in trade_rows(9)], hours)
        seal(root, hours)
    two = lake.select(root, TRADES, ID, START, later(1).end)
    with pytest.raises(Refused, match=r"tick or lot changed in this span: revisions \[1, 2\]"):
        events.read(two)
    publish(root, TICKER, [{**it, "instrument_rev": 2} for it in quote_rows(9)])
    first = lake.select(root, TRADES, ID, START, later(0).end)
    quotes = lake.select(root, TICKER, ID, START, later(0).end)
    for trades in (first, two):
        with pytest.raises(Refused, match="tick or lot changed"):
            joins.quoted(trades, quotes)
    with pytest.raises(Refused, match="tick or lot changed"):
        joins.quoted(two, quotes._replace(files=[]))
    told = pc.unique(bars.of_trades(two).column("instrument_rev"))
    assert told.to_pylist() == [1, 2]
