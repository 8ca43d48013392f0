"""Events of both markets, byte for byte as the venue sends them, to what they tell."""

from pathlib import Path

import pytest

from tests.core.venues.binance.private_codec import (
    EVENT_MS,
    EVENT_NS,
    ORDER,
    SPOT_ID,
    USDM_ID,
    Json,
    execution,
    fixture_value,
    packed,
    spot,
    update,
    usdm,
)
from trading_runtime.account.reports import AccountTold, Balance, Position, StreamEnded, TermsTold
from trading_runtime.errors import Misread
from trading_runtime.oms.reports import (
    Accepted,
    Amended,
    Cancelled,
    Expired,
    Filled,
    Funded,
    Rejected,
)
from trading_runtime.records.units import ClientId, Lots, Money, Nanos, Ticks

OURS = ClientId(ORDER)
AT = Nanos(EVENT_NS)


def test_a_new_order_is_accepted() -> None:
    assert spot().frame(execution()) == [Accepted(OURS, "4293153", AT)]
    assert usdm().frame(update()) == [Accepted(OURS, "8886774", AT)]


def test_a_fill_is_told_with_its_fee_in_money_units() -> None:
    filled = execution(
        x="TRADE", X="PARTIALLY_FILLED", l="0.00400000", z="0.01000000", L="61800.20000000",
        n="0.00000400", N="BTC", t=56, m=True,
    )  # fmt: skip
    assert spot().frame(filled) == [
        Filled(
            OURS, "56", Ticks(6_180_020), Lots(400), Lots(1_000), Money(400), "BTC",
            maker=True, venue_time=AT,
        )
    ]  # fmt: skip
    filled = update(
        x="TRADE", X="FILLED", l="0.014", z="0.014", L="61800.20", n="0.17304056", N="USDT",
        t=109_100_866, m=True,
    )  # fmt: skip
    assert usdm().frame(filled) == [
        Filled(
            OURS, "109100866", Ticks(618_002), Lots(14), Lots(14), Money(17_304_056), "USDT",
            maker=True, venue_time=AT,
        )
    ]  # fmt: skip


def test_a_rebate_is_a_negative_fee_and_too_many_decimals_are_rounded_against_us() -> None:
    fills = {"x": "TRADE", "X": "FILLED", "l": "0.014", "z": "0.014", "L": "61800.20", "t": 7}
    for text, money in (("-0.01", -1_000_000), ("0.000000001", 1), ("-0.000000019", -1)):
        (told,) = usdm().frame(update(**fills, n=text, N="USDT"))
        assert isinstance(told, Filled)
        assert told.fee == money
    (told,) = usdm().frame(update(**fills))
    assert isinstance(told, Filled)
    assert (told.fee, told.fee_asset) == (0, "")


def test_a_cancelled_spot_order_is_ours_by_its_original_id() -> None:
    by_cancel = execution(x="CANCELED", X="CANCELED", c="cancelMyOrder1", C=ORDER, z="0.00100000")
    assert spot().frame(by_cancel) == [Cancelled(OURS, Lots(100), AT)]
    assert usdm().frame(update(x="CANCELED", X="CANCELED", z="0.001")) == [
        Cancelled(OURS, Lots(1), AT)
    ]


def test_an_amendment_tells_the_new_size() -> None:
    replaced = execution(x="REPLACED", X="NEW", c="somebodys", C=ORDER, q="0.00700000")
    assert spot().frame(replaced) == [Amended(OURS, Lots(700), AT)]
    assert usdm().frame(update(x="AMENDMENT", q="0.007")) == [Amended(OURS, Lots(7), AT)]


@pytest.mark.parametrize(
    ("state", "in_force", "reason"),
    [
        ("EXPIRED", "GTX", "post-only order would take"),
        ("EXPIRED", "IOC", "nothing left to take"),
        ("EXPIRED", "GTC", "expired"),
        ("EXPIRED_IN_MATCH", "GTX", "self-trade prevention"),
    ],
)
def test_the_venue_may_end_an_order(state: str, in_force: str, reason: str) -> None:
    ended = update(x="EXPIRED", X=state, f=in_force, z="0.002")
    assert usdm().frame(ended) == [Expired(OURS, Lots(2), reason, AT)]


def test_a_prevented_self_trade_ends_an_order_only_if_its_state_says_so() -> None:
    ended = execution(x="TRADE_PREVENTION", X="EXPIRED_IN_MATCH")
    assert spot().frame(ended) == [Expired(OURS, Lots(0), "self-trade prevention", AT)]
    assert spot().frame(execution(x="TRADE_PREVENTION", X="PARTIALLY_FILLED")) == []


def test_a_rejected_order_tells_the_venues_reason() -> None:
    rejected = execution(x="REJECTED", X="REJECTED", r="INSUFFICIENT_BALANCES")
    assert spot().frame(rejected) == [
        Rejected(OURS, 0, "INSUFFICIENT_BALANCES", retry=False, venue_time=AT)
    ]


def test_a_liquidation_is_announced_and_then_filled_under_an_id_that_is_not_ours() -> None:
    name = "autoclose-1723161256299"
    assert usdm().frame(update(c=name, x="NEW", X="NEW", p="0")) == [
        Accepted(ClientId(name), "8886774", AT)
    ]
    fill = update(c=name, x="CALCULATED", X="FILLED", l="0.014", z="0.014", L="61000.0", t=9)
    (told,) = usdm().frame(fill)
    assert isinstance(told, Filled)
    assert (told.order, told.price, told.size) == (name, 610_000, 14)


def test_orders_of_other_instruments_are_counted() -> None:
    reader = usdm()
    assert reader.frame(update(s="ETHUSDT")) == []
    assert reader.ignored == {"other_symbol": 1}


@pytest.mark.parametrize(
    "event",
    [
        {"e": "TRADE_LITE", "E": EVENT_MS, "s": "BTCUSDT", "t": 1, "l": "0.014", "L": "61800.2"},
        {"e": "ALGO_UPDATE", "o": {}},
        {"e": "somethingNew", "x": [1, 2]},
        {"e": "serverShutdown", "E": EVENT_MS},
    ],
)
def test_events_that_are_not_read_are_counted(event: dict[str, Json]) -> None:
    reader = usdm()
    assert reader.frame(packed(event)) == []
    assert reader.ignored == {event["e"]: 1}


def test_new_fields_are_passed_over_and_the_order_of_fields_does_not_matter() -> None:
    assert usdm().frame(update(st=5, whatever={"a": [1]})) == [Accepted(OURS, "8886774", AT)]
    turned = update().replace(b'{"e":"ORDER_TRADE_UPDATE",', b"{", 1)
    turned = turned[:-1] + b',"e":"ORDER_TRADE_UPDATE"}'
    assert usdm().frame(turned) == [Accepted(OURS, "8886774", AT)]
    turned = execution().replace(b'{"subscriptionId":0,', b"{", 1)[:-1] + b',"subscriptionId":0}'
    assert spot().frame(turned) == [Accepted(OURS, "4293153", AT)]
    assert usdm().frame(b'{"stream":"key","data":' + update() + b"}") == [
        Accepted(OURS, "8886774", AT)
    ]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"e":"ORDER_TRADE_UPDATE"}',
        update()[:-20],
        update(x="TRADE", X="FILLED", l="0.014", z="0.014", L="0", t=1),
        update(x="TRADE", X="FILLED", l="0.0145", z="0.014", L="61800.2", t=1),
        update(x="TRADE", X="FILLED", l="0.014", z="0.014", L="61800.25", t=1),
        update(x="TRADE", X="FILLED", l="0.014", z="0.014", L="61800.2", n="much", N="USDT", t=1),
        update(x="TRADE", X="FILLED", l="0", z="0.014", L="61800.2", t=1),
        update(x="SOMETHING_NEW"),
        update(i="8886774"),
        update(T=-1),
    ],
)
def test_what_cannot_be_read_is_misread(frame: bytes) -> None:
    with pytest.raises(Misread):
        usdm().frame(frame)


def test_spot_balances_are_told_as_they_are() -> None:
    event: Json = {
        "e": "outboundAccountPosition",
        "E": EVENT_MS,
        "u": EVENT_MS,
        "B": [{"a": "BTC", "f": "1.00000001", "l": "0.5"}],
    }
    (told,) = spot().frame(packed({"subscriptionId": 0, "event": event}))
    assert isinstance(told, AccountTold)
    assert told.balances == (Balance("BTC", Money(100_000_001), Money(50_000_000)),)
    assert (told.whole, told.reason, told.venue_time) == (False, "ORDER", EVENT_NS)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "-1.0", "T": EVENT_MS}, "TRANSFER"),
        ({"e": "externalLockUpdate", "E": 1, "a": "N", "d": "1", "T": EVENT_MS}, "EXTERNAL_LOCK"),
    ],
)
def test_what_names_no_balance_asks_for_a_look(event: Json, reason: str) -> None:
    (told,) = spot().frame(packed({"subscriptionId": 0, "event": event}))
    assert isinstance(told, AccountTold)
    assert (told.balances, told.positions, told.reason) == ((), (), reason)


def account_update(reason: str, positions: Json, change: str = "0") -> bytes:
    balances: Json = [{"a": "B", "wb": "122624.12345678", "cw": "100.1", "bc": change}]
    return packed(
        {
            "e": "ACCOUNT_UPDATE",
            "E": EVENT_MS,
            "T": EVENT_MS,
            "a": {"m": reason, "B": balances, "P": positions},
        }
    )


def test_a_futures_account_tells_wallets_and_positions() -> None:
    positions: Json = [
        {"s": "BTCUSDT", "pa": "-0.014", "ep": "61800.2", "ps": "BOTH"},
        {"s": "ETHUSDT", "pa": "1", "ps": "BOTH"},
    ]
    reader = usdm()
    assert reader.frame(account_update("ORDER", positions)) == [
        AccountTold(
            request="",
            venue="binance-usdm",
            whole=False,
            balances=(Balance("B", Money(12_262_412_345_678), Money(0)),),
            positions=(Position(USDM_ID, Lots(-14)),),
            maintenance_margin=Money(0),
            margin_balance=Money(0),
            reason="ORDER",
            venue_time=AT,
        )
    ]
    assert reader.ignored == {"other_symbol": 1}


def test_hedged_positions_are_added_up() -> None:
    positions: Json = [
        {"s": "BTCUSDT", "pa": "0.020", "ps": "LONG"},
        {"s": "BTCUSDT", "pa": "-0.010", "ps": "SHORT"},
    ]
    (told,) = usdm().frame(account_update("ADJUSTMENT", positions))
    assert isinstance(told, AccountTold)
    assert told.positions == (Position(USDM_ID, Lots(10)),)


def test_funding_is_told_of_the_position_named_or_of_our_only_instrument() -> None:
    funded = Funded(USDM_ID, Money(-37_500_000), AT)
    named: Json = [{"s": "BTCUSDT", "pa": "0.014"}]
    for positions in (named, []):
        told = usdm().frame(account_update("FUNDING_FEE", positions, "-0.37500000"))
        assert told[1:] == [funded]
    other: Json = [{"s": "ETHUSDT", "pa": "1"}]
    assert len(usdm().frame(account_update("FUNDING_FEE", other, "-0.375"))) == 1


def test_a_stream_that_ends_is_told() -> None:
    terminated = packed({"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}})
    assert spot().frame(terminated) == [StreamEnded("binance-spot", "terminated by the venue")]
    expired = packed({"e": "listenKeyExpired", "E": "1736996475556", "listenKey": "k"})
    assert usdm().frame(expired) == [StreamEnded("binance-usdm", "listen key expired")]


def test_a_new_leverage_is_told_once_the_position_mode_is_known() -> None:
    reader = usdm()
    changed = packed(
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "T": 1, "ac": {"s": "BTCUSDT", "l": 25}}
    )
    assert reader.frame(changed) == []
    risk: Json = [{"symbol": "BTCUSDT", "leverage": "10", "positionSide": "BOTH"}]
    told = reader.answer("terms-1-1", 200, (), packed(risk))
    assert told == [TermsTold(USDM_ID, one_way=True, leverage=10)]
    assert reader.frame(changed) == [TermsTold(USDM_ID, one_way=True, leverage=25)]
    again = usdm()
    again.restore(reader.carry())
    assert again.frame(changed) == [TermsTold(USDM_ID, one_way=True, leverage=25)]


def test_every_event_of_the_documents_is_read(shared_data: Path) -> None:
    reader = spot("ETHBTC", "0.00000010", "0.001")
    told = [
        reader.frame(packed(fixture_value(shared_data, "binance_spot_docs.jsonl", line)))
        for line in range(284, 290)
    ]
    assert [type(each[0]).__name__ if each else "" for each in told] == [
        "AccountTold", "AccountTold", "Accepted", "", "StreamEnded", "AccountTold",
    ]  # fmt: skip
    assert reader.ignored == {"listStatus": 1}
    reader = usdm()
    told = [
        reader.frame(packed(fixture_value(shared_data, "binance_usdm_docs.jsonl", line)))
        for line in (175, 176, 177, 179, 180, 181, 182, 183, 184, 185)
    ]
    assert [type(each[0]).__name__ for each in told if each] == [
        "AccountTold", "Accepted", "StreamEnded",
    ]  # fmt: skip
    assert SPOT_ID != USDM_ID
