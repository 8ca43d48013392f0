"""The paper venue under any run of commands and market events."""

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.paper_desk import CONNECTION, SETTINGS, Desk, buy, immediate, sell
from trading_runtime.core.paper import PaperVenue
from trading_runtime.oms.reports import (
    Accepted,
    Amended,
    AmendRejected,
    Cancelled,
    CancelRejected,
    Expired,
    Filled,
    OrderReport,
    Rejected,
)
from trading_runtime.records.carried_paper import PaperCarried
from trading_runtime.records.lifecycle import TERMINAL, Happening, OrderState, next_state
from trading_runtime.records.units import Nanos, Side

Step = tuple[str, int, int, int]
"""What happens, and three small numbers that say where and how much."""

KINDS = ("buy", "sell", "immediate", "cancel", "amend", "query", "bid", "ask", "sold", "bought")
steps = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 7), st.integers(0, 12), st.integers(0, 15)),
    max_size=40,
)
SMALL_NS = 10**6
HAPPENINGS = {
    Accepted: Happening.ACCEPTED,
    Rejected: Happening.REJECTED,
    Cancelled: Happening.CANCELLED,
    CancelRejected: Happening.CANCEL_REFUSED,
    Amended: Happening.AMENDED,
    AmendRejected: Happening.AMEND_REFUSED,
    Expired: Happening.EXPIRED,
}


class Run:
    """Takes steps and keeps what an order desk would: each order's size, state and fills."""

    def __init__(self) -> None:
        self.desk = Desk(bids={100: 5, 99: 3})
        self.at = 0
        self.sizes: dict[str, int] = {}
        self.states: dict[str, OrderState] = {}
        self.filled: Counter[str] = Counter()
        self.trades: list[str] = []
        self.reports: list[OrderReport] = []

    def step(self, step: Step) -> None:
        kind, price, size, wait = step
        self.at += wait
        desk, at = self.desk, self.at
        match kind:
            case "bid":
                desk.depth({100 - price: size}, {}, at, time=at)
            case "ask":
                desk.depth({}, {101 + price: size}, at, time=at)
            case "sold" | "bought":
                taker = Side.SELL if kind == "sold" else Side.BUY
                # A trade may be told a little after the book that shows it.
                desk.trade(97 + price, size + 1, at, taker=taker, time=at - wait // 2)
            case "cancel" | "amend" | "query":
                self.ask(kind, price, size)
            case _:
                self.place(kind, 97 + price, size + 1)
        for report in desk.wake(at):
            self.take(report)

    def place(self, kind: str, price: int, size: int) -> None:
        order = f"o{len(self.sizes)}"
        self.sizes[order] = size
        self.states[order] = OrderState.PENDING_NEW
        command = sell(order, price, size) if kind == "sell" else buy(order, price, size)
        self.desk.place(immediate(command) if kind == "immediate" else command, self.at)

    def ask(self, kind: str, number: int, size: int) -> None:
        order = f"o{number}"
        sent = {"cancel": Happening.CANCEL_SENT, "amend": Happening.AMEND_SENT}
        if order not in self.states:
            return
        if kind == "query":
            self.desk.query(order, self.at)
            return
        after = next_state(self.states[order], sent[kind], filled=self.filled[order] > 0)
        if after is not None:
            self.states[order] = after
            if kind == "cancel":
                self.desk.cancel(order, self.at)
            else:
                self.desk.amend(order, size, self.at)

    def take(self, report: OrderReport) -> None:
        self.reports.append(report)
        order = report.order
        if isinstance(report, Amended):
            self.sizes[order] = report.size
        if isinstance(report, Filled):
            if report.venue_trade in self.trades:
                return
            self.trades.append(report.venue_trade)
            self.filled[order] += report.size
            assert report.cumulative == self.filled[order] <= self.sizes[order]
            whole = report.cumulative == self.sizes[order]
            happening = Happening.FILLED_WHOLE if whole else Happening.FILLED_IN_PART
        else:
            happening = HAPPENINGS[type(report)]
        before = self.states[order]
        after = next_state(before, happening, filled=self.filled[order] > 0)
        assert after is not None, (before, happening)
        self.states[order] = after

    def settle(self) -> None:
        self.at += SMALL_NS
        for report in self.desk.wake(self.at):
            self.take(report)


@settings(deadline=None)
@given(steps)
def test_each_order_lives_a_life_that_the_table_allows(run: list[Step]) -> None:
    desk = Run()
    for step in run:
        desk.step(step)
    desk.settle()
    for report in desk.reports:
        if isinstance(report, Cancelled | Expired):
            assert report.cumulative == desk.filled[report.order]
    resting = {
        order.order
        for market in desk.desk.venue.carry().markets
        for level in market.levels
        for order in level.orders
    }
    assert resting == {order for order, state in desk.states.items() if state not in TERMINAL}
    pending = {OrderState.PENDING_NEW, OrderState.PENDING_CANCEL, OrderState.PENDING_AMEND}
    assert not pending.intersection(desk.states.values())


@settings(deadline=None)
@given(steps)
def test_reports_come_in_the_order_of_what_they_tell(run: list[Step]) -> None:
    desk = Run()
    for step in run:
        desk.step(step)
    desk.settle()
    times = [report.venue_time for report in desk.reports]
    # A query tells an end again, with the moment of that end.
    if not any(kind == "query" for kind, *_ in run):
        assert times == sorted(times)


@settings(deadline=None)
@given(steps, st.integers(0, 40))
def test_a_venue_carried_over_at_any_moment_sends_the_same_frames(
    run: list[Step], moment: int
) -> None:
    through, stopped = Run(), Run()
    for number, step in enumerate(run):
        if number == moment:
            packed = msgspec.msgpack.encode(stopped.desk.venue.carry())
            carried = msgspec.msgpack.decode(packed, type=PaperCarried)
            stopped.desk.venue = PaperVenue(SETTINGS, CONNECTION)
            stopped.desk.venue.revise(stopped.desk.market, Nanos(0))
            stopped.desk.venue.restore(carried)
        through.step(step)
        stopped.step(step)
    through.settle()
    stopped.settle()
    assert stopped.desk.frames == through.desk.frames
    assert stopped.desk.timers == through.desk.timers
    assert stopped.desk.venue.carry() == through.desk.venue.carry()
