"""Events about the account to what they tell: both markets' order updates are of one form.

Decisions of this reading:
 * Our id of an order stands in ``C`` where ``c`` is that of a cancel or an amendment.
 * The futures market's ``TRADE_LITE`` comes a little earlier than the whole update and names no
   fee; to book it would mean to book without a fee, so it is only counted.
 * A post-only order that would take may end as an expiry: it is told as one.
 * A transfer, an outside lock and a margin call name no balance: an account told without any asks
   for a look at the whole.
"""

from collections.abc import Callable, Mapping

from trading_runtime.account.reports import (
    AccountTold,
    Balance,
    Position,
    StreamEnded,
    TermsTold,
)
from trading_runtime.core.venues.amounts import units_down, units_up
from trading_runtime.core.venues.binance.wire_private import (
    AccountConfigUpdate,
    AccountUpdate,
    BalanceUpdate,
    EventStreamTerminated,
    ExecutionReport,
    ExternalLockUpdate,
    ListenKeyExpired,
    MarginCall,
    OrderTradeUpdate,
    OrderWire,
    OutboundAccountPosition,
    PositionWire,
    SpotEvent,
    UsdmEvent,
)
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.core.venues.told import Told
from trading_runtime.errors import Misread
from trading_runtime.oms.reports import (
    Accepted,
    Amended,
    Cancelled,
    Expired,
    Filled,
    Funded,
    Rejected,
)
from trading_runtime.records.units import (
    NANOS_PER_MILLI,
    ClientId,
    Lots,
    Money,
    Nanos,
)

# Order updates are the hot path. Where a comment to the type checker gives a value its unit,
# calling the NewType instead would cost a call each.

ASSET_SCALE = 8
NO_MONEY = Money(0)
FUNDING = "FUNDING_FEE"
EXPIRED_STATES = frozenset({"EXPIRED", "EXPIRED_IN_MATCH"})
ENDINGS = {
    "GTX": "post-only order would take",
    "IOC": "nothing left to take",
    "FOK": "cannot be filled whole",
}

OrderUpdate = ExecutionReport | OrderWire


def on_order(update: OrderUpdate, symbol: Symbol) -> list[Told]:
    """Give what an order update tells; raise ``Misread``."""
    execution = update.x
    order: ClientId = update.C or update.c  # type: ignore[assignment]
    time: Nanos = update.T * NANOS_PER_MILLI  # type: ignore[assignment]
    if execution == "NEW":
        return [Accepted(order, str(update.i), time)]
    # Liquidations are executions of the type CALCULATED.
    if execution == "TRADE" or (execution == "CALCULATED" and update.t >= 0):
        return [_filled(update, symbol, order, time)]
    ending = _ENDINGS.get(execution)
    if ending is None:
        raise Misread("unknown_execution", execution[:40])
    return ending(update, symbol, order, time)


def _filled(update: OrderUpdate, symbol: Symbol, order: ClientId, time: Nanos) -> Filled:
    price, size = symbol.prices[update.L], symbol.lots[update.l]
    if not price or not size or update.t < 0:
        raise Misread("malformed", f"a fill of {update.l} at {update.L}, trade {update.t}")
    fee = update.n
    return Filled(
        order,
        str(update.t),
        price,
        size,
        symbol.lots[update.z],
        units_up(fee, symbol.money_scale) if fee else NO_MONEY,  # type: ignore[arg-type]
        update.N or "",
        update.m,
        time,
    )


def _cancelled(update: OrderUpdate, symbol: Symbol, order: ClientId, time: Nanos) -> list[Told]:
    return [Cancelled(order, symbol.lots[update.z], time)]


def _amended(update: OrderUpdate, symbol: Symbol, order: ClientId, time: Nanos) -> list[Told]:
    return [Amended(order, symbol.lots[update.q], time)]


def _expired(update: OrderUpdate, symbol: Symbol, order: ClientId, time: Nanos) -> list[Told]:
    return [Expired(order, symbol.lots[update.z], reason_of(update.X, update.f), time)]


def _prevented(update: OrderUpdate, symbol: Symbol, order: ClientId, time: Nanos) -> list[Told]:
    """A self-trade was prevented; whether that ended the order, its state says."""
    if update.X in EXPIRED_STATES:
        return _expired(update, symbol, order, time)
    return []


def _rejected(update: OrderUpdate, symbol: Symbol, order: ClientId, time: Nanos) -> list[Told]:
    del symbol
    return [Rejected(order, 0, update.r or update.X, retry=False, venue_time=time)]


def _silent(update: OrderUpdate, symbol: Symbol, order: ClientId, time: Nanos) -> list[Told]:
    """A liquidation's announcement: its executions follow."""
    del update, symbol, order, time
    return []


_ENDINGS: Mapping[str, Callable[[OrderUpdate, Symbol, ClientId, Nanos], list[Told]]] = {
    "CANCELED": _cancelled,
    "REPLACED": _amended,
    "AMENDMENT": _amended,
    "EXPIRED": _expired,
    "TRADE_PREVENTION": _prevented,
    "REJECTED": _rejected,
    "CALCULATED": _silent,
}


def reason_of(state: str, in_force: str) -> str:
    """Say why an order expired, as far as its state and its time in force tell."""
    if state == "EXPIRED_IN_MATCH":
        return "self-trade prevention"
    return ENDINGS.get(in_force, "expired")


class AccountEvents:
    """Turns the events of one market into what they tell."""

    __slots__ = ("_symbols", "_venue", "ignored", "one_way")

    def __init__(self, venue: str, symbols: Mapping[str, Symbol], ignored: dict[str, int]) -> None:
        self._venue = venue
        self._symbols = symbols
        self.ignored = ignored
        """How many events told us nothing, by what they were."""
        self.one_way: dict[str, bool] = {}
        """The position mode of each instrument, as last told: a new leverage does not name it."""

    def ignore(self, what: str) -> list[Told]:
        self.ignored[what] = self.ignored.get(what, 0) + 1
        return []

    def on_spot(self, event: SpotEvent) -> list[Told]:
        """Give what an event tells; raise ``Misread``."""
        match event:
            case ExecutionReport():
                symbol = self._symbols.get(event.s)
                return self.ignore("other_symbol") if symbol is None else on_order(event, symbol)
            case OutboundAccountPosition():
                balances = tuple(
                    Balance(
                        wire.a,
                        Money(units_down(wire.f, ASSET_SCALE)),
                        Money(units_down(wire.l, ASSET_SCALE)),
                    )
                    for wire in event.B
                )
                return [self._account("ORDER", event.u, balances=balances)]
            case BalanceUpdate():
                return [self._account("TRANSFER", event.T)]
            case ExternalLockUpdate():
                return [self._account("EXTERNAL_LOCK", event.T)]
            case EventStreamTerminated():
                return [StreamEnded(self._venue, "terminated by the venue")]

    def on_usdm(self, event: UsdmEvent) -> list[Told]:
        """Give what an event tells; raise ``Misread``."""
        match event:
            case OrderTradeUpdate():
                order = event.o
                symbol = self._symbols.get(order.s)
                return self.ignore("other_symbol") if symbol is None else on_order(order, symbol)
            case AccountUpdate():
                return self._on_account(event)
            case AccountConfigUpdate():
                return self._on_config(event)
            case MarginCall():
                return [self._account("MARGIN_CALL", event.E)]
            case ListenKeyExpired():
                return [StreamEnded(self._venue, "listen key expired")]

    def positions(self, wires: list[PositionWire]) -> tuple[Position, ...]:
        """Give net positions of our instruments; hedged sides are added up."""
        lots: dict[str, int] = {}
        for wire in wires:
            symbol = self._symbols.get(wire.s)
            if symbol is None:
                self.ignore("other_symbol")
                continue
            size = symbol.lots[wire.pa.removeprefix("-")]
            signed = -size if wire.pa.startswith("-") else size
            lots[symbol.instrument_id] = lots.get(symbol.instrument_id, 0) + signed
        return tuple(Position(each, Lots(count)) for each, count in lots.items())

    def _on_account(self, event: AccountUpdate) -> list[Told]:
        account = event.a
        balances = tuple(
            Balance(wire.a, Money(units_down(wire.wb, ASSET_SCALE)), NO_MONEY) for wire in account.B
        )
        positions = self.positions(account.P)
        told: list[Told] = [
            self._account(account.m, event.T, balances=balances, positions=positions)
        ]
        symbol = self._funded(account.P) if account.m == FUNDING else None
        if symbol is not None:
            quote = symbol.instrument.quote_asset
            told.extend(
                Funded(
                    symbol.instrument_id,
                    Money(units_down(wire.bc, symbol.money_scale)),
                    Nanos(event.T * NANOS_PER_MILLI),
                )
                for wire in account.B
                if wire.a == quote
            )
        return told

    def _funded(self, wires: list[PositionWire]) -> Symbol | None:
        """Say whose funding it is: of the one position named, or of our only instrument.

        For a crossed position the venue names none; with several instruments it stays a change of
        the balance alone.
        """
        names = [wire.s for wire in wires] or list(self._symbols)
        return self._symbols.get(names[0]) if len(names) == 1 else None

    def _on_config(self, event: AccountConfigUpdate) -> list[Told]:
        symbol = self._symbols.get(event.ac.s) if event.ac is not None else None
        if symbol is None or event.ac is None or symbol.instrument_id not in self.one_way:
            return self.ignore("ACCOUNT_CONFIG_UPDATE")
        one_way = self.one_way[symbol.instrument_id]
        return [TermsTold(symbol.instrument_id, one_way=one_way, leverage=event.ac.l)]

    def _account(
        self,
        reason: str,
        millis: int,
        *,
        balances: tuple[Balance, ...] = (),
        positions: tuple[Position, ...] = (),
    ) -> AccountTold:
        return AccountTold(
            request="",
            venue=self._venue,
            whole=False,
            balances=balances,
            positions=positions,
            maintenance_margin=NO_MONEY,
            margin_balance=NO_MONEY,
            reason=reason,
            venue_time=Nanos(millis * NANOS_PER_MILLI),
        )
