"""The refusals are the venue's own, as its documents list them."""

import json
from pathlib import Path

import pytest

from trading_runtime.simulator.exchange.refusals import (
    amend_refused,
    bad_symbol,
    missing,
    no_such_order,
    refusal,
    unknown_order,
    unsupported,
)
from trading_runtime.simulator.exchange.words import MarketKind

SPOT_RULES = [
    "closed",
    "duplicate",
    "balance",
    "would_take",
    "no_liquidity",
    "client_id",
    "max_orders",
    "tick",
    "lot",
    "market_high",
    "notional",
    "price_precision",
]
USDM_RULES = [
    "closed",
    "duplicate",
    "balance",
    "would_take",
    "fok",
    "client_id",
    "max_orders",
    "tick",
    "price_low",
    "price_high",
    "lot",
    "quantity_zero",
    "quantity_low",
    "quantity_high",
    "notional",
    "band_high",
    "band_low",
    "band_market",
    "price_precision",
    "reduce_only",
]


def listed(shared_data: Path, name: str) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(
        (shared_data / "protocol" / "error_codes.json").read_text()
    )[name]
    return found


@pytest.mark.parametrize(
    ("kind", "name", "rules"),
    [
        (MarketKind.SPOT, "binance_spot", SPOT_RULES),
        (MarketKind.USDM, "binance_usdm", USDM_RULES),
    ],
)
def test_every_code_is_in_the_venues_list(
    shared_data: Path, kind: MarketKind, name: str, rules: list[str]
) -> None:
    codes = listed(shared_data, name)
    general = [bad_symbol(), missing("x"), no_such_order(), unknown_order(), unsupported()]
    for error in [*(refusal(kind, rule) for rule in rules), *general]:
        assert str(error.code) in codes, error


def test_spot_messages_are_word_for_word(shared_data: Path) -> None:
    documented = {
        row[1]
        for row in json.loads((shared_data / "protocol" / "error_codes.json").read_text())[
            "binance_spot_reject_messages"
        ]
    }
    for rule in SPOT_RULES:
        error = refusal(MarketKind.SPOT, rule)
        if error.code in (-2010, -2011) or error.message.startswith("Filter"):
            known = error.message.replace("_BY_SIDE", "")
            assert any(line.startswith(known.rstrip(".")) for line in documented) or (
                # The document quotes the filter's name in this one.
                "symbol minimum quantity" in known
            )
    assert amend_refused("Unknown order sent.").message in documented
