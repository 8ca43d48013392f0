"""Which orders stand, read without stumbling over anybody's."""

import json
from pathlib import Path

import pytest

from trading_runtime.core.venues.binance.standing import standing_ids
from trading_runtime.errors import Misread


def line(symbol: str, client_id: str, price: str = "1.0") -> dict[str, object]:
    return {"symbol": symbol, "orderId": 1, "clientOrderId": client_id, "price": price}


def test_ids_of_one_symbol_come_in_their_order_whatever_their_grid_is() -> None:
    body = json.dumps(
        [line("BTCUSDT", "td1"), line("ETHUSDT", "td2"), line("BTCUSDT", "web_3", "0.0000000001")]
    ).encode()
    assert standing_ids(body, "BTCUSDT") == ("td1", "web_3")


def test_no_order_is_an_answer_too() -> None:
    assert standing_ids(b"[]", "BTCUSDT") == ()


@pytest.mark.parametrize("body", [b"", b"{}", b"[{}]", b'[{"symbol":"X"}]', b'"x"', b"\xff", b"[["])
def test_what_is_no_list_of_orders_is_misread(body: bytes) -> None:
    with pytest.raises(Misread, match="malformed"):
        standing_ids(body, "BTCUSDT")


@pytest.mark.parametrize("file", ["binance_spot_docs.jsonl", "binance_usdm_docs.jsonl"])
def test_the_venues_own_examples_are_read(shared_data: Path, file: str) -> None:
    lists = []
    for text in (shared_data / "protocol" / file).read_text().splitlines():
        payload = json.loads(text).get("value")
        if isinstance(payload, list) and payload and "clientOrderId" in payload[0]:
            lists.append(payload)
    assert lists
    for orders in lists:
        listed = [each for each in orders if "clientOrderId" in each]
        symbol = listed[0]["symbol"]
        ids = standing_ids(json.dumps(listed).encode(), symbol)
        assert ids[0] == listed[0]["clientOrderId"]
