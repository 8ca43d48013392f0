"""Spot: every endpoint of REST and method of the WebSocket API, by name."""

import msgspec

from trading_runtime.simulator.exchange.words import (
    AmendOrder,
    CancelOrder,
    CancelRestriction,
    NewOrder,
    OrderType,
    OrderView,
    Replaced,
    ReplaceMode,
    VenueError,
)
from trading_runtime.simulator.server import forms_spot
from trading_runtime.simulator.server.actions import (
    BAD_TYPE,
    Action,
    Call,
    Security,
    found_order,
    named,
    opened,
    order_limits,
    ping,
    rows,
    server_time,
    side,
    signed,
    stp_mode,
    time_in_force,
    window,
)
from trading_runtime.simulator.server.catalogue import spot_info
from trading_runtime.simulator.server.parameters import Parameters
from trading_runtime.simulator.server.refusals import Denied, Throttled, error_part

DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
FORMS = {
    "ACK": forms_spot.acknowledgement,
    "RESULT": forms_spot.result,
    "FULL": forms_spot.full,
}
BAD_MODE = (-1130, "Data sent for parameter 'cancelReplaceMode' is not valid.")
BAD_RESTRICTION = (-1145, "Invalid cancelRestrictions")
IMMEDIATE = frozenset({OrderType.LIMIT, OrderType.MARKET})
"""Types that are answered in full unless told otherwise; the rest with ACK."""


def exchange_info(call: Call) -> object:
    """Answer exchangeInfo."""
    call.parameters.ignore("permissions", "showPermissionSets", "symbolStatus")
    return spot_info(call.rules(), call.venue.usage.published(), call.now_ms)


def depth_weight(parameters: Parameters) -> int:
    """The weight of a book grows with its depth."""
    limit = parameters.whole_or("limit", 100)
    return next((weight for most, weight in DEPTH_WEIGHTS if limit <= most), 250)


def depth(call: Call) -> object:
    """Answer the order book."""
    symbol = call.known_symbol()
    book = call.venue.exchange.depth(symbol, min(call.parameters.whole_or("limit", 100), 5000))
    return forms_spot.depth(call.venue.board.on_depth(call.venue.kind, book))


def recent_trades(call: Call) -> object:
    """Answer the last public trades."""
    trades = call.venue.exchange.prints(call.known_symbol(), rows(call.parameters, 500))
    return [forms_spot.public_trade(trade) for trade in trades]


def touches(call: Call) -> list[dict[str, object]]:
    """Give the best bid and offer of each symbol asked for."""
    found: list[dict[str, object]] = []
    for rules in call.rules():
        touch, scales = call.venue.exchange.touch(rules.symbol), call.venue.scales[rules.symbol]
        found.append(
            {
                "symbol": rules.symbol,
                "bidPrice": scales.price(touch.bid_price),
                "bidQty": scales.quantity(touch.bid_quantity),
                "askPrice": scales.price(touch.ask_price),
                "askQty": scales.quantity(touch.ask_quantity),
            }
        )
    return found


def last_prices(call: Call) -> list[dict[str, object]]:
    """Give the last price of each symbol asked for; 0 before its first trade."""
    found: list[dict[str, object]] = []
    for rules in call.rules():
        last = call.venue.exchange.prints(rules.symbol, 1)
        price = call.venue.scales[rules.symbol].price(last[-1].price if last else 0)
        found.append({"symbol": rules.symbol, "price": price})
    return found


def one_or_all(call: Call, found: list[dict[str, object]]) -> object:
    """Answer an object where one symbol was named, else an array."""
    return found[0] if "symbol" in call.parameters.sent else found


def book_ticker(call: Call) -> object:
    """Answer the best bid and offer of one symbol, or of several."""
    return one_or_all(call, touches(call))


def price_ticker(call: Call) -> object:
    """Answer the last price of one symbol, or of several."""
    return one_or_all(call, last_prices(call))


def new_order(parameters: Parameters) -> NewOrder:
    """Read an order from its parameters."""
    symbol, wanted_side = parameters.symbol(), side(parameters)
    order_type = parameters.one_of("type", OrderType, BAD_TYPE)
    parameters.ignore("strategyId", "strategyType")
    return NewOrder(
        symbol=symbol,
        side=wanted_side,
        type=order_type,
        time_in_force=time_in_force(parameters),
        price=parameters.decimal("price"),
        quantity=parameters.decimal("quantity"),
        quote_quantity=parameters.decimal("quoteOrderQty"),
        client_id=parameters.client_id("newClientOrderId"),
        stp_mode=stp_mode(parameters),
    )


def answer_form(parameters: Parameters, new: NewOrder) -> str:
    """Say how an order is to be answered."""
    asked = parameters.maybe("newOrderRespType")
    if asked is None:
        return "FULL" if new.type in IMMEDIATE else "ACK"
    if asked not in FORMS:
        raise VenueError(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
    return asked


def place(call: Call) -> object:
    """Place an order."""
    new = new_order(call.parameters)
    form = FORMS[answer_form(call.parameters, new)]
    call.parameters.finish()
    call.count_order()
    return form(call.venue.exchange.place(call.account, new, call.now_ns))


def try_order(call: Call) -> object:
    """Judge an order without placing it."""
    new = new_order(call.parameters)
    answer_form(call.parameters, new)
    call.parameters.ignore("computeCommissionRates")
    call.parameters.finish()
    call.venue.exchange.check(call.account, new)
    return {}


def restriction(parameters: Parameters) -> CancelRestriction | None:
    return parameters.word("cancelRestrictions", CancelRestriction, BAD_RESTRICTION)


def cancel(call: Call) -> object:
    """Cancel an order."""
    symbol = call.known_symbol()
    order_id, client_id = named(call.parameters)
    asked = CancelOrder(
        symbol=symbol,
        order_id=order_id,
        client_id=client_id,
        new_client_id=call.parameters.client_id("newClientOrderId"),
        restriction=restriction(call.parameters),
    )
    call.parameters.finish()
    return forms_spot.canceled(call.venue.exchange.cancel(call.account, asked, call.now_ns))


def cancel_all(call: Call) -> object:
    """Cancel all orders of a symbol; without any it is an error."""
    symbol = call.known_symbol()
    call.parameters.finish()
    ended = call.venue.exchange.cancel_all(call.account, symbol, call.now_ns)
    if not ended:
        raise VenueError(-2011, "Unknown order sent.")
    return [forms_spot.canceled(order) for order in ended]


def cancel_replace(call: Call) -> object:
    """Cancel an order and place another."""
    parameters = call.parameters
    new = new_order(parameters)
    mode = parameters.one_of("cancelReplaceMode", ReplaceMode, BAD_MODE)
    old = CancelOrder(
        symbol=new.symbol,
        order_id=parameters.whole("cancelOrderId"),
        client_id=parameters.client_id("cancelOrigClientOrderId"),
        new_client_id=parameters.client_id("cancelNewClientOrderId"),
        restriction=restriction(parameters),
    )
    if old.order_id is None and old.client_id is None:
        raise VenueError(
            -1102,
            "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, "
            "but both were empty/null!",
        )
    form = answer_form(parameters, new)
    only_cancel = parameters.maybe("orderRateLimitExceededMode") == "CANCEL_ONLY"
    parameters.finish()
    return replaced(replace(call, (old, new), mode, only_cancel=only_cancel), form)


def replace(
    call: Call, parts: tuple[CancelOrder, NewOrder], mode: ReplaceMode, *, only_cancel: bool
) -> Replaced:
    """Do both parts; over the order limit the cancel alone where that was asked for."""
    exchange = call.venue.exchange
    try:
        call.count_order()
    except Throttled as exceeded:
        if not only_cancel:
            raise
        return Replaced(
            canceled=exchange.cancel(call.account, parts[0], call.now_ns),
            placed=VenueError(exceeded.code, exceeded.message),
        )
    return exchange.cancel_replace(call.account, parts, mode, call.now_ns)


def replaced(both: Replaced, form: str) -> object:
    """Answer a cancel-replace: whole, or refused with what became of each part."""
    canceled, placed = both.canceled, both.placed
    cancel_part: object = (
        forms_spot.canceled(canceled) if isinstance(canceled, OrderView) else error_part(canceled)
    )
    place_part: object = None
    if placed is not None:
        place_part = FORMS[form](placed) if isinstance(placed, OrderView) else error_part(placed)
    cancel_word = "SUCCESS" if isinstance(canceled, OrderView) else "FAILURE"
    place_word = "SUCCESS" if isinstance(placed, OrderView) else "FAILURE"
    answer: dict[str, object] = {
        "cancelResult": cancel_word,
        "newOrderResult": "NOT_ATTEMPTED" if placed is None else place_word,
        "cancelResponse": cancel_part,
        "newOrderResponse": place_part,
    }
    if (cancel_word, place_word) == ("SUCCESS", "SUCCESS"):
        return answer
    if "SUCCESS" in (cancel_word, place_word):
        raise Denied(-2021, "Order cancel-replace partially failed.", 409, answer)
    raise Denied(-2022, "Order cancel-replace failed.", 400, answer)


def amend(call: Call) -> object:
    """Make an order smaller in its place."""
    parameters = call.parameters
    symbol = call.known_symbol()
    order_id, client_id = named(parameters)
    asked = AmendOrder(
        symbol=symbol,
        quantity=parameters.number("newQty"),
        order_id=order_id,
        client_id=client_id,
        new_client_id=parameters.client_id("newClientOrderId"),
    )
    parameters.finish()
    call.venue.exchange.amend_keep_priority(call.account, asked, call.now_ns)
    call.venue.publish()
    change = call.venue.last_change
    assert change is not None  # noqa: S101 -- the amendment that was just published
    return forms_spot.amended(change)


def query(call: Call) -> object:
    """Answer one order."""
    return forms_spot.queried(found_order(call))


def open_orders(call: Call) -> object:
    """Answer the open orders of a symbol, or of all."""
    orders = call.venue.exchange.open_orders(call.account, call.maybe_symbol())
    return [forms_spot.queried(order) for order in orders]


def open_weight(parameters: Parameters) -> int:
    """Asking for every symbol is dear."""
    return 6 if "symbol" in parameters.sent else 80


def all_orders(call: Call) -> object:
    """Answer the orders of a symbol, whatever became of them."""
    symbol, asked = call.known_symbol(), window(call.parameters, "orderId")
    orders = call.venue.exchange.all_orders(call.account, symbol, asked)
    return [forms_spot.queried(order) for order in orders]


def own_trades(call: Call) -> object:
    """Answer the account's trades in a symbol."""
    symbol, asked = call.known_symbol(), window(call.parameters, "fromId")
    asked = msgspec.structs.replace(asked, order_id=call.parameters.whole("orderId"))
    trades = call.venue.exchange.trades(call.account, symbol, asked)
    return [forms_spot.own_trade(trade) for trade in trades]


def account(call: Call) -> object:
    """Answer what the account holds."""
    balances = call.venue.exchange.balances(call.account)
    if call.parameters.flag("omitZeroBalances"):
        balances = [view for view in balances if view.wallet]
    first = call.venue.exchange.symbols()[0]
    return forms_spot.account(first, balances, call.now_ns, call.account)


def commission(call: Call) -> object:
    """Answer what trading a symbol costs."""
    return forms_spot.commission(call.venue.exchange.rules(call.known_symbol()))


def trade_fees(call: Call) -> object:
    """Answer the fees of one symbol or of all: an array either way."""
    return [forms_spot.trade_fee(rules) for rules in call.rules()]


def key_restrictions(call: Call) -> object:
    """What the key may do: read and trade, and never withdraw."""
    return {
        "ipRestrict": True,
        "createTime": call.now_ms,
        "enableReading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": True,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": True,
        "enablePortfolioMarginTrading": False,
    }


PLACE = Action(place, Security.SIGNED, 1, orders=True, free=True)
CANCEL = Action(cancel, Security.SIGNED, 1, free=True)
CANCEL_ALL = Action(cancel_all, Security.SIGNED, 1, free=True)
REPLACE = Action(cancel_replace, Security.SIGNED, 1, orders=True, free=True)
AMEND = Action(amend, Security.SIGNED, 4)
DEPTH = Action(depth, Security.OPEN, 5, weigh=depth_weight)
OPEN_ORDERS = Action(open_orders, Security.SIGNED, 6, weigh=open_weight)
TEST = Action(try_order, Security.SIGNED, 1)

REST: dict[tuple[str, str], Action] = {
    ("GET", "/api/v3/ping"): opened(ping, 1),
    ("GET", "/api/v3/time"): opened(server_time, 1),
    ("GET", "/api/v3/exchangeInfo"): opened(exchange_info, 20),
    ("GET", "/api/v3/depth"): DEPTH,
    ("GET", "/api/v3/trades"): opened(recent_trades, 25),
    ("GET", "/api/v3/ticker/bookTicker"): opened(book_ticker, 2),
    ("GET", "/api/v3/ticker/price"): opened(price_ticker, 2),
    ("GET", "/api/v3/account"): signed(account, 20),
    ("GET", "/api/v3/account/commission"): signed(commission, 20),
    ("GET", "/api/v3/order"): signed(query, 4),
    ("GET", "/api/v3/openOrders"): OPEN_ORDERS,
    ("GET", "/api/v3/allOrders"): signed(all_orders, 20),
    ("GET", "/api/v3/myTrades"): signed(own_trades, 20),
    ("GET", "/api/v3/rateLimit/order"): signed(order_limits, 40),
    ("POST", "/api/v3/order"): PLACE,
    ("POST", "/api/v3/order/test"): TEST,
    ("DELETE", "/api/v3/order"): CANCEL,
    ("DELETE", "/api/v3/openOrders"): CANCEL_ALL,
    ("POST", "/api/v3/order/cancelReplace"): REPLACE,
    ("PUT", "/api/v3/order/amend/keepPriority"): AMEND,
    ("GET", "/sapi/v1/asset/tradeFee"): signed(trade_fees, 1),
    ("GET", "/sapi/v1/account/apiRestrictions"): signed(key_restrictions, 1),
}
METHODS: dict[str, Action] = {
    "ping": opened(ping, 1),
    "time": opened(server_time, 1),
    "exchangeInfo": opened(exchange_info, 20),
    "depth": DEPTH,
    "trades.recent": opened(recent_trades, 25),
    "ticker.book": opened(book_ticker, 2),
    "ticker.price": opened(price_ticker, 2),
    "order.place": PLACE,
    "order.test": TEST,
    "order.cancel": CANCEL,
    "order.cancelReplace": REPLACE,
    "order.amend.keepPriority": AMEND,
    "order.status": signed(query, 4),
    "openOrders.status": OPEN_ORDERS,
    "openOrders.cancelAll": CANCEL_ALL,
    "allOrders": signed(all_orders, 20),
    "myTrades": signed(own_trades, 20),
    "account.status": signed(account, 20),
    "account.commission": signed(commission, 20),
    "account.rateLimits.orders": signed(order_limits, 40),
}
