"""What a simulated venue is started with."""

from pathlib import Path

import msgspec

from trading_runtime.simulator.exchange.exchange import HISTORY_MAX
from trading_runtime.simulator.exchange.words import MarketKind, SymbolRules

MINUTE_MS = 60_000
DAY_MS = 86_400_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Of one market. Weights and connections count per address, orders per account.

    ``orders_long`` is per day on spot and per minute on usdm. An address refused ``refusals_max``
    times within one minute is banned for ``ban_s``. ``messages`` a second may come in on one
    stream connection, pings and pongs included.
    """

    weight_minute: int
    orders_10s: int
    orders_long: int
    connections_5m: int
    messages: int
    refusals_max: int
    ban_s: int


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """How the server keeps a WebSocket alive: times in seconds."""

    ping_s: float
    pong_s: float
    life_s: float


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key of an account: with an HMAC ``secret``, or an Ed25519 ``public_pem``."""

    key: str
    owner: str
    secret: str | None = None
    public_pem: str | None = None


class MarketSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``deposits`` are given to each account at the start, in 10^-8 of the asset.

    ``history_max`` bounds the ended orders, and the trades, kept of each account and symbol. Ids
    of orders and trades are above ``ids_after``: a venue that begins anew gives none twice.
    """

    symbols: tuple[SymbolRules, ...]
    deposits: tuple[tuple[str, int], ...]
    limits: Limits
    pulse: Pulse
    history_max: int = HISTORY_MAX
    ids_after: int = 0


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Port 0 takes a free one; ``tls_port`` None means no TLS.

    ``tls_folder`` is where the certificate and its key are written. The first two keys are the
    trader's and the watchdog's. ``message_max`` bounds one inbound message in bytes.
    """

    port: int
    tls_port: int | None
    tls_folder: Path
    keys: tuple[Key, Key, *tuple[Key, ...]]
    spot: MarketSettings
    usdm: MarketSettings
    listen_key_s: float
    message_max: int

    def market(self, kind: MarketKind) -> MarketSettings:
        return self.spot if kind is MarketKind.SPOT else self.usdm


SPOT_LIMITS = Limits(
    weight_minute=6000,
    orders_10s=100,
    orders_long=200_000,
    connections_5m=300,
    messages=5,
    refusals_max=60,
    ban_s=120,
)
"""As published in 2026; for tests of what happens at the limit."""
USDM_LIMITS = Limits(
    weight_minute=2400,
    orders_10s=300,
    orders_long=1200,
    connections_5m=300,
    messages=10,
    refusals_max=60,
    ban_s=120,
)
"""Likewise."""


def generous(limits: Limits) -> Limits:
    """Give ``limits`` with room for thousands of orders a second; the rest as published."""
    return msgspec.structs.replace(
        limits,
        weight_minute=1_000_000,
        orders_10s=1_000_000,
        orders_long=1_000_000_000,
        connections_5m=100_000,
    )


SPOT_PULSE = Pulse(ping_s=20, pong_s=60, life_s=86_400)
USDM_PULSE = Pulse(ping_s=180, pong_s=600, life_s=86_400)
