"""The venue's own spot SDK: its typed models read every answer and event."""

import asyncio
from typing import Any

import scenario
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.models import ExecutionReport

MODELLED = ("BTC", "USDT")


def client_of() -> Spot:
    keys = {"api_key": scenario.READY["api_key"], "api_secret": scenario.READY["api_secret"]}
    return Spot(
        config_rest_api=ConfigurationRestAPI(base_path=scenario.address(), **keys),
        config_ws_api=ConfigurationWebSocketAPI(
            stream_url=scenario.address("ws", "/ws-api/v3"), **keys
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=scenario.address("ws")),
    )


def note(event: Any, reports: list[list[str]]) -> None:
    report = event.actual_instance
    if isinstance(report, ExecutionReport):
        name = report.C if report.x == "CANCELED" else report.c
        reports.append([name, report.X, report.z])


async def trade(client: Spot, reports: list[list[str]]) -> None:
    """Place by REST and by WebSocket API, cancel by WebSocket API."""
    connection = await client.websocket_api.create_connection()
    subscribed = await connection.user_data_stream_subscribe_signature()
    subscribed.stream.on("message", lambda event: note(event, reports))
    order = {"symbol": scenario.SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
    client.rest_api.new_order(
        **order,
        price=float(scenario.PRICE),
        quantity=float(scenario.BOUGHT),
        new_client_order_id=scenario.FIRST,
    )
    for part in scenario.PARTS:
        scenario.others_sell("spot", part)
    await connection.order_place(
        **order,
        price=float(scenario.LOWER),
        quantity=float(scenario.WITHDRAWN),
        new_client_order_id=scenario.SECOND,
    )
    await connection.order_cancel(scenario.SYMBOL, orig_client_order_id=scenario.SECOND)
    await scenario.until(lambda: len(reports) == 5)
    await connection.close_connection()


async def moved_levels(client: Spot) -> list[list[Any]]:
    """Hear of a level on each side by the diff stream."""
    diffs: list[Any] = []
    streams = await client.websocket_streams.create_connection()
    stream = await streams.diff_book_depth(symbol=scenario.SYMBOL.lower(), update_speed="100ms")
    stream.on("message", diffs.append)
    scenario.move_level("spot")
    await scenario.until(lambda: diffs)
    await streams.close_connection()
    return [diffs[0].b, diffs[0].a]


def view_of(client: Spot) -> dict[str, Any]:
    rest = client.rest_api
    book = rest.depth(symbol=scenario.SYMBOL, limit=4).data()
    balances = rest.get_account().data().balances
    return {
        "orders": {
            one.client_order_id: [one.status, one.executed_qty]
            for one in rest.all_orders(symbol=scenario.SYMBOL).data()
        },
        "trades": [
            [one.id, one.price, one.qty, one.commission]
            for one in rest.my_trades(symbol=scenario.SYMBOL).data()
        ],
        "balances": {
            one.asset: [one.free, one.locked] for one in balances if one.asset in MODELLED
        },
        "book": [book.bids, book.asks],
    }


async def main() -> None:
    scenario.open_market("spot")
    client = client_of()
    filters = client.rest_api.exchange_info(symbol=scenario.SYMBOL).data().symbols[0].filters
    reports: list[list[str]] = []
    await trade(client, reports)
    moved = await moved_levels(client)
    view = {"reports": reports, "moved": moved, "filters": len(filters)}
    scenario.tell({"spot": view_of(client) | view})


if __name__ == "__main__":
    asyncio.run(main())
