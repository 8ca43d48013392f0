"""Fills looked up in the public trades of the lake."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from data_platform.checks import own_fills
from tests.data_platform.recorded import fill
from tests.store.lake_rows import HOUR, INSTRUMENT, Row, identity, table_of
from trading_runtime.records.instruments import Scales
from trading_runtime.records.lake_schema import (
    KEY_INSTRUMENTS,
    LOGS,
    TRADES,
    Flag,
    instruments_json,
)
from trading_runtime.records.projection import writer
from trading_runtime.records.units import Nanos, Revision, Seq, Side
from trading_runtime.store import parquet
from trading_runtime.store.lake import lake

SECOND = 10**9
NUMBERED = ("somewhere-usdm",)


def lines(trades: Sequence[tuple[str, int, int, int]]) -> pa.Table:
    """Write fills as the runtime does: number, price in ticks, size in lots, second of the hour."""
    rows = []
    for seq, (number, price, size, second) in enumerate(trades, start=1):
        event = msgspec.structs.replace(fill("a", Side.BUY, price, size), venue_trade=number)
        write = writer(type(event), event.module, "s1", {Revision(1): Scales(INSTRUMENT)})
        at = HOUR.start + second * SECOND
        line = write(Nanos(at), Seq(seq), event).decode()
        rows.append({"ts": at, "event": "OrderFilled", "seq": seq, "line": line})
    schema = parquet.arrow_schema(LOGS)
    return pa.Table.from_pylist(
        [{it.name: row.get(it.name, "") for it in schema} for row in rows], schema=schema
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a lake with a trade each second, numbers 1 to 3,000, all of 10 lots."""
    folder = tmp_path_factory.mktemp("lake")
    rows: list[Row] = [
        {
            "ts_recv": HOUR.start + number * SECOND,
            "ts_exch": HOUR.start + number * SECOND,
            "trade_id": number,
            "px": 600_000 + number,
            "qty": 10,
            "is_buyer_maker": True,
            "flags": int(Flag.LAST),
            **identity(number),
        }
        for number in range(1, 3_001)
    ]
    path = lake.dataset(folder, TRADES, INSTRUMENT.instrument_id, HOUR).published
    path.parent.mkdir(parents=True)
    known = {KEY_INSTRUMENTS: instruments_json([INSTRUMENT]).decode()}
    parquet.write(path, table_of(rows, TRADES), TRADES, known)
    return folder


def found(root: Path, rows: pa.Table, numbered: Sequence[str] = NUMBERED) -> list[list[int]]:
    return [it.rows.tolist() for it in own_fills.inspect(rows, root, HOUR, numbered)]


GOOD = [("100", 600_100, 10, 100), ("101", 600_101, 3, 101), ("2000", 602_000, 10, 2_000)]


@pytest.mark.parametrize(
    "wrong",
    [
        ("101", 600_102, 3, 101),  # another price
        ("101", 600_101, 11, 101),  # more than was traded
        ("9999999", 600_101, 3, 101),  # a number that no trade has
        ("102", 600_101, 3, 101),
    ],
)
def test_a_fill_that_is_no_public_trade_is_named(
    root: Path, wrong: tuple[str, int, int, int]
) -> None:
    assert found(root, lines(GOOD)) == [[]]
    assert found(root, lines([GOOD[0], wrong, GOOD[2]])) == [[1]]


def test_where_trades_are_summed_up_price_time_and_size_are_looked_for(root: Path) -> None:
    fills = [("77000001", 600_100, 10, 102), ("77000002", 600_101, 3, 99)]
    assert found(root, lines(fills), ()) == [[]]
    for wrong in (("77000002", 600_101, 3, 140), ("77000002", 600_101, 11, 101)):
        assert found(root, lines([fills[0], wrong]), ()) == [[1]]


def test_what_the_lake_cannot_know_is_not_judged(root: Path) -> None:
    assert found(root, lines([("P7", 1, 1, 100)])) == []  # of a paper session
    assert found(root, lines([("3001", 1, 1, 3_001)])) == []  # behind the last trade
    assert found(root / "empty", lines(GOOD)) == []
    assert found(root, lines([])) == []
