"""The symbols of a capture, with filters that its prices and sizes fit."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from trading_runtime.errors import Refused
from trading_runtime.simulator.drive.recorded import surveyed
from trading_runtime.simulator.exchange.amounts import short_text, units
from trading_runtime.simulator.exchange.words import MarketKind, SymbolRules
from trading_runtime.simulator.server.settings import MarketSettings
from trading_runtime.simulator.server.symbols import spot_symbol, usdm_symbol

QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY")
"""A capture does not say where a symbol's base ends; these are the endings in use."""
STABLE = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "EUR")
MIN_NOTIONAL_ELSE = units("0.0001")
"""Of symbols that are quoted in coins."""
DEPOSIT = units("1000000")


def listed(market: MarketKind, paths: Sequence[Path], shipped: MarketSettings) -> MarketSettings:
    """Give ``shipped`` with the symbols of the captures in place of its own.

    A symbol that is shipped keeps its filters where the capture fits them. A million of each
    asset that is not deposited yet is.
    """
    known = {rules.symbol: rules for rules in shipped.symbols}
    symbols = tuple(
        rules_for(market, symbol, steps, known.get(symbol))
        for symbol, steps in surveyed(paths).items()
    )
    assets = dict(shipped.deposits)
    for rules in symbols if market is MarketKind.SPOT else ():
        for asset in (rules.base, rules.quote):
            assets.setdefault(asset, DEPOSIT)
    return msgspec.structs.replace(shipped, symbols=symbols, deposits=tuple(assets.items()))


def rules_for(
    market: MarketKind, symbol: str, steps: tuple[int, int], shipped: SymbolRules | None
) -> SymbolRules:
    tick, lot = steps
    # Sizes do not count: old orders may be of a finer lot than new ones may have.
    if shipped is not None and tick % shipped.tick == 0:
        return shipped
    base, quote = assets_of(symbol)
    if market is MarketKind.USDM:
        return usdm_symbol(base, short_text(tick), short_text(lot), "5")
    rules = spot_symbol(base, quote, short_text(tick), short_text(lot))
    if quote in STABLE:
        return rules
    return msgspec.structs.replace(rules, min_notional=MIN_NOTIONAL_ELSE)


def assets_of(symbol: str) -> tuple[str, str]:
    """Split a symbol into base and quote asset; raise :exc:`Refused` where that is not known."""
    quote = next((asset for asset in QUOTES if symbol.endswith(asset)), "")
    base = symbol.removesuffix(quote)
    if not base or not quote:
        raise Refused(f"{symbol} does not end in a known quote asset: {', '.join(QUOTES)}")
    return base, quote
