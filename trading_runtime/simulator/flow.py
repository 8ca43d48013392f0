"""A market that nobody trades in: seeded order flow, matched by price and time, as venue frames.

Market orders and the limit orders and cancels of quick makers, on each side, arrive in clusters
(``hawkes``); those of patient ones deep in the book as they come. What they do depends on a fair
value, a spread and a weather that are hidden (``latent``):

 * quick limit orders stand half the spread target from the fair value, or a geometric distance
   behind that; they never take, so that the touch follows the fair value;
 * patient limit orders stand at a distance that falls off as a power law (Zovko, Farmer, 2002, "The
   power of patience", Quantitative Finance 2; exponent about 1.5);
 * market orders lean towards the side on which the price is unfair, and so do quick cancels; quick
   limit orders are the larger and the more, the more the fair value is on their side, so that the
   touch's imbalance tells where the price will go;
 * each order is cancelled at its crowd's rate (``orders``), so that depth steadies itself.

The same settings and start give the same bytes, however the time is divided into calls. The flow
reacts to nothing that the runtime does: ``docs/flow.md`` says what that means for paper fills.
"""

import math
import random
from typing import Generic, TypeVar

from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND
from trading_runtime.simulator.frames import FRAMES, Frames, Print, Touch, Window
from trading_runtime.simulator.hawkes import Hawkes
from trading_runtime.simulator.ladder import Ladder
from trading_runtime.simulator.latent import Latent
from trading_runtime.simulator.orders import Crowd, Order
from trading_runtime.simulator.settings import FlowSettings, checked, start_ticks

Frame = TypeVar("Frame")

BID, ASK = 0, 1
MARKET, QUICK_LIMIT, QUICK_CANCEL, PATIENT_LIMIT, PATIENT_CANCEL = range(5)
"""A kind of event is twice its act plus the side: of a limit order or cancel the side it is on, of
a market order the taker's (a buy is ``BID`` and takes asks)."""

BRANCHING = (
    # market buy, sell, quick bid, ask, quick cancel of a bid, ask
    (0.35, 0.03, 0.12, 0.10, 0.00, 0.12),  # a buy brings buys; asks flee and are refilled
    (0.03, 0.35, 0.10, 0.12, 0.12, 0.00),
    (0.03, 0.00, 0.25, 0.05, 0.15, 0.02),  # a bid joins bids, and many flicker
    (0.00, 0.03, 0.05, 0.25, 0.02, 0.15),
    (0.00, 0.03, 0.20, 0.02, 0.25, 0.02),  # a cancelled bid is placed anew
    (0.03, 0.00, 0.02, 0.20, 0.02, 0.25),
)
"""Children of each kind (column) of an event (row), before ``clustering``; patience has none."""

PATIENCE_EXPONENT = 1.5
PATIENT_DEPTH_MAX = 0.05
"""A patient order stands no further from the fair value than this part of it."""
LEAN_MAX = 1.5
"""Bounds how far the arrival rates lean: at most a factor exp(1.5), about 4.5, each way."""
DIFF_NS = 100 * NANOS_PER_MILLI
SNAPSHOT_LEVELS = 1000


class Market(Generic[Frame]):
    """One market's flow from ``start_ns`` on, told as ``frames`` puts it; times are nanoseconds.

    Book changes are gathered for ``diff_ns``.
    """

    def __init__(
        self, settings: FlowSettings, start_ns: int, frames: Frames[Frame], diff_ns: int
    ) -> None:
        """Raise :exc:`Refused` where a setting is out of its range."""
        self.settings = checked(settings)
        self._start_ns = start_ns
        self._lag_ns = settings.lag_ms * NANOS_PER_MILLI
        self._rng = rng = random.Random(settings.seed)  # noqa: S311 -- must repeat, keeps no secret
        self._frames = frames
        self._latent = Latent(settings, float(start_ticks(settings)), rng)
        children = [[part * settings.clustering for part in row] for row in BRANCHING]
        self._hawkes = Hawkes(children, 1.0 / settings.cluster_life_s, rng)
        self._ladders = (Ladder(+1), Ladder(-1))
        self._quick = (Crowd(settings.quick_life_s), Crowd(settings.quick_life_s))
        self._patient = (Crowd(settings.patient_life_s), Crowd(settings.patient_life_s))
        self._orders = self._changes = self._trades = 0
        self._sent_changes = 0
        self._touch = Touch(0, 0, 0, 0)
        self._out: list[tuple[int, Frame]] = []
        self._up = 1.0
        self._seed_book()
        self._diff_every_ns = diff_ns
        self._diff_ns = start_ns + diff_ns
        self._now_ns = start_ns
        self._next, self._next_kind = self._hawkes.draw(
            0.0, self._rates(), self._latent.regime_until
        )

    def advance(self, until_ns: int) -> list[tuple[int, Frame]]:
        """Give the frames received until ``until_ns`` (and at it) that were not given yet."""
        limit_ns = until_ns - self._lag_ns
        while True:
            event_ns = self._start_ns + int(self._next * NANOS_PER_SECOND)
            if min(event_ns, self._diff_ns) > limit_ns:
                break
            if self._diff_ns <= event_ns:
                self._now_ns = self._diff_ns
                self._diff_ns += self._diff_every_ns
                self._send_diff()
            else:
                self._now_ns = event_ns
                self._step()
        out, self._out = self._out, []
        return out

    def snapshot(self) -> Frame:
        """Give the answer with the best levels as they are after the last frame."""
        bids, asks = (ladder.top(SNAPSHOT_LEVELS) for ladder in self._ladders)
        return self._frames.snapshot(self._now_ms(), self._changes, bids, asks)

    def next_at(self) -> int:
        """Say when there is something to do again: no frame is due before that."""
        event_ns = self._start_ns + int(self._next * NANOS_PER_SECOND)
        return min(event_ns, self._diff_ns) + self._lag_ns

    def _step(self) -> None:
        now, kind, latent = self._next, self._next_kind, self._latent
        latent.advance(now)
        if kind is None:
            latent.switch_regime()
        else:
            act, side = divmod(kind, 2)
            if act == MARKET:
                self._take(1 - side)
            elif act == QUICK_LIMIT:
                self._rest_quick(side)
            elif act == PATIENT_LIMIT:
                self._rest_patient(side)
            elif act == QUICK_CANCEL:
                self._cancel_quick(side)
            else:
                self._cancel_patient(side)
            self._hawkes.happened(kind)
            self._send_ticker()
        self._next, self._next_kind = self._hawkes.draw(now, self._rates(), latent.regime_until)

    def _rates(self) -> list[float]:
        """Base intensities by kind, per second, as the book and the hidden state stand."""
        settings, latent = self.settings, self._latent
        factor = settings.busy * latent.intensity
        mid = (self._ladders[BID].best() + self._ladders[ASK].best()) / 2
        lean = (latent.fair - mid) / (latent.spread + 1.0)
        self._up = up = math.exp(min(LEAN_MAX, max(-LEAN_MAX, lean)))
        market = factor * settings.market_rate
        quick, patient = factor * settings.quick_rate, factor * settings.patient_rate
        (bids, asks), (deep_bids, deep_asks) = self._quick, self._patient
        return [
            *(market * up, market / up),
            *(quick * math.sqrt(up), quick / math.sqrt(up)),
            *(factor * bids.rate() / up, factor * asks.rate() * up),
            *(patient, patient),
            *(factor * deep_bids.rate(), factor * deep_asks.rate()),
        ]

    def _seed_book(self) -> None:
        """Fill the book as it would stand after a long time, without a frame of it."""
        settings = self.settings
        for side in (BID, ASK):
            for _ in range(int(settings.quick_rate * settings.quick_life_s) + 1):
                self._rest_quick(side)
            for _ in range(int(settings.patient_rate * settings.patient_life_s) + 1):
                self._rest_patient(side)
            self._ladders[side].take_changes()
        self._sent_changes = self._changes
        self._touch = self._touch_now()

    def _rest_quick(self, side: int) -> None:
        mean = self.settings.quick_depth_ticks
        behind = int(self._rng.expovariate(1.0 / mean)) if mean > 0.0 else 0
        fairness = self._up * self._up
        lots = self._size(fairness if side == BID else 1.0 / fairness)
        self._rest(self._quick[side], self._beside_fair(side, behind), lots, side)

    def _rest_patient(self, side: int) -> None:
        tail = (1.0 - self._rng.random()) ** (-1.0 / PATIENCE_EXPONENT) - 1.0
        most = self._latent.fair * PATIENT_DEPTH_MAX
        behind = int(min(self.settings.patient_depth_ticks * tail, most))
        self._rest(self._patient[side], self._beside_fair(side, behind), self._size(1.0), side)

    def _beside_fair(self, side: int, behind: int) -> int:
        """Give a price for a resting order: at least 1, and never one that would take."""
        fair, half_spread = self._latent.fair, self._latent.spread / 2
        other = self._ladders[1 - side].best()
        if side == BID:
            price = math.floor(fair - half_spread) - behind
            return max(1, min(price, other - 1) if other else price)
        price = math.ceil(fair + half_spread) + behind
        return max(price, other + 1, 1)

    def _rest(self, crowd: Crowd, price: int, lots: int, side: int) -> None:
        self._orders += 1
        self._changes += 1
        order = Order(self._orders, price, lots, crowd)
        crowd.join(order)
        self._ladders[side].add(order)

    def _size(self, factor: float) -> int:
        """Draw a size in lots: log-normal, its mean ``factor`` times ``order_lots``, at least 1."""
        sigma = self.settings.order_sigma
        mean_log = math.log(self.settings.order_lots * factor) - sigma * sigma / 2
        return max(1, round(math.exp(mean_log + sigma * self._rng.gauss(0.0, 1.0))))

    def _cancel_quick(self, side: int) -> None:
        """Cancel the order in front where the fair value has passed it, else any quick one."""
        front = self._ladders[side].first()
        crowd = self._quick[side]
        if front and (front.price - self._latent.fair) * (1 - 2 * side) > 0.0:
            self._withdraw(side, front)
        elif crowd.orders:
            self._withdraw(side, crowd.any(self._rng))

    def _cancel_patient(self, side: int) -> None:
        if self._patient[side].orders:
            self._withdraw(side, self._patient[side].any(self._rng))

    def _withdraw(self, side: int, order: Order) -> None:
        order.crowd.leave(order)
        self._changes += 1
        self._ladders[side].reduce(order, order.lots)

    def _take(self, side: int) -> None:
        """Match a market order against the orders of ``side``, oldest of the best price first."""
        ladder = self._ladders[side]
        wanted = self._size(1.0)
        at_ms = self._now_ms()
        while wanted and (order := ladder.first()):
            lots = min(wanted, order.lots)
            wanted -= lots
            self._changes += 1
            ladder.reduce(order, lots)
            if not order.lots:
                order.crowd.leave(order)
            trade = Print(self._trades, order.price, lots, sold=side == BID)
            self._trades += 1
            self._send(self._frames.trade(at_ms, trade))

    def _touch_now(self) -> Touch:
        bids, asks = self._ladders
        bid, ask = bids.best(), asks.best()
        return Touch(bid, bids.size_at(bid), ask, asks.size_at(ask))

    def _send_ticker(self) -> None:
        touch = self._touch_now()
        if touch != self._touch:
            self._touch = touch
            self._send(self._frames.ticker(self._now_ms(), self._changes, touch))

    def _send_diff(self) -> None:
        if self._changes == self._sent_changes:
            return
        window = Window(self._sent_changes + 1, self._changes, self._sent_changes)
        self._sent_changes = self._changes
        bids, asks = (ladder.take_changes() for ladder in self._ladders)
        self._send(self._frames.depth(self._now_ms(), window, bids, asks))

    def _send(self, frame: Frame) -> None:
        self._out.append((self._now_ns + self._lag_ns, frame))

    def _now_ms(self) -> int:
        return self._now_ns // NANOS_PER_MILLI


class Flow(Market[bytes]):
    """One market's flow as a venue's messages; ``snapshot`` is the body of a REST answer."""

    def __init__(self, settings: FlowSettings, start_ns: int) -> None:
        """Raise :exc:`Refused` where a setting is out of its range."""
        super().__init__(settings, start_ns, FRAMES[settings.venue](settings), DIFF_NS)
