"""Market-data frames as the streams send them, written straight to text: they are the many.

Form of 2026: web-socket-streams (spot), Websocket Market Streams (usdm). Event time ``E`` is when
the frame was made, transaction time ``T`` when the venue did what it tells.
"""

import msgspec

from trading_runtime.records.units import NANOS_PER_MILLI
from trading_runtime.simulator.exchange.amounts import text
from trading_runtime.simulator.exchange.words import (
    DepthView,
    LevelsChanged,
    Liquidated,
    MarkView,
    Printed,
    TouchChanged,
)
from trading_runtime.simulator.server.scales import Scales

YES_NO = {True: "true", False: "false"}


def spot_diff(change: LevelsChanged, scales: Scales, now_ms: int) -> bytes:
    """``depthUpdate`` of spot."""
    return (
        f'{{"e":"depthUpdate","E":{now_ms},"s":"{change.symbol}","U":{change.first_id},'
        f'"u":{change.last_id},"b":[{scales.levels(change.bids)}],'
        f'"a":[{scales.levels(change.asks)}]}}'
    ).encode()


def usdm_diff(change: LevelsChanged, scales: Scales, now_ms: int) -> bytes:
    """``depthUpdate`` of usdm, chained by ``pu``."""
    return (
        f'{{"e":"depthUpdate","E":{now_ms},"T":{change.time_ns // NANOS_PER_MILLI},'
        f'"s":"{change.symbol}","U":{change.first_id},"u":{change.last_id},'
        f'"pu":{change.previous_id},"b":[{scales.levels(change.bids)}],'
        f'"a":[{scales.levels(change.asks)}]}}'
    ).encode()


def spot_partial(book: DepthView, scales: Scales) -> bytes:
    """Top of the book of spot: it names no symbol."""
    return (
        f'{{"lastUpdateId":{book.last_id},"bids":[{scales.levels(book.bids)}],'
        f'"asks":[{scales.levels(book.asks)}]}}'
    ).encode()


def spot_touch(touch: TouchChanged, scales: Scales, _: int) -> bytes:
    """``bookTicker`` of spot: it carries no time."""
    return f'{{"u":{touch.update_id},{_best(touch, scales)}}}'.encode()


def usdm_touch(touch: TouchChanged, scales: Scales, now_ms: int) -> bytes:
    """``bookTicker`` of usdm."""
    return (
        f'{{"e":"bookTicker","u":{touch.update_id},"E":{now_ms},'
        f'"T":{touch.time_ns // NANOS_PER_MILLI},{_best(touch, scales)}}}'
    ).encode()


def _best(touch: TouchChanged, scales: Scales) -> str:
    return (
        f'"s":"{touch.symbol}","b":"{scales.price(touch.bid_price)}",'
        f'"B":"{scales.quantity(touch.bid_quantity)}","a":"{scales.price(touch.ask_price)}",'
        f'"A":"{scales.quantity(touch.ask_quantity)}"'
    )


def spot_trade(trade: Printed, scales: Scales, now_ms: int) -> bytes:
    """``trade`` of spot."""
    return (
        f'{{"e":"trade","E":{now_ms},"s":"{trade.symbol}","t":{trade.trade_id},'
        f'{_paid(trade, scales)},"M":true}}'
    ).encode()


def usdm_trade(trade: Printed, scales: Scales, now_ms: int) -> bytes:
    """``trade`` of usdm, as captured: the documentation leaves it out."""
    return (
        f'{{"e":"trade","E":{now_ms},"s":"{trade.symbol}","t":{trade.trade_id},'
        f'{_paid(trade, scales)},"X":"MARKET"}}'
    ).encode()


def _paid(trade: Printed, scales: Scales) -> str:
    return (
        f'"p":"{scales.price(trade.price)}","q":"{scales.quantity(trade.quantity)}",'
        f'"T":{trade.time_ns // NANOS_PER_MILLI},"m":{YES_NO[trade.buyer_is_maker]}'
    )


class Aggregate(msgspec.Struct, frozen=True):
    """The trades of one taker order at one price; ``trade`` is their last, with their quantity."""

    number: int
    trade: Printed
    first_id: int


def spot_aggregate(sum_of: Aggregate, scales: Scales, now_ms: int) -> bytes:
    """``aggTrade`` of spot."""
    trade = sum_of.trade
    return (
        f'{{"e":"aggTrade","E":{now_ms},"s":"{trade.symbol}","a":{sum_of.number},'
        f'"f":{sum_of.first_id},"l":{trade.trade_id},{_paid(trade, scales)},"M":true}}'
    ).encode()


def usdm_aggregate(sum_of: Aggregate, scales: Scales, now_ms: int) -> bytes:
    """``aggTrade`` of usdm; ``nq`` leaves out retail orders, of which there are none."""
    trade = sum_of.trade
    return (
        f'{{"e":"aggTrade","E":{now_ms},"s":"{trade.symbol}","a":{sum_of.number},'
        f'"nq":"{scales.quantity(trade.quantity)}",'
        f'"f":{sum_of.first_id},"l":{trade.trade_id},{_paid(trade, scales)}}}'
    ).encode()


def mark_update(view: MarkView, now_ms: int) -> bytes:
    """``markPriceUpdate``; index and settlement price follow the mark price."""
    mark = text(view.mark)
    return (
        f'{{"e":"markPriceUpdate","E":{now_ms},"s":"{view.symbol}","p":"{mark}","i":"{mark}",'
        f'"P":"{mark}","r":"{text(view.funding_rate)}",'
        f'"T":{view.next_funding_ns // NANOS_PER_MILLI}}}'
    ).encode()


def force_order(event: Liquidated, scales: Scales, now_ms: int) -> bytes:
    """``forceOrder``: a liquidation, for all to see."""
    order = event.order
    average = order.quote * 10**8 // order.executed if order.executed else 0
    executed = scales.quantity(order.executed)
    return (
        f'{{"e":"forceOrder","E":{now_ms},"o":{{"s":"{order.symbol}","S":"{order.side.value}",'
        f'"o":"{order.type.value}","f":"{order.time_in_force.value}",'
        f'"q":"{scales.quantity(order.quantity)}","p":"{scales.price(order.price)}",'
        f'"ap":"{scales.price(average)}","X":"{order.status.value}","l":"{executed}",'
        f'"z":"{executed}","T":{event.time_ns // NANOS_PER_MILLI}}}}}'
    ).encode()
