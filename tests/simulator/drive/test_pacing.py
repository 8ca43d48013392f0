"""The clock of the drive, and the mark prices that it tells."""

import asyncio

import pytest

from trading_runtime.simulator.drive.marks import FUNDING_RATE
from trading_runtime.simulator.drive.pacing import CAUGHT_UP_NS, Drive
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import MarketKind, Side
from trading_runtime.simulator.faults.board import FaultBoard
from trading_runtime.simulator.server.symbols import default_usdm

SECOND = 10**9


class Stage:
    """A venue with one market, and a source that writes down when it was asked."""

    def __init__(self) -> None:
        self.board = FaultBoard(1, lambda: 0)
        self.usdm = Exchange(MarketKind.USDM)
        self.usdm.add_symbol(default_usdm().symbols[0], 1)
        self.published = 0
        self.asked: list[int] = []
        self.clock_ns = 0

    def exchange(self, market: MarketKind) -> Exchange:
        assert market is MarketKind.USDM
        return self.usdm

    def now(self) -> int:
        return 1

    def publish(self, market: MarketKind) -> None:
        assert market is MarketKind.USDM
        self.published += 1

    def arrive(self, now: int) -> None:
        self.usdm.set_external("BTCUSDT", Side.BUY, units("100.0"), units("1"), now)
        self.usdm.set_external("BTCUSDT", Side.SELL, units("100.2"), units("1"), now)

    def advance(self, elapsed_ns: int, now: int) -> None:  # noqa: ARG002 -- the venue's time
        self.asked.append(elapsed_ns)

    def monotonic(self) -> int:
        """Stand still for a long while between the second and the third look."""
        self.clock_ns += SECOND // 100 if len(self.asked) != 1 else 3600 * SECOND
        return self.clock_ns

    def mark(self) -> int:
        return self.usdm.mark_view("BTCUSDT").mark


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_sources_are_played_in_step_and_a_stall_is_not_made_up_for(stage: Stage) -> None:
    drive = Drive(stage, {MarketKind.USDM: [stage]}, stage.monotonic)

    async def play() -> None:
        running = asyncio.create_task(drive.run())
        while len(stage.asked) < 3:  # noqa: ASYNC110 -- a list is nobody's event
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    drive.arrive()
    asyncio.run(play())
    assert stage.asked[:3] == [
        SECOND // 100,
        SECOND // 100 + CAUGHT_UP_NS,
        SECOND // 50 + CAUGHT_UP_NS,
    ]
    assert stage.published > len(stage.asked)


def test_the_mark_follows_the_middle_slowly_once_a_second(stage: Stage) -> None:
    drive = Drive(stage, {MarketKind.USDM: [stage]}, stage.monotonic)
    drive.arrive()
    assert stage.mark() == units("100.1")
    stage.usdm.set_external("BTCUSDT", Side.BUY, units("100.0"), 0, 1)
    stage.usdm.set_external("BTCUSDT", Side.SELL, units("108.2"), units("1"), 1)
    stage.usdm.set_external("BTCUSDT", Side.SELL, units("100.2"), 0, 1)
    stage.usdm.set_external("BTCUSDT", Side.BUY, units("108.0"), units("1"), 1)
    drive.step(SECOND // 2)
    assert stage.mark() == units("100.1")
    drive.step(SECOND // 2)
    assert stage.mark() == units("101.1")
    assert stage.usdm.mark_view("BTCUSDT").funding_rate == FUNDING_RATE


def test_a_pinned_mark_stays_until_it_is_cleared(stage: Stage) -> None:
    drive = Drive(stage, {MarketKind.USDM: [stage]}, stage.monotonic)
    drive.arrive()
    stage.board.pinned_marks["BTCUSDT"] = units("50")
    drive.step(SECOND)
    assert stage.mark() == units("50")
    stage.board.clear()
    drive.step(SECOND)
    assert stage.mark() == units("100.1")


def test_no_mark_is_told_without_a_market(stage: Stage) -> None:
    Drive(stage, {}, stage.monotonic).arrive()
    assert stage.mark() == 0
