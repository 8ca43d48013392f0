"""The venue's books as the control endpoint tells them: the truth that clients are held against."""

from collections.abc import Mapping

from trading_runtime.simulator.exchange.amounts import text
from trading_runtime.simulator.exchange.exchange import HISTORY_MAX, Exchange
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    BalanceView,
    OrderView,
    PositionView,
    TradeView,
    Window,
)

Row = Mapping[str, str | int | bool]
ALL = Window(limit=HISTORY_MAX)


def ledger(exchange: Exchange) -> dict[str, dict[str, list[Row]]]:
    """Give every order, trade, balance and position of every account, by the account's number.

    Amounts and prices are decimal text with 8 decimals. An order's ``created_ns`` is when it was
    received, ``updated_ns`` and a trade's ``time_ns`` when it was executed: the venue's clock.
    """
    return {str(account): account_ledger(exchange, account) for account in exchange.accounts()}


def account_ledger(exchange: Exchange, account: AccountNumber) -> dict[str, list[Row]]:
    symbols = [rules.symbol for rules in exchange.symbols()]
    return {
        "orders": [
            order_row(order)
            for symbol in symbols
            for order in exchange.all_orders(account, symbol, ALL)
        ],
        "trades": [
            trade_row(trade)
            for symbol in symbols
            for trade in exchange.trades(account, symbol, ALL)
        ],
        "balances": [balance_row(balance) for balance in exchange.balances(account)],
        "positions": [position_row(position) for position in exchange.positions(account)],
    }


def order_row(order: OrderView) -> Row:
    return {
        "symbol": order.symbol,
        "order_id": order.order_id,
        "client_id": order.client_id,
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "price": text(order.price),
        "quantity": text(order.quantity),
        "executed": text(order.executed),
        "quote": text(order.quote),
        "status": order.status.value,
        "reduce_only": order.reduce_only,
        "created_ns": order.created_ns,
        "updated_ns": order.updated_ns,
    }


def trade_row(trade: TradeView) -> Row:
    return {
        "symbol": trade.symbol,
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "client_id": trade.client_id,
        "side": trade.side.value,
        "price": text(trade.price),
        "quantity": text(trade.quantity),
        "quote": text(trade.quote),
        "fee": text(trade.fee),
        "fee_asset": trade.fee_asset,
        "maker": trade.maker,
        "realised": text(trade.realised),
        "time_ns": trade.time_ns,
    }


def balance_row(balance: BalanceView) -> Row:
    return {
        "asset": balance.asset,
        "wallet": text(balance.wallet),
        "free": text(balance.free),
        "locked": text(balance.locked),
    }


def position_row(position: PositionView) -> Row:
    return {
        "symbol": position.symbol,
        "quantity": text(position.quantity),
        "entry_price": text(position.entry_price),
        "mark_price": text(position.mark_price),
        "unrealised": text(position.unrealised),
        "realised": text(position.realised),
        "leverage": position.leverage,
    }
