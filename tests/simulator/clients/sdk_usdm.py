"""The venue's own SDK of USDT-margined futures: its typed models read every answer and event."""

import asyncio
from typing import Any

import scenario
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    DerivativesTradingUsdsFutures,
)
from binance_sdk_derivatives_trading_usds_futures.websocket_streams.models import OrderTradeUpdate


def client_of() -> DerivativesTradingUsdsFutures:
    keys = {"api_key": scenario.READY["api_key"], "api_secret": scenario.READY["api_secret"]}
    return DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(base_path=scenario.address(), **keys),
        config_ws_api=ConfigurationWebSocketAPI(
            stream_url=scenario.address("ws", "/ws-fapi/v1"), **keys
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=scenario.address("ws")),
    )


def note(event: Any, reports: list[list[str]]) -> None:
    update = event.actual_instance
    if isinstance(update, OrderTradeUpdate):
        reports.append([update.o.c, update.o.X, update.o.z])


async def trade(client: DerivativesTradingUsdsFutures, streams: Any) -> list[list[str]]:
    """Place by REST and by WebSocket API, cancel by WebSocket API."""
    reports: list[list[str]] = []
    key = client.rest_api.start_user_data_stream().data().listen_key
    user = await streams.user_data(key)
    user.on("message", lambda event: note(event, reports))
    connection = await client.websocket_api.create_connection()
    order = {"symbol": scenario.SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
    client.rest_api.new_order(
        **order,
        price=float(scenario.PRICE),
        quantity=float(scenario.BOUGHT),
        new_client_order_id=scenario.FIRST,
    )
    for part in scenario.PARTS:
        scenario.others_sell("usdm", part)
    await connection.new_order(
        **order,
        price=float(scenario.LOWER),
        quantity=float(scenario.WITHDRAWN),
        new_client_order_id=scenario.SECOND,
    )
    await connection.cancel_order(scenario.SYMBOL, orig_client_order_id=scenario.SECOND)
    await scenario.until(lambda: len(reports) == 5)
    await connection.close_connection()
    return reports


async def heard(streams: Any) -> dict[str, Any]:
    """Hear of a level on each side, and of the mark price."""
    diffs: list[Any] = []
    marks: list[Any] = []
    name = scenario.SYMBOL.lower()
    stream = await streams.diff_book_depth_streams(symbol=name, update_speed="100ms")
    stream.on("message", diffs.append)
    stream = await streams.mark_price_stream(symbol=name, update_speed="1s")
    stream.on("message", marks.append)
    scenario.move_level("usdm")
    await scenario.until(lambda: diffs and marks)
    return {"moved": [diffs[0].b, diffs[0].a], "mark": marks[0].p}


def view_of(client: DerivativesTradingUsdsFutures) -> dict[str, Any]:
    rest = client.rest_api
    book = rest.order_book(symbol=scenario.SYMBOL, limit=5).data()
    (position,) = rest.position_information_v3(symbol=scenario.SYMBOL).data()
    return {
        "orders": {
            one.client_order_id: [one.status, one.executed_qty]
            for one in rest.all_orders(symbol=scenario.SYMBOL).data()
        },
        "trades": [
            [one.id, one.price, one.qty, one.commission]
            for one in rest.account_trade_list(symbol=scenario.SYMBOL).data()
        ],
        "balances": {
            one.asset: [one.balance]
            for one in rest.futures_account_balance_v3().data()
            if one.asset == "USDT"
        },
        "position": position.position_amt,
        "book": [book.bids[:4], book.asks[:4]],
    }


async def main() -> None:
    scenario.open_market("usdm")
    client = client_of()
    streams = await client.websocket_streams.create_connection()
    reports = await trade(client, streams)
    view = await heard(streams) | {"reports": reports}
    await streams.close_connection()
    scenario.tell({"usdm": view_of(client) | view})


if __name__ == "__main__":
    asyncio.run(main())
