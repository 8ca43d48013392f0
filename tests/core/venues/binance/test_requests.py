"""Order requests byte for byte, and always the parameters that the venue names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.desk_inputs import instrument
from trading_runtime.core.venues.binance.requests import OrderRequests
from trading_runtime.records.commands import (
    AmendOrder,
    CancelOrder,
    Execution,
    PlaceOrder,
    QueryOrder,
)
from trading_runtime.records.instruments import Scales
from trading_runtime.records.units import ClientId, Lots, Nanos, Revision, Side, Ticks

SPOT, USDM = OrderRequests(futures=False), OrderRequests(futures=True)
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


def test_a_futures_quote_byte_for_byte() -> None:
    assert USDM.place(place(), SCALES, AT) == (
        b'{"id":"p-tdAB1x7","method":"order.place","params":{"newClientOrderId":"tdAB1x7",'
        b'"newOrderRespType":"ACK","price":"61800.2","quantity":"0.014",'
        b'"selfTradePreventionMode":"EXPIRE_TAKER","side":"BUY","symbol":"BTCUSDT",'
        b'"timeInForce":"GTX","timestamp":1723161256299,"type":"LIMIT"}}'
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
    requests: OrderRequests, execution: Execution, kind: str, in_force: str | None
) -> None:
    params = json.loads(requests.place(place(execution, Side.SELL), SCALES, AT))["params"]
    assert (params["type"], params.get("timeInForce"), params["side"]) == (kind, in_force, "SELL")


def test_reduce_only_is_said_on_the_futures_market_alone() -> None:
    closing = place(Execution.IMMEDIATE, reduce_only=True)
    assert json.loads(USDM.place(closing, SCALES, AT))["params"]["reduceOnly"] == "true"
    assert "reduceOnly" not in json.loads(SPOT.place(closing, SCALES, AT))["params"]


def test_cancel_and_query_name_the_order_by_our_id() -> None:
    cancel = CancelOrder(order=ORDER, revision=Revision(1), reason="")
    query = QueryOrder(request="r", order=ORDER, revision=Revision(1))
    params = {"origClientOrderId": ORDER, "symbol": "BTCUSDT", "timestamp": 1_723_161_256_299}
    for requests in (SPOT, USDM):
        assert json.loads(requests.cancel(cancel, SCALES, AT)) == {
            "id": "c-tdAB1x7",
            "method": "order.cancel",
            "params": params,
        }
        assert json.loads(requests.query(query, SCALES, AT)) == {
            "id": "q-tdAB1x7",
            "method": "order.status",
            "params": params,
        }


def test_an_amended_spot_order_keeps_its_id() -> None:
    told = json.loads(SPOT.amend(amend(), place(), SCALES, AT))
    assert told["method"] == "order.amend.keepPriority"
    assert told["params"]["newClientOrderId"] == told["params"]["origClientOrderId"] == ORDER
    assert told["params"]["newQty"] == "0.007"


def test_an_amended_futures_order_is_told_whole() -> None:
    told = json.loads(USDM.amend(amend(), place(), SCALES, AT))
    assert told["method"] == "order.modify"
    assert told["params"] == {
        "origClientOrderId": ORDER,
        "price": "61800.2",
        "quantity": "0.007",
        "side": "BUY",
        "symbol": "BTCUSDT",
        "timestamp": 1_723_161_256_299,
    }


@given(
    st.sampled_from([SPOT, USDM]),
    st.sampled_from(Execution),
    st.sampled_from(Side),
    st.integers(1, 2**40),
    st.integers(1, 2**50),
    st.booleans(),
)
def test_parameters_stand_in_order_and_say_price_and_size_exactly(
    requests: OrderRequests,
    execution: Execution,
    side: Side,
    price: int,
    size: int,
    reduce_only: bool,  # noqa: FBT001 -- drawn
) -> None:
    order = place(execution, side, price, size, reduce_only=reduce_only)
    params = json.loads(requests.place(order, SCALES, AT))["params"]
    assert list(params) == sorted(params)
    assert SCALES.tick.count(params["price"]) == price
    assert SCALES.lot.count(params["quantity"]) == size
