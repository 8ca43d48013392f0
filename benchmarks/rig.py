"""What ``latency.py`` and ``replay.py`` share: a real capture and a real session that trades on it.

The session is the product's own: journal on disk with its sync thread, core, grid, gate, paper
venue, by the settings that ship, but for what would get in the way of a measurement: the throttles,
the inventory limit and the responses to losses are set where they do not bind, the grid has no
skews, and nothing is hedged.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_runtime.app.feed import connect_market
from trading_runtime.app.opening import NOTHING_CARRIED, Plan, open_session, plan
from trading_runtime.app.session import Send, Session
from trading_runtime.config import SHIPPED, Settings, load_settings
from trading_runtime.gateway.capture import Capture, CaptureLine
from trading_runtime.journal.settings import JournalSettings
from trading_runtime.oms.settings import RateSettings
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.inputs import Mode
from trading_runtime.records.units import NANOS_PER_MILLI, Nanos

ROOT = Path(__file__).parents[1]
CAPTURE = ROOT / "../shared/data/captures/hftbacktest_binance_20240808/usdm/btcusdt_20240808.gz"
NEVER = 2**62
"""A threshold that nothing reaches."""
UNBOUND = RateSettings(per_second=1_000_000, burst=1_000_000)


class Grid(NamedTuple):
    """Where the quotes stand; the peer is told the same."""

    levels: int
    half_spread_ticks: int
    spacing_ticks: int
    size_lots: int
    interval_ms: int


def read_capture() -> list[CaptureLine]:
    """Read all lines of the capture; say how to get it and exit where there is none."""
    if not CAPTURE.is_file():
        raise SystemExit("no capture: this needs ../shared/data beside the checkout")
    return list(Capture([CAPTURE]))


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Make a folder on the checkout's own disk: the system's may be in memory, and sync nothing."""
    data = ROOT / "data"
    data.mkdir(exist_ok=True)
    return tempfile.TemporaryDirectory(dir=data, prefix="bench-")


def planned(grid: Grid) -> Plan:
    """Plan a paper session on the capture's instrument that keeps ``grid``."""
    settings = settings_for(grid)
    return plan(settings, SHIPPED, Mode.PAPER, settings.instruments(), trading=True)


def settings_for(grid: Grid) -> Settings:
    shipped = load_settings(SHIPPED)
    replace = msgspec.structs.replace
    engine = shipped.engine
    never = {"trigger": NEVER, "clear": 0}
    oms = replace(
        engine.oms,
        open_orders_max=1_000,
        orders=UNBOUND,
        cancels=UNBOUND,
        instrument_orders=UNBOUND,
        instrument_cancels=UNBOUND,
    )
    account = replace(engine.account, balance="10000000")
    limits = replace(
        engine.limits,
        daily_loss=replace(engine.limits.daily_loss, **never),
        drawdown=replace(engine.limits.drawdown, **never),
        notional_rate=replace(engine.limits.notional_rate, **never),
        message_rate=replace(engine.limits.message_rate, **never),
    )
    name = shipped.desks[0].instrument().instrument_id
    own = engine.instruments[name].limits
    own = replace(
        own,
        inventory_max="1000",
        order_size_max="1000",
        open_orders_max=1_000,
        cancel_rate=replace(own.cancel_rate, **never),
        order_rate=replace(own.order_rate, **never),
        consecutive_rejects=replace(own.consecutive_rejects, **never),
        volatility=replace(own.volatility, **never),
        depth_lag_ns=replace(own.depth_lag_ns, **never),
    )
    instruments = {name: replace(engine.instruments[name], limits=own, hedge=None)}
    strategy = replace(
        shipped.strategy,
        parameters={
            "levels": grid.levels,
            "half_spread_ticks": grid.half_spread_ticks,
            "level_spacing_ticks": grid.spacing_ticks,
            "size_lots": grid.size_lots,
        },
    )
    return replace(
        shipped,
        strategy=strategy,
        engine=replace(
            engine,
            oms=oms,
            account=account,
            limits=limits,
            instruments=instruments,
            requote_interval_ns=Nanos(grid.interval_ms * NANOS_PER_MILLI),
        ),
    )


def begin(
    grid: Grid, data: Path, first: CaptureLine, send: Send, journal: JournalSettings | None = None
) -> Session:
    """Open a session in ``data`` whose engine time begins at the capture's first line.

    Its journal is by the shipped settings, or by ``journal``.
    """
    start = Stamp(Nanos(first.at_ns), Nanos(first.at_ns))
    wanted = planned(grid)
    if journal is not None:
        wanted = msgspec.structs.replace(wanted, journal=journal)
    session = open_session(wanted, data, start, NOTHING_CARRIED, send)
    connect_market(session, wanted.instruments[0], start)
    return session


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which ``share`` of them lie (nearest rank); they need no order."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
