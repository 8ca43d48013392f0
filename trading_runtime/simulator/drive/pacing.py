"""Plays others' flow into the exchanges, in step with a monotonic clock."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND
from trading_runtime.simulator.drive.marks import Marks
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.faults.board import FaultBoard

STEP_S = 0.01
CAUGHT_UP_NS = 500 * NANOS_PER_MILLI
"""A process that was stopped for longer does not play what it missed."""


class Driven(Protocol):
    """What is moved: the simulator."""

    @property
    def board(self) -> FaultBoard: ...

    def exchange(self, market: MarketKind) -> Exchange: ...

    def now(self) -> int:
        """Give the venue's time, UTC nanoseconds."""

    def publish(self, market: MarketKind) -> None:
        """Push what the exchange has done since the last call."""


class Source(Protocol):
    """Others' flow in one market; ``elapsed_ns`` counts from :meth:`arrive`."""

    def arrive(self, now: int) -> None: ...

    def advance(self, elapsed_ns: int, now: int) -> None: ...


class Drive:
    """``clock`` gives monotonic nanoseconds."""

    def __init__(
        self, venue: Driven, sources: Mapping[MarketKind, list[Source]], clock: Callable[[], int]
    ) -> None:
        self._venue = venue
        self._sources = sources
        self._clock = clock
        self._marks = Marks(venue.exchange(MarketKind.USDM), venue.board.pinned_marks)
        self._elapsed_ns = 0
        self._marked_s = 0

    def arrive(self) -> None:
        """Put the first books on the exchanges."""
        now = self._venue.now()
        for market, sources in self._sources.items():
            for source in sources:
                source.arrive(now)
            self._venue.publish(market)
        self._mark(now)

    async def run(self) -> None:
        """Play until cancelled."""
        last_ns = self._clock()
        while True:
            await asyncio.sleep(STEP_S)
            read_ns = self._clock()
            self.step(min(read_ns - last_ns, CAUGHT_UP_NS))
            last_ns = read_ns

    def step(self, passed_ns: int) -> None:
        """Play the next ``passed_ns``; nobody else gets a turn in between."""
        self._elapsed_ns += passed_ns
        now = self._venue.now()
        for market, sources in self._sources.items():
            for source in sources:
                source.advance(self._elapsed_ns, now)
            self._venue.publish(market)
        second = self._elapsed_ns // NANOS_PER_SECOND
        if second != self._marked_s:
            self._marked_s = second
            self._mark(now)

    def _mark(self, now: int) -> None:
        self._marks.advance(now)
        self._venue.publish(MarketKind.USDM)
