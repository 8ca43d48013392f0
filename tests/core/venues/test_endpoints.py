"""Connections are told apart by what they bring, and one base address stands for all of them."""

import pytest

from trading_runtime.core.venues.endpoints import Environment
from trading_runtime.core.venues.registry import VENUES, Venue

SPOT, USDM = VENUES["binance-spot"], VENUES["binance-usdm"]


@pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES.keys())
@pytest.mark.parametrize("environment", Environment)
def test_every_channel_is_brought_by_one_connection(venue: Venue, environment: Environment) -> None:
    endpoints = venue.endpoints[environment]
    channels = venue.channels("BTCUSDT")
    urls = endpoints.market_urls(channels)
    brought = [name for url in urls for name in url.channels]
    assert sorted(brought) == sorted(channel.name for channel in channels)
    assert endpoints.http.startswith("https://")
    assert all(url.url.startswith("wss://") for url in urls)
    assert endpoints.orders.startswith("wss://")
    assert bool(endpoints.user) is not venue.wiring.account_on_orders


def test_the_futures_market_has_its_books_and_its_trades_on_two_connections() -> None:
    urls = USDM.endpoints[Environment.PRODUCTION].market_urls(USDM.channels("BTCUSDT"))
    assert [url.url for url in urls] == [
        "wss://fstream.binance.com/public/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker",
        "wss://fstream.binance.com/market/stream?streams=btcusdt@aggTrade",
    ]


def test_a_simulator_serves_all_below_one_address() -> None:
    usdm = USDM.layout.at("http://127.0.0.1:8080/")
    assert usdm.http == usdm.wallet == "http://127.0.0.1:8080"
    assert usdm.orders == "ws://127.0.0.1:8080/ws-fapi/v1"
    assert usdm.user_url("key") == "ws://127.0.0.1:8080/private/ws/key"
    assert [url.url for url in usdm.market_urls(USDM.channels("BTCUSDT"))] == [
        "ws://127.0.0.1:8080/public/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker",
        "ws://127.0.0.1:8080/market/stream?streams=btcusdt@aggTrade",
    ]
    spot = SPOT.layout.at("https://localhost:8443")
    assert spot.orders == "wss://localhost:8443/ws-api/v3"
    assert spot.user == ""
    assert [url.url for url in spot.market_urls(SPOT.channels("ETHUSDT"))] == [
        "wss://localhost:8443/stream?streams=ethusdt@depth@100ms/ethusdt@bookTicker/ethusdt@trade"
    ]


def test_what_belongs_to_the_whole_account_is_asked_elsewhere() -> None:
    endpoints = USDM.endpoints[Environment.PRODUCTION]
    assert endpoints.http_of("/sapi/v1/account/apiRestrictions") == "https://api.binance.com"
    assert endpoints.http_of("/fapi/v1/time") == "https://fapi.binance.com"
