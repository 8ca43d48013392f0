"""Trades against what left their levels."""

from data_platform.checks import traded
from data_platform.checks.settings import Thresholds
from tests.store.lake_rows import HOUR, Row, identity, message, table_of
from trading_runtime.records.lake_schema import DEPTH, TRADES, Flag

TENTH = 10**8


def depth_of(messages: int) -> list[Row]:
    """A bid that shrinks by 5 in every message, from 1,000."""
    rows: list[Row] = []
    for number in range(messages):
        at = HOUR.start + number * TENTH
        ids: Row = {
            "ts_recv": at + 1,
            "ts_exch": at,
            "first_id": number + 1,
            "last_id": number + 1,
            "prev_id": number,
            **identity(number + 1),
        }
        rows += message(ids, [(0, 600_000, 1_000 - 5 * number), (1, 600_001, 7)])
    return rows


def trade(number: int, qty: int, *, message_before: int) -> Row:
    at = HOUR.start + message_before * TENTH + 1
    return {
        "ts_recv": at,
        "ts_exch": at,
        "trade_id": number,
        "px": 600_000,
        "qty": qty,
        "is_buyer_maker": True,
        "flags": int(Flag.LAST),
        **identity(number),
    }


def found(rows: list[Row], trades: list[Row]) -> list[tuple[int, list[int]]]:
    told = traded.inspect(table_of(rows, DEPTH), table_of(trades, TRADES), Thresholds())
    return [(it.measured, it.rows.tolist()) for it in told]


def test_a_trade_of_more_than_left_its_level_is_named() -> None:
    rows = depth_of(100)
    trades = [trade(n, 5, message_before=n) for n in range(10, 50)]
    assert found(rows, trades) == [(0, [])]
    trades[7]["qty"] = 16  # more than three messages took away
    assert found(rows, trades) == [(25_000, [7])]


def test_trades_of_one_message_count_together() -> None:
    rows = depth_of(100)
    trades = [trade(n, 5, message_before=30) for n in range(1, 5)]
    assert found(rows, trades) == [(1_000_000, [0, 1, 2, 3])]
    trades[3]["is_buyer_maker"] = False
    trades[3]["px"] = 700_000  # a level that the depth does not know
    assert found(rows, trades) == [(0, [])]


def test_what_cannot_be_known_is_not_judged() -> None:
    trades = [trade(1, 5_000, message_before=30)]
    assert found([], trades) == []
    assert found(depth_of(100), []) == []
    assert found(depth_of(20), trades) == []
    broken = [{**it, "flags": int(str(it["flags"])) | Flag.MAYBE_BAD_BOOK} for it in depth_of(100)]
    assert found(broken, trades) == []
    assert found(depth_of(100), [{**trades[0], "ts_exch": 0}]) == []
    assert found(depth_of(100), [{**trades[0], "flags": int(Flag.OFF_MARKET)}]) == []
