"""The venues that there are, each as one value; what calls them knows no more than this."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from trading_runtime.core.venues.binance.account import read_filters
from trading_runtime.core.venues.binance.addresses import (
    SPOT_ENDPOINTS,
    SPOT_LAYOUT,
    SPOT_WIRING,
    USDM_ENDPOINTS,
    USDM_LAYOUT,
    USDM_WIRING,
)
from trading_runtime.core.venues.binance.private import PrivateCodec, is_shutdown_notice
from trading_runtime.core.venues.binance.public import MarketCodec
from trading_runtime.core.venues.binance.requests import VenueRequests
from trading_runtime.core.venues.binance.standing import standing_ids
from trading_runtime.core.venues.channel import Channel, StreamKind
from trading_runtime.core.venues.endpoints import Endpoints, Environment, Layout, Wiring
from trading_runtime.core.venues.filters import Filters
from trading_runtime.core.venues.symbols import Symbol
from trading_runtime.market.sync import SequenceRule
from trading_runtime.records.units import ClientId

PrivateReader = PrivateCodec
"""Reads what one market tells of our orders and our account."""


class Venue(NamedTuple):
    """One market of a venue."""

    name: str
    rule: SequenceRule
    codec: MarketCodec
    private: Callable[[Mapping[str, Symbol]], PrivateReader]
    """Makes a reader of private messages, given our instruments by symbol."""
    filters: Callable[[bytes, str], Filters]
    """Reads one symbol out of the answer to ``Question.INSTRUMENT``; raises ``Misread``."""
    is_shutdown_notice: Callable[[bytes], bool]
    """Whether a frame announces that its connection will be closed soon."""
    standing_ids: Callable[[bytes, str], tuple[ClientId, ...]]
    """Reads the orders of one symbol, by client id alone, out of the answer to
    ``Question.OPEN_ORDERS``; raises ``Misread``."""
    requests: VenueRequests
    endpoints: Mapping[Environment, Endpoints]
    layout: Layout
    wiring: Wiring
    streams: tuple[tuple[str, StreamKind], ...]
    """Names without a symbol, and what they bring."""
    amend_keeps_queue: bool
    """Whether an order can be made smaller without losing its place."""

    def channels(self, symbol: str) -> tuple[Channel, ...]:
        """Give the channels to subscribe to for ``symbol``."""
        return tuple(
            Channel(f"{symbol.lower()}@{stream}", symbol, kind) for stream, kind in self.streams
        )


VENUES: Mapping[str, Venue] = {
    venue.name: venue
    for venue in (
        Venue(
            name="binance-spot",
            rule=SequenceRule.OVERLAP,
            codec=MarketCodec(linked=False),
            private=partial(PrivateCodec, "binance-spot", futures=False),
            filters=read_filters,
            is_shutdown_notice=is_shutdown_notice,
            standing_ids=standing_ids,
            requests=VenueRequests(futures=False),
            endpoints=SPOT_ENDPOINTS,
            layout=SPOT_LAYOUT,
            wiring=SPOT_WIRING,
            streams=(
                ("depth@100ms", StreamKind.DEPTH),
                ("bookTicker", StreamKind.TICKER),
                ("trade", StreamKind.TRADE),
            ),
            amend_keeps_queue=True,
        ),
        Venue(
            name="binance-usdm",
            rule=SequenceRule.PREVIOUS,
            codec=MarketCodec(linked=True),
            private=partial(PrivateCodec, "binance-usdm", futures=True),
            filters=read_filters,
            is_shutdown_notice=is_shutdown_notice,
            standing_ids=standing_ids,
            requests=VenueRequests(futures=True),
            endpoints=USDM_ENDPOINTS,
            layout=USDM_LAYOUT,
            wiring=USDM_WIRING,
            streams=(
                ("depth@0ms", StreamKind.DEPTH),
                ("bookTicker", StreamKind.TICKER),
                ("aggTrade", StreamKind.TRADE),
            ),
            amend_keeps_queue=False,
        ),
    )
}
