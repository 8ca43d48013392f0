"""One instrument's market: its book, whether the book is true, its signals, the venue's ticker.

Facts and requests are appended to ``out`` by whatever finds them out. What raises ``Misread`` has
changed nothing but the venue time that it was measured against, so that a venue's clock that was
set back costs one message a stream, not all of them.
"""

from trading_runtime.errors import Misread
from trading_runtime.market.book import Book
from trading_runtime.market.carried import (
    PointCarried,
    SyncCarried,
    pack,
    unpack_signals,
    unpack_sync,
)
from trading_runtime.market.crosscheck import TickerCheck, Touch
from trading_runtime.market.events import (
    DepthChanged,
    DepthSnapshot,
    TickerChanged,
    TradePrinted,
)
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.signals import Signals
from trading_runtime.market.snapshots import SnapshotRequests
from trading_runtime.market.sync import BookSync, SequenceRule, Stage, Verdict
from trading_runtime.records.carried_market import BookCarried, MarketCarried
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import (
    BookDesynced,
    BookSynced,
    Desync,
    SnapshotRefused,
    TickerMismatched,
    TradesMissed,
)
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import Lots, Nanos, Revision, Side, Ticks

HELD_IN_VAIN = (Desync.CONNECTION_LOST, Desync.SILENT, Desync.INSTRUMENT_REVISED)
"""After these, deltas held back belong to what is over; the next delta asks for a snapshot."""


class Market:
    """All that is known of one instrument's market; the intake alone changes it."""

    __slots__ = (
        "_check",
        "_depth_time",
        "_mismatched",
        "_requests",
        "_settings",
        "_sync",
        "_ticker_id",
        "_ticker_time",
        "_trade_id",
        "_trade_time",
        "applied",
        "book",
        "reason",
        "revision",
        "scales",
        "signals",
        "synced",
    )

    def __init__(self, scales: Scales, rule: SequenceRule, settings: MarketSettings) -> None:
        self.scales = scales
        self.revision: Revision = scales.instrument.revision
        self.book = Book()
        self.signals = Signals(self.book, settings)
        self.synced = False
        """Whether the book equals the venue's; if not, ``reason`` says why."""
        self.reason = Desync.COLD
        self.applied = 0
        """Deltas applied so far, over all times that the book was true."""
        self._settings = settings
        self._sync = BookSync(rule)
        self._check = TickerCheck()
        self._requests = SnapshotRequests(self.revision, settings)
        self._mismatched = 0
        """Ticker mismatches since the last match."""
        self._depth_time = self._trade_time = self._ticker_time = Nanos(0)
        self._trade_id = self._ticker_id = 0

    @property
    def instrument(self) -> Instrument:
        return self.scales.instrument

    @property
    def last_id(self) -> int:
        """The venue's id of the last update in the book, 0 while there is no book."""
        return self._sync.last_id

    @property
    def ticker_equal(self) -> int:
        """How often the venue's ticker agreed with the book at the same update id."""
        return self._check.equal

    @property
    def ticker_different(self) -> int:
        return self._check.different

    @property
    def snapshot_timer(self) -> str:
        return self._requests.timer

    def on_depth(self, event: DepthChanged, at: Nanos, out: list[Output]) -> bool:
        """Take a delta; say whether it is in the book now.

        Raises:
            Misread: the delta is not old by its ids, and yet older than the one before by its time.
        """
        verdict = self._sync.judge(event)
        if verdict is Verdict.OLD:
            if not self.synced:
                self._sync.dropped += 1
            return False
        if event.venue_time < self._depth_time:
            before, self._depth_time = self._depth_time, event.venue_time
            raise Misread("time_backwards", f"{before - event.venue_time} ns before the last delta")
        self._depth_time = event.venue_time
        if verdict is Verdict.APPLY:
            return self._apply(event, at, out)
        return self._join(verdict, event, at, out)

    def on_snapshot(self, event: DepthSnapshot, at: Nanos, out: list[Output]) -> list[DepthChanged]:
        """Take the whole book; give the deltas held back that were applied on top of it."""
        sync = self._sync
        if self.synced or event.last_id <= sync.last_id:
            return []
        self._requests.arrived()
        self.book.replace(event.bids, event.asks)
        held = sync.load(event.last_id)
        if self.book.crossed():
            sync.held = held
            self._refuse("crossed", Nanos(0), at, out)
            return []
        return [delta for delta in held if self._replay(delta, at, out)]

    def on_snapshot_failed(
        self, reason: str, patience_ns: Nanos, at: Nanos, out: list[Output]
    ) -> None:
        """There is no snapshot to be had now: ask later, not before ``patience_ns`` is over."""
        if self._sync.stage is Stage.EMPTY:
            self._requests.arrived()
            self._sync.snapshot_id = 0
            self._refuse(reason, patience_ns, at, out)

    def on_snapshot_timer(self, at: Nanos, out: list[Output]) -> None:
        self._requests.on_timer(at, out)

    def on_trade(self, event: TradePrinted, at: Nanos, out: list[Output]) -> bool:
        """Take a trade; say whether it is new and a trade at all.

        A venue's filler without a price takes an id and is nothing else.

        Raises:
            Misread: its id is new, and yet its time is before the last one's.
        """
        del at
        last = self._trade_id
        if event.trade_id <= last:
            return False
        if event.venue_time < self._trade_time:
            before, self._trade_time = self._trade_time, event.venue_time
            raise Misread("time_backwards", f"{before - event.venue_time} ns before the last trade")
        self._trade_time = event.venue_time
        self._trade_id = event.trade_id
        if last and event.trade_id > last + 1:
            missed = TradesMissed(
                revision=self.revision, first_id=last + 1, last_id=event.trade_id - 1
            )
            out.append(missed)
        return event.price != 0

    def on_ticker(self, event: TickerChanged, at: Nanos, out: list[Output]) -> bool:
        """Take the venue's own best prices; say whether they are new.

        Raises:
            Misread: its id is new, and yet its time is before the last one's.
        """
        if event.update_id <= self._ticker_id:
            return False
        if event.venue_time < self._ticker_time:
            before, self._ticker_time = self._ticker_time, event.venue_time
            raise Misread("time_backwards", f"{before - event.venue_time} ns before the last one")
        self._ticker_time = event.venue_time
        self._ticker_id = event.update_id
        ticker = (event.bid, event.bid_size, event.ask, event.ask_size)
        touch = self._check.on_ticker(event.update_id, ticker)
        if touch is not None:
            self._compared(event.update_id, ticker, touch, at, out)
        return True

    def desync(self, reason: Desync, at: Nanos, out: list[Output]) -> None:
        """Stop believing the book and see to a new one."""
        self._desync(reason, 0, 0, at, out)

    def revise(self, scales: Scales, at: Nanos, out: list[Output]) -> None:
        """Count on another grid from here on; nothing counted before is of use."""
        self.scales = scales
        self.revision = scales.instrument.revision
        self._requests.revise(self.revision)
        self._check.forget_all()
        self.signals.reset()
        self._desync(Desync.INSTRUMENT_REVISED, 0, 0, at, out)
        self._requests.ask(at, Nanos(0), out)

    def cold(self) -> "Market":
        """Give a market of this instrument that has its signals, and has heard nothing yet."""
        rule = SequenceRule.OVERLAP if self._sync.overlap else SequenceRule.PREVIOUS
        cold = Market(self.scales, rule, self._settings)
        cold.signals.restore(self.signals.carry())
        return cold

    def carry(self) -> MarketCarried:
        sync, check = self._sync, self._check
        carried = SyncCarried(
            stage=sync.stage,
            reason=self.reason,
            snapshot_id=sync.snapshot_id,
            dropped=sync.dropped,
            applied=self.applied,
            held=sync.held,
            requests=self._requests.carry(),
            touches=[(key, *touch) for key, touch in check.touches.items()],
            tickers=[(key, *touch) for key, touch in check.tickers.items()],
            equal=check.equal,
            different=check.different,
            mismatched=self._mismatched,
            depth_time=self._depth_time,
            trade_time=self._trade_time,
            ticker_time=self._ticker_time,
            trade_id=self._trade_id,
            ticker_id=self._ticker_id,
        )
        return MarketCarried(
            revision=self.revision,
            book=BookCarried(
                bids=tuple(self.book.levels(Side.BUY)),
                asks=tuple(self.book.levels(Side.SELL)),
                last_id=sync.last_id,
            ),
            sync=pack(carried),
            signals=pack(self.signals.carry()),
        )

    def restore(self, carried: MarketCarried) -> None:
        """Become what was carried, so that the same inputs give the same outputs from here on."""
        state = unpack_sync(carried.sync)
        levels = carried.book
        self.book.replace(
            [(Ticks(price), Lots(size)) for price, size in levels.bids],
            [(Ticks(price), Lots(size)) for price, size in levels.asks],
        )
        self._sync.restore(state.stage, levels.last_id, state.snapshot_id, state.held)
        self._sync.dropped = state.dropped
        self.synced = state.stage is Stage.SYNCED
        self.reason = state.reason
        self.applied = state.applied
        self._requests.restore(state.requests)
        self._check.touches = _points(state.touches)
        self._check.tickers = _points(state.tickers)
        self._check.equal = state.equal
        self._check.different = state.different
        self._mismatched = state.mismatched
        self._depth_time = state.depth_time
        self._trade_time = state.trade_time
        self._ticker_time = state.ticker_time
        self._trade_id = state.trade_id
        self._ticker_id = state.ticker_id
        self.signals.restore(unpack_signals(carried.signals))

    def _apply(self, event: DepthChanged, at: Nanos, out: list[Output]) -> bool:
        book = self.book
        book.apply(event.bids, event.asks)
        self._sync.last_id = event.last_id
        bids, asks = book.bids, book.asks
        if bids.best >= asks.best and book.crossed():
            self._desync(Desync.CROSSED, 0, 0, at, out)
            return False
        self.applied += 1
        self.signals.on_book(at)
        touch = (bids.best, bids.best_size, asks.best, asks.best_size)
        ticker = self._check.on_book(event.last_id, touch)
        if ticker is not None:
            self._compared(event.last_id, ticker, touch, at, out)
        return True

    def _join(self, verdict: Verdict, event: DepthChanged, at: Nanos, out: list[Output]) -> bool:
        if verdict is Verdict.JOIN:
            return self._synchronise(event, at, out)
        sync = self._sync
        if verdict is Verdict.GAP:
            self._desync(Desync.GAP, sync.last_id + 1, event.first_id, at, out)
        sync.hold(event)
        if verdict is Verdict.STALE:
            self.reason = Desync.STALE_SNAPSHOT
            self._refuse("stale", Nanos(0), at, out)
        if len(sync.held) > self._settings.held_max:
            sync.held.clear()
            self.reason = Desync.TOO_MANY_HELD
            out.append(self._desynced(self.reason, 0, 0))
        self._requests.ask(at, Nanos(0), out)
        return False

    def _replay(self, delta: DepthChanged, at: Nanos, out: list[Output]) -> bool:
        verdict = self._sync.judge(delta)
        if verdict is Verdict.OLD:
            self._sync.dropped += 1
            return False
        if verdict is Verdict.APPLY:
            return self._apply(delta, at, out)
        return self._join(verdict, delta, at, out)

    def _synchronise(self, event: DepthChanged, at: Nanos, out: list[Output]) -> bool:
        sync = self._sync
        dropped = sync.dropped
        sync.advance(event)
        self.synced = True
        self._mismatched = 0
        if not self._apply(event, at, out):
            return False
        self._requests.withdraw()
        bid_levels, ask_levels = self.book.counts()
        synced = BookSynced(
            revision=self.revision,
            snapshot_id=sync.snapshot_id,
            first_id=event.first_id,
            last_id=event.last_id,
            dropped=dropped,
            bid_levels=bid_levels,
            ask_levels=ask_levels,
        )
        out.append(synced)
        return True

    def _desync(
        self, reason: Desync, expected_id: int, received_id: int, at: Nanos, out: list[Output]
    ) -> None:
        stage = self._sync.stage
        self.synced = False
        self.reason = reason
        self._sync.reset()
        self._check.forget_book()
        self.book.clear()
        if reason in HELD_IN_VAIN:
            self._sync.held.clear()
            self._requests.withdraw()
        if stage is Stage.SYNCED:
            out.append(self._desynced(reason, expected_id, received_id))
        if stage is not Stage.EMPTY and reason not in HELD_IN_VAIN:
            self._requests.ask(at, Nanos(0), out)

    def _desynced(self, reason: Desync, expected_id: int, received_id: int) -> BookDesynced:
        return BookDesynced(
            revision=self.revision,
            reason=reason,
            expected_id=expected_id,
            received_id=received_id,
        )

    def _refuse(self, reason: str, patience_ns: Nanos, at: Nanos, out: list[Output]) -> None:
        """The snapshot is of no use; what is held back waits for the next."""
        sync = self._sync
        refused = SnapshotRefused(
            revision=self.revision,
            snapshot_id=sync.snapshot_id,
            needed_id=sync.needed_id(),
            reason=reason,
        )
        out.append(refused)
        sync.reset()
        self.book.clear()
        self._requests.ask(at, patience_ns, out)

    def _compared(
        self, update_id: int, ticker: Touch, touch: Touch, at: Nanos, out: list[Output]
    ) -> None:
        """Book and ticker have met at ``update_id``."""
        if ticker == touch:
            self._mismatched = 0
            return
        self._mismatched += 1
        mismatched = TickerMismatched(
            revision=self.revision,
            update_id=update_id,
            bid=Ticks(ticker[0]),
            bid_size=Lots(ticker[1]),
            ask=Ticks(ticker[2]),
            ask_size=Lots(ticker[3]),
            book_bid=Ticks(touch[0]),
            book_bid_size=Lots(touch[1]),
            book_ask=Ticks(touch[2]),
            book_ask_size=Lots(touch[3]),
        )
        out.append(mismatched)
        if self.synced and self._mismatched >= self._settings.ticker_mismatches_max:
            self._desync(Desync.TICKER_MISMATCH, 0, 0, at, out)


def _points(carried: list[PointCarried]) -> dict[int, Touch]:
    return {key: (bid, bid_size, ask, ask_size) for key, bid, bid_size, ask, ask_size in carried}
