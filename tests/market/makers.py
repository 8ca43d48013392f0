"""Deltas, snapshots and markets of which a test names only what matters."""

from collections.abc import Iterable

from trading_runtime.market.events import (
    DepthChanged,
    DepthSnapshot,
    PriceLevel,
    TickerChanged,
    TradePrinted,
)
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.sync import SequenceRule
from trading_runtime.records.commands import RequestSnapshot, SetTimer
from trading_runtime.records.envelope import Output
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import Lots, Nanos, Revision, Ticks

REVISION = Revision(7)
SCALES = Scales(
    Instrument(
        revision=REVISION,
        venue="somewhere-spot",
        symbol="AB",
        base_asset="A",
        quote_asset="B",
        tick_size="0.1",
        lot_size="0.001",
        multiplier="1",
        money_scale=8,
    )
)
SETTINGS = MarketSettings()

Levels = Iterable[tuple[int, int]]


def levels(pairs: Levels) -> list[PriceLevel]:
    return [(Ticks(price), Lots(size)) for price, size in pairs]


def spot_delta(
    first: int, last: int, bids: Levels = (), asks: Levels = (), time: int = 0
) -> DepthChanged:
    return DepthChanged(REVISION, Nanos(time), first, last, -1, levels(bids), levels(asks))


def linked_delta(
    prev: int, last: int, bids: Levels = (), asks: Levels = (), time: int = 0
) -> DepthChanged:
    """A delta of a venue whose ids have holes: its first id is far above the one before."""
    first = min(last, prev + 5)
    return DepthChanged(REVISION, Nanos(time), first, last, prev, levels(bids), levels(asks))


def numbered(first: int, last: int, prev: int) -> DepthChanged:
    """A delta that changes nothing, numbered as a test likes."""
    return DepthChanged(REVISION, Nanos(0), first, last, prev, [], [])


def snapshot(
    last: int, bids: Levels = ((100, 5), (99, 6)), asks: Levels = ((101, 7), (102, 8))
) -> DepthSnapshot:
    return DepthSnapshot(REVISION, last, levels(bids), levels(asks))


def ticker(update: int, touch: tuple[int, int, int, int], time: int = 0) -> TickerChanged:
    bid, bid_size, ask, ask_size = touch
    return TickerChanged(
        REVISION, Nanos(time), update, Ticks(bid), Lots(bid_size), Ticks(ask), Lots(ask_size)
    )


def trade(trade_id: int, price: int = 100, time: int = 0) -> TradePrinted:
    return TradePrinted(
        REVISION,
        Nanos(time),
        trade_id,
        Ticks(price),
        Lots(1),
        buyer_is_maker=True,
        is_market=True,
    )


class Desk:
    """A market and its clock; each call is a millisecond after the one before."""

    def __init__(self, rule: SequenceRule, settings: MarketSettings = SETTINGS) -> None:
        self.rule = rule
        self.market = Market(SCALES, rule, settings)
        self.at = Nanos(1_000_000_000_000)
        self.out: list[Output] = []

    def delta(self, event: DepthChanged) -> bool:
        return self.market.on_depth(event, self.later(), self.out)

    def snapshot(self, event: DepthSnapshot) -> list[DepthChanged]:
        return self.market.on_snapshot(event, self.later(), self.out)

    def ticker(self, event: TickerChanged) -> bool:
        return self.market.on_ticker(event, self.later(), self.out)

    def trade(self, event: TradePrinted) -> bool:
        return self.market.on_trade(event, self.later(), self.out)

    def following(self, bids: Levels) -> DepthChanged:
        """The next delta in this market's sequence: ten ids long."""
        last = self.market.last_id
        if self.rule is SequenceRule.PREVIOUS:
            return linked_delta(last, last + 10, bids)
        return spot_delta(last + 1, last + 10, bids)

    def ask_again(self) -> bool:
        """Let the snapshot's timer fire as it was set; say whether a request went out."""
        timers = [one for one in self.out if isinstance(one, SetTimer)]
        self.at = max([self.at, *(timer.at for timer in timers)])
        self.market.on_snapshot_timer(self.at, self.out)
        return bool(self.said(RequestSnapshot))

    def later(self, span: int = 1_000_000) -> Nanos:
        self.at = Nanos(self.at + span)
        return self.at

    def said(self, *kinds: type) -> list[Output]:
        """Give what was put out of these kinds, and forget it."""
        found = [one for one in self.out if isinstance(one, kinds)]
        self.out = [one for one in self.out if not isinstance(one, kinds)]
        return found


def spot(settings: MarketSettings = SETTINGS) -> Desk:
    """A synchronised spot market: 100 x 5 against 101 x 7, at id 10."""
    desk = Desk(SequenceRule.OVERLAP, settings)
    desk.delta(spot_delta(9, 10))
    desk.snapshot(snapshot(9))
    desk.out.clear()
    return desk


def linked(settings: MarketSettings = SETTINGS) -> Desk:
    """A synchronised market of linked deltas: 100 x 5 against 101 x 7, at id 10."""
    desk = Desk(SequenceRule.PREVIOUS, settings)
    desk.delta(linked_delta(3, 10))
    desk.snapshot(snapshot(9))
    desk.out.clear()
    return desk
