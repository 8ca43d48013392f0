"""USDM answers: orders, trades, balances and positions in the venue's own JSON.

Prices carry the decimals of the tick, quantities those of the lot, margins eight.
"""

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.amounts import short_text, text
from trading_runtime.simulator.exchange.words import (
    UNIT,
    BalanceView,
    DepthView,
    MarkView,
    OrderStatus,
    OrderView,
    PositionView,
    Printed,
    Side,
    TradeView,
)
from trading_runtime.simulator.server.scales import Scales

ALIAS = "tapedeck"
MAX_NOTIONAL = "1000000000"


def average(order: OrderView) -> int:
    """Give the mean price of what is filled, 0 of nothing, in 10^-8."""
    return order.quote * UNIT // order.executed if order.executed else 0


def acknowledged(order: OrderView, scales: Scales) -> dict[str, object]:
    """Answer a place, cancel or modify."""
    executed = scales.quantity(order.executed)
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status.value,
        "clientOrderId": order.client_id,
        "price": scales.price(order.price),
        "avgPrice": scales.price(average(order)),
        "origQty": scales.quantity(order.quantity),
        "executedQty": executed,
        "cumQty": executed,
        "cumQuote": text(order.quote)[:-3],
        "timeInForce": order.time_in_force.value,
        "type": order.type.value,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.value,
        "positionSide": "BOTH",
        "stopPrice": scales.price(0),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.type.value,
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.stp_mode.value,
        "goodTillDate": 0,
        "updateTime": order.updated_ns // NANOS_PER_MILLI,
    }


def pending(order: OrderView, scales: Scales) -> dict[str, object]:
    """Answer ``newOrderRespType=ACK``: the order as it stood before it matched anything."""
    found = acknowledged(order, scales)
    found["status"] = OrderStatus.NEW.value
    found["avgPrice"] = scales.price(0)
    found["executedQty"] = found["cumQty"] = scales.quantity(0)
    found["cumQuote"] = text(0)[:-3]
    return found


def modified(order: OrderView, scales: Scales) -> dict[str, object]:
    """Answer a modify."""
    return {**acknowledged(order, scales), "pair": order.symbol, "cumBase": scales.quantity(0)}


def queried(order: OrderView, scales: Scales) -> dict[str, object]:
    """Answer a query of one order, or a row of open or all orders."""
    found = acknowledged(order, scales)
    del found["cumQty"]
    found["time"] = order.created_ns // NANOS_PER_MILLI
    return found


def own_trade(trade: TradeView, scales: Scales) -> dict[str, object]:
    """A row of userTrades."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side.value,
        "price": scales.price(trade.price),
        "qty": scales.quantity(trade.quantity),
        "realizedPnl": text(trade.realised),
        "quoteQty": text(trade.quote),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ns // NANOS_PER_MILLI,
        "positionSide": "BOTH",
        "buyer": trade.side is Side.BUY,
        "maker": trade.maker,
    }


def public_trade(trade: Printed, scales: Scales) -> dict[str, object]:
    """A row of the recent trades."""
    return {
        "id": trade.trade_id,
        "price": scales.price(trade.price),
        "qty": scales.quantity(trade.quantity),
        "quoteQty": short_text(trade.price * trade.quantity // UNIT),
        "time": trade.time_ns // NANOS_PER_MILLI,
        "isBuyerMaker": trade.buyer_is_maker,
        "isRPITrade": False,
    }


def depth(book: DepthView, scales: Scales, now_ms: int) -> dict[str, object]:
    """The order book, best level first."""
    return {
        "lastUpdateId": book.last_id,
        "E": now_ms,
        "T": now_ms,
        "bids": [(scales.price(level), scales.quantity(size)) for level, size in book.bids],
        "asks": [(scales.price(level), scales.quantity(size)) for level, size in book.asks],
    }


def premium(view: MarkView, now_ms: int) -> dict[str, object]:
    """The mark price; index and settlement price follow it."""
    return {
        "symbol": view.symbol,
        "markPrice": text(view.mark),
        "indexPrice": text(view.mark),
        "estimatedSettlePrice": text(view.mark),
        "lastFundingRate": text(view.funding_rate),
        "interestRate": text(10_000),
        "nextFundingTime": view.next_funding_ns // NANOS_PER_MILLI,
        "time": now_ms,
    }


class Totals:
    """What an account's positions come to, in the margin asset."""

    __slots__ = ("maintenance", "order_margin", "position_margin", "unrealised")

    def __init__(self, positions: list[PositionView]) -> None:
        self.unrealised = sum(view.unrealised for view in positions)
        self.position_margin = sum(view.position_margin for view in positions)
        self.order_margin = sum(view.order_margin for view in positions)
        self.maintenance = sum(view.maintenance_margin for view in positions)

    @property
    def initial(self) -> int:
        return self.position_margin + self.order_margin


def balance(view: BalanceView, totals: Totals, now_ms: int) -> dict[str, object]:
    """A row of the balances (v2 and v3)."""
    available = text(max(0, view.free))
    return {
        "accountAlias": ALIAS,
        "asset": view.asset,
        "balance": text(view.wallet),
        "crossWalletBalance": text(view.wallet),
        "crossUnPnl": text(totals.unrealised),
        "availableBalance": available,
        "maxWithdrawAmount": available,
        "marginAvailable": True,
        "updateTime": now_ms,
    }


def account(
    balances: list[BalanceView],
    positions: list[PositionView],
    rules: dict[str, Scales],
    now_ms: int,
) -> dict[str, object]:
    """Account information v3: positions only where there is one or an order."""
    totals = Totals(positions)
    wallet = sum(view.wallet for view in balances)
    available = text(max(0, sum(view.free for view in balances)))
    margins = {
        "initialMargin": text(totals.initial),
        "maintMargin": text(totals.maintenance),
        "positionInitialMargin": text(totals.position_margin),
        "openOrderInitialMargin": text(totals.order_margin),
    }
    return {
        "totalInitialMargin": text(totals.initial),
        "totalMaintMargin": text(totals.maintenance),
        "totalWalletBalance": text(wallet),
        "totalUnrealizedProfit": text(totals.unrealised),
        "totalMarginBalance": text(wallet + totals.unrealised),
        "totalPositionInitialMargin": text(totals.position_margin),
        "totalOpenOrderInitialMargin": text(totals.order_margin),
        "totalCrossWalletBalance": text(wallet),
        "totalCrossUnPnl": text(totals.unrealised),
        "availableBalance": available,
        "maxWithdrawAmount": available,
        "assets": [
            {
                "asset": view.asset,
                "walletBalance": text(view.wallet),
                "unrealizedProfit": text(totals.unrealised),
                "marginBalance": text(view.wallet + totals.unrealised),
                **margins,
                "crossWalletBalance": text(view.wallet),
                "crossUnPnl": text(totals.unrealised),
                "availableBalance": text(max(0, view.free)),
                "maxWithdrawAmount": text(max(0, view.free)),
                "updateTime": now_ms,
            }
            for view in balances
        ],
        "positions": [
            _account_position(view, rules[view.symbol])
            for view in positions
            if view.quantity or view.order_margin
        ],
    }


def _account_position(view: PositionView, scales: Scales) -> dict[str, object]:
    return {
        "symbol": view.symbol,
        "positionSide": "BOTH",
        "positionAmt": scales.quantity(view.quantity),
        "unrealizedProfit": text(view.unrealised),
        "isolatedMargin": text(0),
        "notional": short_text(view.notional),
        "isolatedWallet": "0",
        "initialMargin": short_text(view.position_margin + view.order_margin),
        "maintMargin": short_text(view.maintenance_margin),
        "updateTime": view.updated_ns // NANOS_PER_MILLI,
    }


def account_v2(
    balances: list[BalanceView],
    positions: list[PositionView],
    rules: dict[str, Scales],
    now_ms: int,
) -> dict[str, object]:
    """Account information v2: every symbol has its row."""
    found = account(balances, positions, rules, now_ms)
    assets = found["assets"]
    assert isinstance(assets, list)  # noqa: S101 -- made just above
    for row in assets:
        row["marginAvailable"] = True
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **found,
        "positions": [_account_position_v2(view, rules[view.symbol]) for view in positions],
    }


def _account_position_v2(view: PositionView, scales: Scales) -> dict[str, object]:
    return {
        "symbol": view.symbol,
        "initialMargin": short_text(view.position_margin + view.order_margin),
        "maintMargin": short_text(view.maintenance_margin),
        "unrealizedProfit": text(view.unrealised),
        "positionInitialMargin": short_text(view.position_margin),
        "openOrderInitialMargin": short_text(view.order_margin),
        "leverage": str(view.leverage),
        "isolated": False,
        "entryPrice": short_text(view.entry_price),
        "maxNotional": MAX_NOTIONAL,
        "bidNotional": "0",
        "askNotional": "0",
        "positionSide": "BOTH",
        "positionAmt": scales.quantity(view.quantity),
        "updateTime": view.updated_ns // NANOS_PER_MILLI,
    }


def risk(view: PositionView, scales: Scales) -> dict[str, object]:
    """A row of positionRisk v3."""
    return {
        "symbol": view.symbol,
        "positionSide": "BOTH",
        "positionAmt": scales.quantity(view.quantity),
        "entryPrice": short_text(view.entry_price),
        "breakEvenPrice": short_text(view.break_even_price),
        "markPrice": text(view.mark_price),
        "unRealizedProfit": text(view.unrealised),
        "liquidationPrice": short_text(view.liquidation_price),
        "isolatedMargin": "0",
        "notional": text(view.notional),
        "marginAsset": "USDT",
        "isolatedWallet": "0",
        "initialMargin": text(view.position_margin + view.order_margin),
        "maintMargin": text(view.maintenance_margin),
        "positionInitialMargin": text(view.position_margin),
        "openOrderInitialMargin": text(view.order_margin),
        "adl": 1 if view.quantity else 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": view.updated_ns // NANOS_PER_MILLI,
    }


def risk_v2(view: PositionView, scales: Scales) -> dict[str, object]:
    """A row of positionRisk v2."""
    return {
        "symbol": view.symbol,
        "positionAmt": scales.quantity(view.quantity),
        "entryPrice": short_text(view.entry_price),
        "breakEvenPrice": short_text(view.break_even_price),
        "markPrice": text(view.mark_price),
        "unRealizedProfit": text(view.unrealised),
        "liquidationPrice": short_text(view.liquidation_price),
        "leverage": str(view.leverage),
        "maxNotionalValue": MAX_NOTIONAL,
        "marginType": "cross",
        "isolatedMargin": text(0),
        "isAutoAddMargin": "false",
        "positionSide": "BOTH",
        "notional": text(view.notional),
        "isolatedWallet": "0",
        "updateTime": view.updated_ns // NANOS_PER_MILLI,
    }
