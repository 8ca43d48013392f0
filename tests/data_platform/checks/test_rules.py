"""Every rule of every table against an hour in which one thing is wrong.

A rule that is switched off, or finds nothing any more, fails the test that is named after it.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from data_platform.assets import batch
from data_platform.assets.ticks import compaction, derivation
from data_platform.checks import (
    checkpoints,
    clocks,
    depth,
    history,
    klines,
    lake_hour,
    lines,
    neighbours,
    orders,
    over_hours,
    own_fills,
    ticker,
    traded,
    trades,
    verdict,
)
from data_platform.checks import identity as of_ticks
from data_platform.checks.findings import Files, Finding, Inspected, Rule, Subject
from data_platform.checks.settings import QualitySettings, Thresholds
from tests.data_platform.recorded import MADE
from tests.store.lake_rows import (
    HOUR,
    INSTRUMENT,
    Row,
    depth_rows,
    identity,
    table_of,
    trade_rows,
    write_hour,
)
from trading_runtime.records import layout
from trading_runtime.records.lake_schema import (
    CHECKPOINTS,
    DEPTH,
    KLINES,
    LOGS,
    PUBLISHED,
    TICKER,
    TRADES,
    Flag,
    Table,
)
from trading_runtime.store import commit, durable, manifest, parquet
from trading_runtime.store.commit import Dataset
from trading_runtime.store.hours import MINUTE_NS, hour_at
from trading_runtime.store.manifest import Quality

SECOND = 10**9
MESSAGES = 400
AT = 700
Change = Callable[[list[Row]], int | None]
"""Damages rows in place and gives the row that is to be named; ``None``: the file as a whole."""


def cell(row: int, **cells: int | str | bool | None) -> Change:
    def change(rows: list[Row]) -> int:
        rows[row] = {**rows[row], **cells}
        return row

    return change


def flagged(flag: Flag, first: int, last: int) -> Change:
    def change(rows: list[Row]) -> int:
        for row in range(first, last):
            rows[row] = {**rows[row], "flags": int(str(rows[row]["flags"])) | flag}
        return first

    return change


def late_from(row: int, nanoseconds: int) -> Change:
    """Let the recording pause before a row; a message stays together."""

    def change(rows: list[Row]) -> int:
        place = row
        while rows[place]["seq"] == rows[place - 1]["seq"]:
            place += 1
        for it in range(place, len(rows)):
            rows[it] = {**rows[it], "ts_recv": int(str(rows[it]["ts_recv"])) + nanoseconds}
        return place

    return change


def one_sided(rows: list[Row]) -> int:
    """Leave the asks out; the book then has bids alone."""
    rows[:] = [it for it in rows if it["side"] == 0]
    return len(rows) - 1


def all_deleted(rows: list[Row]) -> int:
    """Turn all levels of the deltas into deletes: most of them of what was never there."""
    for row in range(40, len(rows)):
        rows[row] = {**rows[row], "qty": 0, "px": int(str(rows[row]["px"])) + 1_000_000}
    return 41


def twice(rows: list[Row]) -> int:
    rows.insert(AT, {**rows[AT], "flags": 0})
    return AT + 1


def start_of_message(rows: list[Row], near: int = AT) -> int:
    place = near
    while rows[place]["seq"] == rows[place - 1]["seq"]:
        place += 1
    return place


def in_message(**cells: int) -> Change:
    """Change all rows of the message that starts near ``AT``."""

    def change(rows: list[Row]) -> int:
        place = start_of_message(rows)
        for row in range(place, len(rows)):
            if rows[row]["seq"] == rows[place]["seq"]:
                rows[row] = {**rows[row], **cells}
        return place

    return change


def open_end(rows: list[Row]) -> int:
    place = next(n for n in range(AT, len(rows)) if int(str(rows[n]["flags"])) & Flag.LAST)
    rows[place] = {**rows[place], "flags": 0}
    return place


def crossing(rows: list[Row]) -> int:
    place = next(n for n in range(AT, len(rows)) if rows[n]["side"] == 0 and rows[n]["qty"])
    rows[place] = {**rows[place], "px": 700_000}
    return next(n for n in range(place, len(rows)) if int(str(rows[n]["flags"])) & Flag.LAST)


def wide(rows: list[Row]) -> int:
    """Begin with a book whose sides are far apart."""
    for row in range(20, 40):
        rows[row] = {**rows[row], "px": int(str(rows[row]["px"])) + 100_000}
    del rows[40:]
    return 0


def far_levels(rows: list[Row]) -> int:
    for row in range(AT, AT + 200):
        if rows[row]["side"]:
            rows[row] = {**rows[row], "px": 5_000_000 + row, "qty": 1}
    return next(n for n in range(AT, AT + 200) if rows[n]["side"])


def clock_off(rows: list[Row]) -> int:
    for row in range(AT, AT + 9):
        rows[row] = {**rows[row], "ts_exch": HOUR.end}
    return AT


EMPTY = int(Flag.EMPTY | Flag.LAST)
TICKS: tuple[tuple[str, Change], ...] = (
    ("instrument_known", cell(AT, instrument_id="somewhere-usdm:ETHUSDC")),
    ("instrument_known", cell(AT, instrument_rev=7)),
    ("ts_recv_in_hour", cell(AT, ts_recv=HOUR.end)),
    ("ts_recv_in_hour", cell(AT, ts_recv=HOUR.start - 24 * 3600 * SECOND)),
    ("ts_recv_not_falling", cell(AT, ts_recv=HOUR.start + 6)),
    ("arrival_order", cell(AT, seq=1)),
    ("flags_known", cell(AT, flags=129)),
    ("clock_sane", clock_off),
    ("receive_clock_good", flagged(Flag.BAD_TS_RECV, AT, AT + 1)),
)
CASES: dict[str, tuple[tuple[str, Change], ...]] = {
    "depth": (
        *TICKS,
        ("side_known", cell(AT, side=2)),
        ("px_positive", cell(AT, px=0)),
        ("px_positive", cell(AT, px=-600_000)),
        ("qty_not_negative", cell(AT, qty=-1)),
        ("qty_not_negative", cell(3, qty=0)),
        ("empty_is_empty", cell(AT, flags=EMPTY, px=1)),
        ("ids_ordered", cell(AT, first_id=10**9)),
        ("snapshot_has_one_id", cell(3, first_id=999)),
        ("message_even", cell(AT, ts_exch=1)),
        ("message_closed", open_end),
        ("level_once", twice),
        ("ids_rising", in_message(last_id=1_001, first_id=1_001)),
        ("chain_whole", in_message(prev_id=1)),
        ("book_not_crossed", crossing),
        ("book_trusted", flagged(Flag.MAYBE_BAD_BOOK, AT, AT + 9)),
        ("book_two_sided", one_sided),
        ("deletes_known", all_deleted),
        ("levels_near", far_levels),
        ("spread_sane", wide),
        ("depth_silence", late_from(AT, 300 * SECOND)),
    ),
    "trades": (
        *TICKS,
        ("trade_id_positive", cell(0, trade_id=0)),
        ("trade_id_rising", cell(AT, trade_id=5_000 + AT - 1)),
        ("trade_ids_whole", cell(0, trade_id=7)),
        ("px_positive", cell(AT, px=0)),
        ("px_positive", cell(AT, px=-1)),
        ("qty_positive", cell(AT, qty=0)),
        ("trade_on_grid", cell(AT, qty=901)),
        ("px_plausible", cell(AT, px=60_000)),
        ("px_plausible", cell(AT, px=6_000_000)),
        ("trade_jump", cell(AT, px=615_000)),
        ("qty_ordinary", cell(AT, qty=900_000_000)),
        ("ts_exch_not_falling", cell(AT, ts_exch=HOUR.start)),
        ("trade_silence", late_from(AT, 1_800 * SECOND)),
    ),
    "ticker": (
        *TICKS,
        ("px_positive", cell(AT, bid_px=0)),
        ("qty_not_negative", cell(AT, ask_qty=-1)),
        ("ticker_not_crossed", cell(AT, ask_px=1)),
        ("px_plausible", cell(AT, ask_px=6_000_000)),
        ("update_id_not_falling", cell(AT, update_id=1)),
        ("spread_sane", cell(AT, ask_px=700_000)),
        ("ticker_silence", late_from(AT, 900 * SECOND)),
    ),
}


def ticker_rows() -> list[Row]:
    return [
        {
            "ts_recv": HOUR.start + number * SECOND,
            "ts_exch": HOUR.start + number * SECOND,
            "update_id": 10 + number,
            "bid_px": 600_000 + number % 7,
            "bid_qty": 1,
            "ask_px": 600_001 + number % 7,
            "ask_qty": 2,
            "flags": 1,
            **identity(number + 1),
        }
        for number in range(1_000)
    ]


def even_trades() -> list[Row]:
    """Trades of even size: their instrument takes orders of two lots and its multiples."""
    return [{**it, "qty": int(str(it["qty"])) * 2} for it in trade_rows(1_000)]


GRID = msgspec.structs.replace(INSTRUMENT, size_step=2)
LIMITS = Thresholds(unknown_delete_ppm_max=400_000)
GOOD: dict[str, tuple[Table, Callable[[], list[Row]], Callable[[pa.Table, Subject], Inspected]]] = {
    "depth": (DEPTH, lambda: depth_rows(MESSAGES), depth.inspect),
    "trades": (TRADES, even_trades, trades.inspect),
    "ticker": (TICKER, ticker_rows, ticker.inspect),
}


def inspected(name: str, rows: list[Row]) -> dict[str, Finding]:
    table, _, inspect = GOOD[name]
    found = inspect(table_of(rows, table), Subject(HOUR, [GRID], LIMITS)).findings
    return {it.rule.name: it for it in found}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_good_hour_breaks_no_rule_and_each_rule_has_a_case(name: str) -> None:
    found = inspected(name, GOOD[name][1]())
    assert [it.rule.name for it in found.values() if it.broken] == []
    elsewhere = {"trade_ids_of_hour"}
    assert {rule for rule, _ in CASES[name]} == set(found) - elsewhere


@pytest.mark.parametrize(
    ("name", "rule", "change"),
    [(name, *it) for name, cases in CASES.items() for it in cases],
    ids=[
        f"{name}-{rule}-{n}" for name, cases in CASES.items() for n, (rule, _) in enumerate(cases)
    ],
)
def test_each_rule_names_the_row_that_breaks_it(name: str, rule: str, change: Change) -> None:
    rows = GOOD[name][1]()
    place = change(rows)
    finding = inspected(name, rows)[rule]
    assert finding.broken
    # A rule about neighbours may hold the next row to be the odd one.
    assert {place, (place or 0) + 1} & set(finding.rows.tolist())


def publish(data: Path, table: Table) -> Dataset:
    """Publish a table of the hour without asking what its rows promise."""
    root, name = Path(layout.lake(data)), compaction.batch_name(table, HOUR)
    (dataset,) = batch.to_judge(root, name, table)
    digest = durable.sha256(dataset.candidate)
    commit.judge(dataset, Quality(file_sha256=digest, expectations=0, broken=()))
    batch.publish(root, name, table, MADE)
    return dataset


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Give the published datasets of an hour, the derived ones among them."""
    data = tmp_path_factory.mktemp("hour")
    write_hour(data, depth_rows(MESSAGES, step_ns=6 * SECOND), even_trades())
    known = {}
    for table in (DEPTH, TRADES):
        compaction.stage_hour(data, table, HOUR)
        known[table.minutes] = publish(data, table)
    for table in (KLINES, CHECKPOINTS):
        derivation.stage_hour(data, table, HOUR)
        known[table.minutes] = publish(data, table)
    return known


def derived(hour: dict[str, Dataset], table: Table, rows: list[Row]) -> dict[str, Finding]:
    dataset = hour[table.minutes]
    record = manifest.read_commit(dataset.published)
    assert record is not None
    files = Files(dataset.root.parent, dataset, record)
    inspect = klines.inspect if table is KLINES else checkpoints.inspect
    schema = parquet.arrow_schema(table)
    given = pa.Table.from_pylist(rows, schema=schema)
    subject = Subject(HOUR, [INSTRUMENT], Thresholds(), files)
    return {it.rule.name: it for it in inspect(given, subject).findings}


def test_a_trade_that_is_in_the_hour_before_too_is_named(hour: dict[str, Dataset]) -> None:
    dataset, after = hour["trades"], hour_at(HOUR.end)
    record = manifest.read_commit(dataset.published)
    assert record is not None
    files = Files(dataset.root.parent, neighbours.beside(dataset, after), record)
    rows = [{**it, "trade_id": int(str(it["trade_id"])) + 1_000} for it in even_trades()]
    rows[5]["trade_id"] = 5_999
    subject = Subject(after, [INSTRUMENT], Thresholds(), files)
    found = trades.inspect(table_of(rows, TRADES), subject).findings
    assert [it.rows.tolist() for it in found if it.rule is trades.HOURS] == [[5]]


def test_a_clock_that_is_far_off_is_named_by_its_line() -> None:
    schema = parquet.arrow_schema(LOGS)

    def offsets(given: dict[int, str]) -> dict[str, list[int]]:
        rows = [{it.name: row.get(it.name, "") for it in schema} for row in log_rows()]
        for row, offset in given.items():
            told = f'{{"venue":"somewhere-usdm","offset_ms":{offset}}}'
            rows[row] = {**rows[row], "event": "ClockOffsetMoved", "line": told}
        table = pa.Table.from_pylist(rows, schema=schema)
        found = lines.inspect(table, Subject(HOUR, ())).findings
        return {it.rule.name: it.rows.tolist() for it in found}

    assert "offsets_small" not in offsets({})
    assert offsets({3: "4.999999", 8: "-5.000000"})["offsets_small"] == []
    assert offsets({3: "-4.2", 8: "-5.001000"})["offsets_small"] == [8]


BARS: tuple[tuple[str, int, dict[str, int | str | bool | None]], ...] = (
    ("instrument_known", 0, {"instrument_rev": 9}),
    ("grid_complete", 1, {"open_time": HOUR.start + MINUTE_NS + 1}),
    ("interval_known", 1, {"interval_s": 300}),
    ("ohlc_ordered", 0, {"high": 1}),
    ("volume_not_negative", 0, {"volume": -1}),
    ("no_trade_no_price", 0, {"n_trades": 0}),
    ("taker_within_volume", 0, {"taker_buy_volume": 10**12}),
    ("quote_volume_in_range", 0, {"low": 599_999, "high": 600_000, "quote_volume": 1}),
    ("trade_ids_of_bars", 0, {"first_trade_id": 10**6}),
    ("bar_jump", 1, {"open": 700_000}),
    ("bars_from_trades", 0, {"close": 600_001}),
    ("hour_from_bars", 0, {"n_trades": 3}),
)


@pytest.mark.parametrize(("rule", "row", "cells"), BARS, ids=str)
def test_each_rule_names_the_bar_that_breaks_it(
    hour: dict[str, Dataset], rule: str, row: int, cells: dict[str, int | str | bool | None]
) -> None:
    rows = parquet.read(hour["klines"].published).to_pylist()
    good = derived(hour, KLINES, rows)
    assert [it.rule.name for it in good.values() if it.broken] == []
    assert {it for it, _, _ in BARS} == set(good)
    rows[row] = {**rows[row], **cells}
    finding = derived(hour, KLINES, rows)[rule]
    assert finding.broken
    assert rule == "hour_from_bars" or row in finding.rows.tolist()


LEVELS: tuple[tuple[str, int, dict[str, int | str | bool | None]], ...] = (
    ("instrument_known", 30, {"instrument_id": "elsewhere:BTCUSDC"}),
    ("ts_on_minute", 30, {"ts": HOUR.start + 7}),
    ("side_known", 30, {"side": 3}),
    ("px_positive", 30, {"px": 0}),
    ("qty_positive", 30, {"qty": 0}),
    ("levels_counted", 30, {"level": 77}),
    ("levels_sorted", 31, {"px": 1_000_000}),
    ("book_not_crossed", 0, {"px": 900_000}),
    ("checkpoint_even", 30, {"last_id": 5}),
    ("book_as_replayed", -1, {"qty": 987_654}),
)


@pytest.mark.parametrize(("rule", "row", "cells"), LEVELS, ids=str)
def test_each_rule_names_the_level_that_breaks_it(
    hour: dict[str, Dataset], rule: str, row: int, cells: dict[str, int | str | bool | None]
) -> None:
    rows = parquet.read(hour["checkpoints"].published).to_pylist()
    good = derived(hour, CHECKPOINTS, rows)
    assert [it.rule.name for it in good.values() if it.broken] == []
    assert {it for it, _, _ in LEVELS} == set(good)
    moments = [it["ts"] for it in rows]
    # The replay names a checkpoint by its first row.
    named = moments.index(moments[-1]) if row < 0 else row
    place = named if rule == "book_as_replayed" else row
    rows[place] = {**rows[place], **cells}
    found = derived(hour, CHECKPOINTS, rows)[rule].rows.tolist()
    assert {named, named + 1} & set(found)


def log_rows() -> list[Row]:
    return [
        {
            "ts": HOUR.start + number * SECOND,
            "module": "oms",
            "level": "INFO",
            "event": "OrderAccepted",
            "symbol": "",
            "order_id": "a",
            "session": "s1",
            "seq": number + 1,
            "line": "{}",
        }
        for number in range(20)
    ]


LINES: tuple[tuple[str, dict[str, int | str | bool | None]], ...] = (
    ("line_readable", {"seq": -1, "event": "unreadable"}),
    ("line_once", {"seq": 5}),
    ("module_one", {"module": "risk"}),
    ("level_known", {"level": "LOUD"}),
    ("event_declared", {"event": "OrderSomething"}),
    ("ts_in_hour", {"ts": HOUR.end}),
    ("arrival_order", {"seq": 2}),
    ("no_line_lost", {"event": "LogGap"}),
)


@pytest.mark.parametrize(("rule", "cells"), LINES, ids=str)
def test_each_rule_names_the_line_that_breaks_it(
    rule: str, cells: dict[str, int | str | bool | None]
) -> None:
    rows, schema = log_rows(), parquet.arrow_schema(LOGS)

    def found(given: list[Row]) -> dict[str, Finding]:
        full = [{it.name: row.get(it.name, "") for it in schema} for row in given]
        table = pa.Table.from_pylist(full, schema=schema)
        return {it.rule.name: it for it in lines.inspect(table, Subject(HOUR, ())).findings}

    good = found(rows)
    assert [it.rule.name for it in good.values() if it.broken] == []
    assert {it for it, _ in LINES} == set(good)
    rows[10] = {**rows[10], **cells}
    assert 10 in found(rows)[rule].rows.tolist()


def whole(hour: dict[str, Dataset], settings: QualitySettings) -> dict[str, Finding]:
    """Give what the hour as a whole breaks, by rule."""
    told = lake_hour.inspect(hour["depth"].root, HOUR, settings)
    return {it.finding.rule.name: it.finding for it in told if it.finding.broken}


def test_files_that_are_not_their_manifests_are_told(hour: dict[str, Dataset]) -> None:
    settings = QualitySettings(off=("trades_in_book", "taker_side", "trades_leave_book"))
    assert whole(hour, settings) == {}
    path = hour["klines"].published
    content, beside = path.read_bytes(), manifest.manifest_path(path)
    told = beside.read_bytes()
    path.write_bytes(content[:-20] + b"x" + content[-19:])
    assert set(whole(hour, settings)) == {"file_as_manifest"}
    path.write_bytes(content)
    beside.unlink()
    assert set(whole(hour, settings)) == {"file_has_manifest"}
    beside.write_bytes(told)
    path.unlink()
    assert set(whole(hour, settings)) == {"file_has_manifest"}
    path.write_bytes(content)


def test_trades_away_from_the_book_are_told(hour: dict[str, Dataset]) -> None:
    """The trades of this hour know nothing of its book: half have the wrong taker, few leave it."""
    tight = Thresholds(off_book_ppm=1)
    found = whole(hour, QualitySettings(thresholds=tight))
    assert set(found) == {"trades_in_book", "taker_side", "trades_leave_book"}
    assert len(found["taker_side"].rows) > 100


def test_a_rule_that_is_switched_off_is_not_asked() -> None:
    settings = QualitySettings(off=("depth.px_positive", "clock_sane"))
    assert not settings.asks("depth", "px_positive")
    assert settings.asks("trades", "px_positive")
    assert not settings.asks("ticker", "clock_sane")


def test_each_table_has_its_cases() -> None:
    assert {*CASES, "klines", "checkpoints"} == set(PUBLISHED)


MODULES = (depth, trades, ticker, klines, checkpoints, lines, lake_hour, orders, verdict, of_ticks)
LATER = (clocks, over_hours, own_fills, traded)


def test_a_promise_is_told_in_words() -> None:
    for module in (*MODULES, *LATER):
        rules = [it for it in vars(module).values() if isinstance(it, Rule)]
        assert rules
        assert all(len(it.promise.split()) > 3 for it in rules)


def test_the_run_book_has_each_rule_in_a_row_that_says_whether_it_blocks() -> None:
    lines = (Path(__file__).parents[3] / "docs/platform.md").read_text().splitlines()
    rows = [
        it for it in lines if it.startswith("|") and it.endswith(("| E |", "| W |", "degraded |"))
    ]
    bands = [rule for them in history.BANDS.values() for rule in them]
    rules = [it for module in (*MODULES, *LATER) for it in vars(module).values()]
    for rule in [*bands, *(it for it in rules if isinstance(it, Rule))]:
        ends = {it.rpartition("| ")[2][0] for it in rows if f"`{rule.name}`" in it}
        assert ("E" if rule.blocking else "W") in ends, rule.name
