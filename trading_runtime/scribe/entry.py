"""A record, decoded once for all sinks."""

from typing import NamedTuple

from trading_runtime.records.envelope import Body, Kind
from trading_runtime.records.units import Nanos, Seq


class Entry(NamedTuple):
    """One record of ``session``; ``at`` is its engine time."""

    session: str
    kind: Kind
    seq: Seq
    at: Nanos
    body: Body
