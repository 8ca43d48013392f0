"""An engine on a real market, and a small venue that takes, rests, fills and cancels for it."""

from collections.abc import Callable
from typing import ClassVar, TypeVar

import msgspec

from trading_runtime.account.settings import AccountSettings
from trading_runtime.engine.reducer import Engine
from trading_runtime.engine.settings import EngineSettings, InstrumentSettings
from trading_runtime.market.events import DepthChanged, DepthSnapshot
from trading_runtime.market.instrument import Market
from trading_runtime.market.settings import MarketSettings
from trading_runtime.market.sync import SequenceRule
from trading_runtime.oms.reports import (
    Accepted,
    Amended,
    Cancelled,
    Expired,
    Filled,
    OrderReport,
)
from trading_runtime.oms.settings import OmsSettings, RateSettings
from trading_runtime.records.carried_trading import TradingCarried
from trading_runtime.records.commands import AmendOrder, CancelOrder, Execution, PlaceOrder
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_market import Desync
from trading_runtime.records.facts_trading import Response
from trading_runtime.records.inputs import Action, OperatorCommanded
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import (
    NANOS_PER_SECOND,
    ClientId,
    Lots,
    Micro,
    Money,
    Nanos,
    Revision,
    Seq,
    Side,
    Ticks,
)
from trading_runtime.risk.limits import AccountLimits, InstrumentLimits, Threshold
from trading_runtime.strategy.interface import Desired, Quote, Strategy, View

INSTRUMENT = Instrument(
    revision=Revision(1),
    venue="venue-spot",
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    tick_size="0.10",
    lot_size="0.001",
    multiplier="1",
    money_scale=8,
)
NEVER = 10**15
START = Nanos(1_700_000_000 * NANOS_PER_SECOND)
T = TypeVar("T")


def never(response: Response = Response.PAUSE) -> Threshold:
    return Threshold(trigger=NEVER, clear=NEVER, response=response)


INSTRUMENT_LIMITS = InstrumentLimits(
    inventory_max="1",
    order_size_max="0.5",
    price_band=Micro(50_000),
    open_orders_max=40,
    slippage_max=Micro(10_000),
    cancel_rate=never(),
    order_rate=never(),
    consecutive_rejects=never(),
    volatility=never(),
    depth_lag_ns=never(),
)
ACCOUNT_LIMITS = AccountLimits(
    leverage_max=Micro(100_000_000),
    daily_loss=never(Response.PANIC_STOP),
    drawdown=never(Response.PANIC_STOP),
    risk_rate=never(),
    risk_rate_close=never(Response.PANIC_STOP),
    api_error_rate=never(),
    window_ns=Nanos(10 * NANOS_PER_SECOND),
    window_events_min=5,
)
PLENTY = RateSettings(per_second=1_000, burst=1_000)
SETTINGS = EngineSettings(
    account=AccountSettings(
        quote_asset="USDT",
        balance="100000",
        money_scale=8,
        day_offset_minutes=0,
        maintenance_margin=Micro(5_000),
    ),
    oms=OmsSettings(
        owner_prefix="td",
        open_orders_max=100,
        orders=PLENTY,
        cancels=PLENTY,
        instrument_orders=PLENTY,
        instrument_cancels=PLENTY,
        cancels_reserved=10,
    ),
    limits=ACCOUNT_LIMITS,
    instruments={INSTRUMENT.instrument_id: InstrumentSettings(limits=INSTRUMENT_LIMITS)},
)


def settings(
    *,
    account_limits: dict[str, object] | None = None,
    limits: dict[str, object] | None = None,
    instrument: dict[str, object] | None = None,
    oms: dict[str, object] | None = None,
    **engine: object,
) -> EngineSettings:
    """Give the usual settings with some of them changed."""
    replace = msgspec.structs.replace
    own = replace(
        SETTINGS.instruments[INSTRUMENT.instrument_id],
        limits=replace(INSTRUMENT_LIMITS, **(limits or {})),
        **(instrument or {}),
    )
    return replace(
        SETTINGS,
        oms=replace(SETTINGS.oms, **(oms or {})),
        limits=replace(ACCOUNT_LIMITS, **(account_limits or {})),
        instruments={INSTRUMENT.instrument_id: own},
        **engine,
    )


class PegParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    levels: int = 1
    size: int = 10
    distance: int = 0
    fails_at_bid: int = 0


class PegMemory(msgspec.Struct):
    asked: int = 0


class Peg:
    """Quotes on the touch and one tick further out for each level."""

    Parameters: ClassVar[type[msgspec.Struct]] = PegParameters
    Memory: ClassVar[type[msgspec.Struct]] = PegMemory

    def quote(self, view: View, parameters: PegParameters, memory: PegMemory) -> Desired:
        memory.asked += 1
        if view.best_bid == parameters.fails_at_bid:
            raise ZeroDivisionError(f"at {object()!r}")
        size = Lots(parameters.size)
        quotes: list[Quote] = []
        for level in range(parameters.levels):
            away = parameters.distance + level
            quotes.append(Quote(Side.BUY, Ticks(view.best_bid - away), size))
            quotes.append(Quote(Side.SELL, Ticks(view.best_ask + away), size))
        return Desired(quotes=tuple(quotes), fair_micro=view.microprice_micro, reason="pegged")


def of(outputs: list[Output], kind: type[T]) -> list[T]:
    return [output for output in outputs if isinstance(output, kind)]


class World:
    """Drives one engine over one market; ``resting`` is what the venue holds."""

    def __init__(
        self,
        engine_settings: EngineSettings = SETTINGS,
        strategy: Callable[[], Strategy] = Peg,
        parameters: bytes = b"{}",
        instrument: Instrument = INSTRUMENT,
    ) -> None:
        self.settings = engine_settings
        self.strategy = strategy
        self.parameters = parameters
        self.at = START
        self.seq = 0
        self.update = 100
        self.trades = 0
        self.resting: dict[ClientId, tuple[PlaceOrder, Lots, Lots]] = {}
        """(order, size, filled)"""
        self.market = Market(
            Scales(instrument), SequenceRule.OVERLAP, MarketSettings(warm_after_ns=Nanos(0))
        )
        self.engine = self.fresh_engine()
        self.engine.open_session("nonce001", self.at, [])

    def fresh_engine(self) -> Engine:
        engine = Engine(self.settings)
        engine.add(self.market, self.strategy(), self.parameters)
        return engine

    def restart(self) -> None:
        """Carry the engine's state into a new one, as a checkpoint and a replay do."""
        packed = msgspec.msgpack.encode(self.engine.carry())
        self.engine = self.restored(packed)
        assert msgspec.msgpack.encode(self.engine.carry()) == packed

    def restored(self, packed: bytes) -> Engine:
        kind = tuple[tuple[TradingCarried, ...], msgspec.Raw]
        trading, risk = msgspec.msgpack.decode(packed, type=kind)
        engine = self.fresh_engine()
        engine.restore(trading, risk)
        return engine

    def book(self, bid: int, ask: int, *, size: int = 100) -> None:
        """Let the touch be ``bid`` and ``ask``, with ten levels behind each."""
        self.update += 1
        bids = [(Ticks(bid - away), Lots(size)) for away in range(10)]
        asks = [(Ticks(ask + away), Lots(size)) for away in range(10)]
        if not self.market.synced:
            self.market.on_snapshot(
                DepthSnapshot(self.market.revision, self.update, bids, asks), self.at, []
            )
            self.update += 1
            self._delta([], [])
            return
        old = self.market.book
        gone_bids = [(price, Lots(0)) for price, _ in old.top(Side.BUY, 1000)]
        gone_asks = [(price, Lots(0)) for price, _ in old.top(Side.SELL, 1000)]
        self._delta(gone_bids + bids, gone_asks + asks)

    def desync(self) -> None:
        self.market.desync(Desync.GAP, self.at, [])

    def turn(self, after_ns: int = 1_000_000) -> list[Output]:
        """End a turn a little later; give what the engine says, and let the venue see it."""
        self.at = Nanos(self.at + after_ns)
        self.seq += 1
        out: list[Output] = []
        self.engine.on_turn_ended(Seq(self.seq), self.at, out)
        return out

    def timer(self, after_ns: int) -> list[Output]:
        self.at = Nanos(self.at + after_ns)
        self.seq += 1
        out: list[Output] = []
        self.engine.on_timer("engine", self.at, out)
        return out

    def report(self, report: OrderReport) -> list[Output]:
        self.seq += 1
        out: list[Output] = []
        self.engine.on_report(report, self.at, out)
        return out

    def command(self, action: Action, user: str = "ann", reason: str = "test") -> list[Output]:
        self.seq += 1
        out: list[Output] = []
        body = OperatorCommanded(action=action, user=user, reason=reason)
        self.engine.on_operator(body, self.at, out)
        return out

    def settle(self, outputs: list[Output], rounds: int = 10) -> list[Output]:
        """Let the venue answer the commands and the engine go on, until all is quiet."""
        said = list(outputs)
        for _ in range(rounds):
            reports = [report for output in outputs for report in self.answers(output)]
            if not reports:
                return said
            for report in reports:
                said += self.report(report)
            outputs = self.turn()
            said += outputs
        raise AssertionError("the engine does not come to rest")

    def answers(self, output: Output) -> list[OrderReport]:
        """Be the venue for one command."""
        match output:
            case PlaceOrder() if output.execution is Execution.IMMEDIATE:
                return [self._accept(output), *self._take(output)]
            case PlaceOrder():
                self.resting[output.order] = (output, output.size, Lots(0))
                return [self._accept(output)]
            case CancelOrder() if output.order in self.resting:
                _, _, filled = self.resting.pop(output.order)
                return [Cancelled(output.order, filled, self.at)]
            case AmendOrder() if output.order in self.resting:
                place, _, filled = self.resting[output.order]
                if output.size <= filled:
                    del self.resting[output.order]
                    return [Cancelled(output.order, filled, self.at)]
                self.resting[output.order] = (place, output.size, filled)
                return [Amended(output.order, output.size, self.at)]
        return []

    def fill(
        self, order: ClientId, size: int, fee: int = 0, fee_asset: str = "USDT"
    ) -> list[Output]:
        """Fill a resting order in part or whole at its own price."""
        place, whole, filled = self.resting[order]
        cumulative = Lots(filled + size)
        if cumulative == whole:
            del self.resting[order]
        else:
            self.resting[order] = (place, whole, cumulative)
        self.trades += 1
        return self.report(
            Filled(
                order,
                f"t{self.trades}",
                place.price,
                Lots(size),
                cumulative,
                Money(fee),
                fee_asset,
                True,
                self.at,
            )
        )

    def quotes(self) -> list[tuple[Side, Ticks, Lots]]:
        """What rests at the venue, in the engine's order of wanted quotes."""
        open_quotes = [
            (place.side, place.price, Lots(size - filled))
            for place, size, filled in self.resting.values()
        ]
        buys = sorted((q for q in open_quotes if q[0] is Side.BUY), key=lambda q: -q[1])
        sells = sorted((q for q in open_quotes if q[0] is Side.SELL), key=lambda q: q[1])
        return buys + sells

    def order(self, side: Side) -> ClientId:
        """Give the innermost resting order of a side."""
        orders = [p for p, _, _ in self.resting.values() if p.side is side]
        return max(orders, key=lambda p: p.price * side.sign).order

    def _accept(self, place: PlaceOrder) -> Accepted:
        return Accepted(place.order, f"v{place.order}", self.at)

    def _take(self, place: PlaceOrder) -> list[OrderReport]:
        """Fill an immediate order at the touch, as far as its price reaches; end the rest."""
        book = self.market.book
        best = book.best_ask() if place.side is Side.BUY else book.best_bid()
        there = book.ask_size() if place.side is Side.BUY else book.bid_size()
        reaches = (place.price - best) * place.side.sign >= 0
        size = min(place.size, there) if reaches and best else 0
        reports: list[OrderReport] = []
        if size:
            self.trades += 1
            trade = f"t{self.trades}"
            reports.append(
                Filled(
                    place.order,
                    trade,
                    best,
                    Lots(size),
                    Lots(size),
                    Money(0),
                    "USDT",
                    False,
                    self.at,
                )
            )
        if size < place.size:
            reports.append(Expired(place.order, Lots(size), "immediate", self.at))
        return reports

    def _delta(self, bids: list[tuple[Ticks, Lots]], asks: list[tuple[Ticks, Lots]]) -> None:
        delta = DepthChanged(
            self.market.revision, Nanos(0), self.update, self.update, -1, bids, asks
        )
        assert self.market.on_depth(delta, self.at, [])
