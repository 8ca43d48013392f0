"""USDM user events as a listen key's stream carries them (User Data Streams, 2026)."""

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.amounts import short_text, text
from trading_runtime.simulator.exchange.words import (
    BalancesChanged,
    LeverageChanged,
    OrderChanged,
    PositionView,
    TradeView,
)
from trading_runtime.simulator.server.forms_usdm import average
from trading_runtime.simulator.server.scales import Scales


def order_update(event: OrderChanged, scales: Scales, now_ms: int) -> bytes:
    """``ORDER_TRADE_UPDATE``."""
    order, trade = event.order, event.trade
    moment = event.time_ns // NANOS_PER_MILLI
    body: dict[str, object] = {
        "s": order.symbol,
        "c": order.client_id,
        "S": order.side.value,
        "o": order.type.value,
        "f": order.time_in_force.value,
        "q": scales.quantity(order.quantity),
        "p": scales.price(order.price),
        "ap": scales.price(average(order)),
        "sp": "0",
        "x": event.execution.value,
        "X": order.status.value,
        "i": order.order_id,
        "l": scales.quantity(trade.quantity if trade else 0),
        "z": scales.quantity(order.executed),
        "L": scales.price(trade.price if trade else 0),
        "T": moment,
        "t": trade.trade_id if trade else 0,
        "b": "0",
        "a": "0",
        "m": trade.maker if trade else False,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": order.type.value,
        "ps": "BOTH",
        "cp": False,
        "pP": False,
        "si": 0,
        "ss": 0,
        "rp": text(trade.realised) if trade else "0",
        "V": order.stp_mode.value,
        "pm": "NONE",
        "gtd": 0,
        "er": order.expiry,
    }
    if trade:
        body["N"], body["n"] = trade.fee_asset, text(trade.fee)
    return msgspec.json.encode({"e": "ORDER_TRADE_UPDATE", "T": moment, "E": now_ms, "o": body})


def trade_lite(event: OrderChanged, trade: TradeView, scales: Scales, now_ms: int) -> bytes:
    """``TRADE_LITE``: a fill in few fields, sent before the full report."""
    order = event.order
    return msgspec.json.encode(
        {
            "e": "TRADE_LITE",
            "E": now_ms,
            "T": event.time_ns // NANOS_PER_MILLI,
            "s": order.symbol,
            "q": scales.quantity(order.quantity),
            "p": scales.price(order.price),
            "m": trade.maker,
            "c": order.client_id,
            "S": order.side.value,
            "L": scales.price(trade.price),
            "l": scales.quantity(trade.quantity),
            "t": trade.trade_id,
            "i": order.order_id,
        }
    )


def account_update(event: BalancesChanged, rules: dict[str, Scales], now_ms: int) -> bytes:
    """``ACCOUNT_UPDATE``: only what changed."""
    return msgspec.json.encode(
        {
            "e": "ACCOUNT_UPDATE",
            "E": now_ms,
            "T": event.time_ns // NANOS_PER_MILLI,
            "a": {
                "m": event.reason.value,
                "B": [
                    {
                        "a": view.asset,
                        "wb": text(view.wallet),
                        "cw": text(view.wallet),
                        "bc": short_text(view.change),
                    }
                    for view in event.balances
                ],
                "P": [
                    {
                        "s": view.symbol,
                        "pa": rules[view.symbol].quantity(view.quantity),
                        "ep": short_text(view.entry_price),
                        "cr": short_text(view.realised),
                        "up": short_text(view.unrealised),
                        "mt": "cross",
                        "iw": "0",
                        "ps": "BOTH",
                        "bep": short_text(view.break_even_price),
                    }
                    for view in event.positions
                ],
            },
        }
    )


def margin_call(
    wallet: int, views: list[PositionView], scales: dict[str, Scales], now: int
) -> bytes:
    """``MARGIN_CALL`` for the positions ``views``, before they are liquidated; ``now`` in ms."""
    return msgspec.json.encode(
        {
            "e": "MARGIN_CALL",
            "E": now,
            "cw": text(wallet),
            "p": [
                {
                    "s": view.symbol,
                    "ps": "BOTH",
                    "pa": scales[view.symbol].quantity(view.quantity),
                    "mt": "CROSSED",
                    "iw": "0",
                    "mp": text(view.mark_price),
                    "up": short_text(view.unrealised),
                    "mm": short_text(view.maintenance_margin),
                }
                for view in views
            ],
        }
    )


def leverage_update(event: LeverageChanged, now_ms: int) -> bytes:
    """``ACCOUNT_CONFIG_UPDATE`` of a leverage."""
    return msgspec.json.encode(
        {
            "e": "ACCOUNT_CONFIG_UPDATE",
            "E": now_ms,
            "T": event.time_ns // NANOS_PER_MILLI,
            "ac": {"s": event.symbol, "l": event.leverage},
        }
    )


def key_expired(listen_key: str, now_ms: int) -> bytes:
    """``listenKeyExpired``; its event time is text, as documented."""
    return msgspec.json.encode({"e": "listenKeyExpired", "E": str(now_ms), "listenKey": listen_key})
