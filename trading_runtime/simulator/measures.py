"""What a market's messages look like in numbers: of generated flow, and of recorded flow beside it.

A market order is a run of trades with one time and one taker's side. Mid price and spread come from
the ticker, sampled every 100 ms; prices are in ticks. All sums run in order of time.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, pvariance

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.records.exact import Grid
from trading_runtime.records.units import NANOS_PER_SECOND

SAMPLES_PER_S = 10
WINDOW_S = 5
"""For weather: long against a cluster, short against a storm."""
SECONDS_MIN = 30
HEAD_BYTES = 60
"""The stream's name stands within these."""


class TickerData(msgspec.Struct, frozen=True):
    b: str
    B: str
    a: str
    A: str


class TickerMessage(msgspec.Struct, frozen=True):
    data: TickerData


class TradeData(msgspec.Struct, frozen=True):
    T: int
    m: bool


class TradeMessage(msgspec.Struct, frozen=True):
    data: TradeData


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of one market; see ``RANGES`` for what generated flow has by default."""

    seconds: float
    frames_per_s: float
    trades_per_s: float
    market_orders_per_s: float
    dispersion: float
    """Of counts of market orders in 1 s: variance over mean (Fano factor); 1 for Poisson."""
    branching: float
    """Share of market orders that others brought about: 1 - sqrt(mean / variance) of counts in 5 s
    (Hardiman, Bouchaud, 2014, "Branching-ratio approximation for the self-exciting Hawkes process",
    Phys. Rev. E 90). Weather counts in it too."""
    spread_ticks: float
    """Mean over time."""
    spread_half_life_s: float
    """In which half of a deviation from the mean is gone, by AR(1) over 100 ms."""
    volatility_ticks: float
    """Root mean square change of the mid price over 1 s."""
    storm_ratio: float
    """Volatility in the third of all 5 s windows with most market orders, over the least third."""
    sign_correlation: float
    """Of the signs of one market order and the next."""
    excess_kurtosis: float
    """Of changes of the mid price over 1 s: 0 for a normal distribution, more for heavy tails."""
    imbalance_correlation: float
    """Of the bid's share of the touch, and the change of the mid price over the next 1 s."""


RANGES: Mapping[str, tuple[float, float]] = {
    "frames_per_s": (25.0, 75.0),
    "trades_per_s": (5.0, 16.0),
    "market_orders_per_s": (3.0, 9.0),
    "dispersion": (1.5, 5.0),
    "branching": (0.35, 0.85),
    "spread_ticks": (2.5, 5.5),
    "spread_half_life_s": (0.05, 0.8),
    "volatility_ticks": (2.5, 9.0),
    "storm_ratio": (1.05, 4.5),
    "sign_correlation": (0.05, 0.4),
    "excess_kurtosis": (0.1, 15.0),
    "imbalance_correlation": (0.01, 0.4),
}
"""Of the default settings over ``RANGES_FROM_S`` or more, whatever the seed."""
RANGES_FROM_S = 300


class Tape:
    """One market's messages, taken apart: market orders, and the ticker sampled every 100 ms."""

    def __init__(self, messages: Iterable[tuple[int, bytes]], tick: str) -> None:
        """Read all ``messages``, given with the times of their receipt in nanoseconds."""
        self.frames = self.trades = 0
        self.orders: list[tuple[float, int]] = []
        """Seconds from the start, and the taker's sign."""
        self.mids: list[float] = []
        self.spreads: list[int] = []
        self.imbalances: list[float] = []
        self.seconds = 0.0
        self._count = Grid(tick).count
        self._read(messages)

    @property
    def measurable(self) -> bool:
        """Whether there is enough of it: 30 s, and market orders and tickers in them."""
        return self.seconds >= SECONDS_MIN and bool(self.orders) and bool(self.mids)

    def _read(self, messages: Iterable[tuple[int, bytes]]) -> None:
        decode_trade = msgspec.json.Decoder(TradeMessage).decode
        decode_ticker = msgspec.json.Decoder(TickerMessage).decode
        start_ns = 0
        ticker: TickerData | None = None
        last_trade = TradeData(0, m=False)
        for at_ns, message in messages:
            start_ns = start_ns or at_ns
            self.seconds = (at_ns - start_ns) / NANOS_PER_SECOND
            head = message[:HEAD_BYTES]
            if ticker:
                self._sample(ticker)
            self.frames += 1
            if b"@bookTicker" in head:
                ticker = decode_ticker(message).data
            elif b"@trade" in head:
                trade = decode_trade(message).data
                self.trades += 1
                if trade != last_trade:
                    self.orders.append((self.seconds, -1 if trade.m else 1))
                last_trade = trade

    def _sample(self, ticker: TickerData) -> None:
        """Hold ``ticker`` for all sample times that have passed since the last."""
        missing = int(self.seconds * SAMPLES_PER_S) - len(self.mids)
        if missing <= 0:
            return
        bid, ask = self._count(ticker.b), self._count(ticker.a)
        bid_size, ask_size = float(ticker.B), float(ticker.A)
        total = bid_size + ask_size
        self.mids += [(bid + ask) / 2] * missing
        self.spreads += [ask - bid] * missing
        self.imbalances += [bid_size / total if total else 0.5] * missing


def measure(tape: Tape) -> Measures:
    """Measure one market; raise :exc:`Refused` where it is not :attr:`Tape.measurable`."""
    times = [at for at, _ in tape.orders]
    signs = [float(sign) for _, sign in tape.orders]
    if not tape.measurable:
        raise Refused(f"too little to measure: {tape.seconds:.0f} s, {len(signs)} market orders")
    moves = changes(tape.mids, SAMPLES_PER_S)
    overlapping = [
        after - before for before, after in zip(tape.mids, tape.mids[SAMPLES_PER_S:], strict=False)
    ]
    spread_pull = correlation(tape.spreads[:-1], tape.spreads[1:])
    return Measures(
        seconds=tape.seconds,
        frames_per_s=tape.frames / tape.seconds,
        trades_per_s=tape.trades / tape.seconds,
        market_orders_per_s=len(signs) / tape.seconds,
        dispersion=dispersion(counts(times, tape.seconds, 1)),
        branching=1.0
        - 1.0 / math.sqrt(max(1.0, dispersion(counts(times, tape.seconds, WINDOW_S)))),
        spread_ticks=fmean(tape.spreads),
        spread_half_life_s=half_life(spread_pull) / SAMPLES_PER_S,
        volatility_ticks=root_mean_square(moves),
        storm_ratio=storm_ratio(times, tape.mids),
        sign_correlation=correlation(signs[:-1], signs[1:]),
        excess_kurtosis=excess_kurtosis(moves),
        imbalance_correlation=correlation(tape.imbalances[: len(overlapping)], overlapping),
    )


def check(measures: Measures) -> list[str]:
    """Name each measure that lies outside its range, with both."""
    return [
        f"{name} {value:.3g} is not within {low:g} to {high:g}"
        for name, (low, high) in RANGES.items()
        if not low <= (value := msgspec.structs.asdict(measures)[name]) <= high
    ]


def counts(times: Sequence[float], seconds: float, window_s: int) -> list[int]:
    """Count ``times`` (ascending) in each whole window."""
    edges = [bisect_left(times, edge * window_s) for edge in range(int(seconds / window_s) + 1)]
    return [after - before for before, after in pairwise(edges)]


def changes(values: Sequence[float], step: int) -> list[float]:
    """Give the changes over ``step`` samples each, one after another."""
    return [after - before for before, after in pairwise(values[::step])]


def dispersion(numbers: Sequence[int]) -> float:
    mean = fmean(numbers)
    return pvariance(numbers, mean) / mean if mean else 0.0


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Give Pearson's correlation; 0 where one of the two never varies."""
    first_mean, second_mean = fmean(first), fmean(second)
    both = sum(
        (one - first_mean) * (other - second_mean) for one, other in zip(first, second, strict=True)
    )
    scale = math.sqrt(
        sum((one - first_mean) ** 2 for one in first)
        * sum((other - second_mean) ** 2 for other in second)
    )
    return both / scale if scale else 0.0


def half_life(keep: float) -> float:
    """Give after how many steps half is left, when ``keep`` of it is after one; 0 for none."""
    return math.log(0.5) / math.log(keep) if 0.0 < keep < 1.0 else 0.0


def root_mean_square(numbers: Sequence[float]) -> float:
    return math.sqrt(fmean([number * number for number in numbers]))


def excess_kurtosis(numbers: Sequence[float]) -> float:
    mean = fmean(numbers)
    variance = pvariance(numbers, mean)
    if not variance:
        return 0.0
    return fmean([(number - mean) ** 4 for number in numbers]) / variance**2 - 3.0


def storm_ratio(times: Sequence[float], mids: Sequence[float]) -> float:
    """Compare volatility between the windows with most and with least market orders."""
    step = WINDOW_S * SAMPLES_PER_S
    windows = len(mids) // step
    busy = counts(times, windows * WINDOW_S, WINDOW_S)
    order = sorted(range(windows), key=lambda window: busy[window])
    third = max(1, windows // 3)

    def volatility(chosen: Sequence[int]) -> float:
        return root_mean_square(
            [
                move
                for window in chosen
                for move in changes(mids[window * step : (window + 1) * step + 1], SAMPLES_PER_S)
            ]
        )

    quiet = volatility(order[:third])
    return volatility(order[-third:]) / quiet if quiet else 0.0
