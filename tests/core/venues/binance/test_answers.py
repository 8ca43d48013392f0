"""Answers to orders' requests, by socket and by HTTP, to what they tell."""

import pytest

from tests.core.venues.binance.private_codec import (
    EVENT_MS,
    EVENT_NS,
    ORDER,
    SPOT_ID,
    USDM_ID,
    Json,
    Message,
    http,
    packed,
    socket_answer,
    socket_error,
    spot,
    usdm,
)
from trading_runtime.account.reports import (
    Barred,
    BarredTold,
    LimitsTold,
    LimitTold,
    StreamEnded,
)
from trading_runtime.core.venues.told import Told
from trading_runtime.errors import Misread
from trading_runtime.oms.reports import (
    Absent,
    Accepted,
    Amended,
    AmendRejected,
    Cancelled,
    CancelRejected,
    Expired,
    Filled,
    Rejected,
    Standing,
    Stands,
    Unanswered,
)
from trading_runtime.records.units import (
    NANOS_PER_SECOND,
    ClientId,
    Lots,
    Money,
    Nanos,
    Side,
    Ticks,
)

OURS = ClientId(ORDER)
AT = Nanos(EVENT_NS)
NEVER = Nanos(0)


def spot_order(**fields: Json) -> Message:
    return {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "orderListId": -1,
        "clientOrderId": ORDER,
        "transactTime": EVENT_MS,
        "price": "61800.20000000",
        "origQty": "0.01400000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT_MAKER",
        "side": "BUY",
        "fills": [],
        **fields,
    }


def usdm_order(**fields: Json) -> Message:
    return {
        "clientOrderId": ORDER,
        "cumQty": "0",
        "cumQuote": "0",
        "executedQty": "0.000",
        "orderId": 22_542_179,
        "avgPrice": "0.00",
        "origQty": "0.014",
        "price": "61800.20",
        "reduceOnly": False,
        "side": "BUY",
        "positionSide": "BOTH",
        "status": "NEW",
        "symbol": "BTCUSDT",
        "timeInForce": "GTX",
        "type": "LIMIT",
        "updateTime": EVENT_MS,
        **fields,
    }


def test_a_placed_order_is_accepted_by_either_way() -> None:
    accepted: list[Told] = [Accepted(OURS, "28", AT)]
    assert spot().frame(socket_answer(ORDER, spot_order())) == accepted
    assert http(spot(), ORDER, spot_order()) == accepted
    accepted = [Accepted(OURS, "22542179", AT)]
    assert usdm().frame(socket_answer(ORDER, usdm_order())) == accepted
    assert http(usdm(), ORDER, usdm_order()) == accepted


def test_the_fills_of_an_answer_are_told_one_by_one() -> None:
    fills: Json = [
        {"price": "61800.20", "qty": "0.01", "commission": "0.6", "commissionAsset": "USDT",
         "tradeId": 56},
        {"price": "61800.30", "qty": "0.002", "commission": "0.2", "commissionAsset": "USDT",
         "tradeId": 57},
    ]  # fmt: skip
    body = spot_order(status="EXPIRED", executedQty="0.012", timeInForce="IOC", fills=fills)
    assert spot().frame(socket_answer(ORDER, body)) == [
        Accepted(OURS, "28", AT),
        Filled(
            OURS, "56", Ticks(6_180_020), Lots(1_000), Lots(1_000), Money(60_000_000), "USDT",
            maker=False, venue_time=AT,
        ),
        Filled(
            OURS, "57", Ticks(6_180_030), Lots(200), Lots(1_200), Money(20_000_000), "USDT",
            maker=False, venue_time=AT,
        ),
        Expired(OURS, Lots(1_200), "nothing left to take", AT),
    ]  # fmt: skip


def test_an_answer_that_only_sums_its_fills_up_tells_how_the_order_stands() -> None:
    body = usdm_order(status="FILLED", executedQty="0.014", timeInForce="IOC", reduceOnly=True)
    assert usdm().frame(socket_answer(ORDER, body)) == [
        Accepted(OURS, "22542179", AT),
        Stands(
            OURS, USDM_ID, "22542179", Side.BUY, Ticks(618_002), Lots(14), Lots(14),
            Standing.FILLED, reduce_only=True, venue_time=AT,
        ),
    ]  # fmt: skip


def test_a_post_only_order_that_ends_at_once_is_accepted_and_expired() -> None:
    body = usdm_order(status="EXPIRED")
    assert usdm().frame(socket_answer(ORDER, body)) == [
        Accepted(OURS, "22542179", AT),
        Expired(OURS, Lots(0), "post-only order would take", AT),
    ]


def test_a_cancelled_order_is_named_by_its_request() -> None:
    body = spot_order(
        origClientOrderId=ORDER, clientOrderId="91fe37", executedQty="0.00001", status="CANCELED"
    )
    name = f"{ORDER}-cancel"
    assert spot().frame(socket_answer(name, body)) == [Cancelled(OURS, Lots(1), AT)]
    assert http(usdm(), name, usdm_order(status="CANCELED", executedQty="0.001")) == [
        Cancelled(OURS, Lots(1), AT)
    ]


def test_an_amended_order_tells_its_size_or_its_end() -> None:
    name = f"{ORDER}-amend"
    inner: Json = {
        "symbol": "BTCUSDT",
        "orderId": 33,
        "origClientOrderId": ORDER,
        "clientOrderId": ORDER,
        "qty": "0.00700000",
        "executedQty": "0.00000000",
        "status": "NEW",
    }
    body: Json = {"transactTime": EVENT_MS, "executionId": 75, "amendedOrder": inner}
    assert spot().frame(socket_answer(name, body)) == [Amended(OURS, Lots(700), AT)]
    assert usdm().frame(socket_answer(name, usdm_order(origQty="0.007"))) == [
        Amended(OURS, Lots(7), AT)
    ]
    ended = usdm_order(status="CANCELED", executedQty="0.003")
    assert usdm().frame(socket_answer(name, ended)) == [Cancelled(OURS, Lots(3), AT)]


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("NEW", Standing.OPEN),
        ("PARTIALLY_FILLED", Standing.OPEN),
        ("FILLED", Standing.FILLED),
        ("CANCELED", Standing.CANCELLED),
        ("EXPIRED", Standing.EXPIRED),
        ("EXPIRED_IN_MATCH", Standing.EXPIRED),
        ("REJECTED", Standing.REJECTED),
    ],
)
def test_a_query_tells_how_an_order_stands(status: str, standing: Standing) -> None:
    body = spot_order(status=status, executedQty="0.001", side="SELL", updateTime=EVENT_MS)
    del body["transactTime"]
    assert spot().frame(socket_answer(f"{ORDER}-query3", body)) == [
        Stands(
            OURS, SPOT_ID, "28", Side.SELL, Ticks(6_180_020), Lots(1_400), Lots(100), standing,
            reduce_only=False, venue_time=AT,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "status", "code", "message", "told"),
    [
        (ORDER, 400, -2010, "Order would immediately match and take.",
         Rejected(OURS, -2010, "Order would immediately match and take.", retry=True,
                  venue_time=NEVER)),
        (ORDER, 400, -2010, "Account has insufficient balance for requested action.",
         Rejected(OURS, -2010, "Account has insufficient balance for requested action.",
                  retry=False, venue_time=NEVER)),
        (ORDER, 400, -2010, "Duplicate order sent.",
         Unanswered(ORDER, -2010, "Duplicate order sent.", known=False)),
        (ORDER, 400, -4116, "ClientOrderId is duplicated.",
         Unanswered(ORDER, -4116, "ClientOrderId is duplicated.", known=False)),
        (ORDER, 400, -5022, "Post only", Rejected(OURS, -5022, "Post only", retry=True,
                                                  venue_time=NEVER)),
        (ORDER, 400, -1121, "Invalid symbol.", Rejected(OURS, -1121, "Invalid symbol.",
                                                        retry=False, venue_time=NEVER)),
        (ORDER, 400, -1021, "late", Unanswered(ORDER, -1021, "late", known=True, clock=True)),
        (ORDER, 504, -1007, "Timeout", Unanswered(ORDER, -1007, "Timeout", known=False)),
        (ORDER, 503, 0, "", Unanswered(ORDER, 0, "", known=False)),
        (ORDER, 503, -1008, "busy", Unanswered(ORDER, -1008, "busy", known=True)),
        (f"{ORDER}-cancel", 400, -2011, "Unknown order sent.",
         CancelRejected(OURS, -2011, "Unknown order sent.", NEVER)),
        (f"{ORDER}-cancel", 504, -1007, "T", Unanswered(f"{ORDER}-cancel", -1007, "T",
                                                        known=False)),
        (f"{ORDER}-amend", 400, -5027, "same", AmendRejected(OURS, -5027, "same", NEVER)),
        (f"{ORDER}-amend", 400, -2013, "none", Unanswered(f"{ORDER}-amend", -2013, "none",
                                                          known=False)),
        (f"{ORDER}-query1", 400, -2013, "none", Absent(OURS, NEVER)),
        (f"{ORDER}-query1", 500, -1000, "x", Unanswered(f"{ORDER}-query1", -1000, "x",
                                                        known=True)),
    ],
)  # fmt: skip
def test_what_each_refusal_means(
    request_: str, status: int, code: int, message: str, told: Told
) -> None:
    assert usdm().frame(socket_error(request_, status, code, message)) == [told]
    assert http(usdm(), request_, {"code": code, "msg": message}, status) == [told]


def test_an_archived_order_ended_without_a_fill() -> None:
    error = socket_error(f"{ORDER}-query1", 400, -2026, "Order was canceled or expired")
    assert spot().frame(error) == [Cancelled(OURS, Lots(0), NEVER)]


def test_who_asks_too_much_is_told_how_long_to_wait() -> None:
    error = socket_error(
        ORDER, 418, -1003, "banned", serverTime=EVENT_MS, retryAfter=EVENT_MS + 120_000
    )
    wait = Nanos(120 * NANOS_PER_SECOND)
    assert spot().frame(error) == [BarredTold(ORDER, "binance-spot", Barred.BANNED, wait)]
    error = socket_error(ORDER, 429, -1015, "Too many new orders")
    assert spot().frame(error) == [BarredTold(ORDER, "binance-spot", Barred.TOO_MANY, NEVER)]
    busy = packed({"code": -1003, "msg": "Too many requests"})
    headers = (("Retry-After", "7"), ("Server", "x"))
    assert spot().answer("account-0-1", 429, headers, busy) == [
        BarredTold("account-0-1", "binance-spot", Barred.TOO_MANY, Nanos(7 * NANOS_PER_SECOND))
    ]
    assert spot().answer("depth-1-1", 403, (), b"<html>go away</html>") == [
        BarredTold("depth-1-1", "binance-spot", Barred.FIREWALL, NEVER)
    ]


def test_what_is_no_error_of_the_venues_leaves_an_order_unknown() -> None:
    assert usdm().answer(ORDER, 502, (), b"<html>bad gateway</html>") == [
        Unanswered(ORDER, 0, "status 502", known=False)
    ]


def limits(orders: int, weight: int) -> list[Json]:
    return [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50,
         "count": orders},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000,
         "count": weight},
        {"rateLimitType": "CONNECTIONS", "interval": "MINUTE", "intervalNum": 5, "limit": 300,
         "count": 1},
    ]  # fmt: skip


def test_limits_are_told_when_they_are_new_and_when_their_use_crosses_a_tenth() -> None:
    reader = spot()
    ten, minute = Nanos(10 * NANOS_PER_SECOND), Nanos(60 * NANOS_PER_SECOND)
    first = reader.frame(socket_answer(ORDER, spot_order(), limits(1, 5)))
    assert first[1:] == [
        LimitsTold(
            "binance-spot",
            (LimitTold("orders", ten, 1, 50), LimitTold("requests", minute, 5, 6_000)),
        )
    ]
    assert len(reader.frame(socket_answer(ORDER, spot_order(), limits(4, 599)))) == 1
    over = reader.frame(socket_answer(ORDER, spot_order(), limits(5, 599)))
    assert over[1:] == [LimitsTold("binance-spot", (LimitTold("orders", ten, 5, 50),))]
    again = spot()
    again.restore(reader.carry())
    assert len(again.frame(socket_answer(ORDER, spot_order(), limits(9, 599)))) == 1
    under = again.frame(socket_answer(ORDER, spot_order(), limits(0, 599)))
    assert under[1:] == [LimitsTold("binance-spot", (LimitTold("orders", ten, 0, 50),))]


def test_headers_name_the_use_of_limits_that_are_known() -> None:
    reader = spot()
    reader.frame(socket_answer(ORDER, spot_order(), limits(1, 5)))
    headers = (("X-MBX-USED-WEIGHT-1M", "3000"), ("x-mbx-used-weight", "3000"), ("Date", "now"))
    minute = Nanos(60 * NANOS_PER_SECOND)
    told = LimitsTold("binance-spot", (LimitTold("requests", minute, 3_000, 6_000),))
    assert reader.answer("depth-1-1", 200, headers, b"{}") == [told]
    assert reader.answer("depth-1-2", 200, headers, b"{}") == []


def test_a_subscription_that_is_refused_ends_the_accounts_stream() -> None:
    for name in ("subscribe", "subscribe-1"):
        assert spot().frame(socket_answer(name, {"subscriptionId": 0})) == []
    refused = socket_error("subscribe-1", 400, -2035, "already active")
    assert spot().frame(refused) == [StreamEnded("binance-spot", "not subscribed: already active")]


@pytest.mark.parametrize(
    "frame",
    [
        packed({"id": 7, "status": 200, "result": None}),
        packed({"id": None, "status": 400, "error": {"code": -1100, "msg": "x"}}),
        packed({"id": "logon-1", "status": 200, "result": {"apiKey": "x"}}),
        packed({"id": "open-orders-of-another", "status": 200, "result": []}),
        packed({"status": 200, "result": {}, "id": "logon-1"}),
        packed({"nothing": 1}),
    ],
)
def test_answers_to_others_are_counted(frame: bytes) -> None:
    reader = spot()
    assert reader.frame(frame) == []
    assert sum(reader.ignored.values()) == 1


@pytest.mark.parametrize(
    "body",
    [
        spot_order(orderId=0),
        spot_order(status="FILLED", executedQty="much"),
        spot_order(status="SOMETHING"),
        spot_order(status="PARTIALLY_FILLED", symbol="ETHUSDT"),
        spot_order(fills=7),
        [],
    ],
)
def test_an_answer_to_ours_that_cannot_be_read_is_misread(body: Json) -> None:
    with pytest.raises(Misread):
        spot().frame(socket_answer(ORDER, body))
    with pytest.raises(Misread):
        http(spot(), ORDER, body)
