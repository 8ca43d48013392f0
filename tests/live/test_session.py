"""The runtime against a simulated venue, end to end: what it records is what happened."""

from collections import Counter
from pathlib import Path

from tests.live.invariants import check, own
from tests.live.trader import Trader, hurried_settings
from tests.live.venue import SimulatedVenue, until

ORDERS = 1_000
WITHIN_S = 180.0
IMPATIENT = (
    ("engine.oms.answer_timeout_ns", "500_000_000"),
    ("engine.oms.query_interval_ns", "200_000_000"),
    ("engine.oms.absent_grace_ns", "1_000_000_000"),
    ("market.warm_after_ns", "500_000_000"),
    # Connections and answers that are lost are what this is about: they must not end it.
    ("connections_lost", '{ trigger = 1_000, clear = 900, response = "pause" }'),
    ("api_error_rate", '{ trigger = 1_000_000, clear = 900_000, response = "pause" }'),
)
ETHER = """
[[desks]]
venue = "binance-usdm"
symbol = "ETHUSDT"
base_asset = "ETH"
quote_asset = "USDT"
tick_size = "0.01"
lot_size = "0.001"
parameters = { size_lots = 50 }

[engine.instruments."binance-usdm:ETHUSDT".limits]
inventory_max = "1"
order_size_max = "0.1"
price_band = 10_000
open_orders_max = 40
slippage_max = 2_000
cancel_rate = { trigger = 2_000_000, clear = 1_500_000, response = "pause" }
order_rate = { trigger = 2_000, clear = 1_000, response = "pause" }
consecutive_rejects = { trigger = 50, clear = 5, response = "pause" }
volatility = { trigger = 500_000_000, clear = 250_000_000, response = "pause" }
depth_lag_ns = { trigger = 5_000_000_000, clear = 1_000_000_000, response = "pause" }
"""


def placed(venue: SimulatedVenue, market: str = "usdm") -> int:
    return len(venue.books(market)["orders"])


def count(trader: Trader) -> Counter[str]:
    return Counter(type(body).__name__ for _, _, body in trader.bodies())


def test_a_thousand_orders_with_fills_unknowns_and_reconnects_play_back(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "settings.toml", *IMPATIENT)
    with (
        SimulatedVenue(tmp_path / "venue") as venue,
        Trader(tmp_path / "data", settings, venue) as trader,
    ):
        until("quotes", WITHIN_S, trader.quotes)
        for at_least in (ORDERS // 4, ORDERS // 2, 3 * ORDERS // 4):
            until("orders", WITHIN_S, lambda wanted=at_least: placed(venue) >= wanted)
            venue.fault("lost_answer", market="usdm", route="WS order.*", count=2)
            is_taken_from(venue, "usdm", "BTCUSDT")
            venue.fault("disconnect", market="usdm")
            until("quotes again", WITHIN_S, trader.quotes)
        until("orders", WITHIN_S, lambda: placed(venue) >= ORDERS)
        trader.stop()
        record = check(trader.data, venue.books())
    counts = count(trader)
    assert len(record.known) >= ORDERS
    assert counts["OrderFilled"] >= 3
    assert counts["OrderCancelled"] >= ORDERS // 2
    assert counts["OrderUnknown"] >= 1
    assert counts["ConnectionLost"] >= 12
    assert not record.drifted


def test_two_markets_are_traded_in_one_process(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "settings.toml", *IMPATIENT)
    settings.write_text(settings.read_text() + ETHER)
    with (
        SimulatedVenue(tmp_path / "venue") as venue,
        Trader(tmp_path / "data", settings, venue) as trader,
    ):
        until("quotes", WITHIN_S, trader.quotes)
        for symbol in ("BTCUSDT", "ETHUSDT"):
            is_taken_from(venue, "usdm", symbol)
        trader.stop()
        record = check(trader.data, venue.books(), inventory_max="1")
    assert {fill.revision for fill in record.fills.values()} == set(record.scales)


def test_a_spot_market_is_traded(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "settings.toml", *IMPATIENT)
    settings.write_text(on_spot(settings.read_text()))
    with (
        SimulatedVenue(tmp_path / "venue") as venue,
        Trader(tmp_path / "data", settings, venue) as trader,
    ):
        until("quotes", WITHIN_S, trader.quotes)
        venue.fault("event_stream_terminated")
        is_taken_from(venue, "spot", "BTCUSDT")
        until("the account's stream", WITHIN_S, lambda: count(trader)["ConnectionOpened"] >= 3)
        until("quotes", WITHIN_S, trader.quotes)
        trader.stop()
        record = check(trader.data, venue.books("spot"))
    assert record.fills
    assert not record.drifted


def test_paper_trades_on_live_data_and_sends_no_order(tmp_path: Path) -> None:
    settings = hurried_settings(tmp_path / "settings.toml", *IMPATIENT)
    with (
        SimulatedVenue(tmp_path / "venue") as venue,
        Trader(tmp_path / "data", settings, venue, mode="paper") as trader,
    ):
        until("quotes", WITHIN_S, trader.quotes)
        # Nobody can be made to trade with us on paper: the flow has to come by.
        until("a fill on paper", 3 * WITHIN_S, lambda: count(trader)["OrderFilled"] > 0)
        trader.stop()
        assert not venue.books()["orders"]
        assert not venue.books("spot")["orders"]


def is_taken_from(venue: SimulatedVenue, market: str, symbol: str) -> None:
    """Let somebody take of an order of ours; there may be none at the moment that this is asked."""

    def trades() -> int:
        rows = own(venue.books(market)["trades"])
        return sum(row["symbol"] == symbol for row in rows)

    before = trades()

    def is_taken() -> bool:
        venue.fault("partial_fill", market=market, symbol=symbol)
        return trades() > before

    until("a fill", WITHIN_S, is_taken)


def on_spot(text: str) -> str:
    """Give the shipped settings for the spot market of the same symbol."""
    for old, new in (
        ("binance-usdm", "binance-spot"),
        ('tick_size = "0.10"', 'tick_size = "0.01"'),
        ('lot_size = "0.001"', 'lot_size = "0.00001"'),
        ("size_lots = 2", "size_lots = 200"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text
