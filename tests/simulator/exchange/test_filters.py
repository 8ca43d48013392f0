"""Each filter refuses what breaks it in its market's words, and lets the bound itself pass."""

import pytest
from msgspec.structs import replace

from tests.simulator.exchange.venue import FIRST, RULES, SYMBOL, USDT, limit, market, shown, venue
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.words import (
    PPM,
    MarketKind,
    NewOrder,
    OrderType,
    Side,
    SymbolRules,
    SymbolStatus,
    TimeInForce,
    VenueError,
)

BUY, SELL = Side.BUY, Side.SELL
SPOT, USDM = MarketKind.SPOT, MarketKind.USDM
LIMITED = replace(RULES, max_notional=50_000 * USDT, max_orders=2)


def refusal(kind: MarketKind, new: NewOrder, rules: SymbolRules = LIMITED) -> tuple[int, str]:
    exchange = venue(kind, rules)
    exchange.mark(SYMBOL, 100 * USDT, 1)
    with pytest.raises(VenueError) as caught:
        exchange.place(FIRST, new, 1)
    with pytest.raises(VenueError) as checked:
        exchange.check(FIRST, new)
    assert (checked.value.code, checked.value.message) == (caught.value.code, caught.value.message)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("new", "spot", "usdm"),
    [
        (limit(BUY, "100.05", "1"), "PRICE_FILTER", (-4014, "Price not increased by tick size.")),
        (limit(BUY, "0", "1"), "PRICE_FILTER", (-4013, "Price less than min price.")),
        (limit(SELL, "10000.1", "1"), "PRICE_FILTER", (-4002, "Price greater than max price.")),
        (
            limit(BUY, "100", "1.0005"),
            "LOT_SIZE",
            (-1111, "Precision is over the maximum defined for this asset."),
        ),
        (limit(BUY, "100", "0"), "LOT_SIZE", (-4003, "Quantity less than or equal to zero.")),
        (limit(BUY, "10", "1000.001"), "LOT_SIZE", (-4005, "Quantity greater than max quantity.")),
        (market(BUY, "500.001"), "MARKET_LOT_SIZE", (-4005, "Quantity greater than max quantity.")),
        (
            limit(BUY, "100", "0.049"),
            "NOTIONAL",
            (-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only)."),
        ),
    ],
)
def test_a_broken_filter_is_named(new: NewOrder, spot: str, usdm: tuple[int, str]) -> None:
    assert refusal(SPOT, new) == (-1013, f"Filter failure: {spot}")
    assert refusal(USDM, new) == usdm


def test_a_coarser_lot_is_a_step_and_not_a_precision() -> None:
    coarse = replace(RULES, lot=units("0.005"), min_quantity=units("0.005"))
    assert refusal(USDM, limit(BUY, "1000", "0.006"), coarse)[0] == -4023
    least = replace(RULES, min_quantity=units("0.1"))
    assert refusal(USDM, limit(BUY, "1000", "0.099"), least)[0] == -4004


def test_notional_has_an_upper_bound_too() -> None:
    assert refusal(SPOT, limit(SELL, "1000", "50.001"))[1] == "Filter failure: NOTIONAL"


@pytest.mark.parametrize("kind", list(MarketKind))
def test_the_bounds_themselves_pass(kind: MarketKind) -> None:
    exchange = venue(kind, LIMITED)
    assert exchange.place(FIRST, limit(BUY, "100", "0.05"), 1).open
    assert exchange.place(FIRST, limit(SELL, "10000", "5"), 1).open


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (SPOT, (-1013, "Filter failure: MAX_NUM_ORDERS")),
        (USDM, (-2025, "Reach max open order limit.")),
    ],
)
def test_open_orders_are_counted(kind: MarketKind, expected: tuple[int, str]) -> None:
    exchange = venue(kind, LIMITED)
    for _ in range(2):
        exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    with pytest.raises(VenueError) as caught:
        exchange.place(FIRST, limit(BUY, "100", "1"), 1)
    assert (caught.value.code, caught.value.message) == expected


BANDED = replace(
    RULES,
    bid_up_ppm=PPM * 11 // 10,
    bid_down_ppm=PPM * 9 // 10,
    ask_up_ppm=PPM * 12 // 10,
    ask_down_ppm=PPM * 95 // 100,
)


@pytest.mark.parametrize(
    ("side", "low", "high"), [(BUY, "90", "110"), (SELL, "95", "120")], ids=str
)
def test_a_price_must_lie_in_the_band_around_the_mark(side: Side, low: str, high: str) -> None:
    exchange = venue(USDM, BANDED)
    exchange.mark(SYMBOL, 100 * USDT, 1)
    for price in (low, high):
        assert exchange.place(FIRST, limit(side, price, "1"), 1)
        exchange.cancel_all(FIRST, SYMBOL, 1)
    under, over = f"{float(low) - 0.1:.1f}", f"{float(high) + 0.1:.1f}"
    assert refusal(USDM, limit(side, over, "1"), BANDED) == (
        -4016,
        f"Limit price can't be higher than {high}.",
    )
    assert refusal(USDM, limit(side, under, "1"), BANDED) == (
        -4024,
        f"Limit price can't be lower than {low}.",
    )
    assert refusal(SPOT, limit(side, over, "1"), BANDED) == (
        -1013,
        "Filter failure: PERCENT_PRICE_BY_SIDE",
    )


def test_without_a_reference_price_there_is_no_band() -> None:
    assert venue(SPOT, BANDED).place(FIRST, limit(BUY, "500", "1"), 1).open


def test_a_usdm_market_order_may_not_start_outside_the_band() -> None:
    exchange = venue(USDM, BANDED)
    exchange.mark(SYMBOL, 100 * USDT, 1)
    shown(exchange, SELL, "111", "1")
    with pytest.raises(VenueError, match="-4131"):
        exchange.place(FIRST, market(BUY, "1"), 1)


@pytest.mark.parametrize(
    ("kind", "closed", "cancel_closed"),
    [
        (SPOT, (-2010, "Market is closed."), (-2011, "Market is closed.")),
        (USDM, (-4141, "Symbol is closed."), (-4141, "Symbol is closed.")),
    ],
)
def test_a_symbol_that_does_not_trade_refuses(
    kind: MarketKind, closed: tuple[int, str], cancel_closed: tuple[int, str]
) -> None:
    for status in (SymbolStatus.HALT, SymbolStatus.BREAK, SymbolStatus.CANCEL_ONLY):
        exchange = venue(kind)
        exchange.place(FIRST, limit(BUY, "100", "1"), 1)
        exchange.revise_symbol(replace(RULES, status=status), 2)
        with pytest.raises(VenueError) as caught:
            exchange.place(FIRST, limit(BUY, "100", "1"), 3)
        assert (caught.value.code, caught.value.message) == closed
        if status is SymbolStatus.CANCEL_ONLY:
            assert len(exchange.cancel_all(FIRST, SYMBOL, 3)) == 1
        else:
            with pytest.raises(VenueError) as caught:
                exchange.cancel_all(FIRST, SYMBOL, 3)
            assert (caught.value.code, caught.value.message) == cancel_closed


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"price": None}, -1102),
        ({"quantity": None}, -1102),
        ({"time_in_force": None}, -1102),
        ({"quote_quantity": "10"}, -1106),
        ({"time_in_force": TimeInForce.GTX}, -1115),
        ({"reduce_only": True}, -1106),
        ({"type": OrderType.LIMIT_MAKER}, -1106),
        ({"type": OrderType.MARKET}, -1106),
        ({"type": OrderType.MARKET, "price": None}, -1106),
        ({"price": "1e3"}, -1100),
        ({"price": "100.123456789"}, -1111),
        ({"client_id": "no blanks"}, -1100),
        ({"client_id": "x" * 37}, -1100),
    ],
)
def test_a_spot_request_must_be_well_formed(fields: dict[str, object], code: int) -> None:
    assert refusal(SPOT, replace(limit(BUY, "100", "1"), **fields))[0] == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"type": OrderType.LIMIT_MAKER}, -1116), ({"client_id": "x" * 37}, -4015)],
)
def test_a_usdm_request_must_be_well_formed(fields: dict[str, object], code: int) -> None:
    assert refusal(USDM, replace(limit(BUY, "100", "1"), **fields))[0] == code
