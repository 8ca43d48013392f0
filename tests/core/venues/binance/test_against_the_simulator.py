"""Every request that we make, signed and sent to the simulated venue, and every answer read.

Two independent readings of the venue's documents meet here: ours and the simulator's.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import aiohttp
import pytest

from tests.simulator.server.running import DEADLINE_S, Client, venue
from trading_runtime.account.reports import (
    AccountTold,
    FeesTold,
    InstrumentTold,
    LimitsTold,
    PermissionsTold,
    ReferenceTold,
    TermsTold,
    Trading,
)
from trading_runtime.core.venues.binance.private import PrivateCodec
from trading_runtime.core.venues.binance.requests import VenueCommand
from trading_runtime.core.venues.registry import VENUES, Venue
from trading_runtime.core.venues.request import Request, Route
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.core.venues.told import Told
from trading_runtime.gateway.keys import ApiKey, KeyKind
from trading_runtime.gateway.signing import Signer
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Amended,
    Cancelled,
    CancelRejected,
    Expired,
    Filled,
    OpenOrders,
    OwnTrades,
    Rejected,
    Standing,
    Stands,
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
)
from trading_runtime.records.instruments import Instrument, Scales, money_scale
from trading_runtime.records.units import (
    NANOS_PER_MILLI,
    ClientId,
    Lots,
    Nanos,
    Revision,
    Side,
    Ticks,
)
from trading_runtime.simulator.exchange.words import MarketKind
from trading_runtime.simulator.server.symbols import TRADER

GRIDS = {"binance-spot": ("0.01", "0.00001"), "binance-usdm": ("0.10", "0.001")}
KINDS = {"binance-spot": MarketKind.SPOT, "binance-usdm": MarketKind.USDM}
BID, ASK = "60000", "60010"
ONE = Revision(1)
BARE = LimitsTold


def instrument(name: str) -> Instrument:
    tick, lot = GRIDS[name]
    return Instrument(
        revision=ONE,
        venue=name,
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        tick_size=tick,
        lot_size=lot,
        multiplier="1",
        money_scale=money_scale(tick, lot, "1"),
    )


class Desk:
    """Our half of a venue over real sockets: requests, signatures, readers."""

    def __init__(self, client: Client, name: str) -> None:
        assert TRADER.secret is not None
        self.client = client
        self.venue: Venue = VENUES[name]
        self.endpoints = self.venue.layout.at(client.base)
        self.scales = Scales(instrument(name))
        self.codec: PrivateCodec = self.venue.private({"BTCUSDT": Symbol(self.scales)})
        key = ApiKey(TRADER.key, TRADER.secret, KeyKind.HMAC)
        self.signer = Signer(key, self.venue.wiring.signing)
        self.orders: aiohttp.ClientWebSocketResponse
        self.user: aiohttp.ClientWebSocketResponse

    def now(self) -> Nanos:
        return Nanos(self.client.simulator.clock.now_ms() * NANOS_PER_MILLI)

    async def open(self) -> None:
        session = self.client.session
        self.orders = self.user = await session.ws_connect(self.endpoints.orders)
        if self.venue.wiring.account_on_orders:
            await self.say(self.venue.requests.subscribe("subscribe-1", self.now()))
            assert await self.hear(self.orders) == []
            return
        request = self.venue.requests.listen_key("key-1", keep=False)
        body = await self.call(request)
        key = self.venue.requests.read_listen_key(body[1])
        assert (await self.call(self.venue.requests.listen_key("key-2", keep=True)))[0] == 200
        self.user = await session.ws_connect(self.endpoints.user_url(key))

    async def say(self, request: Request) -> None:
        await self.orders.send_str(self.signer.message(request).decode())

    async def hear(self, socket: aiohttp.ClientWebSocketResponse) -> list[Told]:
        message = await asyncio.wait_for(socket.receive(), DEADLINE_S)
        assert isinstance(message.data, str), message
        told = self.codec.frame(message.data.encode())
        return [each for each in told if not isinstance(each, BARE)]

    async def heard(self, kind: type[Told]) -> Told:
        """Give the next event or answer of ``kind`` from either connection."""
        while True:
            for socket in (self.orders, self.user):
                try:
                    message = await socket.receive(timeout=0.02)
                except TimeoutError:
                    continue
                for each in self.codec.frame(message.data.encode()):
                    if isinstance(each, kind):
                        return each

    async def call(self, request: Request) -> tuple[int, bytes]:
        call = self.signer.call(request)
        async with self.client.session.request(
            call.method,
            self.client.base + call.target,
            headers=dict(call.headers),
            data=call.body or None,
        ) as answer:
            return answer.status, await answer.read()

    def make(self, command: VenueCommand, route: Route = Route.SOCKET) -> Request:
        placed = place("placed00") if isinstance(command, AmendOrder) else None
        return self.venue.requests.make(command, self.scales, self.now(), placed, route)

    async def ask(self, command: VenueCommand) -> list[Told]:
        """Ask over HTTP."""
        request = self.make(command, Route.HTTP)
        status, body = await self.call(request)
        told = self.codec.answer(request.name, status, (), body)
        return [each for each in told if not isinstance(each, BARE)]

    async def order(self, command: VenueCommand) -> list[Told]:
        """Ask over the socket; give what its answer tells, and let events before it pass."""
        request = self.make(command)
        await self.say(request)
        while True:
            message = await asyncio.wait_for(self.orders.receive(), DEADLINE_S)
            assert isinstance(message.data, str), message
            told = self.codec.frame(message.data.encode())
            if f'"id":"{request.name}"' in message.data.replace('": "', '":"'):
                return [each for each in told if not isinstance(each, BARE)]


PRICES = {"binance-spot": 5_999_000, "binance-usdm": 599_900}
"""59,990.00 in ticks of each market."""
SIZES = {"binance-spot": 1_000, "binance-usdm": 10}
"""0.01 in lots of each market."""


def place(
    order: str,
    price: int = 599_900,
    size: int = 10,
    side: Side = Side.BUY,
    execution: Execution = Execution.POST_ONLY,
) -> PlaceOrder:
    return PlaceOrder(
        order=ClientId(order),
        revision=ONE,
        side=side,
        price=Ticks(price),
        size=Lots(size),
        execution=execution,
        reduce_only=False,
        reason="",
    )


def on_a_venue(
    folder: Path, name: str, play: Callable[[Desk], Coroutine[None, None, None]]
) -> None:
    async def run() -> None:
        async with venue(folder) as client:
            client.quote(KINDS[name], BID, ASK)
            desk = Desk(client, name)
            await desk.open()
            await asyncio.wait_for(play(desk), DEADLINE_S)

    asyncio.run(run())


NAMES = pytest.mark.parametrize("name", GRIDS)


@NAMES
def test_an_order_lives_and_ends(name: str, tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        order, price, size = ClientId("tdAB12cd34x700"), PRICES[name], SIZES[name]
        (accepted,) = await desk.order(place(order, price, size))
        assert isinstance(accepted, Accepted)
        assert accepted.order == order
        query = QueryOrder(request=f"{order}-query1", order=order, revision=ONE)
        for (stands,) in (await desk.order(query), await desk.ask(query)):
            assert isinstance(stands, Stands)
            assert (stands.order, stands.price, stands.size) == (order, price, size)
            assert (stands.standing, stands.venue_order) == (Standing.OPEN, accepted.venue_order)
        amend = AmendOrder(order=order, revision=ONE, size=Lots(size // 2), reason="")
        request = desk.venue.requests.make(
            amend, desk.scales, desk.now(), place(order, price, size)
        )
        await desk.say(request)
        amended = await desk.heard(Amended)
        assert isinstance(amended, Amended)
        assert (amended.order, amended.size) == (order, size // 2)
        cancel = CancelOrder(order=order, revision=ONE, reason="")
        (cancelled,) = await desk.order(cancel)
        assert isinstance(cancelled, Cancelled)
        assert (cancelled.order, cancelled.cumulative) == (order, 0)
        (again,) = await desk.order(cancel)
        assert isinstance(again, CancelRejected)
        missing = QueryOrder(request="tdNONE-query1", order=ClientId("tdNONE"), revision=ONE)
        assert await desk.order(missing) == [Absent(ClientId("tdNONE"), Nanos(0))]

    on_a_venue(tmp_path, name, play)


@NAMES
def test_what_the_stream_tells_is_what_the_answers_tell(name: str, tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        order, price, size = ClientId("tdAB12cd34x701"), PRICES[name], SIZES[name]
        await desk.say(desk.make(place(order, price, size)))
        accepted = await desk.heard(Accepted)
        if not desk.venue.wiring.account_on_orders:
            message = await asyncio.wait_for(desk.user.receive(), DEADLINE_S)
            (accepted,) = desk.codec.frame(message.data.encode())
        assert isinstance(accepted, Accepted)
        assert accepted.order == order
        await desk.say(desk.make(CancelOrder(order=order, revision=ONE, reason="")))
        for _ in range(2):
            cancelled = await desk.heard(Cancelled)
            assert isinstance(cancelled, Cancelled)
            assert cancelled.order == order

    on_a_venue(tmp_path, name, play)


@NAMES
def test_an_immediate_order_fills_and_is_booked_by_its_trades(name: str, tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        order, price, size = ClientId("tdAB12cd34x702"), 0, SIZES[name]
        price = PRICES[name] + (2_000 if name.endswith("spot") else 200)  # the ask
        await desk.say(desk.make(place(order, price, size, execution=Execution.IMMEDIATE)))
        filled = await desk.heard(Filled)
        assert isinstance(filled, Filled)
        assert (filled.order, filled.price, filled.size, filled.cumulative) == (
            order, price, size, size,
        )  # fmt: skip
        since = QueryTrades(request="trades-1-1", revision=ONE, after_trade="", since=Nanos(0))
        (told,) = await desk.ask(since)
        assert isinstance(told, OwnTrades)
        (trade,) = told.trades
        assert (trade.venue_trade, trade.price, trade.size) == (
            filled.venue_trade, filled.price, filled.size,
        )  # fmt: skip
        assert (trade.fee, trade.fee_asset) == (filled.fee, filled.fee_asset)
        after = QueryTrades(
            request="trades-1-2", revision=ONE, after_trade=filled.venue_trade, since=Nanos(0)
        )
        assert await desk.ask(after) == [OwnTrades("trades-1-2", told.instrument_id, (), False)]
        found = QueryVenueOrder(request="order-1-1", revision=ONE, venue_order=trade.venue_order)
        (stands,) = await desk.ask(found)
        assert isinstance(stands, Stands)
        assert (stands.order, stands.standing, stands.cumulative) == (
            order, Standing.FILLED, size,
        )  # fmt: skip
        account = await desk.heard(AccountTold)
        assert isinstance(account, AccountTold)
        assert account.balances

    on_a_venue(tmp_path, name, play)


@NAMES
def test_refusals_are_understood(name: str, tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        price = PRICES[name] + (20_000 if name.endswith("spot") else 2_000)
        size = SIZES[name]
        (*_, told) = await desk.order(place("tdTAKES", price, size))
        assert isinstance(told, Rejected | Expired)
        (tiny,) = await desk.order(place("tdTINY", PRICES[name], 1))
        assert isinstance(tiny, Rejected)
        assert not tiny.retry
        await desk.order(place("tdTWICE", PRICES[name], size))
        (twice,) = await desk.order(place("tdTWICE", PRICES[name], size))
        assert isinstance(twice, Unanswered)
        assert not twice.known
        late = desk.venue.requests.make(
            place("tdLATE", PRICES[name], size), desk.scales, Nanos(desk.now() - 10**11)
        )
        await desk.say(late)
        clock = await desk.heard(Unanswered)
        assert isinstance(clock, Unanswered)
        assert (clock.request, clock.known, clock.clock) == ("tdLATE", True, True)

    on_a_venue(tmp_path, name, play)


@NAMES
def test_every_question_is_answered(name: str, tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        await desk.order(place("tdRESTS", PRICES[name], SIZES[name]))
        kinds: dict[Question, type[Told]] = {
            Question.ACCOUNT: AccountTold,
            Question.OPEN_ORDERS: OpenOrders,
            Question.PERMISSIONS: PermissionsTold,
            Question.TERMS: TermsTold,
            Question.FEES: FeesTold,
            Question.INSTRUMENT: InstrumentTold,
            Question.REFERENCE: ReferenceTold,
        }
        for question, kind in kinds.items():
            asked = AskVenue(
                request=f"{question.value.split('_')[0]}-1-1",
                venue=name,
                question=question,
                revision=ONE,
            )
            (told,) = await desk.ask(asked)
            assert isinstance(told, kind), (question, told)
            if isinstance(told, OpenOrders):
                assert [order.order for order in told.orders] == ["tdRESTS"]
            if isinstance(told, InstrumentTold):
                assert told.trading is Trading.OPEN
                steps = (told.instrument.price_step, told.instrument.size_step)
                assert steps == (1, 1)
            if isinstance(told, PermissionsTold):
                assert told.may_trade
                assert not told.may_withdraw
            if isinstance(told, TermsTold):
                assert told.one_way
        if desk.venue.wiring.has_dead_man:
            armed = ArmDeadMan(request="deadman-1-1", revision=ONE, countdown_ns=Nanos(10**11))
            assert await desk.ask(armed) == []

    on_a_venue(tmp_path, name, play)
