"""Inputs for an intake: markets that open, captures as a shell feeds them, a loop of timers."""

from collections.abc import Callable, Iterable
from pathlib import Path

from trading_runtime.core.intake import Intake
from trading_runtime.gateway.capture import Capture, LineKind
from trading_runtime.market.events import MarketEvent
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.records.commands import RequestSnapshot, SetTimer
from trading_runtime.records.envelope import Output
from trading_runtime.records.inputs import (
    AnswerReceived,
    ConnectionOpened,
    FrameReceived,
    Input,
    InstrumentRevised,
    Purpose,
    TimerFired,
)
from trading_runtime.records.instruments import Instrument, money_scale
from trading_runtime.records.units import Connection, Nanos, Revision, Seq

SETTINGS = MarketSettings()
LINE = Connection(1)
Step = tuple[Nanos, Input]


def instrument(venue: str, symbol: str, tick: str, lot: str, revision: int = 1) -> Instrument:
    return Instrument(
        revision=Revision(revision),
        venue=venue,
        symbol=symbol,
        base_asset="A",
        quote_asset="B",
        tick_size=tick,
        lot_size=lot,
        multiplier="1",
        money_scale=money_scale(tick, lot, "1"),
    )


def opened(venue: str, *channels: str, connection: Connection = LINE) -> ConnectionOpened:
    return ConnectionOpened(
        connection=connection, venue=venue, purpose=Purpose.MARKET, channels=channels
    )


def frame(text: str | bytes, connection: Connection = LINE) -> FrameReceived:
    return FrameReceived(
        connection=connection, frame=text.encode() if isinstance(text, str) else text
    )


def answer(request: str, body: bytes, status: int = 200) -> AnswerReceived:
    return AnswerReceived(request=request, status=status, headers=(), body=body)


class Capture20240808:
    """One symbol of the large captures, with the grid of its texts."""

    def __init__(self, shared_data: Path, key: str) -> None:
        market, self.symbol = key.split("_")
        self.venue = f"binance-{market}"
        self.tick, self.lot = GRIDS[key]
        folder = shared_data / "captures/hftbacktest_binance_20240808" / market
        self.paths = sorted(folder.glob(f"{self.symbol}_*.gz"))

    def opening(self, at: Nanos) -> list[Step]:
        depth = "depth@0ms" if self.venue.endswith("usdm") else "depth@100ms"
        channels = [f"{self.symbol}@{name}" for name in (depth, "bookTicker", "trade")]
        revised = InstrumentRevised(
            instrument=instrument(self.venue, self.symbol.upper(), self.tick, self.lot)
        )
        return [(at, revised), (at, opened(self.venue, *channels))]

    def steps(self, count: int = 10**9) -> list[Step]:
        """Give the first ``count`` lines as inputs, after those that open the market."""
        steps: list[Step] = []
        for line in Capture(self.paths):
            if not steps:
                steps += self.opening(Nanos(line.at_ns))
            body: Input = frame(line.payload)
            if line.kind is LineKind.SNAPSHOT:
                body = answer("depth-1", line.payload)
            steps.append((Nanos(line.at_ns), body))
            if len(steps) >= count + 2:
                break
        return steps


GRIDS = {
    "usdm_btcusdt": ("0.10", "0.001"),
    "usdm_ethusdt": ("0.01", "0.001"),
    # Old orders stand in the book on a finer grid than today's lots.
    "spot_btcusdt": ("0.01", "0.00000001"),
    "spot_ethusdt": ("0.01", "0.00000001"),
}


class Loop:
    """Drives an intake as a shell does: timers fire in their order, requests may be answered."""

    def __init__(
        self,
        intake: Intake | None = None,
        answers: Callable[[RequestSnapshot], AnswerReceived | None] | None = None,
    ) -> None:
        self.intake = intake or Intake(SETTINGS)
        self.out: list[Output] = []
        self.events: list[MarketEvent] = []
        self.inputs: list[Step] = []
        """All that the intake was given, timers and answers included."""
        self.timers: dict[str, Nanos] = {}
        self._answers = answers

    @property
    def market(self) -> Market:
        return next(iter(self.intake.markets.values()))

    def feed(self, steps: Iterable[Step]) -> None:
        for at, body in steps:
            self.until(at)
            self.step(at, body)

    def until(self, at: Nanos) -> None:
        """Fire what is due before ``at``."""
        while self.timers:
            due, timer = min((due, timer) for timer, due in self.timers.items())
            if due > at:
                return
            del self.timers[timer]
            self.step(due, TimerFired(timer=timer))

    def step(self, at: Nanos, body: Input) -> list[Output]:
        self.inputs.append((at, body))
        out: list[Output] = []
        self.intake.on_input(Seq(len(self.inputs)), at, body, out)
        self.out += out
        self.events += self.intake.events
        for one in out:
            if isinstance(one, SetTimer):
                self.timers[one.timer] = one.at
            elif isinstance(one, RequestSnapshot) and self._answers is not None:
                answered = self._answers(one)
                if answered is not None:
                    self.step(at, answered)
        return out

    def said(self, *kinds: type) -> list[Output]:
        return [one for one in self.out if isinstance(one, kinds)]
