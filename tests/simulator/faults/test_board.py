"""What each fault does to requests, pushes and connections, and when it ends."""

import asyncio
from typing import NamedTuple

import msgspec
import pytest

from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import MarketKind, Side
from trading_runtime.simulator.faults import words
from trading_runtime.simulator.faults.board import (
    PASS,
    Answer,
    Close,
    FaultBoard,
    Hang,
    Sent,
    Verdict,
)
from trading_runtime.simulator.server.symbols import default_spot

SPOT, USDM = MarketKind.SPOT, MarketKind.USDM
DEPTH = "btcusdt@depth@100ms"
PLACE = "POST /api/v3/order"
CANCEL = "DELETE /api/v3/order"
ENTRY = [PLACE, CANCEL, "WS order.cancel", "DELETE /fapi/v1/allOpenOrders"]


class Table:
    """A board with a clock that stands until it is moved, and an exchange with one level."""

    def __init__(self, seed: int = 7) -> None:
        self.now_ns = 0
        self.board = FaultBoard(seed, lambda: self.now_ns)
        self.spot = Exchange(SPOT)
        self.spot.add_symbol(default_spot().symbols[0], 1)
        self.level("61800.00")

    def level(self, price: str) -> None:
        self.spot.set_external("BTCUSDT", Side.BUY, units(price), units("1"), 1)

    def order(self, fault: words.Lasting) -> None:
        self.board.order(fault, lambda _: self.spot)

    def push(self, number: int = 1, stream: str = DEPTH, market: MarketKind = SPOT) -> Sent:
        return self.board.on_push(stream, market, b"%d" % number)

    def request(self, route: str = PLACE, market: MarketKind = SPOT) -> Verdict:
        return asyncio.run(self.board.on_request(route, market))


@pytest.fixture
def table() -> Table:
    return Table()


def numbers(sent: Sent) -> list[int]:
    return [int(event) for _, event in sent]


def test_nothing_happens_without_faults(table: Table) -> None:
    assert not table.board.touches_pushes
    assert table.push() == [(0.0, b"1")]
    assert table.request() == table.board.on_answer(PLACE, SPOT) == PASS
    assert table.board.accepting(SPOT, "stream")


def test_a_gap_drops_its_count_and_then_all_passes(table: Table) -> None:
    table.order(words.Gap(count=2, skip=1))
    assert table.board.touches_pushes
    assert [numbers(table.push(n)) for n in range(5)] == [[0], [], [], [3], [4]]
    assert not table.board.touches_pushes


def test_a_fault_ends_with_its_time(table: Table) -> None:
    table.order(words.Silent(seconds=2.0))
    assert table.push() == []
    table.now_ns = 2 * NANOS_PER_SECOND
    assert numbers(table.push()) == [1]


def test_a_fault_concerns_its_market_and_stream_alone(table: Table) -> None:
    table.order(words.Silent(market=USDM, stream="ethusdt@*"))
    assert numbers(table.push(1, "ethusdt@trade", SPOT)) == [1]
    assert numbers(table.push(1, "btcusdt@trade", USDM)) == [1]
    assert table.push(1, "ethusdt@trade", USDM) == []


def test_a_duplicate_is_sent_twice_and_a_late_one_again_later(table: Table) -> None:
    table.order(words.Duplicate(count=1))
    assert table.push() == [(0.0, b"1"), (0.0, b"1")]
    table.order(words.Late(count=1, delay_ms=300))
    assert table.push() == [(0.0, b"1"), (0.3, b"1")]


def test_a_reordered_frame_follows_the_next(table: Table) -> None:
    table.order(words.Reorder(count=1))
    assert [numbers(table.push(n)) for n in range(3)] == [[], [1, 0], [2]]
    assert not table.board.touches_pushes


def test_frames_of_two_accounts_are_not_exchanged(table: Table) -> None:
    table.order(words.Reorder(count=2, stream="user*"))
    assert table.push(1, "user1@executionReport") == table.push(2, "user2@executionReport") == []
    assert numbers(table.push(3, "user1@executionReport")) == [3, 1]


def test_lag_keeps_the_order_of_frames_when_it_ends(table: Table) -> None:
    table.order(words.Lag(count=1, delay_ms=500))
    assert table.push(1) == [(0.5, b"1")]
    table.now_ns = 200 * NANOS_PER_MILLI
    assert table.push(2) == [(0.3, b"2")]
    table.now_ns = 500 * NANOS_PER_MILLI
    assert table.push(3) == [(0.0, b"3")]
    assert not table.board.touches_pushes


def test_a_frame_does_not_overtake_what_lags_for_longer_than_it_should(table: Table) -> None:
    """A busy machine's timers come late: the delay is over, and the frame not yet sent."""

    async def push() -> list[bytes]:
        arrived: asyncio.Queue[bytes] = asyncio.Queue()
        table.order(words.Lag(count=1, delay_ms=10))
        for number in range(3):
            table.board.push("btcusdt@trade", SPOT, b"%d" % number, arrived.put_nowait)
            table.now_ns += 20 * NANOS_PER_MILLI
        assert arrived.empty()
        return [await arrived.get() for _ in range(3)]

    assert asyncio.run(push()) == [b"0", b"1", b"2"]
    assert not table.board.touches_pushes


def test_only_executions_are_told_twice(table: Table) -> None:
    table.order(words.DoubleFill(count=1))
    new, fill = b'{"x":"NEW"}', b'{"x":"TRADE","X":"PARTIALLY_FILLED"}'
    stream = "user1@executionReport"
    assert table.board.on_push(stream, SPOT, new) == [(0.0, new)]
    assert table.board.on_push(stream, SPOT, fill) == [(0.0, fill)] * 2


def test_the_last_fill_comes_again_as_another_execution(table: Table) -> None:
    table.order(words.DoubleFill(how="filled_again"))
    part = b'{"x":"TRADE","X":"PARTIALLY_FILLED","t":3,"I":7}'
    last = b'{"x":"TRADE","X":"FILLED","t":4,"I":8}'
    assert len(table.board.on_push("user1@executionReport", SPOT, part)) == 1
    first, again = table.board.on_push("user1@executionReport", SPOT, last)
    assert first == (0.0, last)
    assert msgspec.json.decode(again[1]) == {"x": "TRADE", "X": "FILLED", "t": 4, "I": 9}


class Case(NamedTuple):
    fault: words.RequestFault
    before: Verdict
    after: Verdict


UNAVAILABLE = Answer(status=503, code=None, message="", retry_after_s=None)


@pytest.mark.parametrize(
    "case",
    [
        Case(words.RefusedStatus(), UNAVAILABLE, PASS),
        Case(words.RefusedStatus(acted=True), PASS, UNAVAILABLE),
        Case(
            words.RefusedStatus(status=429, code=-1003, message="slow down", retry_after_s=7),
            Answer(status=429, code=-1003, message="slow down", retry_after_s=7),
            PASS,
        ),
        Case(words.LostAnswer(), PASS, Hang()),
        Case(words.LostAnswer(acted=False, how="close"), Close(), PASS),
        Case(
            words.Reject(code=-2019, message="Margin is insufficient."),
            Answer(status=400, code=-2019, message="Margin is insufficient.", retry_after_s=None),
            PASS,
        ),
    ],
)
def test_a_request_meets_its_fault_before_or_after_it_is_acted_on(table: Table, case: Case) -> None:
    table.order(msgspec.structs.replace(case.fault, count=1))
    if case.before is PASS:
        assert table.request() == PASS
        assert table.board.on_answer(PLACE, SPOT) == case.after
    else:
        assert table.request() == case.before
    assert table.request() == table.board.on_answer(PLACE, SPOT) == PASS


def test_routes_are_chosen_by_method_and_path(table: Table) -> None:
    table.order(words.LostAnswer(route="POST|WS */order|order.place", acted=False))
    hit = ("POST /fapi/v1/order", "WS order.place", PLACE)
    spared = (CANCEL, "GET /api/v3/order", "WS order.cancel", "POST /api/v3/order/test")
    assert [table.request(route) for route in hit] == [Hang()] * 3
    assert [table.request(route) for route in spared] == [PASS] * 4


@pytest.mark.parametrize(
    ("down", "up"),
    [
        ("orders", ["GET /api/v3/depth", "GET /api/v3/openOrders", "WS depth"]),
        ("data", [*ENTRY, "GET /api/v3/openOrders"]),
        ("all", []),
    ],
)
def test_maintenance_takes_down_what_it_names(table: Table, down: str, up: list[str]) -> None:
    table.order(msgspec.convert({"kind": "maintenance", "down": down}, words.AnyFault))  # type: ignore[arg-type]
    routes = [*ENTRY, "GET /api/v3/openOrders", "GET /api/v3/depth", "WS depth"]
    answered = [route for route in routes if table.request(route) == PASS]
    assert sorted(answered) == sorted(up)
    assert table.board.accepting(SPOT, "stream") == (down == "orders")
    assert table.board.accepting(SPOT, "ws_api") == (down != "all")


def test_a_stale_snapshot_is_as_it_was_when_ordered(table: Table) -> None:
    table.order(words.StaleSnapshot(count=1))
    before = table.spot.depth("BTCUSDT", 1)
    table.level("61801.00")
    now = table.spot.depth("BTCUSDT", 1)
    assert table.board.on_depth(SPOT, now) == before != now
    assert table.board.on_depth(SPOT, now) == now


def test_a_slow_request_waits_and_is_then_acted_on(table: Table) -> None:
    table.order(words.Slow(delay_ms=0))
    table.order(words.Slow(delay_ms=1, noisy=True))
    assert table.request() == PASS


def test_new_connections_of_a_kind_are_refused_so_often(table: Table) -> None:
    table.order(words.RefuseConnections(connection="ws_api", count=1))
    assert table.board.accepting(SPOT, "stream")
    assert not table.board.accepting(SPOT, "ws_api")
    assert table.board.accepting(SPOT, "ws_api")


def test_the_same_seed_hits_the_same_frames() -> None:
    def hits(seed: int) -> list[bool]:
        table = Table(seed)
        table.order(words.Gap(share=0.5))
        return [not table.push() for _ in range(64)]

    assert hits(1) == hits(1) != hits(2)
    assert 10 < sum(hits(1)) < 54


def test_clearing_ends_everything(table: Table) -> None:
    faults: list[words.Lasting] = [
        words.Silent(),
        words.Reorder(stream="other*"),
        words.LostAnswer(acted=False),
        words.Maintenance(),
        words.StaleSnapshot(),
    ]
    for fault in faults:
        table.order(fault)
    table.board.skew_ns = 5
    table.board.pinned_marks["BTCUSDT"] = 1
    table.board.clear()
    assert numbers(table.push()) == [1]
    assert table.request() == PASS
    assert table.board.accepting(SPOT, "stream")
    assert (table.board.skew_ns, table.board.pinned_marks) == (0, {})


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind":"gap","strem":"x"}',
        b'{"kind":"unheard_of"}',
        b'{"kind":"gap","count":0}',
        b'{"kind":"status","status":200}',
        b'{"kind":"gap","share":1.5}',
    ],
)
def test_a_fault_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=words.AnyFault)
