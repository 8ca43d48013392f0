"""A world whose venue is asked: it answers every question, and holds what our orders have done."""

from collections.abc import Callable

import msgspec

from tests.engine.world import INSTRUMENT, Peg, PegParameters, World, settings
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
from trading_runtime.engine.settings import EngineSettings
from trading_runtime.oms.reports import (
    Absent,
    Filled,
    OpenOrders,
    OrderReport,
    OwnTrade,
    OwnTrades,
    Standing,
    Stands,
    TableReport,
)
from trading_runtime.records.commands import (
    AskVenue,
    CancelOrder,
    PlaceOrder,
    QueryOrder,
    QueryTrades,
    Question,
)
from trading_runtime.records.envelope import Output
from trading_runtime.records.inputs import Purpose
from trading_runtime.records.instruments import Instrument
from trading_runtime.records.units import ClientId, Lots, Micro, Money, Nanos, Side, Ticks

Told = OrderReport | TableReport | AccountReport
WHOLE = 10**8


def on_venue(**changes: object) -> EngineSettings:
    """Give the settings of a session on a venue."""
    return settings(on_venue=True, **changes)


class VenueWorld(World):
    """``mute`` swallows commands: their answers are lost; ``foreign`` orders are not ours."""

    def __init__(
        self,
        engine_settings: EngineSettings | None = None,
        parameters: bytes = b"{}",
        instrument: Instrument = INSTRUMENT,
        grown: type[msgspec.Struct] = PegParameters,
    ) -> None:
        """``grown``: the strategy's parameters, with more of them than usual."""
        kind = type("Grown", (Peg,), {"Parameters": grown})
        super().__init__(engine_settings or on_venue(), kind, parameters, instrument)
        self.position = Lots(0)
        self.own_trades: list[OwnTrade] = []
        self.foreign: list[Stands] = []
        self.mute: Callable[[Output], bool] = lambda _: False
        self.permissions = PermissionsTold(INSTRUMENT.venue, may_trade=True, may_withdraw=False)
        self.terms = TermsTold(INSTRUMENT.instrument_id, one_way=True, leverage=5)
        self.fees = FeesTold(INSTRUMENT.instrument_id, Micro(200), Micro(500))
        self.told: Instrument = INSTRUMENT
        self.trading = Trading.OPEN
        self.reference = (Ticks(0), Ticks(0))
        self.margins = (0, 100_000 * WHOLE)
        self.wallet = Money(100_000 * WHOLE)
        self.offset_ns = Nanos(0)
        self.sent: list[Output] = []
        """All commands, in their order."""

    def open_line(self) -> list[Output]:
        """Let the orders line come up, and everything be asked and answered."""
        out = self.line_up()
        return self.settle([*out, *self.turn()], rounds=30)

    def line_up(self) -> list[Output]:
        out: list[Output] = []
        self.engine.on_connection(Purpose.ORDERS, self.at, out, opened=True)
        self.engine.on_clock(self.offset_ns, out)
        return out

    def settle(self, outputs: list[Output], rounds: int = 10) -> list[Output]:
        """Let the venue answer commands and questions, until all is quiet."""
        said = list(outputs)
        for _ in range(rounds):
            told = [each for output in outputs for each in self.answers(output)]
            if not told:
                return said
            outputs = [heard for each in told for heard in self.tell(each)]
            outputs += self.turn()
            said += outputs
        raise AssertionError("the engine does not come to rest")

    def lose_line(self) -> list[Output]:
        out: list[Output] = []
        self.engine.on_connection(Purpose.ORDERS, self.at, out, opened=False)
        return out

    def tell(self, told: Told) -> list[Output]:
        self.seq += 1
        out: list[Output] = []
        self.engine.on_told(told, self.at, out)
        return out

    def report(self, report: Told) -> list[Output]:
        return self.tell(report)

    def fails(self, request: str, *, sent: bool = True) -> list[Output]:
        out: list[Output] = []
        self.engine.on_request_failed(request, "lost", self.at, out, sent=sent)
        return out

    def answers(self, output: Output) -> list[Told]:
        """Be the venue for one command or question."""
        self.sent.append(output)
        if self.mute(output):
            return []
        match output:
            case AskVenue():
                return self._answer(output)
            case QueryTrades():
                instrument_id = INSTRUMENT.instrument_id
                return [OwnTrades(output.request, instrument_id, self._trades_after(output), False)]
            case QueryOrder():
                return [self._stands(output.order) or Absent(output.order, self.at)]
            case PlaceOrder() | CancelOrder():
                told = super().answers(output)
                self._note(told)
                return list(told)
        return list(super().answers(output))

    def fill(
        self, order: ClientId, size: int, fee: int = 0, fee_asset: str = "USDT"
    ) -> list[Output]:
        side = self.resting[order][0].side
        self.position = Lots(self.position + side.sign * size)
        price = self.resting[order][0].price
        self._keep(order, f"t{self.trades + 1}", side, (price, Lots(size)))
        return super().fill(order, size, fee, fee_asset)

    def foreign_order(self, order: str) -> None:
        """Let somebody else's order rest on the same account."""
        self.foreign.append(
            Stands(
                ClientId(order),
                INSTRUMENT.instrument_id,
                f"v{order}",
                Side.BUY,
                Ticks(900),
                Lots(5),
                Lots(0),
                Standing.OPEN,
                False,
                self.at,
            )
        )

    def fresh_market(self, **changes: object) -> None:
        """Let the venue change its filters."""
        self.told = msgspec.structs.replace(self.told, **changes)

    def _answer(self, asked: AskVenue) -> list[Told]:
        instrument_id = INSTRUMENT.instrument_id
        own = [self._stands(order) for order in self.resting]
        orders = (*(each for each in own if each is not None), *self.foreign)
        known = msgspec.structs.replace(self.told, revision=self.market.revision)
        answers: dict[Question, Told] = {
            Question.ACCOUNT: self.account(asked.request),
            Question.OPEN_ORDERS: OpenOrders(asked.request, instrument_id, orders),
            Question.PERMISSIONS: self.permissions,
            Question.TERMS: self.terms,
            Question.FEES: self.fees,
            Question.INSTRUMENT: InstrumentTold(known, self.trading),
            Question.REFERENCE: ReferenceTold(instrument_id, *self.reference, Micro(0), self.at),
        }
        return [answers[asked.question]] if asked.question in answers else []

    def account(self, request: str) -> AccountTold:
        """Tell the whole account; funds do not move with fills in this small world."""
        position = Position(INSTRUMENT.instrument_id, self.position)
        held = (position,) if self.position else ()
        maintenance, balance = self.margins
        free = Balance("USDT", self.wallet, Money(0))
        return AccountTold(
            request,
            INSTRUMENT.venue,
            True,
            (free,),
            held,
            Money(maintenance),
            Money(balance),
            "",
            self.at,
        )

    def _stands(self, order: ClientId) -> Stands | None:
        if order not in self.resting:
            return None
        place, size, filled = self.resting[order]
        return Stands(
            order,
            INSTRUMENT.instrument_id,
            f"v{order}",
            place.side,
            place.price,
            size,
            filled,
            Standing.OPEN,
            place.reduce_only,
            self.at,
        )

    def _trades_after(self, asked: QueryTrades) -> tuple[OwnTrade, ...]:
        ids = [each.venue_trade for each in self.own_trades]
        start = ids.index(asked.after_trade) + 1 if asked.after_trade in ids else 0
        return tuple(self.own_trades[start:])

    def _note(self, told: list[OrderReport]) -> None:
        for each in told:
            if isinstance(each, Filled):
                side = next(
                    place.side
                    for place in self.sent
                    if isinstance(place, PlaceOrder) and place.order == each.order
                )
                self.position = Lots(self.position + side.sign * each.size)
                self._keep(each.order, each.venue_trade, side, (each.price, each.size))

    def _keep(self, order: ClientId, trade: str, side: Side, fill: tuple[Ticks, Lots]) -> None:
        self.own_trades.append(
            OwnTrade(f"v{order}", trade, side, *fill, Money(0), "USDT", False, self.at)
        )
