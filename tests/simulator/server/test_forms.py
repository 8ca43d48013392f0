"""Every answer and event has the fields, and the JSON types, of its documented example."""

from pathlib import Path
from typing import Any

import pytest

from tests.simulator.server.documented import differences, example
from tests.simulator.server.gathered import gather

ALWAYS = frozenset({"id"})
SPOT = [
    ("/api/v3 ping", 3, ()),
    ("/api/v3 time", 5, ()),
    ("/api/v3 exchangeInfo", 7, ("sors", "interval", "intervalNum", "limit", "rateLimitType")),
    ("/api/v3 depth?symbol=BTCUSDT", 11, ()),
    ("/api/v3 tickers", 39, ()),
    ("/api/v3 prices", 36, ()),
    ("public trades", 13, ()),
    ("ack", 53, ()),
    ("result", 54, ()),
    ("full", 55, ()),
    ("canceled", 59, ()),
    ("all canceled", 63, ()),
    ("replaced", 65, ()),
    ("not replaced", 66, ()),
    ("half replaced", 67, ()),
    ("amended", 73, ()),
    ("account", 94, ()),
    ("query", 96, ()),
    ("open", 98, ()),
    ("all", 98, ()),
    ("trades", 107, ()),
    ("order limits", 109, ()),
    ("commission", 115, ()),
    ("ws time", 149, ()),
    ("ws refused", 145, ("rateLimits",)),
    ("ws place", 207, ("selfTradePreventionMode",)),
    ("ws cancel", 212, ("stopPrice", "trailingDelta", "icebergQty", "strategyId", "strategyType")),
    (
        "ws status",
        251,
        (
            "trailingDelta",
            "trailingTime",
            "strategyId",
            "strategyType",
            "preventedMatchId",
            "preventedQuantity",
        ),
    ),
    ("ws open", 253, ()),
    ("ws account", 249, ()),
    ("ws poor", 122, ()),
    ("ws subscribe", 283, ("rateLimits",)),
    ("ws unsubscribe", 279, ("rateLimits",)),
    ("execution report", 286, ("v",)),
    ("position update", 284, ()),
    ("balance update", 285, ()),
    ("terminated", 288, ()),
    ("spot trade", 304, ()),
    ("spot aggregate", 303, ()),
    ("spot touch", 311, ()),
    ("spot partial", 313, ()),
    ("spot diff", 314, ()),
]
CONDITIONAL = ("activatePrice", "priceRate")
TRAILING = ("AP", "cr", "N", "n")
USDM = [
    ("/fapi/v1 ping", 69, ()),
    ("/fapi/v1 time", 75, ()),
    (
        "/fapi/v1 exchangeInfo",
        80,
        ("futuresType", "OrderType", "orderTypes", "maxMoveOrderLimit", "permissionSets"),
    ),
    ("/fapi/v1 depth?symbol=BTCUSDT", 98, ()),
    ("/fapi/v1 tickers", 102, ()),
    ("/fapi/v1 prices", 104, ()),
    ("premium", 90, ()),
    ("usdm public trades", 100, ()),
    ("usdm placed", 119, ()),
    ("usdm result", 119, ()),
    ("usdm canceled", 128, (*CONDITIONAL, "avgPrice")),
    ("usdm query", 151, CONDITIONAL),
    ("usdm open order", 150, CONDITIONAL),
    ("usdm open", 134, CONDITIONAL),
    ("usdm all", 121, CONDITIONAL),
    ("usdm modified", 139, ("cumQuote",)),
    ("usdm batch", 142, ("closePosition",)),
    ("usdm cancel batch", 126, (*CONDITIONAL, "avgPrice")),
    ("usdm all canceled", 125, ()),
    ("usdm trades", 120, ()),
    ("usdm countdown", 122, ()),
    ("usdm leverage", 129, ()),
    ("usdm rate", 28, ()),
    ("usdm income", 22, ()),
    ("usdm brackets", 23, ()),
    ("usdm bracket", 24, ()),
    ("usdm dual", 12, ()),
    ("usdm config", 1, ()),
    ("usdm symbol config", 26, ()),
    ("usdm limits", 25, ()),
    ("usdm account v2", 2, ("canTrade",)),
    ("usdm account v3", 4, ()),
    ("usdm balance v2", 6, ()),
    ("usdm balance v3", 7, ()),
    ("usdm risk v2", 145, ()),
    ("usdm risk v3", 146, ()),
    ("usdm listen key", 191, ()),
    ("usdm kept", 188, ()),
    ("ws usdm placed", 155, ()),
    ("ws usdm canceled", 159, (*CONDITIONAL, "avgPrice")),
    ("ws usdm modified", 161, ("pair", "cumBase")),
    (
        "ws usdm status",
        171,
        (*CONDITIONAL, "priceMatch", "selfTradePreventionMode", "goodTillDate", "rateLimits"),
    ),
    ("ws usdm refused", 41, ()),
    ("ws usdm position", 169, ()),
    ("ws usdm position v2", 165, ("unRealizedProfit", "unrealizedProfit")),
    ("ws usdm depth", 112, ()),
    ("ws usdm ticker", 114, ("lastUpdateId",)),
    ("ws usdm price", 117, ()),
    ("ws usdm key", 190, ()),
    ("ws usdm status of session", 46, ("rateLimits",)),
    ("usdm diff", 211, ()),
    ("usdm partial", 226, ()),
    ("usdm touch", 212, ()),
    ("usdm aggregate", 202, ()),
    ("usdm mark", 224, ()),
    ("ORDER_TRADE_UPDATE", 182, TRAILING),
    ("FILLED", 182, ("AP", "cr")),
    ("TRADE_LITE", 184, ()),
    ("ACCOUNT_UPDATE", 178, ()),
    ("ACCOUNT_CONFIG_UPDATE", 175, ()),
    ("MARGIN_CALL", 181, ()),
    ("listenKeyExpired", 185, ()),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return gather(tmp_path_factory.mktemp("venue"))


@pytest.mark.parametrize(("name", "line", "spare"), SPOT, ids=[row[0] for row in SPOT])
def test_spot_says_what_is_documented(
    said: dict[str, Any], shared_data: Path, name: str, line: int, spare: tuple[str, ...]
) -> None:
    documented = example(shared_data, "spot", line)
    assert differences(said[name], documented, ALWAYS | set(spare)) == []


@pytest.mark.parametrize(("name", "line", "spare"), USDM, ids=[row[0] for row in USDM])
def test_usdm_says_what_is_documented(
    said: dict[str, Any], shared_data: Path, name: str, line: int, spare: tuple[str, ...]
) -> None:
    documented = example(shared_data, "usdm", line)
    assert differences(said[name], documented, ALWAYS | set(spare)) == []
