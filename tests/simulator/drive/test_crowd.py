"""Generated flow on an exchange."""

import pytest

from trading_runtime.simulator.drive.crowd import Crowd, power_of_ten, settings_for
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    DepthView,
    LevelsChanged,
    MarketKind,
    Printed,
    SymbolRules,
    TouchChanged,
)
from trading_runtime.simulator.server.symbols import default_spot, default_usdm

SECOND = 10**9
BITCOIN = default_spot().symbols[0]


def played(seed: int, seconds: int, step_ns: int = SECOND // 100) -> tuple[Exchange, DepthView]:
    exchange = Exchange(MarketKind.SPOT)
    exchange.add_symbol(BITCOIN, 1)
    crowd = Crowd(exchange, BITCOIN, settings_for(MarketKind.SPOT, BITCOIN, seed))
    crowd.arrive(1)
    for elapsed in range(step_ns, seconds * SECOND + 1, step_ns):
        crowd.advance(elapsed, 1 + elapsed)
    return exchange, exchange.depth("BTCUSDT", 5000)


def test_the_same_seed_makes_the_same_market_however_time_is_divided() -> None:
    assert played(1, 5)[1] == played(1, 5, SECOND)[1]
    assert played(1, 5)[1] != played(2, 5)[1]


def test_there_is_a_book_a_moving_touch_and_trades() -> None:
    exchange, book = played(3, 20)
    assert book.bids[0][0] < book.asks[0][0]
    assert min(len(book.bids), len(book.asks)) > 100
    assert all(price % BITCOIN.tick == 0 for price, _ in (*book.bids, *book.asks))
    assert all(size % BITCOIN.lot == 0 for _, size in (*book.bids, *book.asks))
    kinds = [type(event) for event in exchange.take_events()]
    assert kinds.count(Printed) > 20
    assert kinds.count(TouchChanged) > 100
    assert kinds.count(LevelsChanged) > 1000


@pytest.mark.parametrize(
    ("kind", "rules"),
    [(MarketKind.SPOT, rules) for rules in default_spot().symbols]
    + [(MarketKind.USDM, rules) for rules in default_usdm().symbols],
)
def test_every_symbol_has_a_seed_of_its_own(kind: MarketKind, rules: SymbolRules) -> None:
    settings = settings_for(kind, rules, 7)
    assert settings.seed != settings_for(kind, rules, 8).seed
    assert settings.seed not in {
        settings_for(other, rules, 7).seed for other in MarketKind if other is not kind
    }


def test_a_step_is_a_power_of_ten_of_the_symbols() -> None:
    assert power_of_ten(618, 100) == 1000
    assert power_of_ten(100, 100) == 100
    assert power_of_ten(1, 100) == 100
