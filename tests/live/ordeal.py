"""A runtime on a simulated venue, one fault after another, and what can be said of each."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

from tests.live.invariants import check, own
from tests.live.story import Story, Told
from tests.live.trader import Trader, hurried_settings
from tests.live.venue import SimulatedVenue, until
from trading_runtime.app.doorway import Command, ask
from trading_runtime.records.commands import PlaceOrder
from trading_runtime.records.facts_market import BookDesynced
from trading_runtime.records.facts_trading import OrderFilled
from trading_runtime.records.facts_venue import ReconcileBegan, Reconciled
from trading_runtime.records.inputs import (
    Action,
    ConnectionLost,
    ConnectionOpened,
    FrameReceived,
    Purpose,
)

T = TypeVar("T")
SYMBOL = "BTCUSDT"
STEADY_S = 120.0
"""For what comes by itself, on however busy a machine."""
TRIES_MAX = 60
TRY_S = 2.0
IMPATIENT = (
    ("requote_interval_ns", "20_000_000"),
    ("engine.instrument_interval_ns", "1_000_000_000"),
    ("engine.oms.answer_timeout_ns", "500_000_000"),
    ("engine.oms.query_interval_ns", "200_000_000"),
    ("engine.oms.absent_grace_ns", "1_500_000_000"),
    ("engine.oms.request_timeout_ns", "1_000_000_000"),
    ("engine.oms.reconcile_interval_ns", "2_000_000_000"),
    ("engine.oms.clock_interval_ns", "1_000_000_000"),
    ("market.warm_after_ns", "500_000_000"),
    ("market.silence_busy_ns", "4_000_000_000"),
    ("market.snapshot_timeout_ns", "1_000_000_000"),
    ("market.snapshot_retry_max_ns", "1_000_000_000"),
    ("venue.answer_timeout_ns", "2_000_000_000"),
    ("venue.reconnect_max_ns", "1_000_000_000"),
    # Errors and losses are what this is about: how many there are must not end it.
    ("cancel_rate", '{ trigger = 20_000_000, clear = 15_000_000, response = "pause" }'),
    ("connections_lost", '{ trigger = 1_000, clear = 900, response = "pause" }'),
    ("api_error_rate", '{ trigger = 1_000_000, clear = 900_000, response = "pause" }'),
)
"""Patience in tenths of what is shipped: what has to be waited for comes within seconds."""


class Ordeal:
    """One runtime and its venue; a context manager that ends both."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 -- must repeat, keeps no secret
        self.venue = SimulatedVenue(folder / "venue", "--seed", str(seed))
        settings = hurried_settings(folder / "settings.toml", *IMPATIENT)
        self.trader = Trader(folder / "data", settings, self.venue)
        self.story = Story(self.trader.data)
        self.begin = 0
        """Where in the story the present fault begins."""

    def __enter__(self) -> Self:
        try:
            self.trader.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.trader.__exit__()
        self.story.close()
        self.venue.stop()

    def through(self, fault: Callable[[Self], None]) -> None:
        """Bring it to rest, let ``fault`` happen and say what is required, and let it recover."""
        try:
            self.recovers()
            self.forgive()
            self.begin = self.story.read()
            fault(self)
            self.recovers()
        except BaseException as error:
            error.add_note(self.condition())
            raise

    def condition(self) -> str:
        """Say how the runtime is, for whoever has to find out why."""
        self.story.read()
        told = f"{self.trader.data}, from {self.begin}: {self.story.summary(self.begin)}"
        if self.trader.process.poll() is not None:
            return f"{told}; {self.trader.ended()}"
        return f"{told}; {self.trader.status()}"

    def recovers(self) -> None:
        """End what was ordered; it must quote again with nothing unknown, by itself."""
        self.venue.clear()
        until("quotes again", STEADY_S, self.is_steady)

    def forgive(self) -> None:
        """Let what the venue held against us before not count in the fault that comes."""
        resume = Command(action=Action.RESUME, reason="the fault before is over")
        assert ask(self.trader.data, resume).ok

    def is_steady(self) -> bool:
        assert self.trader.process.poll() is None, self.trader.ended()
        status = self.trader.status()
        assert status is None or not status.latched, status
        return status is not None and all(
            market.open_orders and not market.unknown_orders and not market.held
            for market in status.markets
        )

    def ends(self) -> None:
        """End it in order and hold its record to the venue's books."""
        self.recovers()
        self.trader.stop()
        check(self.trader.data, self.venue.books())

    def inflict(self, kind: str, **fields: object) -> None:
        self.venue.fault(kind, market="usdm", **fields)

    def tell(self, path: str, **fields: object) -> None:
        """Do to the venue what is no fault: ``filters``, ``balance``, ``order``, ``clock``."""
        self.venue.call("POST", path, fields)

    def hears(
        self,
        kind: type[T],
        where: Callable[[T], bool] = lambda _: True,
        *,
        begin: int | None = None,
        within_s: float = STEADY_S,
    ) -> int:
        """Await what is told, from the beginning of the fault on; give its place."""
        first = self.begin if begin is None else begin
        return self.story.awaits(kind, first, where, within_s=within_s)

    def provokes(
        self,
        do: Callable[[], object],
        kind: type[T],
        where: Callable[[T], bool] = lambda _: True,
        *,
        try_s: float = TRY_S,
    ) -> int:
        """Do something, each ``try_s`` again, until it meets what it can have an effect on.

        Gives the place of what was then told. At any one moment no order may stand, or be sent.
        """
        for _ in range(TRIES_MAX):
            do()
            with suppress(AssertionError):
                return self.hears(kind, where, within_s=try_s)
        raise AssertionError(f"no {kind} after {TRIES_MAX} tries")

    def goes_blind(self) -> int:
        """Await the loss of a connection that quoting needs; not of one with news of less weight.

        That is where orders go, where the account's events come from, or where the book does.
        """

        def losses() -> list[int]:
            self.story.read()
            opened = self.story.all(ConnectionOpened)
            market = {each.connection for each in opened if each.purpose is Purpose.MARKET}
            direct = self.story.places(
                ConnectionLost, self.begin, lambda lost: lost.connection not in market
            )
            return [*direct, *self.story.places(BookDesynced, self.begin)]

        until("a connection that is needed is lost", STEADY_S, lambda: bool(losses()))
        return min(losses())

    def heard(self, kind: type[T], begin: int | None = None, end: int | None = None) -> list[T]:
        """Give what was told since the beginning of the fault, or in a part of it."""
        self.story.read()
        return self.story.all(kind, self.begin if begin is None else begin, end)

    def compared(self, begin: int) -> int:
        """Await that all records are compared for a reason found after ``begin``; give its end."""
        return self.hears(Reconciled, begin=self.hears(ReconcileBegan, begin=begin))

    def at(self, place: int) -> Told:
        return self.story.told[place]

    def no_order(self, begin: int, end: int) -> None:
        """Nothing that takes risk was decided between two places."""
        placed = [each for each in self.heard(PlaceOrder, begin, end) if not each.reduce_only]
        assert not placed, f"placed {len(placed)} between {begin} and {end}"

    def goes_on(self, frames: int) -> None:
        """Await so many frames more."""
        wanted = len(self.heard(FrameReceived)) + frames
        until("frames", STEADY_S, lambda: len(self.heard(FrameReceived)) >= wanted)

    def open_own(self) -> int:
        return len(own(self.venue.open_orders()))

    def is_filled(self, part_ppm: int = 1_000_000) -> str:
        """Let somebody take of our first order; give the trade as the venue numbers it."""
        before = {str(row["trade_id"]) for row in self.venue.books()["trades"]}
        fresh: set[str] = set()

        def trades() -> bool:
            self.inflict("partial_fill", symbol=SYMBOL, part_ppm=part_ppm)
            after = {str(row["trade_id"]) for row in own(self.venue.books()["trades"])}
            fresh.update(after - before)
            return bool(fresh)

        until("a trade", STEADY_S, trades)
        return max(fresh, key=int)

    def books(self, trade: str) -> int:
        """Await that a trade of the venue is booked; give the place."""
        place = self.hears(OrderFilled, lambda fill: fill.venue_trade == trade)
        booked = Counter(fill.venue_trade for fill in self.heard(OrderFilled))
        assert booked[trade] == 1, f"trade {trade} is booked {booked[trade]} times"
        return place
