"""USDM trading: orders, batches and leverage, as REST and the WebSocket API ask for them."""

import msgspec

from trading_runtime.simulator.exchange.words import (
    CancelOrder,
    ModifyOrder,
    NewOrder,
    OrderType,
    VenueError,
)
from trading_runtime.simulator.server import forms_usdm
from trading_runtime.simulator.server.actions import (
    BAD_TYPE,
    Action,
    Call,
    Security,
    canceled_order,
    found_order,
    named,
    side,
    signed,
    stp_mode,
    time_in_force,
    window,
)
from trading_runtime.simulator.server.parameters import DIGITS, Parameters
from trading_runtime.simulator.server.refusals import error_part

BATCH_MAX = 5
CANCEL_BATCH_MAX = 10
CONDITIONAL = frozenset(
    {"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
)


def new_order(call: Call, parameters: Parameters) -> tuple[NewOrder, bool]:
    """Read an order; say also whether its result is asked for, or only that it was taken."""
    symbol, wanted_side = parameters.symbol(), side(parameters)
    if symbol not in call.venue.scales:
        raise VenueError(-1121, "Invalid symbol.")
    one_way(parameters)
    order_type = plain_type(parameters)
    parameters.ignore("priceProtect", "workingType", "priceMatch", "goodTillDate", "closePosition")
    form = parameters.maybe("newOrderRespType") or "ACK"
    if form not in ("ACK", "RESULT"):
        raise VenueError(-1136, "Invalid newOrderRespType.")
    new = NewOrder(
        symbol=symbol,
        side=wanted_side,
        type=order_type,
        time_in_force=time_in_force(parameters),
        price=parameters.decimal("price"),
        quantity=parameters.decimal("quantity"),
        client_id=parameters.client_id("newClientOrderId"),
        reduce_only=parameters.flag("reduceOnly") or False,
        stp_mode=stp_mode(parameters),
    )
    parameters.finish()
    return new, form == "RESULT"


def one_way(parameters: Parameters) -> None:
    """Refuse hedge mode's position sides: accounts here are one-way."""
    if (parameters.maybe("positionSide") or "BOTH") != "BOTH":
        raise VenueError(-4061, "Order's position side does not match user's setting.")


def plain_type(parameters: Parameters) -> OrderType:
    """Read the type; conditional ones have had their own endpoint since 2025-12."""
    word = parameters.text("type")
    if word in CONDITIONAL:
        raise VenueError(
            -4120,
            "Order type not supported for this endpoint. "
            "Please use the Algo Order API endpoints instead.",
        )
    if word not in ("LIMIT", "MARKET"):
        raise VenueError(*BAD_TYPE)
    return OrderType(word)


def placed(call: Call, parameters: Parameters) -> dict[str, object]:
    """Place the order that the parameters describe."""
    new, whole = new_order(call, parameters)
    call.count_order()
    order = call.venue.exchange.place(call.account, new, call.now_ns)
    scales = call.venue.scales[new.symbol]
    if whole:
        return forms_usdm.acknowledged(order, scales)
    return forms_usdm.pending(order, scales)


def place(call: Call) -> object:
    """Place an order."""
    return placed(call, call.parameters)


def try_order(call: Call) -> object:
    """Judge an order without placing it."""
    new, _ = new_order(call, call.parameters)
    call.venue.exchange.check(call.account, new)
    return {}


def modified(call: Call, parameters: Parameters) -> dict[str, object]:
    """Give an order another price and quantity; it loses its place."""
    symbol, wanted_side = parameters.symbol(), side(parameters)
    order_id, client_id = named(parameters)
    one_way(parameters)
    parameters.ignore("priceMatch", "origType")
    asked = ModifyOrder(
        symbol=symbol,
        side=wanted_side,
        price=parameters.number("price"),
        quantity=parameters.number("quantity"),
        order_id=order_id,
        client_id=client_id,
    )
    parameters.finish()
    call.count_order()
    order = call.venue.exchange.modify(call.account, asked, call.now_ns)
    return forms_usdm.modified(order, call.venue.scales[symbol])


def modify(call: Call) -> object:
    """Modify an order."""
    return modified(call, call.parameters)


def cancel(call: Call) -> object:
    """Cancel an order."""
    order = canceled_order(call)
    call.parameters.finish()
    return forms_usdm.acknowledged(order, call.venue.scales[order.symbol])


def batch(call: Call) -> list[Parameters]:
    """Read the orders of a batch."""
    text = call.parameters.text("batchOrders")
    call.parameters.finish()
    try:
        rows = msgspec.json.decode(text, type=list[dict[str, str | int | float | bool]])
    except msgspec.DecodeError:
        raise VenueError(-1130, "Data sent for parameter 'batchOrders' is not valid.") from None
    if not 0 < len(rows) <= BATCH_MAX:
        raise VenueError(-4082, "Invalid number of batch orders.")
    return [Parameters({name: _plain(value) for name, value in row.items()}) for row in rows]


def _plain(value: str | float | bool) -> str:  # noqa: FBT001 -- as it came in JSON
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value}"


def place_batch(call: Call) -> object:
    """Place up to five orders; each stands or falls alone."""
    found: list[object] = []
    for parameters in batch(call):
        try:
            found.append(placed(call, parameters))
        except VenueError as refusal:
            found.append(error_part(refusal))
    return found


def modify_batch(call: Call) -> object:
    """Modify up to five orders; each stands or falls alone."""
    found: list[object] = []
    for parameters in batch(call):
        try:
            found.append(modified(call, parameters))
        except VenueError as refusal:
            found.append(error_part(refusal))
    return found


def cancel_batch(call: Call) -> object:
    """Cancel up to ten orders by id or client id; each stands or falls alone."""
    symbol, scales = call.known_symbol(), call.venue.scales
    ids = call.parameters.maybe("orderIdList")
    client_ids = call.parameters.maybe("origClientOrderIdList")
    call.parameters.finish()
    try:
        wanted = [
            CancelOrder(symbol=symbol, order_id=order_id)
            for order_id in msgspec.json.decode(ids or "[]", type=list[int])
        ] + [
            CancelOrder(symbol=symbol, client_id=client_id)
            for client_id in msgspec.json.decode(client_ids or "[]", type=list[str])
        ]
    except msgspec.DecodeError:
        raise VenueError(-1130, "Data sent for parameter 'orderIdList' is not valid.") from None
    if not 0 < len(wanted) <= CANCEL_BATCH_MAX:
        raise VenueError(-4082, "Invalid number of batch orders.")
    found: list[object] = []
    for one in wanted:
        try:
            order = call.venue.exchange.cancel(call.account, one, call.now_ns)
            found.append(forms_usdm.acknowledged(order, scales[symbol]))
        except VenueError as refusal:
            found.append(error_part(refusal))
    return found


def cancel_all(call: Call) -> object:
    """Cancel all orders of a symbol; that there are none is no error."""
    symbol = call.known_symbol()
    call.parameters.finish()
    call.venue.exchange.cancel_all(call.account, symbol, call.now_ns)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def countdown(call: Call) -> object:
    """Cancel all orders of a symbol unless told again in time; 0 switches it off."""
    symbol = call.known_symbol()
    span_ms = int(call.parameters.number("countdownTime", DIGITS))
    call.parameters.finish()
    call.venue.exchange.countdown_cancel_all(call.account, symbol, span_ms, call.now_ns)
    return {"symbol": symbol, "countdownTime": str(span_ms)}


def query(call: Call) -> object:
    """Answer one order."""
    order = found_order(call)
    return forms_usdm.queried(order, call.venue.scales[order.symbol])


def query_open(call: Call) -> object:
    """Answer one order that is open."""
    order = found_order(call)
    if not order.open:
        raise VenueError(-2013, "Order does not exist.")
    return forms_usdm.queried(order, call.venue.scales[order.symbol])


def open_orders(call: Call) -> object:
    """Answer the open orders of a symbol, or of all."""
    orders = call.venue.exchange.open_orders(call.account, call.maybe_symbol())
    return [forms_usdm.queried(order, call.venue.scales[order.symbol]) for order in orders]


def open_weight(parameters: Parameters) -> int:
    """Asking for every symbol is dear."""
    return 1 if "symbol" in parameters.sent else 40


def all_orders(call: Call) -> object:
    """Answer the orders of a symbol, whatever became of them."""
    symbol, asked = call.known_symbol(), window(call.parameters, "orderId")
    orders = call.venue.exchange.all_orders(call.account, symbol, asked)
    return [forms_usdm.queried(order, call.venue.scales[symbol]) for order in orders]


def own_trades(call: Call) -> object:
    """Answer the account's trades in a symbol."""
    symbol, asked = call.known_symbol(), window(call.parameters, "fromId")
    asked = msgspec.structs.replace(asked, order_id=call.parameters.whole("orderId"))
    trades = call.venue.exchange.trades(call.account, symbol, asked)
    return [forms_usdm.own_trade(trade, call.venue.scales[symbol]) for trade in trades]


def leverage(call: Call) -> object:
    """Set a symbol's leverage."""
    symbol = call.known_symbol()
    wanted = int(call.parameters.number("leverage", DIGITS))
    call.parameters.finish()
    call.venue.exchange.set_leverage(call.account, symbol, wanted, call.now_ns)
    return {
        "leverage": wanted,
        "maxNotionalValue": forms_usdm.MAX_NOTIONAL,
        "symbol": symbol,
    }


PLACE = Action(place, Security.SIGNED, 0, orders=True)
MODIFY = Action(modify, Security.SIGNED, 1, orders=True)
CANCEL = signed(cancel, 1)
QUERY = signed(query, 1)

REST: dict[tuple[str, str], Action] = {
    ("POST", "/fapi/v1/order"): PLACE,
    ("POST", "/fapi/v1/order/test"): signed(try_order, 0),
    ("PUT", "/fapi/v1/order"): MODIFY,
    ("DELETE", "/fapi/v1/order"): CANCEL,
    ("GET", "/fapi/v1/order"): QUERY,
    ("POST", "/fapi/v1/batchOrders"): Action(place_batch, Security.SIGNED, 5, orders=True),
    ("PUT", "/fapi/v1/batchOrders"): Action(modify_batch, Security.SIGNED, 5, orders=True),
    ("DELETE", "/fapi/v1/batchOrders"): signed(cancel_batch, 1),
    ("DELETE", "/fapi/v1/allOpenOrders"): signed(cancel_all, 1),
    ("POST", "/fapi/v1/countdownCancelAll"): signed(countdown, 10),
    ("GET", "/fapi/v1/openOrder"): signed(query_open, 1),
    ("GET", "/fapi/v1/openOrders"): Action(open_orders, Security.SIGNED, 1, weigh=open_weight),
    ("GET", "/fapi/v1/allOrders"): signed(all_orders, 5),
    ("GET", "/fapi/v1/userTrades"): signed(own_trades, 5),
    ("POST", "/fapi/v1/leverage"): signed(leverage, 1),
}
METHODS: dict[str, Action] = {
    "order.place": PLACE,
    "order.modify": MODIFY,
    "order.cancel": CANCEL,
    "order.status": QUERY,
}
