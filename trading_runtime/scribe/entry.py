"""A record, decoded once for all sinks."""

import msgspec

from trading_runtime.records.envelope import Body, Kind
from trading_runtime.records.units import Nanos, Seq


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One record of ``session``; ``at`` is its engine time."""

    session: str
    kind: Kind
    seq: Seq
    at: Nanos
    body: Body
