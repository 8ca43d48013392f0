"""What holds after every call, whatever is asked: money, quantities, priority, the chain of ids."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.exchange.venue import HOUR_NS, RULES, SYMBOL
from trading_runtime.simulator.exchange.amounts import text, units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.futures import FuturesPurse
from trading_runtime.simulator.exchange.spot import SpotPurse
from trading_runtime.simulator.exchange.words import (
    UNIT,
    AccountNumber,
    AmendOrder,
    CancelOrder,
    Event,
    ExecutionType,
    LevelsChanged,
    MarketKind,
    ModifyOrder,
    NewOrder,
    OrderChanged,
    OrderStatus,
    OrderType,
    OrderView,
    Printed,
    ReplaceMode,
    Side,
    StpMode,
    TimeInForce,
    TouchChanged,
    VenueError,
    Window,
)

ALL = Window(limit=10**6)
ACCOUNTS = (AccountNumber(1), AccountNumber(2))
SIDES = st.sampled_from(list(Side))
PRICES = st.integers(96, 104).map(lambda dollars: dollars * UNIT)
"""Few prices, so that most orders meet others."""
SIZES = st.integers(1, 5_000).map(lambda lots: lots * RULES.lot)
KINDS = st.sampled_from(list(MarketKind))
ACTS = st.sampled_from(
    ["limit"] * 5
    + ["crowd"] * 3
    + ["trade", "market", "quote", "cancel", "amend", "replace", "mark", "fund", "all", "leverage"]
)


@dataclass(frozen=True)
class Act:
    name: str
    account: AccountNumber
    side: Side
    price: int
    size: int
    tif: TimeInForce
    stp: StpMode
    reduce_only: bool
    pick: int


ACT = st.builds(
    Act,
    ACTS,
    st.sampled_from(ACCOUNTS),
    SIDES,
    PRICES,
    SIZES,
    st.sampled_from([TimeInForce.GTC] * 3 + list(TimeInForce)),
    st.sampled_from([StpMode.NONE] * 3 + list(StpMode)),
    st.booleans(),
    st.integers(0, 9),
)


@dataclass
class Witness:
    """Believes only what the events say, and compares it with what the venue answers."""

    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    last_id: int = 1
    trade_id: int = 0
    touch: TouchChanged | None = None

    def see(self, events: list[Event], kind: MarketKind) -> None:
        for event in events:
            if isinstance(event, LevelsChanged):
                assert event.previous_id == self.last_id
                assert event.last_id >= event.first_id > event.previous_id
                if kind is MarketKind.SPOT:
                    assert event.first_id == event.previous_id + 1
                self.last_id = event.last_id
                for side, changes in ((self.bids, event.bids), (self.asks, event.asks)):
                    for price, quantity in changes:
                        side.pop(price, None)
                        if quantity:
                            side[price] = quantity
            elif isinstance(event, TouchChanged):
                self.touch = event
            elif isinstance(event, Printed):
                assert event.trade_id > self.trade_id
                self.trade_id = event.trade_id


def venue(kind: MarketKind) -> Exchange:
    exchange = Exchange(kind)
    exchange.add_symbol(RULES, 1)
    for account in ACCOUNTS:
        assert exchange.open_account(f"account {account}") == account
        # Little enough that some orders are refused for want of money.
        exchange.deposit(account, "USDT", units("600" if kind is MarketKind.SPOT else "60"), 1)
        if kind is MarketKind.SPOT:
            exchange.deposit(account, "BTC", units("6"), 1)
    return exchange


def placed(act: Act, kind: MarketKind) -> NewOrder:
    usdm = kind is MarketKind.USDM
    post = act.tif is TimeInForce.GTX and not usdm
    return NewOrder(
        symbol=SYMBOL,
        side=act.side,
        type=OrderType.LIMIT_MAKER if post else OrderType.LIMIT,
        time_in_force=None if post else act.tif,
        price=text(act.price),
        quantity=text(act.size),
        reduce_only=usdm and act.reduce_only,
        stp_mode=act.stp,
    )


def chosen(exchange: Exchange, act: Act) -> int:
    orders = exchange.open_orders(act.account, SYMBOL)
    return orders[act.pick % len(orders)].order_id if orders else 1


def change(exchange: Exchange, act: Act, now: int) -> None:
    """Amend on spot, modify on usdm."""
    number = chosen(exchange, act)
    if exchange.kind is MarketKind.SPOT:
        amend = AmendOrder(symbol=SYMBOL, order_id=number, quantity=text(act.size))
        exchange.amend_keep_priority(act.account, amend, now)
    else:
        modify = ModifyOrder(
            symbol=SYMBOL,
            order_id=number,
            side=act.side,
            price=text(act.price),
            quantity=text(act.size),
        )
        exchange.modify(act.account, modify, now)


def take(exchange: Exchange, act: Act, now: int) -> None:
    new = NewOrder(
        symbol=SYMBOL,
        side=act.side,
        type=OrderType.MARKET,
        quantity=text(act.size) if act.name == "market" else None,
        quote_quantity=None if act.name == "market" else text(act.size * 100),
        stp_mode=act.stp,
        reduce_only=act.reduce_only and exchange.kind is MarketKind.USDM,
    )
    exchange.place(act.account, new, now)


def replace(exchange: Exchange, act: Act, now: int) -> None:
    cancel = CancelOrder(symbol=SYMBOL, order_id=chosen(exchange, act))
    mode = list(ReplaceMode)[act.pick % 2]
    exchange.cancel_replace(act.account, (cancel, placed(act, exchange.kind)), mode, now)


def do(exchange: Exchange, act: Act, now: int) -> None:
    calls: dict[str, Callable[[], object]] = {
        "limit": lambda: exchange.place(act.account, placed(act, exchange.kind), now),
        "crowd": lambda: exchange.set_external(
            SYMBOL, act.side, act.price, act.size * (act.pick > 1), now
        ),
        "trade": lambda: exchange.external_trade(SYMBOL, act.side, act.price, act.size, now),
        "market": lambda: take(exchange, act, now),
        "quote": lambda: take(exchange, act, now),
        "cancel": lambda: exchange.cancel(
            act.account, CancelOrder(symbol=SYMBOL, order_id=chosen(exchange, act)), now
        ),
        "amend": lambda: change(exchange, act, now),
        "replace": lambda: replace(exchange, act, now),
        "mark": lambda: exchange.mark(SYMBOL, act.price, now),
        "fund": lambda: exchange.settle_funding(SYMBOL, (act.pick - 5) * 10**6, now),
        "all": lambda: exchange.cancel_all(act.account, SYMBOL, now),
        "leverage": lambda: exchange.set_leverage(act.account, SYMBOL, 1 + act.pick * 10, now),
    }
    exchange.take_events()
    try:
        calls[act.name]()
    except VenueError:
        assert exchange.take_events() == []


def check_book(exchange: Exchange, witness: Witness) -> None:
    depth = exchange.depth(SYMBOL, 100)
    assert depth.last_id == witness.last_id
    assert list(depth.bids) == sorted(witness.bids.items(), reverse=True)
    assert list(depth.asks) == sorted(witness.asks.items())
    assert not (depth.bids and depth.asks) or depth.bids[0][0] < depth.asks[0][0]
    bid = depth.bids[0] if depth.bids else (0, 0)
    ask = depth.asks[0] if depth.asks else (0, 0)
    touch = exchange.touch(SYMBOL)
    assert (touch.bid_price, touch.bid_quantity) == bid
    assert (touch.ask_price, touch.ask_quantity) == ask
    assert witness.touch is None or witness.touch == touch


def check_orders(exchange: Exchange, account: AccountNumber) -> None:
    trades = exchange.trades(account, SYMBOL, ALL)
    for order in exchange.all_orders(account, SYMBOL, ALL):
        mine = [trade for trade in trades if trade.order_id == order.order_id]
        assert sum(trade.quantity for trade in mine) == order.executed <= order.quantity
        assert sum(trade.quote for trade in mine) == order.quote
        assert (order.executed == order.quantity) == (order.status is OrderStatus.FILLED)
        if order.price:
            sign = 1 if order.side is Side.BUY else -1
            # A modified order may have traded at its former price.
            kept = order.amends == 0
            assert all((order.price - trade.price) * sign >= 0 for trade in mine if kept)


def open_needs(orders: list[OrderView], side: Side) -> int:
    """What the open orders of ``side`` stand for, in the asset that they would pay with on spot."""
    return sum(
        order.remaining if side is Side.SELL else order.price * order.remaining // UNIT
        for order in orders
        if order.side is side
    )


def check_spot(exchange: Exchange, purse: SpotPurse) -> None:
    total = {"BTC": 0, "USDT": 0}
    for account in ACCOUNTS:
        orders = exchange.open_orders(account, SYMBOL)
        locked = dict.fromkeys(total, 0)
        for balance in exchange.balances(account):
            assert balance.free >= 0
            total[balance.asset] += balance.wallet
            locked[balance.asset] = balance.locked
        assert locked["USDT"] == open_needs(orders, Side.BUY)
        assert locked["BTC"] == open_needs(orders, Side.SELL)
    for asset, deposited in (("BTC", units("12")), ("USDT", units("1200"))):
        outside = purse.fees.get(asset, 0) + purse.world.get(asset, 0)
        assert total[asset] + outside == deposited


def check_usdm(exchange: Exchange, purse: FuturesPurse) -> None:
    wallets = realised = 0
    for account in ACCOUNTS:
        position = purse.position(exchange.listing(SYMBOL), account)
        trades = exchange.trades(account, SYMBOL, ALL)
        signed = [(1 if trade.side is Side.BUY else -1, trade) for trade in trades]
        assert position.quantity == sum(sign * trade.quantity for sign, trade in signed)
        assert position.basis * position.quantity >= 0
        assert (position.basis == 0) == (position.quantity == 0)
        earned = sum(trade.realised for trade in trades)
        assert earned == position.basis - sum(sign * trade.quote for sign, trade in signed)
        assert position.realised == earned
        realised += earned
        wallets += purse.account(account).wallets["USDT"]
        orders = exchange.open_orders(account, SYMBOL)
        weighing = [order for order in orders if not order.reduce_only]
        asks = sum(o.price * o.remaining // UNIT for o in weighing if o.side is Side.SELL)
        assert (position.bids, position.asks) == (open_needs(weighing, Side.BUY), asks)
        reducing = [order for order in orders if order.reduce_only]
        assert sum(o.remaining for o in reducing) <= abs(position.quantity)
        assert all((o.side is Side.SELL) == (position.quantity > 0) for o in reducing)
    outside = purse.insurance.get("USDT", 0) - purse.funding.get("USDT", 0)
    assert wallets == units("120") + realised - purse.fees.get("USDT", 0) + outside


@settings(max_examples=25, deadline=None)
@given(KINDS, st.lists(ACT, max_size=40))
def test_money_quantities_and_book_agree_after_every_call(
    kind: MarketKind, acts: list[Act]
) -> None:
    exchange, witness = venue(kind), Witness()
    for now, act in enumerate(acts, 2):
        do(exchange, act, now)
        witness.see(exchange.take_events(), kind)
        check_book(exchange, witness)
        if isinstance(exchange.purse, SpotPurse):
            check_spot(exchange, exchange.purse)
        else:
            check_usdm(exchange, exchange.purse)
    for account in ACCOUNTS:
        check_orders(exchange, account)


@settings(max_examples=25, deadline=None)
@given(st.lists(ACT.filter(lambda act: act.name != "amend"), max_size=40))
def test_no_order_trades_before_a_better_or_an_older_one(acts: list[Act]) -> None:
    exchange = venue(MarketKind.SPOT)
    for now, act in enumerate(acts, 2):
        do(exchange, act, now)
        still = [o for a in ACCOUNTS for o in exchange.open_orders(a, SYMBOL)]
        for event in exchange.take_events():
            if isinstance(event, OrderChanged) and event.trade and event.trade.maker:
                hit, sign = event.order, 1 if event.order.side is Side.BUY else -1
                for other in still:
                    if other.side is hit.side and other.order_id != hit.order_id:
                        better = (other.price - hit.price) * sign
                        assert better <= 0
                        assert better < 0 or other.order_id > hit.order_id


@settings(max_examples=15, deadline=None)
@given(KINDS, st.lists(ACT, max_size=40))
def test_the_same_calls_give_the_same_events(kind: MarketKind, acts: list[Act]) -> None:
    told: list[list[list[Event]]] = []
    for _ in range(2):
        told.append([])
        exchange = venue(kind)
        for now, act in enumerate(acts, 2):
            do(exchange, act, now)
            told[-1].append(exchange.take_events())
        exchange.advance(9 * HOUR_NS)
        told[-1].append(exchange.take_events())
    assert told[0] == told[1]


@settings(max_examples=15, deadline=None)
@given(KINDS, st.lists(ACT, max_size=40))
def test_the_reports_of_an_order_tell_its_whole_story(kind: MarketKind, acts: list[Act]) -> None:
    exchange = venue(kind)
    latest: dict[tuple[AccountNumber, int], OrderView] = {}
    executions = 0
    for now, act in enumerate(acts, 2):
        do(exchange, act, now)
        for event in exchange.take_events():
            if isinstance(event, OrderChanged):
                key = event.order.account, event.order.order_id
                assert (event.execution is ExecutionType.NEW) == (key not in latest)
                assert key not in latest or latest[key].open
                assert event.execution_id > executions
                executions = event.execution_id
                latest[key] = event.order
    for account in ACCOUNTS:
        for order in exchange.all_orders(account, SYMBOL, ALL):
            assert order == latest[account, order.order_id]


def test_history_is_bounded_and_open_orders_are_never_forgotten() -> None:
    exchange = Exchange(MarketKind.SPOT, history_max=10)
    exchange.add_symbol(RULES, 1)
    account = exchange.open_account("one")
    exchange.deposit(account, "USDT", units("1000"), 1)
    new = NewOrder(
        symbol=SYMBOL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price="100",
        quantity="0.1",
    )
    kept = exchange.place(account, new, 1)
    for now in range(100):
        order = exchange.place(account, new, now)
        exchange.cancel(account, CancelOrder(symbol=SYMBOL, order_id=order.order_id), now)
    assert [o.order_id for o in exchange.open_orders(account, SYMBOL)] == [kept.order_id]
    assert len(exchange.all_orders(account, SYMBOL, ALL)) == 11


def test_ids_begin_where_they_are_asked_to() -> None:
    """So that a venue that is started again gives none twice."""
    exchange = Exchange(MarketKind.USDM, ids_after=1_000)
    exchange.add_symbol(RULES, 1)
    listing = exchange.listing(SYMBOL)
    assert (listing.orders, listing.trades) == (1_000, 1_000)
