"""The venues that there are, each as one value; what calls them knows no more than this."""

from collections.abc import Mapping
from typing import NamedTuple

from trading_runtime.core.venues.binance.addresses import (
    SPOT_ENDPOINTS,
    SPOT_LAYOUT,
    SPOT_WIRING,
    USDM_ENDPOINTS,
    USDM_LAYOUT,
    USDM_WIRING,
)
from trading_runtime.core.venues.binance.public import MarketCodec
from trading_runtime.core.venues.binance.requests import VenueRequests
from trading_runtime.core.venues.channel import Channel, StreamKind
from trading_runtime.core.venues.endpoints import Endpoints, Environment, Layout, Wiring
from trading_runtime.market.sync import SequenceRule


class Venue(NamedTuple):
    """One market of a venue."""

    name: str
    rule: SequenceRule
    codec: MarketCodec
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
