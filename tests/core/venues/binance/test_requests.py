"""Requests parameter for parameter, and always those that the venue names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.desk_inputs import instrument
from trading_runtime.core.venues.binance.requests import VenueCommand, VenueRequests
from trading_runtime.core.venues.request import Request, Route, Security
from trading_runtime.errors import Refused
from trading_runtime.records.commands import (
    AmendOrder,
    ArmDeadMan,
    AskVenue,
    CancelOrder,
    Execution,
    PlaceOrder,
    QueryOrder,
    QueryTrades,
    QueryVenueOrder,
    Question,
    RequestSnapshot,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import ClientId, Lots, Nanos, Revision, Side, Ticks

SPOT, USDM = VenueRequests(futures=False), VenueRequests(futures=True)
SCALES = Scales(instrument("binance-usdm", "BTCUSDT", "0.10", "0.001"))
AT = Nanos(1_723_161_256_299_999_999)
ORDER = ClientId("tdAB1x7")


def place(
    execution: Execution = Execution.POST_ONLY,
    side: Side = Side.BUY,
    price: int = 618_002,
    size: int = 14,
    *,
    reduce_only: bool = False,
) -> PlaceOrder:
    return PlaceOrder(
        order=ORDER,
        revision=Revision(1),
        side=side,
        price=Ticks(price),
        size=Lots(size),
        execution=execution,
        reduce_only=reduce_only,
        reason="",
    )


def amend() -> AmendOrder:
    return AmendOrder(order=ORDER, revision=Revision(1), size=Lots(7), reason="")


def asked(question: Question, revision: int = 1) -> AskVenue:
    return AskVenue(request="asked-1-1", venue="v", question=question, revision=Revision(revision))


def test_a_futures_quote_in_full() -> None:
    request = USDM.place(place(), SCALES, AT)
    assert request == Request(
        name=ORDER,
        route=Route.SOCKET,
        method="order.place",
        path="",
        params=(
            ("newClientOrderId", "tdAB1x7"),
            ("newOrderRespType", "RESULT"),
            ("price", "61800.2"),
            ("quantity", "0.014"),
            ("recvWindow", "5000"),
            ("selfTradePreventionMode", "EXPIRE_TAKER"),
            ("side", "BUY"),
            ("symbol", "BTCUSDT"),
            ("timeInForce", "GTX"),
            ("timestamp", "1723161256299"),
            ("type", "LIMIT"),
        ),
        security=Security.SIGNED,
        weight=0,
    )


@pytest.mark.parametrize(
    ("requests", "execution", "kind", "in_force"),
    [
        (SPOT, Execution.POST_ONLY, "LIMIT_MAKER", None),
        (SPOT, Execution.IMMEDIATE, "LIMIT", "IOC"),
        (USDM, Execution.POST_ONLY, "LIMIT", "GTX"),
        (USDM, Execution.IMMEDIATE, "LIMIT", "IOC"),
    ],
)
def test_how_an_order_may_trade(
    requests: VenueRequests, execution: Execution, kind: str, in_force: str | None
) -> None:
    params = dict(requests.place(place(execution, Side.SELL), SCALES, AT).params)
    assert (params["type"], params.get("timeInForce"), params["side"]) == (kind, in_force, "SELL")


def test_reduce_only_is_said_on_the_futures_market_alone() -> None:
    closing = place(Execution.IMMEDIATE, reduce_only=True)
    assert dict(USDM.place(closing, SCALES, AT).params)["reduceOnly"] == "true"
    assert "reduceOnly" not in dict(SPOT.place(closing, SCALES, AT).params)


def test_cancel_and_query_name_the_order_by_our_id() -> None:
    cancel = CancelOrder(order=ORDER, revision=Revision(1), reason="")
    query = QueryOrder(request=f"{ORDER}-query1", order=ORDER, revision=Revision(1))
    params = (
        ("origClientOrderId", ORDER),
        ("recvWindow", "5000"),
        ("symbol", "BTCUSDT"),
        ("timestamp", "1723161256299"),
    )
    for requests in (SPOT, USDM):
        cancelled, asked_for = (
            requests.cancel(cancel, SCALES, AT),
            requests.query(query, SCALES, AT),
        )
        assert (cancelled.name, cancelled.method) == (f"{ORDER}-cancel", "order.cancel")
        assert (asked_for.name, asked_for.method) == (f"{ORDER}-query1", "order.status")
        assert cancelled.params == asked_for.params == params


def test_an_amended_spot_order_keeps_its_id() -> None:
    told = SPOT.amend(amend(), place(), SCALES, AT)
    params = dict(told.params)
    assert (told.name, told.method) == (f"{ORDER}-amend", "order.amend.keepPriority")
    assert params["newClientOrderId"] == params["origClientOrderId"] == ORDER
    assert params["newQty"] == "0.007"


def test_an_amended_futures_order_is_told_whole() -> None:
    told = USDM.amend(amend(), place(), SCALES, AT)
    assert told.method == "order.modify"
    assert told.params == (
        ("origClientOrderId", ORDER),
        ("price", "61800.2"),
        ("quantity", "0.007"),
        ("recvWindow", "5000"),
        ("side", "BUY"),
        ("symbol", "BTCUSDT"),
        ("timestamp", "1723161256299"),
    )


@pytest.mark.parametrize(
    ("requests", "path", "amended"),
    [
        (SPOT, "/api/v3/order", "/api/v3/order/amend/keepPriority"),
        (USDM, "/fapi/v1/order", "/fapi/v1/order"),
    ],
)
def test_orders_say_over_http_what_they_say_over_the_socket(
    requests: VenueRequests, path: str, amended: str
) -> None:
    cancel = CancelOrder(order=ORDER, revision=Revision(1), reason="")
    query = QueryOrder(request="q", order=ORDER, revision=Revision(1))
    commands = (
        (place(), "POST", path),
        (cancel, "DELETE", path),
        (query, "GET", path),
        (amend(), "PUT", amended),
    )
    for command, verb, where in commands:
        socket = requests.make(command, SCALES, AT, place())
        http = requests.make(command, SCALES, AT, place(), Route.HTTP)
        assert (http.route, http.method, http.path) == (Route.HTTP, verb, where)
        assert http[4:] == socket[4:]
        assert http.name == socket.name


@pytest.mark.parametrize(
    ("requests", "question", "path", "security", "params"),
    [
        (SPOT, Question.CLOCK, "/api/v3/time", Security.NONE, []),
        (SPOT, Question.ACCOUNT, "/api/v3/account", Security.SIGNED, ["omitZeroBalances"]),
        (SPOT, Question.OPEN_ORDERS, "/api/v3/openOrders", Security.SIGNED, ["symbol"]),
        (SPOT, Question.PERMISSIONS, "/sapi/v1/account/apiRestrictions", Security.SIGNED, []),
        (SPOT, Question.TERMS, "/api/v3/ping", Security.NONE, []),
        (SPOT, Question.FEES, "/api/v3/account/commission", Security.SIGNED, ["symbol"]),
        (SPOT, Question.INSTRUMENT, "/api/v3/exchangeInfo", Security.NONE, ["symbol"]),
        (SPOT, Question.REFERENCE, "/api/v3/ticker/price", Security.NONE, ["symbol"]),
        (USDM, Question.CLOCK, "/fapi/v1/time", Security.NONE, []),
        (USDM, Question.ACCOUNT, "/fapi/v3/account", Security.SIGNED, []),
        (USDM, Question.OPEN_ORDERS, "/fapi/v1/openOrders", Security.SIGNED, ["symbol"]),
        (USDM, Question.PERMISSIONS, "/sapi/v1/account/apiRestrictions", Security.SIGNED, []),
        (USDM, Question.TERMS, "/fapi/v2/positionRisk", Security.SIGNED, ["symbol"]),
        (USDM, Question.FEES, "/fapi/v1/commissionRate", Security.SIGNED, ["symbol"]),
        (USDM, Question.INSTRUMENT, "/fapi/v1/exchangeInfo", Security.NONE, []),
        (USDM, Question.REFERENCE, "/fapi/v1/premiumIndex", Security.NONE, ["symbol"]),
    ],
)
def test_where_each_question_is_asked(
    requests: VenueRequests, question: Question, path: str, security: Security, params: list[str]
) -> None:
    request = requests.make(asked(question), SCALES, AT)
    assert (request.route, request.method, request.path) == (Route.HTTP, "GET", path)
    assert request.security is security
    if security is Security.SIGNED:
        params = [*params, "recvWindow", "timestamp"]
    assert [name for name, _ in request.params] == params


def test_trades_are_asked_for_after_the_last_one_or_from_a_moment_on() -> None:
    after = QueryTrades(request="trades-1-1", revision=Revision(1), after_trade="28457", since=AT)
    since = QueryTrades(request="trades-1-2", revision=Revision(1), after_trade="", since=AT)
    for requests, path in ((SPOT, "/api/v3/myTrades"), (USDM, "/fapi/v1/userTrades")):
        request = requests.make(after, SCALES, AT)
        assert (request.path, request.params[0]) == (path, ("fromId", "28458"))
        assert requests.make(since, SCALES, AT).params[0] == ("startTime", "1723161256299")
    with pytest.raises(Refused, match="no trade id"):
        SPOT.make(
            QueryTrades(request="r", revision=Revision(1), after_trade="P1", since=AT), SCALES, AT
        )


def test_books_and_orders_by_the_venues_id() -> None:
    book = RequestSnapshot(request="depth-1-1", revision=Revision(1))
    found = QueryVenueOrder(request="order-1-1", revision=Revision(1), venue_order="8886774")
    assert SPOT.make(book, SCALES, AT).params[0] == ("limit", "5000")
    assert USDM.make(book, SCALES, AT).params[0] == ("limit", "1000")
    assert USDM.make(found, SCALES, AT).params[0] == ("orderId", "8886774")


def test_the_dead_mans_switch_is_the_futures_markets_alone() -> None:
    armed = ArmDeadMan(request="deadman-1-1", revision=Revision(1), countdown_ns=Nanos(120 * 10**9))
    request = USDM.make(armed, SCALES, AT)
    assert (request.method, request.path) == ("POST", "/fapi/v1/countdownCancelAll")
    assert request.params[0] == ("countdownTime", "120000")
    with pytest.raises(Refused, match="no dead man's switch"):
        SPOT.make(armed, SCALES, AT)


def test_the_account_is_listened_to_by_subscription_or_by_key() -> None:
    request = SPOT.subscribe("subscribe-1", AT)
    assert (request.route, request.method) == (Route.SOCKET, "userDataStream.subscribe.signature")
    assert request.params == (("recvWindow", "5000"), ("timestamp", "1723161256299"))
    assert USDM.listen_key("key-1", keep=False).method == "POST"
    assert USDM.listen_key("key-2", keep=True) == Request(
        "key-2", Route.HTTP, "PUT", "/fapi/v1/listenKey", (), Security.KEY, 1
    )
    with pytest.raises(Refused):
        USDM.subscribe("subscribe-1", AT)
    with pytest.raises(Refused):
        SPOT.listen_key("key-1", keep=False)


def test_a_silent_channel_is_dropped_and_asked_for_anew() -> None:
    assert USDM.resubscribe("btcusdt@depth@0ms", 7) == (
        b'{"method":"UNSUBSCRIBE","params":["btcusdt@depth@0ms"],"id":7}',
        b'{"method":"SUBSCRIBE","params":["btcusdt@depth@0ms"],"id":8}',
    )


@pytest.mark.parametrize("command", [place(), amend(), asked(Question.FEES)])
def test_nothing_is_asked_without_what_it_takes(command: VenueCommand) -> None:
    with pytest.raises(Refused):
        USDM.make(command, None, AT)
    if isinstance(command, AmendOrder):
        with pytest.raises(Refused, match="how tdAB1x7 was placed"):
            USDM.make(command, SCALES, AT)


@given(
    st.sampled_from([SPOT, USDM]),
    st.sampled_from(Execution),
    st.sampled_from(Side),
    st.integers(1, 2**40),
    st.integers(1, 2**50),
    st.booleans(),
)
def test_parameters_stand_in_order_and_say_price_and_size_exactly(
    requests: VenueRequests,
    execution: Execution,
    side: Side,
    price: int,
    size: int,
    reduce_only: bool,  # noqa: FBT001 -- drawn
) -> None:
    order = place(execution, side, price, size, reduce_only=reduce_only)
    params = dict(requests.place(order, SCALES, AT).params)
    assert list(params) == sorted(params)
    assert SCALES.tick.count(params["price"]) == price
    assert SCALES.lot.count(params["quantity"]) == size
