"""Answers about the account, its terms and its instruments, from the documents' examples."""

from pathlib import Path

import pytest

from tests.core.desk_inputs import instrument
from tests.core.venues.binance.private_codec import (
    SPOT_ID,
    USDM_ID,
    Json,
    Message,
    codec,
    fixture_value,
    http,
    packed,
    spot,
    usdm,
)
from trading_runtime.account.reports import (
    AccountTold,
    Balance,
    FeesTold,
    InstrumentTold,
    PermissionsTold,
    Position,
    ReferenceTold,
    TermsTold,
    Trading,
)
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Misread
from trading_runtime.oms.reports import (
    OpenOrders,
    OwnTrade,
    OwnTrades,
    Standing,
    Stands,
    Unanswered,
)
from trading_runtime.records.units import ClientId, Lots, Micro, Money, Nanos, Side, Ticks

MS = 1_000_000


def test_the_spot_account_is_told_whole(shared_data: Path) -> None:
    body = fixture_value(shared_data, "binance_spot_docs.jsonl", 94)
    assert http(spot(), "account-0-1", body) == [
        AccountTold(
            request="account-0-1",
            venue="binance-spot",
            whole=True,
            balances=(
                Balance("BTC", Money(472_384_689_208_129), Money(0)),
                Balance("LTC", Money(476_336_868_006_011), Money(0)),
            ),
            positions=(),
            maintenance_margin=Money(0),
            margin_balance=Money(0),
            reason="",
            venue_time=Nanos(123_456_789 * MS),
        )
    ]


def test_the_futures_account_is_told_with_its_margin() -> None:
    body: Json = {
        "totalMaintMargin": "1.5",
        "totalMarginBalance": "103.12345678",
        "assets": [{"asset": "USDT", "walletBalance": "23.72469206", "updateTime": 1}],
        "positions": [
            {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-1.000"},
            {"symbol": "ETHUSDT", "positionSide": "BOTH", "positionAmt": "2"},
        ],
    }
    (told,) = http(usdm(), "account-1-1", body)
    assert isinstance(told, AccountTold)
    assert told.whole
    assert told.balances == (Balance("USDT", Money(2_372_469_206), Money(0)),)
    assert told.positions == (Position(USDM_ID, Lots(-1_000)),)
    assert (told.maintenance_margin, told.margin_balance) == (150_000_000, 10_312_345_678)


def test_what_a_key_may_do_is_told(shared_data: Path) -> None:
    body = fixture_value(shared_data, "binance_jkorf.jsonl", 149)
    for reader, venue in ((spot(), "binance-spot"), (usdm(), "binance-usdm")):
        assert http(reader, "permissions-0-1", body) == [
            PermissionsTold(venue, may_trade=False, may_withdraw=False)
        ]
    assert isinstance(body, dict)
    body |= {"enableFutures": True, "enableWithdrawals": True}
    assert http(usdm(), "permissions-0-1", body) == [
        PermissionsTold("binance-usdm", may_trade=True, may_withdraw=True)
    ]


def test_terms_are_position_mode_and_leverage(shared_data: Path) -> None:
    hedged = fixture_value(shared_data, "binance_usdm_docs.jsonl", 145)
    assert http(usdm(), "terms-1-1", hedged) == [TermsTold(USDM_ID, one_way=False, leverage=4)]
    one: Json = [{"symbol": "BTCUSDT", "leverage": "10", "positionSide": "BOTH"}]
    assert http(usdm(), "terms-1-1", one) == [TermsTold(USDM_ID, one_way=True, leverage=10)]
    assert http(spot(), "terms-1-1", {}) == [TermsTold(SPOT_ID, one_way=True, leverage=1)]
    with pytest.raises(Misread):
        http(usdm(), "terms-1-1", [])


def test_fees_are_all_that_may_be_charged(shared_data: Path) -> None:
    body = fixture_value(shared_data, "binance_spot_docs.jsonl", 115)
    # (0.0000001 + 0.01 + 0.00000112) + (0.0000004 + 0.04 + 0.00000118), rounded up
    assert http(spot(), "fees-1-1", body) == [FeesTold(SPOT_ID, Micro(50_003), Micro(60_003))]
    body = fixture_value(shared_data, "binance_usdm_docs.jsonl", 28)
    assert http(usdm(), "fees-1-1", body) == [FeesTold(USDM_ID, Micro(200), Micro(400))]


def test_reference_prices_are_whole_ticks_below(shared_data: Path) -> None:
    body = fixture_value(shared_data, "binance_usdm_docs.jsonl", 90)
    time = Nanos(1_597_370_495_002 * MS)
    assert http(usdm(), "reference-1-1", body) == [
        ReferenceTold(USDM_ID, Ticks(117_936), Ticks(117_818), Micro(382), time)
    ]
    body = {"symbol": "BTCUSDT", "price": "61800.20000000"}
    assert http(spot(), "reference-1-1", body) == [
        ReferenceTold(SPOT_ID, Ticks(0), Ticks(6_180_020), Micro(0), Nanos(0))
    ]


def test_open_orders_are_everybodys(shared_data: Path) -> None:
    body = fixture_value(shared_data, "binance_usdm_docs.jsonl", 134)
    assert http(usdm(), "open-1-1", body) == [
        OpenOrders(
            "open-1-1",
            USDM_ID,
            (
                Stands(
                    ClientId("abc"), USDM_ID, "1917641", Side.BUY, Ticks(0), Lots(400), Lots(0),
                    Standing.OPEN, reduce_only=False, venue_time=Nanos(1_579_276_756_075 * MS),
                ),
            ),
        )
    ]  # fmt: skip
    assert http(spot(), "open-1-2", []) == [OpenOrders("open-1-2", SPOT_ID, ())]


def test_an_order_is_found_by_the_venues_id(shared_data: Path) -> None:
    body = fixture_value(shared_data, "binance_spot_docs.jsonl", 96)
    reader = spot("LTCBTC", "0.00000010", "0.1")
    (told,) = http(reader, "order-1-1", body)
    assert isinstance(told, Stands)
    assert (told.order, told.venue_order, told.price, told.size) == ("myOrder1", "1", 1_000_000, 10)
    missing = http(reader, "order-1-2", {"code": -2013, "msg": "Order does not exist."}, 400)
    assert missing == [Unanswered("order-1-2", -2013, "Order does not exist.", known=True)]


def test_own_trades_are_told_oldest_first(shared_data: Path) -> None:
    body = fixture_value(shared_data, "binance_usdm_docs.jsonl", 120)
    reader = codec("binance-usdm", tick="0.01", lot="0.001")
    assert http(reader, "trades-1-1", body) == [
        OwnTrades(
            "trades-1-1",
            USDM_ID,
            (
                OwnTrade(
                    "25851813", "698759", Side.SELL, Ticks(781_901), Lots(2), Money(-7_819_010),
                    "USDT", maker=False, venue_time=Nanos(1_569_514_978_020 * MS),
                ),
            ),
            more=False,
        )
    ]  # fmt: skip
    body = fixture_value(shared_data, "binance_spot_docs.jsonl", 263)
    assert isinstance(body, dict)
    listed = body["result"]
    assert isinstance(listed, list)
    (told,) = http(spot(), "trades-1-2", listed[::-1])
    assert isinstance(told, OwnTrades)
    assert [trade.venue_trade for trade in told.trades] == ["1650422481", "1650422482"]
    assert [trade.side for trade in told.trades] == [Side.SELL, Side.SELL]


def test_a_full_page_of_trades_says_that_there_may_be_more() -> None:
    page: list[Json] = [
        {
            "id": number,
            "orderId": 1,
            "price": "61800.1",
            "qty": "0.001",
            "commission": "0",
            "commissionAsset": "USDT",
            "time": 1,
            "buyer": True,
            "maker": True,
        }
        for number in range(1_000)
    ]
    (told,) = http(usdm(), "trades-1-1", page)
    assert isinstance(told, OwnTrades)
    assert told.more
    (told,) = http(usdm(), "trades-1-1", page[1:])
    assert isinstance(told, OwnTrades)
    assert not told.more


def listed(status: str = "TRADING", tick: str = "0.10", lot: str = "0.001") -> Message:
    """Give a list of futures instruments with ours as the second."""
    filters: Json = [
        {"filterType": "PRICE_FILTER", "maxPrice": "300", "minPrice": "0.1", "tickSize": tick},
        {"filterType": "LOT_SIZE", "maxQty": "10000000", "minQty": "0.001", "stepSize": lot},
        {"filterType": "MIN_NOTIONAL", "notional": "5.0"},
    ]
    ours: Message = {
        "symbol": "BTCUSDT",
        "status": status,
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "filters": filters,
    }
    return {"timezone": "UTC", "symbols": [ours | {"symbol": "ETHUSDT", "filters": []}, ours]}


@pytest.mark.parametrize(
    ("status", "trading"),
    [
        ("TRADING", Trading.OPEN),
        ("CANCEL_ONLY", Trading.CANCEL_ONLY),
        ("BREAK", Trading.HALTED),
        ("SETTLING", Trading.HALTED),
        ("SOMETHING_NEW", Trading.HALTED),
    ],
)
def test_an_instrument_is_told_with_what_its_status_allows(status: str, trading: Trading) -> None:
    (told,) = http(usdm(), "instrument-1-1", listed(status))
    assert isinstance(told, InstrumentTold)
    assert told.trading is trading
    known = instrument("binance-usdm", "BTCUSDT", "0.10", "0.001")
    assert told.instrument.tick_size == known.tick_size
    assert (told.instrument.price_step, told.instrument.size_step) == (1, 1)
    assert told.instrument.notional_min == "5"
    assert told.instrument.revision == known.revision


def test_filters_are_read_for_the_shell(shared_data: Path) -> None:
    body = packed(fixture_value(shared_data, "binance_usdm_docs.jsonl", 80))
    filters = VENUES["binance-usdm"].filters(body, "BLZUSDT")
    assert (filters.tick_size, filters.lot_size, filters.notional_min) == ("0.0001", "1", "5")
    assert (filters.base_asset, filters.quote_asset) == ("BLZ", "USDT")
    socket = fixture_value(shared_data, "binance_spot_docs.jsonl", 151)
    assert isinstance(socket, dict)
    filters = VENUES["binance-spot"].filters(packed(socket["result"]), "BNBBTC")
    assert (filters.tick_size, filters.lot_size) == ("0.000001", "0.001")
    assert filters.notional_min == "0"
    for wrong in (packed({"symbols": []}), packed(listed(tick="0")), b"{", b"[]"):
        with pytest.raises(Misread):
            VENUES["binance-usdm"].filters(wrong, "BTCUSDT")


def test_an_answer_about_a_grid_that_is_over_tells_nothing() -> None:
    assert http(usdm(), "open-7-1", []) == []
    assert http(usdm(), "deadman-1-1", {"symbol": "BTCUSDT", "countdownTime": "1"}) == []
    assert http(usdm(), "unheard-of", {}) == []


@pytest.mark.parametrize("word", ["account-1-1", "fees-1-1", "open-1-1", "trades-1-1", "order-1-1"])
@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1}', b'"text"', b"\xff"])
def test_an_answer_that_cannot_be_read_is_misread(word: str, body: bytes) -> None:
    with pytest.raises(Misread):
        usdm().answer(word, 200, (), body)
