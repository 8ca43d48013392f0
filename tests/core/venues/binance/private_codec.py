"""A reader of private messages over one instrument, and messages to give it."""

import json
from collections.abc import Iterable
from pathlib import Path

from tests.core.desk_inputs import instrument
from trading_runtime.core.venues.binance.private import PrivateCodec
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.core.venues.told import Told
from trading_runtime.records.instruments import Scales

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Message = dict[str, Json]
ORDER = "tdAB12cd34x700"
EVENT_MS = 1_723_161_256_299
EVENT_NS = EVENT_MS * 1_000_000
SPOT_ID, USDM_ID = "binance-spot:BTCUSDT", "binance-usdm:BTCUSDT"


def codec(
    venue: str, symbol: str = "BTCUSDT", tick: str = "0.01", lot: str = "0.00001"
) -> PrivateCodec:
    known = Symbol(Scales(instrument(venue, symbol, tick, lot)))
    return VENUES[venue].private({symbol: known})


def spot(symbol: str = "BTCUSDT", tick: str = "0.01", lot: str = "0.00001") -> PrivateCodec:
    return codec("binance-spot", symbol, tick, lot)


def usdm(symbol: str = "BTCUSDT", tick: str = "0.10", lot: str = "0.001") -> PrivateCodec:
    return codec("binance-usdm", symbol, tick, lot)


def packed(message: Json) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def execution(**fields: Json) -> bytes:
    """Give a spot execution report with only the relevant fields named."""
    event: Message = {
        "e": "executionReport",
        "E": EVENT_MS + 1,
        "s": "BTCUSDT",
        "c": ORDER,
        "S": "BUY",
        "o": "LIMIT_MAKER",
        "f": "GTC",
        "q": "0.01400000",
        "p": "61800.20000000",
        "C": "",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": 4_293_153,
        "l": "0.00000000",
        "z": "0.00000000",
        "L": "0.00000000",
        "n": "0",
        "N": None,
        "T": EVENT_MS,
        "t": -1,
        "m": False,
        "V": "EXPIRE_TAKER",
        **fields,
    }
    return packed({"subscriptionId": 0, "event": event})


def update(**fields: Json) -> bytes:
    """Give a futures order update with only the relevant fields named."""
    order: Message = {
        "s": "BTCUSDT",
        "c": ORDER,
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTX",
        "q": "0.014",
        "p": "61800.20",
        "ap": "0",
        "x": "NEW",
        "X": "NEW",
        "i": 8_886_774,
        "l": "0",
        "z": "0",
        "L": "0",
        "T": EVENT_MS,
        "t": 0,
        "m": False,
        "R": False,
        "ps": "BOTH",
        **fields,
    }
    return packed({"e": "ORDER_TRADE_UPDATE", "E": EVENT_MS + 1, "T": EVENT_MS, "o": order})


def socket_answer(request: str, result: Json, limits: Iterable[Json] = ()) -> bytes:
    return packed({"id": request, "status": 200, "result": result, "rateLimits": list(limits)})


def socket_error(request: str, status: int, code: int, message: str, **data: Json) -> bytes:
    error: Message = {"code": code, "msg": message}
    if data:
        error["data"] = data
    return packed({"id": request, "status": status, "error": error, "rateLimits": []})


def fixture_value(shared_data: Path, name: str, line: int) -> Json:
    """Give the message of one line of the protocol fixtures."""
    path = shared_data / "protocol" / name
    value: Json = json.loads(path.read_text(encoding="utf-8").splitlines()[line - 1])["value"]
    return value


def http(reader: PrivateCodec, request: str, body: Json, status: int = 200) -> list[Told]:
    return reader.answer(request, status, (), packed(body))
