"""Requests on one symbol, each with the venue's answer to it."""

import pytest

from tests.simulator.exchange.venue import (
    BTC,
    FIRST,
    SYMBOL,
    USDT,
    cancel,
    limit,
    maker,
    market,
    reports,
    shown,
    venue,
)
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    AmendOrder,
    CancelOrder,
    CancelRestriction,
    ExecutionType,
    MarketKind,
    ModifyOrder,
    NewOrder,
    OrderStatus,
    OrderType,
    OrderView,
    ReplaceMode,
    Side,
    StpMode,
    TimeInForce,
    VenueError,
    Window,
)

BUY, SELL = Side.BUY, Side.SELL
SPOT, USDM = MarketKind.SPOT, MarketKind.USDM
BOTH = pytest.mark.parametrize("kind", list(MarketKind))


def refused(code: int, message: str = "") -> "pytest.RaisesExc[VenueError]":
    return pytest.RaisesExc(
        VenueError,
        check=lambda refusal: refusal.code == code and refusal.message.startswith(message),
    )


@BOTH
def test_a_limit_order_rests_and_tells_so(kind: MarketKind) -> None:
    exchange = venue(kind)
    order = exchange.place(FIRST, limit(BUY, "100", "1", client_id="mine"), 7)
    assert (order.status, order.client_id, order.created_ns) == (OrderStatus.NEW, "mine", 7)
    assert exchange.depth(SYMBOL, 5).bids == ((100 * USDT, BTC),)
    [report] = reports(exchange)
    assert report.execution is ExecutionType.NEW
    assert report.order == order == exchange.query(FIRST, SYMBOL, order.order_id, None)


@BOTH
def test_an_order_takes_the_best_prices_first_and_its_rest_stands(kind: MarketKind) -> None:
    exchange = venue(kind)
    shown(exchange, SELL, "101", "1")
    shown(exchange, SELL, "100", "1")
    order = exchange.place(FIRST, limit(BUY, "101", "3"), 7)
    assert [(fill.price, fill.quantity) for fill in order.fills] == [
        (100 * USDT, BTC),
        (101 * USDT, BTC),
    ]
    assert (order.status, order.quote) == (OrderStatus.PARTIALLY_FILLED, 201 * USDT)
    assert exchange.depth(SYMBOL, 5).bids == ((101 * USDT, BTC),)
    kinds = [report.execution for report in reports(exchange)]
    assert kinds == [ExecutionType.NEW, ExecutionType.TRADE, ExecutionType.TRADE]


@BOTH
def test_what_an_ioc_order_cannot_take_expires(kind: MarketKind) -> None:
    exchange = venue(kind)
    shown(exchange, SELL, "100", "1")
    order = exchange.place(FIRST, limit(BUY, "100", "3", tif=TimeInForce.IOC), 7)
    assert (order.status, order.executed, order.expiry) == (OrderStatus.EXPIRED, BTC, "2")
    assert exchange.open_orders(FIRST, None) == []


def test_a_fok_order_that_cannot_be_filled_whole_expires_on_spot() -> None:
    exchange = venue(SPOT)
    shown(exchange, SELL, "100", "1")
    order = exchange.place(FIRST, limit(BUY, "100", "3", tif=TimeInForce.FOK), 7)
    assert (order.status, order.executed) == (OrderStatus.EXPIRED, 0)


def test_a_fok_order_that_cannot_be_filled_whole_is_refused_on_usdm() -> None:
    exchange = venue(USDM)
    shown(exchange, SELL, "100", "1")
    with refused(-5021, "Due to the order could not be filled immediately"):
        exchange.place(FIRST, limit(BUY, "100", "3", tif=TimeInForce.FOK), 7)
    assert exchange.all_orders(FIRST, SYMBOL, Window()) == []


@BOTH
def test_a_fok_order_over_two_levels_is_filled_whole(kind: MarketKind) -> None:
    exchange = venue(kind)
    shown(exchange, SELL, "100", "1")
    shown(exchange, SELL, "101", "2")
    order = exchange.place(FIRST, limit(BUY, "101", "3", tif=TimeInForce.FOK), 7)
    assert (order.status, order.executed) == (OrderStatus.FILLED, 3 * BTC)


def test_a_spot_limit_maker_that_would_take_is_refused() -> None:
    exchange = venue(SPOT)
    shown(exchange, SELL, "100", "1")
    with refused(-2010, "Order would immediately match and take."):
        exchange.place(FIRST, maker(BUY, "100", "1"), 7)
    assert exchange.place(FIRST, maker(BUY, "99.9", "1"), 7).status is OrderStatus.NEW


def test_a_usdm_post_only_order_that_would_take_is_refused_and_not_recorded() -> None:
    exchange = venue(USDM)
    shown(exchange, SELL, "100", "1")
    exchange.take_events()
    with refused(-5022, "Due to the order could not be executed as maker"):
        exchange.place(FIRST, limit(BUY, "100", "1", tif=TimeInForce.GTX), 7)
    assert exchange.all_orders(FIRST, SYMBOL, Window()) == []
    assert exchange.take_events() == []


@BOTH
def test_a_market_order_beyond_the_book_expires_with_what_it_got(kind: MarketKind) -> None:
    exchange = venue(kind)
    shown(exchange, SELL, "100", "1")
    order = exchange.place(FIRST, market(BUY, "3"), 7)
    assert (order.status, order.executed, order.expiry) == (OrderStatus.EXPIRED, BTC, "9")
    assert (order.price, order.time_in_force) == (0, TimeInForce.GTC)


def test_a_quote_order_spends_no_more_than_its_amount_in_whole_lots() -> None:
    exchange = venue(SPOT)
    shown(exchange, SELL, "100", "0.5")
    shown(exchange, SELL, "300", "5")
    new = NewOrder(symbol=SYMBOL, side=BUY, type=OrderType.MARKET, quote_quantity="100")
    order = exchange.place(FIRST, new, 7)
    assert order.status is OrderStatus.FILLED
    assert order.executed == units("0.666")
    assert order.quote == units("99.8")


def test_a_quote_order_on_an_empty_book_is_refused() -> None:
    new = NewOrder(symbol=SYMBOL, side=BUY, type=OrderType.MARKET, quote_quantity="100")
    with refused(-2010, "Order book liquidity is less than symbol minimum quantity."):
        venue(SPOT).place(FIRST, new, 7)


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [(SPOT, -2010, "Duplicate order sent."), (USDM, -4116, "ClientOrderId is duplicated.")],
)
def test_a_client_id_is_unique_among_open_orders_only(
    kind: MarketKind, code: int, message: str
) -> None:
    exchange = venue(kind)
    first = exchange.place(FIRST, limit(BUY, "100", "1", client_id="one"), 1)
    with refused(code, message):
        exchange.place(FIRST, limit(BUY, "100", "1", client_id="one"), 2)
    exchange.cancel(FIRST, cancel(first), 3)
    second = exchange.place(FIRST, limit(BUY, "100", "1", client_id="one"), 4)
    assert exchange.query(FIRST, SYMBOL, None, "one").order_id == second.order_id
    assert exchange.query(FIRST, SYMBOL, first.order_id, "one").status is OrderStatus.CANCELED


@BOTH
def test_what_is_not_open_cannot_be_canceled(kind: MarketKind) -> None:
    exchange = venue(kind)
    order = exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    exchange.cancel(FIRST, cancel(order), 2)
    with refused(-2011, "Unknown order sent."):
        exchange.cancel(FIRST, cancel(order), 3)
    with refused(-2013, "Order does not exist."):
        exchange.query(FIRST, SYMBOL, 99, None)
    with refused(-1102, "Param 'origClientOrderId' or 'orderId' must be sent"):
        exchange.cancel(FIRST, CancelOrder(symbol=SYMBOL), 3)
    with refused(-1121, "Invalid symbol."):
        exchange.cancel(FIRST, CancelOrder(symbol="NOPE", order_id=1), 3)


def test_a_spot_cancel_has_a_client_id_of_its_own() -> None:
    exchange = venue(SPOT)
    order = exchange.place(FIRST, limit(BUY, "100", "1", client_id="mine"), 1)
    exchange.take_events()
    canceled = exchange.cancel(
        FIRST, CancelOrder(symbol=SYMBOL, order_id=order.order_id, new_client_id="stop"), 2
    )
    assert (canceled.client_id, canceled.cancel_client_id) == ("mine", "stop")
    [report] = reports(exchange)
    assert (report.execution, report.order) == (ExecutionType.CANCELED, canceled)


def test_a_cancel_can_be_restricted_to_a_status() -> None:
    exchange = venue(SPOT)
    order = exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    restricted = CancelOrder(
        symbol=SYMBOL,
        order_id=order.order_id,
        restriction=CancelRestriction.ONLY_PARTIALLY_FILLED,
    )
    with refused(-2011, "Order was not canceled due to cancel restrictions."):
        exchange.cancel(FIRST, restricted, 2)
    exchange.external_trade(SYMBOL, SELL, 100 * USDT, BTC // 2, 3)
    assert exchange.cancel(FIRST, restricted, 4).executed == BTC // 2


def test_canceling_all_of_none_is_refused_on_spot_alone() -> None:
    with refused(-2011, "Unknown order sent."):
        venue(SPOT).cancel_all(FIRST, SYMBOL, 1)
    assert venue(USDM).cancel_all(FIRST, SYMBOL, 1) == []


@BOTH
def test_cancel_all_cancels_all_of_the_symbol(kind: MarketKind) -> None:
    exchange = venue(kind)
    for price in ("100", "99"):
        exchange.place(FIRST, limit(BUY, price, "1"), 1)
    assert [order.status for order in exchange.cancel_all(FIRST, SYMBOL, 2)] == [
        OrderStatus.CANCELED,
        OrderStatus.CANCELED,
    ]
    assert exchange.depth(SYMBOL, 5).bids == ()


@pytest.mark.parametrize(
    ("mode", "standing"), [(StpMode.NONE, 0), (StpMode.EXPIRE_TAKER, 1), (StpMode.EXPIRE_BOTH, 0)]
)
@BOTH
def test_the_takers_mode_decides_on_a_self_trade(
    kind: MarketKind, mode: StpMode, standing: int
) -> None:
    exchange = venue(kind)
    resting = exchange.place(FIRST, limit(SELL, "100", "1"), 1)
    taker = exchange.place(FIRST, limit(BUY, "100", "1", stp=mode), 2)
    assert len(exchange.open_orders(FIRST, SYMBOL)) == standing
    if mode is StpMode.NONE:
        assert taker.status is OrderStatus.FILLED
    else:
        assert (taker.status, taker.prevented_quantity) == (OrderStatus.EXPIRED_IN_MATCH, BTC)
        assert exchange.trades(FIRST, SYMBOL, Window()) == []
    after = exchange.query(FIRST, SYMBOL, resting.order_id, None).status
    assert (after is OrderStatus.EXPIRED_IN_MATCH) == (mode is StpMode.EXPIRE_BOTH)


@pytest.mark.parametrize(
    ("kind", "execution"), [(SPOT, ExecutionType.TRADE_PREVENTION), (USDM, ExecutionType.EXPIRED)]
)
def test_expire_maker_goes_on_to_the_next_in_the_queue(
    kind: MarketKind, execution: ExecutionType
) -> None:
    exchange = venue(kind)
    mine = exchange.place(FIRST, limit(SELL, "100", "1"), 1)
    shown(exchange, SELL, "100", "2")
    exchange.take_events()
    taker = exchange.place(FIRST, limit(BUY, "100", "1.5", stp=StpMode.EXPIRE_MAKER), 2)
    assert (taker.status, len(taker.fills)) == (OrderStatus.FILLED, 1)
    first = [r for r in reports(exchange) if r.order.order_id == mine.order_id]
    assert [(r.execution, r.order.status) for r in first] == [
        (execution, OrderStatus.EXPIRED_IN_MATCH)
    ]


def replaced(exchange: Exchange, number: int, quantity: str, mode: ReplaceMode) -> list[object]:
    both = exchange.cancel_replace(
        FIRST,
        (CancelOrder(symbol=SYMBOL, order_id=number), limit(BUY, "90", quantity)),
        mode,
        5,
    )
    parts = both.canceled, both.placed
    return [part.status if isinstance(part, OrderView) else part for part in parts]


def test_cancel_replace_stops_or_goes_on_when_the_cancel_fails() -> None:
    exchange = venue(SPOT)
    order = exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    ok = replaced(exchange, order.order_id, "1", ReplaceMode.STOP_ON_FAILURE)
    assert ok == [OrderStatus.CANCELED, OrderStatus.NEW]
    failed, none = replaced(exchange, order.order_id, "1", ReplaceMode.STOP_ON_FAILURE)
    assert isinstance(failed, VenueError)
    assert (failed.code, none) == (-2011, None)
    _, placed = replaced(exchange, order.order_id, "1", ReplaceMode.ALLOW_FAILURE)
    assert placed is OrderStatus.NEW


def test_cancel_replace_judges_filters_first_and_balance_last() -> None:
    exchange = venue(SPOT)
    order = exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    with refused(-1013, "Filter failure: LOT_SIZE"):
        replaced(exchange, order.order_id, "1.0001", ReplaceMode.STOP_ON_FAILURE)
    assert exchange.query(FIRST, SYMBOL, order.order_id, None).open
    exchange.place(FIRST, limit(BUY, "500", "100"), 2)
    canceled, failed = replaced(exchange, order.order_id, "900", ReplaceMode.STOP_ON_FAILURE)
    assert canceled is OrderStatus.CANCELED
    assert isinstance(failed, VenueError)
    assert failed.code == -2010
    assert exchange.query(FIRST, SYMBOL, order.order_id, None).status is OrderStatus.CANCELED


def amend(number: int, quantity: str, client_id: str | None = None) -> AmendOrder:
    return AmendOrder(symbol=SYMBOL, order_id=number, quantity=quantity, new_client_id=client_id)


def test_an_amended_order_keeps_its_place_and_gets_a_new_client_id() -> None:
    exchange = venue(SPOT)
    order = exchange.place(FIRST, limit(BUY, "100", "2", client_id="old"), 1)
    shown(exchange, BUY, "100", "1")
    exchange.take_events()
    changed = exchange.amend_keep_priority(FIRST, amend(order.order_id, "1", "new"), 2)
    assert (changed.quantity, changed.client_id) == (BTC, "new")
    [report] = reports(exchange)
    assert (report.execution, report.previous_client_id) == (ExecutionType.REPLACED, "old")
    with refused(-2013):
        exchange.query(FIRST, SYMBOL, None, "old")
    exchange.external_trade(SYMBOL, SELL, 100 * USDT, BTC, 3)
    assert exchange.query(FIRST, SYMBOL, None, "new").status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("quantity", "code", "message"),
    [
        ("3", -2038, "Order amend (quantity increase) is not supported."),
        ("2", -2038, "The requested action would change no state; rejecting"),
        ("0.5", -2038, "Price * QTY is zero or less."),
        ("1.00001", -1013, "Filter failure: LOT_SIZE"),
    ],
)
def test_an_amend_may_only_lower_to_above_what_is_executed(
    quantity: str, code: int, message: str
) -> None:
    exchange = venue(SPOT)
    order = exchange.place(FIRST, limit(BUY, "100", "2"), 1)
    exchange.external_trade(SYMBOL, SELL, 100 * USDT, BTC // 2, 2)
    with refused(code, message):
        exchange.amend_keep_priority(FIRST, amend(order.order_id, quantity), 3)


def test_an_order_may_be_amended_only_so_often() -> None:
    exchange = venue(SPOT)
    order = exchange.place(FIRST, limit(BUY, "100", "2"), 1)
    for quantity in ("1.9", "1.8", "1.7"):
        exchange.amend_keep_priority(FIRST, amend(order.order_id, quantity), 2)
    with refused(-1013, "Filter failure: MAX_NUM_ORDER_AMENDS"):
        exchange.amend_keep_priority(FIRST, amend(order.order_id, "1.6"), 3)
    with refused(-2038, "Unknown order sent."):
        exchange.amend_keep_priority(FIRST, amend(99, "1"), 3)


def modify(number: int, price: str, quantity: str) -> ModifyOrder:
    return ModifyOrder(symbol=SYMBOL, order_id=number, side=BUY, price=price, quantity=quantity)


def test_a_modified_order_goes_to_the_back_of_its_queue() -> None:
    exchange = venue(USDM)
    order = exchange.place(FIRST, limit(BUY, "100", "2"), 1)
    shown(exchange, BUY, "100", "1")
    exchange.take_events()
    changed = exchange.modify(FIRST, modify(order.order_id, "100", "1"), 2)
    assert (changed.order_id, changed.client_id, changed.quantity) == (1, order.client_id, BTC)
    assert [report.execution for report in reports(exchange)] == [ExecutionType.AMENDMENT]
    exchange.external_trade(SYMBOL, SELL, 100 * USDT, BTC, 3)
    assert exchange.query(FIRST, SYMBOL, 1, None).executed == 0


def test_a_modified_order_may_take() -> None:
    exchange = venue(USDM)
    order = exchange.place(FIRST, limit(BUY, "99", "2"), 1)
    shown(exchange, SELL, "100", "1")
    changed = exchange.modify(FIRST, modify(order.order_id, "100", "2"), 2)
    assert (changed.status, len(changed.fills)) == (OrderStatus.PARTIALLY_FILLED, 1)


def test_modify_cancels_a_partly_filled_order_down_to_what_it_has() -> None:
    exchange = venue(USDM)
    order = exchange.place(FIRST, limit(BUY, "100", "2"), 1)
    exchange.external_trade(SYMBOL, SELL, 100 * USDT, BTC, 2)
    changed = exchange.modify(FIRST, modify(order.order_id, "100", "1"), 3)
    assert (changed.status, changed.executed) == (OrderStatus.CANCELED, BTC)


def test_modify_cancels_a_post_only_order_that_would_take() -> None:
    exchange = venue(USDM)
    order = exchange.place(FIRST, limit(BUY, "99", "2", tif=TimeInForce.GTX), 1)
    shown(exchange, SELL, "100", "1")
    changed = exchange.modify(FIRST, modify(order.order_id, "100", "2"), 3)
    assert changed.status is OrderStatus.CANCELED


@pytest.mark.parametrize(
    ("price", "quantity", "code"),
    [
        ("100", "2", -5027),
        ("100.05", "2", -4014),
        ("1", "2", -5029),
        ("100", "900000", -4005),
        ("100", "700", -2019),
    ],
)
def test_a_refused_modify_leaves_the_order_as_it_is(price: str, quantity: str, code: int) -> None:
    exchange = venue(USDM)
    exchange.set_leverage(FIRST, SYMBOL, 1, 1)
    exchange.place(FIRST, limit(BUY, "50", "900"), 1)
    order = exchange.place(FIRST, limit(BUY, "100", "2"), 1)
    exchange.take_events()
    before = exchange.balances(FIRST)
    with refused(code):
        exchange.modify(FIRST, modify(order.order_id, price, quantity), 3)
    assert exchange.query(FIRST, SYMBOL, order.order_id, None) == order
    assert (exchange.balances(FIRST), exchange.take_events()) == (before, [])


def test_each_market_refuses_the_others_request() -> None:
    with refused(-1020):
        venue(SPOT).modify(FIRST, modify(1, "100", "1"), 1)
    with refused(-1020):
        venue(USDM).amend_keep_priority(FIRST, amend(1, "1"), 1)
