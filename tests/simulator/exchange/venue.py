"""A small venue to test against: round prices, easy filters, accounts with money."""

from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.exchange import Exchange
from trading_runtime.simulator.exchange.words import (
    AccountNumber,
    CancelOrder,
    MarketKind,
    NewOrder,
    OrderChanged,
    OrderType,
    OrderView,
    Side,
    StpMode,
    SymbolRules,
    SymbolStatus,
    TimeInForce,
)

HOUR_NS = 3_600 * 10**9
SYMBOL = "BTCUSDT"
RULES = SymbolRules(
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    status=SymbolStatus.TRADING,
    tick=units("0.1"),
    lot=units("0.001"),
    min_price=units("0.1"),
    max_price=units("10000"),
    min_quantity=units("0.001"),
    max_quantity=units("1000"),
    market_max_quantity=units("500"),
    min_notional=units("5"),
    max_notional=0,
    max_orders=0,
    max_amends=3,
    bid_up_ppm=0,
    bid_down_ppm=0,
    ask_up_ppm=0,
    ask_down_ppm=0,
    maker_fee_ppm=200,
    taker_fee_ppm=500,
    default_stp=StpMode.NONE,
    maintenance_ppm=5_000,
    max_leverage=100,
    funding_interval_ns=8 * HOUR_NS,
)
BTC = units("1")
USDT = units("1")


def venue(kind: MarketKind, rules: SymbolRules = RULES, accounts: int = 1) -> Exchange:
    """Open a venue whose accounts 1, 2, … have 100,000 USDT, and on spot 100 BTC."""
    exchange = Exchange(kind)
    exchange.add_symbol(rules, 1)
    for number in range(accounts):
        account = exchange.open_account(f"account {number}")
        exchange.deposit(account, "USDT", units("100000"), 1)
        if kind is MarketKind.SPOT:
            exchange.deposit(account, "BTC", units("100"), 1)
    exchange.take_events()
    return exchange


FIRST = AccountNumber(1)
SECOND = AccountNumber(2)


def limit(  # noqa: PLR0913 -- the fields of an order, each named by its caller
    side: Side,
    price: str,
    quantity: str,
    *,
    tif: TimeInForce = TimeInForce.GTC,
    client_id: str | None = None,
    reduce_only: bool = False,
    stp: StpMode | None = None,
) -> NewOrder:
    return NewOrder(
        symbol=SYMBOL,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=tif,
        price=price,
        quantity=quantity,
        client_id=client_id,
        reduce_only=reduce_only,
        stp_mode=stp,
    )


def maker(side: Side, price: str, quantity: str) -> NewOrder:
    return NewOrder(
        symbol=SYMBOL, side=side, type=OrderType.LIMIT_MAKER, price=price, quantity=quantity
    )


def market(side: Side, quantity: str, *, reduce_only: bool = False) -> NewOrder:
    return NewOrder(
        symbol=SYMBOL,
        side=side,
        type=OrderType.MARKET,
        quantity=quantity,
        reduce_only=reduce_only,
    )


def cancel(order: OrderView) -> CancelOrder:
    return CancelOrder(symbol=SYMBOL, order_id=order.order_id)


def shown(exchange: Exchange, side: Side, price: str, quantity: str) -> None:
    """Let the crowd show ``quantity`` at ``price``."""
    exchange.set_external(SYMBOL, side, units(price), units(quantity), 1)


def reports(exchange: Exchange) -> list[OrderChanged]:
    """Take the events and give those on orders."""
    return [event for event in exchange.take_events() if isinstance(event, OrderChanged)]
