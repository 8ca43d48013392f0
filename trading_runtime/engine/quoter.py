"""Asks one instrument's strategy where to quote, and holds the answer until it is asked again."""

import re
from types import TracebackType

import msgspec

from trading_runtime.engine.lane import NOTHING_SAID, Lane, Said, say_refused
from trading_runtime.errors import Refused
from trading_runtime.market.instrument import Market
from trading_runtime.oms.diff import Wanted
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_trading import QuotesDecided, StrategyRaised
from trading_runtime.records.units import Lots, Micro, Nanos, Side, Ticks
from trading_runtime.risk.gate import cut
from trading_runtime.risk.limits import OrderLimits
from trading_runtime.strategy.interface import Desired, Strategy, View

# A member looked up on its class is a call in Python 3.11; these are looked up for each order.
BUY = Side.BUY
SELL = Side.SELL


RAISED_TEXT_MAX = 200
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
"""A memory address in a message would differ in a replay."""


class QuoterCarried(msgspec.Struct, frozen=True, array_like=True):
    wanted: tuple[Wanted, ...]
    raw: tuple[Wanted, ...]
    reason: str
    cut_at: Lots
    refused: Said
    asked_at: Nanos
    due: bool


class Declared(msgspec.Struct, frozen=True):
    """What a strategy's parameters may say of themselves; another name says nothing."""

    spread_min_ppm: int = 0


class Quoter:
    """Owns the strategy's parameters and memory; ``wanted`` is what should rest, best first."""

    __slots__ = (
        "_asked_at",
        "_cut_at",
        "_due",
        "_interval",
        "_lane",
        "_market",
        "_raw",
        "_refused",
        "memory",
        "parameters",
        "parameters_json",
        "reason",
        "spread_min_ppm",
        "strategy",
        "wanted",
    )

    def __init__(
        self, market: Market, lane: Lane, strategy: Strategy, parameters: bytes, interval: Nanos
    ) -> None:
        """Take ``parameters`` as JSON; raise :exc:`Refused` where the strategy does not know it."""
        self._market = market
        self._lane = lane
        self._interval = interval
        self.strategy = strategy
        refusal = self.activate(parameters)
        if refusal:
            raise Refused(f"{market.instrument.instrument_id}: parameters: {refusal}")
        self.memory = strategy.Memory()
        self.wanted: tuple[Wanted, ...] = ()
        self._raw: tuple[Wanted, ...] = ()
        self.reason = ""
        self._cut_at = Lots(0)
        """The position that ``_raw`` was cut for."""
        self._refused = NOTHING_SAID
        self._asked_at = Nanos(0)
        self._due = True
        """The next turn asks, whatever the interval."""

    def activate(self, parameters: bytes) -> str:
        """Take new parameters for the next tick; give the reason why not, or nothing."""
        try:
            decoded = msgspec.json.decode(parameters, type=self.strategy.Parameters)
        except msgspec.DecodeError as refusal:
            return str(refusal)
        self.parameters = decoded
        self.parameters_json = parameters
        self.spread_min_ppm = declared_spread(decoded)
        self._due = True
        return ""

    def recount(self) -> None:
        """Ask again: what was wanted counts on a grid that is given up."""
        self._due = True
        self._raw = self.wanted = ()

    def due(self, at: Nanos) -> bool:
        return self._due or at - self._asked_at >= self._interval

    def ask(self, volatility: Micro, at: Nanos, out: list[Output]) -> bool:
        """Ask the strategy; give whether it answered and did not raise.

        A message about what was raised is told without memory addresses, which no replay repeats.
        """
        self._asked_at = at
        self._due = False
        view = self._view(volatility, at)
        try:
            desired = self.strategy.quote(view, self.parameters, self.memory)
            position = view.inventory
            if desired.quotes != self._raw or position != self._cut_at:
                self._adopt(desired, view, out)
        # The class is a user's own and may raise, or return, anything: here is its supervisor.
        except Exception as raised:  # noqa: BLE001 -- it becomes a fact and a pause
            out.append(
                StrategyRaised(
                    instrument_id=self._market.instrument.instrument_id,
                    exception=what_was_raised(raised),
                    where=where_it_was_raised(raised.__traceback__),
                )
            )
            return False
        return True

    def empty(self, reason: str, at: Nanos, out: list[Output]) -> None:
        """Want nothing, and ask again as soon as that is over."""
        self._due = True
        self._raw = ()
        if self.wanted:
            self.wanted = ()
            self.reason = reason
            self._say(0, self._view(self._market.signals.volatility, at), out)

    def carry(self) -> QuoterCarried:
        return QuoterCarried(
            self.wanted,
            self._raw,
            self.reason,
            self._cut_at,
            self._refused,
            self._asked_at,
            self._due,
        )

    def restore(self, carried: QuoterCarried, memory: bytes) -> None:
        """Take over; raise :exc:`Refused` where ``memory`` is not this strategy's."""
        self.wanted = carried.wanted
        self._raw = carried.raw
        self.reason = carried.reason
        self._cut_at = carried.cut_at
        self._refused = carried.refused
        self._asked_at = carried.asked_at
        self._due = carried.due
        try:
            self.memory = msgspec.msgpack.decode(memory, type=self.strategy.Memory)
        except msgspec.DecodeError as error:
            raise Refused(f"the carried memory is not this strategy's: {error}") from error

    def _view(self, volatility: Micro, at: Nanos) -> View:
        book, signals, lane = self._market.book, self._market.signals, self._lane
        position = lane.ledger.position
        longest = position + lane.table.pending_buy
        shortest = position - lane.table.pending_sell
        return View(
            at=at,
            scales=lane.scales,
            best_bid=book.best_bid(),
            bid_size=book.bid_size(),
            best_ask=book.best_ask(),
            ask_size=book.ask_size(),
            microprice_micro=signals.microprice,
            imbalance=signals.imbalance,
            volatility=volatility,
            trend=signals.trend,
            inventory=position,
            effective_inventory=Lots(longest if longest >= -shortest else shortest),
            inventory_max=lane.limits.inventory_max,
        )

    def _adopt(self, desired: Desired, view: View, out: list[Output]) -> None:
        """Make the answer what is wanted, as far as the inventory limit allows."""
        raw = desired.quotes
        limits = self._lane.limits
        ordered = raw if is_in_order(raw) else in_order(raw)
        if limits.price_step != 1 or limits.size_step != 1:
            ordered = in_order(on_grid(ordered, limits))
        cutting = cut(ordered, view.inventory, limits)
        self._raw = raw
        self._cut_at = view.inventory
        if cutting.refused or self._refused:
            self._refused = say_refused(cutting.refused, self._refused, self._lane.revision, out)
        quotes = cutting.quotes
        if limits.notional_min:
            quotes = tuple(each for each in quotes if each[1] * each[2] >= limits.notional_min)
        if quotes != self.wanted:
            self.wanted = quotes
            self.reason = desired.reason
            self._say(desired.fair_micro, view, out)

    def _say(self, fair_micro: int, view: View, out: list[Output]) -> None:
        bids = [price for side, price, _ in self.wanted if side is BUY]
        asks = [price for side, price, _ in self.wanted if side is SELL]
        bid = bids[0] if bids else Ticks(0)
        ask = asks[0] if asks else Ticks(0)
        out.append(
            QuotesDecided(
                revision=self._lane.revision,
                bid=bid,
                ask=ask,
                spread_ticks=Ticks(ask - bid if bid and ask else 0),
                bid_levels=len(bids),
                ask_levels=len(asks),
                fair_micro=fair_micro,
                imbalance=view.imbalance,
                volatility=view.volatility,
                trend=view.trend,
                inventory=view.inventory,
                effective_inventory=view.effective_inventory,
                reason=self.reason,
            )
        )


def on_grid(quotes: tuple[Wanted, ...], limits: OrderLimits) -> tuple[Wanted, ...]:
    """Round prices away from the market and sizes down to what the venue takes in orders."""
    step, size_step = limits.price_step, limits.size_step
    rounded = (
        (side, Ticks((price if side is BUY else price + step - 1) // step * step), size)
        for side, price, size in quotes
    )
    return tuple(
        (side, price, Lots(size - size % size_step))
        for side, price, size in rounded
        if price > 0 and size >= size_step
    )


def declared_spread(parameters: msgspec.Struct) -> int:
    """Give the least spread that a strategy promises, as a share of the price; 0 for none."""
    try:
        return msgspec.convert(parameters, Declared, from_attributes=True).spread_min_ppm
    except msgspec.ValidationError:
        return 0


def is_in_order(quotes: tuple[Wanted, ...]) -> bool:
    """Say whether buys stand before sells, each best first and each price once."""
    selling, last = False, Ticks(0)
    for side, price, _ in quotes:
        if side is SELL:
            if not selling:
                selling, last = True, Ticks(0)
            if price <= last:
                return False
        elif selling or (last and price >= last):
            return False
        last = price
    return True


def in_order(quotes: tuple[Wanted, ...]) -> tuple[Wanted, ...]:
    """Put buys before sells, each best first; quotes at one price become one."""
    sizes: dict[tuple[bool, Ticks], int] = {}
    for side, price, size in quotes:
        key = (side is SELL, price)
        sizes[key] = sizes.get(key, 0) + size
    buys = sorted((key[1] for key in sizes if not key[0]), reverse=True)
    sells = sorted(key[1] for key in sizes if key[0])
    return (
        *((BUY, price, Lots(sizes[False, price])) for price in buys),
        *((SELL, price, Lots(sizes[True, price])) for price in sells),
    )


def what_was_raised(raised: Exception) -> str:
    """Name the exception with its message, without what a replay would not repeat."""
    text = f"{type(raised).__name__}: {raised}"
    return ADDRESS.sub("0x", text)[:RAISED_TEXT_MAX]


def where_it_was_raised(trace: TracebackType | None) -> str:
    """Give function and line of the innermost frame."""
    where = ""
    while trace is not None:
        where = f"{trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return where
