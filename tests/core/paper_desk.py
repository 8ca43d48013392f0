"""A real market of a handful of levels with a paper venue in it, driven by hand."""

import msgspec
from msgspec.structs import replace

from trading_runtime.core.paper import PaperSettings, PaperVenue
from trading_runtime.market.events import DepthChanged, DepthSnapshot, PriceLevel, TradePrinted
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.sync import SequenceRule
from trading_runtime.oms.reports import OrderReport
from trading_runtime.records.commands import (
    AmendOrder,
    CancelOrder,
    Execution,
    PaperFrame,
    PlaceOrder,
    QueryOrder,
    SetTimer,
)
from trading_runtime.records.envelope import Output
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import ClientId, Connection, Lots, Nanos, Revision, Side, Ticks

CONNECTION = Connection(7)
ENTRY_NS, ANSWER_NS = Nanos(10), Nanos(3)
SETTINGS = PaperSettings(
    entry_latency_ns=ENTRY_NS, answer_latency_ns=ANSWER_NS, maker_fee_ppm=200, taker_fee_ppm=500
)
decode = msgspec.json.Decoder(OrderReport).decode

Levels = dict[int, int]
BIDS: Levels = {100: 50, 99: 70}
ASKS: Levels = {102: 40, 103: 60}


def scales(revision: int = 1, tick: str = "0.1", lot: str = "0.001") -> Scales:
    instrument = Instrument(
        revision=Revision(revision),
        venue="somewhere-spot",
        symbol="AB",
        base_asset="A",
        quote_asset="B",
        tick_size=tick,
        lot_size=lot,
        multiplier="1",
        money_scale=8,
    )
    return Scales(instrument)


def levels(sizes: Levels) -> list[PriceLevel]:
    return [(Ticks(price), Lots(size)) for price, size in sizes.items()]


def buy(order: str, price: int, size: int) -> PlaceOrder:
    return PlaceOrder(
        order=ClientId(order),
        revision=Revision(1),
        side=Side.BUY,
        price=Ticks(price),
        size=Lots(size),
        execution=Execution.POST_ONLY,
        reduce_only=False,
        reason="",
    )


def sell(order: str, price: int, size: int) -> PlaceOrder:
    return replace(buy(order, price, size), side=Side.SELL)


def immediate(command: PlaceOrder) -> PlaceOrder:
    return replace(command, execution=Execution.IMMEDIATE)


def reducing(command: PlaceOrder) -> PlaceOrder:
    return replace(command, execution=Execution.IMMEDIATE, reduce_only=True)


class Desk:
    """Time moves only as it is told; ``frames`` are all that the venue has sent so far."""

    def __init__(
        self, *, bids: Levels = BIDS, synced: bool = True, settings: PaperSettings = SETTINGS
    ) -> None:
        self.market = Market(scales(), SequenceRule.OVERLAP, MarketSettings())
        self.venue = PaperVenue(settings, CONNECTION)
        self.venue.revise(self.market, Nanos(0))
        self.update = 1
        self.frames: list[bytes] = []
        self.timers: list[Nanos] = []
        if synced:
            self.sync(bids, ASKS)

    def sync(self, bids: Levels, asks: Levels) -> None:
        snapshot = DepthSnapshot(Revision(1), self.update, levels(bids), levels(asks))
        self.market.on_snapshot(snapshot, Nanos(0), [])
        self.depth({}, {}, 0)

    def depth(self, bids: Levels, asks: Levels, at: int, *, time: int = 0) -> None:
        """``time`` is the venue's; it has none where it is 0."""
        self.update += 1
        event = DepthChanged(
            Revision(1), Nanos(time), self.update, self.update, -1, levels(bids), levels(asks)
        )
        if self.market.on_depth(event, Nanos(at), []):
            self.venue.on_event(event, Nanos(at))

    def trade(
        self, price: int, size: int, at: int, *, taker: Side = Side.SELL, time: int = 0
    ) -> None:
        sold = taker is Side.SELL
        event = TradePrinted(Revision(1), Nanos(time), 1, Ticks(price), Lots(size), sold, True)
        self.venue.on_event(event, Nanos(at))

    def place(self, command: PlaceOrder, at: int) -> None:
        self.venue.command(command, Nanos(at))

    def cancel(self, order: str, at: int) -> None:
        command = CancelOrder(order=ClientId(order), revision=Revision(1), reason="")
        self.venue.command(command, Nanos(at))

    def amend(self, order: str, size: int, at: int) -> None:
        command = AmendOrder(
            order=ClientId(order), revision=Revision(1), size=Lots(size), reason=""
        )
        self.venue.command(command, Nanos(at))

    def query(self, order: str, at: int) -> None:
        command = QueryOrder(request="q", order=ClientId(order), revision=Revision(1))
        self.venue.command(command, Nanos(at))

    def wake(self, at: int) -> list[OrderReport]:
        """Give the reports that come out at ``at``."""
        out: list[Output] = []
        self.venue.wake(Nanos(at), out)
        frames = [output for output in out if isinstance(output, PaperFrame)]
        self.timers += [output.at for output in out if isinstance(output, SetTimer)]
        self.frames += [frame.frame for frame in frames]
        assert all(frame.connection == CONNECTION for frame in frames)
        return [decode(frame.frame) for frame in frames]

    def rested(self, *commands: PlaceOrder) -> None:
        """Place each, let it arrive and forget what was told of it."""
        for command in commands:
            self.place(command, 0)
        self.wake(1_000)
