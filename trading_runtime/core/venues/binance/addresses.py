"""Addresses, key headers and connection rules of both markets (documents of mid 2026)."""

from collections.abc import Mapping

from trading_runtime.core.venues.channel import StreamKind
from trading_runtime.core.venues.endpoints import (
    Endpoints,
    Environment,
    Layout,
    MarketSocket,
    Wiring,
)
from trading_runtime.core.venues.request import Signing
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

MINUTE = 60 * NANOS_PER_SECOND
DAY = 24 * 60 * MINUTE

ALL = frozenset(StreamKind)
# Since 2026-04-23 a stream that is asked for on the other path is acknowledged and stays silent.
PUBLIC = frozenset({StreamKind.DEPTH, StreamKind.TICKER})
MARKET = frozenset({StreamKind.TRADE, StreamKind.OTHER})

SIGNING = Signing(
    key_header="X-MBX-APIKEY",
    key_param="apiKey",
    signature_param="signature",
    form_methods=frozenset({"POST", "PUT"}),
    number_params=frozenset({"timestamp", "recvWindow"}),
)

SPOT_LAYOUT = Layout(market=(MarketSocket("", ALL),), orders="/ws-api/v3", user="")
USDM_LAYOUT = Layout(
    market=(MarketSocket("/public", PUBLIC), MarketSocket("/market", MARKET)),
    orders="/ws-fapi/v1",
    user="/private/ws/",
)

SPOT_ENDPOINTS: Mapping[Environment, Endpoints] = {
    Environment.PRODUCTION: Endpoints(
        http="https://api.binance.com",
        wallet="https://api.binance.com",
        market=(MarketSocket("wss://stream.binance.com:9443", ALL),),
        orders="wss://ws-api.binance.com:443/ws-api/v3",
        user="",
    ),
    Environment.TESTNET: Endpoints(
        http="https://testnet.binance.vision",
        wallet="",
        market=(MarketSocket("wss://stream.testnet.binance.vision", ALL),),
        orders="wss://ws-api.testnet.binance.vision/ws-api/v3",
        user="",
    ),
    Environment.DEMO: Endpoints(
        http="https://demo-api.binance.com",
        wallet="",
        market=(MarketSocket("wss://demo-stream.binance.com", ALL),),
        orders="wss://demo-ws-api.binance.com/ws-api/v3",
        user="",
    ),
}

USDM_ENDPOINTS: Mapping[Environment, Endpoints] = {
    Environment.PRODUCTION: Endpoints(
        http="https://fapi.binance.com",
        wallet="https://api.binance.com",
        market=(
            MarketSocket("wss://fstream.binance.com/public", PUBLIC),
            MarketSocket("wss://fstream.binance.com/market", MARKET),
        ),
        orders="wss://ws-fapi.binance.com/ws-fapi/v1",
        user="wss://fstream.binance.com/private/ws/",
    ),
    # The test installation still has the paths of before the split.
    Environment.TESTNET: Endpoints(
        http="https://testnet.binancefuture.com",
        wallet="",
        market=(MarketSocket("wss://fstream.binancefuture.com", ALL),),
        orders="wss://testnet.binancefuture.com/ws-fapi/v1",
        user="wss://fstream.binancefuture.com/ws/",
    ),
    Environment.DEMO: Endpoints(
        http="https://demo-fapi.binance.com",
        wallet="",
        market=(
            MarketSocket("wss://demo-fstream.binance.com/public", PUBLIC),
            MarketSocket("wss://demo-fstream.binance.com/market", MARKET),
        ),
        orders="wss://testnet.binancefuture.com/ws-fapi/v1",
        user="wss://demo-fstream.binance.com/private/ws/",
    ),
}

SPOT_WIRING = Wiring(
    signing=SIGNING,
    account_on_orders=True,
    listen_key_keep_ns=Nanos(0),
    connection_life_ns=Nanos(DAY),
    server_ping_ns=Nanos(20 * NANOS_PER_SECOND),
    messages_per_second=5,
    connects_max=300,
    connects_window_ns=Nanos(5 * MINUTE),
    has_dead_man=False,
)
USDM_WIRING = Wiring(
    signing=SIGNING,
    account_on_orders=False,
    listen_key_keep_ns=Nanos(30 * MINUTE),
    connection_life_ns=Nanos(DAY),
    server_ping_ns=Nanos(3 * MINUTE),
    messages_per_second=10,
    connects_max=300,
    connects_window_ns=Nanos(5 * MINUTE),
    has_dead_man=True,
)
