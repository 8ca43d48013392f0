"""What every client does at the venue, and the one line of JSON in which it says what it saw.

A script is given the line that ``tapedeck simulator`` printed, as its argument. It connects, buys
``BOUGHT`` (filled in two parts by others), cancels a second order, and prints its own view of each
market: orders, trades, balances, position, the events of its user stream and its order book.
"""

import asyncio
import itertools
import json
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

SYMBOL = "BTCUSDT"
PRICE, LOWER = "61800.00", "61750.00"
BOUGHT, PARTS, WITHDRAWN = "0.200", ("0.050", "0.150"), "0.100"
FIRST, SECOND = "proof-first", "proof-second"
WITHIN_S = 20.0

BIDS = [["61700.00", "5"], ["61690.00", "2.5"], ["61000.00", "10"]]
ASKS = [["61900.00", "4"], ["61910.00", "1.25"], ["62500.00", "10"]]

STIRRED = itertools.count(1)
READY: dict[str, Any] = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}


def address(scheme: str = "http", path: str = "") -> str:
    return f"{scheme}://127.0.0.1:{READY['port']}{path}"


def control(path: str, body: object) -> None:
    """Do something to the venue that no client can."""
    url = READY["control"] + path
    request = urllib.request.Request(url, json.dumps(body).encode())  # noqa: S310 -- loopback
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 -- likewise


def open_market(market: str) -> None:
    """Let others stand on both sides, well away from the price that is traded at."""
    control("/external", {"market": market, "symbol": SYMBOL, "bids": BIDS, "asks": ASKS})
    if market == "usdm":
        control("/mark", {"symbol": SYMBOL, "price": PRICE})


def others_sell(market: str, quantity: str) -> None:
    """Let others hit the best bid."""
    trade = {"side": "SELL", "price": PRICE, "quantity": quantity}
    control("/external", {"market": market, "symbol": SYMBOL, "trades": [trade]})


def move_level(market: str) -> None:
    """Change one level on each side."""
    levels = {"bids": [["61695.00", "3"]], "asks": [["61905.00", "3"]]}
    control("/external", {"market": market, "symbol": SYMBOL, **levels})


def stir(market: str) -> None:
    """Change something of no consequence: a level far away, and the balance by a cent."""
    far = [["50000.00", str(next(STIRRED))]]
    control("/external", {"market": market, "symbol": SYMBOL, "bids": far})
    control("/balance", {"market": market, "asset": "USDT", "change": "0.01"})


def flicker(market: str) -> None:
    """Change the best bid, and change it back."""
    price, quantity = BIDS[0]
    for shown in ("6", quantity):
        bids = [[price, shown]]
        control("/external", {"market": market, "symbol": SYMBOL, "bids": bids})


async def until(seen: Callable[[], object]) -> None:
    """Wait until a client has seen what it is to see; raise :exc:`TimeoutError` in the end."""
    async with asyncio.timeout(WITHIN_S):
        while not seen():  # noqa: ASYNC110 -- each client has its own way to tell, or none
            await asyncio.sleep(0.02)


def tell(verdict: dict[str, Any]) -> None:
    """Say what was seen, by market."""
    print(json.dumps(verdict, default=str))  # noqa: T201 -- how a script answers
