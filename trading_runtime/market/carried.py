"""What a market's sync, cross-check and requests know, as it stands packed in a checkpoint."""

import msgspec

from trading_runtime.market.events import DepthChanged
from trading_runtime.market.signals import SignalsCarried
from trading_runtime.market.snapshots import RequestsCarried
from trading_runtime.market.sync import Stage
from trading_runtime.records.facts_market import Desync
from trading_runtime.records.units import Nanos

PointCarried = tuple[int, int, int, int, int]
"""Update id, bid, bid size, ask, ask size."""


class SyncCarried(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """All of a market's state but its levels and signals; lists are oldest first."""

    stage: Stage
    reason: Desync
    snapshot_id: int
    dropped: int
    applied: int
    held: list[DepthChanged]
    requests: RequestsCarried
    touches: list[PointCarried]
    tickers: list[PointCarried]
    equal: int
    different: int
    mismatched: int
    depth_time: Nanos
    trade_time: Nanos
    ticker_time: Nanos
    trade_id: int
    ticker_id: int


_encode = msgspec.msgpack.Encoder().encode
_sync = msgspec.msgpack.Decoder(SyncCarried)
_signals = msgspec.msgpack.Decoder(SignalsCarried)


def pack(carried: SyncCarried | SignalsCarried) -> msgspec.Raw:
    return msgspec.Raw(_encode(carried))


def unpack_sync(packed: msgspec.Raw) -> SyncCarried:
    return _sync.decode(packed)


def unpack_signals(packed: msgspec.Raw) -> SignalsCarried:
    return _signals.decode(packed)
