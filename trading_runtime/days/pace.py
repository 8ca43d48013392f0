"""The settings of a session at the pace of days: two markets, and nothing that happens each second.

They are those of the file, but for what a market of about one message a second asks for:
silence is longer, profit is marked less often, quotes are looked at every twenty seconds.
"""

import msgspec

from trading_runtime.config import DeskSettings, Settings
from trading_runtime.core.paper import PaperSettings
from trading_runtime.core.settings import Value
from trading_runtime.engine.settings import EngineSettings, HedgeSettings
from trading_runtime.journal.settings import MEBIBYTE, JournalSettings
from trading_runtime.market.settings import MarketSettings
from trading_runtime.records.facts_trading import Response
from trading_runtime.records.units import NANOS_PER_MILLI, NANOS_PER_SECOND, Micro, Nanos, Ticks
from trading_runtime.risk.limits import Threshold

SECOND_MARKET = ("ETHUSDT", "ETH", "0.01", "0.001")
MINUTE_NS = 60 * NANOS_PER_SECOND
GRID: dict[str, Value] = {"levels": 2, "level_spacing_ticks": 3}
STORM = Threshold(trigger=800_000, clear=600_000, response=Response.PAUSE)
"""Of the volatility, millionths of a tick per root second: the slowed market's storms reach it."""
HEDGE = HedgeSettings(
    band="0.012", clip="0.006", slippage_max=Micro(1_000), cooldown_ns=Nanos(MINUTE_NS)
)


def paced(settings: Settings) -> Settings:
    """Give ``settings`` for two markets that are slow."""
    first = settings.desks[0]
    symbol, base, tick, lot = SECOND_MARKET
    second = DeskSettings(
        venue=first.venue,
        symbol=symbol,
        base_asset=base,
        quote_asset=first.quote_asset,
        tick_size=tick,
        lot_size=lot,
    )
    replace = msgspec.structs.replace
    return replace(
        settings,
        desks=(first, second),
        strategy=replace(settings.strategy, parameters=settings.strategy.parameters | GRID),
        engine=slow_engine(settings.engine, first.instrument().instrument_id),
        market=slow_market(settings.market),
        paper=slow_paper(settings.paper),
        journal=unhurried(settings.journal),
        scribe=replace(settings.scribe, sync=False),
    )


def watching(settings: Settings) -> Settings:
    """Give ``settings`` for their own markets, which are slow and only watched.

    A session that trades can go on from there: nothing but the market is another.
    """
    replace = msgspec.structs.replace
    return replace(
        settings,
        market=slow_market(settings.market),
        journal=unhurried(settings.journal),
        scribe=replace(settings.scribe, sync=False),
    )


def unhurried(settings: JournalSettings) -> JournalSettings:
    """Sync once a second: nothing that a power cut took could not be made again from the seed."""
    return msgspec.structs.replace(
        settings, sync_interval_ns=Nanos(NANOS_PER_SECOND), emergency_bytes=MEBIBYTE
    )


def slow_engine(settings: EngineSettings, instrument_id: str) -> EngineSettings:
    """Look and mark less often, and hold less: so that limits and hedges are seen now and then."""
    replace = msgspec.structs.replace
    own = settings.instruments[instrument_id]
    limits = replace(own.limits, inventory_max="0.02", volatility=STORM)
    return replace(
        settings,
        requote_interval_ns=Nanos(20 * NANOS_PER_SECOND),
        mark_interval_ns=Nanos(MINUTE_NS),
        oms=replace(settings.oms, price_tolerance=Ticks(2)),
        instruments={instrument_id: replace(own, limits=limits, hedge=HEDGE)},
    )


def slow_market(settings: MarketSettings) -> MarketSettings:
    return msgspec.structs.replace(
        settings,
        silence_busy_ns=Nanos(10 * MINUTE_NS),
        silence_quiet_ns=Nanos(30 * MINUTE_NS),
        silence_check_min_ns=Nanos(MINUTE_NS),
        volatility_memory_ns=Nanos(10 * MINUTE_NS),
        trend_memory_ns=Nanos(5 * MINUTE_NS),
        warm_after_ns=Nanos(2 * MINUTE_NS),
    )


def slow_paper(settings: PaperSettings) -> PaperSettings:
    """A slow way to the venue: now and then an order comes too late to rest, and is refused."""
    return msgspec.structs.replace(
        settings,
        entry_latency_ns=Nanos(60 * NANOS_PER_MILLI),
        answer_latency_ns=Nanos(30 * NANOS_PER_MILLI),
    )
