"""The table of errors against the venue's own list: none that is dangerous is called a refusal."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from trading_runtime.core.venues.binance.faults import SPOT, USDM, Fate, fate


def codes(shared_data: Path, market: str) -> dict[int, str]:
    """Give each code's first text."""
    listed = json.loads((shared_data / "protocol" / "error_codes.json").read_text(encoding="utf-8"))
    return {int(code): " ".join(each["msgs"]) for code, each in listed[market].items()}


@pytest.mark.parametrize(("market", "table"), [("binance_spot", SPOT), ("binance_usdm", USDM)])
def test_every_code_whose_text_says_that_the_status_is_unknown_is_unknown(
    shared_data: Path, market: str, table: Mapping[int, Fate]
) -> None:
    unknown = {
        code
        for code, text in codes(shared_data, market).items()
        if "status unknown" in text.lower() or "unknown error" in text.lower()
    }
    assert -1007 in unknown
    assert all(fate(table, 400, code, "") is Fate.UNKNOWN for code in unknown | {-1006})


@pytest.mark.parametrize(("market", "table"), [("binance_spot", SPOT), ("binance_usdm", USDM)])
def test_every_code_of_the_table_is_one_of_the_venues(
    shared_data: Path, market: str, table: Mapping[int, Fate]
) -> None:
    assert set(table) <= set(codes(shared_data, market)) | {-1034, -4131, -5041, -5043}


@pytest.mark.parametrize(("market", "table"), [("binance_spot", SPOT), ("binance_usdm", USDM)])
def test_without_a_known_meaning_an_error_is_a_refusal_and_a_5xx_is_unknown(
    shared_data: Path, market: str, table: Mapping[int, Fate]
) -> None:
    for code, text in codes(shared_data, market).items():
        if code in table:
            continue
        if "precision" in text or "signature" in text:
            assert fate(table, 400, code, text) is Fate.REFUSED
        assert fate(table, 503, code, text) is Fate.UNKNOWN


def test_spot_reject_messages_by_what_they_say(shared_data: Path) -> None:
    listed = json.loads((shared_data / "protocol" / "error_codes.json").read_text(encoding="utf-8"))
    meanings = {
        text: fate(SPOT, 400, -1013 if kind == "filter" else -2010, text)
        for kind, text, _ in listed["binance_spot_reject_messages"]
    }
    special = {text: meaning for text, meaning in meanings.items() if meaning is not Fate.REFUSED}
    assert special == {
        "Unknown order sent.": Fate.ABSENT,
        "Duplicate order sent.": Fate.DUPLICATE,
        "Order would immediately match and take.": Fate.RETRY,
        "Filter failure: PERCENT_PRICE": Fate.RETRY,
        "Filter failure: MAX_NUM_ORDERS": Fate.RETRY,
        "Filter failure: EXCHANGE_MAX_NUM_ORDERS": Fate.RETRY,
    }


def test_the_status_says_who_turned_a_request_away() -> None:
    for table in (SPOT, USDM):
        assert fate(table, 418, -1003, "") is Fate.BANNED
        assert fate(table, 403, 0, "") is Fate.FIREWALL
        assert fate(table, 429, 0, "") is Fate.TOO_MANY
        assert fate(table, 400, -1003, "") is Fate.TOO_MANY
        assert fate(table, 400, -1015, "") is Fate.TOO_MANY
    assert fate(SPOT, 400, -2026, "") is Fate.ARCHIVED
    assert fate(USDM, 400, -2026, "") is Fate.REFUSED
