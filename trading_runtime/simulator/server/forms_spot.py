"""Spot answers: the venue's views of orders, trades and balances in the venue's own JSON."""

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.amounts import text
from trading_runtime.simulator.exchange.words import (
    PPM,
    UNIT,
    BalanceView,
    DepthView,
    OrderChanged,
    OrderView,
    Printed,
    Side,
    SymbolRules,
    TradeView,
)

ZERO = "0.00000000"


def fraction(ppm: int) -> str:
    """Write parts per million as the venue writes a rate: ``"0.00100000"``."""
    return text(ppm * UNIT // PPM)


def acknowledgement(order: OrderView) -> dict[str, object]:
    """``newOrderRespType=ACK``."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": order.updated_ns // NANOS_PER_MILLI,
    }


def result(order: OrderView) -> dict[str, object]:
    """``newOrderRespType=RESULT``."""
    found = acknowledgement(order)
    found.update(_amounts(order))
    if order.working_ns >= 0:
        found["workingTime"] = order.working_ns // NANOS_PER_MILLI
    found["selfTradePreventionMode"] = order.stp_mode.value
    found.update(_prevented(order))
    return found


def full(order: OrderView) -> dict[str, object]:
    """``newOrderRespType=FULL``: the result and what was filled at once."""
    found = result(order)
    found["fills"] = [
        {
            "price": text(trade.price),
            "qty": text(trade.quantity),
            "commission": text(trade.fee),
            "commissionAsset": trade.fee_asset,
            "tradeId": trade.trade_id,
        }
        for trade in order.fills
    ]
    return found


def canceled(order: OrderView) -> dict[str, object]:
    """Answer a cancel."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.cancel_client_id,
        "transactTime": order.updated_ns // NANOS_PER_MILLI,
        **_amounts(order),
        "selfTradePreventionMode": order.stp_mode.value,
        **_prevented(order),
    }


def amended(event: OrderChanged) -> dict[str, object]:
    """Answer amend keep priority, from the execution that it was."""
    order = event.order
    return {
        "transactTime": order.updated_ns // NANOS_PER_MILLI,
        "executionId": event.execution_id,
        "amendedOrder": {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "origClientOrderId": event.previous_client_id,
            "clientOrderId": order.client_id,
            "price": text(order.price),
            "qty": text(order.quantity),
            "executedQty": text(order.executed),
            "preventedQty": text(order.prevented_quantity),
            "quoteOrderQty": text(order.quote_quantity),
            "cumulativeQuoteQty": text(order.quote),
            "status": order.status.value,
            "timeInForce": order.time_in_force.value,
            "type": order.type.value,
            "side": order.side.value,
            "workingTime": order.working_ns // NANOS_PER_MILLI,
            "selfTradePreventionMode": order.stp_mode.value,
        },
    }


def queried(order: OrderView) -> dict[str, object]:
    """Answer a query of one order, or a row of open or all orders."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **_amounts(order),
        "stopPrice": ZERO,
        "icebergQty": ZERO,
        "time": order.created_ns // NANOS_PER_MILLI,
        "updateTime": order.updated_ns // NANOS_PER_MILLI,
        "isWorking": order.working_ns >= 0,
        "workingTime": order.working_ns // NANOS_PER_MILLI if order.working_ns >= 0 else -1,
        "selfTradePreventionMode": order.stp_mode.value,
        **_prevented(order),
    }


def _amounts(order: OrderView) -> dict[str, object]:
    return {
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.executed),
        "origQuoteOrderQty": text(order.quote_quantity),
        "cummulativeQuoteQty": text(order.quote),
        "status": order.status.value,
        "timeInForce": order.time_in_force.value,
        "type": order.type.value,
        "side": order.side.value,
    }


def _prevented(order: OrderView) -> dict[str, object]:
    if order.prevented_match_id < 0:
        return {}
    return {
        "preventedMatchId": order.prevented_match_id,
        "preventedQuantity": text(order.prevented_quantity),
    }


def own_trade(trade: TradeView) -> dict[str, object]:
    """A row of myTrades."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.quote),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ns // NANOS_PER_MILLI,
        "isBuyer": trade.side is Side.BUY,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def public_trade(trade: Printed) -> dict[str, object]:
    """A row of the recent trades."""
    return {
        "id": trade.trade_id,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.price * trade.quantity // UNIT),
        "time": trade.time_ns // NANOS_PER_MILLI,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def depth(book: DepthView) -> dict[str, object]:
    """The order book, best level first."""
    return {
        "lastUpdateId": book.last_id,
        "bids": [(text(price), text(quantity)) for price, quantity in book.bids],
        "asks": [(text(price), text(quantity)) for price, quantity in book.asks],
    }


def account(
    rules: SymbolRules, balances: list[BalanceView], updated_ns: int, number: int
) -> dict[str, object]:
    """Account information; the rates are those of the first symbol, alike for all."""
    maker, taker = fraction(rules.maker_fee_ppm), fraction(rules.taker_fee_ppm)
    return {
        "makerCommission": rules.maker_fee_ppm // 100,
        "takerCommission": rules.taker_fee_ppm // 100,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": maker, "taker": taker, "buyer": ZERO, "seller": ZERO},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": updated_ns // NANOS_PER_MILLI,
        "accountType": "SPOT",
        "balances": [
            {"asset": view.asset, "free": text(view.free), "locked": text(view.locked)}
            for view in balances
        ],
        "permissions": ["SPOT"],
        "uid": number,
    }


def commission(rules: SymbolRules) -> dict[str, object]:
    """What trading one symbol costs."""
    none = {"maker": ZERO, "taker": ZERO, "buyer": ZERO, "seller": ZERO}
    return {
        "symbol": rules.symbol,
        "standardCommission": {
            **none,
            "maker": fraction(rules.maker_fee_ppm),
            "taker": fraction(rules.taker_fee_ppm),
        },
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": ZERO,
        },
    }


def trade_fee(rules: SymbolRules) -> dict[str, object]:
    """A row of the wallet's tradeFee."""
    return {
        "symbol": rules.symbol,
        "makerCommission": fraction(rules.maker_fee_ppm),
        "takerCommission": fraction(rules.taker_fee_ppm),
    }
