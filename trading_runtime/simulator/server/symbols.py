"""The symbols that the venue starts with: filters as they stood in 2026, rounded."""

from trading_runtime.records.units import NANOS_PER_SECOND
from trading_runtime.simulator.exchange.amounts import units
from trading_runtime.simulator.exchange.words import PPM, StpMode, SymbolRules, SymbolStatus
from trading_runtime.simulator.server.settings import (
    SPOT_LIMITS,
    SPOT_PULSE,
    USDM_LIMITS,
    USDM_PULSE,
    Key,
    MarketSettings,
    generous,
)

EIGHT_HOURS_NS = 8 * 3600 * NANOS_PER_SECOND
TRADER = Key(
    key="tapedeckTraderKeyTapedeckTraderKeyTapedeckTraderKeyTapedeckTrade",
    secret="simulatorTraderSecretSimulatorTraderSecretSimulatorTraderSecret1",  # noqa: S106 -- of a venue on loopback, known to all
    owner="default",
)
WATCHDOG = Key(
    key="tapedeckWatchdogKeyTapedeckWatchdogKeyTapedeckWatchdogKeyTapedec",
    secret="simulatorWatchdogSecretSimulatorWatchdogSecretSimulatorWatchdog1",  # noqa: S106 -- of a venue on loopback, known to all
    owner="default",
)


def spot_symbol(base: str, quote: str, tick: str, lot: str) -> SymbolRules:
    """A spot symbol with the venue's usual filters and a fee of 0.1 %."""
    return SymbolRules(
        symbol=base + quote,
        base=base,
        quote=quote,
        status=SymbolStatus.TRADING,
        tick=units(tick),
        lot=units(lot),
        min_price=units(tick),
        max_price=units("1000000"),
        min_quantity=units(lot),
        max_quantity=units("9000"),
        market_max_quantity=units("1000"),
        min_notional=units("5"),
        max_notional=units("9000000"),
        max_orders=200,
        max_amends=10,
        bid_up_ppm=5 * PPM,
        bid_down_ppm=PPM // 5,
        ask_up_ppm=5 * PPM,
        ask_down_ppm=PPM // 5,
        maker_fee_ppm=1000,
        taker_fee_ppm=1000,
        default_stp=StpMode.EXPIRE_MAKER,
        maintenance_ppm=0,
        max_leverage=1,
        funding_interval_ns=0,
    )


def usdm_symbol(base: str, tick: str, lot: str, min_notional: str) -> SymbolRules:
    """A perpetual on USDT with the venue's usual filters and fees of 0.02 % and 0.05 %."""
    return SymbolRules(
        symbol=base + "USDT",
        base=base,
        quote="USDT",
        status=SymbolStatus.TRADING,
        tick=units(tick),
        lot=units(lot),
        min_price=units(tick),
        max_price=units("4529764"),
        min_quantity=units(lot),
        max_quantity=units("10000"),
        market_max_quantity=units("2000"),
        min_notional=units(min_notional),
        max_notional=0,
        max_orders=200,
        max_amends=0,
        bid_up_ppm=1_050_000,
        bid_down_ppm=950_000,
        ask_up_ppm=1_050_000,
        ask_down_ppm=950_000,
        maker_fee_ppm=200,
        taker_fee_ppm=500,
        default_stp=StpMode.EXPIRE_MAKER,
        maintenance_ppm=4000,
        max_leverage=125,
        funding_interval_ns=EIGHT_HOURS_NS,
    )


def default_spot() -> MarketSettings:
    """BTCUSDT and ETHUSDT, a million USDT, 100 BTC and 1,000 ETH, and limits that are generous."""
    return MarketSettings(
        symbols=(
            spot_symbol("BTC", "USDT", "0.01", "0.00001"),
            spot_symbol("ETH", "USDT", "0.01", "0.0001"),
        ),
        deposits=(("USDT", units("1000000")), ("BTC", units("100")), ("ETH", units("1000"))),
        limits=generous(SPOT_LIMITS),
        pulse=SPOT_PULSE,
    )


def default_usdm() -> MarketSettings:
    """BTCUSDT and ETHUSDT perpetuals, a million USDT, and limits that are generous."""
    return MarketSettings(
        symbols=(
            usdm_symbol("BTC", "0.10", "0.001", "100"),
            usdm_symbol("ETH", "0.01", "0.001", "20"),
        ),
        deposits=(("USDT", units("1000000")),),
        limits=generous(USDM_LIMITS),
        pulse=USDM_PULSE,
    )
