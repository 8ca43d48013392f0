"""A venue that does what it is told and keeps a true record, behind lines that lose and repeat.

What it would tell stands in ``mail`` until a test delivers, repeats or loses it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from tests.engine.world import INSTRUMENT, World, settings
from trading_runtime.account.reports import (
    AccountReport,
    AccountTold,
    Balance,
    FeesTold,
    InstrumentTold,
    PermissionsTold,
    Position,
    ReferenceTold,
    TermsTold,
    Trading,
)
from trading_runtime.engine.reducer import Engine
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Amended,
    AmendRejected,
    Cancelled,
    CancelRejected,
    Expired,
    Filled,
    Funded,
    OpenOrders,
    OrderReport,
    OwnTrade,
    OwnTrades,
    Rejected,
    Standing,
    Stands,
    TableReport,
    Unanswered,
)
from trading_runtime.records.commands import (
    AmendOrder,
    ArmDeadMan,
    AskVenue,
    CancelOrder,
    Execution,
    PlaceOrder,
    QueryOrder,
    QueryTrades,
    QueryVenueOrder,
    Question,
    order_request,
)
from trading_runtime.records.envelope import Output, encode_body
from trading_runtime.records.facts_venue import Reconciled
from trading_runtime.records.inputs import Purpose
from trading_runtime.records.units import (
    NANOS_PER_SECOND,
    ClientId,
    Lots,
    Micro,
    Money,
    Nanos,
    Seq,
    Side,
    Ticks,
)

Told = OrderReport | TableReport | AccountReport | Funded
ID = INSTRUMENT.instrument_id
VENUE = INSTRUMENT.venue
UNIT = 10**8
MONEY_PER_TICK_LOT = 10_000
"""0.10 USDT times 0.001 BTC in 10 ** -8 USDT."""
COMMANDS = (
    PlaceOrder,
    CancelOrder,
    AmendOrder,
    QueryOrder,
    AskVenue,
    QueryTrades,
    QueryVenueOrder,
    ArmDeadMan,
)


class Mail(NamedTuple):
    """One message on its way; ``request`` is empty where a stream tells it."""

    request: str
    told: Told


@dataclass
class Kept:
    """One order as the venue keeps it."""

    order: ClientId
    venue_order: str
    side: Side
    price: Ticks
    size: Lots
    filled: int = 0
    standing: Standing = Standing.OPEN


@dataclass
class Truth:
    """The venue's own books; ``margin`` keeps a position, else balances alone move."""

    margin: bool = True
    terse: bool = True
    """Answers tell where an order stands; else they tell each fill."""
    orders: dict[str, Kept] = field(default_factory=dict)
    """By the venue's ids."""
    trades: list[OwnTrade] = field(default_factory=list)
    position: int = 0
    cost: int = 0
    wallet: int = 100_000 * UNIT
    base: int = 10 * UNIT
    page: int = 1000

    def named(self, order: ClientId) -> Kept | None:
        return next((kept for kept in self.orders.values() if kept.order == order), None)

    def open_orders(self) -> list[Kept]:
        return [kept for kept in self.orders.values() if kept.standing is Standing.OPEN]

    def rest(self, order: ClientId, side: Side, price: Ticks, size: Lots) -> Kept:
        kept = Kept(order, f"v{len(self.orders) + 1}", side, price, size)
        self.orders[kept.venue_order] = kept
        return kept

    def trade(self, kept: Kept, price: Ticks, size: int, at: Nanos) -> OwnTrade:
        """Fill a part of an order, for a fee of 10 ** -8."""
        kept.filled += size
        if kept.filled == kept.size:
            kept.standing = Standing.FILLED
        trade = OwnTrade(
            kept.venue_order,
            str(1000 + len(self.trades)),
            kept.side,
            price,
            Lots(size),
            Money(1),
            "USDT",
            True,
            at,
        )
        self.trades.append(trade)
        self._move(kept.side.sign * size, price)
        self.wallet -= 1
        return trade

    def _move(self, signed: int, price: int) -> None:
        notional = signed * price * MONEY_PER_TICK_LOT
        if not self.margin:
            self.wallet -= notional
            self.base += signed * UNIT // 1000
            self.position += signed
            return
        reduced = min(abs(signed), abs(self.position)) if self.position * signed < 0 else 0
        if reduced:
            part = reduced if signed > 0 else -reduced
            removed = self.cost * reduced // abs(self.position)
            self.wallet += -part * price * MONEY_PER_TICK_LOT - removed
            self.cost -= removed
            self.cost += (signed - part) * price * MONEY_PER_TICK_LOT
        else:
            self.cost += notional
        self.position += signed

    def stands(self, kept: Kept, at: Nanos) -> Stands:
        return Stands(
            kept.order,
            ID,
            kept.venue_order,
            kept.side,
            kept.price,
            kept.size,
            Lots(kept.filled),
            kept.standing,
            False,
            at,
        )

    def account(self, request: str, at: Nanos, reason: str = "") -> AccountTold:
        wallet = Balance("USDT", Money(self.wallet), Money(0))
        if self.margin:
            held = (Position(ID, Lots(self.position)),)
            margin = Money(self.wallet)
            return AccountTold(request, VENUE, True, (wallet,), held, Money(0), margin, reason, at)
        base = Balance("BTC", Money(self.base), Money(0))
        return AccountTold(request, VENUE, True, (wallet, base), (), Money(0), Money(0), reason, at)

    def answer(self, command: AskVenue, at: Nanos) -> list[Told]:  # noqa: PLR0911 -- a table
        request = command.request
        match command.question:
            case Question.OPEN_ORDERS:
                shown = tuple(self.stands(kept, at) for kept in self.open_orders())
                return [OpenOrders(request, ID, shown)]
            case Question.ACCOUNT:
                return [self.account(request, at)]
            case Question.PERMISSIONS:
                return [PermissionsTold(VENUE, may_trade=True, may_withdraw=False)]
            case Question.TERMS:
                return [TermsTold(ID, one_way=True, leverage=1)]
            case Question.FEES:
                return [FeesTold(ID, Micro(0), Micro(0))]
            case Question.INSTRUMENT:
                return [InstrumentTold(INSTRUMENT, Trading.OPEN)]
            case Question.REFERENCE:
                return [ReferenceTold(ID, Ticks(0), Ticks(0), Micro(0), at)]
            case Question.CLOCK:
                return []

    def trades_after(self, command: QueryTrades) -> OwnTrades:
        after = int(command.after_trade or 0)
        found = [
            each
            for each in self.trades
            if (int(each.venue_trade) > after if after else each.venue_time >= command.since)
        ]
        page = tuple(found[: self.page])
        return OwnTrades(command.request, ID, page, len(found) > self.page)


def venue_settings(**changes: object) -> EngineSettings:
    return settings(on_venue=True, **changes)


class TruthfulWorld(World):
    """An engine on a venue; ``said`` is all that the engine ever said."""

    def __init__(
        self,
        engine_settings: EngineSettings | None = None,
        parameters: bytes = b"{}",
        truth: Truth | None = None,
    ) -> None:
        self.truth = truth or Truth()
        self.mail: list[Mail] = []
        self.said: list[Output] = []
        self.up = False
        self.sessions = 1
        self.twin: Engine | None = None
        """Sees what the engine sees, and has to say the same bytes."""
        super().__init__(engine_settings or venue_settings(), parameters=parameters)
        self.book(1000, 1002)

    def run(self, call: Callable[[Engine, list[Output]], object]) -> list[Output]:
        """Let the engine take one input, and the venue see what it sent."""
        self.seq += 1
        out: list[Output] = []
        call(self.engine, out)
        if self.twin is not None:
            again: list[Output] = []
            call(self.twin, again)
            assert [encode_body(each) for each in again] == [encode_body(each) for each in out]
        self.said += out
        for each in out:
            if isinstance(each, COMMANDS):
                self.obey(each)
        return out

    def turn(self, after_ns: int = 1_000_000) -> list[Output]:
        self.at = Nanos(self.at + after_ns)
        return self.run(lambda engine, out: engine.on_turn_ended(Seq(self.seq), self.at, out))

    def wait(self, after_ns: int) -> list[Output]:
        """Let time pass until the timer fires."""
        self.at = Nanos(self.at + after_ns)
        fired = self.run(lambda engine, out: engine.on_timer("engine", self.at, out))
        return fired + self.turn()

    def line(self, *, up: bool, purpose: Purpose = Purpose.ORDERS) -> list[Output]:
        """Open or lose a line; what was on its way through it is lost with it."""
        self.up = up
        if not up:
            self.mail.clear()
        said = self.run(lambda engine, out: engine.on_connection(purpose, self.at, out, opened=up))
        if up:
            said += self.run(lambda engine, out: engine.on_clock(Nanos(0), out))
        return said + self.turn()

    def hear(self, told: Told) -> list[Output]:
        return self.run(lambda engine, out: engine.on_told(told, self.at, out))

    def fail(self, request: str, *, sent: bool = True) -> list[Output]:
        return self.run(
            lambda engine, out: engine.on_request_failed(request, "lost", self.at, out, sent=sent)
        )

    def deliver(self, index: int = 0, *, keep: bool = False) -> list[Output]:
        mail = self.mail[index % len(self.mail)]
        if not keep:
            self.mail.remove(mail)
        return self.hear(mail.told)

    def lose(self, index: int = 0) -> list[Output]:
        """Lose a message; an answer's loss is noticed, a stream's is not."""
        mail = self.mail.pop(index % len(self.mail))
        return self.fail(mail.request) if mail.request else []

    def deliver_all(self, rounds: int = 200) -> list[Output]:
        """Deliver until nothing is on its way and the engine asks for nothing."""
        out: list[Output] = []
        for _ in range(rounds):
            if not self.mail:
                more = self.turn()
                out += more
                if not self.mail:
                    return out
            while self.mail:
                out += self.deliver()
            out += self.turn()
        raise AssertionError("the engine does not come to rest")

    def start(self) -> list[Output]:
        """Open the line, and let everything be answered, the clock running."""
        return self.line(up=True) + self.settled()

    def settled(self, seconds: int = 20) -> list[Output]:
        """Let so much time pass without any fault."""
        out = self.deliver_all()
        for _ in range(seconds * 4):
            out += self.wait(NANOS_PER_SECOND // 4)
            out += self.deliver_all()
        return out

    def crash(self, packed: bytes | None = None) -> list[Output]:
        """Die and come back with the state of ``packed``, or of this moment."""
        self.engine = self.restored(self.packed() if packed is None else packed)
        if self.twin is not None:
            self.twin = self.restored(self.packed())
        self.mail.clear()
        self.up = False
        self.sessions += 1
        nonce = f"nonce{self.sessions:03d}"
        return self.run(lambda engine, out: engine.open_session(nonce, self.at, out))

    def packed(self) -> bytes:
        return msgspec.msgpack.encode(self.engine.carry())

    def split(self) -> None:
        """Carry the engine's state into another, which goes on beside it."""
        self.twin = self.restored(self.packed())

    def obey(self, command: Output) -> None:
        """Do what is asked at once, and write what there is to tell."""
        answers, pushed = self._do(command)
        request = request_of(command)
        self.mail += [Mail(request, told) for told in answers]
        self.mail += [Mail("", told) for told in pushed]

    def fill_at_venue(self, index: int, size: int) -> None:
        """Let somebody trade with one of the orders that rest."""
        resting = self.truth.open_orders()
        if not resting:
            return
        kept = resting[index % len(resting)]
        size = min(size, kept.size - kept.filled)
        trade = self.truth.trade(kept, kept.price, size, self.at)
        self.mail.append(Mail("", filled(kept, trade)))

    def end_at_venue(self, index: int) -> None:
        """Let the venue end one of the orders that rest."""
        resting = self.truth.open_orders()
        if resting:
            kept = resting[index % len(resting)]
            kept.standing = Standing.EXPIRED
            self.mail.append(
                Mail("", Expired(kept.order, Lots(kept.filled), "by the venue", self.at))
            )

    def _do(self, command: Output) -> tuple[list[Told], list[Told]]:  # noqa: PLR0911 -- a table
        truth, at = self.truth, self.at
        match command:
            case PlaceOrder():
                return self._place(command)
            case CancelOrder():
                kept = truth.named(command.order)
                if kept is None or kept.standing is not Standing.OPEN:
                    return [CancelRejected(command.order, -2011, "unknown", at)], []
                kept.standing = Standing.CANCELLED
                told: list[Told] = [Cancelled(command.order, Lots(kept.filled), at)]
                return told, list(told)
            case AmendOrder():
                return self._amend(command)
            case QueryOrder():
                kept = truth.named(command.order)
                return [truth.stands(kept, at) if kept else Absent(command.order, at)], []
            case QueryTrades():
                return [truth.trades_after(command)], []
            case QueryVenueOrder():
                kept = truth.orders.get(command.venue_order)
                if kept is None:
                    return [Unanswered(command.request, -2013, "no such order", True)], []
                return [truth.stands(kept, at)], []
            case AskVenue():
                return truth.answer(command, at), []
        return [], []

    def _place(self, place: PlaceOrder) -> tuple[list[Told], list[Told]]:
        truth, at = self.truth, self.at
        book = self.market.book
        best = book.best_ask() if place.side is Side.BUY else book.best_bid()
        crosses = (place.price - best) * place.side.sign >= 0
        if place.execution is Execution.POST_ONLY and crosses:
            told = Rejected(place.order, -5022, "would take", True, at)
            return [told], []
        kept = truth.rest(place.order, place.side, place.price, place.size)
        pushed: list[Told] = [Accepted(place.order, kept.venue_order, at)]
        if place.execution is Execution.IMMEDIATE:
            if crosses:
                trade = truth.trade(kept, best, place.size, at)
                pushed.append(filled(kept, trade))
            else:
                kept.standing = Standing.EXPIRED
                pushed.append(Expired(place.order, Lots(0), "immediate", at))
        answer: list[Told] = [truth.stands(kept, at)] if truth.terse else list(pushed)
        return answer, pushed

    def _amend(self, amend: AmendOrder) -> tuple[list[Told], list[Told]]:
        kept = self.truth.named(amend.order)
        if kept is None or kept.standing is not Standing.OPEN or amend.size <= kept.filled:
            return [AmendRejected(amend.order, -2038, "no", self.at)], []
        kept.size = amend.size
        told: list[Told] = [Amended(amend.order, amend.size, self.at)]
        return told, list(told)


def filled(kept: Kept, trade: OwnTrade) -> Filled:
    return Filled(
        kept.order,
        trade.venue_trade,
        trade.price,
        trade.size,
        Lots(kept.filled),
        trade.fee,
        trade.fee_asset,
        trade.maker,
        trade.venue_time,
    )


def request_of(command: Output) -> str:
    match command:
        case PlaceOrder() | CancelOrder() | AmendOrder():
            return order_request(command)
        case QueryOrder() | AskVenue() | QueryTrades() | QueryVenueOrder() | ArmDeadMan():
            return command.request
    raise AssertionError(command)


def reconciled(out: list[Output]) -> list[Reconciled]:
    return [each for each in out if isinstance(each, Reconciled)]
